# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A packet, the places that it passes, and what becomes of it.

Pure: no I/O. Private: may change at any time. Addresses are text without a prefix length; a port of 0 is one that is not known.
"""

from __future__ import annotations

import dataclasses
import typing as t

#: What becomes of a packet.
DELIVERED, LOST, LEFT = "delivered", "lost", "left"


@dataclasses.dataclass(frozen=True)
class Packet:
    """The headers of a packet that decide where it goes. ``mark`` is the kernel's own, and travels no further than a node."""

    source: str
    target: str
    protocol: str = "tcp"
    source_port: int = 0
    target_port: int = 0
    mark: int = 0

    def __str__(self) -> str:
        return f"{self.protocol} {_end(self.source, self.source_port)} -> {_end(self.target, self.target_port)}"

    @property
    def answer(self) -> Packet:
        """The packet that comes back."""
        return Packet(self.target, self.source, self.protocol, self.target_port, self.source_port)

    @property
    def unmarked(self) -> Packet:
        return dataclasses.replace(self, mark=0)


@dataclasses.dataclass(frozen=True)
class Outer:
    """The packet around a packet in a tunnel. ``vni`` is VXLAN's number; 0 where there is none."""

    source: str
    target: str
    port: int
    kind: str
    vni: int = 0

    def __str__(self) -> str:
        number = f" VNI {self.vni}" if self.vni else ""
        return f"{self.kind}{number} in udp {self.source} -> {_end(self.target, self.port)}"


@dataclasses.dataclass(frozen=True)
class Hop:
    """One thing that happens to a packet. ``node`` is empty outside of the cluster; ``device`` is where it is, if it is on one.

    ``what`` is one of `WHAT`, ``why`` the table, rule or fact that decides, in words; ``rules`` are those of iptables that led there.
    """

    node: str
    what: str
    device: str
    why: str
    packet: Packet
    outer: t.Optional[Outer] = None
    rules: t.Tuple[str, ...] = ()

    @property
    def is_sighting(self) -> bool:
        """Whether somebody who listens on the device sees the packet at this hop."""
        return bool(self.device) and self.what in _SEEN

    def __str__(self) -> str:
        place = ":".join(part for part in (self.node or "outside", self.device) if part)
        return f"{place}: {self.what}: {self.outer or self.packet} ({self.why})"


#: In the order in which they may come on a node.
WHAT = (
    "leaves",  # the pod, or the node's own program, that sends it
    "arrives",  # by a network card
    "unwrapped",  # out of a tunnel
    "bridged",  # by the bridge of the node's pods, which hands it to the node or has it from there
    "switched",  # by the bridge, from one pod to another
    "translated",  # another target, by a Service
    "filtered",  # a rule lets it pass or stops it
    "routed",
    "masqueraded",  # another source
    "wrapped",  # into a tunnel
    "sent",  # by a network card
    "delivered",
    "lost",
)
_SEEN = ("leaves", "arrives", "unwrapped", "bridged", "wrapped", "sent", "delivered")


@dataclasses.dataclass(frozen=True)
class Path:
    """One way that a packet may take, and the share of packets (0 to 1) that take it.

    ``doubts`` are rules that could not be judged and might stop it.
    """

    hops: t.Tuple[Hop, ...]
    outcome: str
    probability: float = 1.0
    doubts: t.Tuple[str, ...] = ()

    @property
    def last(self) -> Hop:
        return self.hops[-1]


def _end(address: str, port: int) -> str:
    if not port:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
