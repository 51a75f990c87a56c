# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import batches
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Node


def nodes(workers: int, leaders: int = 1, selected: t.Collection[str] = ()) -> list[Node]:
    names = [(f"c{number}", True) for number in range(1, leaders + 1)] + [(f"w{number}", False) for number in range(1, workers + 1)]
    return [Node(name, control_plane=leads, labels={"podnet.io/calico": "true"} if name in selected else {}) for name, leads in names]


@pytest.mark.parametrize(
    ("seen", "canary", "size", "plan"),
    [
        (nodes(2), "", "20%", [("canary", "w1"), ("workers", "w2"), ("control planes", "c1")]),
        (nodes(4), "w3", "2", [("canary", "w3"), ("workers", "w1 w2"), ("workers", "w4"), ("control planes", "c1")]),
        (nodes(9), "", "50%", [("canary", "w1"), ("workers", "w2 w3 w4 w5 w6"), ("workers", "w7 w8 w9"), ("control planes", "c1")]),
        (nodes(0), "", "20%", [("canary", "c1")]),
        (nodes(1, 3), "", "100%", [("canary", "w1"), ("control planes", "c1 c2 c3")]),
        (
            nodes(3, selected=["w1"]),
            "w2",
            "1",
            [("nodes that have Calico", "w1"), ("workers", "w2"), ("workers", "w3"), ("control planes", "c1")],
        ),
        (nodes(1, selected=["w1", "c1"]), "", "1", [("nodes that have Calico", "c1 w1")]),
        ([], "", "1", []),
    ],
)
def test_every_node_has_one_turn(seen: list[Node], canary: str, size: str, plan: list[tuple[str, str]]) -> None:
    found = batches.plan(seen, canary, size)
    assert [(batch.name, " ".join(batch.nodes)) for batch in found] == plan
    assert [batch.enabled for batch in found] == [name == "nodes that have Calico" for name, _nodes in plan]


@pytest.mark.parametrize(
    ("canary", "size", "words"), [("nobody", "1", "no node nobody"), ("", "0", "'0' is no number"), ("", "few", "no percentage")]
)
def test_refuses_what_it_cannot_do(canary: str, size: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        batches.plan(nodes(2), canary, size)
