# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""udp: flanneld itself carries every packet, for debugging only.

Source: flannel's ``pkg/backend/udp``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Option, Own, Peer, Settings, Underlay, Way

NAME = "udp"
ABOUT = (
    "The kernel hands each packet for a pod of another node to flanneld, which sends it in a UDP packet of its own to "
    "flanneld there. Every packet leaves the kernel and comes back to it twice, which is slow. It is for finding faults only."
)
FAMILIES: t.Tuple[int, ...] = (4,)
OPTIONS: t.Mapping[str, Option] = {"Port": Option(int, 8285, 1, 65535)}

#: IPv4 20, UDP 8.
OVERHEAD = 28
DEVICE = "flannel0"


def mtu(_settings: Settings, underlay: Underlay) -> int:
    return underlay.mtu - OVERHEAD


def can_be_direct(_settings: Settings) -> bool:
    return False


def hears(_peer: Peer) -> bool:
    """It takes everybody for one of its own, whatever they announce."""
    return True


def own(settings: Settings, peer: Peer, underlay: Underlay) -> Own:
    address = peer.subnet.partition("/")[0]
    return Own(
        links=(snapshot.Link(DEVICE, "tun", mtu(settings, underlay), up=True),),
        addresses=((DEVICE, address, 32),),
        routes=((settings.network, "", DEVICE, False),),
        listeners=(snapshot.Listener(settings.options["Port"], underlay.address),),
    )


def way(_settings: Settings, _peer: Peer, _underlay: Underlay, _direct: bool) -> Way:
    return Way()
