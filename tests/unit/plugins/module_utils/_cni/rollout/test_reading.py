# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member, Selector, Workload

Raw = dict[str, t.Any]


def named(name: str, namespace: str = "demo", **metadata: t.Any) -> Raw:
    return {"metadata": {"name": name, "namespace": namespace, **metadata}}


def test_a_pod() -> None:
    volumes = [
        {"name": "data", "persistentVolumeClaim": {"claimName": "data-0"}},
        {"name": "tmp", "emptyDir": {}},
        {"name": "work", "ephemeral": {"volumeClaimTemplate": {}}},
        {"name": "token", "projected": {}},
    ]
    states = [{"name": "web", "state": {"running": {}}}, {"name": "side", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]
    raw = {
        **named("web-0", annotations={"podnet.io/move": "evict"}),
        "spec": {"restartPolicy": "OnFailure", "volumes": volumes},
        "status": {"containerStatuses": states},
    }
    found = reading.member(raw)
    assert found == Member(found.pod, ("tmp", "work"), ("web",), "evict")
    assert (found.owner, found.pod.restart_policy) == (None, "OnFailure")


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, ""),
        ({"labels": {"podnet.io/move": "leave"}}, "leave"),
        ({"annotations": {"podnet.io/move": "evict"}, "labels": {"podnet.io/move": "leave"}}, "evict"),
    ],
)
def test_wishes(metadata: Raw, expected: str) -> None:
    assert reading.wish({"metadata": metadata}) == expected


@pytest.mark.parametrize(
    ("kind", "spec", "expected"),
    [
        ("Deployment", {}, {"replicas": 1}),
        ("Deployment", {"replicas": 0}, {"replicas": 0}),
        ("Deployment", {"replicas": 2, "paused": True}, {"replicas": 2, "held": "it is paused"}),
        ("StatefulSet", {"updateStrategy": {"type": "OnDelete"}}, {"replicas": 1, "held": "its update strategy is OnDelete"}),
        (
            "StatefulSet",
            {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 2}}},
            {"replicas": 1, "held": "its rolling update has partition 2"},
        ),
        ("StatefulSet", {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}}, {"replicas": 1}),
        ("DaemonSet", {"updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}}, {"replicas": 1}),
        ("ReplicaSet", {"replicas": 3}, {"replicas": 3}),
    ],
)
def test_a_workload(kind: str, spec: Raw, expected: Raw) -> None:
    status = {"replicas": expected["replicas"], "updatedReplicas": expected["replicas"]}
    found = reading.workload(kind, {**named("web"), "spec": spec, "status": status})
    assert found == Workload(Owner("demo", kind, "web"), **expected, ordered=kind == "StatefulSet")


def test_pods_made_in_parallel_do_not_wait_for_each_other() -> None:
    assert not reading.workload("StatefulSet", {**named("db"), "spec": {"podManagementPolicy": "Parallel"}}).ordered


def test_a_rollout_under_way() -> None:
    raw = {**named("web", generation=2), "spec": {"replicas": 2}, "status": {"observedGeneration": 2, "replicas": 3, "updatedReplicas": 1}}
    assert reading.workload("Deployment", raw).rolling


@pytest.mark.parametrize(
    ("spec", "local"),
    [
        ({"local": {"path": "/mnt"}}, True),
        ({"hostPath": {"path": "/mnt"}}, True),
        ({"csi": {}}, False),
        (
            {"csi": {}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/hostname"}]}]}}},
            True,
        ),
        (
            {"csi": {}, "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "topology.example/node"}]}]}}},
            True,
        ),
        (
            {
                "csi": {},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [{"key": "topology.kubernetes.io/zone"}]}]}},
            },
            False,
        ),
    ],
)
def test_local_volumes(spec: Raw, local: bool) -> None:
    volume = {"metadata": {"name": "pv"}, "spec": {**spec, "claimRef": {"namespace": "demo", "name": "data-0"}}}
    unbound = {"metadata": {"name": "free"}, "spec": spec}
    found = reading.scene(reading.Lists(volumes=[volume, unbound]), None).local_claims
    assert found == ({"demo/data-0"} if local else set())


def test_what_webhooks_call() -> None:
    services = [
        {**named("hook"), "spec": {"selector": {"app": "hook"}}},
        {**named("web"), "spec": {"selector": {"app": "web"}}},
        {**named("bare"), "spec": {}},
    ]
    configs = [
        {
            "webhooks": [
                {"clientConfig": {"service": {"namespace": "demo", "name": "hook"}}},
                {"clientConfig": {"url": "https://x.example"}},
            ]
        },
        {"webhooks": [{"clientConfig": {"service": {"namespace": "demo", "name": "bare"}}}]},
        {},
    ]
    assert reading.hooks(configs, services) == (Selector("demo", {"app": "hook"}), Selector("demo", {}))


def test_a_scene() -> None:
    owner = {"kind": "Deployment", "name": "web", "controller": True}
    pod = named("web-1-a", ownerReferences=[{"kind": "ReplicaSet", "name": "web-1", "controller": True}])
    lists = reading.Lists(
        nodes=[{"metadata": {"name": "n1"}}],
        pods=[pod, named("b", annotations={"podnet.io/move": "inplace"})],
        namespaces=[{"metadata": {"name": "demo", "labels": {"podnet.io/move": "leave"}}}, {"metadata": {"name": "x"}}],
        controllers={"Deployment": [named("web")], "ReplicaSet": [named("web-1", ownerReferences=[owner])]},
    )
    seen = reading.scene(lists, Calico())
    assert seen.workload_of(seen.members[0]) == Owner("demo", "Deployment", "web")
    assert seen.workload_of(seen.members[1]) is None
    assert seen.namespaces == {"demo": "leave"}
    assert set(seen.workloads) == {Owner("demo", "Deployment", "web"), Owner("demo", "ReplicaSet", "web-1")}
    assert seen.misspelt == ("Pod demo/b says 'inplace'",)
    assert seen.calico == Calico()
