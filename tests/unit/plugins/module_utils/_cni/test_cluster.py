# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

DAEMONSET = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
FLANNEL = cluster.Flannel(
    daemonset=DAEMONSET,
    daemonsets=(DAEMONSET,),
    image="flannel:v1",
    config_map=cluster.ObjectRef("v1", "ConfigMap", "cfg", "kube-flannel"),
    network="10.244.0.0/16",
    backend="vxlan",
    desired=3,
    ready=2,
    objects=(DAEMONSET,),
)
CALICO = cluster.Calico(
    cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system"),
    image="node:v3",
    desired=3,
    ready=3,
    pools=(cluster.IPPool("p", "10.244.0.0/16"),),
    blocks=(cluster.IPAMBlock("10.244.0.0/26", "n1", {"10.244.0.1": "default/web"}, ("10.244.0.0",)),),
)
FULL = cluster.ClusterSnapshot(
    version="v1.33.13",
    nodes=(cluster.Node("n1", ready=True, annotations={"projectcalico.org/x": "y"}), cluster.Node("n2")),
    pods=(cluster.Pod("default", "web", labels={"app": "web"}),),
    flannel=(FLANNEL,),
    calico=CALICO,
    other_cnis=("Multus (a/b)",),
    service_cidrs=("10.96.0.0/12",),
    cluster_cidrs=("10.244.0.0/16",),
    kube_proxy_mode="iptables",
    searched=("DaemonSets",),
    webhooks=(cluster.Webhook("X", "guard", "h", "a/guard", ("pods",), True, 1),),
    budgets=(cluster.Budget("a", "web", 0, 1, 2),),
    local_claims=("a/data",),
    keepers=(cluster.Keeper("Argo CD", "Application a/net", ("DaemonSet a/b",)),),
)


@pytest.mark.parametrize("seen", [cluster.ClusterSnapshot(), FULL])
def test_the_way_to_json_and_back(seen: cluster.ClusterSnapshot) -> None:
    assert cluster.from_dict(json.loads(json.dumps(cluster.to_dict(seen)))) == seen


def test_of_an_option() -> None:
    assert cluster.from_option(cluster.to_dict(FULL)) == FULL
    with pytest.raises(BadInputError, match=r"option cluster: .*bogus.*podnet\.cni\.cni_cluster_info "):
        cluster.from_option({"bogus": 1})


@pytest.mark.parametrize(
    ("seen", "lines"),
    [
        (
            FULL,
            [
                "Kubernetes v1.33.13: 1 of 2 nodes Ready, 1 pods",
                "pod network 10.244.0.0/16, Services 10.96.0.0/12, kube-proxy iptables",
                "flannel kube-flannel/kube-flannel-ds: 2 of 3 ready, backend vxlan, Network 10.244.0.0/16, flannel:v1",
                "Calico kube-system/calico-node: 3 of 3 ready, pools 10.244.0.0/16, 1 IPAM blocks, node:v3",
                "other CNI: Multus (a/b)",
            ],
        ),
        (
            cluster.ClusterSnapshot(searched=("DaemonSets",)),
            [
                "Kubernetes of unknown version: 0 of 0 nodes Ready, 0 pods",
                "pod network unknown, Services unknown, kube-proxy not found",
                "no CNI found: looked in DaemonSets",
            ],
        ),
        (
            cluster.ClusterSnapshot(calico=cluster.Calico()),
            [
                "Kubernetes of unknown version: 0 of 0 nodes Ready, 0 pods",
                "pod network unknown, Services unknown, kube-proxy not found",
                "Calico does not run, but its API objects are there: pools unknown, 0 IPAM blocks",
            ],
        ),
    ],
)
def test_summary(seen: cluster.ClusterSnapshot, lines: list[str]) -> None:
    assert cluster.summary(seen) == lines
