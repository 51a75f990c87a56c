# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs on a node and is flannel's alone: what the node announces, and what its pods get.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import DIFFERENT, EXTRA, MISSING, Difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import FlannelExpectation


def pods(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """What pods of the node have and get."""
    yield from _bridge(expected, seen)
    yield from _pod_links(expected, seen)
    yield from _subnet_env(expected, seen)
    yield from _rules(expected, seen)


def announced(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """What the node says of itself, and what the others make of it."""
    peer, wanted = expected.peer, expected.settings.name
    node = peer.name
    if not (peer.announced and peer.number):
        name, wanted, found = (nodes.ADDRESS, "an address", peer.address) if peer.announced else (nodes.MANAGED, "true", "")
        means = "no other node has a way to this one's pods: see flannel's pod there"
        yield Difference(node, DIFFERENT if found else MISSING, "annotation", name, wanted, found, means)
        return
    # Backend udp announces none.
    if peer.backend != ("" if wanted == "udp" else wanted):
        yield Difference(
            node,
            DIFFERENT,
            "annotation",
            nodes.KIND,
            wanted,
            peer.backend or "udp",
            "the others take no notice of this node: its flanneld still runs with another configuration",
        )
    yield from _announced_macs(expected, seen)


def _announced_macs(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """Of VXLAN: the others send to the announced MAC address, and the kernel drops what comes for another one."""
    mac_of = {link.name: link.mac for link in seen.links}
    for link in expected.own.links:
        data = expected.peer.data_v6 if "-v6." in link.name else expected.peer.data
        announced = data.get("VtepMAC")
        if link.vxlan and announced and mac_of.get(link.name, announced).lower() != str(announced).lower():
            means = "all packets from other nodes are dropped without a word"
            yield Difference(expected.peer.name, DIFFERENT, "annotation", f"VtepMAC of {link.name}", mac_of[link.name], announced, means)


def _bridge(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """It comes with the first pod, so there need not be one."""
    bridges = [link.name for link in seen.links if link.kind == "bridge" and model.cni_of(link.owner) == "flannel"]
    there = {f"{item.address}/{item.prefix_length}" for item in seen.addresses if item.device in bridges and item.scope != "link"}
    wanted = {value for key, value in expected.subnet_env.items() if key.endswith("SUBNET")}
    for address in sorted(there - wanted):
        means = "pods on it have addresses that other nodes look for elsewhere"
        yield Difference(expected.peer.name, DIFFERENT, "address", bridges[0], ", ".join(sorted(wanted)), address, means)


def _pod_links(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """A pod keeps the MTU that it was made with."""
    bridges = {link.name for link in seen.links if link.kind == "bridge" and model.cni_of(link.owner) == "flannel"}
    large = [link for link in seen.links if link.kind == "veth" and link.master in bridges and link.mtu > expected.mtu]
    for link in sorted(large, key=lambda link: link.name):
        means = "its pod sends packets that are too large for this backend, and has to be told so, packet by packet"
        yield Difference(expected.peer.name, DIFFERENT, "pod-link", f"{link.name} MTU", f"at most {expected.mtu}", str(link.mtu), means)


def _subnet_env(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node = expected.peer.name
    if not seen.subnet_env:
        yield Difference(node, MISSING, "subnet-env", "/run/flannel/subnet.env", means="no pod can be started: flanneld writes it")
        return
    for key, wanted in expected.subnet_env.items():
        found = seen.subnet_env.get(key, "")
        if found != wanted:
            means = "new pods get this value: flanneld was not started since the change"
            yield Difference(node, DIFFERENT, "subnet-env", key, wanted, found or "nothing", means)


def _rules(expected: FlannelExpectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node = expected.peer.name
    has_tables = any(table.owner == "flannel" for table in seen.nft_tables)
    chains = [chain for chain in seen.chains if model.cni_of(chain.owner) == "flannel"]
    loose = [rule for chain in seen.chains for rule in chain.rules if model.cni_of(rule.owner) == "flannel"]
    if expected.settings.nftables:
        if not has_tables:
            yield Difference(node, MISSING, "rules", "nftables table flannel-ipv4", means="pods cannot reach what is outside the cluster")
        for chain in chains:
            means = "rules of flannel's in iptables that nobody keeps any more, as its change to nftables leaves some"
            yield Difference(node, EXTRA, "rules", f"chain {chain.name}", found=f"{chain.backend} {chain.table}", means=means)
        return
    if not (chains or loose):
        yield Difference(node, MISSING, "rules", "iptables chain FLANNEL-POSTRTG", means="pods cannot reach what is outside the cluster")
    if has_tables:
        means = "flannel runs with iptables, so nobody keeps these rules"
        yield Difference(node, EXTRA, "rules", "nftables table flannel-ipv4", found="present", means=means)
