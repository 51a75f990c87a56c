# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Worlds of NetworkPolicies made by chance: small, and full of what policies can say. The chance is the caller's."""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    import random

Raw = dict[str, t.Any]

NAMESPACES = ("x", "y", "z", "kube-system")
POD_CIDRS = ("10.0.0.0/29", "fd00::/125")
NODES = {"n1": ["192.168.0.1", "fd01::1"], "n2": ["192.168.0.2", "fd01::2"]}
OUTSIDE = ("8.8.8.8", "10.1.2.3", "192.168.0.77", "10.0.0.250", "2001:db8::1", "fd00::ff")
PORTS = (("TCP", 80), ("TCP", 81), ("TCP", 85), ("UDP", 53), ("UDP", 80), ("SCTP", 81), ("TCP", 8080), ("ICMP", 0))
_BLOCKS = (
    ("0.0.0.0/0", ["10.0.0.0/8"]),
    ("0.0.0.0/0", []),
    ("10.0.0.0/8", ["10.0.0.0/30", "10.1.0.0/16"]),
    ("10.0.0.0/29", ["10.0.0.2/32", "10.0.0.2/31"]),
    ("10.0.0.4/30", []),
    ("10.0.0.3/32", []),
    ("192.168.0.1/32", []),
    ("192.168.0.0/24", ["192.168.0.64/26"]),
    ("::/0", ["fd00::4/126"]),
    ("fd00::/64", []),
    ("8.8.8.0/24", []),
)
_PORTS = (
    {},
    {"port": 80},
    {"protocol": "UDP", "port": 53},
    {"protocol": "UDP"},
    {"protocol": "SCTP", "port": 81},
    {"port": 80, "endPort": 85},
    {"port": 79, "endPort": 8079, "protocol": "UDP"},
    {"port": "http"},
    {"port": "http", "protocol": "UDP"},
    {"port": "absent"},
)
_LABELS = {"app": ("a", "b", "c"), "tier": ("1", "2"), "role": ("r",)}
_TEAMS = {"team": ("a", "b"), "env": ("p",)}


class World:
    """Objects, and the ends that a question can be about."""

    def __init__(self, chance: random.Random) -> None:
        self._random = chance
        self._free = list(range(8))
        self._random.shuffle(self._free)
        namespaces = [self._namespace(name) for name in NAMESPACES]
        nodes = [_node(name, addresses) for name, addresses in NODES.items()]
        pods = [self._pod(number) for number in range(self._random.randint(2, 9))]
        workloads = [self._workload(number) for number in range(self._random.randint(0, 2))]
        self._rest = [*namespaces, *nodes, *pods, *workloads]
        self.objects = self.with_policies()
        self.ends = [f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in pods]
        self.ends += [f"{one['metadata']['namespace']}/{one['kind']}/{one['metadata']['name']}" for one in workloads]
        self.ends += [*OUTSIDE, *(address for addresses in NODES.values() for address in addresses)]
        self.ends += [item["ip"] for pod in pods if not pod["spec"].get("hostNetwork") for item in pod["status"]["podIPs"]]

    def with_policies(self) -> list[Raw]:
        """The same pods under policies of their own, in any order."""
        objects = [*self._rest, *(self._policy(number) for number in range(self._random.randint(0, 5)))]
        self._random.shuffle(objects)
        return objects

    def questions(self, number: int) -> t.Iterator[tuple[str, str, str, int]]:
        """(source, destination, protocol, port); one of the ends is a pod or a workload."""
        inside = [end for end in self.ends if "/" in end]
        for _ in range(number):
            pair = [self._random.choice(inside), self._random.choice(self.ends)]
            self._random.shuffle(pair)
            yield pair[0], pair[1], *self._random.choice(PORTS)

    def _some(self, labels: t.Mapping[str, t.Sequence[str]]) -> dict[str, str]:
        return {key: self._random.choice(values) for key, values in labels.items() if self._random.random() < 0.6}

    def _namespace(self, name: str) -> Raw:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": self._some(_TEAMS)}}

    def _spec(self) -> Raw:
        offered = [[], [("http", "TCP", 80)], [("http", "TCP", 8080), ("http-u", "UDP", 80)], [("http", "UDP", 80)]]
        ports = [{"name": name, "protocol": protocol, "containerPort": number} for name, protocol, number in self._random.choice(offered)]
        return {"containers": [{"name": "c", "ports": ports}], "hostNetwork": self._random.random() < 0.15}

    def _pod(self, number: int) -> Raw:
        node = self._random.choice(tuple(NODES))
        spec = {**self._spec(), "nodeName": node}
        if spec["hostNetwork"]:
            addresses = NODES[node]
        elif number < len(self._free):
            both = [f"10.0.0.{self._free[number]}", f"fd00::{self._free[number]}"]
            addresses = self._random.choice((both, both[:1], both[1:], []))
        else:
            addresses = []
        meta = {"namespace": self._random.choice(NAMESPACES), "name": f"pod-{number}", "labels": self._some(_LABELS)}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"podIPs": [{"ip": ip} for ip in addresses]}}

    def _workload(self, number: int) -> Raw:
        meta = {"namespace": self._random.choice(NAMESPACES), "name": f"work-{number}", "labels": {"app": "elsewhere"}}
        template = {"metadata": {"labels": self._some(_LABELS)}, "spec": self._spec()}
        kind = self._random.choice(("Deployment", "StatefulSet"))
        return {"apiVersion": "apps/v1", "kind": kind, "metadata": meta, "spec": {"template": template}}

    def _selector(self, labels: t.Mapping[str, t.Sequence[str]]) -> Raw:
        if self._random.random() < 0.25:
            return {}
        key = self._random.choice(tuple(labels))
        value = self._random.choice((*labels[key], "other"))
        plain = {"matchLabels": {key: value}}
        operator = self._random.choice(("In", "NotIn", "Exists", "DoesNotExist"))
        requirement: Raw = {"key": key, "operator": operator}
        if operator in ("In", "NotIn"):
            requirement["values"] = self._random.sample((*labels[key], "other"), self._random.randint(1, 2))
        chosen = self._random.random()
        if chosen < 0.4:
            return plain
        expressions = {"matchExpressions": [requirement]}
        return expressions if chosen < 0.8 else {**plain, **expressions}

    def _peer(self) -> Raw:
        chosen = self._random.random()
        if chosen < 0.3:
            cidr, holes = self._random.choice(_BLOCKS)
            return {"ipBlock": {"cidr": cidr, "except": holes}}
        peer = {}
        if chosen < 0.8:
            peer["podSelector"] = self._selector(_LABELS)
        if chosen > 0.55:
            peer["namespaceSelector"] = self._selector({**_TEAMS, "kubernetes.io/metadata.name": NAMESPACES})
        return peer

    def _rule(self, peers: str) -> Raw:
        rule: Raw = {}
        if self._random.random() < 0.8:
            rule[peers] = [self._peer() for _ in range(self._random.randint(0, 3))]
        if self._random.random() < 0.7:
            rule["ports"] = [dict(self._random.choice(_PORTS)) for _ in range(self._random.randint(0, 3))]
        return rule

    def _policy(self, number: int) -> Raw:
        spec: Raw = {"podSelector": self._selector(_LABELS)} if self._random.random() < 0.9 else {}
        for direction, peers in (("ingress", "from"), ("egress", "to")):
            if self._random.random() < 0.7:
                spec[direction] = [self._rule(peers) for _ in range(self._random.randint(0, 3))]
        if self._random.random() < 0.7:
            spec["policyTypes"] = self._random.choice((["Ingress"], ["Egress"], ["Ingress", "Egress"], []))
        meta = {"namespace": self._random.choice(NAMESPACES), "name": f"policy-{number}"}
        return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _node(name: str, addresses: t.Sequence[str]) -> Raw:
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {"addresses": listed}}
