# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import keepers
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Keeper, ObjectRef

FLANNEL = (
    ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel"),
    ObjectRef("rbac.authorization.k8s.io/v1", "ClusterRole", "flannel:x"),
)


def resource(**status: t.Any) -> dict[str, t.Any]:
    return {"metadata": {"name": "net", "namespace": "ops"}, "status": status}


def test_applications() -> None:
    entry = {"kind": "DaemonSet", "namespace": "kube-flannel", "name": "kube-flannel-ds"}
    cluster_wide = {"kind": "ClusterRole", "name": "flannel:x"}
    others = [{**entry, "name": "other"}, {**entry, "kind": "Deployment"}]
    listed = [resource(resources=[entry, cluster_wide, *others]), resource(resources=others), resource(), {"metadata": {"name": "new"}}]
    kept = ("DaemonSet kube-flannel/kube-flannel-ds", "ClusterRole flannel:x")
    assert keepers.applications(listed, FLANNEL) == (Keeper("Argo CD", "Application ops/net", kept),)


def test_kustomizations() -> None:
    ids = [
        "kube-flannel_kube-flannel-ds_apps_DaemonSet",
        "_flannel__x_rbac.authorization.k8s.io_ClusterRole",
        "default_web_apps_Deployment",
        "",
    ]
    listed = [resource(inventory={"entries": [{"id": one, "v": "v1"} for one in ids]}), resource(inventory=None)]
    kept = ("DaemonSet kube-flannel/kube-flannel-ds", "ClusterRole flannel:x")
    assert keepers.kustomizations(listed, FLANNEL) == (Keeper("Flux", "Kustomization ops/net", kept),)


@pytest.mark.parametrize(
    ("name", "spec", "is_flannels"),
    [
        ("net", {"chart": "flannel"}, True),
        ("net", {"chart": "https://charts.example/rke2-flannel-1.2.tgz"}, True),
        ("net", {"chart": {"spec": {"chart": "flannel"}}}, True),
        ("flannel", {"chartContent": "H4sI"}, True),
        ("net", {"chart": "https://flannel.example/charts/other"}, False),
        ("net", {"chart": {"spec": {"chart": "cilium"}}}, False),
        ("net", {}, False),
    ],
)
def test_charts(name: str, spec: dict[str, t.Any], is_flannels: bool) -> None:
    found = keepers.charts("Flux", "HelmRelease", [{"metadata": {"name": name, "namespace": "ops"}, "spec": spec}])
    assert found == ((Keeper("Flux", f"HelmRelease ops/{name}"),) if is_flannels else ())
