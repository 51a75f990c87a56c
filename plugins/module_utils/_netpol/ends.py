# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ends of a connection: what a name or an address stands for, and as what policies see it.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, model, profiles
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Classes

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

POD, NODE, EXTERNAL = "pod", "node", "external"
#: The family of an address that is not known.
ANY_FAMILY = 0

_EXAMPLE = "An end is ns/pod, ns/Kind/name of a workload or Service, Node/name, or an address."


@dataclasses.dataclass(frozen=True)
class Position:
    """One address of an end, as policies see it: its class, and the node it is on or is ("" is not known)."""

    kind: str
    one: int
    node: str = ""
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Member:
    """One pod, node or address. ``positions``: for each family of its addresses, the positions that are possible.

    ``pod`` is None for what is none.
    """

    name: str
    positions: t.Mapping[int, t.Tuple[Position, ...]]
    pod: t.Optional[model.Pod] = None


@dataclasses.dataclass(frozen=True)
class Ends:
    """What an end stands for: some members, or a Service. ``outside``: the Service is reached by an address outside the cluster's range."""

    members: t.Tuple[Member, ...] = ()
    service: t.Optional[model.Service] = None
    address: str = ""
    outside: bool = False


class Directory:
    """Finds ends in a world whose classes were made."""

    def __init__(self, world: World, classes: Classes) -> None:
        self._world = world
        self._classes = classes
        self._pieces = classes.vocabulary.pieces
        self._found: t.Dict[str, Ends] = {}

    def find(self, end: str) -> Ends:
        """What ``end`` stands for; BadInputError for what is not in the world."""
        if end not in self._found:
            self._found[end] = self._look_up(end)
        return self._found[end]

    def _look_up(self, end: str) -> Ends:
        parts = end.split("/")
        if len(parts) == 1:
            return self._by_address(end)
        if len(parts) == 2 and parts[0] == "Node":
            return Ends((self.node(parts[1], end),))
        if len(parts) == 3 and parts[1] == "Service":
            service = self._world.services.get(end)
            if service is None:
                raise self._unknown(end)
            return Ends(service=service)
        return Ends(self._pods(f"{parts[0]}/{parts[2]}" if len(parts) == 3 and parts[1] == "Pod" else end))

    def _pods(self, reference: str) -> t.Tuple[Member, ...]:
        numbers = self._world.members.get(reference)
        if numbers is None:
            raise self._unknown(reference)
        return tuple(map(self.pod, numbers))

    def _unknown(self, end: str) -> _errors.BadInputError:
        if end in self._world.ended:
            return _errors.BadInputError("the pod has ended, and is no end of any connection", end, "Ask for a pod that lives.")
        return _errors.BadInputError("no such pod, workload, Service or node is in the input", end, _EXAMPLE)

    def _by_address(self, text: str) -> Ends:
        try:
            address = addresses.parse(text)
        except ValueError as error:
            raise _errors.BadInputError("is neither a name with a slash nor an address", repr(text), _EXAMPLE) from error
        kind, name = self._world.by_address.get(address, (EXTERNAL, ""))
        if kind in ("service", "outside"):
            return Ends(service=self._world.services[name], address=text, outside=kind == "outside")
        if kind == POD:
            # Only this address of the pod.
            member = self._pods(name)[0]
            return Ends((dataclasses.replace(member, positions={address[0]: member.positions[address[0]]}),))
        if kind == NODE:
            return Ends((Member(text, {address[0]: (self._host(text, name),)}),), address=text)
        return Ends((self.external(text),), address=text)

    def external(self, text: str) -> Member:
        """An address outside the cluster."""
        address = addresses.parse(text)
        return Member(text, {address[0]: (Position(EXTERNAL, self._classes.outside(self._pieces.of(address))),)})

    def unblocked(self) -> int:
        """The class of addresses that no block contains."""
        return self._classes.outside(self._pieces.NONE)

    def node(self, name: str, end: str = "") -> Member:
        """A node, with all its addresses."""
        if name not in self._world.nodes:
            raise self._unknown(end or f"Node/{name}")
        return Member(f"Node/{name}", self._by_family(self._world.nodes[name].addresses, lambda text: self._host(text, name)))

    def _host(self, text: str, node: str) -> Position:
        matched = NODE in self._world.profile.blocks_match
        return Position(NODE, self._classes.outside(self._pieces.of(addresses.parse(text)) if matched else self._pieces.NONE), node)

    def _by_family(self, texts: t.Iterable[str], position: t.Callable[[str], Position]) -> t.Dict[int, t.Tuple[Position, ...]]:
        found: t.Dict[int, t.Tuple[Position, ...]] = {}
        for text in filter(addresses.is_address, texts):
            family = addresses.parse(text)[0]
            # Nodes may have several addresses; which one a packet bears is not known then.
            found[family] = tuple(dict.fromkeys((*found.get(family, ()), position(text))))
        return found

    def pod(self, number: int) -> Member:
        """A pod of the world, or the one that stands for a workload."""
        pod = self._world.pods[number]
        positions: t.Dict[int, t.Tuple[Position, ...]] = {}
        if not pod.host_network:
            positions = self._as_pod(number, pod)
        else:
            readings = self._world.profile.host_network
            as_node = self._as_node(pod) if profiles.AS_NODE in readings else {}
            as_pod = self._as_pod(number, pod) if profiles.AS_POD in readings else {}
            for family in (*as_node, *(family for family in as_pod if family not in as_node)):
                positions[family] = (*as_node.get(family, ()), *as_pod.get(family, ()))
        return Member(pod.reference, positions, pod)

    def _as_pod(self, number: int, pod: model.Pod) -> t.Dict[int, t.Tuple[Position, ...]]:
        host = f"pods on their node's network count {profiles.AS_POD}" if pod.host_network else ""
        found: t.Dict[int, t.Tuple[Position, ...]] = {}
        pieces = pod_pieces(self._world, self._pieces, pod)
        for family, piece in pieces:
            address = f"{pod.reference} gets an address {self._pieces.describe(piece)}" if pod.is_template and len(pieces) > 1 else ""
            note = ", ".join(filter(None, (host, address)))
            position = Position(POD, self._classes.of_pod(number, piece), pod.node, note)
            found[family] = (*found.get(family, ()), position)
        return found

    def _as_node(self, pod: model.Pod) -> t.Dict[int, t.Tuple[Position, ...]]:
        """What does not know its node yet may have any address."""
        note = f"pods on their node's network count {profiles.AS_NODE}"
        known = pod.addresses or (self._world.nodes[pod.node].addresses if pod.node in self._world.nodes else ())
        if known:
            found = self._by_family(known, lambda text: self._host(text, pod.node))
        else:
            pieces = self._pieces.within(addresses.whole(4)) if NODE in self._world.profile.blocks_match else (self._pieces.NONE,)
            found = {ANY_FAMILY: tuple(Position(NODE, self._classes.outside(piece), pod.node) for piece in pieces)}
        return {family: tuple(dataclasses.replace(one, note=note) for one in several) for family, several in found.items()}


def pod_pieces(world: World, pieces: addresses.Pieces, pod: model.Pod) -> t.List[t.Tuple[int, int]]:
    """(family, piece) of each address that ``pod`` has or could have.

    A workload's pods could have any of the pods' ranges; a pod that waits for its address is in no block.
    """
    matched = POD in world.profile.blocks_match
    if pod.addresses:
        return [(6 if ":" in text else 4, pieces.of_text(text) if matched else pieces.NONE) for text in pod.addresses]
    if not pod.is_template or not matched:
        return [(ANY_FAMILY, pieces.NONE)]
    # One family of ranges only, or families that a workload's pods have both: each is judged by itself.
    places = world.pod_ranges or (addresses.whole(4),)
    return list(dict.fromkeys((place.family, piece) for place in places for piece in pieces.within(place)))
