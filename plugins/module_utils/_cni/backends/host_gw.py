# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""host-gw: a plain route to each peer's pods by the peer itself.

Source: flannel's ``pkg/backend/hostgw``. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Option, Own, Peer, Settings, Underlay, Way

NAME = "host-gw"
ABOUT = (
    "Each node has a plain route to the pods of each other node, with that node as the gateway. Nothing is wrapped, so "
    "nothing is slower and pods have the full MTU. The gateway has to be reached without a router: all nodes have to be in "
    "one layer 2 network, and it has to let packets pass whose addresses it does not know."
)
FAMILIES: t.Tuple[int, ...] = (4, 6)
OPTIONS: t.Mapping[str, Option] = {}


def mtu(_settings: Settings, underlay: Underlay) -> int:
    return underlay.mtu


def can_be_direct(_settings: Settings) -> bool:
    """There is no other way, so nobody has to ask which peers are near."""
    return False


def hears(peer: Peer) -> bool:
    return peer.backend == NAME


def own(_settings: Settings, _peer: Peer, _underlay: Underlay) -> Own:
    return Own()


def way(settings: Settings, peer: Peer, underlay: Underlay, _direct: bool) -> Way:
    pairs = ((settings.network, peer.subnet, peer.address), (settings.ipv6_network, peer.subnet_v6, peer.address_v6))
    return Way(tuple((subnet, address, underlay.device, False) for network, subnet, address in pairs if network and subnet))
