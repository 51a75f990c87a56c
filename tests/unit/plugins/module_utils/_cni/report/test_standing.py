# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import standing
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Fact, Leftover
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.standing import Moment


def moment(raw_cluster: dict[str, t.Any] | None, raw_snapshots: dict[str, t.Any]) -> Moment:
    seen = cluster.from_dict(raw_cluster) if raw_cluster else None
    return Moment(seen, {name: snapshot.from_dict(raw) for name, raw in raw_snapshots.items()})


def test_nodes_before_and_after(report_cases: t.Any) -> None:
    before = moment(report_cases.cluster("flannel"), report_cases.snapshots("flannel"))
    after = moment(report_cases.cluster("calico"), report_cases.snapshots("calico"))
    nodes = standing.nodes(before, after)
    assert [node.name for node in nodes] == ["n1", "n2"]
    assert nodes[0].facts == (
        Fact("State", "Ready", "Ready"),
        Fact("Pods", "1, 1 ready, 0 on Calico", "1, 1 ready, 1 on Calico"),
        Fact("CNI configuration", "10-flannel.conflist", "10-calico.conflist"),
        Fact("CNI processes", "flanneld", "calico-node"),
        Fact("Of flannel", "1 thing", "nothing"),
        Fact("Of Calico", "nothing", "1 thing"),
        Fact("Container runtime", "containerd 1.6.20", "containerd 1.6.20"),
        Fact("Kernel", "6.1.0", "6.1.0"),
    )
    assert [fact.changed for fact in nodes[0].facts] == [False, True, True, True, True, True, False, False]


def test_what_was_not_read_is_left_out(report_cases: t.Any) -> None:
    assert standing.nodes(Moment(), Moment()) == ()
    (node, _other) = standing.nodes(Moment(), moment(None, report_cases.snapshots("calico")))
    assert node.facts[0] == Fact("CNI configuration", "", "10-calico.conflist")
    assert not node.facts[0].changed


def test_a_node_that_is_not_well_says_so(report_cases: t.Any) -> None:
    raw = report_cases.cluster("flannel")
    raw["nodes"][0].update(ready=False, unschedulable=True)
    (node, _other) = standing.nodes(Moment(), moment(raw, {}))
    assert node.facts[0] == Fact("State", "", "not Ready, cordoned")


def test_pods_that_do_not_count(report_cases: t.Any) -> None:
    raw = report_cases.cluster("calico")
    pod = raw["pods"][0]
    raw["pods"] += [
        {**pod, "name": "a", "host_network": True},
        {**pod, "name": "b", "phase": "Succeeded"},
        {**pod, "name": "c", "deleting": True},
        {**pod, "name": "d", "ips": ["10.244.1.7"], "ready": False},
    ]
    (node, _other) = standing.nodes(Moment(), moment(raw, {}))
    assert node.facts[1].after == "2, 1 ready, 1 on Calico"


def test_versions(report_cases: t.Any) -> None:
    nodes = report_cases.snapshots("calico")
    nodes["n2"]["kernel"] = "6.2.0"
    found = standing.versions(
        moment(report_cases.cluster("flannel"), report_cases.snapshots("flannel")), moment(report_cases.cluster("calico"), nodes)
    )
    assert found == (
        Fact("Kubernetes", "v1.33.13", "v1.33.13"),
        Fact("flannel", "flannel:v0.28.9", "none"),
        Fact("Calico", "none", "calico/node:v3.31.0"),
        Fact("kubelet", "v1.33.13", "v1.33.13"),
        Fact("kube-proxy", "iptables", "iptables"),
        Fact("Container runtime", "containerd 1.6.20", "containerd 1.6.20"),
        Fact("Kernel", "6.1.0", "6.1.0 (1x), 6.2.0 (1x)"),
    )


def test_nothing_is_left(report_cases: t.Any) -> None:
    assert standing.leftovers(moment(report_cases.cluster("calico"), report_cases.snapshots("calico")), "flannel") == ()


def test_what_nobody_looked_for_is_not_called_clean(report_cases: t.Any) -> None:
    assert standing.leftovers(moment(report_cases.cluster("calico"), {}), "flannel") is None
    assert standing.leftovers(moment(None, report_cases.snapshots("calico")), "") is None


def test_what_is_left(report_cases: t.Any) -> None:
    nodes = report_cases.snapshots("calico")
    nodes["n2"].update(
        processes=["flanneld"],
        links=[{"name": "flannel.1", "owner": "flannel-vxlan"}, {"name": "eth0", "owner": "host"}],
        routes=[{"destination": "10.244.1.0/24", "owner": "flannel-vxlan"}],
        chains=[
            {"backend": "nft", "family": 4, "table": "nat", "name": "FLANNEL-POSTRTG", "owner": "flannel"},
            {
                "backend": "nft",
                "family": 4,
                "table": "nat",
                "name": "POSTROUTING",
                "owner": "host",
                "rules": [{"text": "-A POSTROUTING -j FLANNEL-POSTRTG", "owner": "flannel"}],
            },
        ],
        files=[{"path": "/run/flannel", "kind": "state", "owner": "flannel"}],
    )
    raw = report_cases.cluster("flannel")
    raw["nodes"][0]["annotations"] = {"flannel.alpha.coreos.com/public-ip": "192.0.2.1"}
    assert standing.leftovers(moment(raw, nodes), "flannel") == (
        Leftover(
            "n2",
            (
                "process flanneld",
                "device flannel.1",
                "route 10.244.1.0/24",
                "nat chain FLANNEL-POSTRTG",
                "/run/flannel",
                "1 iptables rules",
            ),
        ),
        Leftover("the API server", ("DaemonSet kube-flannel/kube-flannel-ds", "annotations of node n1")),
    )


def test_what_is_left_of_calico(report_cases: t.Any) -> None:
    raw = report_cases.cluster("calico")
    raw["calico"]["daemonset"] = {"api_version": "apps/v1", "kind": "DaemonSet", "name": "calico-node", "namespace": "kube-system"}
    found = standing.leftovers(moment(raw, report_cases.snapshots("calico")), "calico")
    assert found is not None
    assert [one.where for one in found] == ["n1", "n2", "the API server"]
    assert found[2].items == ("DaemonSet kube-system/calico-node",)
