# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections are evidence for an expectation.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, model, ports
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World
from ansible_collections.podnet.cni.plugins.module_utils._probing import plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection, Stand

#: The connections for an expectation, and why there are none.
Evidence = t.Tuple[t.Tuple[Connection, ...], str]


def senders(expected: t.Iterable[Expectation], world: World) -> t.Tuple[str, ...]:
    """The sources of expectations that are pods: they are needed wherever they are."""
    return tuple(dict.fromkeys(one.source for one in expected if one.source in world.members))


def find(expected: Expectation, world: World, stands: t.Sequence[Stand], says: bool) -> Evidence:
    """What to try for it. No packet can be sent from where no pod is."""
    sources = _standing(expected.source, world, stands)
    if not sources:
        return (), f"nothing can be sent from {expected.source}"
    port = ports.parse(expected.port)
    targets = _standing(expected.destination, world, stands)
    if targets:
        if expected.source == expected.destination and len(world.members[expected.source]) == 1:
            return (), "a pod always reaches itself"
        pairs = [pair for pair in plan.pairs(stands) if pair[0] in sources and pair[1] in targets]
        found = [plan.ask(source, target, number, says) for source, target in pairs for number in _numbers(port, target.kind.model)]
        return tuple(found), "" if found else f"{expected.destination} has no port {port}"
    outside = tuple(_outside(expected.destination, port, world))
    found = [Connection(stand.reference, expected.destination, number, address=address) for stand in sources for address, number in outside]
    return tuple(found), "" if found else f"{expected.destination} has no address on {port}"


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
            found.append(trial.Tested(expected, seen, note or ("" if seen else "no node's kernel can try it")))
        return tuple(found)


def questions(
    expected: t.Sequence[Expectation], world: World, stands: t.Sequence[Stand], asked: t.Sequence[ports.Port], says: bool
) -> Questions:
    """What the stands try: ``asked`` among themselves, and what expectations want beside; and each destination itself on all of that."""
    proofs = tuple((one, find(one, world, stands, says)) for one in expected)
    more = [connection for _, (found, _) in proofs for connection in found]
    by_name = {stand.reference: stand for stand in stands}
    controls = [plan.ask(by_name[one.target], by_name[one.target], one.port, says) for one in more if one.target in by_name]
    return Questions(tuple(dict.fromkeys([*plan.connections(stands, asked, says), *controls, *more])), proofs)


def _standing(end: str, world: World, stands: t.Sequence[Stand]) -> t.Tuple[Stand, ...]:
    """The stands for the pods that an end names."""
    pods = {world.pods[number].reference for number in world.members.get(end, ())}
    return tuple(stand for stand in stands if any(pod.reference in pods for pod in stand.kind.pods))


def _numbers(port: ports.Port, pod: model.Pod) -> t.Tuple[ports.Port, ...]:
    if port.number or not port.judged:
        return (port,) if port.judged else ()
    number = pod.number_of(port.name, port.protocol)
    return (ports.Port(port.protocol, number),) if number else ()


def _outside(end: str, port: ports.Port, world: World) -> t.Iterator[t.Tuple[str, ports.Port]]:
    """Addresses that an end without stands has, with the port's number there."""
    if end in world.services:
        if port.number:
            yield from ((address, port) for address in world.services[end].cluster_ips)
        return
    if end in world.members:
        for pod in (world.pods[number] for number in world.members[end]):
            yield from ((address, number) for address in pod.addresses[:1] for number in _numbers(port, pod))
        return
    name = end[len("Node/") :] if end.startswith("Node/") else ""
    texts = world.nodes[name].addresses[:1] if name in world.nodes else [end]
    yield from ((text, port) for text in texts if addresses.is_address(text) and port.number)
