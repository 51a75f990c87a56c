#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: calico_adoption
short_description: Give Calico a place inside the address ranges of a flannel that lives on
version_added: 0.1.0
description:
  - Writes Calico's address management so that Calico can run beside flannel - an IPPool over flannel's network, and for each node IPAM
    blocks within the node's own podCIDR in which no pod of flannel has an address.
  - Flannel's own routes then lead to Calico's pods too, the source address of every pod is kept, and no address can be given twice.
  - While flannel lives, nodes may neither take further blocks nor borrow addresses, and the broadcast addresses of flannel's bridges
    are reserved. O(state=released) lifts these limits when flannel is gone.
  - The size of the blocks is Calico's own, 26, or the first smaller one that has room for the pods of every node.
  - It refuses, naming nodes and the addresses in the way, when there is not room enough. Nothing is changed then.
  - Where neither flannel nor a pod that still has an address of its is found, there is nothing to live beside, and O(state=present)
    changes nothing.
  - A block that is there is never written over, since it holds the addresses of pods. One that is empty and into which a pod of
    flannel has come is given back, and another one is claimed.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Works before Calico's resource definitions are there.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description:
      - V(present) makes pool, limits and blocks; V(released) lifts the limits.
    type: str
    choices: [present, released]
    default: present
  snapshots:
    description:
      - For each node's name, its snapshot as RV(podnet.cni.cni_info#module:snapshot) holds it.
      - They tell the addresses of the nodes' devices, which address flannel gives next, and the MTU.
    type: dict
    default: {}
  network:
    description: Flannel's network, which becomes the pool, in CIDR notation. Needed for O(state=present).
    type: str
  encapsulation:
    description: How Calico is to carry packets between nodes.
    type: str
    choices: [vxlan, vxlan_cross_subnet]
    default: vxlan
  block_size:
    description: Prefix length of the blocks; 0 finds the largest blocks that fit. A pool that is there keeps its own.
    type: int
    default: 0
  nodes:
    description: The nodes that get blocks now; empty for all. The size of the blocks always suits all nodes.
    type: list
    elements: str
    default: []
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.calico_node_selection
"""

EXAMPLES = r"""
- name: See where Calico would live, without changing anything
  podnet.cni.calico_adoption:
    kubeconfig: ~/.kube/config
    network: 10.244.0.0/16
  check_mode: true
  register: adoption

- name: Show the blocks
  ansible.builtin.debug:
    var: adoption.blocks

- name: Lift the limits once flannel is gone
  podnet.cni.calico_adoption:
    kubeconfig: ~/.kube/config
    state: released
"""

RETURN = r"""
blocks:
  description: The blocks of the nodes, and whether each C(was) there, is or would be C(claimed), or C(returned).
  returned: success
  type: list
  elements: dict
  sample:
    - {node: n1, cidr: 10.244.0.192/26, state: claimed}
block_size:
  description: Prefix length of the blocks, 0 when there is nothing to live beside.
  returned: success
  type: int
  sample: 26
mtu:
  description: The MTU in bytes that Calico's pods may have while both live; 0 when Calico finds the right one by itself.
  returned: success
  type: int
  sample: 0
written:
  description: Calico's objects that were written, or would be.
  returned: success
  type: list
  elements: str
  sample: [create IPPool default-ipv4-ippool, create IPAMBlock 10-244-0-192-26]
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import adoption, adoption_objects, network, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._kube import adoption as kube_adoption
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, collect

PRESENT = "present"
RELEASED = "released"

_OPTIONS: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": [PRESENT, RELEASED], "default": PRESENT},
    "snapshots": {"type": "dict", "default": {}},
    "network": {"type": "str"},
    "encapsulation": {"type": "str", "choices": list(adoption_objects.ENCAPSULATIONS), "default": "vxlan"},
    "block_size": {"type": "int", "default": 0},
    "nodes": {"type": "list", "elements": "str", "default": []},
}


def act(call: _entry.Call) -> _entry.Result:
    wish = _wish(call.params)
    api = client.get_client(call)
    plan = _plan(api, wish, snapshot.from_option(call.params["snapshots"])) if wish else None
    if plan and not call.check_mode:
        kube_adoption.wait_for_kinds(api)
    changes = _changes(api, wish, plan)
    if not call.check_mode:
        kube_adoption.apply(api, changes)
    return {
        "changed": bool(changes),
        "blocks": _blocks(plan) if plan else [],
        "block_size": plan.block_size if plan else 0,
        "mtu": plan.mtu if plan else 0,
        "written": [f"{change.action} {change.name}" for change in changes],
        "diff": {"before": _text(changes, before=True), "after": _text(changes, before=False)},
    }


def _wish(params: t.Mapping[str, t.Any]) -> t.Optional[adoption.Wish]:
    if params["state"] == RELEASED:
        return None
    network.parse_cidr(params["network"])
    if params["block_size"] and not 20 <= params["block_size"] <= 32:
        raise _errors.BadInputError("Calico's blocks have a prefix length from 20 to 32", f"block_size {params['block_size']}")
    return adoption.Wish(params["network"], params["encapsulation"], params["block_size"], tuple(params["nodes"]))


def _changes(api: t.Any, wish: t.Optional[adoption.Wish], plan: t.Optional[adoption.Plan]) -> t.Tuple[kube_adoption.Change, ...]:
    if wish is None:
        return kube_adoption.release(api)
    return kube_adoption.changes(api, plan) if plan else ()


def _plan(api: t.Any, wish: adoption.Wish, snapshots: adoption.Snapshots) -> t.Optional[adoption.Plan]:
    """The plan, or nothing where nothing of flannel's lives."""
    seen = collect.collect(api)
    unknown = sorted(set(wish.nodes) - {node.name for node in seen.nodes})
    if unknown:
        raise _errors.BadInputError(f"the cluster has no node {', '.join(unknown)}", "nodes", "Name nodes as `kubectl get nodes` does.")
    if not adoption.lives_beside(seen):
        return None
    plan = adoption.plan(seen, snapshots, wish)
    adoption.demand_peace(seen, plan)
    adoption.demand_room(plan)
    return plan


def _blocks(plan: adoption.Plan) -> t.List[t.Dict[str, str]]:
    states = {"was": plan.kept, "claimed": plan.claimed, "returned": plan.returned}
    return [{"node": block.node, "cidr": block.cidr, "state": state} for state, blocks in states.items() for block in blocks]


def _text(changes: t.Iterable[kube_adoption.Change], before: bool) -> str:
    """What changes, an object a line; the free addresses of a block are left out."""
    lines = []
    for change in changes:
        gone = change.action == (kube_adoption.CREATE if before else kube_adoption.DELETE)
        spec = change.before if before else change.wanted["spec"]
        shown = {key: value for key, value in spec.items() if key not in ("allocations", "unallocated", "attributes")}
        lines += [] if gone else [f"{change.name}: {shown}\n"]
    return "".join(lines)


SPEC = client.spec(_OPTIONS, act, required_if=[("state", PRESENT, ["network"])])


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
