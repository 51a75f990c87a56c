# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel has to have on each node: a pure function of the Node objects, net-conf.json, and the network below.

What the nodes have for their peers is nearly the same on all of them, so it is made once and shared: a cluster of 1,000 nodes has a
million routes. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import FdbKey, NeighbourKey, Peer, RouteKey, Underlay, Way
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.table import Settings


@dataclasses.dataclass(frozen=True)
class FlannelExpectation(Expectation):
    """What flannel has to have on one node. ``mtu`` is that of pods; ``subnet_env`` are known lines of /run/flannel/subnet.env."""

    peer: Peer
    settings: Settings
    underlay: Underlay
    mtu: int
    subnet_env: t.Mapping[str, str]

    @property
    def cni(self) -> str:
        return "flannel"

    def is_carrier(self, link: snapshot.Link) -> bool:
        """Backends mark their devices with an owner of their own."""
        return link.owner.startswith("flannel-")

    def judges(self, route: snapshot.Route) -> bool:
        """Whatever leads into the pod network, and not to a pod of Calico's."""
        if route.kind != "unicast" or snapshot.cni_of(route.owner) == "calico":
            return False
        goal = ipaddress.ip_network(route.destination, strict=False)
        return any(whole.version == goal.version and whole.prefixlen <= goal.prefixlen and goal[0] in whole for whole in self.networks)


@dataclasses.dataclass(frozen=True)
class _Ways:
    """What all peers together come to, and each of them."""

    of: t.Mapping[str, Way]
    routes: t.FrozenSet[RouteKey]
    neighbours: t.FrozenSet[NeighbourKey]
    fdb: t.FrozenSet[FdbKey]

    @classmethod
    def out_of(cls, of: t.Mapping[str, Way]) -> _Ways:
        return cls(
            of,
            frozenset(key for way in of.values() for key in way.routes),
            frozenset(key for way in of.values() for key in way.neighbours),
            frozenset(key for way in of.values() for key in way.fdb),
        )

    def without(self, name: str) -> _Ways:
        own = self.of.get(name)
        if own is None:
            return self
        return _Ways(self.of, self.routes - set(own.routes), self.neighbours - set(own.neighbours), self.fdb - set(own.fdb))


class Mesh:
    """All nodes of a cluster under one net-conf.json."""

    def __init__(self, settings: Settings, peers: t.Iterable[Peer]) -> None:
        self.settings = settings
        self.peers = {peer.name: peer for peer in peers}
        #: Those of which the others take notice, which needs an address that is one.
        self.heard = tuple(peer for peer in self.peers.values() if peer.announced and peer.number and settings.backend.hears(peer))
        self._ways: t.Dict[t.Tuple[Underlay, bool], _Ways] = {}

    def expected(self, node: cluster.Node, seen: snapshot.NodeSnapshot) -> FlannelExpectation:
        """What the node has to have, whose underlay ``seen`` tells. Raises NodeError where no device has its address."""
        near = nodes.near(self.peers.values(), seen, self.settings.networks)
        return self.expectation(node.name, nodes.underlay(node, seen), near)

    def expectation(self, name: str, underlay: Underlay, near: t.FrozenSet[str] = frozenset()) -> FlannelExpectation:
        """What node ``name`` has to have; ``near`` are the peers that it reaches without a router."""
        peer, backend = self.peers[name], self.settings.backend
        ways = self._of(underlay, near).without(name)
        mtu = backend.mtu(self.settings, underlay)
        return FlannelExpectation(
            name=name,
            networks=self.settings.networks,
            kept=frozenset({peer.subnet, peer.subnet_v6}),
            peer=peer,
            settings=self.settings,
            underlay=underlay,
            own=backend.own(self.settings, peer, underlay),
            mtu=mtu,
            routes=ways.routes,
            neighbours=ways.neighbours,
            fdb=ways.fdb,
            subnet_env=_subnet_env(self.settings, peer, mtu),
        )

    def _of(self, underlay: Underlay, near: t.FrozenSet[str]) -> _Ways:
        far = self._shared(underlay, direct=False)
        if not (near and self.settings.backend.can_be_direct(self.settings)):
            return far
        direct = self._shared(underlay, direct=True)
        if near.issuperset(far.of):
            return direct
        return _Ways.out_of({name: (direct if name in near else far).of[name] for name in far.of})

    def _shared(self, underlay: Underlay, direct: bool) -> _Ways:
        """Nothing that a node has for a peer depends on the node's own addresses, but on what its device is called."""
        key = (Underlay(underlay.device, underlay.mtu), direct)
        if key not in self._ways:
            backend = self.settings.backend
            self._ways[key] = _Ways.out_of({peer.name: backend.way(self.settings, peer, underlay, direct) for peer in self.heard})
        return self._ways[key]


def _subnet_env(settings: Settings, peer: Peer, mtu: int) -> t.Dict[str, str]:
    lines = {"FLANNEL_MTU": str(mtu)}
    for network, subnet, infix in ((settings.network, peer.subnet, ""), (settings.ipv6_network, peer.subnet_v6, "IPV6_")):
        if network and subnet:
            own = ipaddress.ip_network(subnet)
            lines[f"FLANNEL_{infix}NETWORK"] = network
            lines[f"FLANNEL_{infix}SUBNET"] = f"{own[1]}/{own.prefixlen}"
    return lines
