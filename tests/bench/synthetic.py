# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A large node that exists only as a snapshot: flannel with host-gw, kube-proxy in iptables mode, a host with routes of its own."""

from __future__ import annotations

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model

_SUBNET_ENV = {"FLANNEL_NETWORK": "10.0.0.0/8", "FLANNEL_SUBNET": "10.0.1.1/24"}

_JUMPS = (
    model.Rule('-m comment --comment "kubernetes service portals" -j KUBE-SERVICES'),
    model.Rule('-m comment --comment "flanneld masq" -j FLANNEL-POSTRTG'),
    model.Rule("-s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"),
)


def node(routes: int, rules: int) -> model.NodeSnapshot:
    """A snapshot without owners. Half of the routes are flannel's, all of the rules but a few kube-proxy's."""
    return model.NodeSnapshot(
        hostname="synthetic",
        links=(model.Link("eth0"), model.Link("cni0", "bridge", up=True)),
        addresses=(model.Address("eth0", "192.0.2.11", 24), model.Address("cni0", "10.0.1.1", 24)),
        routes=tuple(_route(number) for number in range(routes)),
        chains=_chains(rules),
        subnet_env=_SUBNET_ENV,
    )


def _route(number: int) -> model.Route:
    network = 10 if number % 2 else 203
    return model.Route(f"{network}.{64 + number // 256}.{number % 256}.0/24", "192.0.2.20", "eth0", "boot")


def _chains(rules: int) -> tuple[model.Chain, ...]:
    services = [
        model.Rule(
            f'-d 10.96.{number // 256}.{number % 256}/32 -p tcp -m comment --comment "ns/svc-{number}:http" -j KUBE-SVC-{number:016X}'
        )
        for number in range(rules - len(_JUMPS))
    ]
    return (
        model.Chain("nft", 4, "nat", "POSTROUTING", "ACCEPT", _JUMPS),
        model.Chain("nft", 4, "nat", "FLANNEL-POSTRTG"),
        model.Chain("nft", 4, "nat", "KUBE-SERVICES", rules=tuple(services)),
    )
