# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import ranges
from tests.support.preflight_cases import (
    BARE_NODE,
    BEGUN,
    CALICO,
    CALICO_NODE,
    FLANNEL_NODE,
    NETWORK,
    ON_CALICO,
    ON_NOTHING,
    Bad,
    assert_bad,
    both,
    can_fail,
    examine,
    failed,
    flannel,
    names,
    node,
    the,
    with_changes,
)

#: Blocks that leave 64 addresses of n1's range, and all of n2's.
BLOCKS = (cluster.IPAMBlock("10.244.1.0/25", "n1"), cluster.IPAMBlock("10.244.1.128/26", "n2"), cluster.IPAMBlock("10.244.99.0/26", "n2"))


def crowded(count: int) -> dict[str, t.Any]:
    """From Calico to flannel with so many pods on n1."""
    pods = tuple(cluster.Pod("demo", f"p{number}", node="n1", phase="Running", ready=True, owner_kind="X") for number in range(count))
    seen = dataclasses.replace(ON_CALICO, calico=dataclasses.replace(CALICO, blocks=BLOCKS), pods=pods)
    return {"seen": seen, "nodes": both(CALICO_NODE), "target": "flannel", "strategy": "side_by_side"}


BAD: list[Bad] = [
    ("room-for-flannel", "n1", "61 addresses of its range are outside Calico's blocks, and 62 pods need one", crowded(62)),
    (
        "network-known",
        "ConfigMap kube-flannel/kube-flannel-cfg",
        "not known",
        {"seen": with_changes(flannel=(flannel(network=""),)), "nodes": both(dataclasses.replace(FLANNEL_NODE, subnet_env={}))},
    ),
    ("network-known", "ConfigMap kube-flannel/kube-flannel-cfg", "host bits set", {"network": "10.244.1.0/16"}),
    ("network-known", "ConfigMap kube-flannel/kube-flannel-cfg", "not an IPv4 network", {"network": "fd00::/48"}),
    ("pool-inside-cluster-cidr", "network", "outside the cluster's pod range", {"network": "10.50.0.0/16"}),
    (
        "pool-inside-cluster-cidr",
        "network",
        "outside the cluster's pod range",
        {"network": "10.50.0.0/16", "seen": with_changes(cluster_cidrs=())},
    ),
    ("pool-overlaps-services", "network", "10.96.0.0/12", {"network": "10.96.0.0/16", "seen": with_changes(cluster_cidrs=("10.0.0.0/8",))}),
    (
        "pool-overlaps-nodes",
        "network",
        "n1 (192.0.2.11)",
        {"network": "192.0.2.0/24", "seen": with_changes(cluster_cidrs=(NETWORK, "192.0.2.0/24"))},
    ),
    ("pool-big-enough", "network", "1 blocks of /26 for 2 nodes", {"network": "10.244.0.0/26"}),
    ("pool-big-enough", "network", "0 blocks", {"network": "10.244.0.0/28"}),
    (
        "podcidr-inside-network",
        "n2",
        "10.9.0.0/24 is not inside",
        {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=("10.9.0.0/24",))))},
    ),
    ("podcidr-inside-network", "n2", "(none)", {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=())))}),
    (
        "cluster-cidr-matches",
        "net-conf.json and --cluster-cidr",
        "nothing in common",
        {"network": "172.20.0.0/16", "seen": with_changes(cluster_cidrs=("172.20.0.0/16",))},
    ),
    ("ipv4-only", "n2", "IPv6", {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=("10.244.2.0/24", "fd00::/64"))))}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(ranges) == {name for name, _where, _words, _changes in BAD} | {"pool-unchanged"}


@pytest.mark.parametrize(
    ("changes", "name", "result", "words"),
    [
        ({"seen": with_changes(cluster_cidrs=("10.0.0.0/8",))}, "cluster-cidr-matches", "passed", "not equal"),
        ({"seen": with_changes(service_cidrs=())}, "pool-overlaps-services", "skipped", "does not tell"),
    ],
)
def test_notes_that_do_not_stop_anything(changes: dict[str, t.Any], name: str, result: str, words: str) -> None:
    verdict = examine(**changes)
    assert failed(verdict) == []
    (check,) = (check for check in verdict.checks if check.id == name)
    assert check.result == result
    assert words in check.seen


def test_flannel_is_not_installed_where_podcidrs_are_outside_its_network() -> None:
    seen = dataclasses.replace(ON_NOTHING, cluster_cidrs=())
    verdict = examine(seen, both(BARE_NODE), strategy="install", target="flannel", network="10.9.0.0/16")
    assert failed(verdict) == ["podcidr-inside-network"] * 2


def test_a_pool_of_an_interrupted_migration_cannot_change() -> None:
    verdict = examine(ON_CALICO, both(BARE_NODE), BEGUN, network="10.244.0.0/17")
    assert failed(verdict) == ["pool-unchanged"]


def test_room_for_flannel_is_told_where_it_is_least() -> None:
    verdict = examine(**crowded(61))
    assert failed(verdict) == []
    assert the(verdict, "room-for-flannel").seen == "at least 61 free addresses for 61 pods (n1)"
