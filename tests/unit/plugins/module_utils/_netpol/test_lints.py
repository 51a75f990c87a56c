# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traps that are found, and what is none of them. Those that belong to an item of the semantics are in test_semantics."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import Finding, load
from tests.support.netpol_cases import ANY, block, egress, ingress, named, namespace, node, pod, policy, service, team, workload, world

Raw = dict[str, t.Any]
DNS = pod("kube-system/dns", "10.0.0.53", labels={"k8s-app": "kube-dns"}, ports=[("dns", "UDP", 53), ("dns-tcp", "TCP", 53)])
TO_DNS = {"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}
BOTH = [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]


def _found(name: str, *objects: Raw, **options: t.Any) -> list[Finding]:
    return [finding for finding in load(world(*objects), **options).findings() if finding.id == name]


def test_a_good_policy_has_nothing_against_it() -> None:
    objects = [
        namespace("kube-system"),
        DNS,
        policy(
            named("a"),
            ingress=[ingress({"namespaceSelector": team("b"), "podSelector": named("b")}, ports=[{"port": "http"}])],
            egress=[egress(TO_DNS, ports=BOTH), egress(block("0.0.0.0/0", "10.0.0.0/8"), ports=[{"port": 443}])],
            policyTypes=["Ingress", "Egress"],
        ),
    ]
    assert load(world(*objects)).findings() == ()


@pytest.mark.parametrize(
    ("peers", "number"),
    [
        pytest.param([{"namespaceSelector": {}}, ANY], 1, id="namespace first"),
        pytest.param([ANY, {"namespaceSelector": {}}], 1, id="pod first"),
        pytest.param([{"namespaceSelector": {}}, block("203.0.113.0/24"), ANY], 0, id="apart"),
        pytest.param([{"namespaceSelector": {}}, {"namespaceSelector": team("b")}], 0, id="two namespaces"),
        pytest.param([{"namespaceSelector": {}, "podSelector": {}}, ANY], 0, id="one with both"),
    ],
)
def test_or_versus_and(peers: list[Raw], number: int) -> None:
    assert len(_found("or-versus-and", policy({}, ingress=[ingress(*peers)]))) == number


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([policy({}, egress=[egress(ANY)])], ["warning"], id="forgotten"),
        pytest.param([policy({}, policyTypes=["Egress"])], ["info"], id="nothing at all is wanted"),
        pytest.param([policy({}, egress=[egress(TO_DNS, ports=BOTH)])], [], id="allowed"),
        pytest.param([policy({}, egress=[egress(TO_DNS, ports=BOTH[:1])])], ["warning"], id="UDP only"),
        pytest.param(
            [policy({}, egress=[egress(TO_DNS, ports=[{"port": "dns", "protocol": "UDP"}, {"port": "dns-tcp"}])])], [], id="by name"
        ),
        pytest.param([policy({}, egress=[{}])], [], id="everything"),
        pytest.param([policy({}, egress=[egress(block("10.0.0.0/24"))])], [], id="by address"),
        pytest.param([policy({}, egress=[egress(block("10.1.0.0/24"))])], ["warning"], id="by another address"),
        pytest.param(
            [policy({}, name="deny", policyTypes=["Egress"]), policy({}, egress=[egress(TO_DNS, ports=BOTH)])], [], id="by another policy"
        ),
        pytest.param(
            [policy(named("a"), name="one", egress=[egress(ANY)]), policy({}, egress=[egress(ANY)])],
            ["warning"] * 2,
            id="two sets of policies",
        ),
        pytest.param([policy(named("nobody"), egress=[egress(ANY)])], [], id="nobody"),
        pytest.param([policy({}, ingress=[])], [], id="ingress"),
    ],
)
def test_dns(policies: list[Raw], expected: list[str]) -> None:
    assert [finding.severity for finding in _found("dns-egress-missing", namespace("kube-system"), DNS, *policies)] == expected


@pytest.mark.parametrize(("peer", "number"), [(TO_DNS, 0), ({"namespaceSelector": {}}, 0), (ANY, 1), (block("0.0.0.0/0"), 0)])
def test_dns_that_was_not_read(peer: Raw, number: int) -> None:
    """Then it is thought to be where it usually is."""
    assert len(_found("dns-egress-missing", policy({}, egress=[egress(peer)]))) == number


@pytest.mark.parametrize(
    ("requirements", "number"),
    [
        pytest.param([("In", "a"), ("NotIn", "a")], 1, id="in and not in"),
        pytest.param([("In", "a"), ("In", "b")], 1, id="two values at once"),
        pytest.param([("Exists",), ("DoesNotExist",)], 1, id="there and not there"),
        pytest.param([("In", "a", "b"), ("NotIn", "a")], 0, id="one is left"),
        pytest.param([("NotIn", "a"), ("DoesNotExist",)], 0, id="absent"),
    ],
)
def test_contradictions(requirements: list[tuple[str, ...]], number: int) -> None:
    listed = [{"key": "pod", "operator": operator, **({"values": values} if values else {})} for operator, *values in requirements]
    assert len(_found("selector-contradiction", policy({}, ingress=[ingress({"podSelector": {"matchExpressions": listed}})]))) == number


@pytest.mark.parametrize(
    ("name", "objects", "message"),
    [
        pytest.param("selects-nothing", [policy(named("nobody"), ingress=[])], "pod=nobody", id="a policy"),
        pytest.param(
            "selects-nothing",
            [workload("x/Deployment/w", {"app": "in"}, own={"app": "out"}), policy({"matchLabels": {"app": "out"}}, ingress=[])],
            "x/Deployment/w bears these labels itself",
            id="a workload's own labels",
        ),
        pytest.param(
            "peer-selects-nothing", [policy({}, ingress=[ingress({"podSelector": named("nobody")})])], "pods with pod=nobody", id="a peer"
        ),
        pytest.param("peer-selects-nothing", [policy({}, ingress=[ingress({"namespaceSelector": team("c")})])], "team=c", id="namespaces"),
        pytest.param("named-port-unmatched", [policy({}, ingress=[ingress(ports=[{"port": "htpp"}])])], "TCP/htpp", id="a port"),
        pytest.param(
            "named-port-unmatched",
            [policy({}, ingress=[ingress(ports=[{"port": "http", "protocol": "UDP"}])])],
            "one of TCP",
            id="a protocol",
        ),
        pytest.param("named-port-unmatched", [policy({}, egress=[egress(ANY, ports=[{"port": "htpp"}])])], "the peers", id="a peer's port"),
        pytest.param("namespace-missing", [policy({}, place="w", ingress=[])], "w/p is in it", id="a policy's namespace"),
        pytest.param("ipblock-over-pods", [policy({}, ingress=[ingress(block("0.0.0.0/0"))])], "0.0.0.0/0", id="all addresses"),
        pytest.param(
            "not-evaluated",
            [{"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": {"name": "p", "namespace": "x"}}],
            "another kind",
            id="Calico's",
        ),
        pytest.param(
            "not-evaluated",
            [{"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": {"name": "p"}}],
            "another kind",
            id="Cilium's",
        ),
    ],
)
def test_found(name: str, objects: list[Raw], message: str) -> None:
    (finding,) = _found(name, *objects)
    assert message in str(finding)


@pytest.mark.parametrize(
    ("name", "objects"),
    [
        pytest.param(
            "ipblock-over-pods",
            [node("n3", cidr="10.244.0.0/24"), policy({}, ingress=[ingress(block("10.0.0.0/8", "10.0.0.0/9", "10.244.0.0/16"))])],
            id="pods excepted",
        ),
        pytest.param(
            "ipblock-of-service",
            [service("x/web", {}), policy({}, egress=[egress(block("10.96.0.10/32"), block("203.0.113.0/24"))], place="y")],
            id="another block",
        ),
        pytest.param("named-port-unmatched", [policy({}, egress=[egress(ports=[{"port": "http"}])])], id="a name that some pod has"),
        pytest.param(
            "named-port-unmatched", [policy(named("nobody"), ingress=[ingress(ports=[{"port": "x"}])])], id="no pod whose ports could tell"
        ),
        pytest.param("end-port", [policy({}, ingress=[ingress(ports=[{"port": 80, "endPort": 80}])])], id="a range of one"),
        pytest.param("not-enforced", [policy({}, ingress=[])], id="enforced"),
    ],
)
def test_not_found(name: str, objects: list[Raw]) -> None:
    expected = 1 if name == "ipblock-of-service" else 0
    assert len(_found(name, *objects)) == expected


@pytest.mark.parametrize(
    ("cni", "about"), [("generic", ["a CNI that does not know"]), ("calico", []), ("cilium", ["since 1.16"]), ("flannel", [])]
)
def test_end_port_by_cni(cni: str, about: list[str]) -> None:
    found = _found("end-port", policy({}, ingress=[ingress(ports=[{"port": 80, "endPort": 90}])]), cni=cni)
    assert [text in finding.message for finding, text in zip(found, about, strict=True)] == [True] * len(about)


def test_flannel_enforces_nothing() -> None:
    (finding,) = _found("not-enforced", policy({}, ingress=[]), policy({}, name="q", ingress=[]), cni="flannel")
    assert "flannel enforces none" in str(finding)
