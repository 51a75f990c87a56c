# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import nodes
from tests.support.preflight_cases import BARE_NODE, FLANNEL_NODE, Bad, assert_bad, both, can_fail, names, node, with_changes

BAD: list[Bad] = [
    ("nodes-reachable", "n2", "could not be inspected", {"nodes": {"n1": FLANNEL_NODE}}),
    ("nodes-reachable", "n2", "ansible -m ping", {"nodes": {"n1": FLANNEL_NODE}, "hosts": ("n1", "n2")}),
    ("inventory-matches-nodes", "n2", "is not in the inventory", {"nodes": {"n1": FLANNEL_NODE}, "hosts": ("n1",)}),
    ("inventory-matches-nodes", "web", "is no node of the cluster", {"nodes": {**both(FLANNEL_NODE), "web": BARE_NODE}}),
    (
        "inventory-matches-nodes",
        "alias",
        "its own name n1 is one",
        {"nodes": {**both(FLANNEL_NODE), "alias": dataclasses.replace(FLANNEL_NODE, hostname="n1")}},
    ),
    ("nodes-found", "Node objects", "has no node", {"seen": with_changes(nodes=()), "nodes": {}}),
    ("nodes-ready", "n2", "n2 is not Ready", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, ready=False)))}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(nodes) == {name for name, _where, _words, _changes in BAD}
