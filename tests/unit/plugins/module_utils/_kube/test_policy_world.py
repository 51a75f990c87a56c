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
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, reading
from tests.support.netpol_cases import block, endpoints, ingress, policy, service, workload

EXTRA = (policy({}), service("x/web", {"pod": "a"}), endpoints("x/web", "10.0.0.1"), workload("x/Deployment/idle", {"pod": "idle"}))


@pytest.fixture(name="api")
def _api(policy_cluster: t.Any, connect: t.Callable[..., t.Any]) -> Api:
    policy_cluster.add(*EXTRA)
    return Api(connect(host=policy_cluster.url, api_key="secret"))


def test_everything_that_decides_is_read(api: Api) -> None:
    found = policy_world.read(api).objects
    kinds = {"Namespace": 3, "Node": 2, "Pod": 6, "Deployment": 1, "Service": 1, "EndpointSlice": 1, "NetworkPolicy": 1}
    assert collections.Counter(item["kind"] for item in found) == kinds
    world = load(found)
    assert [str(one) for one in world.policies] == ["x/p"]
    assert [pod.reference for pod in world.pods if pod.is_template] == ["x/Deployment/idle"]
    assert world.matrix().verdict("y/a", "x/Service/web", "TCP/80") == "deny"


def test_page_by_page(api: Api, policy_cluster: t.Any) -> None:
    whole = policy_world.read(api).objects
    policy_cluster.page, policy_cluster.log = 2, []
    assert policy_world.read(api).objects == whole
    assert collections.Counter(path for _, path in policy_cluster.log)["/api/v1/pods"] == 3


def test_a_server_without_the_newest_endpoint_slices(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 404 if path == "/apis/discovery.k8s.io/v1/endpointslices" else 0
    assert [item for item in policy_world.read(api).objects if item["kind"] == "EndpointSlice"] == []
    assert ("GET", "/apis/discovery.k8s.io/v1beta1/endpointslices") in policy_cluster.log


def test_a_server_without_network_policies(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 404 if path.endswith("/networkpolicies") else 0
    with pytest.raises(_errors.ClusterError, match=r"does not serve networking\.k8s\.io/v1"):
        policy_world.read(api)


def tier(kind: str, name: str = "deny") -> dict[str, t.Any]:
    return {"kind": kind, "metadata": {"name": name}, "spec": {"subject": {"namespaces": {}}, "ingress": [{"action": "Deny"}]}}


def test_policies_of_other_tiers_are_read_in_the_version_that_has_them(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.serve("policy.networking.k8s.io/v1alpha2", "clusternetworkpolicies", tier("ClusterNetworkPolicy"))
    policy_cluster.serve("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies", tier("AdminNetworkPolicy"))
    policy_cluster.serve("policy.networking.k8s.io/v1alpha1", "baselineadminnetworkpolicies", tier("BaselineAdminNetworkPolicy", "default"))
    world, words = policy_world.read(api).computed("generic")
    names = ["AdminNetworkPolicy deny", "BaselineAdminNetworkPolicy default", "ClusterNetworkPolicy deny"]
    assert [one.name for one in world.tiers] == names
    assert world.matrix().verdict("y/a", "z/a", "TCP/80") == "undefined"
    told = "is a policy of another kind and is not evaluated. It may allow or deny what is computed here otherwise."
    assert list(words) == [f"{name}: {told}" for name in names]


@pytest.mark.parametrize(
    ("version", "plural", "named"),
    [
        ("crd.projectcalico.org/v1", "globalnetworkpolicies", "GlobalNetworkPolicy p"),
        ("crd.projectcalico.org/v1", "networkpolicies", "NetworkPolicy x/p"),
        ("projectcalico.org/v3", "globalnetworkpolicies", "GlobalNetworkPolicy p"),
        ("cilium.io/v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy x/p"),
        ("cilium.io/v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy p"),
        ("crd.antrea.io/v1beta1", "clusternetworkpolicies", "ClusterNetworkPolicy p"),
    ],
)
def test_policies_of_a_cni_are_told(api: Api, policy_cluster: t.Any, version: str, plural: str, named: str) -> None:
    meta = {"name": "p", **({"namespace": "x"} if "/" in named else {})}
    policy_cluster.serve(version, plural, {"metadata": meta, "spec": {}})
    (words,) = policy_world.read(api).computed("generic")[1]
    assert words.startswith(f"{named}: is a policy of another kind and is not evaluated")


def test_calico_is_asked_once(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.serve("projectcalico.org/v3", "networkpolicies", {"metadata": {"name": "knp.default.p", "namespace": "x"}})
    policy_cluster.serve("crd.projectcalico.org/v1", "networkpolicies")
    assert policy_world.read(api).computed("calico")[1] == ()


def test_every_kind_that_the_engine_tells_apart_is_read() -> None:
    asked = {(kind, group) for kind, groups, _ in policy_world.OPTIONAL for group in groups}
    known = {(kind, "policy.networking.k8s.io") for kind in reading.TIERS}
    known |= {(kind, group) for kind, ends in reading.FOREIGN.items() for _, group in asked if group.endswith(ends)}
    assert asked == known
    assert {kind for kind, _ in asked} == {*reading.TIERS, *reading.FOREIGN}


def test_what_is_not_served_costs_one_request(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.log = []
    policy_world.read(api)
    assert len(policy_cluster.log) == len(policy_world.KINDS) + 1


def test_a_kind_that_may_not_be_listed(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.serve("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies")
    policy_cluster.before = lambda _method, path: 403 if path.endswith("/adminnetworkpolicies") else 0
    found = policy_world.read(api)
    assert found.computed("generic")[1] == (
        "CustomResourceDefinition adminnetworkpolicies.policy.networking.k8s.io: objects of this kind may not be listed, so whether there "
        "are any is not known. They may allow or deny what is computed here otherwise. Give the right to list "
        "adminnetworkpolicies.policy.networking.k8s.io.",
    )


def test_a_kind_that_has_to_be_read_and_may_not(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 403 if path.endswith("/services") else 0
    with pytest.raises(_errors.ClusterError, match="/api/v1/services"):
        policy_world.read(api)


def test_a_policy_that_nobody_could_apply_today_is_left_out(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.add(policy({}, name="old", ingress=[ingress(block("010.0.0.0/8"))]))
    world, words = policy_world.read(api).computed("generic")
    assert [str(one) for one in world.policies] == ["x/p"]
    (told,) = words
    assert told.startswith("NetworkPolicy x/old: spec.ingress[0].from[0].ipBlock.cidr: is '010.0.0.0/8'")
    assert told.endswith("It is in the cluster, and left out of all that is computed here. Correct it.")


def test_which_cni(api: Api, policy_cluster: t.Any) -> None:
    assert policy_world.cni_of(api) == "generic"
    daemonset = workload("kube-flannel/DaemonSet/kube-flannel-ds", {})
    daemonset["spec"]["template"]["spec"]["containers"] = [{"name": "kube-flannel", "command": ["/opt/bin/flanneld"]}]
    policy_cluster.add(daemonset)
    assert policy_world.cni_of(api) == "flannel"
