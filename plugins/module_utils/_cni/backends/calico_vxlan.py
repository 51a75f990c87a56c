# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Calico with VXLAN has to have on each node: a pure function of the Node objects, its pools and IPAM blocks, and the network below.

Blocks of other nodes are reached through those nodes' tunnel addresses; with CrossSubnet, in one subnet, by the node itself. A pod that
has an address of another node's block has a route of its own. IPv4 alone.

Source: Felix, ``dataplane/linux/vxlan_mgr.go``, ``route_mgr.go`` and ``calc/vxlan_resolver.go``. Pure: no I/O. Private: may change at any
time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import FdbKey, NeighbourKey, Own, Peer, RouteKey, Underlay
from ansible_collections.podnet.cni.plugins.module_utils._cni.network import parse_cidr

DEVICE = "vxlan.calico"
PREFIX = "projectcalico.org/"
ADDRESS, TUNNEL, MAC = "IPv4Address", "IPv4VXLANTunnelAddr", "VXLANTunnelMACAddr"
#: What the headers take: IPv4 20, UDP 8, VXLAN 8, Ethernet 14.
OVERHEAD = 50


@dataclasses.dataclass(frozen=True)
class CalicoExpectation(Expectation):
    """What Calico has to have on one node."""

    @property
    def cni(self) -> str:
        return "calico"

    def is_carrier(self, link: snapshot.Link) -> bool:
        return link.owner == "calico" and link.kind in ("vxlan", "ipip", "wireguard")

    def judges(self, route: snapshot.Route) -> bool:
        """Whatever Felix wrote but the routes to the node's own pods, which no block tells. The kernel has some of its own."""
        return (
            route.owner == "calico" and route.protocol != "kernel" and ":" not in route.destination and not route.device.startswith("cali")
        )


@dataclasses.dataclass(frozen=True)
class Vtep:
    """A node's end of the tunnel, as its Node object announces it."""

    name: str
    address: str
    tunnel: str
    mac: str


def vtep(node: cluster.Node) -> t.Optional[Vtep]:
    """Nothing as long as calico-node has not written its addresses there."""
    said = {key[len(PREFIX) :]: value for key, value in node.annotations.items() if key.startswith(PREFIX)}
    if not (said.get(ADDRESS) and said.get(TUNNEL)):
        return None
    return Vtep(node.name, said[ADDRESS].partition("/")[0], said[TUNNEL], said.get(MAC) or mac(node.name))


def mac(node: str) -> str:
    """The MAC address of a node's tunnel, which follows from its name: ``f`` and the first five bytes of its SHA-1."""
    return ":".join(f"{byte:02x}" for byte in (ord("f"), *hashlib.sha1(node.encode()).digest()[:5]))  # noqa: S324  # no secret


def is_carried(calico: t.Optional[cluster.Calico]) -> bool:
    """Whether all of Calico's pools are carried by VXLAN, which is what is known here."""
    pools = [pool for pool in (calico.pools if calico else ()) if not pool.disabled]
    return bool(pools) and all(pool.vxlan_mode != "Never" and ":" not in pool.cidr for pool in pools)


class CalicoMesh:
    """All nodes of a cluster whose pools are all carried by VXLAN."""

    def __init__(self, calico: cluster.Calico, members: t.Iterable[cluster.Node]) -> None:
        self._calico = calico
        self._vteps = {found.name: found for found in map(vtep, members) if found}
        self._networks = tuple(parse_cidr(pool.cidr) for pool in calico.pools if not pool.disabled)
        self._cross_subnet = {pool.cidr for pool in calico.pools if pool.vxlan_mode == "CrossSubnet"}

    def expected(self, node: cluster.Node, seen: snapshot.NodeSnapshot) -> CalicoExpectation:
        """What the node has to have, whose underlay ``seen`` tells. Raises NodeError where no device has its address."""
        own = self._vteps.get(node.name)
        below = nodes.underlay(node, seen, [own.address] if own else [])
        peers = [Peer(name=one.name, address=one.address) for one in self._vteps.values()]
        return self.expectation(node.name, below, nodes.near(peers, seen, self._networks))

    def expectation(self, name: str, underlay: Underlay, near: t.FrozenSet[str] = frozenset()) -> CalicoExpectation:
        """What node ``name`` has to have; ``near`` are the nodes that it reaches without a router."""
        others = [one for one in self._vteps.values() if one.name != name]
        return CalicoExpectation(
            name=name,
            networks=self._networks,
            # Newer versions of Felix have a route to each tunnel address.
            kept=frozenset(f"{one.tunnel}/32" for one in others),
            own=self._own(name, underlay),
            routes=frozenset(self._routes(name, underlay, near)),
            neighbours=frozenset[NeighbourKey]((one.tunnel, DEVICE, one.mac) for one in others),
            fdb=frozenset[FdbKey]((one.mac, DEVICE, one.address) for one in others),
        )

    def _own(self, name: str, underlay: Underlay) -> Own:
        own = self._vteps.get(name)
        if own is None:
            return Own()
        tunnel = snapshot.Vxlan(self._calico.vxlan_vni, self._calico.vxlan_port, own.address, underlay.device)
        mtu = self._calico.vxlan_mtu or underlay.mtu - OVERHEAD
        link = snapshot.Link(DEVICE, "vxlan", mtu, up=True, mac=own.mac, vxlan=tunnel)
        return Own((link,), ((DEVICE, own.tunnel, 32),), (), (snapshot.Listener(self._calico.vxlan_port),))

    def _routes(self, name: str, underlay: Underlay, near: t.FrozenSet[str]) -> t.Iterator[RouteKey]:
        for block in self._calico.blocks:
            if block.node == name:
                yield (block.cidr, "", "", False)  # a blackhole for addresses that no pod has
            else:
                yield from self._way(block.cidr, block.node, underlay, near)
            for address, node in block.borrowed.items():
                if node != name:
                    yield from self._way(f"{address}/32", node, underlay, near)

    def _way(self, destination: str, node: str, underlay: Underlay, near: t.FrozenSet[str]) -> t.Iterator[RouteKey]:
        peer = self._vteps.get(node)
        if peer is None:
            return
        if node in near and self._is_cross_subnet(destination):
            yield (destination, peer.address, underlay.device, False)
        else:
            yield (destination, peer.tunnel, DEVICE, True)

    def _is_cross_subnet(self, destination: str) -> bool:
        goal = parse_cidr(destination)
        return any(goal[0] in parse_cidr(cidr) for cidr in self._cross_subnet)
