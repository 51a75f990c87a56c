# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel's nodes say of themselves, and how they stand in the network below.

Source: flannel's ``pkg/subnet/kube``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, network, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Peer, Underlay

PREFIX = "flannel.alpha.coreos.com/"
MANAGED, KIND, DATA, DATA_V6 = "kube-subnet-manager", "backend-type", "backend-data", "backend-v6-data"
ADDRESS, ADDRESS_V6 = "public-ip", "public-ipv6"


def peer(node: cluster.Node) -> Peer:
    """The node as its annotations announce it, which flanneld writes once it has found its subnet."""
    said = {key[len(PREFIX) :]: value for key, value in node.annotations.items() if key.startswith(PREFIX)}
    return Peer(
        name=node.name,
        subnet=_of_family(node.pod_cidrs, 4),
        address=said.get(ADDRESS, ""),
        subnet_v6=_of_family(node.pod_cidrs, 6),
        address_v6=said.get(ADDRESS_V6, ""),
        backend=said.get(KIND, ""),
        data=_mapping(said.get(DATA, "")),
        data_v6=_mapping(said.get(DATA_V6, "")),
        announced=said.get(MANAGED) == "true",
    )


def underlay(node: cluster.Node, seen: snapshot.NodeSnapshot, announced: t.Sequence[str] = ()) -> Underlay:
    """The device under a CNI: the one with an ``announced`` address (else that of flannel), or else (a NAT) with the node's own.

    Raises NodeError where no device has any of them.
    """
    announced = announced or [node.annotations.get(f"{PREFIX}{key}", "") for key in (ADDRESS, ADDRESS_V6)]
    device_of = {item.address: item.device for item in seen.addresses}
    wanted = [address for address in (*announced, *node.internal_ips) if address]
    devices = [device_of[address] for address in wanted if address in device_of]
    if not devices:
        raise _errors.NodeError(
            f"no device has an address of the node ({', '.join(wanted) or 'none is known'})",
            f"node {node.name}",
            "See `ip address` there and the Node object's addresses.",
        )
    device = devices[0]
    mine = [item.address for item in seen.addresses if item.device == device and item.scope == "global"]
    mtu = next(link.mtu for link in seen.links if link.name == device)
    return Underlay(device, mtu, _own(mine, wanted, 4), _own(mine, wanted, 6))


def near(peers: t.Collection[Peer], seen: snapshot.NodeSnapshot, within: t.Sequence[network.Network]) -> t.FrozenSet[str]:
    """Names of the peers that the node reaches without a router, which is what DirectRouting asks.

    Routes into the pod network (``within``) are what is to be judged, so they do not count.
    """
    # Known by their words: to read a thousand routes of each of a thousand nodes would take longer than all else.
    subnets = {subnet for peer in peers for subnet in (peer.subnet, peer.subnet_v6)}
    table = _table([route for route in seen.routes if route.destination not in subnets], within)
    return frozenset(peer.name for peer in peers if peer.number is not None and _is_near(*peer.number, table))


_Table = t.Sequence[t.Tuple[int, int, int, bool]]


def _table(routes: t.Iterable[snapshot.Route], within: t.Sequence[network.Network]) -> _Table:
    """(first address, last address, family, is near) of the routes by which other nodes are reached, the narrowest first."""
    found = []
    for route in routes:
        if route.table not in ("main", "local") or route.kind not in ("unicast", "local"):
            continue
        goal = ipaddress.ip_network(route.destination, strict=False)
        if any(goal.version == other.version and other.overlaps(goal) and goal.prefixlen for other in within):
            continue
        found.append((goal.prefixlen, int(goal[0]), int(goal[-1]), goal.version, not route.gateway))
    return [entry[1:] for entry in sorted(found, key=lambda entry: -entry[0])]


def _is_near(version: int, number: int, table: _Table) -> bool:
    """What the narrowest route says that leads to the address."""
    return next((is_near for first, last, family, is_near in table if first <= number <= last and version == family), False)


def _of_family(ranges: t.Iterable[str], version: int) -> str:
    return next((text for text in ranges if (6 if ":" in text else 4) == version), "")


def _own(mine: t.Sequence[str], wanted: t.Sequence[str], version: int) -> str:
    """An address of that family on the device, one of those that are known as the node's before others."""
    fitting = [address for address in mine if (6 if ":" in address else 4) == version]
    return next((address for address in wanted if address in fitting), fitting[0] if fitting else "")


def _mapping(text: str) -> t.Dict[str, t.Any]:
    """The JSON object in an annotation; a backend without data writes null."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
