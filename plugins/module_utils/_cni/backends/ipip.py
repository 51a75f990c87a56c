# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""ipip: every packet between nodes travels in another IP packet; with DirectRouting only between nodes of different subnets.

Source: flannel's ``pkg/backend/ipip``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Option, Own, Peer, Settings, Underlay, Way

NAME = "ipip"
ABOUT = (
    "A node wraps each packet for a pod of another node in another IP packet to that node. It takes less room than VXLAN, but "
    "no ports, so networks that only let TCP and UDP pass stop it."
)
FAMILIES: t.Tuple[int, ...] = (4,)
OPTIONS: t.Mapping[str, Option] = {"DirectRouting": Option(bool, False)}

OVERHEAD = 20
DEVICE = "flannel.ipip"


def mtu(_settings: Settings, underlay: Underlay) -> int:
    return underlay.mtu - OVERHEAD


def can_be_direct(settings: Settings) -> bool:
    return bool(settings.options["DirectRouting"])


def hears(peer: Peer) -> bool:
    return peer.backend == NAME


def own(settings: Settings, peer: Peer, underlay: Underlay) -> Own:
    address = peer.subnet.partition("/")[0]
    return Own(links=(snapshot.Link(DEVICE, "ipip", mtu(settings, underlay), up=True),), addresses=((DEVICE, address, 32),))


def way(_settings: Settings, peer: Peer, underlay: Underlay, direct: bool) -> Way:
    """Through the tunnel or not, the next hop is the peer, which the kernel is told to take for a neighbour."""
    return Way(((peer.subnet, peer.address, underlay.device if direct else DEVICE, True),)) if peer.subnet else Way()
