#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_state
short_description: Compare a node's network with what its CNI has to have there
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - What flannel has to have follows from the Node objects and C(net-conf.json) alone - devices, addresses, MTUs, routes, neighbours,
    forwarding entries, listeners, C(subnet.env) and rules, for each of its backends. What Calico with VXLAN has to have follows from the
    Node objects, its pools and its IPAM blocks. The module tells every difference, with what it means for packets.
  - Flannel deletes nothing of another backend, and the narrowest route wins. So a backend that was switched may leave traffic on the old
    way, or on none, while everything looks well. O(remove) takes away what does not belong there.
  - Runs on the nodes, each of which compares its own part.
requirements:
  - root on the node
  - C(ip), C(bridge)
options:
  net_conf:
    description:
      - Flannel's configuration, the text of C(net-conf.json). A key in it is not needed and may be hidden.
      - Either this or O(calico).
    type: str
  calico:
    description:
      - Calico, RV(podnet.cni.cni_cluster_info#module:cluster) C(.calico), where all its pools are of IPv4 and carried by VXLAN.
      - Felix itself removes what does not belong there, so O(remove) is not for it.
    type: dict
  nodes:
    description: The cluster's nodes, RV(podnet.cni.cni_cluster_info#module:cluster.nodes).
    type: list
    elements: dict
    required: true
  node:
    description: Name of the Node object of this host.
    type: str
    required: true
  timeout:
    description:
      - Seconds that the CNI has to bring what is missing or different. Not in check mode.
      - What is there too much does not go by waiting.
    type: int
    default: 0
  remove:
    description:
      - What is taken away of that which is too much, once nothing is missing. V(routes) are all that lead packets astray; V(all) are the
        devices, too.
      - Where all nodes are changed, take the routes from all of them before the first device.
    type: str
    choices: [none, routes, all]
    default: none
  fail:
    description:
      - Which differences that are left are a failure. V(missing) are those that the CNI has to bring, whatever else there is.
    type: str
    choices: [any, missing, never]
    default: any
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
  - Which node has which pods is known to flanneld alone with backend V(udp), and to the device with V(wireguard). Only traffic proves it.
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_cluster_info
  - module: podnet.cni.cni_verification
"""

EXAMPLES = r"""
- name: Read the cluster
  podnet.cni.cni_cluster_info:
    kubeconfig: ~/.kube/config
  delegate_to: localhost
  run_once: true
  register: read

- name: Compare each node's network with what flannel has to have there
  podnet.cni.cni_state:
    net_conf: "{{ read.cluster.flannel[0].net_conf }}"
    nodes: "{{ read.cluster.nodes }}"
    node: "{{ inventory_hostname }}"

- name: Compare it with what Calico has to have there
  podnet.cni.cni_state:
    calico: "{{ read.cluster.calico }}"
    nodes: "{{ read.cluster.nodes }}"
    node: "{{ inventory_hostname }}"

- name: Remove the routes of an earlier backend, once the new one carries everything
  podnet.cni.cni_state:
    net_conf: "{{ read.cluster.flannel[0].net_conf }}"
    nodes: "{{ read.cluster.nodes }}"
    node: "{{ inventory_hostname }}"
    timeout: 60
    remove: routes
"""

RETURN = r"""
passed:
  description: Whether nothing differs, or nothing is left of it.
  returned: success
  type: bool
  sample: false
differences:
  description: What differs, after the removal.
  returned: success
  type: list
  elements: dict
  contains:
    node:
      description: The node.
      type: str
      sample: n1
    kind:
      description: V(missing), V(extra) or V(different).
      type: str
      sample: extra
    item:
      description: V(link), V(address), V(route), V(neighbour), V(fdb), V(listener), V(pod-link), V(subnet-env), V(annotation), V(rules) or
        V(conflist).
      type: str
      sample: route
    name:
      description: Which one.
      type: str
      sample: 10.244.2.0/24
    expected:
      description: What has to be there.
      type: str
      sample: ""
    found:
      description: What is there.
      type: str
      sample: via 192.168.50.12 dev eth0
    means:
      description: What it means for packets.
      type: str
      sample: it is no part of this backend, and the narrowest route wins
summary:
  description: The same in a line for each.
  returned: success
  type: list
  elements: str
  sample: ["n1: extra link flannel.1: vxlan (it belongs to another backend or number, and routes through it may still win)"]
removed:
  description: What was removed, or would be in check mode, in order.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(fdb), V(neighbour), V(route) or V(link).
      type: str
      sample: link
    name:
      description: The item, as a person would name it.
      type: str
      sample: flannel.1
backup:
  description: The directory with the list of removals. Empty if there was nothing to remove, and in check mode.
  returned: success
  type: str
  sample: /var/backups/podnet.cni/flannel-3f1c0de2a9b4
"""

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup, cluster, net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import calico_vxlan, comparison, difference, nodes, removal, table
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.calico_vxlan import CalicoMesh
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import Difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import Mesh
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, options, remove

_TITLES = {"flannel": "flannel", "calico": "Calico"}
#: What flanneld does not bring: pods keep their MTU.
_STAYS = ("pod-link",)
#: What does not come by waiting: what a node announces was read before.
_READ_BEFORE = ("annotation",)


@dataclasses.dataclass(frozen=True)
class Sight:
    """One look at the node: what it has, what it has to have, and how they differ."""

    seen: model.NodeSnapshot
    expected: Expectation
    differences: t.Tuple[Difference, ...]

    @property
    def lacking(self) -> t.List[Difference]:
        """What flanneld still has to bring."""
        return [item for item in self.differences if item.kind != difference.EXTRA and item.item not in _STAYS]

    @property
    def awaited(self) -> t.List[Difference]:
        """What of it may come yet."""
        return [item for item in self.lacking if item.item not in _READ_BEFORE]


class Onlooker:
    """Looks at this node, which is the Node object ``name`` of the cluster."""

    def __init__(self, params: t.Mapping[str, t.Any]) -> None:
        with _records.in_option("nodes", "cni_cluster_info"):
            members = {item["name"]: cluster.Node(**item) for item in params["nodes"]}
        if params["node"] not in members:
            raise _errors.BadInputError(f"{params['node']} is no node of the cluster: {', '.join(members)}", "node")
        self._node = members[params["node"]]
        self._conf_dir = params["conf_dir"] or ""
        self._mesh = _mesh(params, tuple(members.values()))

    def look(self) -> Sight:
        seen = collect.collect(self._conf_dir)
        expected = self._mesh.expected(self._node, seen)
        return Sight(seen, expected, comparison.compare(expected, seen))

    def plan(self, what: str, sight: t.Optional[Sight] = None) -> cleanup.CleanupPlan:
        """What is too much; of a new look unless there is one."""
        sight = sight or self.look()
        return removal.plan(difference.extras(sight.expected, sight.seen), links=what == "all")


def _mesh(params: t.Mapping[str, t.Any], members: t.Sequence[cluster.Node]) -> t.Union[Mesh, CalicoMesh]:
    if params["net_conf"]:
        return Mesh(table.settings(net_conf.parse(params["net_conf"], "net_conf"), "net_conf"), map(nodes.peer, members))
    with _records.in_option("calico", "cni_cluster_info"):
        calico = cluster.from_dict({"calico": params["calico"]}).calico
    if calico is None or not calico_vxlan.is_carried(calico):
        raise _errors.BadInputError("not all pools are of IPv4 and carried by VXLAN, and of others nothing is known here", "calico")
    if params["remove"] != "none":
        raise _errors.BadInputError("Felix itself removes what does not belong to Calico", "remove", "Leave it out.")
    return CalicoMesh(calico, members)


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> _entry.Result:
    """Waits until nothing is missing, removes what is too much, and tells what differs still."""
    onlooker = Onlooker(params)
    sight = Deadline(0 if check_mode else params["timeout"]).poll(onlooker.look, lambda found: not found.awaited)
    what, cni = params["remove"], _TITLES[sight.expected.cni]
    if sight.lacking and (what != "none" or params["fail"] == "missing") and not check_mode:
        raise _errors.NodeError(
            f"{cni} does not have what it needs here, and nothing of old was removed: {_told(sight.lacking)}",
            f"node {params['node']}",
            f"See the log of {cni}'s pod on this node.",
        )
    plan = onlooker.plan(what, sight) if what != "none" else cleanup.CleanupPlan()
    backup = ""
    if plan.removals and not check_mode:
        backup = remove.apply(plan, "flannel", params["backup_dir"], lambda: onlooker.plan(what))
        sight = onlooker.look()
    if sight.differences and params["fail"] == "any" and not (check_mode and plan.removals):
        raise _errors.FoundFailingError(
            f"{len(sight.differences)} things are not as {cni} has to have them: {_told(sight.differences)}", _result(sight, plan, backup)
        )
    return _result(sight, plan, backup)


def _result(sight: Sight, plan: cleanup.CleanupPlan, backup: str) -> _entry.Result:
    lines = "".join(f"{item.kind} {item.name}\n" for item in plan.removals)
    return {
        "changed": bool(plan.removals),
        "passed": not sight.differences,
        "differences": [dataclasses.asdict(item) for item in sight.differences],
        "summary": list(map(str, sight.differences)),
        "removed": [{"kind": item.kind, "name": item.name} for item in plan.removals],
        "backup": backup,
        "diff": {"before": lines, "after": ""},
    }


_SHOWN = 5


def _told(differences: t.Sequence[Difference]) -> str:
    more = f"; and {len(differences) - _SHOWN} more" if len(differences) > _SHOWN else ""
    return "; ".join(map(str, differences[:_SHOWN])) + more


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "net_conf": {"type": "str"},
        "calico": {"type": "dict"},
        "nodes": {"type": "list", "elements": "dict", "required": True},
        "node": {"type": "str", "required": True},
        "timeout": {"type": "int", "default": 0},
        "remove": {"type": "str", "choices": ["none", "routes", "all"], "default": "none"},
        "fail": {"type": "str", "choices": ["any", "missing", "never"], "default": "any"},
        **options.CONF_DIR,
        **options.BACKUP_DIR,
    },
    act,
    mutually_exclusive=[("net_conf", "calico")],
    required_one_of=[("net_conf", "calico")],
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
