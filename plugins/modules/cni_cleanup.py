#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_cleanup
short_description: Remove what a dead CNI left on a node
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Removes the links, addresses, routes, neighbours, forwarding entries, iptables and nftables rules, IP sets, files and CNI
    configurations that flannel or Calico left on this node, of whatever backend and age they are.
  - Only items that M(podnet.cni.cni_info) attributes to that CNI go. Shared things, such as the C(bridge), C(host-local) and C(portmap)
    plugins, stay.
  - Refuses as long as the CNI is alive on the node, which is when its daemon runs or links of its pods are there.
  - Everything is backed up first. The module then looks at the node again, and fails if anything of the CNI is still there.
  - Node annotations are in the API and not on the node. M(podnet.cni.cni_node_annotations) removes them.
requirements:
  - root on the node
  - C(ip); C(bridge), C(iptables), C(nft) and C(ipset) where there is something to remove with them
options:
  cni:
    description: The CNI whose leftovers go.
    type: str
    required: true
    choices: [flannel, calico]
  conf_dir:
    description:
      - The directory of CNI configurations.
      - By default what the container runtime uses, and V(/etc/cni/net.d) if it does not tell.
    type: path
  backup_dir:
    description:
      - Where the backup goes, into a subdirectory named after its content.
      - Must be outside O(conf_dir). Readable by root only, as kubeconfigs hold tokens.
    type: path
    default: /var/backups/podnet.cni
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_conflist
  - module: podnet.cni.cni_node_annotations
"""

EXAMPLES = r"""
- name: Remove what flannel left on the nodes
  podnet.cni.cni_cleanup:
    cni: flannel

- name: Show what Calico left, and change nothing
  podnet.cni.cni_cleanup:
    cni: calico
  check_mode: true
  register: leftovers
"""

RETURN = r"""
removed:
  description: What was removed, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - One of V(fdb), V(neighbour), V(route), V(address), V(link), V(rule), V(chain), V(nft-table), V(ipset), V(file) and V(conflist).
      type: str
      sample: link
    name:
      description: The item, as a person would name it.
      type: str
      sample: flannel.1
  sample:
    - kind: chain
      name: nft ipv4 filter FLANNEL-FWD
    - kind: link
      name: flannel.1
    - kind: file
      name: /opt/cni/bin/flannel
backup:
  description:
    - The directory that holds the backup, which is C(files.tar.gz), the output of C(iptables-save), and the list of removals.
    - Empty if there was nothing to remove, and in check mode.
  returned: success
  type: str
  sample: /var/backups/podnet.cni/flannel-3f1c0de2a9b4
unknown:
  description: What could not be looked at because a tool is missing on the node, so that leftovers of that kind may remain.
  returned: success
  type: list
  elements: str
  sample: ["ipset: not found; unknown: IP sets"]
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup
from ansible_collections.podnet.cni.plugins.module_utils._cni.conflist_plan import demand_outside
from ansible_collections.podnet.cni.plugins.module_utils._errors import PodnetError, StillAliveError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, remove


def clean_up(cni: str, conf_dir: str, backup_dir: str, check_mode: bool) -> t.Dict[str, t.Any]:
    """Plans, and removes unless in check mode."""

    def replan() -> cleanup.CleanupPlan:
        return cleanup.plan(collect.collect(conf_dir), cni)

    snapshot = collect.collect(conf_dir)
    demand_outside(backup_dir, conf_dir or snapshot.runtime.conf_dir)
    plan = cleanup.plan(snapshot, cni)
    if plan.refusals:
        raise StillAliveError(
            f"{cni} may still be alive here: {'; '.join(plan.refusals)}",
            next_step=f"Nothing was changed. Remove {cni} from the cluster and recreate its pods first.",
        )
    backup = ""
    if plan.removals and not check_mode:
        backup = remove.apply(plan, cni, backup_dir, replan)
    return {
        "changed": bool(plan.removals),
        "removed": [{"kind": removal.kind, "name": removal.name} for removal in plan.removals],
        "backup": backup,
        "unknown": list(snapshot.missing),
        "diff": {"before": "".join(f"{removal.kind} {removal.name}\n" for removal in plan.removals), "after": ""},
    }


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "cni": {"type": "str", "required": True, "choices": ["flannel", "calico"]},
            "conf_dir": {"type": "path"},
            "backup_dir": {"type": "path", "default": "/var/backups/podnet.cni"},
        },
        supports_check_mode=True,
    )
    params = module.params
    try:
        result = clean_up(params["cni"], params["conf_dir"] or "", params["backup_dir"], module.check_mode)
    except PodnetError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
