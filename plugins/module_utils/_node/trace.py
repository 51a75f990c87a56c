# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends a few packets that can be recognized wherever they come by, and listens for them on all devices of a node.

Of TCP it is a SYN with the mark in its payload. Its sequence number is a mark as well, which the answer repeats, whatever addresses and
ports were translated on the way. The sender's kernel knows of no such connection and resets it, so nothing stays open. Private: may
change at any time.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import errno
import os
import socket
import struct
import time
import typing as t
import zlib

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._node import frames

_EVERY_PROTOCOL = 3  # ETH_P_ALL
_OUTGOING = 4  # PACKET_OUTGOING
_ATTACH_FILTER = 26  # SO_ATTACH_FILTER
_BUFFER, _ROOM = 33, 2**24  # SO_RCVBUFFORCE: a busy processor may leave this without its turn for a second
_PACKET_LEVEL, _STATISTICS = 263, 6  # SOL_PACKET, PACKET_STATISTICS
_NEW_NETWORK = 0x40000000  # CLONE_NEWNET
_CHECKSUM = 7  # IPV6_CHECKSUM
_LARGEST = 400
#: Sightings after which a trace ends: enough for 100 packets of 10 traces at 10 places and their answers.
MOST = 20000
_FIRST_PORT = 40000
#: Between the sequence numbers of two packets, and the most of these.
_APART = 256
_WORD = b"podnet.cni trace "


@dataclasses.dataclass(frozen=True)
class Sender:
    """From where and to where. ``process`` is one in whose network it is sent; 0 is the node's own."""

    source: str
    target: str
    protocol: str
    port: int
    process: int = 0


@dataclasses.dataclass(frozen=True)
class Pace:
    """Listens for ``seconds``, and sends ``count`` packets of each trace but in the first ``lead`` and the last ``rest`` of them."""

    seconds: float = 6.0
    count: int = 5
    lead: float = 1.5
    rest: float = 1.0

    @property
    def interval(self) -> float:
        return max(0.0, self.seconds - self.lead - self.rest) / self.count


@dataclasses.dataclass(frozen=True)
class Sighting:
    """A packet of a trace on a device: ``number`` says which, ``answer`` whether it is what came back, ``leaving`` the direction."""

    trace: str
    device: str
    number: int
    answer: bool
    leaving: bool
    source: str
    target: str
    protocol: str
    target_port: int
    outer: t.Optional[frames.Outer] = None


@dataclasses.dataclass
class Result:
    """What was seen, and how many packets came by unseen because this was busy.

    ``began`` and ``ended`` bound the time in which it listened, ``sent`` are the moments of the packets; all in seconds since the epoch.
    """

    sightings: t.List[Sighting] = dataclasses.field(default_factory=list)
    missed: int = 0
    began: float = 0.0
    ended: float = 0.0
    sent: t.List[float] = dataclasses.field(default_factory=list)


class Mark:
    """How the packets of one trace are known. Two traces at one time have different texts."""

    def __init__(self, text: str) -> None:
        self._word = _WORD + text.encode() + b" "
        # Room for numbers above it, each with a payload's length to acknowledge.
        self._base = zlib.crc32(self._word) & 0xFFFF0000

    def payload(self, number: int) -> bytes:
        return self._word + str(number).encode() + b"\n"

    def sequence(self, number: int) -> int:
        return self._base + number * _APART

    def find(self, seen: frames.Seen) -> t.Optional[t.Tuple[int, bool]]:
        """Number of the packet, and whether it is an answer to it."""
        if seen.payload.startswith(self._word):
            digits = seen.payload[len(self._word) :].partition(b"\n")[0]
            return (int(digits), False) if digits.isdigit() else None
        number, more = divmod(seen.acknowledged - 1 - self._base, _APART)
        # Who accepts acknowledges the SYN alone, who refuses what came with it, too.
        if seen.protocol == "tcp" and 0 <= number < _APART and not seen.payload and more in (0, len(self.payload(number))):
            return number, True
        return None


def run(marks: t.Mapping[str, Mark], senders: t.Mapping[str, Sender], tunnels: t.Mapping[int, str], pace: Pace) -> Result:
    """Listens for the packets of all traces, and sends those of the ``senders``; both are by the trace's name."""
    emitters = [_emitter(marks[name], sender) for name, sender in senders.items()]
    result = Result()
    with _listener() as listening:
        started = time.monotonic()
        result.began = time.time()
        while len(result.sightings) < MOST:
            now = time.monotonic() - started
            if now >= pace.seconds:
                break
            number = len(result.sent)
            if emitters and number < pace.count and now >= pace.lead + number * pace.interval:
                result.sent.append(time.time())
                for emit in emitters:
                    emit(number)
            result.sightings.extend(_next(listening, marks, tunnels))
        result.ended = time.time()
        result.missed = _missed(listening)
    return result


def _next(listening: socket.socket, marks: t.Mapping[str, Mark], tunnels: t.Mapping[int, str]) -> t.Iterator[Sighting]:
    """One packet of a trace; none when another one or none came."""
    try:
        frame, (device, _protocol, kind, hardware, _address) = listening.recvfrom(65535)
    except socket.timeout:
        return
    seen = frames.read(frame, hardware, tunnels)
    if seen is None:
        return
    for name, mark in marks.items():
        known = mark.find(seen)
        if known is not None:
            yield Sighting(name, device, *known, kind == _OUTGOING, seen.source, seen.target, seen.protocol, seen.target_port, seen.outer)


@contextlib.contextmanager
def _listener() -> t.Iterator[socket.socket]:
    """A packet socket for all devices that gets small packets only: a node may carry many large ones, and none of them is of a trace."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_EVERY_PROTOCOL)) as listening:
        # Classic BPF: load the length; if it is larger, return 0 bytes, else all of them.
        program = b"".join(
            struct.pack("HBBI", *step) for step in ((0x80, 0, 0, 0), (0x25, 0, 1, _LARGEST), (0x06, 0, 0, 0), (0x06, 0, 0, 0x40000))
        )
        code = ctypes.create_string_buffer(program, len(program))
        listening.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
        listening.setsockopt(socket.SOL_SOCKET, _BUFFER, _ROOM)
        listening.settimeout(0.05)
        yield listening


def _missed(listening: socket.socket) -> int:
    """Packets that came while this was busy."""
    _all, dropped = struct.unpack("II", listening.getsockopt(_PACKET_LEVEL, _STATISTICS, 8))
    return int(dropped)


def _emitter(mark: Mark, sender: Sender) -> t.Callable[[int], None]:
    """Sends the packet of a number, each from another port: a Service may lead it to another pod."""
    version = 6 if ":" in sender.target else 4
    family = socket.AF_INET6 if version == 6 else socket.AF_INET
    if sender.protocol == "udp":
        return lambda number: _send_udp(family, sender, mark.payload(number))
    with _inside(sender.process):
        raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    if version == 6:
        raw.setsockopt(socket.IPPROTO_IPV6, _CHECKSUM, 16)
    raw.bind((sender.source, 0))

    def emit(number: int) -> None:
        segment = _syn(sender, _FIRST_PORT + number, mark.sequence(number), mark.payload(number))
        with _told_by_others():
            raw.sendto(segment, (sender.target, 0))

    return emit


def _send_udp(family: int, sender: Sender, payload: bytes) -> None:
    """Each from a socket of its own, to which the kernel gives a free port."""
    with _inside(sender.process):
        datagram = socket.socket(family, socket.SOCK_DGRAM)
    with datagram, _told_by_others():
        datagram.bind((sender.source, 0))
        datagram.sendto(payload, (sender.target, sender.port))


@contextlib.contextmanager
def _told_by_others() -> t.Iterator[None]:
    """A packet that a rule or a route refuses is no error here: that nobody saw it is what the trace is to tell.

    Linux answers EPERM for a rule, and of routes EINVAL for a blackhole, EACCES for a prohibition, else that nothing is reached.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ECONNREFUSED, errno.EACCES, errno.EINVAL):
            raise


@contextlib.contextmanager
def _inside(process: int) -> t.Iterator[None]:
    """In the network of another process; what is opened there stays there."""
    if not process:
        yield
        return
    library = ctypes.CDLL(None, use_errno=True)
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    try:
        other = os.open(f"/proc/{process}/ns/net", os.O_RDONLY)
        try:
            _enter(library, other)
            try:
                yield
            finally:
                _enter(library, own)
        finally:
            os.close(other)
    finally:
        os.close(own)


def _enter(library: t.Any, namespace: int) -> None:
    if library.setns(namespace, _NEW_NETWORK):
        raise _errors.NodeError(
            f"cannot enter the pod's network: {os.strerror(ctypes.get_errno())}", next_step="Run this as root on the node."
        )


def _syn(sender: Sender, port: int, sequence: int, payload: bytes) -> bytes:
    """A TCP segment that opens a connection."""
    header = struct.pack("!HHIIBBHHH", port, sender.port, sequence, 0, 5 << 4, 0x02, 64240, 0, 0)
    segment = header + payload
    if ":" in sender.target:
        return segment  # the kernel puts the checksum in
    ends = socket.inet_aton(sender.source) + socket.inet_aton(sender.target)
    return (
        segment[:16]
        + struct.pack("!H", _checksum(ends + struct.pack("!BBH", 0, socket.IPPROTO_TCP, len(segment)) + segment))
        + segment[18:]
    )


def _checksum(data: bytes) -> int:
    """Source: RFC 1071."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
