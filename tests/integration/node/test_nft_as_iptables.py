# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables as kube-proxy and flannel make them with nftables, in a real kernel: how packets travel through what nft prints of it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account
from ansible_collections.podnet.cni.plugins.module_utils._node import nft_as_iptables
from tests.support import path_cases

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not shutil.which("nft"), reason="not installed: nft"),
]

TABLE = """
table ip kube-proxy {
  map service-ips { type ipv4_addr . inet_proto . inet_service : verdict;
    elements = { 10.96.0.9 . tcp . 80 : goto service-WEB, 192.168.50.11 . tcp . 80 : goto external-WEB }
  }
  map service-nodeports { type inet_proto . inet_service : verdict; elements = { tcp . 30080 : goto external-WEB } }
  set cluster-ips { type ipv4_addr; elements = { 10.96.0.9, 10.96.0.10 } }
  map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict;
    elements = { 10.96.0.10 . tcp . 80 : goto reject-chain }
  }
  chain reject-chain {
    reject
  }
  chain mark-for-masquerade {
    mark set mark or 0x4000
  }
  chain masquerading {
    mark and 0x4000 == 0 return
    mark set mark xor 0x4000
    masquerade fully-random
  }
  chain endpoint-B {
    ip saddr 10.244.2.5 jump mark-for-masquerade
    meta l4proto tcp dnat to 10.244.2.5:8080
  }
  chain endpoint-C {
    ip saddr 10.244.3.5 jump mark-for-masquerade
    meta l4proto tcp dnat to 10.244.3.5:8080
  }
  chain service-WEB {
    ip daddr 10.96.0.9 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade
    numgen random mod 2 vmap { 0 : goto endpoint-B, 1 : goto endpoint-C }
  }
  chain external-WEB {
    jump mark-for-masquerade
    goto service-WEB
  }
  chain services {
    ip daddr . meta l4proto . th dport vmap @service-ips
    fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports
  }
  chain cluster-ips-check {
    ip daddr @cluster-ips reject
    ip daddr 10.96.0.0/12 drop
  }
  chain service-endpoints-check {
    ip daddr . meta l4proto . th dport vmap @no-endpoint-services
  }
  chain nat-prerouting {
    type nat hook prerouting priority dstnat; policy accept;
    jump services
  }
  chain nat-output {
    type nat hook output priority -100; policy accept;
    jump services
  }
  chain nat-postrouting {
    type nat hook postrouting priority srcnat; policy accept;
    jump masquerading
  }
  chain filter-forward {
    type filter hook forward priority -110; policy accept;
    ct state new jump service-endpoints-check
    ct state new jump cluster-ips-check
  }
  chain filter-output {
    type filter hook output priority -110; policy accept;
    ct state new jump service-endpoints-check
  }
}
"""

#: As flannel keeps it on node n1 in its mode nftables.
FLANNEL = """
table ip flannel-ipv4 {
  chain postrtg {
    type nat hook postrouting priority srcnat; policy accept;
    meta mark 0x4000 return
    ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return
    ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 return
    ip saddr != 10.244.1.0/24 ip daddr 10.244.0.0/16 return
    ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
  }
  chain forward {
    type filter hook forward priority filter; policy accept;
    ip saddr 10.244.0.0/16 accept
    ip daddr 10.244.0.0/16 accept
  }
}
"""


@pytest.fixture(scope="module")
def nft_chains() -> tuple[model.Chain, ...]:
    return listed(TABLE, "kube-proxy")


def listed(table: str, name: str) -> tuple[model.Chain, ...]:
    script = f"nft -f - && nft -j list table ip {name}"
    done = subprocess.run(["unshare", "--net", "sh", "-c", script], input=table, capture_output=True, text=True, check=True, timeout=60)
    return nft_as_iptables.chains(done.stdout)


def ends(nft_chains: tuple[model.Chain, ...], source: str, target: str) -> list[tuple[float, str, str, bool]]:
    """(share, target, source, whether the answer finds back) of each journey."""

    def with_table(seen: model.NodeSnapshot) -> model.NodeSnapshot:
        return dataclasses.replace(seen, chains=path_cases.chains("filter", path_cases.FILTER), nft_chains=nft_chains)

    world = path_cases.flannel({"Type": "vxlan"}, n1=with_table, n2=with_table, n3=with_table)
    (found,) = account.accounts(world, path_cases.SERVICES, [{"source": source, "target": target}])
    lasts = [(journey.there.probability, journey.there.last, journey.works) for journey in found.journeys]
    return [(share, last.packet.target, last.packet.source, works) for share, last, works in lasts]


@pytest.mark.parametrize(
    ("source", "target", "seen_as"),
    [
        ("pod/default/a", "service/default/web:80", "10.244.1.5"),
        ("node/n1", "service/default/web:80", "10.244.1.0"),
        ("outside", "nodeport/n1/default/web:80", "10.244.1.0"),
        ("outside", "external/default/web:80", "10.244.1.0"),
    ],
)
def test_a_service(nft_chains: tuple[model.Chain, ...], source: str, target: str, seen_as: str) -> None:
    assert ends(nft_chains, source, target) == [(0.5, "10.244.2.5", seen_as, True), (0.5, "10.244.3.5", seen_as, True)]


@pytest.mark.parametrize("port", [80, 81])
def test_a_service_without_a_pod_and_a_port_that_no_service_has(nft_chains: tuple[model.Chain, ...], port: int) -> None:
    ((_share, _target, _source, works),) = ends(nft_chains, "pod/default/a", f"address/10.96.0.10:{port}")
    assert not works


@pytest.mark.parametrize(
    ("target", "source"),
    [
        pytest.param("pod/default/b:80", "10.244.1.5", id="another pod sees the pod's own address"),
        pytest.param("address/198.51.100.7:443", "192.168.50.11", id="who is outside sees the node's"),
        pytest.param("service/default/web:80", "10.244.1.5", id="behind kube-proxy's table"),
    ],
)
def test_flannel_s_table(nft_chains: tuple[model.Chain, ...], target: str, source: str) -> None:
    both = (*nft_chains, *listed(FLANNEL, "flannel-ipv4"))
    assert {seen_as for _share, _target, seen_as, works in ends(both, "pod/default/a", target) if works} == {source}
