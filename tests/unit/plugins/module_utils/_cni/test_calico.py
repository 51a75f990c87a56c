# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, cluster

TUNNEL = {"handle_id": "vxlan-tunnel-addr-n1", "secondary": {"node": "n1", "type": "vxlanTunnelAddress"}}
WEB = {"handle_id": "k8s-pod-network.0123", "secondary": {"namespace": "demo", "node": "n1", "pod": "web"}}
UNNAMED = {"handle_id": "by-hand"}


def daemonset(container: dict[str, t.Any]) -> dict[str, t.Any]:
    spec = {"containers": [{"name": "agent", **container}]}
    return {"metadata": {"name": "any", "namespace": "kube-system"}, "spec": {"template": {"spec": spec}}}


@pytest.mark.parametrize(
    ("container", "runs"),
    [
        ({"image": "docker.io/calico/node:v3.25.0"}, True),
        ({"image": "quay.io/calico/node@sha256:00"}, True),
        ({"image": "quay.io/calico/calico:master"}, True),
        ({"image": "harbor.example.com/cni/calico-node:v3"}, True),
        ({"image": "harbor.example.com/cni/anything", "name": "calico-node"}, True),
        ({"image": "quay.io/calico/cni:v3.31.0"}, False),
        ({"image": "quay.io/calico/node-driver-registrar:v3.31.0"}, False),
        ({"image": "quay.io/calico/kube-controllers:v3.31.0"}, False),
        ({"image": "registry.k8s.io/node:v1"}, False),
    ],
)
def test_calico_node_is_known_by_name_or_image(container: dict[str, str], runs: bool) -> None:
    assert (calico.find_daemonset([daemonset(container)]) is not None) is runs


def test_nothing_of_calico() -> None:
    assert calico.discover([daemonset({"image": "kube-proxy"})], None, None) is None


@pytest.mark.parametrize(
    ("pools", "installations", "operator"),
    [([], [], False), (None, [{"metadata": {"name": "default"}}], True)],
)
def test_its_api_alone_is_calico_without_a_daemonset(
    pools: list[dict[str, t.Any]] | None, installations: list[dict[str, t.Any]], operator: bool
) -> None:
    assert calico.discover([], pools, pools, installations) == cluster.Calico(operator=operator)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"cidr": "10.1.0.0/16"}, cluster.IPPool("p", "10.1.0.0/16")),
        (
            {"cidr": "10.1.0.0/16", "ipipMode": "CrossSubnet", "blockSize": 24},
            cluster.IPPool("p", "10.1.0.0/16", "Never", "CrossSubnet", 24),
        ),
        (
            {"cidr": "fd00::/48", "vxlanMode": "Always", "natOutgoing": True, "disabled": True, "blockSize": 122},
            cluster.IPPool("p", "fd00::/48", "Always", "Never", 122, True, True),
        ),
    ],
)
def test_pools(spec: dict[str, t.Any], expected: cluster.IPPool) -> None:
    found = calico.discover([], [{"metadata": {"name": "p"}, "spec": spec}], [])
    assert found is not None
    assert found.pools == (expected,)


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"cidr": "10.1.0.64/26"}, cluster.IPAMBlock("10.1.0.64/26")),
        (
            {"cidr": "10.1.0.64/26", "affinity": "host:n1", "allocations": [0, 1, None, 2], "attributes": [TUNNEL, WEB, UNNAMED]},
            cluster.IPAMBlock("10.1.0.64/26", "n1", {"10.1.0.65": "demo/web"}, ("10.1.0.64", "10.1.0.67")),
        ),
        (
            {"cidr": "10.1.0.64/26", "affinity": "virtual:lb", "allocations": [3], "attributes": [WEB]},
            cluster.IPAMBlock("10.1.0.64/26", "", {}, ("10.1.0.64",)),
        ),
        (
            {"cidr": "fd00::40/122", "allocations": [None, 0], "attributes": [WEB]},
            cluster.IPAMBlock("fd00::40/122", "", {"fd00::41": "demo/web"}, (), {"fd00::41": "n1"}),
        ),
    ],
)
def test_blocks(spec: dict[str, t.Any], expected: cluster.IPAMBlock) -> None:
    found = calico.discover([], [], [{"metadata": {"name": "b"}, "spec": spec}])
    assert found is not None
    assert found.blocks == (expected,)


def test_a_block_being_deleted_is_no_block() -> None:
    found = calico.discover([], [], [{"metadata": {"name": "b"}, "spec": {"cidr": "10.1.0.64/26", "deleted": True}}])
    assert found == cluster.Calico()


def test_only_pods_have_given_addresses() -> None:
    block = {"cidr": "10.1.0.64/26", "allocations": [0, 1], "attributes": [TUNNEL, WEB]}
    found = calico.discover([], [], [{"metadata": {"name": "b"}, "spec": block}])
    assert calico.given_addresses(found) == {"10.1.0.65": "demo/web"}
    assert calico.given_addresses(None) == {}


def test_settings_and_what_people_made_are_named_apart() -> None:
    kept = {
        "FelixConfiguration": [{"metadata": {"name": "default"}}],
        "Tier": [{"metadata": {"name": name}} for name in ("default", "adminnetworkpolicy", "baselineadminnetworkpolicy", "security")],
        "NetworkSet": [{"metadata": {"name": "partners", "namespace": "shop"}}],
    }
    found = calico.discover([], [{"metadata": {"name": "p"}, "spec": {"cidr": "10.1.0.0/16"}}], [], (), kept)
    assert found is not None
    version = "crd.projectcalico.org/v1"
    assert found.objects == (cluster.ObjectRef(version, "IPPool", "p"), cluster.ObjectRef(version, "FelixConfiguration", "default"))
    assert found.policies == (cluster.ObjectRef(version, "NetworkSet", "partners", "shop"), cluster.ObjectRef(version, "Tier", "security"))
