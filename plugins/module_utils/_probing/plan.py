# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods to measure with, and what they ask each other.

Pods that no policy tells apart are one kind, and one pod for all of them will do: its shadow, a pod of ours with the same labels and the
same names of ports. Each kind gets a shadow on two nodes, so every pair of kinds is measured on one node and across nodes, and every other
node gets one, so that no node's enforcement is taken on trust. A single node gets two of each, for pods of one kind ask each other, too.
With ``ephemeral`` the users' own pods are what is measured with.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._netpol import PROFILES, model, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

SHADOW, EPHEMERAL = "shadow", "ephemeral"
SAME_NODE, ACROSS, OUT = "same node", "across nodes", "out of the pods"
#: Namespaces that are the cluster's own, by name or by the beginning of it; nothing is put into them unless they are asked for.
_SYSTEM = ("kube-system", "kube-public", "kube-node-lease", "kube-flannel", "tigera-operator")
_SYSTEM_PREFIXES = ("calico-", "podnet-")


@dataclasses.dataclass(frozen=True)
class Kind:
    """Pods that no policy tells apart. ``pods``: their references; the first is the one that is imitated."""

    number: int
    pods: t.Tuple[model.Pod, ...]

    @property
    def model(self) -> model.Pod:
        return self.pods[0]

    @property
    def name(self) -> str:
        more = len(self.pods) - 1
        return self.model.reference + (f" and {more} more" if more else "")


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


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be measured. ``namespaces``: of these only; empty: of all but the cluster's own. ``most``: kinds."""

    namespaces: t.Tuple[str, ...] = ()
    clients: str = SHADOW
    most: int = 40


def profile(cni: str) -> str:
    """The profile by which policies are judged: of a CNI that does nothing, what any other would do."""
    return cni if PROFILES[cni].enforces else "generic"


def ready_nodes(raw: t.Iterable[objects.Raw]) -> t.Tuple[t.Tuple[str, ...], t.Tuple[str, ...]]:
    """The names of the Linux nodes among the objects that are ready, workers first, and of those that are not."""
    nodes = [node for node in map(objects.node, (item for item in raw if item.get("kind") == "Node")) if node.operating_system != "windows"]
    ordered = sorted(nodes, key=lambda node: (node.control_plane, node.name))
    return tuple(node.name for node in ordered if node.ready), tuple(node.name for node in ordered if not node.ready)


# --- Kinds ------------------------------------------------------------------------------------------------------------


def kinds(world: World, wanted: Wanted, named: t.Iterable[str] = ()) -> t.Tuple[Kind, ...]:
    """The kinds of pods in the wanted namespaces, and of the pods ``named`` wherever they are. Raises BadInputError."""
    unknown = [name for name in wanted.namespaces if name not in world.namespaces]
    if unknown:
        raise _errors.BadInputError(f"there is no namespace {unknown[0]}", "option namespaces", "Name those whose pods are to be probed.")
    extra = {number for reference in named for number in world.members.get(reference, ())}
    told = _Namespaces(world)
    words = Vocabulary.of(world.policies, (tier.pods for tier in world.tiers))
    grouped: t.Dict[t.Tuple[t.Any, ...], t.List[model.Pod]] = {}
    for number, pod in enumerate(world.pods):
        if pod.host_network or pod.is_template or not (number in extra or _is_wanted(pod.namespace, wanted)):
            continue
        key = told.key(pod.namespace), words.labels(pod.labels), words.ports(pod.ports)
        grouped.setdefault(key, []).append(pod)
    if not grouped:
        raise _errors.BadInputError("no pod is there that policies are about", "option namespaces", "Name namespaces with running pods.")
    if len(grouped) > wanted.most:
        raise _errors.BadInputError(
            f"policies tell {len(grouped)} kinds of pods apart, and at most {wanted.most} are probed at once",
            "option namespaces",
            "Probe some namespaces at a time, or raise max_kinds: the connections grow with its square.",
        )
    # The one that is imitated should be one that runs.
    return tuple(Kind(number, tuple(sorted(pods, key=lambda pod: not pod.addresses))) for number, pods in enumerate(grouped.values()))


def _is_wanted(namespace: str, wanted: Wanted) -> bool:
    if wanted.namespaces:
        return namespace in wanted.namespaces
    return namespace not in _SYSTEM and not namespace.startswith(_SYSTEM_PREFIXES)


class _Namespaces:
    """What policies see of a namespace: itself where it has some, else those of its labels that some policy mentions."""

    def __init__(self, world: World) -> None:
        self._labels = world.namespaces
        self._own = {policy.namespace for policy in world.policies}
        rules = [rule for policy in world.policies for rule in (*(policy.ingress or ()), *(policy.egress or ()))]
        mentioned = [peer.namespaces for rule in rules for peer in rule.peers if peer.namespaces]
        self._selectors = dict.fromkeys([*mentioned, *(tier.namespaces for tier in world.tiers)])

    def key(self, namespace: str) -> t.Tuple[t.Any, ...]:
        if namespace in self._own:
            return (namespace,)
        labels = self._labels.get(namespace, {})
        return ("", *(selector.matches(labels) for selector in self._selectors))


def apart_from_services(found: t.Sequence[Kind], raw: t.Iterable[objects.Raw]) -> t.Tuple[t.Tuple[Kind, ...], t.Tuple[str, ...]]:
    """The kinds of which a shadow can be made that no Service sends anything, and why of the others none can.

    A Service that publishes addresses which are not ready takes every pod with its labels, so another pod of the kind is imitated if one
    has other labels. ``raw``: the objects of the cluster. Raises BadInputError where nothing is left.
    """
    services = [item for item in raw if item.get("kind") == "Service" and (item.get("spec") or {}).get("publishNotReadyAddresses")]
    safe: t.List[Kind] = []
    why: t.List[str] = []
    for kind in found:
        taken = [pod for pod in kind.pods if any(_takes(service, pod) for service in services)]
        free = [pod for pod in kind.pods if pod not in taken]
        if free:
            safe.append(dataclasses.replace(kind, pods=(*free, *taken)))
        else:
            name = next(objects.metadata(service)["name"] for service in services if _takes(service, kind.model))
            why.append(f"{kind.name}: Service {name} publishes addresses that are not ready, so a shadow would get what is meant for them")
    if found and not safe:
        raise _errors.BadInputError(f"no shadow can be made: {why[0]}", "option clients", "Let the pods themselves ask: ephemeral.")
    return tuple(safe), tuple(why)


def _takes(service: objects.Raw, pod: model.Pod) -> bool:
    selector = (service.get("spec") or {}).get("selector") or {}
    return (
        bool(selector)
        and objects.metadata(service).get("namespace") == pod.namespace
        and all(pod.labels.get(key) == value for key, value in selector.items())
    )


# --- Stands -----------------------------------------------------------------------------------------------------------


def shadows(found: t.Sequence[Kind], nodes: t.Sequence[str]) -> t.Tuple[Stand, ...]:
    """Pods to make: of each kind two, on the first two of ``nodes`` if there are two, and on every other node one, of the kinds in turn.

    No name is the beginning of another, so that whoever hears the beginning of a name knows whose it is.
    """
    if not nodes:
        raise _errors.ClusterError("no node is ready", "nodes", "See what is wrong with them.")
    places = [(kind, node) for kind in found for node in (nodes[0], nodes[min(1, len(nodes) - 1)])]
    places += [(found[number % len(found)], node) for number, node in enumerate(nodes[2:])]
    digits = len(str(len(places) - 1))
    return tuple(Stand(kind.model.namespace, f"podnet-probe-{number:0{digits}}", node, kind) for number, (kind, node) in enumerate(places))


def own_pods(found: t.Sequence[Kind], nodes: t.Sequence[str]) -> t.Tuple[Stand, ...]:
    """Users' pods: of each kind at most two, on different nodes where there are such. ``nodes``: those that are ready."""
    chosen = []
    for kind in found:
        running = [pod for pod in kind.pods if pod.addresses and pod.node in nodes]
        others = [pod for pod in running[1:] if pod.node != running[0].node] or running[1:]
        chosen += [Stand(pod.namespace, pod.name, pod.node, kind, pod.addresses) for pod in (*running[:1], *others[:1])]
    return tuple(chosen)


def chosen(found: t.Sequence[Kind], nodes: t.Sequence[str], wanted: Wanted) -> t.Tuple[Stand, ...]:
    """The pods to measure with, at least one. Raises BadInputError."""
    stands = own_pods(found, nodes) if wanted.clients == EPHEMERAL else shadows(found, nodes)
    if not stands:
        raise _errors.BadInputError("no pod runs there on a node that is ready", "option clients", "Let shadows ask, or start the pods.")
    return stands


# --- Connections ------------------------------------------------------------------------------------------------------


def connections(stands: t.Sequence[Stand], ports: t.Sequence[Port], says: bool) -> t.Tuple[Connection, ...]:
    """What the stands ask themselves, and each other: of each pair of kinds once on one node and once across, from either node in turn.

    Pods of one kind are on different nodes where there are two, and ask each other both ways.
    """
    found = [one for stand in stands for port in ports for one in asks(stand, stand, port, says)]
    for source, target in pairs(stands):
        found += [one for port in ports for one in asks(source, target, port, says)]
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
    # The pods on further nodes: each with one of every kind, both ways.
    for extra in (stand for several in by_kind.values() for stand in several[2:]):
        for several in by_kind.values():
            yield extra, several[0]
            yield several[0], extra


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


def probe_ports(columns: t.Sequence[study.Column]) -> t.Tuple[Port, ...]:
    """The port to try for each range."""
    return tuple(probe_port(column, after) for column, after in zip(columns, (*columns[1:], None)))
