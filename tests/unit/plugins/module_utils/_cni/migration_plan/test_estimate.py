# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import estimate, model


def workload(kind: str, way: str, pods: int = 2, tier: str = "rest", nodes: tuple[str, ...] = ("n1",)) -> model.Workload:
    return model.Workload(kind, "demo", f"{kind}-{way}-{pods}", (way,), pods, nodes, tier)


@pytest.mark.parametrize(
    ("moving", "parallel", "seconds"),
    [
        ([], 4, 0),
        ([workload("Deployment", "rollout")], 4, 12),
        ([workload("Deployment", "rollout", 400)], 4, 24),
        ([workload("StatefulSet", "rollout", 10)], 4, 60),
        ([workload("Deployment", "rollout"), workload("StatefulSet", "rollout", 10)], 4, 60),
        ([workload("Deployment", "rollout")] * 8, 4, 24),
        ([workload("Deployment", "rollout", tier="dns"), workload("Deployment", "rollout")], 4, 24),
        ([workload("StatefulSet", "evict", 3)], 4, 30),
        ([workload("Pod", "in-place", 1), workload("Job", "in-place", 1), workload("Pod", "in-place", 1, nodes=("n2",))], 4, 10),
        ([workload("Deployment", "rollout")], 0, 12),
    ],
)
def test_moves_take_their_tiers_one_after_another(moving: list[model.Workload], parallel: int, seconds: int) -> None:
    assert estimate.moves(moving, parallel) == seconds


def test_a_bigger_cluster_takes_longer() -> None:
    assert estimate.step("clean-nodes", 3) == 6
    assert estimate.step("clean-nodes", 1000) == 902
    assert estimate.batch(3, traffic=True) > estimate.batch(3, traffic=False)
    assert estimate.recreation([workload("Deployment", "recreate", 120)], 50) == 40


@pytest.mark.parametrize(("seconds", "words"), [(45, "45 s"), (60, "1 min 0 s"), (175, "2 min 55 s"), (3900, "1 h 5 min")])
def test_seconds_in_words(seconds: int, words: str) -> None:
    assert estimate.words(seconds) == words
