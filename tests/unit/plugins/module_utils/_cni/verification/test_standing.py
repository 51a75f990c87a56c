# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Conflist, NodeSnapshot, Runtime
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import standing
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni
from tests.support.verification_cases import AGENT, CALICO, CLUSTER, FLANNEL, NODES


def answers(seen: cluster.ClusterSnapshot, nodes: dict[str, NodeSnapshot], cni: Cni = CALICO) -> dict[str, t.Any]:
    return {check.id: check for check in standing.standing_checks(seen, nodes, cni)}


def test_nodes_and_agents() -> None:
    assert answers(CLUSTER, {})["nodes-ready"].seen == "3 of 3 Ready"
    assert answers(CLUSTER, {})["cni-ready"].seen == "kube-system/calico-node 3 of 3 ready"
    sick = dataclasses.replace(CLUSTER, nodes=(cluster.Node("n1"), *CLUSTER.nodes[1:]), calico=cluster.Calico(AGENT, desired=3, ready=2))
    assert answers(sick, {})["nodes-ready"].seen == "not Ready: n1"
    assert answers(sick, {})["cni-ready"].result == "failed"
    assert answers(dataclasses.replace(CLUSTER, calico=None), {})["cni-ready"].seen == "no DaemonSet of calico in the cluster"
    assert answers(CLUSTER, {}, FLANNEL)["cni-ready"].result == "failed"


OURS = Conflist("/etc/cni/net.d/10-calico.conflist", "k8s-pod-network", plugins=("calico", "portmap"), wins=True, owner="calico")
THEIRS = Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", plugins=("flannel",), owner="flannel")
LOADED = Runtime(network_ready=True, loaded=("k8s-pod-network",))


@pytest.mark.parametrize(
    ("conflists", "runtime", "problem"),
    [
        ((OURS,), LOADED, ""),
        ((OURS,), Runtime(network_ready=True, loaded=("10-calico.conflist",)), ""),
        ((OURS,), Runtime(network_ready=True), ""),
        ((OURS, dataclasses.replace(THEIRS, problem="not JSON")), LOADED, ""),
        ((OURS, Conflist("/etc/cni/net.d/99-loopback.conf", plugins=("loopback",))), LOADED, ""),
        ((OURS, THEIRS), LOADED, "/etc/cni/net.d/10-flannel.conflist is not calico's"),
        ((OURS,), Runtime(network_ready=True, loaded=("cbr0",)), "should be loaded, the runtime holds cbr0"),
        ((OURS,), Runtime(network_message="cni plugin not initialized"), "its network is not ready: cni plugin not initialized"),
        ((), LOADED, "no usable file in /etc/cni/net.d"),
    ],
)
def test_one_conflist(conflists: tuple[Conflist, ...], runtime: Runtime, problem: str) -> None:
    nodes = {node: NodeSnapshot(node, conflists=conflists, runtime=runtime) for node in NODES}
    check = answers(CLUSTER, nodes)["one-conflist"]
    assert check.result == ("failed" if problem else "passed")
    assert all(problem in detail for detail in check.details)
    assert len(check.details) == (3 if problem else 0)


def test_a_node_without_a_snapshot_proves_nothing() -> None:
    nodes = {"n1": snapshot.NodeSnapshot("n1", conflists=(OURS,), runtime=LOADED)}
    assert answers(CLUSTER, nodes)["one-conflist"].details == ("n2: no snapshot", "n3: no snapshot")
    assert answers(CLUSTER, {})["one-conflist"].result == "skipped"
