# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""VXLAN: every packet between nodes travels in a UDP packet; with DirectRouting only between nodes of different subnets.

Source: flannel's ``pkg/backend/vxlan``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Option, Own, Peer, Settings, Underlay, Way

NAME = "vxlan"
ABOUT = (
    "A node wraps each packet for a pod of another node in a UDP packet to that node, which unwraps it. So the network "
    "between the nodes need not know of pods at all, only of nodes. Three tables lead there: the route says which tunnel "
    "address is behind a range of pods, the neighbour entry which MAC address that has, the forwarding entry at which node it "
    "is. With DirectRouting, nodes of one subnet do without wrapping."
)
FAMILIES: t.Tuple[int, ...] = (4, 6)
OPTIONS: t.Mapping[str, Option] = {
    "VNI": Option(int, 1, 1, 2**24 - 1),  # the number of the VXLAN, and of the device
    "Port": Option(int, 0, 0, 65535),  # the UDP port; 0 is the kernel's own, 8472
    "MTU": Option(int, 0, 0, 65535),  # of the network below; 0 asks the device
    "GBP": Option(bool, False),  # group based policy in the header
    "Learning": Option(bool, False),  # whether the kernel learns MAC addresses
    "DirectRouting": Option(bool, False),  # plain routes between nodes of one subnet
}

#: What the headers take: IPv4 20, UDP 8, VXLAN 8, Ethernet 14. flannel takes as much off with IPv6 below, which needs 20 more.
OVERHEAD = 50
KERNEL_PORT = 8472


def mtu(settings: Settings, underlay: Underlay) -> int:
    return (settings.options["MTU"] or underlay.mtu) - OVERHEAD


def can_be_direct(settings: Settings) -> bool:
    return bool(settings.options["DirectRouting"])


def hears(peer: Peer) -> bool:
    return peer.backend == NAME


def own(settings: Settings, peer: Peer, underlay: Underlay) -> Own:
    port = settings.options["Port"] or KERNEL_PORT
    links, addresses = [], []
    for device, subnet, local, mac in _families(settings, peer, underlay):
        tunnel = snapshot.Vxlan(settings.options["VNI"], port, local, underlay.device, settings.options["Learning"])
        links.append(snapshot.Link(device, "vxlan", mtu(settings, underlay), up=True, mac=mac, vxlan=tunnel))
        addresses.append((device, _first(subnet), ipaddress.ip_network(subnet).max_prefixlen))
    return Own(tuple(links), tuple(addresses), (), (snapshot.Listener(port),))


def way(settings: Settings, peer: Peer, underlay: Underlay, direct: bool) -> Way:
    if direct:
        pairs = ((peer.subnet, peer.address), (peer.subnet_v6, peer.address_v6))
        return Way(tuple((subnet, address, underlay.device, False) for subnet, address in pairs if subnet and address))
    routes, neighbours, fdb = [], [], []
    for device, subnet, _local, mac in _families(settings, peer, underlay):
        outer = peer.address_v6 if ":" in subnet else peer.address
        routes.append((subnet, _first(subnet), device, True))
        neighbours.append((_first(subnet), device, mac))
        fdb.append((mac, device, outer))
    return Way(tuple(routes), tuple(neighbours), tuple(fdb))


def _families(settings: Settings, peer: Peer, underlay: Underlay) -> t.Iterator[t.Tuple[str, str, str, str]]:
    """Device, the peer's subnet, this node's outer address and the peer's MAC, of each family that is carried."""
    number = settings.options["VNI"]
    if settings.network and peer.subnet:
        yield f"flannel.{number}", peer.subnet, underlay.address, str(peer.data.get("VtepMAC", ""))
    if settings.ipv6_network and peer.subnet_v6:
        yield f"flannel-v6.{number}", peer.subnet_v6, underlay.address_v6, str(peer.data_v6.get("VtepMAC", ""))


def _first(subnet: str) -> str:
    """The network's own address, which flannel gives to its device."""
    return subnet.partition("/")[0]
