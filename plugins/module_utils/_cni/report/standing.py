# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stood before and what stands after: nodes, versions, and what of the old CNI is left.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import posixpath
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster as clusters
from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import PREFIXES
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Fact, Leftover, Node

_NAMES = {"flannel": "flannel", "calico": "Calico"}

#: How an item of a snapshot is named, by the snapshot's field.
_TITLES: t.Mapping[str, t.Callable[[t.Any], str]] = {
    "links": lambda item: f"device {item.name}",
    "addresses": lambda item: f"address {item.address} on {item.device}",
    "routes": lambda item: f"route {item.destination}",
    "neighbours": lambda item: f"neighbour {item.address}",
    "fdb": lambda item: f"forwarding entry {item.mac}",
    "chains": lambda item: f"{item.table} chain {item.name}",
    "nft_tables": lambda item: f"nft table {item.name}",
    "ipsets": lambda item: f"IP set {item.name}",
    "conflists": lambda item: item.path,
    "files": lambda item: item.path,
}


#: The fields of a snapshot that are told one by one beside the sum of all, and what they are called.
_WORDS = {"links": "devices", "routes": "routes", "chains": "chains"}


@dataclasses.dataclass(frozen=True)
class Moment:
    """What was seen at one moment; either part may not have been read."""

    cluster: t.Optional[clusters.ClusterSnapshot] = None
    snapshots: t.Mapping[str, snapshot.NodeSnapshot] = dataclasses.field(default_factory=dict)


def nodes(before: Moment, after: Moment) -> t.Tuple[Node, ...]:
    """Every node that was seen, by name. What nobody knows of any node is left out."""
    tables = [_node_facts(moment) for moment in (before, after)]
    names = sorted({name for table in tables for name in table})
    return tuple(Node(name, _paired(*(table.get(name, {}) for table in tables))) for name in names)


def versions(before: Moment, after: Moment) -> t.Tuple[Fact, ...]:
    """The programs that matter, before and after."""
    return _paired(_versions(before), _versions(after))


def leftovers(after: Moment, source: str) -> t.Optional[t.Tuple[Leftover, ...]]:
    """What is still there of the CNI that went, by place; None when the nodes were not read."""
    if source not in snapshot.DAEMONS or not after.snapshots:
        return None
    found = [Leftover(name, _owned(after.snapshots[name], source)) for name in sorted(after.snapshots)]
    found.append(Leftover("the API server", _in_cluster(after.cluster, source)))
    return tuple(leftover for leftover in found if leftover.items)


def _paired(before: t.Mapping[str, str], after: t.Mapping[str, str]) -> t.Tuple[Fact, ...]:
    labels = dict.fromkeys([*before, *after])
    return tuple(Fact(label, before.get(label, ""), after.get(label, "")) for label in labels if before.get(label) or after.get(label))


def _node_facts(moment: Moment) -> t.Dict[str, t.Dict[str, str]]:
    """What is known of each node, by its name."""
    facts: t.Dict[str, t.Dict[str, str]] = {}
    if moment.cluster is not None:
        pods = _pods(moment.cluster)
        facts = {node.name: {"State": _state(node), "Pods": str(pods.get(node.name, _Pods()))} for node in moment.cluster.nodes}
    for name, seen in moment.snapshots.items():
        facts.setdefault(name, {}).update(_snapshot_facts(seen))
    return facts


def _snapshot_facts(seen: snapshot.NodeSnapshot) -> t.Dict[str, str]:
    winner = next((posixpath.basename(item.path) for item in seen.conflists if item.wins), "none")
    return {
        "CNI configuration": winner,
        "CNI processes": ", ".join(_processes(seen)) or "none",
        **{f"Of {_NAMES[cni]}": _count(snapshot.owned_by(seen, cni)) for cni in snapshot.DAEMONS},
        "Container runtime": f"{seen.runtime.name} {seen.runtime.version}".strip(),
        "Kernel": seen.kernel,
    }


def _state(node: clusters.Node) -> str:
    return ("Ready" if node.ready else "not Ready") + (", cordoned" if node.unschedulable else "")


@dataclasses.dataclass
class _Pods:
    """How many pods of a node have a network of their own, how many of them are ready, and how many have Calico's addresses."""

    total: int = 0
    ready: int = 0
    given: int = 0

    def __str__(self) -> str:
        return f"{self.total}, {self.ready} ready, {self.given} on Calico"


def _pods(seen: clusters.ClusterSnapshot) -> t.Dict[str, _Pods]:
    given = calico.given_addresses(seen.calico)
    counts: t.Dict[str, _Pods] = {}
    for pod in seen.pods:
        if pod.host_network or pod.deleting or pod.phase in ("Succeeded", "Failed"):
            continue
        count = counts.setdefault(pod.node, _Pods())
        count.total += 1
        count.ready += pod.ready
        count.given += bool(pod.ips) and all(given.get(ip) == f"{pod.namespace}/{pod.name}" for ip in pod.ips)
    return counts


def _processes(seen: snapshot.NodeSnapshot) -> t.List[str]:
    return [name for cni in snapshot.DAEMONS for name in dict.fromkeys(snapshot.daemons(seen, cni))]


def _count(owned: t.Mapping[str, int]) -> str:
    parts = ", ".join(f"{owned[name]} {word}" for name, word in _WORDS.items() if name in owned)
    total = sum(owned.values())
    if not total:
        return "nothing"
    return f"{total}{' thing' if total == 1 else ' things'}{': ' + parts if parts else ''}"


def _versions(moment: Moment) -> t.Dict[str, str]:
    seen = moment.cluster
    facts: t.Dict[str, str] = {}
    if seen is not None:
        facts["Kubernetes"] = seen.version
        facts["flannel"] = ", ".join(flannel.image for flannel in seen.flannel) or "none"
        facts["Calico"] = (seen.calico.image if seen.calico else "") or "none"
        facts["kubelet"] = _each(node.kubelet_version for node in seen.nodes)
        facts["kube-proxy"] = seen.kube_proxy_mode
    found = [moment.snapshots[name] for name in sorted(moment.snapshots)]
    facts["Container runtime"] = _each(f"{node.runtime.name} {node.runtime.version}".strip() for node in found)
    facts["Kernel"] = _each(node.kernel for node in found)
    return facts


def _each(values: t.Iterable[str]) -> str:
    """Each value once; with how many have it, when they differ."""
    count = collections.Counter(value for value in values if value)
    if len(count) < 2:
        return "".join(count)
    return ", ".join(f"{value} ({number}x)" for value, number in sorted(count.items()))


def _owned(seen: snapshot.NodeSnapshot, cni: str) -> t.Tuple[str, ...]:
    named = [title(item) for field, title in _TITLES.items() for item in getattr(seen, field) if snapshot.cni_of(item.owner) == cni]
    rules = snapshot.owned_by(seen, cni).get("rules", 0)
    return (*(f"process {name}" for name in snapshot.daemons(seen, cni)), *named, *([f"{rules} iptables rules"] if rules else []))


def _in_cluster(seen: t.Optional[clusters.ClusterSnapshot], source: str) -> t.Tuple[str, ...]:
    if seen is None:
        return ()
    refs = [flannel.daemonset for flannel in seen.flannel] if source == "flannel" else []
    if source == "calico" and seen.calico and seen.calico.daemonset:
        refs = [seen.calico.daemonset]
    marked = [node.name for node in seen.nodes if any(key.startswith(PREFIXES[source]) for key in node.annotations)]
    return (*(f"DaemonSet {ref.namespace}/{ref.name}" for ref in refs), *(f"annotations of node {name}" for name in marked))
