# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections prove an expectation, and why some cannot be proved."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import evidence, kinds, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import OUT

Raw = dict[str, t.Any]


def pod(name: str, address: str, labels: dict[str, str], port: int = 0, owner: str = "") -> Raw:
    namespace, _, own = name.partition("/")
    ports = [{"name": "http", "containerPort": port}] if port else []
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}] if owner else []
    meta = {"namespace": namespace, "name": own, "labels": labels, "ownerReferences": owners}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "ports": ports}]}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Running", "podIPs": [{"ip": address}]}}


WORLD = load(
    [
        *({"kind": "Namespace", "metadata": {"name": name}} for name in ("shop", "kube-system")),
        pod("shop/web-1", "10.1.0.1", {"app": "web"}, 8080, "web"),
        pod("shop/web-2", "10.1.0.2", {"app": "web"}, 8080, "web"),
        pod("shop/client", "10.1.0.3", {"app": "client"}),
        pod("kube-system/dns", "10.1.0.9", {"app": "dns"}),
        {
            "kind": "Service",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"clusterIP": "10.96.0.7", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]},
        },
        {"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"ports": [{"port": "http"}]}]},
        },
    ]
)
STANDS = plan.shadows(kinds.of(WORLD, kinds.Wanted()), ("n1", "n2"))


def find(source: str, destination: str, port: str = "TCP/80") -> evidence.Evidence:
    return evidence.find(Expectation(source, destination, port, "allow"), WORLD, STANDS, says=True)


@pytest.mark.parametrize(
    ("destination", "port", "address", "number"),
    [
        ("shop/Service/web", "TCP/80", "10.96.0.7", 80),
        ("Node/n1", "TCP/6443", "192.0.2.1", 6443),
        ("203.0.113.7", "TCP/443", "203.0.113.7", 443),
        # Of a pod in a namespace of the cluster's own there is no shadow.
        ("kube-system/dns", "UDP/53", "10.1.0.9", 53),
    ],
)
def test_what_has_no_shadow_is_called_by_its_address(destination: str, port: str, address: str, number: int) -> None:
    found, note = find("shop/client", destination, port)
    clients = {stand.reference for stand in STANDS if stand.kind.name == "shop/client"}
    assert note == ""
    assert {one.source for one in found} == clients
    assert {(one.target, one.address, one.port.number, one.says, one.place) for one in found} == {(destination, address, number, "", OUT)}


def test_the_name_of_a_port_is_the_number_of_the_pod_s() -> None:
    found, _ = find("shop/client", "shop/ReplicaSet/web", "TCP/http")
    assert {(one.port, one.address) for one in found} == {(Port("TCP", 8080), "")}
    assert {one.target for one in found} <= {stand.reference for stand in STANDS if "web" in stand.kind.name}
    assert len(found) == 2


def test_the_pods_of_a_workload_are_tried_among_themselves() -> None:
    found, note = find("shop/ReplicaSet/web", "shop/ReplicaSet/web")
    assert note == ""
    assert found
    assert all(one.source != one.target for one in found)


@pytest.mark.parametrize(
    ("source", "destination", "port", "why"),
    [
        ("Node/n1", "shop/client", "TCP/80", "nothing can be sent from Node/n1"),
        ("203.0.113.7", "shop/client", "TCP/80", "nothing can be sent from 203.0.113.7"),
        ("shop/client", "shop/client", "TCP/80", "a pod always reaches itself"),
        ("shop/client", "shop/web-1", "TCP/metrics", "shop/web-1 has no port TCP/metrics"),
        ("shop/client", "shop/Service/web", "TCP/http", "shop/Service/web has no address on TCP/http"),
    ],
)
def test_what_nothing_can_prove(source: str, destination: str, port: str, why: str) -> None:
    assert find(source, destination, port) == ((), why)


def test_every_destination_asks_itself_what_it_is_asked() -> None:
    asked = evidence.questions((Expectation("shop/client", "shop/web-1", "TCP/9", "deny"),), WORLD, STANDS, (Port("TCP", 80),), says=True)
    targets = {(one.target, one.port) for one in asked.connections if not one.is_control}
    assert {(one.target, one.port) for one in asked.connections if one.is_control} >= targets
    assert len(set(asked.connections)) == len(asked.connections)


def test_what_no_kernel_could_try_is_unknown() -> None:
    asked = evidence.questions((Expectation("shop/client", "shop/web-1", "SCTP/9", "deny"),), WORLD, STANDS, (), says=True)
    (tested,) = asked.tested(())
    assert (tested.result, tested.note) == (trial.UNKNOWN, "no node's kernel can try it")
