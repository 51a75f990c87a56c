# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The synthetic cluster is a healthy one: else its numbers would be those of failures."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks
from tests.unit.bench.scripts import load

NODES, PODS = 12, 6


@pytest.fixture(scope="module")
def scale() -> t.Any:
    return load("scale")


def test_preflight_has_nothing_against_it(scale: t.Any) -> None:
    verdict = scale.preflight(NODES, PODS)()
    assert [str(check) for check in checks.failures(verdict.checks)] == []


def test_every_node_gets_room(scale: t.Any) -> None:
    plan = scale.adopt(NODES, PODS)()
    assert plan.obstacles == ()
    assert {block.node for block in plan.claimed} == {f"node-{number:04}" for number in range(NODES)}


def test_every_node_has_its_turn(scale: t.Any) -> None:
    assert sum(len(batch.nodes) for batch in scale.stage(NODES, PODS)()) == NODES


def test_every_pod_moves(scale: t.Any) -> None:
    plan = scale.move(NODES, PODS)()
    assert plan.left == ()
    assert sum(len(move.members) for move in plan.moves("rollout")) == NODES * PODS


def test_the_evidence_is_good(scale: t.Any) -> None:
    standing, proved = scale.verify(NODES, PODS)()
    assert [str(check) for check in checks.failures((*standing, *proved))] == []


def test_a_decision_says_what_it_took(scale: t.Any) -> None:
    assert set(scale.decide("stage", NODES, PODS)) == {"making", "deciding"}
