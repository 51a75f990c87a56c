# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The world of the examples: namespaces x (team a), y (team b), z (no team); pods x/a x/b x/c y/a y/b z/a with 10.0.0.1 to 10.0.0.6.

Each pod has the label pod=<its name> and the ports http (TCP 80), TCP 81 and UDP 53. x/a is on node n1 (192.168.0.1), all others on n2
(192.168.0.2).
"""

from __future__ import annotations

import typing as t

Raw = dict[str, t.Any]

PODS = ("x/a", "x/b", "x/c", "y/a", "y/b", "z/a")
PORTS = (("http", "TCP", 80), ("", "TCP", 81), ("", "UDP", 53))

ANY: Raw = {"podSelector": {}}
OUTSIDE = "8.8.8.8"
N1, N2 = "192.168.0.1", "192.168.0.2"


def namespace(name: str, **labels: str) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def node(name: str, *addresses: str, cidr: str = "") -> Raw:
    listed = [{"type": "InternalIP", "address": address} for address in addresses]
    spec = {"podCIDRs": [cidr]} if cidr else {}
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": spec, "status": {"addresses": listed}}


def pod(
    reference: str,
    *addresses: str,
    labels: t.Mapping[str, str] | None = None,
    ports: t.Sequence[tuple[str, str, int]] = PORTS,
    on: str = "n2",
    phase: str = "Running",
    annotations: t.Mapping[str, str] | None = None,
    **spec: t.Any,
) -> Raw:
    place, name = reference.split("/")
    meta = {"namespace": place, "name": name, "labels": {"pod": name} if labels is None else labels, "annotations": annotations or {}}
    status = {"phase": phase, "podIPs": [{"ip": address} for address in addresses]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": {"nodeName": on, **containers(ports), **spec}, "status": status}


def containers(ports: t.Sequence[tuple[str, str, int]]) -> Raw:
    listed = [{"protocol": protocol, "containerPort": number, **({"name": name} if name else {})} for name, protocol, number in ports]
    return {"containers": [{"name": "main", "ports": listed}]}


def workload(reference: str, labels: t.Mapping[str, str], own: t.Mapping[str, str] | None = None, **spec: t.Any) -> Raw:
    """``reference``: ns/Kind/name. ``labels`` are the template's, ``own`` the workload's."""
    place, kind, name = reference.split("/")
    template = {"metadata": {"labels": labels}, "spec": {**containers(PORTS), **spec}}
    whole = {"jobTemplate": {"spec": {"template": template}}} if kind == "CronJob" else {"template": template}
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"namespace": place, "name": name, "labels": own or {}}, "spec": whole}


def service(reference: str, selector: t.Mapping[str, str] | None, *ports: Raw, **spec: t.Any) -> Raw:
    place, name = reference.split("/")
    chosen = {"selector": selector} if selector else {}
    listed = list(ports) or [{"port": 80, "targetPort": 80}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"namespace": place, "name": name},
        "spec": {"clusterIP": "10.96.0.10", "ports": listed, **chosen, **spec},
    }


def endpoints(reference: str, *addresses: str) -> Raw:
    place, name = reference.split("/")
    meta = {"namespace": place, "name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}}
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "endpoints": [{"addresses": list(addresses)}]}


def policy(selector: Raw | None = None, name: str = "p", place: str = "x", **spec: t.Any) -> Raw:
    """A policy of namespace x, unless told otherwise; without ``selector`` it has no podSelector at all."""
    chosen = {} if selector is None else {"podSelector": selector}
    meta = {"namespace": place, "name": name} if place else {"name": name}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": {**chosen, **spec}}


def named(*names: str) -> Raw:
    """Selects the pods of these names."""
    return (
        {"matchLabels": {"pod": names[0]}}
        if len(names) == 1
        else {"matchExpressions": [{"key": "pod", "operator": "In", "values": list(names)}]}
    )


def team(name: str) -> Raw:
    """Selects the namespaces of a team."""
    return {"matchLabels": {"team": name}}


def block(cidr: str, *holes: str) -> Raw:
    return {"ipBlock": {"cidr": cidr, **({"except": list(holes)} if holes else {})}}


def ingress(*peers: Raw, ports: t.Sequence[Raw] | None = None) -> Raw:
    """A rule; no peers are all there are."""
    return _rule("from", peers, ports)


def egress(*peers: Raw, ports: t.Sequence[Raw] | None = None) -> Raw:
    return _rule("to", peers, ports)


def _rule(field: str, peers: t.Sequence[Raw], ports: t.Sequence[Raw] | None) -> Raw:
    return {**({field: list(peers)} if peers else {}), **({"ports": list(ports)} if ports is not None else {})}


def world(*objects: Raw, without: t.Container[str] = ()) -> list[Raw]:
    """The examples' world with ``objects`` in it; without those pods."""
    pods = [
        pod(name, f"10.0.0.{number}", on="n1" if name == "x/a" else "n2")
        for number, name in enumerate(PODS, start=1)
        if name not in without
    ]
    nodes = [node("n1", N1), node("n2", N2)]
    return [namespace("x", team="a"), namespace("y", team="b"), namespace("z"), *nodes, *pods, *objects]
