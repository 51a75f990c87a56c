# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Frames as a packet socket gives them, tunnels' packets included."""

from __future__ import annotations

import dataclasses
import socket
import struct

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._node import frames
from ansible_collections.podnet.cni.plugins.module_utils._node.frames import Outer, Seen

BARE = 65534  # ARPHRD_NONE, as of a tun device
MACS = bytes(12)


def ipv4(source: str, target: str, protocol: int, body: bytes) -> bytes:
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0)
    return header + socket.inet_aton(source) + socket.inet_aton(target) + body


def ipv6(source: str, target: str, protocol: int, body: bytes) -> bytes:
    header = struct.pack("!IHBB", 6 << 28, len(body), protocol, 64)
    return header + socket.inet_pton(socket.AF_INET6, source) + socket.inet_pton(socket.AF_INET6, target) + body


def udp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack("!HHHH", source, target, 8 + len(payload), 0) + payload


def tcp(source: int, target: int, payload: bytes) -> bytes:
    return struct.pack("!HHIIBBHHH", source, target, 7, 8, 6 << 4, 2, 0, 0, 0) + b"opts" + payload


def ethernet(packet: bytes, kind: int = 0x0800) -> bytes:
    return MACS + struct.pack("!H", kind) + packet


INNER = ipv4("10.0.0.1", "10.0.0.2", 17, udp(1000, 53, b"mark"))
SEEN = Seen("10.0.0.1", "10.0.0.2", "udp", 1000, 53, payload=b"mark")
VXLAN = udp(5555, 8472, struct.pack("!II", 0x08000000, 7 << 8) + ethernet(INNER))


def outside(kind: int, body: bytes) -> bytes:
    return ipv4("192.0.2.1", "192.0.2.2", kind, body)


@pytest.mark.parametrize(
    ("frame", "hardware", "expected"),
    [
        pytest.param(ethernet(INNER), frames.ETHERNET, SEEN, id="udp"),
        pytest.param(INNER, BARE, SEEN, id="a device without Ethernet"),
        pytest.param(ethernet(INNER + bytes(20)), frames.ETHERNET, SEEN, id="padded"),
        pytest.param(ethernet(b"\0\x05\x08\0" + INNER, 0x8100), frames.ETHERNET, SEEN, id="vlan"),
        pytest.param(
            ethernet(ipv4("10.0.0.1", "10.0.0.2", 6, tcp(1000, 80, b"mark"))),
            frames.ETHERNET,
            Seen("10.0.0.1", "10.0.0.2", "tcp", 1000, 80, 7, 8, b"mark"),
            id="tcp with options",
        ),
        pytest.param(
            ethernet(ipv6("fd00::1", "fd00::2", 17, udp(1, 2, b"x")), 0x86DD),
            frames.ETHERNET,
            Seen("fd00::1", "fd00::2", "udp", 1, 2, payload=b"x"),
            id="ipv6",
        ),
        pytest.param(
            ethernet(outside(17, VXLAN)),
            frames.ETHERNET,
            dataclasses.replace(SEEN, outer=Outer("192.0.2.1", "192.0.2.2", 8472, 7)),
            id="vxlan",
        ),
        pytest.param(
            ethernet(outside(17, udp(8285, 8285, INNER))),
            frames.ETHERNET,
            dataclasses.replace(SEEN, outer=Outer("192.0.2.1", "192.0.2.2", 8285)),
            id="flannel's udp",
        ),
        pytest.param(
            ethernet(outside(4, INNER)), frames.ETHERNET, dataclasses.replace(SEEN, outer=Outer("192.0.2.1", "192.0.2.2")), id="ipip"
        ),
        pytest.param(ethernet(outside(1, b"ping")), frames.ETHERNET, None, id="neither tcp nor udp"),
        pytest.param(ethernet(INNER)[:30], frames.ETHERNET, None, id="cut short"),
        pytest.param(ethernet(b"\0" * 28, 0x0806), frames.ETHERNET, None, id="arp"),
        pytest.param(b"", frames.ETHERNET, None, id="nothing"),
    ],
)
def test_read(frame: bytes, hardware: int, expected: Seen | None) -> None:
    assert frames.read(frame, hardware) == expected
