# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads frames as a packet socket gives them, tunnels' packets and what is in them included.

Source: RFC 791, 8200, 768, 9293, 7348; flannel's ``udp`` backend has a bare IP packet in its UDP packet. Pure: no I/O. Private: may
change at any time.
"""

from __future__ import annotations

import dataclasses
import socket
import struct
import typing as t

ETHERNET = 1  # ARPHRD_ETHER; a device of another kind has the IP packet alone
_IPV4, _IPV6, _VLAN = 0x0800, 0x86DD, 0x8100
_TCP, _UDP, _IPIP = 6, 17, 4
#: UDP ports by which a tunnel's packet is known, and what is in it.
TUNNELS: t.Mapping[int, str] = {8472: "vxlan", 4789: "vxlan", 8285: "udp"}


@dataclasses.dataclass(frozen=True)
class Outer:
    """The packet of a tunnel; ``vni`` is VXLAN's number, 0 where there is none."""

    source: str
    target: str
    port: int = 0
    vni: int = 0


@dataclasses.dataclass(frozen=True)
class Seen:
    """The headers of a TCP or UDP packet. Of TCP ``sequence`` and ``acknowledged`` are its numbers, and ``payload`` is what it carries.

    ``outer`` is the tunnel's packet around it, if there is one.
    """

    source: str
    target: str
    protocol: str
    source_port: int
    target_port: int
    sequence: int = -1
    acknowledged: int = -1
    payload: bytes = b""
    outer: t.Optional[Outer] = None


def read(frame: bytes, hardware: int, tunnels: t.Mapping[int, str] = TUNNELS) -> t.Optional[Seen]:
    """The packet inside; nothing for what is neither TCP nor UDP, or cut short."""
    try:
        return _ip(_without_ethernet(frame) if hardware == ETHERNET else frame, tunnels, None)
    except (struct.error, ValueError, IndexError):
        return None


def _without_ethernet(frame: bytes) -> bytes:
    (kind,) = struct.unpack_from("!H", frame, 12)
    if kind == _VLAN:
        return frame[18:]
    return frame[14:] if kind in (_IPV4, _IPV6) else b""


def _ip(packet: bytes, tunnels: t.Mapping[int, str], outer: t.Optional[Outer]) -> t.Optional[Seen]:
    if not packet:
        return None
    version = packet[0] >> 4
    if version == 4:
        header = (packet[0] & 15) * 4
        (length,) = struct.unpack_from("!H", packet, 2)
        protocol, ends = packet[9], (socket.inet_ntop(socket.AF_INET, packet[12:16]), socket.inet_ntop(socket.AF_INET, packet[16:20]))
        body = packet[header:length]
    elif version == 6:
        (length,) = struct.unpack_from("!H", packet, 4)
        protocol, ends = packet[6], (socket.inet_ntop(socket.AF_INET6, packet[8:24]), socket.inet_ntop(socket.AF_INET6, packet[24:40]))
        body = packet[40 : 40 + length]
    else:
        return None
    if protocol == _IPIP and outer is None:
        return _ip(body, tunnels, Outer(*ends))
    if protocol == _UDP:
        return _udp(body, ends, tunnels, outer)
    return _tcp(body, ends, outer) if protocol == _TCP else None


_Ends = t.Tuple[str, str]


def _udp(body: bytes, ends: _Ends, tunnels: t.Mapping[int, str], outer: t.Optional[Outer]) -> t.Optional[Seen]:
    source_port, target_port = struct.unpack_from("!HH", body)
    inside = body[8:]
    kind = tunnels.get(target_port) if outer is None else None
    if kind == "vxlan":
        (number,) = struct.unpack_from("!I", inside, 4)
        return _ip(_without_ethernet(inside[8:]), tunnels, Outer(*ends, target_port, number >> 8))
    if kind == "udp":
        return _ip(inside, tunnels, Outer(*ends, target_port))
    return Seen(*ends, "udp", source_port, target_port, payload=inside, outer=outer)


def _tcp(body: bytes, ends: _Ends, outer: t.Optional[Outer]) -> Seen:
    source_port, target_port, sequence, acknowledged, offset = struct.unpack_from("!HHIIB", body)
    return Seen(*ends, "tcp", source_port, target_port, sequence, acknowledged, body[(offset >> 4) * 4 :], outer)
