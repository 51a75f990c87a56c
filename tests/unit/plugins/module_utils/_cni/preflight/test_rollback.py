# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import questions, rollback
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import Journal
from tests.support.preflight_cases import (
    CALICO,
    CALICO_FILE,
    CALICO_NODE,
    FLANNEL_FILE,
    FLANNEL_NODE,
    NETWORK,
    NOTHING_NOTED,
    ON_CALICO,
    ON_FLANNEL,
    both,
    can_fail,
    examine,
    failed,
    flannel,
    node,
)

HALF_WAY = Journal("flannel", NETWORK, "move-pods")
OVER = Journal("flannel", NETWORK, "done")
MIXED = dataclasses.replace(ON_FLANNEL, calico=CALICO)
MIXED_NODE = dataclasses.replace(FLANNEL_NODE, conflists=(CALICO_FILE, dataclasses.replace(FLANNEL_FILE, wins=False)))
BROKEN_FILE = dataclasses.replace(FLANNEL_FILE, problem="not JSON")


def back(
    seen: cluster.ClusterSnapshot = MIXED, nodes: snapshot.NodeSnapshot = MIXED_NODE, journal: Journal = HALF_WAY, **more: t.Any
) -> questions.Verdict:
    return examine(seen, both(nodes), journal, strategy="rollback", target="flannel", **more)


@pytest.mark.parametrize(
    ("seen", "nodes", "state"),
    [
        pytest.param(MIXED, MIXED_NODE, "migrating", id="both serve pods"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "flannel", id="Calico did not come yet, or is gone again"),
    ],
)
def test_the_way_back_is_open_as_long_as_flannel_is_everywhere(
    seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, state: str
) -> None:
    verdict = back(seen, nodes)
    assert (failed(verdict), verdict.state, verdict.network) == ([], state, NETWORK)
    assert {check.id for check in verdict.checks} >= {"migration-to-undo", "flannel-alive", "flannel-configured"}


@pytest.mark.parametrize("journal", [NOTHING_NOTED, OVER], ids=["no journal", "the journal is closed"])
def test_where_only_flannel_runs_there_is_nothing_to_undo(journal: Journal) -> None:
    verdict = back(ON_FLANNEL, FLANNEL_NODE, journal)
    assert failed(verdict) == []
    assert [check.seen for check in verdict.checks if check.id == "migration-to-undo"] == [
        "none: the cluster runs flannel, there is nothing to roll back"
    ]


@pytest.mark.parametrize(
    ("name", "words", "where", "changes"),
    [
        ("migration-to-undo", "migrate_to_flannel.yml", "", {"seen": ON_CALICO, "nodes": CALICO_NODE, "journal": OVER}),
        ("migration-to-undo", "migrate_to_flannel.yml", "", {"seen": ON_CALICO, "nodes": FLANNEL_NODE, "journal": NOTHING_NOTED}),
        ("migration-to-undo", "look at the cluster", "", {"seen": MIXED, "journal": NOTHING_NOTED}),
        ("migration-to-undo", "the playbook that began it", "", {"journal": Journal("calico", NETWORK, "x")}),
        ("flannel-alive", "migrate_to_calico.yml", "DaemonSets of all namespaces", {"seen": ON_CALICO}),
        ("flannel-alive", "Repair it", "kube-flannel/kube-flannel-ds", {"seen": dataclasses.replace(MIXED, flannel=(flannel(ready=1),))}),
        (
            "flannel-alive",
            "1 of 1 ready, 2 nodes",
            "kube-flannel/kube-flannel-ds",
            {"seen": dataclasses.replace(MIXED, flannel=(flannel(ready=1, desired=1),))},
        ),
    ],
)
def test_otherwise_the_way_that_leads_on_is_named(name: str, words: str, where: str, changes: dict[str, t.Any]) -> None:
    verdict = back(**changes)
    (check,) = [check for check in checks.failures(verdict.checks) if check.id == name]
    assert words in f"{check.seen} {check.next_step}"
    assert where in check.where
    assert "nothing was changed" in questions.failure_message(verdict)


@pytest.mark.parametrize("files", [(CALICO_FILE,), (CALICO_FILE, BROKEN_FILE)], ids=["without a file", "with a broken one"])
def test_every_node_needs_flannels_configuration(files: tuple[snapshot.Conflist, ...]) -> None:
    verdict = examine(
        MIXED, both(MIXED_NODE, dataclasses.replace(MIXED_NODE, conflists=files)), HALF_WAY, strategy="rollback", target="flannel"
    )
    assert [(check.id, check.where) for check in checks.failures(verdict.checks)] == [("flannel-configured", "n2")]


def test_what_keeps_a_cluster_from_a_new_network_does_not_keep_it_from_going_back() -> None:
    odd = dataclasses.replace(MIXED, cluster_cidrs=("172.16.0.0/16",), nodes=(node("n1", architecture="riscv64"), node("n2", 2)))
    assert failed(back(odd)) == []


def test_every_check_that_can_fail_is_tried_here() -> None:
    assert can_fail(rollback) == {"migration-to-undo", "flannel-alive", "flannel-configured"}
