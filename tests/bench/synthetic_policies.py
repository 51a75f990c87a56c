# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of any number of pods with NetworkPolicies, as the API server's JSON would hold it.

50 pods in a namespace, ten replicas of each application, four policies in each namespace: deny everything but DNS and the way to two
teams; from the same namespace; from namespaces of a team and from a block; from an application of a team's namespaces, by a port's name and
a range of numbers.
"""

from __future__ import annotations

import typing as t

PODS_EACH, REPLICAS, TEAMS = 50, 10, 10

Raw = dict[str, t.Any]


def cluster(pods: int, alike: bool = True) -> Raw:
    """A List. ``alike`` False: policies tell every pod from every other."""
    items: list[Raw] = [_namespace("kube-system", 0), _pod("kube-system", "dns-0", {"k8s-app": "kube-dns"}, 0, [("dns", "UDP", 53)])]
    for number in range(pods // PODS_EACH):
        name = f"ns-{number}"
        names = [f"app-{one // REPLICAS}-{one}" for one in range(PODS_EACH)]
        items.append(_namespace(name, number % TEAMS))
        items += _policies(name, number % TEAMS, [] if alike else names)
        for one, pod in enumerate(names):
            labels = {"app": f"app-{one // REPLICAS}", "pod": pod, "pod-template-hash": f"{number:x}"}
            items.append(_pod(name, pod, labels, 1 + number * PODS_EACH + one, [("http", "TCP", 8080), ("metrics", "TCP", 9090)]))
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _namespace(name: str, team: int) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {"team": f"team-{team}"}}}


def _pod(namespace: str, name: str, labels: dict[str, str], number: int, ports: t.Sequence[tuple[str, str, int]]) -> Raw:
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    listed = [{"name": port, "protocol": protocol, "containerPort": at} for port, protocol, at in ports]
    owner = [{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name.rpartition("-")[0], "controller": True}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": namespace, "name": name, "labels": labels, "ownerReferences": owner},
        "spec": {"nodeName": f"node-{number % 100}", "containers": [{"name": "main", "image": "registry.example/app:1", "ports": listed}]},
        "status": {"phase": "Running", "hostIP": f"192.168.0.{number % 100}", "podIP": address, "podIPs": [{"ip": address}]},
    }


def _policies(namespace: str, team: int, names: list[str]) -> t.Iterator[Raw]:
    every: Raw = {"podSelector": {}}
    dns = {
        "to": [{"namespaceSelector": {}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}],
        "ports": [{"protocol": protocol, "port": 53} for protocol in ("UDP", "TCP")],
    }
    out = {
        "namespaceSelector": {
            "matchExpressions": [{"key": "team", "operator": "In", "values": [f"team-{team}", f"team-{(team - 1) % TEAMS}"]}]
        }
    }
    yield _policy(namespace, "default-deny", {**every, "policyTypes": ["Ingress", "Egress"], "egress": [dns, {"to": [out]}]})
    told_apart = {"matchExpressions": [{"key": "pod", "operator": "In", "values": names}]} if names else {}
    yield _policy(namespace, "same-namespace", {**every, "ingress": [{"from": [{"podSelector": told_apart}]}]})
    block = {"ipBlock": {"cidr": "172.0.0.0/8", "except": ["172.16.0.0/12"]}}
    teams = {"namespaceSelector": {"matchLabels": {"team": f"team-{(team + 1) % TEAMS}"}}}
    front = {"podSelector": {"matchLabels": {"app": "app-0"}}}
    yield _policy(namespace, "from-team", {**front, "ingress": [{"from": [teams, block], "ports": [{"port": 8080}]}]})
    caller = {"namespaceSelector": {"matchLabels": {"team": f"team-{team}"}}, "podSelector": {"matchLabels": {"app": "app-1"}}}
    ports = [{"port": "metrics"}, {"port": 9000, "endPort": 9010}]
    yield _policy(
        namespace, "from-application", {"podSelector": {"matchLabels": {"app": "app-2"}}, "ingress": [{"from": [caller], "ports": ports}]}
    )


def _policy(namespace: str, name: str, spec: Raw) -> Raw:
    meta = {"namespace": namespace, "name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}
