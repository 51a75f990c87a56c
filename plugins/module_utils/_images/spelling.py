# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each character of a scalar's value is written: what lets a part of it be replaced and nothing else.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._images.documents import Scalar

#: Anchor and tag before a value, and the comments that may stand between.
_PROPERTIES = re.compile(r"(?:[&!]\S*\s+(?:#[^\n]*\n\s*)*)+")
#: Letters that an escape has after its own, where it has any.
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}
_LINE_BREAKS = "\r\n\x85\u2028\u2029"


def positions(text: str, scalar: Scalar) -> t.Optional[t.Sequence[int]]:
    """For each character of the value, and for its end, the index in ``text``; None where lines are folded, so that nobody can tell."""
    found = _positions(text, scalar)
    return found if found is not None and len(found) == len(scalar.value) + 1 else None


def _positions(text: str, scalar: Scalar) -> t.Optional[t.Sequence[int]]:
    start, value = _after_properties(text, scalar), scalar.value
    if scalar.style in ("|", ">"):
        return _of_block(text, start, scalar)
    quotes = 1 if scalar.style else 0
    first, last = start + quotes, scalar.end - quotes
    if text[first:last] == value:
        return range(first, last + 1)
    if scalar.style == '"':
        return _of_double_quoted(text, first, last)
    return _of_single_quoted(text, first, last) if scalar.style else None


def _after_properties(text: str, scalar: Scalar) -> int:
    if text[scalar.start] not in "&!":
        return scalar.start
    properties = _PROPERTIES.match(text, scalar.start, scalar.end)
    return properties.end() if properties else scalar.start


def _of_single_quoted(text: str, first: int, last: int) -> t.Optional[t.List[int]]:
    found: t.List[int] = []
    index = first
    while index < last:
        if text[index] in _LINE_BREAKS:
            return None
        found.append(index)
        # Two quotes are one character.
        index += 2 if text[index] == "'" else 1
    return [*found, last]


def _of_double_quoted(text: str, first: int, last: int) -> t.Optional[t.List[int]]:
    found: t.List[int] = []
    index = first
    while index < last:
        if text[index] in _LINE_BREAKS or text.startswith(("\\\n", "\\\r"), index):
            return None
        found.append(index)
        index += _letters_of_one(text, index)
    return [*found, last]


def _letters_of_one(text: str, index: int) -> int:
    """How many letters write the character that begins at ``index`` between double quotes."""
    if text[index] != "\\":
        return 1
    letters = 2 + _HEX_DIGITS.get(text[index + 1], 0)
    # JSON writes a character beyond the first plane as two escapes.
    is_pair = text[index + 1] == "u" and text[index + 2 : index + 4].lower() in ("d8", "d9", "da", "db")
    return letters * 2 if is_pair and text.startswith("\\u", index + letters) else letters


def _of_block(text: str, start: int, scalar: Scalar) -> t.Optional[t.List[int]]:
    """Of ``|`` and ``>``: each line of the value is a line of the text behind its indentation."""
    begin = text.find("\n", start, scalar.end) + 1
    if not begin:
        return None
    found: t.List[int] = []
    *lines, rest = scalar.value.split("\n")
    for line in [*lines, rest] if rest else lines:
        newline = text.find("\n", begin)
        following = newline + 1 or len(text)
        end = len(text) if newline < 0 else newline
        end -= text.endswith("\r", begin, end)
        if not text.endswith(line, begin, end) or text[begin : end - len(line)].strip(" "):
            return None
        # The last of them is the line break's, or the value's end.
        found += range(end - len(line), end + 1)
        begin = following
    return found if rest else [*found, begin]
