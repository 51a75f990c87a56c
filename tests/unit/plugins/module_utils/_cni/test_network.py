# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import network

KUBEADM = {"networking": {"podSubnet": "10.244.0.0/16,fd00::/48", "serviceSubnet": "10.96.0.0/12"}}


def pod(*command: str, **more: t.Any) -> dict[str, t.Any]:
    return {"spec": {"containers": [{"command": list(command), **more}]}}


@pytest.mark.parametrize(
    ("inner", "outer", "inside", "overlap"),
    [
        ("10.244.0.0/24", "10.244.0.0/16", True, True),
        ("10.244.0.0/16", "10.244.0.0/16", True, True),
        ("10.244.0.0/16", "10.244.0.0/24", False, True),
        ("10.245.0.0/24", "10.244.0.0/16", False, False),
        ("fd00:1::/64", "fd00:1::/48", True, True),
        ("fd00:1::/64", "10.244.0.0/16", False, False),
        ("10.244.0.0/16", "fd00:1::/48", False, False),
    ],
)
def test_inside_and_overlap(inner: str, outer: str, inside: bool, overlap: bool) -> None:
    assert network.inside(inner, outer) is inside
    assert network.overlap(inner, outer) is overlap


@pytest.mark.parametrize("text", ["", "10.244.0.0", "10.244.1.0/16", "10.244.0.0/33", "pods"])
def test_what_is_no_cidr(text: str) -> None:
    with pytest.raises(_errors.BadInputError, match="Write a CIDR"):
        network.parse_cidr(text, "network")


@pytest.mark.parametrize(
    ("pods", "values"),
    [
        ([], ()),
        ([pod("kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12")], ("10.96.0.0/12",)),
        ([pod("/usr/bin/kube-apiserver", "--service-cluster-ip-range", "10.96.0.0/12")], ("10.96.0.0/12",)),
        ([pod("kube-apiserver", args=["--service-cluster-ip-range=10.96.0.0/12,fd00::/112"])], ("10.96.0.0/12", "fd00::/112")),
        ([pod("kube-apiserver", "--service-cluster-ip-range=10.1.0.0/16", "--service-cluster-ip-range=10.2.0.0/16")], ("10.2.0.0/16",)),
        ([pod("kube-apiserver", "--service-cluster-ip-range=10.96.0.0/12")] * 3, ("10.96.0.0/12",)),
        ([pod("kube-apiserver", "--service-cluster-ip-range-extra=1", "--service-cluster-ip-range")], ()),
        ([pod("other", "--service-cluster-ip-range=10.96.0.0/12")], ()),
    ],
)
def test_flag_values(pods: list[dict[str, t.Any]], values: tuple[str, ...]) -> None:
    assert network.flag_values(pods, "kube-apiserver", "--service-cluster-ip-range") == values


@pytest.mark.parametrize(
    ("pods", "served", "kubeadm", "cidrs"),
    [
        ([], [], {}, ()),
        ([], [], KUBEADM, ("10.96.0.0/12",)),
        ([pod("kube-apiserver", "--service-cluster-ip-range=10.1.0.0/16")], [], KUBEADM, ("10.1.0.0/16",)),
        ([], [{"spec": {"cidrs": ["10.2.0.0/16", "fd00::/112"]}}], KUBEADM, ("10.2.0.0/16", "fd00::/112")),
        (
            [pod("kube-apiserver", "--service-cluster-ip-range=10.1.0.0/16")],
            [{"spec": {"cidrs": ["10.1.0.0/16"]}}, {"spec": {"cidrs": ["10.3.0.0/16"]}}],
            {},
            ("10.1.0.0/16", "10.3.0.0/16"),
        ),
    ],
)
def test_service_cidrs(pods: list[t.Any], served: list[t.Any], kubeadm: dict[str, t.Any], cidrs: tuple[str, ...]) -> None:
    assert network.service_cidrs(pods, served, kubeadm) == cidrs


@pytest.mark.parametrize(
    ("pods", "kubeadm", "kube_proxy", "cidrs"),
    [
        ([], {}, {}, ()),
        ([], {}, {"clusterCIDR": "10.5.0.0/16"}, ("10.5.0.0/16",)),
        ([], KUBEADM, {"clusterCIDR": "10.5.0.0/16"}, ("10.244.0.0/16", "fd00::/48")),
        ([pod("kube-controller-manager", "--cluster-cidr=10.6.0.0/16")], KUBEADM, {}, ("10.6.0.0/16",)),
        ([], {"networking": None}, {}, ()),
    ],
)
def test_cluster_cidrs(pods: list[t.Any], kubeadm: dict[str, t.Any], kube_proxy: dict[str, t.Any], cidrs: tuple[str, ...]) -> None:
    assert network.cluster_cidrs(pods, kubeadm, kube_proxy) == cidrs


@pytest.mark.parametrize(
    ("config", "mode"), [({}, ""), ({"mode": ""}, "iptables"), ({"kind": "x"}, "iptables"), ({"mode": "ipvs"}, "ipvs")]
)
def test_proxy_mode(config: dict[str, t.Any], mode: str) -> None:
    assert network.proxy_mode(config) == mode


@pytest.mark.parametrize(
    ("config_map", "document"),
    [
        (None, {}),
        ({"data": {}}, {}),
        ({"data": {"key": "a: 1"}}, {"a": 1}),
        ({"data": {"key": "---\na: 1\n---\nb: 2\n"}}, {"a": 1}),
        ({"data": {"key": "words"}}, {}),
    ],
)
def test_config_document(config_map: dict[str, t.Any] | None, document: dict[str, t.Any]) -> None:
    assert network.config_document(config_map, "key") == document


@pytest.mark.parametrize(
    ("image", "names"),
    [
        ("quay.io/cilium/cilium:v1.16", ("Cilium (net/agent)",)),
        ("ghcr.io/k8snetworkplumbingwg/multus-cni:v4", ("Multus (net/agent)",)),
        ("docker.io/kindest/kindnetd:v2", ("kindnet (net/agent)",)),
        ("registry.k8s.io/kube-proxy:v1.33.0", ()),
        ("ghcr.io/flannel-io/flannel:v0.28.9", ()),
        ("quay.io/calico/node:v3.31.0", ()),
    ],
)
def test_other_cnis(image: str, names: tuple[str, ...]) -> None:
    daemonset = {"metadata": {"name": "agent", "namespace": "net"}, "spec": {"template": {"spec": {"containers": [{"image": image}]}}}}
    assert network.other_cnis([daemonset]) == names


@pytest.mark.parametrize(
    ("ranges", "taken", "count"),
    [
        (["10.1.0.0/24"], [], 256),
        (["10.1.0.0/24"], ["10.1.0.192/26", "10.2.0.0/26"], 192),
        (["10.1.0.0/24"], ["10.1.0.192/26", "10.1.0.192/27"], 192),
        (["10.1.0.0/24"], ["10.1.0.0/16"], 0),
        (["10.1.0.0/25", "10.1.0.128/25", "fd00::/64"], ["10.1.0.0/26", "fd00::/96"], 192),
        ([], ["10.1.0.0/26"], 0),
    ],
)
def test_free(ranges: list[str], taken: list[str], count: int) -> None:
    assert network.free(ranges, taken) == count


def _agent(image: str, *command: str) -> dict[str, t.Any]:
    containers = [{"name": "main", "image": image, "command": list(command)}]
    return {"metadata": {"name": "agent", "namespace": "net"}, "spec": {"template": {"spec": {"containers": containers}}}}


_FLANNEL = _agent("ghcr.io/flannel-io/flannel:v0.28.9", "/opt/bin/flanneld")


@pytest.mark.parametrize(
    ("daemonsets", "profile"),
    [
        ([], "generic"),
        ([_FLANNEL], "flannel"),
        ([_agent("quay.io/calico/node:v3.31.0")], "calico"),
        ([_FLANNEL, _agent("quay.io/calico/node:v3.31.0")], "calico"),
        ([_agent("quay.io/cilium/cilium:v1.16")], "cilium"),
        ([_FLANNEL, _agent("docker.io/cloudnativelabs/kube-router:v2")], "generic"),
        ([_FLANNEL, _agent("registry.k8s.io/networking/kube-network-policies:v0.9")], "generic"),
        ([_FLANNEL, _agent("ghcr.io/k8snetworkplumbingwg/multus-cni:v4")], "flannel"),
        ([_agent("docker.io/kindest/kindnetd:v2")], "generic"),
    ],
)
def test_who_carries_out_policies(daemonsets: list[dict[str, t.Any]], profile: str) -> None:
    assert network.policy_profile(daemonsets) == profile
