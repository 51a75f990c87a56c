# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import cnis
from tests.support.preflight_cases import (
    BARE_NODE,
    CALICO,
    FLANNEL_NODE,
    ON_NOTHING,
    Bad,
    assert_bad,
    assert_warned,
    both,
    can_fail,
    can_warn,
    flannel,
    names,
    with_changes,
)

STRANGE_WINNER = snapshot.Conflist("/etc/cni/net.d/00-bridge.conf", wins=True, reason="first in lexical order", owner="unknown")

ARGO = cluster.Keeper("Argo CD", "Application argocd/network", ("DaemonSet kube-flannel/kube-flannel-ds",))
CHART = cluster.Keeper("Helm controller", "HelmChart kube-system/flannel")

BAD: list[Bad] = [
    (
        "flannel-found",
        "DaemonSets of all namespaces",
        "DaemonSets in all namespaces (kube-system/kube-proxy)",
        {"seen": ON_NOTHING, "nodes": both(BARE_NODE)},
    ),
    ("one-flannel", "kube-flannel/a, kube-flannel/b", "2 flannel DaemonSets", {"seen": with_changes(flannel=(flannel("a"), flannel("b")))}),
    ("calico-absent", "kube-system/calico-node", "no migration of ours began it", {"seen": with_changes(calico=CALICO)}),
    ("operator-absent", "Installation", "operator", {"seen": with_changes(calico=cluster.Calico(operator=True))}),
    ("no-other-cni", "Multus (kube-system/multus)", "other CNIs run", {"seen": with_changes(other_cnis=("Multus (kube-system/multus)",))}),
    (
        "not-managed-by-gitops",
        "kube-flannel/kube-flannel-ds",
        "Argo CD manages",
        {"seen": with_changes(flannel=(flannel(managed_by="Argo CD"),))},
    ),
    (
        "not-managed-by-gitops",
        "kube-flannel/kube-flannel-ds",
        "bring it back",
        {"seen": with_changes(flannel=(flannel(managed_by="addon manager"),))},
    ),
    (
        "not-kept-by-a-tool",
        "Application argocd/network",
        "Argo CD keeps flannel by Application argocd/network (DaemonSet kube-flannel/kube-flannel-ds)",
        {"seen": with_changes(keepers=(ARGO,))},
    ),
    ("not-kept-by-a-tool", "HelmChart kube-system/flannel", "bring it back", {"seen": with_changes(keepers=(CHART,))}),
    (
        "conflist-winner",
        "n2",
        "00-bridge.conf of unknown wins (first in lexical order)",
        {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, conflists=(STRANGE_WINNER,)))},
    ),
    ("conflist-winner", "n2", "no valid file in", {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, conflists=()))}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


def test_every_check_that_can_fail_is_in_the_table() -> None:
    assert can_fail(cnis) == {name for name, _where, _words, _changes in BAD}


def test_helm_alone_brings_nothing_back() -> None:
    seen = with_changes(flannel=(flannel(managed_by="Helm"),))
    assert_warned("not-managed-by-gitops", "kube-flannel/kube-flannel-ds", "Helm installed it", {"seen": seen})
    assert can_warn(cnis) == {"not-managed-by-gitops"}
