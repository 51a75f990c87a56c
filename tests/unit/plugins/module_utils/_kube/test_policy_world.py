# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is read of a cluster for the policy engine, and by how many requests."""

from __future__ import annotations

import collections
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from tests.support.netpol_cases import endpoints, policy, service, workload

EXTRA = (policy({}), service("x/web", {"pod": "a"}), endpoints("x/web", "10.0.0.1"), workload("x/Deployment/idle", {"pod": "idle"}))


@pytest.fixture(name="api")
def _api(policy_cluster: t.Any, connect: t.Callable[..., t.Any]) -> Api:
    policy_cluster.add(*EXTRA)
    return Api(connect(host=policy_cluster.url, api_key="secret"))


def test_everything_that_decides_is_read(api: Api) -> None:
    found = policy_world.objects(api)
    kinds = {"Namespace": 3, "Node": 2, "Pod": 6, "Deployment": 1, "Service": 1, "EndpointSlice": 1, "NetworkPolicy": 1}
    assert collections.Counter(item["kind"] for item in found) == kinds
    world = load(found)
    assert [str(one) for one in world.policies] == ["x/p"]
    assert [pod.reference for pod in world.pods if pod.is_template] == ["x/Deployment/idle"]
    assert world.matrix().verdict("y/a", "x/Service/web", "TCP/80") == "deny"


def test_page_by_page(api: Api, policy_cluster: t.Any) -> None:
    whole = policy_world.objects(api)
    policy_cluster.page, policy_cluster.log = 2, []
    assert policy_world.objects(api) == whole
    assert collections.Counter(path for _, path in policy_cluster.log)["/api/v1/pods"] == 3


def test_a_server_without_the_newest_endpoint_slices(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 404 if path == "/apis/discovery.k8s.io/v1/endpointslices" else 0
    assert [item for item in policy_world.objects(api) if item["kind"] == "EndpointSlice"] == []
    assert ("GET", "/apis/discovery.k8s.io/v1beta1/endpointslices") in policy_cluster.log


def test_a_server_without_network_policies(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 404 if path.endswith("/networkpolicies") else 0
    with pytest.raises(_errors.ClusterError, match=r"does not serve networking\.k8s\.io/v1"):
        policy_world.objects(api)


def test_which_cni(api: Api, policy_cluster: t.Any) -> None:
    assert policy_world.cni_of(api) == "generic"
    daemonset = workload("kube-flannel/DaemonSet/kube-flannel-ds", {})
    daemonset["spec"]["template"]["spec"]["containers"] = [{"name": "kube-flannel", "command": ["/opt/bin/flanneld"]}]
    policy_cluster.add(daemonset)
    assert policy_world.cni_of(api) == "flannel"
