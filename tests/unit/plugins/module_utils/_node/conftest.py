# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A gRPC server of a few lines on a real unix socket, that answers as a test tells it to."""

from __future__ import annotations

import socket
import struct
import tempfile
import threading
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._node import grpc

#: From a call's stream and path to the frames of its answer. None hangs up.
Script = t.Callable[[int, str], t.Sequence[grpc.Frame] | None]


def message(content: bytes) -> bytes:
    """``content`` as gRPC frames it."""
    return struct.pack(">BI", 0, len(content)) + content


def answer(stream: int, content: bytes, *, chunk: int = 16384) -> list[grpc.Frame]:
    """A good answer, its data in frames of at most ``chunk`` bytes."""
    framed = message(content)
    data = [grpc.Frame(grpc.DATA, 0, stream, framed[at : at + chunk]) for at in range(0, len(framed), chunk)]
    return [headers(stream, [("x", "y")]), *data, headers(stream, [("grpc-status", "0")], end=True)]


def failure(stream: int, status: int, text: str) -> list[grpc.Frame]:
    """An answer that is nothing but a status."""
    return [headers(stream, [("grpc-status", str(status)), ("grpc-message", text)], end=True)]


def headers(stream: int, pairs: t.Sequence[tuple[str, str]], *, end: bool = False) -> grpc.Frame:
    # First ":status: 200" from HPACK's static table, as every server sends it.
    return grpc.Frame(grpc.HEADERS, grpc.END_HEADERS | (grpc.END_STREAM if end else 0), stream, b"\x88" + grpc.encode_headers(pairs))


class Server:
    """Serves one connection after another until closed. ``calls`` are the paths that were asked for."""

    def __init__(self, path: Path, script: Script) -> None:
        self.path = str(path)
        self.calls: list[str] = []
        self.requests: list[bytes] = []
        self.acknowledged: list[int] = []
        self._script = script
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Ends when the conversation with the last client has ended; a second time it does nothing."""
        if self._thread.is_alive():
            self._listener.shutdown(socket.SHUT_RDWR)
            self._thread.join(timeout=10)
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection, connection.makefile("rwb") as stream:
                try:
                    self._converse(stream)
                except (OSError, EOFError):  # the client has gone
                    continue

    def _converse(self, stream: t.BinaryIO) -> None:
        assert stream.read(len(grpc.PREFACE)) == grpc.PREFACE
        for frame in (grpc.Frame(grpc.SETTINGS, 0, 0), grpc.Frame(grpc.PING, 0, 0, b"12345678")):
            stream.write(frame.encode())
        stream.flush()
        while True:
            frame = self._read(stream)
            if frame.flags & grpc.ACK and frame.kind in (grpc.SETTINGS, grpc.PING):
                self.acknowledged.append(frame.kind)
            if frame.kind == grpc.HEADERS:
                self.calls.append(grpc.decode_headers(frame.payload)[":path"])
            if frame.kind == grpc.DATA:
                self.requests.append(frame.payload[5:])
                frames = self._script(frame.stream, self.calls[-1])
                if frames is None:
                    return
                stream.write(b"".join(each.encode() for each in frames))
                stream.flush()

    @staticmethod
    def _read(stream: t.BinaryIO) -> grpc.Frame:
        head = stream.read(9)
        if len(head) < 9:
            raise EOFError
        length, kind, flags, number = struct.unpack(">IBBI", b"\0" + head)
        return grpc.Frame(kind, flags, number, stream.read(length))


@pytest.fixture
def serve() -> t.Iterator[t.Callable[[Script], Server]]:
    """Starts servers that follow a script; each has its own socket."""
    servers: list[Server] = []
    # A socket's path must be short, and pytest's own directories are not.
    with tempfile.TemporaryDirectory(prefix="cri-") as folder:

        def start(script: Script) -> Server:
            servers.append(Server(Path(folder) / f"{len(servers)}.sock", script))
            return servers[-1]

        yield start
        for server in servers:
            server.close()
