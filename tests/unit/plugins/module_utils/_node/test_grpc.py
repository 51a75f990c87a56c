# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import typing as t
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import grpc

from .conftest import Script, Server, answer, failure, headers, message

METHOD = "/runtime.v1.RuntimeService/Version"

Serve = t.Callable[[Script], Server]


def call(server: Server, request: bytes = b"", timeout: float = 5.0) -> bytes:
    with grpc.connect(server.path, timeout) as channel:
        return channel.call(METHOD, request)


@pytest.mark.parametrize("size", [0, 1, 16379, 16380, 100_000, 1_000_000])
def test_a_call(serve: Serve, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    server = serve(lambda stream, _: answer(stream, content))
    assert call(server, b"\x08\x01") == content
    server.close()
    assert (server.calls, server.requests) == ([METHOD], [b"\x08\x01"])
    assert sorted(server.acknowledged) == [grpc.SETTINGS, grpc.PING]


def test_several_calls_on_one_connection(serve: Serve) -> None:
    server = serve(lambda stream, path: answer(stream, f"{stream} {path}".encode()))
    with grpc.connect(server.path, 5.0) as channel:
        assert [channel.call(f"/s/{number}", b"") for number in range(3)] == [b"1 /s/0", b"3 /s/1", b"5 /s/2"]


def test_a_status_that_is_not_zero(serve: Serve) -> None:
    server = serve(lambda stream, _: failure(stream, 12, "unknown service%3A x"))
    with pytest.raises(grpc.CallError, match="unknown service: x") as caught:
        call(server)
    assert caught.value.status == grpc.UNIMPLEMENTED


def split_trailers(stream: int) -> list[grpc.Frame]:
    """Trailers that end the stream before their header block ends."""
    block = grpc.encode_headers([("grpc-status", "0")])
    return [
        headers(stream, []),
        grpc.Frame(grpc.DATA, 0, stream, message(b"ok")),
        grpc.Frame(grpc.HEADERS, grpc.END_STREAM, stream, block[:4]),
        grpc.Frame(grpc.CONTINUATION, grpc.END_HEADERS, stream, block[4:]),
    ]


def padded(stream: int) -> list[grpc.Frame]:
    block = grpc.encode_headers([("grpc-status", "0")])
    flags = grpc.END_HEADERS | grpc.END_STREAM | grpc.PADDED | grpc.PRIORITY
    return [
        grpc.Frame(grpc.DATA, grpc.PADDED, stream, b"\x03" + message(b"ok") + b"\0\0\0"),
        grpc.Frame(grpc.HEADERS, flags, stream, b"\x02" + b"\0\0\0\0\x10" + block + b"\0\0"),
    ]


def among_others(stream: int) -> list[grpc.Frame]:
    """An answer with frames in between that are none of the call's business."""
    first, data, last = answer(stream, b"ok")
    return [
        grpc.Frame(grpc.WINDOW_UPDATE, 0, 0, struct.pack(">I", 1000)),
        first,
        grpc.Frame(0xFA, 0, stream, b"a kind of frame from the future"),
        data,
        grpc.Frame(grpc.DATA, 0, stream + 2, b"another stream"),
        last,
    ]


@pytest.mark.parametrize("frames", [split_trailers, padded, among_others])
def test_unusual_answers(serve: Serve, frames: t.Callable[[int], list[grpc.Frame]]) -> None:
    assert call(serve(lambda stream, _: frames(stream))) == b"ok"


END = grpc.END_HEADERS | grpc.END_STREAM
OK = headers(1, [("grpc-status", "0")], end=True)


@pytest.mark.parametrize(
    ("frames", "problem"),
    [
        (None, "the server closed the connection"),
        ([grpc.Frame(grpc.RST_STREAM, 0, 1, b"\0\0\0\x02")], "the server reset the call"),
        ([grpc.Frame(grpc.GOAWAY, 0, 0, b"\0" * 8)], "the server closes the connection"),
        ([grpc.Frame(grpc.HEADERS, END, 1, b"\x88")], "the answer has no gRPC status"),
        ([grpc.Frame(grpc.HEADERS, END, 1, b"\x00\x7f")], "the answer cannot be read: cut short"),
        ([grpc.Frame(grpc.HEADERS, END, 1, b"\x00\x7f\xff\xff\xff\xff\xff\xff")], "a number is too long"),
        ([OK], "the answer has no message"),
        ([grpc.Frame(grpc.DATA, 0, 1, b"\x01" + message(b"x")[1:]), OK], "compressed or cut short"),
        ([grpc.Frame(grpc.DATA, 0, 1, message(b"xyz")[:-1]), OK], "compressed or cut short"),
        ([grpc.Frame(grpc.DATA, 0, 1, b"x" * 20000)], "does not speak HTTP/2"),
    ],
)
def test_bad_answers(serve: Serve, frames: list[grpc.Frame] | None, problem: str) -> None:
    server = serve(lambda _stream, _path: frames)
    with pytest.raises(NodeError, match=problem) as caught:
        call(server)
    assert caught.value.where == server.path


def test_a_server_that_never_answers(serve: Serve) -> None:
    with pytest.raises(NodeError, match="no answer: timed out"):
        call(serve(lambda _stream, _path: []), timeout=0.2)


def test_nobody_listens(tmp_path: Path) -> None:
    with pytest.raises(NodeError, match="cannot connect: No such file"), grpc.connect(str(tmp_path / "none.sock"), 1.0):
        pass


def test_another_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short

    def greet() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(100)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.recv(100)

    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        listener.listen()
        thread = threading.Thread(target=greet, daemon=True)
        thread.start()
        with pytest.raises(NodeError, match="does not speak HTTP/2"), grpc.connect("s", 5.0) as channel:
            channel.call(METHOD, b"")
        thread.join(timeout=10)


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (b"", {}),
        (grpc.encode_headers([("a", "b"), ("grpc-status", "0")]), {"a": "b", "grpc-status": "0"}),
        (b"\x88", {}),  # :status 200, indexed
        (b"\x20", {}),  # table size 0
        (b"\x3f\xe1\x1f", {}),  # table size 4096, an integer of several bytes
        (b"\x40\x01a\x01b", {"a": "b"}),  # to be remembered
        (b"\x10\x01a\x01b", {"a": "b"}),  # never to be remembered
        (b"\x5f\x10application/grpc", {}),  # a name from the table (content-type)
        # RFC 7541 appendix C.6.1 writes such a value with Huffman's code.
        (b"\x00\x0bgrpc-status\x81\x07", {"grpc-status": "0"}),
    ],
)
def test_decode_headers(block: bytes, expected: dict[str, str]) -> None:
    assert grpc.decode_headers(block) == expected


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("f1e3c2e5f23a6ba0ab90f4ff", "www.example.com"),
        ("a8eb10649cbf", "no-cache"),
        ("25a849e95bb8e8b4bf", "custom-value"),
        ("d07abe941054d444a8200595040b8166e082a62d1bff", "Mon, 21 Oct 2013 20:13:21 GMT"),
        ("6402", "302"),
        ("640eff", "307"),
        ("", ""),
    ],
)
def test_huffman_examples_of_the_rfc(code: str, text: str) -> None:
    assert grpc.decode_huffman(bytes.fromhex(code)) == text


def test_huffman_refuses_what_is_not_ascii() -> None:
    with pytest.raises(ValueError, match="printable"):
        grpc.decode_huffman(b"\xff\xff\xff\xff")


@given(st.binary(max_size=40))
def test_any_bytes_are_headers_or_a_value_error(block: bytes) -> None:
    with contextlib.suppress(ValueError):
        grpc.decode_headers(block)
