# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the other modules return in check mode before a migration of three nodes, for the tests of the plan."""

from __future__ import annotations

import typing as t

Raw = dict[str, t.Any]

CONTAINER = "80683276243f1ca07928b824ade4d4aaf7c82fb4d0f9aeda11a1437581c5588c"


def node(name: str, number: int, **more: t.Any) -> Raw:
    return {
        "name": name,
        "ready": True,
        "control_plane": number == 0,
        "internal_ips": [f"192.0.2.{11 + number}"],
        "pod_cidrs": [f"10.244.{number}.0/24"],
        "architecture": "amd64",
        "runtime": "containerd://1.6.20",
        "kubelet_version": "v1.33.13",
        "annotations": {"flannel.alpha.coreos.com/backend-data": f'{{"VtepMAC":"{number}"}}'},
        **more,
    }


def pod(name: str, node_name: str, owner: str = "", **more: t.Any) -> Raw:
    """``owner`` is like ``ReplicaSet web-6d8f``, whose Deployment's template hash is 6d8f."""
    kind, _, owner_name = owner.partition(" ")
    labels = {"pod-template-hash": owner_name.rpartition("-")[2]} if kind == "ReplicaSet" else {}
    fields = {"namespace": "demo", "name": name, "node": node_name, "owner_kind": kind, "owner_name": owner_name, "labels": labels}
    return {**fields, "phase": "Running", "ready": True, **more}


def flannel(**more: t.Any) -> Raw:
    daemonset = {"api_version": "apps/v1", "kind": "DaemonSet", "name": "kube-flannel-ds", "namespace": "kube-flannel"}
    role = {"api_version": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "name": "flannel", "namespace": ""}
    told = {"image": "flannel:v0.28.9", "backend": "vxlan", "net_conf": '{"Backend": {"Type": "vxlan"}}', "objects": [daemonset, role]}
    return {"daemonset": daemonset, **told, **more}


def cluster(**more: t.Any) -> Raw:
    pods = [pod("web-6d8f-aaaaa", "n2", "ReplicaSet web-6d8f"), pod("web-6d8f-bbbbb", "n3", "ReplicaSet web-6d8f"), pod("debug", "n3")]
    return {
        "version": "v1.33.13",
        "nodes": [node(name, number) for number, name in enumerate(("n1", "n2", "n3"))],
        "pods": pods,
        "flannel": [flannel()],
        "service_cidrs": ["10.96.0.0/12"],
        "kube_proxy_mode": "iptables",
        **more,
    }


def move(kind: str, name: str, way: str = "rollout", **more: t.Any) -> Raw:
    return {"kind": kind, "namespace": "demo", "name": name, "way": way, "pods": 2, "nodes": ["n2", "n3"], "notes": [], **more}


def rollout(*moves: Raw, left: t.Sequence[Raw] = ()) -> Raw:
    """What workload_rollout returns; without moves those of the usual cluster."""
    usual = (move("Deployment", "web"), move("Pod", "debug", "in-place", pods=1, nodes=["n3"]))
    return {"plan": [{"tier": "rest", "moves": list(moves or usual)}], "left": list(left)}


def left(name: str, reason: str = "its containers are never restarted", **more: t.Any) -> Raw:
    return {"namespace": "demo", "name": name, "node": "n2", "reason": reason, **more}


def resource(kind: str, name: str, *images: str) -> Raw:
    template = {"spec": {"template": {"spec": {"containers": [{"name": image, "image": image} for image in images]}}}} if images else {}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": "kube-system"}, **template}


def manifest(**more: t.Any) -> Raw:
    resources = [
        resource("ConfigMap", "calico-config"),
        resource("DaemonSet", "calico-node", "calico/node:v3.31.7"),
        resource("Deployment", "calico-kube-controllers", "calico/kube-controllers:v3.31.7"),
    ]
    return {"resources": resources, "images": ["calico/node:v3.31.7", "calico/kube-controllers:v3.31.7"], "sha256": "f" * 64, **more}


def cleanup(*more: tuple[str, str]) -> Raw:
    """What cni_cleanup returns for one node, and more of it."""
    usual = [
        ("link", "cni0"),
        ("link", "flannel.1"),
        ("chain", "nft ipv4 filter FLANNEL-FWD"),
        ("file", f"/var/lib/cni/results/cbr0-{CONTAINER}-eth0"),
        ("conflist", "/etc/cni/net.d/10-flannel.conflist"),
    ]
    return {"removed": [{"kind": kind, "name": name} for kind, name in (*usual, *more)]}


def adoption() -> Raw:
    blocks = [{"node": f"n{number + 1}", "cidr": f"10.244.{number}.192/26", "state": "claimed"} for number in range(3)]
    own = [name for number in range(3) for name in _own(number)]
    return {"blocks": blocks, "block_size": 26, "mtu": 0, "written": ["create IPPool default-ipv4-ippool", *own]}


def _own(number: int) -> list[str]:
    block = f"10-244-{number}-192-26"
    return [f"create BlockAffinity n{number + 1}-{block}", f"create IPAMBlock {block}"]


def check(name: str, result: str, **more: t.Any) -> Raw:
    return {"id": name, "result": result, "seen": f"{name} was seen", "next_step": "Look at it", **more}


def settings(**more: t.Any) -> Raw:
    usual = {"batch": "20%", "pause_after": 0, "traffic_gates": ["canary"], "probe": True, "backup_dir": "/var/backups/podnet.cni"}
    return {**usual, "agnhost_image": "agnhost:2.53", "parallel_rollouts": 4, "policy": {}, **more}


def options(**more: t.Any) -> Raw:
    """All options of the module migration_plan about the cluster."""
    names = ("n1", "n2", "n3")
    batches = [("canary", "n2"), ("workers", "n3"), ("control planes", "n1")]
    return {
        "strategy": "side_by_side",
        "settings": settings(),
        "cluster": cluster(),
        "verdict": {"state": "flannel", "network": "10.244.0.0/16", "checks": [check("disk", "warning"), check("nodes-ready", "passed")]},
        "manifest": manifest(),
        "batches": [{"name": name, "nodes": [member], "enabled": False} for name, member in batches],
        "adoption": adoption(),
        "rollout": rollout(),
        "recreation": {},
        "cleanup": {name: cleanup() for name in names},
        "coexistence": {name: {"settings": {"net.ipv4.conf.cni0.proxy_arp": "1"}} for name in names},
        "link_policy": {name: {"files": []} for name in names},
        **more,
    }


def cutover(**more: t.Any) -> Raw:
    recreated = [{"namespace": "demo", "name": f"web-6d8f-{letters}", "node": "n2"} for letters in ("aaaaa", "bbbbb")]
    stays = [left("debug", "nobody would make it anew")]
    empty: Raw = {"rollout": {}, "adoption": {}, "batches": [], "coexistence": {}, "link_policy": {}}
    return options(strategy="cutover", recreation={"recreated": recreated, "left": stays}, **{**empty, **more})
