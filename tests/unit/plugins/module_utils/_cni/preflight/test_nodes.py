# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import nodes
from tests.support.preflight_cases import (
    BARE_NODE,
    FLANNEL_NODE,
    Bad,
    assert_bad,
    assert_warned,
    both,
    can_fail,
    can_warn,
    examine,
    names,
    node,
    the,
    with_changes,
)

MIB = 1 << 20
GIB = 1 << 30


def with_disk(path: str, **changes: int) -> snapshot.NodeSnapshot:
    disk = snapshot.Disk(path, **{"total": 100 * GIB, "free": 50 * GIB, "inodes": 10**6, "inodes_free": 10**5, **changes})
    return dataclasses.replace(FLANNEL_NODE, disks=(disk,))


ROOMY = with_disk("/var/lib/kubelet")

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
    ("disk-space", "n2", "n2: 0.0 GiB free at /etc/cni/net.d", {"nodes": both(ROOMY, with_disk("/etc/cni/net.d", free=20 * MIB))}),
    ("disk-space", "n1", "999 files more at /opt/cni/bin", {"nodes": both(with_disk("/opt/cni/bin", inodes_free=999), ROOMY)}),
    ("nodes-ready", "n2", "n2 is not Ready", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, ready=False)))}),
]


WARNED: list[Bad] = [
    ("nodes-schedulable", "n2", "kubectl uncordon n2", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, unschedulable=True)))}),
    ("disk-space", "n1", "n1: 1.0 GiB of 100.0 GiB free", {"nodes": both(with_disk("/var/lib/containerd", free=GIB), ROOMY)}),
    ("disk-space", "n1, n2", "crictl rmi --prune", {"nodes": both(with_disk("/var/lib/containerd", free=14 * GIB))}),
    ("disk-space", "n1, n2", "9.0 GiB of 100.0 GiB", {"nodes": both(with_disk("/var/lib/kubelet", free=9 * GIB))}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(nodes) == {name for name, _where, _words, _changes in BAD}


@pytest.mark.parametrize(("name", "where", "words", "changes"), WARNED, ids=names(WARNED))
def test_what_somebody_should_look_at(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_warned(name, where, words, changes)


def test_every_check_that_can_warn_is_in_the_table() -> None:
    assert can_warn(nodes) == {name for name, _where, _words, _changes in WARNED}


@pytest.mark.parametrize(
    ("inspected", "result", "words"),
    [
        (ROOMY, "passed", "at least 50.0 GiB everywhere (n1 /var/lib/kubelet)"),
        # Some file systems have no limit of files; for configuration alone a share says nothing.
        (with_disk("/opt/cni/bin", inodes=0, inodes_free=0), "passed", "50.0 GiB"),
        (with_disk("/etc/cni/net.d", free=GIB), "passed", "1.0 GiB"),
        (FLANNEL_NODE, "skipped", "no node told"),
    ],
)
def test_room(inspected: snapshot.NodeSnapshot, result: str, words: str) -> None:
    check = the(examine(nodes=both(inspected)), "disk-space")
    assert check.result == result
    assert words in check.seen
