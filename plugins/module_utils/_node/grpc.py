# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Unary gRPC calls over a unix socket, in the standard library: as much of HTTP/2 and HPACK as one client needs.

Nodes have no gRPC library and often no crictl. Calls run one after another on one connection, requests are a few bytes
and answers a few dozen kilobytes, so there is no flow control to speak of: the client opens its windows wide at once.
The client announces a header table of size zero, hence a server refers to no earlier header. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import struct
import time
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError

UNIMPLEMENTED = 12

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

# Frame types and flags of RFC 9113.
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 0, 1, 3, 4, 6, 7, 8, 9
ACK = END_STREAM = 0x1
END_HEADERS, PADDED, PRIORITY = 0x4, 0x8, 0x20

#: HEADER_TABLE_SIZE 0, ENABLE_PUSH 0, INITIAL_WINDOW_SIZE as large as can be.
_SETTINGS = struct.pack(">HIHIHI", 1, 0, 2, 0, 4, 2**31 - 1)
#: The connection's own window starts at 65535 whatever the settings say.
_WINDOW = struct.pack(">I", 2**31 - 1 - 65535)
#: The largest frame a server may send to a client that did not ask for larger ones. Another protocol shows here first.
_LARGEST_FRAME = 16384
_LARGEST_ANSWER = 64 * 2**20

_CLOSED = "the server closed the connection"


class CallError(NodeError):
    """The server answered with a gRPC status other than 0."""

    def __init__(self, what: str, where: str, status: int) -> None:
        super().__init__(what, where)
        self.status = status


@dataclasses.dataclass(frozen=True)
class Frame:
    """One HTTP/2 frame."""

    kind: int
    flags: int
    stream: int
    payload: bytes = b""

    def encode(self) -> bytes:
        return struct.pack(">I", len(self.payload))[1:] + struct.pack(">BBI", self.kind, self.flags, self.stream) + self.payload

    @property
    def content(self) -> bytes:
        """The payload of a DATA or HEADERS frame without padding and priority."""
        start, end = 0, len(self.payload)
        if self.flags & PADDED and self.kind in (DATA, HEADERS) and self.payload:
            start, end = 1, end - self.payload[0]
        if self.flags & PRIORITY and self.kind == HEADERS:
            start += 5
        return self.payload[start:end]


@contextlib.contextmanager
def connect(path: str, timeout: float) -> t.Iterator[Channel]:
    """A connection to the socket ``path``, good for ``timeout`` seconds in all."""
    deadline = time.monotonic() + timeout
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.settimeout(timeout)
            connection.connect(path)
        except OSError as error:
            raise NodeError(f"cannot connect: {error.strerror or error}", path) from error
        yield Channel(connection, path, deadline)


class Channel:
    """One HTTP/2 connection, used by one call after another."""

    def __init__(self, connection: socket.socket, path: str, deadline: float) -> None:
        self._socket = connection
        self._path = path
        self._deadline = deadline
        self._next_stream = 1
        self._send(PREFACE, Frame(SETTINGS, 0, 0, _SETTINGS).encode(), Frame(WINDOW_UPDATE, 0, 0, _WINDOW).encode())

    def call(self, method: str, request: bytes) -> bytes:
        """The answer to one unary call; ``method`` is ``/package.Service/Method``."""
        stream, self._next_stream = self._next_stream, self._next_stream + 2
        self._send(
            Frame(HEADERS, END_HEADERS, stream, encode_headers(_request_headers(method))).encode(),
            Frame(DATA, END_STREAM, stream, struct.pack(">BI", 0, len(request)) + request).encode(),
        )
        answer = self._answer(stream)
        status = answer.headers.get("grpc-status", "")
        if status != "0":
            what = urllib.parse.unquote(answer.headers.get("grpc-message", "")) or "the answer has no gRPC status"
            raise CallError(f"{method}: {what}", self._path, int(status) if status.isdigit() else -1)
        return self._message(answer.body)

    def _answer(self, stream: int) -> _Answer:
        """All headers and data of one stream, up to its end."""
        answer = _Answer()
        while not answer.complete:
            frame = self._receive()
            if frame.stream == 0:
                self._serve(frame)
            elif frame.stream == stream:
                self._add(answer, frame)
        return answer

    def _add(self, answer: _Answer, frame: Frame) -> None:
        if frame.kind == RST_STREAM:
            raise NodeError("the server reset the call", self._path)
        try:
            answer.add(frame)
        except ValueError as error:
            raise NodeError(f"the answer cannot be read: {error}", self._path) from error

    def _serve(self, frame: Frame) -> None:
        """Does what a frame about the connection as a whole asks for."""
        if frame.kind == GOAWAY:
            raise NodeError("the server closes the connection", self._path)
        if frame.kind in (SETTINGS, PING) and not frame.flags & ACK:
            payload = frame.payload if frame.kind == PING else b""
            self._send(Frame(frame.kind, ACK, 0, payload).encode())

    def _message(self, body: bytes) -> bytes:
        if len(body) < 5:
            raise NodeError("the answer has no message", self._path)
        compressed, length = struct.unpack(">BI", body[:5])
        if compressed or length != len(body) - 5:
            raise NodeError("the answer's message is compressed or cut short", self._path)
        return body[5:]

    def _receive(self) -> Frame:
        length, kind, flags, stream = struct.unpack(">IBBI", b"\0" + self._read(9))
        if length > _LARGEST_FRAME:
            raise NodeError("does not speak HTTP/2", self._path)
        return Frame(kind, flags, stream & 0x7FFFFFFF, self._read(length))

    def _read(self, size: int) -> bytes:
        chunks: t.List[bytes] = []
        while size > 0:
            try:
                self._socket.settimeout(self._remaining())
                chunk = self._socket.recv(size)
            except OSError as error:
                raise NodeError(_broken("no answer", error), self._path) from error
            if not chunk:
                raise NodeError(_CLOSED, self._path)
            chunks.append(chunk)
            size -= len(chunk)
        return b"".join(chunks)

    def _send(self, *parts: bytes) -> None:
        try:
            self._socket.settimeout(self._remaining())
            self._socket.sendall(b"".join(parts))
        except OSError as error:
            raise NodeError(_broken("cannot send", error), self._path) from error

    def _remaining(self) -> float:
        # Never zero, which would mean "do not block" to the socket.
        return max(self._deadline - time.monotonic(), 0.001)


def _broken(what: str, error: OSError) -> str:
    return _CLOSED if isinstance(error, ConnectionError) else f"{what}: {error.strerror or error}"


class _Answer:
    """Puts one stream's frames together."""

    def __init__(self) -> None:
        self.headers: t.Dict[str, str] = {}
        self.body = b""
        self._block = b""
        self._ended = False

    @property
    def complete(self) -> bool:
        # A header block may go on in CONTINUATION frames after the frame that ends the stream.
        return self._ended and not self._block

    def add(self, frame: Frame) -> None:
        """Takes one frame in; raises ValueError when it makes no sense."""
        if frame.kind == DATA:
            self.body += frame.content
        elif frame.kind in (HEADERS, CONTINUATION):
            self._block += frame.content
        if frame.kind in (DATA, HEADERS) and frame.flags & END_STREAM:
            self._ended = True
        if frame.kind in (HEADERS, CONTINUATION) and frame.flags & END_HEADERS:
            self.headers.update(decode_headers(self._block))
            self._block = b""
        if len(self.body) + len(self._block) > _LARGEST_ANSWER:
            raise ValueError("it is too large")


def _request_headers(method: str) -> t.Tuple[t.Tuple[str, str], ...]:
    return (
        (":method", "POST"),
        (":scheme", "http"),
        (":path", method),
        (":authority", "localhost"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    )


def encode_headers(headers: t.Iterable[t.Tuple[str, str]]) -> bytes:
    """HPACK, the simplest form: each header a literal that is not to be remembered. No text may be longer than 126 bytes."""
    block = b""
    for name, value in headers:
        block += b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()
    return block


def decode_headers(block: bytes) -> t.Dict[str, str]:
    """The headers whose names are spelt out. Those with a name from HPACK's tables say nothing that a gRPC client needs."""
    headers: t.Dict[str, str] = {}
    source = _Source(block)
    while source.left:
        first = source.peek()
        if first & 0x80:  # a whole header from a table
            source.integer(7)
            continue
        if first & 0xE0 == 0x20:  # a new size of the table that is not used
            source.integer(5)
            continue
        name = source.integer(6 if first & 0x40 else 4)
        spelt = source.text() if name == 0 else ""
        value = source.text()
        if spelt:
            headers[spelt] = value
    return headers


class _Source:
    """Takes HPACK's integers and strings from the front of a header block."""

    def __init__(self, block: bytes) -> None:
        self._block = block
        self._at = 0

    @property
    def left(self) -> int:
        return len(self._block) - self._at

    def peek(self) -> int:
        return self._block[self._at]

    def take(self, size: int) -> bytes:
        if size > self.left:
            raise ValueError("cut short")
        self._at += size
        return self._block[self._at - size : self._at]

    def integer(self, bits: int) -> int:
        """An integer that starts in the last ``bits`` bits of a byte."""
        most = (1 << bits) - 1
        value = self.take(1)[0] & most
        if value < most:
            return value
        for shift in range(0, 35, 7):
            byte = self.take(1)[0]
            value += (byte & 0x7F) << shift
            if not byte & 0x80:
                return value
        raise ValueError("a number is too long")

    def text(self) -> str:
        compressed = bool(self.left and self.peek() & 0x80)
        raw = self.take(self.integer(7))
        return decode_huffman(raw) if compressed else raw.decode("utf-8", "replace")


#: RFC 7541 appendix B by length of code, as far as printable ASCII goes (NUL only holds its place in the sequence).
#: The code is canonical: within a length codes count up with the character, and a longer one goes on where the shorter ended.
_HUFFMAN_LENGTHS = {
    5: "012aceiost",
    6: " %-./3456789=A_bdfghlmnpru",
    7: ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz",
    8: "&*,;XZ",
    10: '!"()?',
    11: "'+|",
    12: "#>",
    13: "\0$@[]~",
    14: "^}",
    15: "<`{",
    19: "\\",
}


def _huffman_codes() -> t.Dict[t.Tuple[int, int], str]:
    codes: t.Dict[t.Tuple[int, int], str] = {}
    code = previous = 0
    for length, characters in _HUFFMAN_LENGTHS.items():
        code <<= length - previous
        previous = length
        for character in characters:
            codes[length, code] = character
            code += 1
    return codes


_HUFFMAN = _huffman_codes()


def decode_huffman(data: bytes) -> str:
    """The text; gRPC sends printable ASCII only. Ones at the end are padding."""
    text: t.List[str] = []
    code = length = 0
    for byte in data:
        for shift in range(7, -1, -1):
            code, length = code << 1 | byte >> shift & 1, length + 1
            character = _HUFFMAN.get((length, code))
            if character is not None:
                text.append(character)
                code = length = 0
    if length > 7:
        raise ValueError("a character that is no printable ASCII")
    return "".join(text)
