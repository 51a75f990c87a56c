# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._kube import collect


@pytest.fixture
def take(kubeconfig: Path, connect: t.Callable[..., t.Any]) -> t.Callable[[], cluster.ClusterSnapshot]:
    """Takes a snapshot the way the module does."""
    return lambda: collect.collect(connect(kubeconfig=str(kubeconfig)))


def test_a_flannel_cluster(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("flannel_cluster")
    seen = take()
    assert seen.version == "v1.33.13"
    assert [(node.name, node.ready, node.control_plane, node.unschedulable) for node in seen.nodes] == [
        ("n1", True, True, False),
        ("n2", False, False, True),
    ]
    assert seen.nodes[0].annotations == {"flannel.alpha.coreos.com/backend-type": "vxlan"}
    assert [node.pod_cidrs for node in seen.nodes] == [("10.244.0.0/24",), ("10.244.1.0/24",)]
    assert seen.service_cidrs == ("10.96.0.0/12", "10.200.0.0/16")
    assert seen.cluster_cidrs == ("10.244.0.0/16",)
    assert seen.kube_proxy_mode == "iptables"
    assert seen.calico is None
    assert seen.other_cnis == ()
    (flannel,) = seen.flannel
    assert (flannel.network, flannel.backend, flannel.desired, flannel.ready) == ("10.244.0.0/16", "vxlan", 2, 1)
    assert [f"{item.kind} {item.name}" for item in flannel.objects] == [
        "DaemonSet kube-flannel-ds",
        "ConfigMap kube-flannel-cfg",
        "ServiceAccount flannel",
        "ClusterRoleBinding flannel",
        "ClusterRole flannel",
        "Namespace kube-flannel",
    ]


def test_it_survives_the_journey_between_modules(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("flannel_cluster")
    api_server.add_fixture("calico_objects")
    seen = take()
    assert cluster.from_dict(cluster.to_dict(seen)) == seen


def test_calico(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("calico_objects")
    seen = take().calico
    assert seen is not None
    assert seen.daemonset == cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system")
    assert (seen.desired, seen.ready, seen.operator) == (2, 2, False)
    assert seen.pools == (cluster.IPPool("default-ipv4-ippool", "10.244.0.0/16", "Always", "Never", 26, True, False),)
    assert seen.blocks == (cluster.IPAMBlock("10.244.7.64/26", "n1", {"10.244.7.66": "default/web-0"}, ("10.244.7.64",)),)


def test_an_empty_cluster_says_where_flannel_was_looked_for(take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    seen = take()
    assert seen.flannel == ()
    assert seen.calico is None
    assert "all namespaces" in seen.searched[0]


def test_older_clusters_serve_a_beta_of_service_cidrs(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add(
        {"apiVersion": "networking.k8s.io/v1beta1", "kind": "ServiceCIDR", "metadata": {"name": "a"}, "spec": {"cidrs": ["10.9.0.0/16"]}}
    )
    assert take().service_cidrs == ("10.9.0.0/16",)


def test_pods_come_page_by_page(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.page_size = 3
    api_server.add(*({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}", "namespace": "default"}} for n in range(10)))
    assert [pod.name for pod in take().pods] == [f"p{n}" for n in range(10)]
    pages = [query for path, query in api_server.requests if path == "/api/v1/pods"]
    assert [page.get("continue") for page in pages] == [None, "3", "6", "9"]
    assert {page["limit"] for page in pages} == {"500"}


def test_the_number_of_calls_does_not_grow_with_the_cluster(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("flannel_cluster")
    take()
    small = len(api_server.requests)
    api_server.add(*({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"p{n}", "namespace": "default"}} for n in range(300)))
    api_server.add(*({"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"more{n}"}} for n in range(50)))
    api_server.requests.clear()
    take()
    assert len(api_server.requests) <= small <= 24


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "unauthorized"),
        (403, "forbids it: refused /api/v1/pods"),
        (500, "answered 500: refused /api/v1/pods"),
    ],
)
def test_a_refusal_is_an_error_with_its_place(
    api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot], status: int, words: str
) -> None:
    api_server.refuse["/api/v1/pods"] = status
    with pytest.raises(_errors.ClusterError, match=words) as caught:
        take()
    assert caught.value.where == "GET /api/v1/pods"
    assert caught.value.next_step


def test_webhooks_that_must_answer(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    rule = {"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}
    client_config = {"service": {"namespace": "guard", "name": "guard"}}
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"):
        hook = {"name": "pods.guard.example", "clientConfig": client_config, "rules": [rule]}
        api_server.add({"apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "guard"}, "webhooks": [hook]})
    endpoints = [{"conditions": {"ready": True}}, {"conditions": {"ready": False}}]
    labels = {"kubernetes.io/service-name": "guard"}
    metadata = {"name": "guard-x", "namespace": "guard", "labels": labels}
    api_server.add({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "endpoints": endpoints})
    assert take().webhooks == tuple(
        cluster.Webhook(kind, "guard", "pods.guard.example", "guard/guard", ("pods",), endpoints=1)
        for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
    )


def test_endpoints_are_only_asked_for_when_a_webhook_needs_them(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    assert take().webhooks == ()
    assert [path for path in api_server.paths if "endpointslices" in path] == []


def test_budgets_and_local_volumes(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    status = {"disruptionsAllowed": 0, "currentHealthy": 2, "expectedPods": 2}
    api_server.add(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web", "namespace": "a"}, "status": status}
    )
    claim = {"namespace": "a", "name": "data-db-0"}
    api_server.add(
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v1"}, "spec": {"local": {"path": "/x"}, "claimRef": claim}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v2"}, "spec": {"csi": {}, "claimRef": claim}},
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "v3"}, "spec": {"hostPath": {"path": "/y"}}},
    )
    seen = take()
    assert seen.budgets == (cluster.Budget("a", "web", 0, 2, 2),)
    assert seen.local_claims == ("a/data-db-0",)


def test_who_would_bring_flannel_back(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("flannel_cluster")
    listed = [{"kind": "DaemonSet", "namespace": "kube-flannel", "name": "kube-flannel-ds"}]
    api_server.add(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Application",
            "metadata": {"name": "network", "namespace": "argocd"},
            "status": {"resources": listed},
        },
        {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1beta2",
            "kind": "Kustomization",
            "metadata": {"name": "infra", "namespace": "flux-system"},
            "status": {"inventory": {"entries": [{"id": "kube-flannel_kube-flannel-ds_apps_DaemonSet", "v": "v1"}]}},
        },
        {
            "apiVersion": "helm.cattle.io/v1",
            "kind": "HelmChart",
            "metadata": {"name": "flannel", "namespace": "kube-system"},
            "spec": {"chart": "https://charts.example/flannel"},
        },
    )
    assert take().keepers == (
        cluster.Keeper("Argo CD", "Application argocd/network", ("DaemonSet kube-flannel/kube-flannel-ds",)),
        cluster.Keeper("Flux", "Kustomization flux-system/infra", ("DaemonSet kube-flannel/kube-flannel-ds",)),
        cluster.Keeper("Helm controller", "HelmChart kube-system/flannel"),
    )


def test_tools_that_the_cluster_does_not_have_are_not_asked(api_server: t.Any, take: t.Callable[[], cluster.ClusterSnapshot]) -> None:
    api_server.add_fixture("flannel_cluster")
    take()
    assert [path for path in api_server.paths if "argoproj" in path or "fluxcd" in path or "cattle" in path] == []
