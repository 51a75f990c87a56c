# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import cnis
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
    assert_warned,
    both,
    can_fail,
    can_warn,
    examine,
    failed,
    flannel,
    names,
    with_changes,
)

STRANGE_WINNER = snapshot.Conflist("/etc/cni/net.d/00-bridge.conf", wins=True, reason="first in lexical order", owner="unknown")

ARGO = cluster.Keeper("Argo CD", "Application argocd/network", ("DaemonSet kube-flannel/kube-flannel-ds",))
CHART = cluster.Keeper("Helm controller", "HelmChart kube-system/flannel")


def on_calico(**changes: t.Any) -> cluster.ClusterSnapshot:
    return dataclasses.replace(ON_CALICO, calico=dataclasses.replace(CALICO, **changes))


FROM_CALICO = {"target": "flannel", "strategy": "side_by_side", "nodes": both(CALICO_NODE)}
A_POLICY = cluster.ObjectRef("crd.projectcalico.org/v1", "GlobalNetworkPolicy", "no-metadata")
A_SET = cluster.ObjectRef("crd.projectcalico.org/v1", "NetworkSet", "partners", "shop")

BAD: list[Bad] = [
    (
        "calico-found",
        "DaemonSets of all namespaces",
        "run install_flannel.yml instead",
        {"seen": ON_NOTHING, "nodes": both(BARE_NODE), "target": "flannel", "strategy": "side_by_side", "network": NETWORK},
    ),
    (
        "calico-not-managed",
        "kube-system/calico-node",
        "Flux manages Calico and would bring it back",
        {"seen": on_calico(managed_by="Flux"), **FROM_CALICO},
    ),
    ("operator-absent", "Installation", "The operator would bring Calico back", {"seen": on_calico(operator=True), **FROM_CALICO}),
    (
        "calico-policies",
        "GlobalNetworkPolicy no-metadata and 1 more",
        "2 objects that only Calico knows",
        {"seen": on_calico(policies=(A_POLICY, A_SET)), **FROM_CALICO},
    ),
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
    assert can_fail(cnis) | {"calico-policies"} == {name for name, _where, _words, _changes in BAD}


def test_helm_alone_brings_nothing_back() -> None:
    seen = with_changes(flannel=(flannel(managed_by="Helm"),))
    assert_warned("not-managed-by-gitops", "kube-flannel/kube-flannel-ds", "Helm installed it", {"seen": seen})
    assert_warned(
        "calico-not-managed", "kube-system/calico-node", "Helm installed it", {"seen": on_calico(managed_by="Helm"), **FROM_CALICO}
    )
    assert can_warn(cnis) == {"not-managed-by-gitops", "calico-not-managed"}


def test_policies_may_go_where_that_is_allowed() -> None:
    changes = {"seen": on_calico(policies=(A_POLICY,)), "drop_policies": True, **FROM_CALICO}
    assert_warned("calico-policies", "GlobalNetworkPolicy no-metadata", "1 objects that only Calico knows", changes)


def test_from_calico_the_way_to_flannel_is_open() -> None:
    verdict = examine(ON_CALICO, both(CALICO_NODE), target="flannel", strategy="side_by_side")
    assert (failed(verdict), verdict.state, verdict.network) == ([], "calico", NETWORK)
    assert {"calico-found", "calico-policies", "calico-not-managed", "podcidr-inside-network"} <= {check.id for check in verdict.checks}


@pytest.mark.parametrize(
    ("seen", "nodes", "state"),
    [
        pytest.param(ON_CALICO, CALICO_NODE, "migrating", id="nothing done yet"),
        pytest.param(dataclasses.replace(ON_FLANNEL, calico=CALICO), FLANNEL_NODE, "migrating", id="both run"),
        pytest.param(ON_NOTHING, BARE_NODE, "migrating", id="calico-node gone, flannel not there yet"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "flannel", id="flannel alone"),
    ],
)
def test_a_way_to_flannel_that_was_interrupted_goes_on(seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, state: str) -> None:
    verdict = examine(seen, both(nodes), Journal("calico", NETWORK, "return-pods"), target="flannel", strategy="side_by_side")
    assert (failed(verdict), verdict.state, verdict.network) == ([], state, NETWORK)
