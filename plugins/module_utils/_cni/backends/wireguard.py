# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""WireGuard: like VXLAN, and encrypted.

Source: flannel's ``pkg/backend/wireguard``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Option, Own, Peer, Settings, Underlay, Way

NAME = "wireguard"
ABOUT = (
    "A node encrypts each packet for a pod of another node and sends it in a UDP packet to that node. Who may send what is "
    "known to the WireGuard device by the nodes' public keys, which they announce on their Node objects."
)
FAMILIES: t.Tuple[int, ...] = (4, 6)
OPTIONS: t.Mapping[str, Option] = {
    "ListenPort": Option(int, 51820, 1, 65535),  # the UDP port for IPv4, and for both in a mode other than separate
    "ListenPortV6": Option(int, 51821, 1, 65535),  # the UDP port for IPv6
    "MTU": Option(int, 0, 0, 65535),  # of the network below; 0 asks the device
    "PSK": Option(str, "", secret=True),  # a key that all nodes share
    "PersistentKeepaliveInterval": Option(int, 0, 0, 65535),  # seconds between packets that keep a NAT open; 0 sends none
    "Mode": Option(str, "separate", choices=("separate", "auto", "ipv4", "ipv6")),  # one device for each family, or one for both
}

OVERHEAD = 80
DEVICE, DEVICE_V6 = "flannel-wg", "flannel-wg-v6"


def mtu(settings: Settings, underlay: Underlay) -> int:
    return (settings.options["MTU"] or underlay.mtu) - OVERHEAD


def can_be_direct(_settings: Settings) -> bool:
    return False


def hears(peer: Peer) -> bool:
    return peer.backend == NAME


def own(settings: Settings, peer: Peer, underlay: Underlay) -> Own:
    separate = settings.options["Mode"] == "separate"
    families = (
        (settings.network, peer.subnet, DEVICE, 32, settings.options["ListenPort"]),
        (
            settings.ipv6_network,
            peer.subnet_v6,
            DEVICE_V6 if separate else DEVICE,
            128,
            settings.options["ListenPortV6" if separate else "ListenPort"],
        ),
    )
    carried = [family for family in families if family[0] and family[1]]
    links = dict.fromkeys(device for _network, _subnet, device, _bits, _port in carried)
    return Own(
        links=tuple(snapshot.Link(device, "wireguard", mtu(settings, underlay), up=True) for device in links),
        addresses=tuple((device, subnet.partition("/")[0], bits) for _network, subnet, device, bits, _port in carried),
        routes=tuple((network, "", device, False) for network, _subnet, device, _bits, _port in carried),
        listeners=tuple(snapshot.Listener(port) for port in dict.fromkeys(port for *_rest, port in carried)),
    )


def way(_settings: Settings, _peer: Peer, _underlay: Underlay, _direct: bool) -> Way:
    return Way()
