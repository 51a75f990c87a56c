# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The tables of a node that an administrator would read by hand, each line beside what it is for and whether it has to be there.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import FlannelExpectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import routing
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import Host, World

#: How a line stands: as it has to be, not there, more than there has to be, or of nobody's concern here.
RIGHT, MISSING, EXTRA, OTHER = "right", "missing", "extra", "other"


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a table in its tool's own words, and what it is for."""

    text: str
    state: str = OTHER
    why: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """What ``command`` shows on the node, reduced to what the pod network is made of."""

    name: str
    command: str
    lines: t.Tuple[Line, ...] = ()


def tables(world: World, host: Host, expected: t.Optional[Expectation] = None) -> t.Tuple[Table, ...]:
    """Of one node; without an expectation nothing is right or wrong."""
    found = (
        Table("Devices", "ip -details link", tuple(_links(host, expected))),
        Table("Addresses", "ip address", tuple(_addresses(host, expected))),
        Table("Routes", "ip route", tuple(_routes(world, host, expected))),
        Table("Neighbours", "ip neighbour", tuple(_neighbours(world, host, expected))),
        Table("Forwarding entries", "bridge fdb", tuple(_fdb(world, host, expected))),
        Table("subnet.env", "cat /run/flannel/subnet.env", tuple(_subnet_env(host, expected))),
    )
    return tuple(table for table in found if table.lines)


def _links(host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = {link.name for link in expected.own.links} if expected else set()
    extra = {link.name for link in difference.extras(expected, host.seen).links} if expected else set()
    for name in sorted(wanted - set(host.links)):
        yield Line(name, MISSING, "carries packets to other nodes")
    for link in host.seen.links:
        if link.kind == "veth" and link.master:
            continue  # there is one for each pod, and paths show them
        state = EXTRA if link.name in extra else RIGHT if link.name in wanted else OTHER
        yield Line(_link_words(link), state, _link_why(host, link))


def _link_words(link: snapshot.Link) -> str:
    words = [
        link.name,
        f"<{link.kind}>" if link.kind else "",
        f"mtu {link.mtu}",
        "" if link.up else "DOWN",
        f"mac {link.mac}" if link.mac else "",
    ]
    if link.vxlan:
        words.append(f"id {link.vxlan.vni} local {link.vxlan.local} dev {link.vxlan.device} dstport {link.vxlan.port}")
    return " ".join(filter(None, words))


def _link_why(host: Host, link: snapshot.Link) -> str:
    if link.kind == "bridge" and link.owner == "flannel":
        pods = sum(1 for other in host.seen.links if other.master == link.name)
        return f"flannel's bridge, with the links of {pods} pods"
    if link.vxlan:
        return f"wraps packets to other nodes in UDP to port {link.vxlan.port}"
    if link.name.startswith("cali"):
        return "the link of a pod of Calico's"
    return {"tun": "hands packets to flanneld, which wraps them", "wireguard": "encrypts packets to other nodes"}.get(link.kind, "")


def _addresses(host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = set(expected.own.addresses) if expected else set()
    there = {(item.device, item.address, item.prefix_length) for item in host.seen.addresses}
    for device, address, bits in sorted(wanted - there):
        yield Line(f"{address}/{bits} dev {device}", MISSING, "the source of what the node itself sends to pods of other nodes")
    for item in host.seen.addresses:
        if item.scope == "link":
            continue
        state = RIGHT if (item.device, item.address, item.prefix_length) in wanted else OTHER
        why = "the source of what the node itself sends to pods of other nodes" if state == RIGHT else ""
        yield Line(f"{item.address}/{item.prefix_length} dev {item.device}", state, why)


def _routes(world: World, host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = {*expected.routes, *expected.own.routes} if expected else set()
    extra = set(difference.extras(expected, host.seen).routes) if expected else set()
    main = [route for route in host.seen.routes if route.table == "main" and not route.destination.startswith("fe80:")]
    there = {difference.route_key(route) for route in main}
    for key in sorted(wanted - there):
        yield Line(f"{key[0]} {difference.route_words(key)}", MISSING, _whose(world, key[0]))
    for route in main:
        state = EXTRA if route in extra else RIGHT if difference.route_key(route) in wanted else OTHER
        yield Line(routing.words(route), state, _whose(world, route.destination) or _route_why(route))


def _whose(world: World, destination: str) -> str:
    """Whose pods are behind a destination."""
    network = ipaddress.ip_network(destination, strict=False)
    if network.prefixlen == network.max_prefixlen:
        pod = world.pods.get(str(network[0]))
        return f"pod {pod.namespace}/{pod.name}" if pod else ""
    node = next((peer.name for peer in world.peers.values() if destination in (peer.subnet, peer.subnet_v6)), "")
    if node:
        return f"pods of node {node}"
    blocks = world.cluster.calico.blocks if world.cluster.calico else ()
    return next((f"pods of node {block.node} (a block of Calico's)" for block in blocks if block.cidr == destination), "")


def _route_why(route: snapshot.Route) -> str:
    if route.kind == "blackhole" and route.owner == "calico":
        return "addresses of the node's own block that no pod has"
    if route.destination in ("0.0.0.0/0", "::/0"):
        return "everything else"
    return "the network below" if route.owner == "host" and not route.gateway else ""


def _neighbours(world: World, host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = expected.neighbours if expected else frozenset()
    there = {(item.address, item.device, item.mac) for item in host.seen.neighbours}
    for address, device, mac in sorted(wanted - there):
        yield Line(f"{address} dev {device} lladdr {mac} PERMANENT", MISSING, _node_of_mac(world, mac))
    for item in host.seen.neighbours:
        if host.kind(item.device) in ("vxlan", "bridge"):
            state = RIGHT if (item.address, item.device, item.mac) in wanted else EXTRA if _is_left(item, expected) else OTHER
            why = _node_of_mac(world, item.mac) or _whose(world, item.address)
            yield Line(f"{item.address} dev {item.device} lladdr {item.mac} {item.state}", state, why)


def _is_left(item: snapshot.Neighbour, expected: t.Optional[Expectation]) -> bool:
    tunnels = {link.name for link in expected.own.links} if expected else set()
    return item.device in tunnels and "PERMANENT" in item.state


def _fdb(world: World, host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = expected.fdb if expected else frozenset()
    there = {(item.mac, item.device, item.destination) for item in host.seen.fdb}
    for mac, device, address in sorted(wanted - there):
        yield Line(f"{mac} dev {device} dst {address}", MISSING, _node_of_mac(world, mac))
    for item in host.seen.fdb:
        if item.destination:
            state = RIGHT if (item.mac, item.device, item.destination) in wanted else EXTRA if expected else OTHER
            yield Line(f"{item.mac} dev {item.device} dst {item.destination} {item.state}".rstrip(), state, _node_of_mac(world, item.mac))


def _node_of_mac(world: World, mac: str) -> str:
    """Whose tunnel it is."""
    for host in world.hosts.values():
        for link in host.seen.links:
            if link.vxlan and link.mac == mac:
                return f"{link.name} of node {host.name}"
    return ""


def _subnet_env(host: Host, expected: t.Optional[Expectation]) -> t.Iterator[Line]:
    wanted = expected.subnet_env if isinstance(expected, FlannelExpectation) else {}
    for name in sorted(set(wanted) | set(host.seen.subnet_env)):
        have, want = host.seen.subnet_env.get(name), wanted.get(name)
        why = _SUBNET_ENV.get(name.replace("IPV6_", ""), "")
        if have is None:
            yield Line(f"{name}={want}", MISSING, why)
        elif want is None:
            yield Line(f"{name}={have}", OTHER, why)
        else:
            yield Line(f"{name}={have}", RIGHT if have == want else EXTRA, why if have == want else f"{why}; it has to be {want}")


_SUBNET_ENV = {
    "FLANNEL_NETWORK": "the range of all pods",
    "FLANNEL_SUBNET": "the range of this node's pods, with the bridge's address",
    "FLANNEL_MTU": "the MTU of new pods",
    "FLANNEL_IPMASQ": "whether flannel puts the node's address on what leaves the cluster",
}
