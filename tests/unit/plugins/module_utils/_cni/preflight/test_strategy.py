# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import strategy
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import Journal
from tests.support.preflight_cases import (
    BARE_NODE,
    CALICO,
    CALICO_NODE,
    FLANNEL_NODE,
    NETWORK,
    ON_CALICO,
    ON_FLANNEL,
    ON_NOTHING,
    Bad,
    assert_bad,
    both,
    can_fail,
    examine,
    failed,
    names,
    node,
)

BAD: list[Bad] = [
    (
        "no-opposite-migration",
        "ConfigMap kube-system/podnet-cni-migration",
        "away from calico",
        {"journal": Journal("calico", "", "x")},
    ),
    (
        "no-opposite-migration",
        "ConfigMap kube-system/podnet-cni-migration",
        "rollback_migration.yml",
        {
            "journal": Journal("flannel", NETWORK, "x"),
            "target": "flannel",
            "strategy": "side_by_side",
            "seen": dataclasses.replace(ON_CALICO, flannel=ON_FLANNEL.flannel),
            "nodes": both(FLANNEL_NODE),
        },
    ),
    (
        "no-opposite-migration",
        "ConfigMap kube-system/podnet-cni-migration",
        "is being rolled back (phase return-pods)",
        {"journal": Journal("flannel", NETWORK, "return-pods", "true")},
    ),
    ("strategy-known", "strategy", "unknown strategy 'teleport'", {"strategy": "teleport"}),
    (
        "strategy-unchanged",
        "ConfigMap kube-system/podnet-cni-migration",
        "a migration by side_by_side is under way (phase paused), not by cutover",
        {"journal": Journal("flannel", NETWORK, "paused", strategy="side_by_side"), "strategy": "cutover"},
    ),
    (
        "strategy-unchanged",
        "ConfigMap kube-system/podnet-cni-migration",
        "a switch of flannel's backend is under way (phase verify-routes)",
        {"journal": Journal("flannel", NETWORK, "verify-routes", strategy="switch-backend"), "strategy": "cutover"},
    ),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(strategy) == {name for name, _where, _words, _changes in BAD} | {"cni-absent"}


@pytest.mark.parametrize(
    ("strategy", "target", "name"),
    [("rollback", "calico", "strategy-known"), ("cutover", "flannel", "strategy-known"), ("", "calico", "strategy-known")],
)
def test_strategy_that_does_not_lead_there(strategy: str, target: str, name: str) -> None:
    assert name in failed(examine(strategy=strategy, target=target))


def test_on_calico_already_it_says_so_and_asks_no_more_than_needed() -> None:
    # An old cluster may break the rules of a change and still be what was asked for.
    seen = dataclasses.replace(ON_CALICO, cluster_cidrs=("172.16.0.0/16",), nodes=(node("n1", architecture="riscv64"), node("n2", 2)))
    verdict = examine(seen, both(CALICO_NODE))
    assert failed(verdict) == []
    assert [check.seen for check in verdict.checks if check.id == "already-calico"] == ["the cluster runs calico: nothing to change"]


@pytest.mark.parametrize(
    ("seen", "nodes", "target", "failures"),
    [
        pytest.param(ON_NOTHING, BARE_NODE, "calico", [], id="calico on nothing"),
        pytest.param(ON_NOTHING, BARE_NODE, "flannel", [], id="flannel on nothing"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "flannel", [], id="flannel again"),
        pytest.param(ON_CALICO, CALICO_NODE, "calico", [], id="calico again"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "calico", ["cni-absent"], id="calico on flannel"),
        pytest.param(ON_CALICO, CALICO_NODE, "flannel", ["cni-absent"], id="flannel on calico"),
        pytest.param(ON_NOTHING, FLANNEL_NODE, "calico", ["cni-absent"], id="calico on what flannel left"),
        pytest.param(ON_NOTHING, FLANNEL_NODE, "flannel", ["cni-absent"], id="flannel on what flannel left"),
        pytest.param(
            dataclasses.replace(ON_NOTHING, calico=dataclasses.replace(CALICO, operator=True)),
            CALICO_NODE,
            "calico",
            ["operator-absent"],
            id="calico beside its operator",
        ),
        pytest.param(
            dataclasses.replace(ON_NOTHING, other_cnis=("Cilium (a/b)",)), BARE_NODE, "calico", ["no-other-cni"], id="calico on another CNI"
        ),
    ],
)
def test_installation(seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, target: str, failures: list[str]) -> None:
    # Before a CNI is installed, no node is Ready.
    lazy = dataclasses.replace(
        seen, nodes=tuple(dataclasses.replace(item, ready=bool(seen.flannel or seen.calico or seen.other_cnis)) for item in seen.nodes)
    )
    assert failed(examine(lazy, both(nodes), strategy="install", target=target, network=NETWORK)) == failures
