# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections are evidence for an expectation.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import UNDEFINED, addresses, ends, model, ports
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.matrix import Matrix
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World
from ansible_collections.podnet.cni.plugins.module_utils._probing import plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection, Stand

#: The connections for an expectation, and why there are none.
Evidence = t.Tuple[t.Tuple[Connection, ...], str]

_OWN_ADDRESSES = "depends on the pods' own addresses"
_SHADOWS, _OTHERS = "; measure with clients: ephemeral", ", and others of their kind were asked"
_LEFT_TO_THE_CNI = "policies leave it to the CNI"


def senders(expected: t.Iterable[Expectation], world: World) -> t.Tuple[str, ...]:
    """The references of the expectations' sources that are pods: they are needed wherever they are."""
    sources = (ends.reference(one.source) for one in expected)
    return tuple(dict.fromkeys(one for one in sources if one in world.members))


@dataclasses.dataclass(frozen=True)
class Cast:
    """Who stands for the pods that an end names, and how many these are. ``stands``: references."""

    stands: t.FrozenSet[str]
    pods: int


#: End -> who stands for it. Ends that are no pods, or for whose pods nobody stands, are not in it.
Casting = t.Mapping[str, Cast]


def casting(expected: t.Iterable[Expectation], world: World, stands: t.Sequence[Stand]) -> Casting:
    """Who stands for the ends of the expectations in ``world``, and goes on to when a workload has replaced its pods by new ones."""
    found = {end: _cast(end, world, stands) for one in expected for end in (one.source, one.destination)}
    return {end: cast for end, cast in found.items() if cast.stands}


def _cast(end: str, world: World, stands: t.Sequence[Stand]) -> Cast:
    numbers = world.members.get(ends.reference(end), ())
    pods = {world.pods[number].reference for number in numbers}
    return Cast(frozenset(one.reference for one in stands if any(pod.reference in pods for pod in one.kind.pods)), len(numbers))


@dataclasses.dataclass(frozen=True)
class Setting:
    """What questions are about: the ``stands``, who stands for which end, and whether what listens in them is ours (``says``).

    ``world``: where ends without stands are looked up. ``matrix``: the verdicts on stands and on the ends themselves; None while the
    stands do not run, and then no evidence is left out for its verdict.
    """

    world: World
    stands: t.Tuple[Stand, ...]
    casting: Casting
    says: bool
    matrix: t.Optional[Matrix] = None

    def standing(self, end: str) -> t.Tuple[Stand, ...]:
        return tuple(one for one in self.stands if end in self.casting and one.reference in self.casting[end].stands)


def find(expected: Expectation, setting: Setting) -> Evidence:
    """What to try for it. No packet can be sent from where no pod is."""
    found, note = _found(expected, setting)
    if setting.matrix is None or not found:
        return found, note
    alike = tuple(_alike(expected, found, {stand.reference: stand for stand in setting.stands}, setting.matrix))
    return alike, "" if alike else _OWN_ADDRESSES + (_SHADOWS if setting.says else _OTHERS)


def _found(expected: Expectation, setting: Setting) -> Evidence:
    sources, targets = setting.standing(expected.source), setting.standing(expected.destination)
    if not sources:
        return (), f"nothing can be sent from {expected.source}"
    port = ports.parse(expected.port)
    if targets:
        if ends.reference(expected.source) == ends.reference(expected.destination) and setting.casting[expected.source].pods == 1:
            return (), "a pod always reaches itself"
        pairs = [pair for pair in plan.pairs(setting.stands) if pair[0] in sources and pair[1] in targets]
        numbered = [(*pair, number) for pair in pairs for number in _numbers(port, pair[1].kind.model)]
        found = [one for which in numbered for one in plan.asks(*which, setting.says)]
        return tuple(found), "" if found else f"{expected.destination} has no port {port}"
    outside = [connection for stand in sources for connection in _outside(stand, expected.destination, port, setting.world)]
    return tuple(outside), "" if outside else f"{expected.destination} has no address on {port}"


def _alike(
    expected: Expectation, connections: t.Sequence[Connection], stands: t.Mapping[str, Stand], matrix: Matrix
) -> t.Iterator[Connection]:
    """Those on which policies say nothing else than on the ends themselves: rules may name addresses of pods, which stands do not have."""
    own = _own(expected, matrix)
    for one in connections:
        verdicts = {verdict for family, verdict in own if not one.family or family in (0, one.family)}
        here = matrix.verdict(one.source, plan.judged(one, stands), one.port)
        if len(verdicts) != 1 or UNDEFINED in (here, *verdicts) or here in verdicts:
            yield one


def _own(expected: Expectation, matrix: Matrix) -> t.Set[t.Tuple[int, str]]:
    """The verdicts on the ends themselves, each with its family (0: of either); none where one of them is gone by now."""
    try:
        pairs = matrix.explain(expected.source, expected.destination, expected.port).pairs
    except _errors.BadInputError:
        return set()
    return {(pair.family, pair.verdict) for pair in pairs}


@dataclasses.dataclass(frozen=True)
class Questions:
    """All that is to be tried: ``connections``, each once, and those among them that are evidence for each expectation."""

    connections: t.Tuple[Connection, ...]
    proofs: t.Tuple[t.Tuple[Expectation, Evidence], ...]

    def tested(self, measured: t.Iterable[trial.Measured]) -> t.Tuple[trial.Tested, ...]:
        """The expectations with what their connections did; what no kernel can try is not among ``measured``."""
        by_connection = {one.connection: one for one in measured}
        found = []
        for expected, (connections, note) in self.proofs:
            seen = tuple(by_connection[one] for one in connections if one in by_connection)
            found.append(trial.Tested(expected, seen, note or _why_unknown(seen)))
        return tuple(found)


def _why_unknown(seen: t.Sequence[trial.Measured]) -> str:
    if not seen:
        return "no node's kernel can try it"
    return _LEFT_TO_THE_CNI if all(one.expected == UNDEFINED for one in seen) else ""


def questions(expected: t.Sequence[Expectation], setting: Setting, asked: t.Sequence[ports.Port]) -> Questions:
    """What the stands try: ``asked`` among themselves, and what expectations want beside; and each destination itself on all of that."""
    proofs = tuple((one, find(one, setting)) for one in expected)
    more = [connection for _, (found, _) in proofs for connection in found]
    by_name = {stand.reference: stand for stand in setting.stands}
    targets = [(by_name[one.target], one.port) for one in more if one.target in by_name]
    controls = [one for target, port in targets for one in plan.asks(target, target, port, setting.says)]
    among = plan.connections(setting.stands, asked, setting.says)
    return Questions(tuple(dict.fromkeys([*among, *controls, *more])), proofs)


def _numbers(port: ports.Port, pod: model.Pod) -> t.Tuple[ports.Port, ...]:
    if port.number or not port.judged:
        return (port,) if port.judged else ()
    number = pod.number_of(port.name, port.protocol)
    return (ports.Port(port.protocol, number),) if number else ()


def _outside(stand: Stand, end: str, port: ports.Port, world: World) -> t.Iterator[Connection]:
    """What a stand tries of an end without stands: its addresses, with the port's number there."""
    for texts, number in _places(end, port, world):
        service = _is_translated(end, number, world)
        for family in plan.families(stand.addresses, texts):
            address = plan.of_family(texts, family)
            yield Connection(stand.reference, end, number, address=address, service=service, family=family)


def _places(end: str, port: ports.Port, world: World) -> t.Iterator[t.Tuple[t.Tuple[str, ...], ports.Port]]:
    """The addresses of each member of an end, and the port there."""
    reference = ends.reference(end)
    if reference in world.members:
        for pod in (world.pods[number] for number in world.members[reference]):
            yield from ((pod.addresses, number) for number in _numbers(port, pod) if pod.addresses)
        return
    name = end[len("Node/") :] if end.startswith("Node/") else ""
    texts = world.services[end].cluster_ips if end in world.services else world.nodes[name].addresses if name in world.nodes else (end,)
    found = tuple(filter(addresses.is_address, texts))
    if found and port.number:
        yield found, port


def _is_translated(end: str, port: ports.Port, world: World) -> bool:
    """Whether a Service stands between: by its name, its address, or a port of every node."""
    address = addresses.find(end)
    kind = world.by_address.get(address, ("", ""))[0] if address else ""
    if end in world.services or kind in ("service", "outside"):
        return True
    published = {(own.protocol, own.node_port) for service in world.services.values() for own in service.ports if own.node_port}
    return (end.startswith("Node/") or kind == "node") and (port.protocol, port.number) in published
