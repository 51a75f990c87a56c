# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import protobuf
from ansible_collections.podnet.cni.plugins.module_utils._node.protobuf import field


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"", []),
        (field(1, 300), [(1, 300)]),
        (field(2, "x" * 200), [(2, b"x" * 200)]),
        (field(20, 1) + field(1, ""), [(20, 1), (1, b"")]),
        (b"\x09" + b"12345678" + b"\x15" + b"1234", [(1, b"12345678"), (2, b"1234")]),
    ],
)
def test_fields(message: bytes, expected: list[tuple[int, int | bytes]]) -> None:
    assert list(protobuf.fields(message)) == expected


@pytest.mark.parametrize("message", [b"\x0a", b"\x0a\x05abc", b"\x08\xff", b"\x0b", b"\x09123", b"\xff" * 20])
def test_fields_of_rubbish(message: bytes) -> None:
    with pytest.raises(NodeError):
        list(protobuf.fields(message))


@pytest.mark.parametrize(
    ("place", "value", "wire"),
    [
        (1, 1, b"\x08\x01"),
        (2, 300, b"\x10\xac\x02"),
        (1, "ab", b"\x0a\x02ab"),
        (3, b"\x08\x01", b"\x1a\x02\x08\x01"),
        (16, 0, b"\x80\x01\x00"),
    ],
)
def test_a_field_on_the_wire(place: int, value: int | str | bytes, wire: bytes) -> None:
    assert field(place, value) == wire


def test_reading_by_number() -> None:
    entry = field(1, "app") + field(2, "web")
    message = field(1, "first") + field(1, "second") + field(3, 7) + field(5, entry) + field(5, field(1, "empty"))
    assert protobuf.text(message, 1) == "first"
    assert protobuf.messages(message, 1) == [b"first", b"second"]
    assert (protobuf.number(message, 3), protobuf.number(message, 4), protobuf.text(message, 4)) == (7, 0, "")
    assert protobuf.mapping(message, 5) == {"app": "web", "empty": ""}
    assert protobuf.number(protobuf.message(message, 9), 1) == 0
