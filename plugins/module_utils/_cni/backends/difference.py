# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The difference between what a CNI has to have on a node and what is there, each line with what it means for traffic.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import operator
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
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


def common(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    """What differs of all that any CNI has, what carries the rest first."""
    yield from _links(expected, seen)
    yield from _addresses(expected, seen)
    yield from _routes(expected, seen)
    yield from _neighbours(expected, seen)
    yield from _fdb(expected, seen)
    yield from _listeners(expected, seen)
    yield from _conflist(expected, seen)


# Devices


def _extra_links(expected: Expectation, seen: model.NodeSnapshot) -> t.Tuple[model.Link, ...]:
    """Those that carry packets between nodes; a bridge and pods' links are there whatever does."""
    wanted = {link.name for link in expected.own.links}
    return tuple(link for link in seen.links if expected.is_carrier(link) and link.name not in wanted)


def _links(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, there = expected.name, {link.name: link for link in seen.links}
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
    node, devices = expected.name, {link.name for link in expected.own.links}
    there = {(item.device, item.address, item.prefix_length) for item in seen.addresses if item.device in devices and item.scope != "link"}
    wanted = set(expected.own.addresses)
    for device, address, bits in sorted(wanted - there):
        means = "packets of the node itself to pods of other nodes carry an address to which no answer comes"
        yield Difference(node, MISSING, "address", f"{address}/{bits}", f"dev {device}", means=means)
    for device, address, bits in sorted(there - wanted):
        yield Difference(node, EXTRA, "address", f"{address}/{bits}", found=f"dev {device}", means="the node may use it as its source")


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
    strange = [route for route in sides.extra if route.destination not in expected.kept and expected.judges(route)]
    return _Sides(sides.missing, tuple(strange))


def _routes(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    node, sides = expected.name, _route_sides(expected, seen)
    for key in sides.missing:
        means = "packets for these pods leave by another way, and are lost"
        yield Difference(node, MISSING, "route", key[0], route_words(key), means=means)
    for route in sides.extra:
        means = "it is no part of this backend, and the narrowest route wins: packets may go the old way, or nowhere"
        yield Difference(node, EXTRA, "route", route.destination, found=route_words(route_key(route)), means=means)


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
    node, sides = expected.name, _neighbour_sides(expected, seen)
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
    node, sides = expected.name, _fdb_sides(expected, seen)
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
            yield Difference(expected.name, MISSING, "listener", f"UDP {listener.port}", place, means=means)


# New pods


def _conflist(expected: Expectation, seen: model.NodeSnapshot) -> t.Iterator[Difference]:
    winner = next((item for item in seen.conflists if item.wins), None)
    if winner is None or model.cni_of(winner.owner) != expected.cni:
        found, whose = winner.path if winner else "none", f"{expected.cni}'s"
        means = f"new pods are not {whose}, or not started"
        yield Difference(expected.name, DIFFERENT, "conflist", "the one that wins", whose, found, means)
