# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import documents
from ansible_collections.podnet.cni.plugins.module_utils._images.documents import Alias, Collection, Node, Scalar

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if hasattr(yaml, "CSafeLoader") else [])]


@pytest.fixture(params=LOADERS, ids=lambda loader: loader.__name__)
def _each_parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "loader", lambda: request.param)


each_parser = pytest.mark.usefixtures("_each_parser")


def tree(node: Node) -> t.Any:
    """The node as data, scalars as texts."""
    node = documents.target(node)
    if isinstance(node, Scalar):
        return node.value
    if not node.is_mapping:
        return [tree(child) for child in node.children]
    return {tree(key): tree(value) for key, value in documents.pairs(node)}


def scalars(node: Node) -> t.Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    if isinstance(node, Collection):
        for child in node.children:
            yield from scalars(child)


@each_parser
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# nothing\n", []),
        ("---\n---\n", ["", ""]),
        ("--- # c\na: 1\n--- # c\n# d\n---\nb: [x, {y: z}]\n...\n", [{"a": "1"}, "", {"b": ["x", {"y": "z"}]}]),
        ("\ufeffa: 1\n", [{"a": "1"}]),
        ("a: 1\r\nb: 2", [{"a": "1", "b": "2"}]),
        ("%YAML 1.1\n---\na: 1\n", [{"a": "1"}]),
        ("a: &x 1\nb: *x\n", [{"a": "1", "b": "1"}]),
        ("a: |\n  ---\n  x: y\n", [{"a": "---\nx: y\n"}]),
        ('{"a": [1, true, null, {}, []], "b": "x"}', [{"a": ["1", "true", "null", {}, []], "b": "x"}]),
        ('{\n\t"a":\t"b\\u0041\\ud83d\\ude00\\/"\n}\n', [{"a": "bA😀/"}]),
        ('["\\"", "[{,:}]"]', [['"', "[{,:}]"]]),
        ("{a: b, c: [d]}", [{"a": "b", "c": ["d"]}]),
    ],
)
def test_documents(text: str, expected: list[t.Any]) -> None:
    found = list(documents.compose(text))
    assert [tree(document.root) for document in found] == expected
    assert [document.number for document in found] == list(range(1, len(expected) + 1))


@each_parser
@pytest.mark.parametrize("before", ["", "\ufeff", "é😀: [ü]\n---\n", "# \U0001f600\r\n"])
def test_marks_are_in_characters(before: str) -> None:
    text = before + "näme: 'quoted'\nb: &x !!str plain # c\n"
    last = list(documents.compose(text))[-1]
    assert [text[scalar.start : scalar.end] for scalar in scalars(last.root)] == ["näme", "'quoted'", "b", "&x !!str plain"]
    assert [scalar.line for scalar in scalars(last.root)] == [before.count("\n") + line for line in (1, 1, 2, 2)]


@each_parser
def test_an_alias_keeps_its_line() -> None:
    root = next(documents.compose("a: &x {b: c}\n\nd: *x\n")).root
    assert isinstance(root, Collection)
    alias = root.children[3]
    assert isinstance(alias, Alias)
    assert alias.line == 3
    assert documents.target(alias) is root.children[1]


@each_parser
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<<: {a: 1, b: 2}\na: 3\n", {"a": "3", "b": "2"}),
        ("<<: [{a: 1}, {a: 2, b: 2}]\nc: 3\n", {"c": "3", "a": "1", "b": "2"}),
        ("<<: {<<: {a: 1, b: 1}, b: 2}\n", {"b": "2", "a": "1"}),
        ("'<<': {a: 1}\n", {"<<": {"a": "1"}}),
        ("<<: &x [*x]\na: 1\n", {"a": "1"}),
        ("<<: scalar\na: 1\n", {"a": "1"}),
        ("? [a]\n: 1\nb: 2\n", {"b": "2"}),
    ],
)
def test_entries_with_merge_keys(text: str, expected: dict[str, t.Any]) -> None:
    root = next(documents.compose(text)).root
    assert isinstance(root, Collection)
    assert {name: tree(value) for name, value in documents.entries(root)} == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((word, True) for word in ("nginx", "quay.io/x:1", "'1'", '"true"', "|\n  1\n", "!!str 1", "! 1")),
        *((word, False) for word in ("1", "1.5", "true", "no", "null", "~", "2001-01-01", "0x1F", "!!int 1", "!custom x")),
    ],
)
def test_what_is_text(text: str, expected: bool) -> None:
    scalar = next(documents.compose(f"a: {text}"))
    assert documents.is_string(list(scalars(scalar.root))[1]) is expected


@each_parser
@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("a: 1\n---\nb: 1\nc: 2\nb: 3\n", "document 2, line 5", "'b' is there twice"),
        ("a: {b: 1, 'b': 2}\n", "document 1, line 1", "'b' is there twice"),
        ('{"a": 1,\n "b": {"c": 1,\n "c": 2}}', "document 1, line 3", "'c' is there twice"),
        ("a: &x b\nb: 1\n*x : 2\n", "document 1, line 3", "'b' is there twice"),
        ("a:\n\tb: 1\n", "document 1, line 2", "cannot start any token"),
        ("a: b: c\n", "document 1, line 1", "mapping values are not allowed"),
        ("a: 1\n---\n[x\n", "document 2, line", "this is no YAML"),
        ("a: *x\n", "document 1, line 1", "no anchor for the alias *x"),
        ("a: 1\nb: x\x00y\n", "line 2", "this is no text"),
        ("\x89PNG\r\n\x1a\n", "line 1", "this is no text"),
        ("{{- if .Values.x }}\na: 1\n{{- end }}\n", "document 1, line", "a template has to be rendered first"),
        ("image: {{ .Values.image }}:{{ .Values.tag }}\n", "document 1, line 1", "a template has to be rendered first"),
        ("a: \ud800\n", "", "this is no text"),
    ],
)
def test_what_is_refused(text: str, place: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        list(documents.compose(text, "app.yaml"))
    assert caught.value.where.startswith(f"app.yaml, {place}" if place else "app.yaml")
    assert words in str(caught.value)


@each_parser
@pytest.mark.parametrize("text", ["[" * 5000 + "]" * 5000, "- " * 5000 + "x"], ids=["flow", "block"])
def test_depth_does_not_matter(text: str) -> None:
    assert len(list(documents.compose(text))) == 1


def test_many_aliases_of_aliases_take_no_time() -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 40))]
    assert len(list(documents.compose("\n".join(lines)))) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(JSON, max_size=3) | st.dictionaries(st.text(max_size=5), JSON, max_size=3), st.sampled_from([None, 2, "\t"]), st.booleans())
def test_json_is_read_as_json(data: t.Any, indent: t.Any, ascii_only: bool) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=ascii_only)
    (document,) = documents.compose(text)
    assert tree(document.root) == _words(data)
    for scalar in scalars(document.root):
        written = text[scalar.start : scalar.end]
        assert written == scalar.value or json.loads(written) == scalar.value


def _words(data: t.Any) -> t.Any:
    """The data with all values as they are written."""
    if isinstance(data, dict):
        return {key: _words(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_words(value) for value in data]
    return data if isinstance(data, str) else json.dumps(data)


@each_parser
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\nb: '1'\nc: 1.5\nd: yes\ne: null\nf:\ng: x\n", {"a": 1, "b": "1", "c": 1.5, "d": True, "e": None, "f": None, "g": "x"}),
        ("- 2026-11-30\n- !!str 80\n- !!int '80'\n- 0x1F\n- !mine 80\n", ["2026-11-30", "80", 80, 31, "80"]),
        (
            "a: &x {k: [1, {z: 2}]}\nb: *x\nc: {<<: *x, k: 3, l: 4}\n",
            {"a": {"k": [1, {"z": 2}]}, "b": {"k": [1, {"z": 2}]}, "c": {"k": 3, "l": 4}},
        ),
        ("[]", []),
        ("{}", {}),
        ("", None),
        ("!!int x", "x"),
        ("!!bool x", "x"),
    ],
)
def test_data(text: str, expected: t.Any) -> None:
    (document,) = documents.compose(f"---\n{text}")
    assert documents.data(document.root) == expected


@each_parser
def test_data_is_what_the_loader_makes_of_it() -> None:
    text = "z: [1, [2, 3], {b: 1, a: [x]}]\na: {n: ~, m: off}\n"
    (document,) = documents.compose(text)
    assert json.dumps(documents.data(document.root)) == json.dumps(yaml.safe_load(text))


def test_data_of_what_contains_itself_ends() -> None:
    (document,) = documents.compose("a: &x\n  b: *x\n")
    data = documents.data(document.root)
    assert data["a"] is data["a"]["b"]


@each_parser
@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", 2),
        ("kind", 2),
        ("spec", 3),
        ("spec.ingress[0]", 5),
        ("spec.ingress[0].from[1].podSelector.matchLabels.app.example/name", 10),
        ("spec.ingress[0].from[7].podSelector", 6),
        ("spec.ingress[1]", 4),
        ("spec.ingres", 3),
        ("nothing", 2),
    ],
)
def test_line_of(path: str, line: int) -> None:
    text = (
        "# a comment\nkind: NetworkPolicy\nspec:\n  ingress:\n    - ports: []\n      from:\n        - podSelector: {}\n"
        "        - podSelector:\n            matchLabels:\n              app.example/name: x\n              app: y\n"
    )
    (document,) = documents.compose(text)
    assert documents.line_of(document.root, path) == line
