# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _records


@dataclasses.dataclass(frozen=True)
class Leaf:
    name: str
    tags: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Tree:
    leaf: Leaf | None = None
    leaves: tuple[Leaf, ...] = ()
    labels: dict[str, str] = dataclasses.field(default_factory=dict)


NESTING: _records.Nesting = {(Tree, "leaf"): Leaf, (Tree, "leaves"): Leaf}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Tree()),
        ({"leaf": None}, Tree()),
        ({"leaf": {"name": "a", "tags": ["x", "y"]}}, Tree(leaf=Leaf("a", ("x", "y")))),
        ({"leaves": [{"name": "a"}, {"name": "b"}]}, Tree(leaves=(Leaf("a"), Leaf("b")))),
        ({"labels": {"k": "v"}}, Tree(labels={"k": "v"})),
    ],
)
def test_build(data: dict[str, t.Any], expected: Tree) -> None:
    assert _records.build(Tree, data, NESTING) == expected


@pytest.mark.parametrize("tree", [Tree(), Tree(Leaf("a", ("x",)), (Leaf("b"),), {"k": "v"})])
def test_plain_is_json_and_build_its_inverse(tree: Tree) -> None:
    data = _records.plain(tree)
    assert json.loads(json.dumps(data)) == data
    assert data == json.loads(json.dumps(dataclasses.asdict(tree)))
    assert _records.build(Tree, data, NESTING) == tree


def test_unknown_key() -> None:
    with pytest.raises(TypeError, match="height"):
        _records.build(Tree, {"height": 3}, NESTING)


@pytest.mark.parametrize("data", [{"height": 3}, {"leaf": {"height": 3}}, "words"])
def test_what_an_option_holds_instead_of_a_snapshot(data: t.Any) -> None:
    with pytest.raises(_errors.BadInputError) as caught, _records.in_option("tree", "forest_info"):
        _records.build(Tree, data, NESTING)
    assert str(caught.value).startswith("option tree: does not hold a snapshot: ")
    assert str(caught.value).endswith(". Pass what podnet.cni.forest_info of this version returns.")


def test_other_failures_are_not_the_options() -> None:
    with pytest.raises(ZeroDivisionError), _records.in_option("tree", "forest_info"):
        _ = 1 / 0
