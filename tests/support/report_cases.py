# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the other modules return around a migration of two nodes, for the tests of the report."""

from __future__ import annotations

import typing as t

NOON = 1795521600.0

Raw = dict[str, t.Any]


def step(name: str, started: float | None, finished: float | None, state: str = "finished", **more: t.Any) -> Raw:
    """A step, its times in seconds after noon."""
    times = [None if moment is None else NOON + moment for moment in (started, finished)]
    return {"name": name, "state": state, "started": times[0], "finished": times[1], "nodes": [], "detail": "", **more}


def journal(*steps: Raw, **more: t.Any) -> Raw:
    noted = {"strategy": "side_by_side", "source": "flannel", "phase": "done", "unfinished": False}
    return {**noted, "started": NOON, "finished": NOON + 60, "data": {"network": "10.244.0.0/16"}, "steps": list(steps), **more}


def path(kind: str, source: str, target: str, gap: float | None = 0.2, **more: t.Any) -> Raw:
    reading = {
        "sent": 1000,
        "failed": 0,
        "failed_explained": 0,
        "longest_gap": gap,
        "longest_outage": gap,
        "cause": "",
        "step": "move-pods",
    }
    return {
        "kind": kind,
        "source": source,
        "target": target,
        **reading,
        "gap_started": NOON + 30,
        "gap_finished": NOON + 30 + (gap or 0),
        **more,
    }


def gap(kind: str, source: str, target: str, started: float, seconds: float, **more: t.Any) -> Raw:
    times = {"started": NOON + started, "finished": NOON + started + seconds, "seconds": seconds}
    return {"kind": kind, "source": source, "target": target, **times, "cause": "", "reason": "", "step": "move-pods", **more}


def connectivity(**more: t.Any) -> Raw:
    mesh = [path("pod-to-pod", "n1", "n2"), path("pod-to-pod", "n2", "n1", 0.3)]
    services = [path(kind, node, "") for kind in ("pod-to-service", "pod-to-dns", "host-to-nodeport") for node in ("n1", "n2")]
    return {"paths": [*services, *mesh], "gaps": [gap("pod-to-pod", "n2", "n1", 30, 0.3)], "problems": [], **more}


def check(name: str, result: str = "passed", **more: t.Any) -> Raw:
    return {"id": name, "result": result, "seen": f"{name} was seen", "where": "", "next_step": "", "details": [], **more}


def cluster(cni: str) -> Raw:
    nodes = [{"name": name, "ready": True, "kubelet_version": "v1.33.13"} for name in ("n1", "n2")]
    pods = [
        {"namespace": "demo", "name": f"web-{number}", "node": node, "ips": [f"10.244.{number}.7"], "phase": "Running", "ready": True}
        for number, node in enumerate(("n1", "n2"), 1)
    ]
    seen: Raw = {"version": "v1.33.13", "nodes": nodes, "pods": pods, "kube_proxy_mode": "iptables"}
    if cni == "flannel":
        daemonset = {"api_version": "apps/v1", "kind": "DaemonSet", "name": "kube-flannel-ds", "namespace": "kube-flannel"}
        return {**seen, "flannel": [{"daemonset": daemonset, "image": "flannel:v0.28.9"}]}
    blocks = [
        {"cidr": f"10.244.{number}.0/26", "node": node, "pods": {f"10.244.{number}.7": f"demo/web-{number}"}}
        for number, node in enumerate(("n1", "n2"), 1)
    ]
    return {**seen, "calico": {"image": "calico/node:v3.31.0", "blocks": blocks}}


def snapshots(cni: str, **more: t.Any) -> Raw:
    """Both nodes with one thing of the CNI on each."""
    daemon = {"flannel": "flanneld", "calico": "calico-node"}[cni]
    conflist = {"path": f"/etc/cni/net.d/10-{cni}.conflist", "wins": True, "owner": cni}
    node = {
        "kernel": "6.1.0",
        "processes": [daemon],
        "conflists": [conflist],
        "runtime": {"name": "containerd", "version": "1.6.20"},
        **more,
    }
    return {name: {"hostname": name, **node} for name in ("n1", "n2")}


def inputs(**more: t.Any) -> Raw:
    """A migration without a flaw, as options of the module."""
    steps = [step("calico-node", 5, 20, nodes=["n1", "n2"], detail="both"), step("move-pods", 21, 45)]
    return {
        "journal": journal(*steps),
        "connectivity": connectivity(),
        "checks_before": [check("nodes-ready"), check("bare-pods", "warning", next_step="Look at it.", details=["demo/debug"])],
        "checks_after": [check("pod-to-pod"), check("service-loadbalancer", "skipped")],
        "cluster_before": cluster("flannel"),
        "cluster_after": cluster("calico"),
        "snapshots_before": snapshots("flannel"),
        "snapshots_after": snapshots("calico"),
        **more,
    }
