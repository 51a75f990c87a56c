# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The difference between what flannel has to have on a node and what is there, each line with what it means for traffic.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import operator
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import network
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import RouteKey

MISSING, EXTRA, DIFFERENT = "missing", "extra", "different"


@dataclasses.dataclass(frozen=True)
class Difference:
    """One thing that is not as it has to be. ``expected`` and ``found`` are its words, one of them empty where it is missing or extra.

    ``kind`` is `MISSING`, `EXTRA` or `DIFFERENT`; ``item`` is link, address, route, neighbour, fdb, listener, subnet-env, annotation,
    rules, conflist or pod-link; ``means`` says what becomes of packets.
    """

    node: str
    kind: str
    item: str
    name: str
    expected: str = ""
    found: str = ""
    means: str = ""

    def __str__(self) -> str:
        seen = {MISSING: self.expected, EXTRA: self.found, DIFFERENT: f"{self.found} instead of {self.expected}"}[self.kind]
        what = f"{self.item} {self.name}" + (f": {seen}" if seen and seen != self.name else "")
        return f"{self.node}: {self.kind} {what} ({self.means})"


@dataclasses.dataclass(frozen=True)
class Extras:
    """What flannel or another hand left that does not belong there. What goes with a link is not told beside it, but for its routes."""

    links: t.Tuple[model.Link, ...] = ()
    routes: t.Tuple[model.Route, ...] = ()
    neighbours: t.Tuple[model.Neighbour, ...] = ()
    fdb: t.Tuple[model.FdbEntry, ...] = ()


def extras(expected: Expectation, seen: model.NodeSnapshot) -> Extras:
    """What may be removed once every node carries its packets the new way."""
    return Extras(
        _extra_links(expected, seen),
        _route_sides(expected, seen).extra,
        _neighbour_sides(expected, seen).extra,
        _fdb_sides(expected, seen).extra,
    )


def compare(expected: Expectation, seen: model.NodeSnapshot) -> t.Tuple[Difference, ...]:
    """Everything that differs on one node, what carries the rest first."""
    return (
        *_announcement(expected, seen),
        *_links(expected, seen),
        *_addresses(expected, seen),
        *_routes(expected, seen),
        *_neighbours(expected, seen),
        *_fdb(expected, seen),
        *_listeners(expected, seen),
        *_pod_links(expected, seen),
        *_subnet_env(expected, seen),
        *_rules(expected, seen),
        *_conflist(expected, seen),
    )


# What the node says of itself


def _announcement(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
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


def _announced_macs(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """Of VXLAN: the others send to the announced MAC address, and the kernel drops what comes for another one."""
    mac_of = {link.name: link.mac for link in seen.links}
    for link in expected.own.links:
        data = expected.peer.data_v6 if "-v6." in link.name else expected.peer.data
        announced = data.get("VtepMAC")
        if link.vxlan and announced and mac_of.get(link.name, announced).lower() != str(announced).lower():
            means = "all packets from other nodes are dropped without a word"
            yield Difference(expected.peer.name, DIFFERENT, "annotation", f"VtepMAC of {link.name}", mac_of[link.name], announced, means)


# Devices


def _extra_links(expected: Expectation, seen: model.NodeSnapshot) -> t.Tuple[model.Link, ...]:
    """Backends mark their devices with an owner of their own; bridge and pods' links are flannel's whatever carries the packets."""
    wanted = {link.name for link in expected.own.links}
    return tuple(link for link in seen.links if link.owner.startswith("flannel-") and link.name not in wanted)


def _links(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, there = expected.peer.name, {link.name: link for link in seen.links}
    for wanted in expected.own.links:
        found = there.get(wanted.name)
        if found is None:
            yield Difference(node, MISSING, "link", wanted.name, wanted.kind, means="no packet leaves for another node")
            continue
        for name, want, have, means in _link_facts(wanted, found):
            if want != have:
                yield Difference(node, DIFFERENT, "link", f"{wanted.name} {name}", str(want), str(have), means)
    for link in _extra_links(expected, seen):
        means = "it belongs to another backend or number, and routes through it may still win"
        yield Difference(node, EXTRA, "link", link.name, found=link.kind, means=means)


_Fact = t.Tuple[str, t.Any, t.Any, str]


def _link_facts(wanted: model.Link, found: model.Link) -> t.Iterator[_Fact]:
    yield "kind", wanted.kind, found.kind, "no packet leaves for another node"
    yield "state", "up", "up" if found.up else "down", "no packet leaves for another node"
    yield "MTU", wanted.mtu, found.mtu, "packets that are too large for the network below are lost, or packets are smaller than need be"
    if wanted.vxlan is None or found.vxlan is None:
        return
    cut = "nodes with other values cannot read this one's packets"
    yield "VNI", wanted.vxlan.vni, found.vxlan.vni, cut
    yield "port", wanted.vxlan.port, found.vxlan.port, cut
    yield "local address", wanted.vxlan.local, found.vxlan.local, "packets leave with a source that is not the node's"
    yield "device below", wanted.vxlan.device, found.vxlan.device, "packets leave by another network card"
    yield "learning", wanted.vxlan.learning, found.vxlan.learning, "entries that nobody wrote may come to stand beside flannel's"


def _addresses(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, devices = expected.peer.name, {link.name for link in expected.own.links}
    there = {(item.device, item.address, item.prefix_length) for item in seen.addresses if item.device in devices and item.scope != "link"}
    wanted = set(expected.own.addresses)
    for device, address, bits in sorted(wanted - there):
        means = "packets of the node itself to pods of other nodes carry an address to which no answer comes"
        yield Difference(node, MISSING, "address", f"{address}/{bits}", f"dev {device}", means=means)
    for device, address, bits in sorted(there - wanted):
        yield Difference(node, EXTRA, "address", f"{address}/{bits}", found=f"dev {device}", means="the node may use it as its source")
    yield from _bridge(expected, seen)


def _bridge(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """It comes with the first pod, so there need not be one."""
    bridges = [link.name for link in seen.links if link.kind == "bridge" and model.cni_of(link.owner) == "flannel"]
    there = {f"{item.address}/{item.prefix_length}" for item in seen.addresses if item.device in bridges and item.scope != "link"}
    wanted = {value for key, value in expected.subnet_env.items() if key.endswith("SUBNET")}
    for address in sorted(there - wanted):
        means = "pods on it have addresses that other nodes look for elsewhere"
        yield Difference(expected.peer.name, DIFFERENT, "address", bridges[0], ", ".join(sorted(wanted)), address, means)


# The way to other nodes

route_key = operator.attrgetter("destination", "gateway", "device", "onlink")
_neighbour_key = operator.attrgetter("address", "device", "mac")
_fdb_key = operator.attrgetter("mac", "device", "destination")

_Item = t.TypeVar("_Item")
_Key = t.Tuple[t.Any, ...]


@dataclasses.dataclass(frozen=True)
class _Sides(t.Generic[_Item]):
    """What of the wanted is not there, in order, and what is there and not wanted."""

    missing: t.Sequence[t.Any] = ()
    extra: t.Tuple[_Item, ...] = ()


def _sides(wanted: t.AbstractSet[t.Any], items: t.Sequence[_Item], key_of: t.Callable[[_Item], _Key]) -> _Sides[_Item]:
    keys = list(map(key_of, items))
    there = set(keys)
    if there == wanted:  # as it is nearly always, and quick
        return _Sides()
    return _Sides(sorted(wanted - there), tuple(item for item, key in zip(items, keys) if key not in wanted))


def _route_sides(expected: Expectation, seen: model.NodeSnapshot) -> _Sides[model.Route]:
    wanted = expected.routes | set(expected.own.routes) if expected.own.routes else expected.routes
    sides = _sides(wanted, [route for route in seen.routes if route.table == "main"], route_key)
    kept = {expected.peer.subnet, expected.peer.subnet_v6}
    strange = [route for route in sides.extra if route.destination not in kept and _leads(route, expected.settings.networks)]
    return _Sides(sides.missing, tuple(strange))


def _routes(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, sides = expected.peer.name, _route_sides(expected, seen)
    for key in sides.missing:
        means = "packets for these pods leave by another way, and are lost"
        yield Difference(node, MISSING, "route", key[0], route_words(key), means=means)
    for route in sides.extra:
        means = "it is no part of this backend, and the narrowest route wins: packets may go the old way, or nowhere"
        yield Difference(node, EXTRA, "route", route.destination, found=route_words(route_key(route)), means=means)


def _leads(route: model.Route, networks: t.Iterable[network.Network]) -> bool:
    """Into the pod network, and not to a pod of Calico's."""
    if route.kind != "unicast" or model.cni_of(route.owner) == "calico":
        return False
    destination = ipaddress.ip_network(route.destination, strict=False)
    return any(
        whole.version == destination.version and whole.prefixlen <= destination.prefixlen and destination[0] in whole for whole in networks
    )


def route_words(key: RouteKey) -> str:
    _destination, gateway, device, onlink = key
    via = f"via {gateway} " if gateway else ""
    return f"{via}dev {device}{' onlink' if onlink else ''}"


def _tunnels(expected: Expectation) -> t.FrozenSet[str]:
    return frozenset(link.name for link in expected.own.links)


def _neighbour_sides(expected: Expectation, seen: model.NodeSnapshot) -> _Sides[model.Neighbour]:
    """Of those that somebody wrote. The kernel forgets what it found out itself."""
    devices = _tunnels(expected)
    written = [item for item in seen.neighbours if item.device in devices and "PERMANENT" in item.state]
    return _sides(expected.neighbours, written, _neighbour_key)


def _neighbours(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, sides = expected.peer.name, _neighbour_sides(expected, seen)
    for address, device, mac in sides.missing:
        means = "the kernel does not know for whom to wrap packets to that node, and they are lost"
        yield Difference(node, MISSING, "neighbour", address, f"{mac} dev {device}", means=means)
    for item in sides.extra:
        means = "packets to that address are wrapped for a device that is not there"
        yield Difference(node, EXTRA, "neighbour", item.address, found=f"{item.mac} dev {item.device}", means=means)


def _fdb_sides(expected: Expectation, seen: model.NodeSnapshot) -> _Sides[model.FdbEntry]:
    devices = _tunnels(expected)
    return _sides(expected.fdb, [item for item in seen.fdb if item.device in devices and item.destination], _fdb_key)


def _fdb(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, sides = expected.peer.name, _fdb_sides(expected, seen)
    for mac, device, address in sides.missing:
        means = "the kernel does not know to which node to send, and packets are lost"
        yield Difference(node, MISSING, "fdb", mac, f"dst {address} dev {device}", means=means)
    for item in sides.extra:
        means = "packets may go to a node that is not the target's"
        yield Difference(node, EXTRA, "fdb", item.mac, found=f"dst {item.destination} dev {item.device}", means=means)


def _listeners(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    for listener in expected.own.listeners:
        if listener not in seen.listeners and model.Listener(listener.port) not in seen.listeners:
            place = listener.address or "any address"
            means = "what other nodes send here arrives at nobody"
            yield Difference(expected.peer.name, MISSING, "listener", f"UDP {listener.port}", place, means=means)


# What pods get


def _pod_links(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """A pod keeps the MTU that it was made with."""
    bridges = {link.name for link in seen.links if link.kind == "bridge" and model.cni_of(link.owner) == "flannel"}
    large = [link for link in seen.links if link.kind == "veth" and link.master in bridges and link.mtu > expected.mtu]
    for link in sorted(large, key=lambda link: link.name):
        means = "its pod sends packets that are too large for this backend, and has to be told so, packet by packet"
        yield Difference(expected.peer.name, DIFFERENT, "pod-link", f"{link.name} MTU", f"at most {expected.mtu}", str(link.mtu), means)


def _subnet_env(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node = expected.peer.name
    if not seen.subnet_env:
        yield Difference(node, MISSING, "subnet-env", "/run/flannel/subnet.env", means="no pod can be started: flanneld writes it")
        return
    for key, wanted in expected.subnet_env.items():
        found = seen.subnet_env.get(key, "")
        if found != wanted:
            means = "new pods get this value: flanneld was not started since the change"
            yield Difference(node, DIFFERENT, "subnet-env", key, wanted, found or "nothing", means)


def _rules(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
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


def _conflist(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    winner = next((item for item in seen.conflists if item.wins), None)
    if winner is None or model.cni_of(winner.owner) != "flannel":
        found = winner.path if winner else "none"
        yield Difference(
            expected.peer.name, DIFFERENT, "conflist", "the one that wins", "flannel's", found, "new pods are not flannel's, or not started"
        )
