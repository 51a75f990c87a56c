# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._images import documents, spelling
from ansible_collections.podnet.cni.plugins.module_utils._images.documents import Collection, Scalar


def scalar_of(text: str) -> Scalar:
    """The value of the first key of the only document."""
    (document,) = documents.compose(text)
    assert isinstance(document.root, Collection)
    value = document.root.children[1]
    assert isinstance(value, Scalar)
    return value


def replaced(text: str, old: str, new: str) -> str | None:
    """The text with that part of the value written anew."""
    scalar = scalar_of(text)
    at = spelling.positions(text, scalar)
    if at is None:
        return None
    first = scalar.value.index(old)
    return text[: at[first]] + new + text[at[first + len(old)] :]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: img # img\n", "a: NEW # img\n"),
        ("a: 'img'", "a: 'NEW'"),
        ('a: "img"', 'a: "NEW"'),
        ("a: 'it''s img'", "a: 'it''s NEW'"),
        ('a: "\\"\\x41\\u00e9\\U0001F600\\n img\\t"', 'a: "\\"\\x41\\u00e9\\U0001F600\\n NEW\\t"'),
        ('a: "\\x69mg x"', 'a: "NEW x"'),
        ('{"a": "\\ud83d\\ude00 \\/img\\/"}', '{"a": "\\ud83d\\ude00 \\/NEW\\/"}'),
        ("a: &x img\n", "a: &x NEW\n"),
        ("a: &img !!str img\n", "a: &img !!str NEW\n"),
        ("a: &x # img\n  # img\n  img\n", "a: &x # img\n  # img\n  NEW\n"),
        ('a: !!str "img"\n', 'a: !!str "NEW"\n'),
        ("a: &x |-\n  img\n", "a: &x |-\n  NEW\n"),
        ("a: |\n  x\n\n    img\n  y\n", "a: |\n  x\n\n    NEW\n  y\n"),
        ("a: |2- # img\n    x\n    img", "a: |2- # img\n    x\n    NEW"),
        ("a: |+\r\n  x\r\n  img\r\n\r\n", "a: |+\r\n  x\r\n  NEW\r\n\r\n"),
        ("a: >-\n  img\n", "a: >-\n  NEW\n"),
        ("a: >\n\n  img\n", "a: >\n\n  NEW\n"),
        # What is folded over lines
        ("a: >-\n  x\n  img\n", None),
        ('a: "x\n  img"\n', None),
        ('a: "x\\\n  img"\n', None),
        ("a: 'x\n  img'\n", None),
        ("a: x\n  img\n", None),
    ],
)
def test_a_part_is_replaced(text: str, expected: str | None) -> None:
    assert replaced(text, "img", "NEW") == expected


@pytest.mark.parametrize(
    ("text", "end"), [("a: x", 4), ("a: ''", 4), ("a: |\n  x\n", 9), ("a: |-\n  x\n", 9), ("a: |\n  x\nb: 1\n", 9), ("a: |\n\nb: 1\n", 5)]
)
def test_the_end_of_a_value(text: str, end: int) -> None:
    at = spelling.positions(text, scalar_of(text))
    assert at is not None
    assert at[-1] == end


WORDS = st.text(st.sampled_from("abz01./:@-_ '\"\\\n\té😀{}[]#&*!|>%`,?"), max_size=30)


@given(WORDS, st.sampled_from([None, "'", '"', "|", ">"]), st.booleans())
def test_every_position_is_right(value: str, style: str | None, unicode: bool) -> None:
    text = yaml.safe_dump({"a": value}, default_style=style, allow_unicode=unicode, width=20)
    scalar = scalar_of(text)
    assert scalar.value == value
    _check(text, scalar)


@given(WORDS, st.booleans())
def test_every_position_is_right_in_json(value: str, ascii_only: bool) -> None:
    text = json.dumps({"a": value}, ensure_ascii=ascii_only)
    scalar = scalar_of(text)
    assert scalar.value == value
    at = _check(text, scalar)
    assert at is not None


def _check(text: str, scalar: Scalar) -> object:
    at = spelling.positions(text, scalar)
    if at is not None:
        assert list(at) == sorted(at)
        assert len(at) == len(scalar.value) + 1
        assert [text[index] for index, letter in zip(at, scalar.value, strict=False) if letter in "abz01./:@-_"] == [
            letter for letter in scalar.value if letter in "abz01./:@-_"
        ]
    return at
