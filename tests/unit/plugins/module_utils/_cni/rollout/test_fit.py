# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, IPAMBlock, Node, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit

IPAM = Calico(blocks=(IPAMBlock("10.244.1.192/26", "n1", {"10.244.1.193": "demo/web", "fd00::1": "demo/web"}, ("10.244.1.200",)),))
NODES = (Node("n1", pod_cidrs=("10.244.1.0/24", "fd00::/64")), Node("n2", pod_cidrs=("10.244.2.0/24",)))
POD = Pod("demo", "web", "u1", "n1", ("10.244.1.5",), phase="Running", ready=True)


@pytest.mark.parametrize(
    ("fields", "off_calico", "off_flannel"),
    [
        pytest.param({}, True, False, id="an address of flannel's"),
        pytest.param({"ips": ("10.244.1.193",)}, False, True, id="given by Calico"),
        pytest.param({"ips": ("10.244.1.193", "fd00::1")}, False, True, id="two given by Calico"),
        pytest.param({"ips": ("10.244.1.193", "fd00::2")}, True, True, id="one of two given by Calico"),
        pytest.param({"ips": ("10.244.1.193",), "name": "other"}, True, False, id="given by Calico to another pod"),
        pytest.param({"ips": ("10.244.1.200",)}, True, False, id="the end of a tunnel"),
        pytest.param({"ips": ("10.244.2.5",)}, True, True, id="of another node's range"),
        pytest.param({"ips": ("10.244.1.5",), "node": "n9"}, True, True, id="on a node that nobody knows"),
        pytest.param({"ips": ()}, False, False, id="no address yet"),
        pytest.param({"host_network": True}, False, False, id="the host's network"),
        pytest.param({"phase": "Succeeded"}, False, False, id="finished"),
        pytest.param({"phase": "Failed"}, False, False, id="failed"),
        pytest.param({"deleting": True}, True, False, id="on its way out it still holds its address"),
    ],
)
def test_which_pods_are_off_their_cni(fields: dict[str, t.Any], off_calico: bool, off_flannel: bool) -> None:
    pod = dataclasses.replace(POD, **fields)
    assert Fit.of("calico", IPAM, NODES).is_foreign(pod) is off_calico
    assert Fit.of("flannel", IPAM, NODES).is_foreign(pod) is off_flannel


@pytest.mark.parametrize(("only", "foreign"), [((), True), (("n1",), True), (("n2",), False)])
def test_only_some_nodes(only: tuple[str, ...], foreign: bool) -> None:
    assert Fit.of("calico", IPAM, NODES, only).is_foreign(POD) is foreign


@pytest.mark.parametrize(
    ("started", "agents", "foreign"),
    [
        (99.0, {"n1": 100.0}, True),
        (100.0, {"n1": 100.0}, False),
        (99.0, {"n2": 100.0}, False),
        (0.0, {"n1": 100.0}, False),
        (99.0, {}, False),
    ],
)
def test_a_pod_that_is_older_than_the_agent_of_its_node(started: float, agents: dict[str, float], foreign: bool) -> None:
    pod = dataclasses.replace(POD, ips=("10.9.0.9",), started=started)
    nodes = (Node("n1", pod_cidrs=("10.9.0.0/24",)),)
    assert Fit.of("flannel", None, nodes, agents=agents).is_foreign(pod) is foreign


def test_without_calico_no_address_is_given() -> None:
    assert Fit.of("calico", None).is_foreign(POD)
    assert not Fit.of("flannel", None, NODES).is_foreign(POD)
