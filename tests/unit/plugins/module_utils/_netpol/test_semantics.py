# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a NetworkPolicy means, item by item; the number before each case is the item's. `netpol_cases` describes the world."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import InvalidPolicyError, load
from tests.support.netpol_cases import (
    ANY,
    N1,
    N2,
    OUTSIDE,
    block,
    egress,
    endpoints,
    ingress,
    named,
    namespace,
    node,
    pod,
    policy,
    service,
    team,
    workload,
    world,
)

Raw = dict[str, t.Any]
A, D, U = "allow", "deny", "undefined"
DENY_ALL = policy({}, policyTypes=["Ingress", "Egress"])
DENY_IN = policy({}, policyTypes=["Ingress"])
DENY_OUT = policy({}, policyTypes=["Egress"])
TCP80, UDP53 = {"port": 80}, {"protocol": "UDP", "port": 53}


@dataclasses.dataclass(frozen=True)
class Case:
    """``questions``: (source, destination, port, verdict)."""

    item: int
    title: str
    objects: tuple[Raw, ...]
    questions: tuple[tuple[str, str, str, str], ...]
    cni: str = "generic"
    without: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.item}-{self.title}"


def case(item: int, title: str, objects: Raw | t.Sequence[Raw], *questions: str, **options: t.Any) -> Case:
    """A question is ``y/a>x/a TCP/80 allow``; port 80 of TCP unless it says another."""
    listed = (objects,) if isinstance(objects, dict) else tuple(objects)
    return Case(item, title, listed, tuple(map(_question, questions)), **options)


def _question(text: str) -> tuple[str, str, str, str]:
    pair, *port, verdict = text.split()
    source, _, destination = pair.partition(">")
    return source, destination, port[0] if port else "TCP/80", verdict


def _from(*peers: Raw, ports: t.Sequence[Raw] | None = None, selector: Raw | None = None) -> Raw:
    return policy({} if selector is None else selector, ingress=[ingress(*peers, ports=ports)])


def _to(*peers: Raw, ports: t.Sequence[Raw] | None = None) -> Raw:
    return policy({}, egress=[egress(*peers, ports=ports)], policyTypes=["Egress"])


def _in(key: str, operator: str, *values: str) -> Raw:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


WEB = service("x/web", {"pod": "a"}, {"port": 80, "targetPort": 8080})
HOST = pod("x/h", N1, on="n1", hostNetwork=True)
TIER = {"apiVersion": "policy.networking.k8s.io/v1alpha1", "metadata": {"name": "t"}}
OF_X = {"namespaces": {"matchLabels": {"team": "a"}}}

CASES = [
    # Isolation and union
    case(1, "nobody is isolated", [], f"y/a>x/a {A}", f"{OUTSIDE}>x/a {A}", f"x/a>{OUTSIDE} {A}"),
    case(2, "ingress alone", DENY_IN, f"y/a>x/a {D}", f"x/a>y/a {A}", f"{OUTSIDE}>x/a {D}"),
    case(3, "egress alone", DENY_OUT, f"x/a>y/a {D}", f"y/a>x/a {A}", f"x/a>{OUTSIDE} {D}"),
    case(4, "isolation is a pod's", policy(named("a"), policyTypes=["Ingress"]), f"z/a>x/b {A}", f"z/a>x/a {D}"),
    case(
        5,
        "policies add up",
        [
            policy({}, name="deny", policyTypes=["Ingress"]),
            policy(named("a"), name="allow", ingress=[ingress({"podSelector": named("b")})]),
        ],
        f"x/b>x/a {A}",
        f"x/c>x/a {D}",
        f"x/b>x/c {D}",
    ),
    case(
        6,
        "both ends have to allow",
        [
            policy(named("a"), egress=[egress({"namespaceSelector": team("b"), "podSelector": named("b")})], policyTypes=["Egress"]),
            policy(named("b"), place="y", policyTypes=["Ingress"]),
        ],
        f"x/a>y/b {D}",
        f"x/a>y/a {D}",
        f"z/a>y/a {A}",
    ),
    case(7, "only in its namespace", policy({}, place="y", policyTypes=["Ingress"]), f"z/a>x/a {A}", f"z/a>y/a {D}"),
    case(8, "podSelector left out", policy(None, policyTypes=["Ingress"]), f"y/a>x/a {D}", f"y/a>x/c {D}", f"x/a>y/a {A}"),
    case(
        9,
        "peers and ports of one rule",
        policy(
            named("a"),
            ingress=[
                ingress({"podSelector": named("b")}, ports=[{"port": 80}]),
                ingress({"podSelector": named("c")}, ports=[{"port": 81}]),
            ],
        ),
        f"x/b>x/a TCP/80 {A}",
        f"x/b>x/a TCP/81 {D}",
        f"x/c>x/a TCP/81 {A}",
    ),
    # policyTypes
    case(10, "no types, no egress", policy(named("a")), f"x/a>z/a {A}", f"z/a>x/a {D}"),
    case(11, "no types, a rule of egress", policy(named("a"), egress=[egress({"namespaceSelector": {}})]), f"x/a>z/a {A}", f"z/a>x/a {D}"),
    case(12, "no types, egress without rules", policy(named("a"), egress=[]), f"x/a>z/a {A}", f"x/a>{OUTSIDE} {A}", f"z/a>x/a {D}"),
    case(13, "types without Ingress", policy({}, ingress=[ingress(ANY)], policyTypes=["Egress"]), f"y/a>x/a {A}", f"x/a>y/a {D}"),
    case(14, "types without Egress", policy({}, egress=[egress(ANY)], policyTypes=["Ingress"]), f"x/a>y/a {A}", f"y/a>x/a {D}"),
    # Nothing, and left out
    case(15, "ingress []", policy({}, ingress=[], policyTypes=["Ingress"]), f"y/a>x/a {D}"),
    case(15, "ingress null", policy({}, ingress=None, policyTypes=["Ingress"]), f"y/a>x/a {D}"),
    case(15, "ingress left out", policy({}, policyTypes=["Ingress"]), f"y/a>x/a {D}"),
    case(16, "one rule with nothing in it", policy({}, ingress=[{}]), f"y/a>x/a {A}", f"{OUTSIDE}>x/a UDP/53 {A}", f"z/a>x/a SCTP/9 {A}"),
    *[
        case(
            17,
            f"from {peers}",
            policy({}, ingress=[{**({"from": peers} if peers != "left out" else {}), "ports": [TCP80]}]),
            f"{OUTSIDE}>x/a {A}",
            f"y/a>x/a TCP/81 {D}",
        )
        for peers in ("left out", None, [])
    ],
    *[
        case(
            18,
            f"ports {ports}",
            policy({}, ingress=[{"from": [ANY], **({"ports": ports} if ports != "left out" else {})}]),
            f"x/b>x/a UDP/53 {A}",
            f"x/b>x/a SCTP/1 {A}",
        )
        for ports in ("left out", [])
    ],
    case(18, "a port with nothing in it", _from(ports=[{}]), f"y/a>x/a TCP/1 {A}", f"y/a>x/a TCP/65535 {A}", f"y/a>x/a UDP/53 {D}"),
    case(19, "podSelector {}", _from(ANY), f"y/a>x/a {D}", f"x/b>x/a {A}", f"{OUTSIDE}>x/a {D}"),
    case(20, "namespaceSelector {}", _from({"namespaceSelector": {}}), f"y/a>x/a {A}", f"z/a>x/a {A}", f"{OUTSIDE}>x/a {D}"),
    case(21, "both {}", _from({"namespaceSelector": {}, "podSelector": {}}), f"y/a>x/a {A}", f"x/b>x/a {A}", f"{OUTSIDE}>x/a {D}"),
    case(21, "podSelector null", _from({"namespaceSelector": {}, "podSelector": None}), f"y/a>x/a {A}", f"{OUTSIDE}>x/a {D}"),
    # Peers
    case(
        22,
        "two items",
        [_from({"namespaceSelector": team("b")}, {"podSelector": named("b")}), pod("z/b", "10.0.0.9")],
        f"y/a>x/a {A}",
        f"x/b>x/a {A}",
        f"z/a>x/a {D}",
        f"z/b>x/a {D}",
    ),
    case(
        23,
        "one item with both",
        _from({"namespaceSelector": team("b"), "podSelector": named("b")}),
        f"y/b>x/a {A}",
        f"y/a>x/a {D}",
        f"x/b>x/a {D}",
    ),
    case(24, "podSelector stays in the namespace", _from({"podSelector": named("a")}), f"y/a>x/b {D}", f"x/a>x/b {A}"),
    case(25, "In", _from({"namespaceSelector": _in("team", "In", "a", "b")}), f"y/a>x/a {A}", f"x/b>x/a {A}", f"z/a>x/a {D}"),
    case(25, "NotIn", _from({"namespaceSelector": _in("team", "NotIn", "a")}), f"y/a>x/a {A}", f"x/b>x/a {D}", f"z/a>x/a {A}"),
    case(25, "Exists", _from({"namespaceSelector": _in("team", "Exists")}), f"y/a>x/a {A}", f"z/a>x/a {D}"),
    case(25, "DoesNotExist", _from({"namespaceSelector": _in("team", "DoesNotExist")}), f"y/a>x/a {D}", f"z/a>x/a {A}"),
    case(
        25,
        "all together",
        _from({"namespaceSelector": {}, "podSelector": {"matchLabels": {"pod": "a"}, **_in("pod", "NotIn", "b")}}),
        f"y/a>x/b {A}",
        f"y/b>x/b {D}",
    ),
    case(26, "a namespace's own labels", _from({"namespaceSelector": named("a")}), f"y/a>x/a {D}"),
    case(
        26,
        "the name is a label",
        _from({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "y"}}}),
        f"y/a>x/a {A}",
        f"z/a>x/a {D}",
    ),
    case(
        27,
        "a namespace that was not read",
        [pod("w/a", "10.0.0.9"), _from({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "w"}}})],
        f"w/a>x/a {A}",
    ),
    # ipBlock
    case(28, "by address", _from(block("10.1.0.0/16")), f"10.1.2.3>x/a {A}", f"10.2.0.1>x/a {D}"),
    case(29, "an exception of one block", _from(block("10.0.0.0/8", "10.0.0.4/32"), block("10.0.0.4/32")), f"y/a>x/a {A}"),
    case(29, "an exception alone", _from(block("10.0.0.0/8", "10.0.0.4/32")), f"y/a>x/a {D}", f"y/b>x/a {A}"),
    case(30, "a pod's address", _from(block("10.0.0.4/31")), f"y/a>x/a {A}", f"y/b>x/a {A}", f"z/a>x/a {D}"),
    case(30, "Cilium knows pods by identity", _from(block("10.0.0.4/31")), f"y/a>x/a {D}", f"{OUTSIDE}>x/a {D}", cni="cilium"),
    case(30, "Cilium and the world outside", _from(block("0.0.0.0/0")), f"y/a>x/a {D}", f"{OUTSIDE}>x/a {A}", cni="cilium"),
    case(32, "bits behind the prefix", _from(block("192.168.1.7/24")), f"192.168.1.200>x/a {A}", f"192.168.2.1>x/a {D}"),
    case(
        33,
        "families",
        [_from(block("0.0.0.0/0"), selector=named("d")), pod("x/d", "10.0.0.9", "fd00::9")],
        f"fd00::5>x/d {D}",
        f"{OUTSIDE}>x/d {A}",
    ),
    case(
        33,
        "both families",
        [_from(block("0.0.0.0/0"), block("::/0")), pod("x/d", "10.0.0.9", "fd00::9")],
        f"fd00::5>x/d {A}",
        f"{OUTSIDE}>x/d {A}",
    ),
    case(
        33,
        "families that differ",
        [_from(block("0.0.0.0/0"), selector=named("d")), pod("x/d", "10.0.0.9", "fd00::9"), pod("y/d", "10.0.0.10", "fd00::10")],
        f"y/d>x/d {U}",
        f"10.0.0.10>x/d {A}",
        f"fd00::10>x/d {D}",
    ),
    case(33, "no family in common", [pod("x/d", "fd00::9")], f"y/a>x/d {U}"),
    # Ports
    case(35, "the destination's port", [_to(ports=[TCP80])], f"x/a>y/a TCP/80 {A}", f"x/a>y/a TCP/81 {D}", f"x/a>{OUTSIDE} TCP/80 {A}"),
    case(
        36,
        "a range",
        _from(ports=[{"port": 80, "endPort": 90}]),
        f"y/a>x/a TCP/80 {A}",
        f"y/a>x/a TCP/90 {A}",
        f"y/a>x/a TCP/91 {D}",
        f"y/a>x/a TCP/79 {D}",
    ),
    case(37, "TCP by default", _from(ports=[{"port": 53}]), f"y/a>x/a UDP/53 {D}", f"y/a>x/a TCP/53 {A}"),
    case(38, "a protocol alone", _from(ports=[{"protocol": "UDP"}]), f"y/a>x/a UDP/9999 {A}", f"y/a>x/a TCP/80 {D}"),
    case(
        39,
        "a name, pod by pod",
        [_from(ports=[{"port": "http"}]), pod("x/d", "10.0.0.9", ports=[("http", "TCP", 8080)])],
        f"y/a>x/a TCP/80 {A}",
        f"y/a>x/d TCP/8080 {A}",
        f"y/a>x/d TCP/80 {D}",
        f"y/a>x/d TCP/http {A}",
    ),
    case(39, "a name's protocol", _from(ports=[{"port": "http", "protocol": "UDP"}]), f"y/a>x/a UDP/80 {D}", f"y/a>x/a TCP/80 {D}"),
    case(
        40,
        "a name on the way out",
        [_to(ports=[{"port": "http"}]), pod("y/d", "10.0.0.9", ports=[("http", "TCP", 8080)]), pod("y/e", "10.0.0.10", ports=[])],
        f"x/a>y/a TCP/80 {A}",
        f"x/a>y/d TCP/8080 {A}",
        f"x/a>y/d TCP/80 {D}",
        f"x/a>y/e TCP/80 {D}",
        f"x/a>{OUTSIDE} TCP/80 {D}",
    ),
    case(40, "a name and a block", _to(block("0.0.0.0/0"), ports=[{"port": "http"}]), f"x/a>{OUTSIDE} TCP/80 {D}"),
    case(41, "SCTP is its own", _from(ports=[{"protocol": "SCTP", "port": 81}]), f"y/a>x/a SCTP/81 {A}", f"y/a>x/a TCP/81 {D}"),
    case(
        42,
        "any port with any peer",
        _from({"podSelector": named("b")}, {"namespaceSelector": team("b")}, ports=[TCP80, UDP53]),
        *(f"{one}>x/a {port} {A}" for one in ("x/b", "y/a") for port in ("TCP/80", "UDP/53")),
        f"x/b>x/a TCP/81 {D}",
        f"z/a>x/a TCP/80 {D}",
    ),
    case(43, "other protocols", DENY_ALL, f"y/a>x/a ICMP {U}", f"x/a>y/a GRE {U}", f"y/a>z/a ICMP {A}"),
    # Special traffic
    case(44, "a pod and itself", DENY_ALL, f"x/a>x/a {A}", f"x/a>10.0.0.1 TCP/81 {A}", f"x/b>x/a {D}"),
    case(45, "itself by its Service", [DENY_ALL, WEB], f"x/a>x/Service/web {U}", f"x/a>10.96.0.10 {U}"),
    case(45, "itself by its Service on Cilium", [DENY_ALL, WEB], f"x/a>x/Service/web {A}", cni="cilium"),
    case(45, "itself by its Service where all agree", [WEB], f"x/a>x/Service/web {A}"),
    case(46, "another by a Service", [DENY_IN, WEB], f"x/b>x/Service/web {D}", f"y/a>x/Service/web {D}"),
    case(
        46,
        "one endpoint of two",
        [
            policy(named("a"), policyTypes=["Ingress"]),
            service("x/both", {"app": "s"}),
            pod("x/d", "10.0.0.9", labels={"app": "s"}),
            pod("x/e", "10.0.0.10", labels={"app": "s", "pod": "a"}),
        ],
        f"x/b>x/Service/both {U}",
        f"x/b>x/d {A}",
        f"x/b>x/e {D}",
    ),
    case(47, "a pod's node", DENY_ALL, f"{N1}>x/a {A}", f"{N2}>x/a {D}", f"Node/n1>x/a {A}", f"x/a>{N1} {A}", f"x/a>{N2} {D}"),
    case(47, "another node by a block", _from(block(f"{N2}/32")), f"{N2}>x/a {A}", f"y/a>x/a {D}"),
    case(48, "on the node's network, selected", [DENY_ALL, HOST], f"y/a>x/h {U}", f"x/h>{OUTSIDE} {U}", f"x/h>x/a {U}"),
    case(
        48,
        "on the node's network, with Calico",
        [DENY_ALL, HOST],
        f"y/a>x/h {A}",
        f"x/h>{OUTSIDE} {A}",
        f"x/h>x/a {A}",
        f"x/h>x/b {D}",
        cni="calico",
    ),
    case(48, "on the node's network, as a peer", [_from({"podSelector": named("h")}), HOST], f"x/h>x/b {U}", f"x/h>x/a {A}"),
    case(48, "on the node's network, as a peer with Calico", [_from({"podSelector": named("h")}), HOST], f"x/h>x/b {D}", cni="calico"),
    case(48, "on the node's network, by a block", [_from(block(f"{N1}/32")), HOST], f"x/h>x/b {A}"),
    case(
        48,
        "a workload on its nodes' network",
        [workload("x/DaemonSet/h", {"pod": "h"}, hostNetwork=True), _from(block(f"{N1}/32"))],
        f"x/DaemonSet/h>x/b {U}",
        f"x/DaemonSet/h>y/a {A}",
        f"y/a>x/DaemonSet/h {U}",
    ),
    case(
        48,
        "a workload on its nodes' network, with Calico",
        [workload("x/DaemonSet/h", {"pod": "h"}, hostNetwork=True), _from(block("192.168.0.0/24"))],
        f"x/DaemonSet/h>x/b {A}",
        f"y/a>x/DaemonSet/h {A}",
        cni="calico",
    ),
    case(49, "after translation", [_from(ports=[{"port": 8080}]), WEB], f"y/a>x/Service/web TCP/80 {A}", f"y/a>10.96.0.10 TCP/80 {A}"),
    case(49, "the Service's own port", [_from(ports=[TCP80]), WEB], f"y/a>x/Service/web TCP/80 {D}"),
    case(
        49,
        "a block with the Service's address",
        [policy({}, place="y", egress=[egress(block("10.96.0.0/12"))]), WEB],
        f"y/a>x/Service/web TCP/80 {D}",
    ),
    case(
        49,
        "a target by its name",
        [service("x/named", {"pod": "a"}, {"port": 8000, "targetPort": "http"}), _from(ports=[TCP80])],
        f"y/a>x/Service/named TCP/8000 {A}",
        f"y/a>x/Service/named TCP/8001 {U}",
    ),
    case(
        49, "a headless Service", [service("x/own", {"pod": "a"}, clusterIP="None"), _from(ports=[TCP80])], f"y/a>x/Service/own TCP/80 {A}"
    ),
    case(
        50,
        "an endpoint outside",
        [service("x/out", None, {"port": 80, "targetPort": 8080}), endpoints("x/out", "203.0.113.9"), _to(block("203.0.113.0/24"))],
        f"x/a>x/Service/out TCP/80 {U}",
        f"y/a>x/Service/out TCP/80 {A}",
        f"x/a>203.0.113.9 TCP/8080 {A}",
    ),
    case(
        50,
        "an endpoint outside, denied both ways",
        [service("x/out", None), endpoints("x/out", "203.0.113.9"), DENY_OUT],
        f"x/a>x/Service/out {D}",
    ),
    case(50, "only a name", [service("x/ext", None, type="ExternalName", externalName="a.example")], f"x/a>x/Service/ext {U}"),
    *[
        case(
            51,
            f"a node's port, {keeps}",
            [
                _from(block("203.0.113.0/24")),
                service("x/np", {"pod": "b"}, {"port": 80, "nodePort": 30080}, type="NodePort", externalTrafficPolicy=keeps),
            ],
            f"203.0.113.5>{N1} TCP/30080 {inside}",
            f"203.0.113.5>x/Service/np TCP/80 {inside}",
            f"198.51.100.5>{N1} TCP/30080 {outside}",
        )
        for keeps, inside, outside in (("Cluster", U, U), ("Local", A, D))
    ],
    case(51, "an address of the cluster from outside", [WEB], f"{OUTSIDE}>x/Service/web {U}"),
    case(
        51,
        "a balancer's address",
        [
            {
                **service("x/lb", {"pod": "b"}, type="LoadBalancer", externalTrafficPolicy="Local"),
                "status": {"loadBalancer": {"ingress": [{"ip": "203.0.113.200"}]}},
            },
            _from(block("198.51.100.0/24")),
        ],
        f"198.51.100.5>203.0.113.200 {A}",
        f"203.0.113.5>203.0.113.200 {D}",
    ),
    case(52, "answers need no rule", [policy(named("a"), ingress=[{}], policyTypes=["Ingress", "Egress"])], f"y/a>x/a {A}", f"x/a>y/a {D}"),
    case(55, "a pod without an address", [_from(block("0.0.0.0/0")), pod("y/p", phase="Pending")], f"y/p>x/a {D}", f"y/a>x/a {A}"),
    case(
        55,
        "a workload is one pod",
        [workload("y/Deployment/web", {"pod": "b"}), _from({"namespaceSelector": team("b"), "podSelector": named("b")})],
        f"y/Deployment/web>x/a {A}",
        f"x/a>y/Deployment/web {A}",
        f"y/Deployment/web>y/Deployment/web {A}",
    ),
    case(
        55,
        "a workload's addresses are not known yet",
        [workload("y/Deployment/web", {}), _from(block("10.244.0.0/16", "10.244.7.0/24"))],
        f"y/Deployment/web>x/a {U}",
        pod_cidrs=("10.244.0.0/16",),
    ),
    case(
        55,
        "a workload's addresses in a block",
        [workload("y/Deployment/web", {}), _from(block("0.0.0.0/1"), block("128.0.0.0/1"))],
        f"y/Deployment/web>x/a {A}",
    ),
    case(
        56,
        "a template's labels",
        [workload("x/Deployment/web", {"app": "in"}, own={"app": "out"}), policy({"matchLabels": {"app": "in"}}, policyTypes=["Ingress"])],
        f"y/a>x/Deployment/web {D}",
    ),
    case(
        56,
        "a CronJob's",
        [workload("x/CronJob/c", {"app": "in"}), policy({"matchLabels": {"app": "in"}}, policyTypes=["Ingress"])],
        f"y/a>x/CronJob/c {D}",
    ),
    case(
        57,
        "an address of a secondary network",
        [pod("y/m", "10.0.0.9", annotations={"k8s.v1.cni.cncf.io/networks": "fast"}), _from({"namespaceSelector": team("b")})],
        f"y/m>x/a {A}",
        f"172.30.0.9>x/a {D}",
    ),
    case(
        58,
        "names",
        [_to({"namespaceSelector": {}, "podSelector": named("a")}, ports=[UDP53])],
        f"x/b>z/a UDP/53 {A}",
        f"x/b>z/a TCP/53 {D}",
    ),
    case(
        59,
        "no namespace",
        [policy({}, place="", policyTypes=["Ingress"]), pod("default/a", "10.0.0.9")],
        f"x/a>default/a {D}",
        f"y/a>x/a {A}",
    ),
    case(
        61,
        "an administrator's policy comes first",
        [{**TIER, "kind": "AdminNetworkPolicy", "spec": {"subject": OF_X, "ingress": [{"action": "Deny"}]}}],
        f"y/a>x/a {U}",
        f"x/a>y/a {A}",
        f"x/a>z/a {A}",
    ),
    case(
        61,
        "who is isolated never reaches a baseline",
        [
            {**TIER, "kind": "BaselineAdminNetworkPolicy", "spec": {"subject": OF_X, "ingress": [{"action": "Deny"}]}},
            _from(ANY, selector=named("a")),
        ],
        f"x/b>x/a {A}",
        f"y/a>x/a {D}",
        f"y/a>x/b {U}",
    ),
    case(
        61,
        "tiers of the newer kind",
        [
            {
                **TIER,
                "kind": "ClusterNetworkPolicy",
                "spec": {
                    "tier": "Baseline",
                    "subject": {"pods": {"namespaceSelector": team("a"), "podSelector": named("b")}},
                    "egress": [{}],
                },
            }
        ],
        f"x/b>y/a {U}",
        f"x/a>y/a {A}",
    ),
    case(
        61,
        "nothing is enforced",
        [DENY_ALL, WEB, HOST],
        f"y/a>x/a {A}",
        f"x/a>x/Service/web {A}",
        f"y/a>x/h {A}",
        f"y/a>x/a ICMP {A}",
        cni="flannel",
    ),
]


@pytest.mark.parametrize("given", CASES, ids=str)
def test_verdict(given: Case) -> None:
    found = load(world(*given.objects), cni=given.cni, pod_cidrs=given.pod_cidrs)
    # Once from the tables, once by asking the policies of both ends.
    quick, slow = found.matrix({port for _, _, port, _ in given.questions if port.partition("/")[2].isdecimal()}), found.matrix([])
    expected = [verdict for *_, verdict in given.questions]
    assert [quick.verdict(*question[:3]) for question in given.questions] == expected
    assert [slow.verdict(*question[:3]) for question in given.questions] == expected
    assert [slow.explain(*question[:3]).verdict for question in given.questions] == expected


INVALID = [
    (17, "a peer with nothing in it", _from({}), "spec.ingress[0].from[0]", "names no peer"),
    (
        31,
        "an exception outside",
        _from(block("10.0.0.0/8", "11.0.0.0/16")),
        "spec.ingress[0].from[0].ipBlock.except[0]",
        "not a smaller part",
    ),
    (
        31,
        "an exception that is all",
        _from(block("10.0.0.0/8", "10.0.0.0/8")),
        "spec.ingress[0].from[0].ipBlock.except[0]",
        "not a smaller part",
    ),
    (
        31,
        "an exception that is wider",
        _to(block("10.0.0.0/8", "0.0.0.0/0")),
        "spec.egress[0].to[0].ipBlock.except[0]",
        "not a smaller part",
    ),
    (32, "leading zeros", _from(block("010.0.0.0/8")), "spec.ingress[0].from[0].ipBlock.cidr", "leading zeros"),
    (32, "IPv4 in IPv6", _from(block("::ffff:10.0.0.0/104")), "spec.ingress[0].from[0].ipBlock.cidr", "inside an IPv6"),
    (34, "a block and a selector", _from({**block("10.0.0.0/8"), "podSelector": {}}), "spec.ingress[0].from[0]", "in one item"),
    (36, "an end before the port", _from(ports=[{"port": 80, "endPort": 79}]), "spec.ingress[0].ports[0].endPort", "from port (80)"),
    (36, "an end without a port", _from(ports=[{"endPort": 79}]), "spec.ingress[0].ports[0].endPort", "without port"),
    (36, "an end with a name", _from(ports=[{"port": "http", "endPort": 79}]), "spec.ingress[0].ports[0].endPort", "the port's name"),
]


@pytest.mark.parametrize(("item", "title", "given", "field", "message"), INVALID, ids=[f"{row[0]}-{row[1]}" for row in INVALID])
def test_refused(item: int, title: str, given: Raw, field: str, message: str) -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        load(world(given))
    (finding,) = caught.value.findings
    assert (finding.id, finding.severity, finding.field) == ("invalid", "error", field), f"{item} {title}"
    assert message in finding.message


FINDINGS = [
    (12, "egress-not-isolated", "spec.egress", [policy({}, egress=[])]),
    (13, "rules-ignored", "spec.ingress", [policy({}, ingress=[{}], policyTypes=["Egress"])]),
    (14, "rules-ignored", "spec.egress", [policy({}, egress=[{}], policyTypes=["Ingress"])]),
    (18, "empty-port", "spec.ingress[0].ports[0]", [_from(ports=[{}])]),
    (22, "or-versus-and", "spec.ingress[0].from", [_from({"namespaceSelector": team("b")}, {"podSelector": named("b")})]),
    (27, "namespace-missing", "", [pod("w/a", "10.0.0.9")]),
    (30, "ipblock-over-pods", "spec.ingress[0].from[0].ipBlock", [_from(block("10.0.0.0/24"))]),
    (30, "ipblock-over-pods", "spec.egress[0].to[0].ipBlock", [_to(block("10.244.0.0/16")), node("n3", cidr="10.244.3.0/24")]),
    (32, "host-bits", "spec.ingress[0].from[0].ipBlock", [_from(block("203.0.113.7/24"))]),
    (36, "end-port", "spec.ingress[0].ports[0].endPort", [_from(ports=[{"port": 80, "endPort": 90}])]),
    (39, "named-port-unmatched", "spec.ingress[0].ports[0]", [_from(ports=[{"port": "http", "protocol": "UDP"}])]),
    (40, "named-port-unmatched", "spec.egress[0].ports[0]", [_to(block("203.0.113.0/24"), ports=[{"port": "http"}])]),
    (48, "host-network", "spec.podSelector", [DENY_IN, HOST]),
    (49, "ipblock-of-service", "spec.egress[0].to[0].ipBlock", [_to(block("10.96.0.0/12")), WEB]),
    (
        56,
        "selects-nothing",
        "spec.podSelector",
        [workload("x/Deployment/web", {"app": "in"}, own={"app": "out"}), policy({"matchLabels": {"app": "out"}})],
    ),
    (
        57,
        "secondary-network",
        "metadata.annotations.k8s.v1.cni.cncf.io/networks",
        [pod("x/m", annotations={"k8s.v1.cni.cncf.io/networks": "f"})],
    ),
    (58, "dns-egress-missing", "spec.egress", [_to(ANY)]),
    (60, "unknown-field", "spec.ingress[0].podSelector", [policy({}, ingress=[{"from": [{"namespaceSelector": {}}], "podSelector": {}}])]),
    (61, "not-evaluated", "", [{**TIER, "kind": "AdminNetworkPolicy", "spec": {"subject": OF_X}}]),
]


@pytest.mark.parametrize(("item", "name", "field", "objects"), FINDINGS, ids=[f"{row[0]}-{row[1]}" for row in FINDINGS])
def test_finding(item: int, name: str, field: str, objects: list[Raw]) -> None:
    found = [finding for finding in load(world(*objects)).findings() if finding.id == name]
    assert [finding.field for finding in found] == [field], item


def test_6_the_failing_side_is_named() -> None:
    objects = [
        policy(
            named("a"), name="out", egress=[egress({"namespaceSelector": team("b"), "podSelector": named("b")})], policyTypes=["Egress"]
        ),
        policy({}, name="in", place="y", policyTypes=["Ingress"]),
    ]
    matrix = load(world(*objects)).matrix(["TCP/80"])
    sides = {
        pair: [(reason.side, reason.policy) for reason in matrix.explain("x/a", pair, "TCP/80").reasons] for pair in ("y/b", "y/a", "z/a")
    }
    assert sides == {"y/b": [("ingress", "y/in")], "y/a": [("egress", "x/out"), ("ingress", "y/in")], "z/a": [("egress", "x/out")]}


def test_22_both_readings_are_shown() -> None:
    (finding,) = [
        one for one in load(world(_from({"namespaceSelector": team("b")}, {"podSelector": named("b")}))).findings() if one.readings
    ]
    assert finding.readings == (
        "as written, two items: all pods in namespaces with team=b, and also pods with pod=b in namespace x",
        "as one item with both selectors: only pods with pod=b in namespaces with team=b",
    )


def test_33_both_families_are_reported() -> None:
    objects = [_from(block("0.0.0.0/0"), selector=named("d")), pod("x/d", "10.0.0.9", "fd00::9"), pod("y/d", "10.0.0.10", "fd00::10")]
    pairs = load(world(*objects)).matrix([]).explain("y/d", "x/d", "TCP/80").pairs
    assert [(pair.family, pair.verdict) for pair in pairs] == [(4, A), (6, D)]


def test_46_each_endpoint_has_its_verdict() -> None:
    objects = [policy(named("a"), policyTypes=["Ingress"]), service("x/both", {"app": "s"}), pod("x/d", "10.0.0.9", labels={"app": "s"})]
    objects.append(pod("x/e", "10.0.0.10", labels={"app": "s", "pod": "a"}))
    pairs = load(world(*objects)).matrix([]).explain("x/b", "x/Service/both", "TCP/80").pairs
    assert [(pair.destination, pair.port, pair.verdict) for pair in pairs] == [("x/d", "TCP/80", A), ("x/e", "TCP/80", D)]


def test_53_what_a_change_does_to_open_connections_is_left_open() -> None:
    changes = load(world()).diff(load(world(DENY_IN)), ["TCP/80"]).changes
    assert {(change.kind, change.open_connections) for change in changes} == {("closes", U)}


def test_54_verdicts_are_of_the_end_in_whatever_order_policies_come() -> None:
    one, other = (
        policy({}, name="deny", policyTypes=["Ingress"]),
        policy(named("a"), name="allow", ingress=[ingress({"podSelector": named("b")})]),
    )
    assert load(world(one, other)).diff(load(world(other, one))).changes == ()


def test_55_a_pod_that_has_ended_is_no_end() -> None:
    matrix = load(world(pod("x/done", "10.0.0.9", phase="Succeeded"), DENY_IN)).matrix([])
    with pytest.raises(Exception, match="the pod has ended"):
        matrix.verdict("y/a", "x/done", "TCP/80")


def test_59_the_namespace_is_that_of_the_apply() -> None:
    matrix = load(world(policy({}, place="", policyTypes=["Ingress"])), namespace="x").matrix([])
    assert matrix.verdict("y/a", "x/a", "TCP/80") == D


def test_every_item_has_a_test() -> None:
    tested = {given.item for given in CASES} | {row[0] for row in (*INVALID, *FINDINGS)}
    tested |= {int(name.split("_")[1]) for name in globals() if name.startswith("test_") and name.split("_")[1].isdecimal()}
    assert sorted(set(range(1, 62)) - tested) == []


def test_namespaces_are_read() -> None:
    """Labels of a Namespace object override nothing that the API server sets."""
    found = load([namespace("w", **{"kubernetes.io/metadata.name": "other"})])
    assert found.namespaces == {"w": {"kubernetes.io/metadata.name": "w"}}
