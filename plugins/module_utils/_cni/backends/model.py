# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a backend of flannel is: its options, and what it puts on a node.

Pure: no I/O. Private: may change at any time. MTUs are bytes.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot

#: (destination, gateway, device, onlink): a route of the main table, reduced to what decides where a packet goes.
RouteKey = t.Tuple[str, str, str, bool]
#: (address, device, MAC)
NeighbourKey = t.Tuple[str, str, str]
#: (MAC, device, outer address)
FdbKey = t.Tuple[str, str, str]


@dataclasses.dataclass(frozen=True)
class Option:
    """An option of net-conf.json's Backend. ``low`` and ``high`` bound a number; a secret is never shown."""

    kind: type
    default: t.Any = None
    low: int = 0
    high: int = 0
    choices: t.Tuple[str, ...] = ()
    secret: bool = False


@dataclasses.dataclass(frozen=True)
class Peer:
    """A node as it announces itself to the others: out of its Node object.

    ``backend`` is the Type it announces (``""`` stands for udp, which announces none), ``data`` and ``data_v6`` what that backend says
    of itself there. ``subnet`` and ``address`` are of IPv4, the others of IPv6; empty where the node has none.
    """

    name: str
    subnet: str = ""
    address: str = ""
    subnet_v6: str = ""
    address_v6: str = ""
    backend: str = ""
    data: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    data_v6: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    announced: bool = True
    #: Its outer address as a family and a number, if it is one: every node asks of every peer whether it is near.
    number: t.Optional[t.Tuple[int, int]] = dataclasses.field(init=False, repr=False, compare=False, default=None)

    def __post_init__(self) -> None:
        try:
            parsed = ipaddress.ip_address(self.address or self.address_v6)
        except ValueError:
            return
        object.__setattr__(self, "number", (parsed.version, int(parsed)))


@dataclasses.dataclass(frozen=True)
class Underlay:
    """The network below, as one node sees it: the device that flanneld takes, its MTU, and its addresses."""

    device: str
    mtu: int
    address: str = ""
    address_v6: str = ""


@dataclasses.dataclass(frozen=True)
class Own:
    """What a node has whoever its peers are. Of a link only what is set counts: a MAC of ``""`` may be any."""

    links: t.Tuple[snapshot.Link, ...] = ()
    addresses: t.Tuple[t.Tuple[str, str, int], ...] = ()
    routes: t.Tuple[RouteKey, ...] = ()
    listeners: t.Tuple[snapshot.Listener, ...] = ()


@dataclasses.dataclass(frozen=True)
class Way:
    """What a node has for one peer."""

    routes: t.Tuple[RouteKey, ...] = ()
    neighbours: t.Tuple[NeighbourKey, ...] = ()
    fdb: t.Tuple[FdbKey, ...] = ()


class Settings(t.Protocol):
    """What a backend needs of net-conf.json: the ranges, and its options with their defaults filled in."""

    @property
    def network(self) -> str: ...
    @property
    def ipv6_network(self) -> str: ...
    @property
    def options(self) -> t.Mapping[str, t.Any]: ...


class Backend(t.Protocol):
    """What each file beside this one has at its top level."""

    #: Backend.Type
    NAME: str
    #: How packets travel with it, for people who never met it.
    ABOUT: str
    OPTIONS: t.Mapping[str, Option]
    #: Families (4, 6) it can carry.
    FAMILIES: t.Tuple[int, ...]

    def mtu(self, settings: Settings, underlay: Underlay) -> int:
        """The MTU of pods."""

    def can_be_direct(self, settings: Settings) -> bool:
        """Whether peers in the same subnet get a plain route."""

    def own(self, settings: Settings, peer: Peer, underlay: Underlay) -> Own:
        """What node ``peer`` itself has."""

    def way(self, settings: Settings, peer: Peer, underlay: Underlay, direct: bool) -> Way:
        """What a node with that underlay has for ``peer``; ``direct`` is whether the peer is in its subnet."""

    def hears(self, peer: Peer) -> bool:
        """Whether flanneld takes notice of what this peer announces."""
