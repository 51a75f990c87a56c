# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Protobuf's wire format, as much as the container runtime's interface needs: a message is bytes, its fields are known by number.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError

_Value = t.Union[int, bytes, str]


def fields(outer: bytes) -> t.Iterator[t.Tuple[int, t.Union[int, bytes]]]:
    """A message's fields in order: place and, by wire type, an integer or the bytes."""
    at = 0
    while at < len(outer):
        key, at = _varint(outer, at)
        if key & 7 == 0:
            value, at = _varint(outer, at)
            yield key >> 3, value
            continue
        if key & 7 not in (1, 2, 5):
            raise NodeError("the runtime's answer is no protobuf message")
        size, at = _varint(outer, at) if key & 7 == 2 else ({1: 8, 5: 4}[key & 7], at)
        if at + size > len(outer):
            raise NodeError("the runtime's answer is cut short")
        yield key >> 3, outer[at : at + size]
        at += size


def _varint(outer: bytes, at: int) -> t.Tuple[int, int]:
    """The integer at ``at``, and where the next thing starts."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(outer):
            break
        byte = outer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, at
    raise NodeError("the runtime's answer is cut short")


def messages(outer: bytes, place: int) -> t.List[bytes]:
    """The messages, texts or bytes of a repeated field."""
    return [value for found, value in fields(outer) if found == place and isinstance(value, bytes)]


def message(outer: bytes, place: int) -> bytes:
    """The message in a field; an empty one when it is not there, as that means the same."""
    return next(iter(messages(outer, place)), b"")


def text(outer: bytes, place: int) -> str:
    """The text in a field."""
    return message(outer, place).decode("utf-8", "replace")


def number(outer: bytes, place: int) -> int:
    """The integer in a field; 0 when it is not there, as that means the same."""
    return next((value for found, value in fields(outer) if found == place and isinstance(value, int)), 0)


def mapping(outer: bytes, place: int) -> t.Dict[str, str]:
    """A map of texts."""
    return {text(entry, 1): text(entry, 2) for entry in messages(outer, place)}


def field(place: int, value: _Value) -> bytes:
    """One field of a message to send: an integer, a text, or the bytes of a message."""
    if isinstance(value, int):
        return _encode(place << 3) + _encode(value)
    raw = value.encode() if isinstance(value, str) else value
    return _encode(place << 3 | 2) + _encode(len(raw)) + raw


def _encode(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])
