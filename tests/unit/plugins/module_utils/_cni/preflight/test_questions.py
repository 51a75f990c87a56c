# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import inspect
import types

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import (
    capabilities,
    cnis,
    links,
    nodes,
    questions,
    ranges,
    strategy,
    workloads,
)
from tests.support.preflight_cases import (
    BARE_NODE,
    BEGUN,
    CALICO,
    NETWORK,
    ON_FLANNEL,
    ON_NOTHING,
    both,
    examine,
    failed,
    node,
    with_changes,
)


@pytest.mark.parametrize("hosts", [(), ("n1", "n2")])
def test_a_healthy_flannel_cluster_passes(hosts: tuple[str, ...]) -> None:
    verdict = examine(hosts=hosts)
    assert checks.failures(verdict.checks) == ()
    assert (verdict.state, verdict.network, verdict.passed) == ("flannel", NETWORK, True)
    assert {"nodes-reachable", "nodes-ready", "flannel-found", "one-flannel", "calico-absent", "kernel-vxlan", "conflist-winner"} <= {
        check.id for check in verdict.checks if check.result == checks.PASSED
    }


@pytest.mark.parametrize("calico", [None, CALICO])
def test_an_interrupted_migration_may_go_on(calico: cluster.Calico | None) -> None:
    # Without a CNI, kubelet reports its node as not Ready: that must not stop the run that repairs it.
    nodes = tuple(dataclasses.replace(item, ready=False) for item in ON_FLANNEL.nodes)
    verdict = examine(dataclasses.replace(ON_NOTHING, nodes=nodes, calico=calico), both(BARE_NODE), BEGUN)
    assert failed(verdict) == []
    assert {"nodes-ready", "flannel-found", "conflist-winner"} <= {check.id for check in verdict.checks if check.result == checks.SKIPPED}


def test_nothing_is_said_about_nodes_that_nobody_inspected() -> None:
    asked = {check.id for check in examine(nodes={}).checks}
    assert asked.isdisjoint({"conflist-winner", "one-iptables-backend", "kernel-vxlan", "link-managers", "overlay-port-open", "disk-space"})


def test_an_installation_moves_no_pods() -> None:
    asked = {check.id for check in examine(ON_NOTHING, both(BARE_NODE), strategy="install", network=NETWORK).checks}
    assert asked.isdisjoint({"bare-pods", "budgets-allow", "reverse-path-filter"})
    assert {"webhooks-answer", "disk-space", "link-managers", "overlay-port-open"} <= asked


def test_a_healthy_cluster_needs_no_attention() -> None:
    assert [check for check in examine().checks if check.result in (checks.WARNING, checks.INFO)] == []


def test_messages_list_every_failure() -> None:
    verdict = examine(with_changes(nodes=(node("n1", ready=False), node("n2", 2, ready=False))), strategy="teleport")
    lines = questions.failure_message(verdict).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith(f"3 of {len(verdict.checks)} answers speak against it:")


@pytest.mark.parametrize("subject", [capabilities, cnis, links, nodes, ranges, strategy, workloads])
def test_every_question_of_a_subject_stands_in_one_table(subject: types.ModuleType) -> None:
    tables = (
        questions.ALWAYS,
        questions.OF_INSPECTED_NODES,
        questions.BEFORE_A_CHANGE,
        questions.OF_INSPECTED_NODES_BEFORE_A_CHANGE,
        questions.BEFORE_PODS_MOVE,
    )
    asked = [question for table in tables for question in table]
    defined = {item for name, item in inspect.getmembers(subject, inspect.isfunction) if not name.startswith("_")}
    own = {item for item in defined if item.__module__ == subject.__name__}
    assert own
    assert [item.__name__ for item in own if asked.count(item) != 1] == []
