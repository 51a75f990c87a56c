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
    Refuses too if a device that is not the CNI's, such as a network card, is a port of its bridge.
  - Files and iptables rules are backed up first, with a list of all that goes. The module then looks at the node again, and fails if
    anything of the CNI is still there.
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
  assume_dead:
    description:
      - Predicts what a clean-up will remove once the CNI's daemon and pods are gone, instead of refusing because they are still there.
      - Only in check mode. A living CNI is never cleaned up.
      - What goes with the daemon and the pods themselves is not listed, such as the pods' links.
    type: bool
    default: false
  timeout:
    description:
      - Seconds that a CNI which is on its way out has to be gone, before a clean-up is refused. Not in check mode.
      - The API server knows a pod no longer a moment before its link is gone from its node.
    type: int
    default: 0
extends_documentation_fragment:
  - podnet.cni.node_directories
  - podnet.cni.node_directories.backup
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - A flannel that runs inside another program (k3s) is not seen to be alive, except by its pods.
  - A flannel before 0.16 left rules without a tag. They are known by their words, so the same rule of an administrator goes with them.
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

- name: Show what will be left of flannel, while it still runs
  podnet.cni.cni_cleanup:
    cni: flannel
    assume_dead: true
  check_mode: true
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

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError, StillAliveError
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files, options, remove, sandboxes


def clean_up(
    cni: str, conf_dir: str, backup_dir: str, check_mode: bool, *, assume_dead: bool = False, timeout: float = 0
) -> t.Dict[str, t.Any]:
    """Plans, and removes unless in check mode. A CNI that is on its way out has ``timeout`` seconds to be gone."""
    if assume_dead and not check_mode:
        raise BadInputError("only predicts, so it needs check mode", where="assume_dead", next_step="Nothing was changed.")

    def replan() -> cleanup.CleanupPlan:
        return cleanup.plan(collect.collect(conf_dir), cni)

    def look() -> t.Tuple[model.NodeSnapshot, cleanup.CleanupPlan]:
        snapshot = collect.collect(conf_dir)
        return snapshot, cleanup.plan(cleanup.assume_dead(snapshot, cni) if assume_dead else snapshot, cni)

    if timeout and not check_mode:
        # Again and again, so without what is no sign of life.
        Deadline(timeout).poll(lambda: cleanup.alive(collect.collect(conf_dir, only_links=True), cni), lambda reasons: not reasons)
    snapshot, plan = look()
    files.demand_apart(backup_dir, conf_dir or snapshot.runtime.conf_dir)
    if plan.refusals:
        raise StillAliveError(
            f"it is not safe to clean up {cni} here: {'; '.join([*plan.refusals, *_pods_behind(snapshot, cni)])}",
            next_step=f"Nothing was changed. First remove {cni} from the cluster and recreate its pods.",
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


def _pods_behind(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[str]:
    """Whose the pod links are, as far as the runtime tells."""
    if not cleanup.has_pod_links(snapshot, cni):
        return
    try:
        yield cleanup.behind_pod_links(snapshot, cni, sandboxes.Runtime(snapshot.runtime.socket).sandboxes())
    except NodeError as error:
        yield f"whose they are is not known, because {error}"


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    waits = {name: params[name] for name in ("assume_dead", "timeout")}
    return clean_up(params["cni"], params["conf_dir"] or "", params["backup_dir"], call.check_mode, **waits)


SPEC = _entry.Spec(
    {
        "cni": {"type": "str", "required": True, "choices": list(model.DAEMONS)},
        "assume_dead": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 0},
        **options.CONF_DIR,
        **options.BACKUP_DIR,
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
