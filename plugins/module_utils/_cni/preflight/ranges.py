# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about address ranges: the pod network and its room, beside those of Services, nodes and podCIDRs.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, network
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import CALICO, FLANNEL, Situation, cidr_problem

#: Calico gives addresses to nodes in blocks of this prefix length unless a pool says otherwise.
_BLOCK_PREFIX = 26

#: Of a node's range, the network's own address, the bridge's and the broadcast address.
_FLANNELS_OWN = 3


def network_known(at: Situation) -> t.Iterator[checks.Check]:
    problem = cidr_problem(at.network)
    if not problem:
        yield checks.passed("network-known", at.network)
        return
    where = ", ".join(f"ConfigMap {item.config_map.namespace}/{item.config_map.name}" for item in at.cluster.flannel if item.config_map)
    yield checks.failed(
        "network-known", problem, where or "network", "Set the network to the cluster's pod network, for example 10.244.0.0/16."
    )


def pool_unchanged(at: Situation) -> t.Iterator[checks.Check]:
    pools = [pool.cidr for pool in (at.cluster.calico.pools if at.cluster.calico else ()) if not pool.disabled]
    if not at.pool or not pools or at.wanted.target != CALICO:
        return
    if at.pool in pools:
        yield checks.passed("pool-unchanged", at.pool)
    else:
        yield checks.failed(
            "pool-unchanged",
            f"Calico already has pool {', '.join(pools)}, not {at.pool}",
            "IPPool",
            f"Go on with network {pools[0]}, or delete the IPPool if no pod has an address of it.",
        )


def pool_inside(at: Situation) -> t.Iterator[checks.Check]:
    # Without the cluster's own word, what flannel has is what kube-proxy and the nodes were set up for.
    ranges = at.cluster.cluster_cidrs or tuple(item.network for item in at.cluster.flannel if not cidr_problem(item.network))
    ranges = tuple(cidr for cidr in ranges if network.is_ipv4(cidr))
    if not at.pool or not ranges:
        yield checks.skipped("pool-inside-cluster-cidr", "the cluster does not tell its pod range")
    elif any(network.inside(at.pool, cidr) for cidr in ranges):
        yield checks.passed("pool-inside-cluster-cidr", f"{at.pool} in {', '.join(ranges)}")
    else:
        yield checks.failed(
            "pool-inside-cluster-cidr",
            f"network {at.pool} is outside the cluster's pod range {', '.join(ranges)}",
            "network",
            "kube-proxy would masquerade pod traffic: choose a network inside that range, or leave it empty to keep flannel's.",
        )


def pool_apart_from_services(at: Situation) -> t.Iterator[checks.Check]:
    clashes = [cidr for cidr in at.cluster.service_cidrs if at.pool and network.overlap(at.pool, cidr)]
    if clashes:
        yield checks.failed(
            "pool-overlaps-services",
            f"network {at.pool} overlaps the Service range {', '.join(clashes)}",
            "network",
            "Choose a network that shares no address with it.",
        )
    elif at.pool and at.cluster.service_cidrs:
        yield checks.passed("pool-overlaps-services", f"{at.pool} and {', '.join(at.cluster.service_cidrs)} share nothing")
    else:
        yield checks.skipped("pool-overlaps-services", "the cluster does not tell its Service range")


def pool_apart_from_nodes(at: Situation) -> t.Iterator[checks.Check]:
    clashes = [f"{node.name} ({ip})" for node in at.cluster.nodes for ip in node.internal_ips if at.pool and network.contains(at.pool, ip)]
    if clashes:
        yield checks.failed(
            "pool-overlaps-nodes", f"network {at.pool} holds addresses of nodes: {', '.join(clashes)}", "network", "Choose another network."
        )
    elif at.pool:
        yield checks.passed("pool-overlaps-nodes", "no node has an address in it")


def pool_big_enough(at: Situation) -> t.Iterator[checks.Check]:
    if not at.pool or at.wanted.target != CALICO:
        return
    prefix = network.parse_cidr(at.pool).prefixlen
    blocks = 2 ** (_BLOCK_PREFIX - prefix) if prefix <= _BLOCK_PREFIX else 0
    if blocks < len(at.cluster.nodes):
        yield checks.failed(
            "pool-big-enough",
            f"network {at.pool} has {blocks} blocks of /{_BLOCK_PREFIX} for {len(at.cluster.nodes)} nodes",
            "network",
            "Choose a larger network: each node needs a block.",
        )
    else:
        yield checks.passed("pool-big-enough", f"{blocks} blocks of /{_BLOCK_PREFIX} for {len(at.cluster.nodes)} nodes")


def podcidr_inside(at: Situation) -> t.Iterator[checks.Check]:
    """Flanneld exits where its node's podCIDR is not inside its Network: the one it has, or the one it is to get."""
    outer = at.cluster.flannel[0].network if at.cluster.flannel else at.pool if at.wanted.target == FLANNEL else ""
    if cidr_problem(outer):
        return
    strays = {node.name: node.pod_cidrs for node in at.cluster.nodes if not _has_pod_cidr_in(node, outer)}
    for name, cidrs in strays.items():
        yield checks.failed(
            "podcidr-inside-network",
            f"podCIDR {', '.join(cidrs) or '(none)'} is not inside flannel's Network {outer}",
            name,
            "Flannel cannot work on this node: correct net-conf.json or the node's podCIDR first.",
        )
    if not strays:
        yield checks.passed("podcidr-inside-network", f"all podCIDRs in {outer}")


def room_for_flannel(at: Situation) -> t.Iterator[checks.Check]:
    """While pods go from Calico to flannel, flannel gives no address that is inside a block of Calico's."""
    blocks = [block.cidr for block in (at.cluster.calico.blocks if at.cluster.calico else ()) if network.is_ipv4(block.cidr)]
    if at.wanted.target != FLANNEL or not blocks:
        return
    room = {node.name: (network.free(node.pod_cidrs, blocks) - _FLANNELS_OWN, _pods_on(at, node.name)) for node in at.cluster.nodes}
    tight = {name: (free, pods) for name, (free, pods) in room.items() if free < pods}
    for name, (free, pods) in sorted(tight.items()):
        yield checks.failed(
            "room-for-flannel",
            f"{free} addresses of its range are outside Calico's blocks, and {pods} pods need one",
            name,
            "Drain the node until fewer are there, or let Calico give back blocks that nobody uses (calicoctl ipam check).",
        )
    if room and not tight:
        least = min(room, key=lambda name: (room[name][0] - room[name][1], name))
        yield checks.passed("room-for-flannel", f"at least {room[least][0]} free addresses for {room[least][1]} pods ({least})")


def cluster_cidr_matches(at: Situation) -> t.Iterator[checks.Check]:
    ranges = [cidr for cidr in at.cluster.cluster_cidrs if network.is_ipv4(cidr)]
    networks = [item.network for item in at.cluster.flannel if not cidr_problem(item.network)]
    if not ranges or not networks:
        return
    if any(network.overlap(networks[0], cidr) for cidr in ranges):
        note = "" if networks[0] in ranges else " (not equal, but they overlap)"
        yield checks.passed("cluster-cidr-matches", f"flannel's Network {networks[0]}, cluster CIDR {', '.join(ranges)}{note}")
    else:
        yield checks.failed(
            "cluster-cidr-matches",
            f"flannel's Network {networks[0]} has nothing in common with the cluster CIDR {', '.join(ranges)}",
            "net-conf.json and --cluster-cidr",
            "Bring the two together first: kube-proxy and the controller manager use the cluster CIDR.",
        )


def ipv4_only(at: Situation) -> t.Iterator[checks.Check]:
    dual = [node.name for node in at.cluster.nodes if any(not network.is_ipv4(cidr) for cidr in node.pod_cidrs)]
    if dual:
        yield checks.failed(
            "ipv4-only",
            f"nodes with an IPv6 podCIDR: {', '.join(dual)}",
            ", ".join(dual),
            "IPv6 pods would lose their network: not supported yet.",
        )
    else:
        yield checks.passed("ipv4-only", "no node has an IPv6 podCIDR")


def _pods_on(at: Situation, name: str) -> int:
    return sum(1 for pod in at.cluster.pods if pod.node == name and not pod.host_network and pod.phase not in ("Succeeded", "Failed"))


def _has_pod_cidr_in(node: cluster.Node, outer: str) -> bool:
    return any(network.inside(cidr, outer) for cidr in node.pod_cidrs)
