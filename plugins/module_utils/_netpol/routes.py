# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""From ends to questions for policies: after translation of Services, and with every reading that the API leaves open.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, ends, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ends import ANY_FAMILY, EXTERNAL, NODE, POD, Ends, Member, Position
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World


@dataclasses.dataclass(frozen=True)
class Question:
    """What the policies of ``subject`` are asked: may it be connected with ``peer``, the destination's port being ``port``?"""

    subject: Position
    peer: Position
    port: Port


@dataclasses.dataclass(frozen=True)
class Reading:
    """One way to see a connection. A side without a question is not asked, so it lets pass. ``notes`` say what is assumed."""

    egress: t.Optional[Question] = None
    ingress: t.Optional[Question] = None
    notes: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Part:
    """A connection between two members. Without ``readings`` the verdict is ``fixed``, and ``note`` says why."""

    source: str
    destination: str
    port: Port
    family: int = ANY_FAMILY
    readings: t.Tuple[Reading, ...] = ()
    fixed: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class _Endpoint:
    """What a Service translates to: a member, and its port."""

    member: Member
    port: Port
    is_pod: bool


@dataclasses.dataclass(frozen=True)
class _Call:
    """A Service that is called: its address if that was named, the port asked for, whether by an address for those outside."""

    service: model.Service
    address: str
    port: Port
    outside: bool


class Router:
    """Makes the parts of which a verdict on two ends consists."""

    def __init__(self, world: World, directory: ends.Directory) -> None:
        self._world = world
        self._directory = directory

    def parts(self, source: str, destination: str, port: Port) -> t.Iterator[Part]:
        """Every pair of members of both ends; at least one. A Service sends nothing."""
        sources, targets = self._directory.find(source), self._directory.find(destination)
        senders = sources.members or (Member(source, {}),)
        found = 0
        for sender in senders:
            for part in self._to(sender, targets, destination, port):
                # A workload's pods among themselves: what each says to itself is no news.
                if part.note != _ITSELF or len(senders) == 1:
                    found += 1
                    yield part
        if not found:
            yield Part(source, destination, port, fixed=model.UNDEFINED, note="there is nobody to connect")

    def _to(self, sender: Member, targets: Ends, destination: str, port: Port) -> t.Iterator[Part]:
        if not sender.positions:
            yield Part(sender.name, destination, port, fixed=model.UNDEFINED, note="a Service begins no connections")
            return
        service = targets.service or self._behind_node(targets, port)
        if service is None:
            for member in targets.members:
                yield from self._pair(sender, member, port)
            return
        from_outside = _is_external(sender) and service.type in ("NodePort", "LoadBalancer")
        outside = targets.outside or targets.service is None or from_outside
        yield from self._to_service(sender, _Call(service, targets.address, port, outside))

    # --- Pods, nodes, addresses ---

    def _pair(self, sender: Member, target: Member, port: Port) -> t.Iterator[Part]:
        if port.name:
            number = target.pod.number_of(port.name, port.protocol) if target.pod else 0
            if not number:
                yield Part(sender.name, target.name, port, fixed=model.UNDEFINED, note=f"{target.name} has no port of that name")
                return
            port = Port(port.protocol, number)
        if _same_pod(sender, target):
            yield Part(sender.name, target.name, port, fixed=model.ALLOW, note=_ITSELF)
            return
        common = list(_common(sender, target))
        for family, froms, tos in common:
            readings = [_with_unknown_node(_plain(one, other, port)) for one in froms for other in tos]
            yield Part(sender.name, target.name, port, family, tuple(itertools.chain.from_iterable(readings)))
        if not common:
            yield Part(sender.name, target.name, port, fixed=model.UNDEFINED, note=_NO_FAMILY)

    # --- Services ---

    def _behind_node(self, targets: Ends, port: Port) -> t.Optional[model.Service]:
        """The Service to which a node passes on what comes to this port of it."""
        if not targets.members or any(position.kind != NODE for position in _positions(targets.members[0])):
            return None
        if targets.members[0].pod is not None:
            return None
        return next((one for one in self._world.services.values() for own in one.ports if _is(own.protocol, own.node_port, port)), None)

    def _to_service(self, sender: Member, call: _Call) -> t.Iterator[Part]:
        service = call.service
        own = _port_of(call)
        endpoints = list(self._endpoints(service, own, call.port)) if own is not None else []
        note = ""
        if service.type == "ExternalName":
            note = f"{service.reference} is only a name in DNS; ask for the address behind it"
        elif _is_external(sender) and not call.outside:
            note = f"{service.reference} has an address of the cluster only, which nobody outside can reach"
        elif own is None:
            note = f"{service.reference} has no port {call.port}"
        elif not endpoints:
            note = f"{service.reference} has no endpoints"
        if note:
            yield Part(sender.name, service.reference, call.port, fixed=model.UNDEFINED, note=note)
            return
        for endpoint in endpoints:
            yield from self._to_endpoint(sender, call, endpoint)

    def _endpoints(self, service: model.Service, own: model.ServicePort, port: Port) -> t.Iterator[_Endpoint]:
        target = port.number if service.headless else own.target
        if service.selector is not None:
            for number, pod in enumerate(self._world.pods):
                if pod.namespace == service.namespace and service.selector.matches(pod.labels):
                    at = target if isinstance(target, int) else pod.number_of(target, own.protocol)
                    # A pod without a port of that name is no endpoint.
                    if at:
                        yield _Endpoint(self._directory.pod(number), Port(own.protocol, at), is_pod=True)
            return
        at = target if isinstance(target, int) else own.number
        for text in service.backends:
            kind, name = self._world.by_address.get(addresses.parse(text), (EXTERNAL, ""))
            member = self._directory.find(text).members[0] if kind in (POD, NODE) else self._directory.external(text)
            named = dataclasses.replace(member, name=name) if name else member
            yield _Endpoint(named, Port(own.protocol, at), is_pod=kind == POD)

    def _to_endpoint(self, sender: Member, call: _Call, endpoint: _Endpoint) -> t.Iterator[Part]:
        target = endpoint.member
        if _same_pod(sender, target):
            yield self._to_itself(sender, call.service, endpoint)
            return
        common = list(_common(sender, target))
        if not common:
            yield Part(sender.name, target.name, endpoint.port, fixed=model.UNDEFINED, note=_NO_FAMILY)
        for family, froms, tos in common:
            asked = self._asked(call, family, endpoint)
            readings = [self._translated(call, _plain(one, other, endpoint.port), asked) for one in froms for other in tos]
            note = f"translated by {call.service.reference} from {call.port}"
            listed = tuple(dict.fromkeys(itertools.chain.from_iterable(readings)))
            yield Part(sender.name, target.name, endpoint.port, family, listed, note=note)

    def _to_itself(self, sender: Member, service: model.Service, endpoint: _Endpoint) -> Part:
        """What the pod says to itself by way of a Service is left open: exempt, or subject to policy like any other connection."""
        note = f"the pod reaches itself through {service.reference}"
        if self._world.profile.own_service:
            return Part(sender.name, sender.name, endpoint.port, fixed=model.ALLOW, note=f"{note}, which this CNI always allows")
        asked = [_plain(one, one, endpoint.port) for several in sender.positions.values() for one in several]
        readings = (Reading(notes=("the pod itself is exempt",)), *(dataclasses.replace(one, notes=("policies apply",)) for one in asked))
        return Part(sender.name, sender.name, endpoint.port, readings=readings, note=note)

    def _asked(self, call: _Call, family: int, endpoint: _Endpoint) -> t.Tuple[Position, ...]:
        """As what egress may also see the destination: the address before translation, where it is open which one counts."""
        if endpoint.is_pod and not call.outside:
            return ()
        if call.address and addresses.parse(call.address)[0] == family:
            return tuple(_positions(self._directory.external(call.address)))
        return (Position(EXTERNAL, self._directory.unblocked()),)

    def _translated(self, call: _Call, plain: Reading, asked: t.Tuple[Position, ...]) -> t.Iterator[Reading]:
        """``plain`` is the connection with the endpoint as if there were no Service."""
        leaving, entering = t.cast(Question, plain.egress), t.cast(Question, plain.ingress)
        egress = [(leaving, "egress sees the endpoint")]
        egress += [(Question(leaving.subject, position, call.port), "egress sees the address asked for") for position in asked]
        ingress: t.List[t.Tuple[t.Optional[Question], str]] = [(entering, "the endpoint sees the client")]
        if call.outside and not call.service.keeps_client:
            ingress += [(Question(entering.subject, node, entering.port), "the endpoint sees a node") for node in self._nodes()]
            ingress.append((None, "the endpoint sees its own node"))
        for (going, seen), (coming, client) in itertools.product(egress, ingress):
            said = tuple(text for text, choices in ((seen, egress), (client, ingress)) if len(choices) > 1)
            yield from _with_unknown_node(Reading(going, coming, plain.notes + said))

    def _nodes(self) -> t.Tuple[Position, ...]:
        return tuple(dict.fromkeys(position for name in self._world.nodes for position in _positions(self._directory.node(name))))


_ITSELF = "a pod always reaches its own address"
_NO_FAMILY = "they have no address family in common"


def _port_of(call: _Call) -> t.Optional[model.ServicePort]:
    service, port = call.service, call.port
    for own in service.ports:
        if _is(own.protocol, own.number, port) or (call.outside and _is(own.protocol, own.node_port, port)):
            return own
    # Names of a headless Service lead to the pods themselves, on any port.
    return model.ServicePort(port.protocol, port.number, port.number) if service.headless and port.number else None


def _same_pod(sender: Member, target: Member) -> bool:
    """A workload's representative stands for several pods, so it is not the same as itself."""
    return sender.pod is not None and sender.pod is target.pod and not sender.pod.is_template


def _positions(member: Member) -> t.Iterator[Position]:
    return itertools.chain.from_iterable(member.positions.values())


def _is_external(member: Member) -> bool:
    return all(position.kind == EXTERNAL for position in _positions(member))


def _is(protocol: str, number: int, port: Port) -> bool:
    return bool(number) and (protocol, number) == (port.protocol, port.number)


def _common(sender: Member, target: Member) -> t.Iterator[t.Tuple[int, t.Tuple[Position, ...], t.Tuple[Position, ...]]]:
    """The families in which both have an address; who does not know its own goes with any."""
    for family, froms in sender.positions.items():
        for other, tos in target.positions.items():
            if family == other or ANY_FAMILY in (family, other):
                yield family or other, froms, tos


def _plain(one: Position, other: Position, port: Port) -> Reading:
    notes = tuple(dict.fromkeys(filter(None, (one.note, other.note))))
    return Reading(Question(one, other, port), Question(other, one, port), notes)


def _with_unknown_node(reading: Reading) -> t.Iterator[Reading]:
    """A pod that has no node yet may come to be on the very node it is connected with, whose traffic is always allowed."""
    yield reading
    asked = reading.egress or reading.ingress
    if asked is None:
        return
    pair = {asked.subject.kind: asked.subject, asked.peer.kind: asked.peer}
    if set(pair) == {POD, NODE} and not all(position.node for position in pair.values()):
        yield Reading(notes=(*reading.notes, "the pod is on that node"))
