# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which annotations a dead CNI left, and the patches against them."""

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import annotations
from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import NodePatch
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, ClusterSnapshot, Flannel, Node, ObjectRef

NODES = (
    Node("n2", annotations={"flannel.alpha.coreos.com/public-ip": "192.0.2.2", "projectcalico.org/IPv4Address": "192.0.2.2/24"}),
    Node(
        "n1",
        annotations={
            "flannel.alpha.coreos.com/public-ip": "192.0.2.1",
            "flannel.alpha.coreos.com/backend-type": "vxlan",
            "example.com/flannel": "1",
            "podnet.io/network-drift": "0",
        },
    ),
    Node("n3"),
)
DAEMONSET = ObjectRef("apps/v1", "DaemonSet", "x", "kube-system")


@pytest.mark.parametrize(
    ("cni", "patches"),
    [
        (
            "flannel",
            (
                NodePatch("n1", ("flannel.alpha.coreos.com/backend-type", "flannel.alpha.coreos.com/public-ip", "podnet.io/network-drift")),
                NodePatch("n2", ("flannel.alpha.coreos.com/public-ip",)),
            ),
        ),
        ("calico", (NodePatch("n2", ("projectcalico.org/IPv4Address",)),)),
    ],
)
def test_plan(cni: str, patches: tuple[NodePatch, ...]) -> None:
    assert annotations.plan(ClusterSnapshot(nodes=NODES), cni) == patches


def test_nothing_left_nothing_planned() -> None:
    assert annotations.plan(ClusterSnapshot(nodes=(Node("n3"),)), "flannel") == ()


def test_a_patch_is_made_of_nulls() -> None:
    assert NodePatch("n1", ("a/b", "a/c")).body == {"metadata": {"annotations": {"a/b": None, "a/c": None}}}


def test_before_has_only_what_goes() -> None:
    cluster = ClusterSnapshot(nodes=NODES)
    assert annotations.before(cluster, annotations.plan(cluster, "calico")) == {"n2": {"projectcalico.org/IPv4Address": "192.0.2.2/24"}}


@pytest.mark.parametrize(
    ("cni", "cluster", "alive"),
    [
        ("flannel", ClusterSnapshot(), ()),
        ("flannel", ClusterSnapshot(flannel=(Flannel(DAEMONSET),)), (DAEMONSET,)),
        ("flannel", ClusterSnapshot(calico=Calico(DAEMONSET)), ()),
        ("calico", ClusterSnapshot(calico=Calico(DAEMONSET)), (DAEMONSET,)),
        ("calico", ClusterSnapshot(calico=Calico()), ()),
        ("calico", ClusterSnapshot(flannel=(Flannel(DAEMONSET),)), ()),
    ],
)
def test_alive(cni: str, cluster: ClusterSnapshot, alive: tuple[ObjectRef, ...]) -> None:
    assert annotations.alive(cluster, cni) == alive
