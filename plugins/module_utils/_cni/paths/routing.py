# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which route the kernel takes to an address.

Tables ``local`` and ``main`` are asked, in this order, as the kernel's three rules have it that are there from its start. Source:
ip-rule(8). Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot, Route

TABLES = ("local", "main", "default")


def choose(seen: NodeSnapshot, address: str) -> t.Optional[Route]:
    """The route that wins: of the first table that has one, the narrowest, and among those the one with the lowest metric."""
    goal = ipaddress.ip_address(address)
    for table in TABLES:
        fitting = [route for route in seen.routes if route.table == table and _leads(route, goal)]
        if fitting:
            return min(fitting, key=lambda route: (-_width(route), route.metric))
    return None


def beaten(seen: NodeSnapshot, winner: Route, address: str) -> t.Tuple[Route, ...]:
    """Wider routes of the winner's table that lead to the address as well, the narrowest first."""
    goal = ipaddress.ip_address(address)
    fitting = [route for route in seen.routes if route.table == winner.table and route != winner and _leads(route, goal)]
    return tuple(sorted(fitting, key=_width, reverse=True))


def words(route: Route) -> str:
    """The route as ip-route(8) has it."""
    kind = "" if route.kind in ("unicast", "local") else f"{route.kind} "
    via = f" via {route.gateway}" if route.gateway else ""
    device = f" dev {route.device}" if route.device else ""
    return f"{kind}{'default' if route.destination in ('0.0.0.0/0', '::/0') else route.destination}{via}{device}{' onlink' * route.onlink}"


def source(seen: NodeSnapshot, device: str, family: int) -> str:
    """The address that the kernel puts on what leaves by a device and has none: the device's first, or else the node's first.

    Source: Linux, ``inet_select_addr``; a link of a pod of Calico's has no address of its own.
    """
    known = [item for item in seen.addresses if item.family == family and item.scope == "global"]
    own = [item.address for item in known if item.device == device]
    return next(iter((*own, *(item.address for item in known))), "")


def _leads(route: Route, goal: t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> bool:
    network = ipaddress.ip_network(route.destination, strict=False)
    return network.version == goal.version and goal in network


def _width(route: Route) -> int:
    return ipaddress.ip_network(route.destination, strict=False).prefixlen
