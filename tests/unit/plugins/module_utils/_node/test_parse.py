# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import (
    Address,
    FdbEntry,
    Ipset,
    Link,
    Listener,
    Neighbour,
    NftTable,
    RealServer,
    Route,
    Rule,
    Unit,
    VirtualServer,
    Vxlan,
)
from ansible_collections.podnet.cni.plugins.module_utils._node import parse

NODES = Path(__file__).parents[4] / "fixtures" / "nodes"


CRIO = """
[crio.network]
# cni_default_network = ""
network_dir = "/etc/cni/net.d/"
plugin_dirs = [
  "/opt/cni/bin/",
  "/usr/libexec/cni/",
]
"""


def fixture(path: str) -> str:
    return (NODES / path).read_text()


def test_links() -> None:
    links = {link.name: link for link in parse.links(fixture("flannel-vxlan/addr.json"))}
    assert list(links) == ["lo", "eth0", "flannel.1", "cni0", "veth5a0f17c3", "veth9d21e004"]
    assert links["flannel.1"] == Link(
        "flannel.1", "vxlan", 1450, "UNKNOWN", up=True, mac="5a:0c:12:7e:91:01", vxlan=Vxlan(1, 8472, "192.0.2.11", "eth0")
    )
    assert (links["veth5a0f17c3"].kind, links["veth5a0f17c3"].master) == ("veth", "cni0")
    assert (links["cni0"].kind, links["lo"].kind, links["lo"].mac) == ("bridge", "", "")


def test_addresses() -> None:
    addresses = parse.addresses(fixture("flannel-vxlan/addr.json"))
    assert Address("flannel.1", "10.244.1.0", 32) in addresses
    assert Address("cni0", "10.244.1.1", 24) in addresses
    assert Address("lo", "::1", 128, family=6, scope="host") in addresses
    assert {address.scope for address in addresses if address.address.startswith("fe80:")} == {"link"}


@pytest.mark.parametrize(
    ("node", "route"),
    [
        ("flannel-vxlan", Route("10.244.2.0/24", "10.244.2.0", "flannel.1", "boot", onlink=True)),
        ("flannel-vxlan", Route("0.0.0.0/0", "192.0.2.1", "eth0", "boot")),
        ("flannel-vxlan", Route("10.244.1.0/24", device="cni0", protocol="kernel", scope="link")),
        ("flannel-vxlan", Route("10.244.1.0/32", device="flannel.1", protocol="kernel", kind="local", scope="host", table="local")),
        ("calico-vxlan", Route("10.244.17.193/32", device="cali1b2c3d4e5f6", protocol="boot", scope="link")),
        ("calico-vxlan", Route("10.244.17.192/26", protocol="80", kind="blackhole")),
        ("calico-vxlan", Route("10.244.84.128/26", "10.244.84.128", "vxlan.calico", "80", onlink=True)),
        ("calico-vxlan", Route("198.51.100.0/24", "192.0.2.21", "eth0", "boot")),
        ("calico-vxlan", Route("198.51.100.0/24", "192.0.2.22", "eth0", "boot")),
    ],
)
def test_routes(node: str, route: Route) -> None:
    assert route in parse.routes(fixture(f"{node}/route4.json"), 4)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        (
            {"dst": "default", "gateway": "fd00::1", "dev": "eth0", "metric": 1024},
            Route("::/0", "fd00::1", "eth0", "boot", metric=1024, family=6),
        ),
        ({"dst": "fd00:10::5", "dev": "cali1"}, Route("fd00:10::5/128", device="cali1", protocol="boot", family=6)),
        (
            {"dst": "default", "via": {"family": "inet6", "host": "fe80::1"}, "dev": "eth0"},
            Route("::/0", "fe80::1", "eth0", "boot", family=6),
        ),
        (
            {"type": "blackhole", "dst": "fd00:10::/122", "dev": "lo", "protocol": "bird", "metric": 1024},
            Route("fd00:10::/122", device="lo", protocol="bird", kind="blackhole", metric=1024, family=6),
        ),
        (
            {"dst": "fd00:9::/64", "dev": "wireguard.cali", "table": 1},
            Route("fd00:9::/64", "", "wireguard.cali", "boot", table="1", family=6),
        ),
    ],
)
def test_one_route(item: dict[str, t.Any], expected: Route) -> None:
    assert parse.routes(json.dumps([item]), 6) == (expected,)


def test_neighbours() -> None:
    assert parse.neighbours(fixture("calico-vxlan/neigh.json")) == (
        Neighbour("10.244.84.128", "vxlan.calico", "66:3a:0d:11:22:02", "PERMANENT"),
    )


def test_a_neighbour_that_does_not_answer() -> None:
    assert parse.neighbours('[{"dst": "192.0.2.9", "dev": "eth0", "state": ["FAILED"]}]') == (
        Neighbour("192.0.2.9", "eth0", state="FAILED"),
    )


def test_fdb() -> None:
    entries = parse.fdb(fixture("flannel-vxlan/fdb.json"))
    assert FdbEntry("5a:0c:12:7e:91:02", "flannel.1", "192.0.2.12", "permanent", ("self",)) in entries
    assert {entry.device for entry in entries} == {"eth0", "flannel.1", "cni0", "veth5a0f17c3", "veth9d21e004"}


def test_chains() -> None:
    chains = {(chain.table, chain.name): chain for chain in parse.chains(fixture("flannel-vxlan/iptables.save"), "legacy", 4)}
    assert len(chains) == 15
    assert {(chain.backend, chain.family) for chain in chains.values()} == {("legacy", 4)}
    assert (chains["filter", "FORWARD"].policy, chains["filter", "FLANNEL-FWD"].policy) == ("DROP", "-")
    assert chains["filter", "FLANNEL-FWD"].rules == (
        Rule('-s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT'),
        Rule('-d 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT'),
    )
    assert chains["filter", "KUBE-KUBELET-CANARY"].rules == ()
    assert len(chains["nat", "FLANNEL-POSTRTG"].rules) == 4


@pytest.mark.parametrize(("node", "backend"), [("flannel-vxlan", "legacy"), ("calico-vxlan", "nft")])
def test_backend_of(node: str, backend: str) -> None:
    assert parse.backend_of(fixture(f"{node}/iptables.save")) == backend


def test_an_empty_rule() -> None:
    (chain,) = parse.chains("*filter\n:INPUT ACCEPT [0:0]\n-A INPUT\nCOMMIT\n", "nft", 4)
    assert chain.rules == (Rule(""),)


def test_nft_tables_leaves_out_those_of_iptables() -> None:
    tables = parse.nft_tables(fixture("calico-vxlan/nft-tables.json"), fixture("calico-vxlan/nft-chains.json"))
    assert tables == (NftTable("ip", "flannel-ipv4", ("forward", "postrtg")), NftTable("inet", "filter"))


def test_ipsets() -> None:
    assert parse.ipsets(fixture("calico-vxlan/ipset.txt")) == (
        Ipset("cali40all-ipam-pools", "hash:net", 1),
        Ipset("cali40masq-ipam-pools", "hash:net", 2),
        Ipset("KUBE-CLUSTER-IP", "hash:ip,port", 0),
        Ipset("office", "hash:ip", 0),
    )


def test_ipsets_with_members() -> None:
    """An empty set has members all the same: none."""
    text = """Name: a
Type: hash:net
Number of entries: 2
Members:
10.0.0.0/8
10.1.0.0/16 nomatch

Name: b
Type: hash:ip
Number of entries: 0
Members:
"""
    assert parse.ipsets(text) == (
        Ipset("a", "hash:net", 2, members=("10.0.0.0/8", "10.1.0.0/16 nomatch")),
        Ipset("b", "hash:ip", 0, members=()),
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "ActiveState=active\nSubState=running\nMainPID=812\nActiveEnterTimestampMonotonic=31415926\n",
            Unit("kubelet", "active", "running", 812, 31415926),
        ),
        ("ActiveState=inactive\nSubState=dead\nMainPID=0\nActiveEnterTimestampMonotonic=0\n", Unit("kubelet", "inactive", "dead")),
        ("MainPID=[not set]\n", Unit("kubelet")),
        ("", Unit("kubelet")),
    ],
)
def test_unit(text: str, expected: Unit) -> None:
    assert parse.unit("kubelet", text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_IPMASQ=true\n", {"FLANNEL_NETWORK": "10.244.0.0/16", "FLANNEL_IPMASQ": "true"}),
        ('# comment=1\n\nA = "x y"\nnothing\n', {"A": "x y"}),
        ("", {}),
    ],
)
def test_assignments(text: str, expected: dict[str, str]) -> None:
    assert parse.assignments(text) == expected


UDP = """\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  511: 00000000:2118 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 0 2 0 0
 1234: 0B32A8C0:205D 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 34321 2 0 0
 1999: 0B32A8C0:9C41 0A00600A:0035 01 00000000:00000000 00:00000000 00000000     0        0 34322 2 0 0
"""
UDP6 = """\
  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt
  511: 00000000000000000000000000000000:2118 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000
  512: 000000FD000000000000000011000000:CA6D 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000
"""


@pytest.mark.skipif(sys.byteorder != "little", reason="the kernel prints the machine's own words; these are of a little endian one")
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (UDP, (Listener(8472), Listener(8285, "192.168.50.11"))),
        (UDP6, (Listener(8472), Listener(51821, "fd00::11"))),
    ],
)
def test_udp_listeners(text: str, expected: tuple[Listener, ...]) -> None:
    assert parse.udp_listeners(text) == expected


@pytest.mark.parametrize(
    ("flags", "config", "expected"),
    [
        ('KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/k/c.sock --pod-infra-container-image=p"', "", ("/run/k/c.sock",)),
        ('KUBELET_KUBEADM_ARGS="--network-plugin=cni --container-runtime-endpoint /run/crio/crio.sock"', "", ("/run/crio/crio.sock",)),
        ("", "kind: KubeletConfiguration\ncontainerRuntimeEndpoint: unix:///run/crio/crio.sock\n", ("/run/crio/crio.sock",)),
        ("", 'containerRuntimeEndpoint: ""\n', ()),
        ("--container-runtime-endpoint=unix:///a.sock", "containerRuntimeEndpoint: /a.sock\n", ("/a.sock",)),
        ("", "", ()),
    ],
)
def test_kubelet_endpoints(flags: str, config: str, expected: tuple[str, ...]) -> None:
    assert parse.kubelet_endpoints(flags, config) == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], {}),
        (
            [CRIO],
            {"network_dir": "/etc/cni/net.d/", "plugin_dirs": "/opt/cni/bin/"},
        ),
        (['cni_default_network = "a"\n', 'cni_default_network = "b"\n'], {"cni_default_network": "b"}),
    ],
)
def test_crio_settings(files: list[str], expected: dict[str, str]) -> None:
    assert parse.crio_settings(files) == expected


@pytest.mark.parametrize(
    "parser",
    [
        parse.links,
        parse.addresses,
        parse.neighbours,
        parse.fdb,
        parse.ipsets,
        lambda text: parse.routes(text, 4),
        lambda text: parse.chains(text, "nft", 4),
        lambda text: parse.nft_tables(text, text),
    ],
)
def test_nothing_from_nothing(parser: t.Callable[[str], tuple[t.Any, ...]]) -> None:
    assert parser("") == ()
    assert parser("\n") == ()


def test_empty_objects_of_old_iproute2() -> None:
    assert parse.links('[{}, {"ifname": "lo", "flags": ["LOOPBACK"]}]') == (Link("lo"),)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("", ()),
        ("Id=ufw.service\nActiveState=active\n", ("ufw",)),
        ("Id=a.service\nActiveState=inactive\n\nId=b.service\nActiveState=reloading\n\nActiveState=active\nId=c.service\n", ("b", "c")),
        ("Id=ufw.socket\nActiveState=active\n", ()),
    ],
)
def test_active_units(text: str, names: tuple[str, ...]) -> None:
    assert parse.active_units(text) == names


IP_VS = """IP Virtual Server version 1.2.1 (size=4096)
Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port Forward Weight ActiveConn InActConn
TCP  0A600009:0050 rr
  -> 0AF40205:1F90      Masq    1      0          0
  -> 0AF40305:1F90      Masq    3      2          7
UDP  0A60000A:0035 wlc persistent 10800
TCP  [fd00:0000:0000:0000:0000:0000:0000:0009]:0050 sh
  -> [fd00:0000:0000:0000:0000:0000:0002:0005]:1F90      Masq    0      0          0
FWM  00000001 rr
  -> 0AF40205:1F90      Masq    1      0          0
"""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ()),
        (
            IP_VS,
            (
                VirtualServer("tcp", "10.96.0.9", 80, "rr", (RealServer("10.244.2.5", 8080, 1), RealServer("10.244.3.5", 8080, 3))),
                VirtualServer("udp", "10.96.0.10", 53, "wlc"),
                VirtualServer("tcp", "fd00::9", 80, "sh", (RealServer("fd00::2:5", 8080, 0),)),
            ),
        ),
    ],
)
def test_virtual_servers(text: str, expected: tuple[VirtualServer, ...]) -> None:
    assert parse.virtual_servers(text) == expected
