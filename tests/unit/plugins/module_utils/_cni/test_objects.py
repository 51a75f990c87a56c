# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, objects


@pytest.mark.parametrize(
    ("metadata", "tool"),
    [
        ({}, ""),
        ({"labels": {"app": "flannel"}}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm"),
        ({"labels": {"app.kubernetes.io/managed-by": "kustomize"}}, ""),
        ({"annotations": {"meta.helm.sh/release-name": "flannel"}}, "Helm"),
        ({"annotations": {"argocd.argoproj.io/tracking-id": "x"}, "labels": {"app.kubernetes.io/instance": "x"}}, "Argo CD"),
        ({"labels": {"argocd.argoproj.io/instance": "x", "app.kubernetes.io/managed-by": "Helm"}}, "Argo CD"),
        ({"labels": {"app.kubernetes.io/instance": "flannel"}}, ""),
        ({"labels": {"kustomize.toolkit.fluxcd.io/name": "infra"}}, "Flux"),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "x", "app.kubernetes.io/managed-by": "Helm"}}, "Flux"),
        ({"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}}, "addon manager"),
        ({"labels": {"kubernetes.io/cluster-service": "true"}}, "addon manager"),
        ({"annotations": {"objectset.rio.cattle.io/id": "x"}}, "Rancher deploy controller"),
        ({"labels": {"fleet.cattle.io/bundle-id": "x"}}, "Fleet"),
        ({"labels": {"kapp.k14s.io/app": "x"}}, "kapp"),
    ],
)
def test_managed_by(metadata: dict[str, t.Any], tool: str) -> None:
    assert objects.managed_by({"metadata": metadata}) == tool
    assert objects.managed_by({}, {"metadata": metadata}) == tool


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"metadata": {"name": "n"}}, cluster.Node("n")),
        ({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.1.0.0/24"}}, cluster.Node("n", pod_cidrs=("10.1.0.0/24",))),
        (
            {"metadata": {"name": "n", "labels": {"node-role.kubernetes.io/master": ""}}, "status": {"conditions": None}},
            cluster.Node("n", control_plane=True),
        ),
        (
            {"metadata": {"name": "n", "annotations": {"projectcalico.org/IPv4Address": "x", "other": "y"}}},
            cluster.Node("n", annotations={"projectcalico.org/IPv4Address": "x"}),
        ),
    ],
)
def test_node(resource: dict[str, t.Any], expected: cluster.Node) -> None:
    assert objects.node(resource) == expected


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        ({"metadata": {"name": "p", "namespace": "d"}}, cluster.Pod("d", "p")),
        (
            {"metadata": {"name": "p", "namespace": "d", "ownerReferences": [{"kind": "X", "name": "x"}]}, "status": {"podIP": "10.1.0.5"}},
            cluster.Pod("d", "p", ips=("10.1.0.5",)),
        ),
        (
            {
                "metadata": {"name": "p", "namespace": "d", "ownerReferences": [{"kind": "Job", "name": "j", "controller": True}]},
                "status": {"phase": "Pending", "podIP": "10.1.0.5", "podIPs": [{"ip": "10.1.0.5"}, {"ip": "fd00::5"}]},
            },
            cluster.Pod("d", "p", ips=("10.1.0.5", "fd00::5"), phase="Pending", owner_kind="Job", owner_name="j"),
        ),
    ],
)
def test_pod(resource: dict[str, t.Any], expected: cluster.Pod) -> None:
    assert objects.pod(resource) == expected


def test_a_reference_takes_what_a_listed_item_lacks() -> None:
    assert objects.reference({"metadata": {"name": "x"}}, "v1", "Node") == cluster.ObjectRef("v1", "Node", "x")
    own = {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": {"name": "x", "namespace": "n"}}
    assert objects.reference(own, "v1", "Node") == cluster.ObjectRef("apps/v1", "DaemonSet", "x", "n")


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"restartPolicy": "Never"}, {}, cluster.Pod("d", "p", restart_policy="Never")),
        (
            {
                "volumes": [
                    {"name": "cache", "emptyDir": {}},
                    {"name": "data", "persistentVolumeClaim": {"claimName": "data-p"}},
                    {"name": "scratch", "ephemeral": {"volumeClaimTemplate": {}}},
                    {"name": "etc", "hostPath": {"path": "/etc"}},
                ]
            },
            {},
            cluster.Pod("d", "p", empty_dirs=("cache",), claims=("data-p", "p-scratch")),
        ),
        (
            {},
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]},
            cluster.Pod("d", "p", trouble="Unschedulable"),
        ),
        (
            {},
            {
                "initContainerStatuses": [{"ready": True, "state": {"terminated": {"reason": "Completed"}}}],
                "containerStatuses": [
                    {"ready": False, "state": {"running": {}}},
                    {"ready": False, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                ],
            },
            cluster.Pod("d", "p", trouble="CrashLoopBackOff"),
        ),
        ({}, {"containerStatuses": [{"ready": True, "state": {"running": {}}}]}, cluster.Pod("d", "p")),
    ],
)
def test_what_keeps_a_pod_where_it_is(spec: dict[str, t.Any], status: dict[str, t.Any], expected: cluster.Pod) -> None:
    assert objects.pod({"metadata": {"name": "p", "namespace": "d"}, "spec": spec, "status": status}) == expected


def test_a_budget() -> None:
    metadata = {"name": "web", "namespace": "a"}
    status = {"disruptionsAllowed": 1, "currentHealthy": 3, "expectedPods": 4}
    assert objects.budget({"metadata": metadata, "status": status}) == cluster.Budget("a", "web", 1, 3, 4)
    assert objects.budget({"metadata": metadata}) == cluster.Budget("a", "web")


def test_local_claims() -> None:
    def affinity(key: str) -> dict[str, t.Any]:
        return {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": key, "operator": "In", "values": ["x"]}]}]}}

    claim = {"namespace": "a", "name": "data"}
    volumes = [
        {"spec": {"hostPath": {"path": "/y"}, "claimRef": claim}},
        {"spec": {"local": {"path": "/x"}, "claimRef": {**claim, "name": "a"}}},
        {"spec": {"local": {"path": "/x"}}},
        {"spec": {"csi": {}, "claimRef": {**claim, "name": "remote"}}},
        {"spec": {"csi": {}, "claimRef": {**claim, "name": "zonal"}, "nodeAffinity": affinity("topology.kubernetes.io/zone")}},
        {"spec": {"csi": {}, "claimRef": {**claim, "name": "lvm"}, "nodeAffinity": affinity("topology.topolvm.io/node")}},
        {"spec": {"csi": {}, "claimRef": {**claim, "name": "path"}, "nodeAffinity": affinity("kubernetes.io/hostname")}},
        {},
    ]
    assert objects.local_claims(volumes) == ("a/a", "a/data", "a/lvm", "a/path")
