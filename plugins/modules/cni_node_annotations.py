#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_node_annotations
short_description: Remove a dead CNI's annotations from all nodes
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Removes the annotations that flannel (C(flannel.alpha.coreos.com/)) or Calico (C(projectcalico.org/)) left on the Node objects, and with
    flannel's the note of C(watch_drift.yml) about it (C(podnet.io/network-drift)).
    One call does all nodes.
  - Those that people set for the CNI, such as C(flannel.alpha.coreos.com/public-ip-overwrite), go too. The diff shows their values.
  - Refuses as long as the CNI has a DaemonSet, because that would write them again.
  - Runs on the control machine. M(podnet.cni.cni_cleanup) removes what is on the nodes themselves.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server is asked in a dry run.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - kubernetes >= 24.2.0
options:
  cni:
    description: The CNI whose annotations go.
    type: str
    required: true
    choices: [flannel, calico]
  assume_dead:
    description:
      - Predicts what goes once the CNI has no DaemonSet any more, instead of refusing because it has one.
      - Only in check mode. As long as the CNI runs, nothing is removed.
    type: bool
    default: false
  state:
    description: Annotations are only ever removed. It is the CNI that writes them.
    type: str
    choices: [absent]
    default: absent
seealso:
  - module: podnet.cni.cni_cleanup
  - module: podnet.cni.cni_cluster_info
"""

EXAMPLES = r"""
- name: Remove flannel's annotations from all nodes
  podnet.cni.cni_node_annotations:
    cni: flannel
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
removed:
  description: The names of the annotations that were removed by node, or would be in check mode.
  returned: success
  type: dict
  sample:
    node1:
      - flannel.alpha.coreos.com/backend-type
      - flannel.alpha.coreos.com/public-ip
"""

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import PREFIXES, alive, before, plan
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, StillAliveError
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, collect
from ansible_collections.podnet.cni.plugins.module_utils._kube.annotations import remove


def act(call: _entry.Call) -> _entry.Result:
    """Plans, patches (in check mode as a dry run), and reports."""
    cni, assume_dead = call.params["cni"], call.params["assume_dead"]
    if assume_dead and not call.check_mode:
        raise BadInputError("assume_dead is only for check mode", "assume_dead", "Remove the CNI first; then this option is not needed.")
    api = client.get_client(call)
    cluster = collect.collect(api)
    daemonsets = alive(cluster, cni)
    if daemonsets and not assume_dead:
        names = ", ".join(f"{daemonset.namespace}/{daemonset.name}" for daemonset in daemonsets)
        raise StillAliveError(f"{cni} still runs from DaemonSet {names}", next_step=f"Nothing was changed. Remove {cni} first.")
    patches = plan(cluster, cni)
    remove(api, patches, dry_run=call.check_mode)
    return {
        "changed": bool(patches),
        "removed": {patch.node: list(patch.annotations) for patch in patches},
        "diff": {"before": before(cluster, patches), "after": {}},
    }


_OPTIONS = {
    "cni": {"type": "str", "required": True, "choices": list(PREFIXES)},
    "state": {"type": "str", "choices": ["absent"], "default": "absent"},
    "assume_dead": {"type": "bool", "default": False},
}
SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
