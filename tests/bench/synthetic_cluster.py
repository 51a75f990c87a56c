# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A large cluster that exists only as snapshots: flannel with VXLAN, on every node as many pods, most of them of Deployments."""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, probes, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import REACHED, SILENT, Probe, Reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member, Scene, Workload
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import probing, scene
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.policy import PolicyReadings

NETWORK = "10.0.0.0/13"
_REPLICAS = 20
_DAEMON_SET_PODS = 2


def name(number: int) -> str:
    return f"node-{number:04}"


def _subnet(number: int) -> str:
    return f"10.{number // 256}.{number % 256}"


def _home(number: int) -> str:
    return f"172.30.{number // 250}.{number % 250 + 1}"


def seen(nodes: int, pods_each: int) -> cluster.ClusterSnapshot:
    """The cluster as the API server tells it."""
    reference = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
    config = cluster.ObjectRef("v1", "ConfigMap", "kube-flannel-cfg", "kube-flannel")
    flannel = cluster.Flannel(reference, (reference,), config_map=config, network=NETWORK, backend="vxlan", desired=nodes, ready=nodes)
    return cluster.ClusterSnapshot(
        version="v1.33.13",
        nodes=tuple(map(node, range(nodes))),
        pods=tuple(_pod(number, place, nodes) for number in range(nodes) for place in range(pods_each)),
        flannel=(flannel,),
        service_cidrs=("10.96.0.0/12",),
        cluster_cidrs=(NETWORK,),
        kube_proxy_mode="iptables",
    )


def node(number: int) -> cluster.Node:
    return cluster.Node(
        name=name(number),
        ready=True,
        control_plane=number < 3,
        internal_ips=(_home(number),),
        pod_cidrs=(f"{_subnet(number)}.0/24",),
        architecture="amd64",
        operating_system="linux",
        runtime="containerd://1.6.20",
    )


def _pod(number: int, place: int, nodes: int) -> cluster.Pod:
    """The first of a node are of DaemonSets; the others of Deployments, whose pods are on different nodes."""
    deployment = (place * nodes + number) // _REPLICAS
    owner = ("DaemonSet", f"agent-{place}") if place < _DAEMON_SET_PODS else ("ReplicaSet", f"app-{deployment}-5d8f7c9b6d")
    return cluster.Pod(
        namespace=f"team-{deployment % 100}" if place >= _DAEMON_SET_PODS else "agents",
        name=f"{owner[1]}-{number:04}-{place:02}",
        uid=f"00000000-0000-4000-8000-{number:06}{place:06}",
        node=name(number),
        ips=(f"{_subnet(number)}.{place + 2}",),
        phase="Running",
        ready=True,
        owner_kind=owner[0],
        owner_name=owner[1],
        labels={"app.kubernetes.io/name": owner[1]},
        restart_policy="Always",
    )


def snapshots(nodes: int, peers: int) -> dict[str, snapshot.NodeSnapshot]:
    """What cni_info reads on every node; a peer is a route, a neighbour and a forwarding entry."""
    return {name(number): _node_snapshot(number, peers) for number in range(nodes)}


def _node_snapshot(number: int, peers: int) -> snapshot.NodeSnapshot:
    subnet = _subnet(number)
    conflist = snapshot.Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", plugins=("flannel", "portmap"), wins=True, owner="flannel")
    vxlan = snapshot.Link("flannel.1", "vxlan", 1450, up=True, vxlan=snapshot.Vxlan(1, 8472, _home(number), "eth0"), owner="flannel-vxlan")
    others = [peer for peer in range(peers + 1) if peer != number][:peers]
    return snapshot.NodeSnapshot(
        hostname=name(number),
        links=(snapshot.Link("eth0", mtu=1500, up=True), vxlan, snapshot.Link("cni0", "bridge", 1450, up=True, owner="flannel")),
        addresses=(snapshot.Address("eth0", _home(number), 24), snapshot.Address("cni0", f"{subnet}.1", 24, owner="flannel")),
        routes=tuple(snapshot.Route(f"{_subnet(peer)}.0/24", f"{_subnet(peer)}.0", "flannel.1", owner="flannel-vxlan") for peer in others),
        neighbours=tuple(snapshot.Neighbour(f"{_subnet(peer)}.0", "flannel.1", _mac(peer), "PERMANENT") for peer in others),
        fdb=tuple(snapshot.FdbEntry(_mac(peer), "flannel.1", _home(peer)) for peer in others),
        conflists=(conflist,),
        runtime=snapshot.Runtime("containerd", "1.6.20", network_ready=True, loaded=("cbr0",)),
        subnet_env={"FLANNEL_NETWORK": NETWORK, "FLANNEL_SUBNET": f"{subnet}.1/24", "FLANNEL_MTU": "1450"},
    )


def _mac(number: int) -> str:
    return f"5a:0c:12:7e:{number // 256:02x}:{number % 256:02x}"


def rollout_scene(whole: cluster.ClusterSnapshot) -> Scene:
    """The same cluster as the rollout plans it."""
    sets = {Owner(pod.namespace, pod.owner_kind, pod.owner_name) for pod in whole.pods}
    parents = {owner: Owner(owner.namespace, "Deployment", owner.name.rpartition("-")[0]) for owner in sets if owner.kind == "ReplicaSet"}
    owners = [parents.get(owner, owner) for owner in sets]
    return Scene(
        nodes=whole.nodes,
        members=tuple(Member(pod, running=("app",)) for pod in whole.pods),
        workloads={owner: Workload(owner, _REPLICAS) for owner in owners},
        parents=parents,
    )


def verification_scene(nodes: int) -> scene.Scene:
    """A canary and a pod on the host's network on every node."""
    return scene.Scene(
        canaries=tuple(scene.Place(name(number), f"canary-{number}", f"{_subnet(number)}.9") for number in range(nodes)),
        hosts=tuple(scene.Place(name(number), f"host-{number}", _home(number)) for number in range(nodes)),
        sentinel=scene.Place(name(0), "sentinel", f"{_subnet(0)}.10"),
        service=scene.Service("podnet-verification", "canary", "10.96.0.9", (scene.Port(8080, 30080),)),
        node_addresses={name(number): _home(number) for number in range(nodes)},
    )


def readings(wanted: t.Iterable[Probe]) -> list[Reading]:
    """What the probes see where all is well."""
    return [_reading(probe) for probe in wanted]


def _reading(probe: Probe) -> Reading:
    if probe.kind == probes.ROUTE:
        return Reading(probe, REACHED, "cali0123456789a")
    if probe.target.endswith("/clientip"):
        return Reading(probe, REACHED, f"{probe.wanted}:40000")
    return Reading(probe, REACHED, "canary-1" if probe.kind == probes.HTTP else "")


def policy(stage: scene.Scene) -> PolicyReadings:
    """A policy that was enforced."""
    asked = probing.policy_probes(stage)
    return PolicyReadings(*(tuple(Reading(probe, word) for probe in asked) for word in (REACHED, SILENT, REACHED)))
