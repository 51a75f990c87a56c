# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods to measure with, and what they ask each other.

Pods that no policy tells apart are one kind, and one pod for all of them will do: its shadow, a pod of ours with the same labels and the
same names of ports. Each kind gets a shadow on two nodes, so every pair of kinds is measured on one node and across nodes, and every other
node gets one, so that no node's enforcement is taken on trust. A single node gets two of each, for pods of one kind ask each other, too.
One kind is ours, the `kinds.outsider`: it stands on every node, and as policies let these reach each other, they show that each node's
network works. Where nothing came through, a denial would prove nothing.
With ``ephemeral`` the users' own pods are what is measured with.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._netpol import model, ports, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import EPHEMERAL, Kind, Wanted, outsider

SAME_NODE, ACROSS, OUT = "same node", "across nodes", "out of the pods"
#: Reasons that are told of one kind.
_MOST_TOLD = 3


@dataclasses.dataclass(frozen=True)
class Stand:
    """A pod to measure with: of ours with the labels of ``kind``, or one of the kind's own. ``addresses`` are known when it runs."""

    namespace: str
    name: str
    node: str
    kind: Kind
    addresses: t.Tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        return f"{self.namespace}/{self.name}"

    @property
    def address(self) -> str:
        """The first, by which clusters call a pod; "" before it runs."""
        return self.addresses[0] if self.addresses else ""


@dataclasses.dataclass(frozen=True)
class Connection:
    """What ``source`` (a stand's reference) tries: ``port`` of ``target``.

    ``target`` is a stand's reference, or another end as expectations name it, and then ``address`` is where that is. ``says``: what the
    listener there tells, "" where it is not ours. ``service``: kube-proxy stands between, and rejects where no endpoint is ready.
    ``family``: 4 or 6 where the target has addresses of both, and this is about that one; else 0.
    """

    source: str
    target: str
    port: Port
    says: str = ""
    place: str = OUT
    address: str = ""
    service: bool = False
    family: int = 0

    @property
    def is_control(self) -> bool:
        """A pod that asks itself: no policy can forbid it, so whoever does not answer does not listen."""
        return self.source == self.target

    @property
    def on(self) -> str:
        """The port, and the family where there are two."""
        return f"{self.port}" + (f" over IPv{self.family}" if self.family else "")

    def __str__(self) -> str:
        return f"{self.source} to {self.target} on {self.on}"


def ready_nodes(raw: t.Iterable[objects.Raw]) -> t.Tuple[t.Tuple[str, ...], t.Tuple[str, ...]]:
    """The names of the Linux nodes among the objects that are ready, workers first, and of those that are not."""
    nodes = [node for node in map(objects.node, (item for item in raw if item.get("kind") == "Node")) if node.operating_system != "windows"]
    ordered = sorted(nodes, key=lambda node: (node.control_plane, node.name))
    return tuple(node.name for node in ordered if node.ready), tuple(node.name for node in ordered if not node.ready)


# --- Stands -----------------------------------------------------------------------------------------------------------


def shadows(found: t.Sequence[Kind], nodes: t.Sequence[str]) -> t.Tuple[Stand, ...]:
    """Pods to make: of each kind two, on the first two of ``nodes`` if there are two, and on every other node one, of the kinds in turn.

    Of a kind of ours there is one on every other node beside.

    No name is the beginning of another, so that whoever hears the beginning of a name knows whose it is.
    """
    if not nodes:
        raise _errors.ClusterError("no node is ready", "nodes", "See what is wrong with them.")
    places = [(kind, node) for kind in found for node in (nodes[0], nodes[min(1, len(nodes) - 1)])]
    users = [kind for kind in found if not kind.ours]
    places += [(users[number % len(users)], node) for number, node in enumerate(nodes[2:])]
    places += [(kind, node) for kind in found if kind.ours for node in nodes[2:]]
    digits = len(str(len(places) - 1))
    return tuple(Stand(kind.model.namespace, f"podnet-probe-{number:0{digits}}", node, kind) for number, (kind, node) in enumerate(places))


def own_pods(found: t.Sequence[Kind], nodes: t.Sequence[str]) -> t.Tuple[Stand, ...]:
    """Users' pods: of each kind at most two, on different nodes where there are such. ``nodes``: those that are ready."""
    taken = []
    for kind in found:
        running = [pod for pod in kind.pods if not _keeps_from_asking(pod, nodes)]
        others = [pod for pod in running[1:] if pod.node != running[0].node] or running[1:]
        taken += [Stand(pod.namespace, pod.name, pod.node, kind, pod.addresses) for pod in (*running[:1], *others[:1])]
    return tuple(taken)


def chosen(
    found: t.Sequence[Kind], nodes: t.Sequence[str], wanted: Wanted, raw: t.Sequence[objects.Raw], own_namespace: str
) -> t.Tuple[t.Tuple[Stand, ...], t.Tuple[str, ...]]:
    """The pods to measure with, and what is not measured with them, and why.

    ``raw``: the objects of the cluster. ``own_namespace``: where shadows that stand for nobody are. Raises BadInputError where nothing is
    left to measure, and ClusterError where no node is ready.
    """
    if wanted.clients == EPHEMERAL:
        fit, why = _fit(found, lambda pod: _keeps_from_asking(pod, nodes))
        if not fit:
            raise _errors.UnmeasurableError(f"no pod can ask: {why[0]}", "option clients", "Let shadows ask, or start the pods.")
        stands = own_pods(fit, nodes)
    else:
        fit, why = _fit(found, _Shadowing(raw).obstacle)
        if not fit:
            raise _errors.UnmeasurableError(f"no shadow can be made: {why[0]}", "option clients", "Let the pods themselves ask: ephemeral.")
        stands = shadows((*fit, outsider(own_namespace, fit)), nodes)
    return stands, (*why, *_nothing_across(stands, nodes))


def _nothing_across(stands: t.Sequence[Stand], nodes: t.Sequence[str]) -> t.Iterator[str]:
    used = {stand.node for stand in stands}
    if len(used) == 1:
        yield (
            f"nothing was measured across nodes: only {nodes[0]} is ready"
            if len(nodes) == 1
            else (f"nothing was measured across nodes: all pods that ask are on {used.pop()}")
        )


def _fit(found: t.Sequence[Kind], obstacle: t.Callable[[model.Pod], str]) -> t.Tuple[t.Tuple[Kind, ...], t.Tuple[str, ...]]:
    """The kinds that have a pod to measure with, which comes first then, and why the others have none.

    ``obstacle``: what keeps a pod from it, "" if nothing does.
    """
    fit: t.List[Kind] = []
    why: t.List[str] = []
    for kind in found:
        obstacles = [obstacle(pod) for pod in kind.pods]
        if all(obstacles):
            why.append(f"{kind.name}: {'; '.join(list(dict.fromkeys(obstacles))[:_MOST_TOLD])}")
        else:
            # Sorting is stable.
            pods = tuple(pod for _, pod in sorted(zip(obstacles, kind.pods), key=lambda both: bool(both[0])))
            fit.append(dataclasses.replace(kind, pods=pods))
    return tuple(fit), tuple(why)


def _keeps_from_asking(pod: model.Pod, nodes: t.Sequence[str]) -> str:
    if pod.terminating:
        return "it is terminating"
    if not pod.addresses:
        return "it does not run"
    return "" if pod.node in nodes else "its node is not ready"


class _Shadowing:
    """What keeps shadows from being made."""

    def __init__(self, raw: t.Sequence[objects.Raw]) -> None:
        services = [item for item in raw if item.get("kind") == "Service"]
        self._services = [item for item in services if (item.get("spec") or {}).get("publishNotReadyAddresses")]
        self._going = {objects.metadata(item)["name"] for item in raw if item.get("kind") == "Namespace" and _is_going(item)}

    def obstacle(self, pod: model.Pod) -> str:
        """What keeps this pod from being imitated.

        The API refuses new pods in a namespace that goes, and a Service that publishes addresses which are not ready takes every pod with
        its labels. Another pod of the kind may have another namespace, or other labels.
        """
        if pod.namespace in self._going:
            return f"namespace {pod.namespace} is terminating"
        name = next((objects.metadata(service)["name"] for service in self._services if _takes(service, pod)), "")
        return f"Service {name} publishes addresses that are not ready, so a shadow would get what is meant for them" if name else ""


def _is_going(namespace: objects.Raw) -> bool:
    return "deletionTimestamp" in objects.metadata(namespace) or (namespace.get("status") or {}).get("phase") == "Terminating"


def _takes(service: objects.Raw, pod: model.Pod) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    return (
        bool(selector)
        and objects.metadata(service).get("namespace") == pod.namespace
        and all(pod.labels.get(key) == value for key, value in selector.items())
    )


def still_there(stands: t.Sequence[Stand], raw: t.Iterable[objects.Raw]) -> t.Tuple[Stand, ...]:
    """Those whose pods are among the objects, and have not ended."""
    pods = [(objects.metadata(item), (item.get("status") or {}).get("phase")) for item in raw if item.get("kind") == "Pod"]
    there = {f"{meta.get('namespace')}/{meta.get('name')}" for meta, phase in pods if phase not in ("Succeeded", "Failed")}
    return tuple(stand for stand in stands if stand.reference in there)


def became(taken: t.Iterable[Stand], left: t.Iterable[Stand], made_anew: t.Iterable[str]) -> t.Iterator[str]:
    """In words, what became of those that were taken: ``left`` are still there, ``made_anew`` has the references of others."""
    there = {stand.reference for stand in left}
    yield from (f"{name} was deleted by somebody, and made anew" for name in dict.fromkeys(made_anew))
    yield from (f"{stand.reference} is gone" for stand in taken if stand.reference not in there)


# --- Connections ------------------------------------------------------------------------------------------------------


def connections(stands: t.Sequence[Stand], asked: t.Sequence[Port], says: bool) -> t.Tuple[Connection, ...]:
    """What the stands ask themselves, and each other: of each pair of kinds once on one node and once across, from either node in turn.

    Pods of one kind are on different nodes where there are two, and ask each other both ways.
    """
    found = [one for stand in stands for port in asked for one in asks(stand, stand, port, says)]
    for source, target in pairs(stands):
        found += [one for port in asked for one in asks(source, target, port, says)]
    return tuple(found)


def pairs(stands: t.Sequence[Stand]) -> t.Iterator[t.Tuple[Stand, Stand]]:
    """Who asks whom."""
    by_kind: t.Dict[int, t.List[Stand]] = {}
    for stand in stands:
        by_kind.setdefault(stand.kind.number, []).append(stand)
    for one, other in itertools.product(by_kind.values(), repeat=2):
        if one is other:
            # Both ways, so that with a single kind each node asks and is asked.
            yield from itertools.permutations(one[:2], 2)
            continue
        yield from _between(one[:2], other[:2], (one[0].kind.number + other[0].kind.number) % 2)
    # The pods on further nodes: each with one of every kind, both ways; those of ours only among themselves.
    for extra in (stand for several in by_kind.values() for stand in several[2:]):
        for first in (several[0] for several in by_kind.values()):
            if first.kind.number == extra.kind.number or not extra.kind.ours:
                yield extra, first
                yield first, extra


def _between(sources: t.Sequence[Stand], targets: t.Sequence[Stand], turn: int) -> t.Iterator[t.Tuple[Stand, Stand]]:
    """At most one pair on a node and one across nodes; ``turn`` says which source is asked first."""
    seen = set()
    ordered = [*sources[turn:], *sources[:turn]]
    for source, target in itertools.product(ordered, targets):
        place = _place(source, target)
        if place not in seen:
            seen.add(place)
            yield source, target


def _place(source: Stand, target: Stand) -> str:
    return SAME_NODE if source.node == target.node else ACROSS


def asks(source: Stand, target: Stand, port: Port, says: bool) -> t.Tuple[Connection, ...]:
    """What one stand asks another on a port, by each family that counts (`families`)."""
    return tuple(ask(source, target, port, says, family) for family in families(source.addresses, target.addresses))


def ask(source: Stand, target: Stand, port: Port, says: bool, family: int = 0) -> Connection:
    """What one stand asks another on a port. ``says``: whether what listens is ours."""
    # What listens for SCTP says nothing.
    name = target.name if says and port.protocol != "SCTP" else ""
    return Connection(source.reference, target.reference, port, name, _place(source, target), family=family)


def families(source: t.Sequence[str], target: t.Sequence[str]) -> t.Tuple[int, ...]:
    """The families in which both have an address, if the target has some of both: 4, 6. Else 0, for nothing is to be told apart."""
    theirs = dict.fromkeys(map(_family, target))
    own = set(map(_family, source))
    common = tuple(family for family in theirs if family in own)
    return common if len(theirs) > 1 and common else (0,)


def of_family(texts: t.Sequence[str], family: int) -> str:
    """The first of some addresses that is of that family; the first of all for 0, "" of none."""
    return next((text for text in texts if family in (0, _family(text))), "")


def _family(text: str) -> int:
    return 6 if ":" in text else 4


def address(connection: Connection, stands: t.Mapping[str, Stand]) -> str:
    """Where to call its target. ``stands``: by their references."""
    return connection.address or of_family(stands[connection.target].addresses, connection.family)


def judged(connection: Connection, stands: t.Mapping[str, Stand]) -> str:
    """The end that policies are asked about: the target, or one address of it where it has some of both families."""
    return address(connection, stands) if connection.family else connection.target


def probe_port(column: study.Column, following: t.Optional[study.Column]) -> Port:
    """The port to try for a range: the last before the next range where it begins at 1, else its first. Ranges go wrong at their ends.

    A port that was asked for, or is a range of its own, is tried itself.
    """
    port = column.port
    if column.label == str(port):
        return port
    if port.number == 1 and following is not None and following.port.protocol == port.protocol:
        return Port(port.protocol, following.port.number - 1)
    return port


def probe_ports(world: World, asked: t.Sequence[str]) -> t.Tuple[Port, ...]:
    """The ports ``asked`` for; without any, the port to try for each range that rules tell apart, and each endPort.

    What does not know endPort takes the range's first port only. Raises BadInputError.
    """
    columns = study.columns([world], asked)
    if asked:
        return tuple(column.port for column in columns)
    found = {probe_port(column, after) for column, after in zip(columns, (*columns[1:], None))}
    found |= {Port(match.protocol, match.last) for match in ports.matches(world.policies) if match.is_range}
    return tuple(sorted(found, key=lambda port: (model.PROTOCOLS.index(port.protocol), port.number)))
