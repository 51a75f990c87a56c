# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ends of a connection: what a name or an address stands for, and as what policies see it.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
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


def reference(end: str) -> str:
    """The reference of pods that an end names: a pod may also be written as workloads are, ``ns/Pod/name``."""
    namespace, _, rest = end.partition("/")
    return f"{namespace}/{rest[len('Pod/') :]}" if rest.startswith("Pod/") else end


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
        return Ends(self._pods(reference(end)))

    def _pods(self, name: str) -> t.Tuple[Member, ...]:
        numbers = self._world.members.get(name)
        if numbers is None:
            raise self._unknown(name)
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
        """What does not know its node yet may come to any."""
        note = f"pods on their node's network count {profiles.AS_NODE}"
        found: t.Dict[int, t.Tuple[Position, ...]] = {}
        for node, texts in host_addresses(self._world, pod).items():
            for family, several in self._by_family(texts, functools.partial(self._host, node=node)).items():
                noted = (dataclasses.replace(one, note=note if pod.node else f"{note}, {node}") for one in several)
                found[family] = (*found.get(family, ()), *noted)
        if not found:
            pieces = self._pieces.within(addresses.whole(4)) if NODE in self._world.profile.blocks_match else (self._pieces.NONE,)
            found[ANY_FAMILY] = tuple(Position(NODE, self._classes.outside(piece), pod.node, note) for piece in pieces)
        return found


def host_addresses(world: World, pod: model.Pod) -> t.Mapping[str, t.Sequence[str]]:
    """Node -> addresses, for the nodes on which a pod on its node's network is or may come to be; empty where nothing is known."""
    if pod.addresses:
        return {pod.node: pod.addresses}
    if pod.node:
        return {pod.node: world.nodes[pod.node].addresses} if pod.node in world.nodes else {}
    return {name: node.addresses for name, node in world.nodes.items()}


def pieces_of_pod(world: World, pieces: addresses.Pieces, pod: model.Pod) -> t.Iterable[int]:
    """The pieces in which ``pod`` has or could have an address; none, if policies see no pod there but its node."""
    if pod.host_network and profiles.AS_POD not in world.profile.host_network:
        return ()
    if pieces.count == 1:
        return (pieces.NONE,)
    return dict.fromkeys([piece for _, piece in pod_pieces(world, pieces, pod)])


def pod_pieces(world: World, pieces: addresses.Pieces, pod: model.Pod) -> t.List[t.Tuple[int, int]]:
    """(family, piece) of each address that ``pod`` has or could have.

    A workload's pods could have any of the pods' ranges, or of the nodes' addresses on their network; a pod that waits for its address
    is in no block.
    """
    if POD not in world.profile.blocks_match:
        families = dict.fromkeys(6 if ":" in text else 4 for text in pod.addresses)
        return [(family, pieces.NONE) for family in families or (ANY_FAMILY,)]
    texts: t.Sequence[str] = pod.addresses
    if pod.host_network and not texts:
        texts = [text for several in host_addresses(world, pod).values() for text in several if addresses.is_address(text)]
    if texts:
        return list(dict.fromkeys([(6 if ":" in text else 4, pieces.of_text(text)) for text in texts]))
    if not pod.is_template:
        return [(ANY_FAMILY, pieces.NONE)]
    # Whatever families the ranges are of, the pods have an address of each; each is judged by itself.
    places = world.pod_ranges if world.pod_ranges and not pod.host_network else (addresses.whole(4),)
    return list(dict.fromkeys((place.family, piece) for place in places for piece in pieces.within(place)))
