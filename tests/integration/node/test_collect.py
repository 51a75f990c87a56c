# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot of a real kernel: a network namespace dressed up as flannel and Calico leave a node."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import firewall
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model

COLLECTIONS = Path(__file__).parents[3] / "collections"

#: Runs inside the namespace; prints the snapshot and how long it took.
COLLECT = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
start = time.monotonic()
taken = snapshot.to_dict(collect.collect(root=sys.argv[2]))
print(json.dumps({"snapshot": taken, "seconds": time.monotonic() - start}))
"""

#: For `ip -batch`: a node's network card, then what flannel's vxlan and host-gw backends and Calico's VXLAN do.
SETUP = """
link set lo up
link add eth0 type veth peer name wire
link set wire up
link set eth0 up
address add 192.0.2.11/24 dev eth0
route add default via 192.0.2.1
link add flannel.1 mtu 1450 type vxlan id 1 local 192.0.2.11 dev eth0 dstport 8472 nolearning
link set flannel.1 up
address add 10.244.1.0/32 dev flannel.1
link add cni0 mtu 1450 type bridge
link set cni0 up
address add 10.244.1.1/24 dev cni0
link add veth5a0f17c3 mtu 1450 type veth peer name pod0
link set veth5a0f17c3 master cni0 up
route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
route add 10.244.3.0/24 via 192.0.2.13 dev eth0
neighbour add 10.244.2.0 lladdr 5a:0c:12:7e:91:03 dev flannel.1 nud permanent
link add vxlan.calico mtu 1450 type vxlan id 4096 local 192.0.2.11 dev eth0 dstport 4789 nolearning
link set vxlan.calico up
address add 10.10.7.64/32 dev vxlan.calico
link add cali1b2c3d4e5f6 mtu 1450 type veth peer name pod1
link set cali1b2c3d4e5f6 up
route add 10.10.7.66/32 dev cali1b2c3d4e5f6 scope link
route add blackhole 10.10.7.64/26 proto 80
route add 10.10.9.0/26 via 10.10.9.0 dev vxlan.calico proto 80 onlink
"""

SUBNET_ENV = "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=true\n"

RULES = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:FLANNEL-POSTRTG - [0:0]
:KUBE-POSTROUTING - [0:0]
-A POSTROUTING -j KUBE-POSTROUTING
-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN
COMMIT
"""

CONFLIST = '{"name": "cbr0", "cniVersion": "0.3.1", "plugins": [{"type": "flannel"}, {"type": "portmap"}]}'


def missing_requirement() -> str:
    if os.geteuid() != 0:
        return "network namespaces need root"
    absent = [tool for tool in ("ip", "bridge") if not shutil.which(tool)]
    return f"iproute2 is missing: no {', '.join(absent)}" if absent else ""


pytestmark = pytest.mark.skipif(bool(missing_requirement()), reason=missing_requirement() or "all there")


class Namespace:
    """A network namespace that stands for a node."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *argv: str, stdin: str = "") -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *argv], input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def collect(self, root: Path) -> tuple[model.NodeSnapshot, float]:
        answer = json.loads(self.run(sys.executable, "-c", COLLECT, str(COLLECTIONS), str(root)))
        return model.from_dict(answer["snapshot"]), answer["seconds"]


@pytest.fixture(scope="module")
def node() -> t.Iterator[Namespace]:
    namespace = Namespace(f"podnet-collect-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", namespace.name], check=True, timeout=60)
    try:
        namespace.run("ip", "-batch", "-", stdin=SETUP)
        namespace.run("bridge", "fdb", "add", "5a:0c:12:7e:91:03", "dev", "flannel.1", "dst", "192.0.2.12")
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True, timeout=60)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A node's files. Its /proc is the kernel's own, in the namespace of whoever looks."""
    top = tmp_path_factory.mktemp("node")
    (top / "proc").symlink_to("/proc")
    (top / "run/flannel").mkdir(parents=True)
    (top / "run/flannel/subnet.env").write_text(SUBNET_ENV)
    (top / "etc/cni/net.d").mkdir(parents=True)
    (top / "etc/cni/net.d/10-flannel.conflist").write_text(CONFLIST)
    (top / "opt/cni/bin").mkdir(parents=True)
    for plugin in ("flannel", "portmap", "calico-ipam"):
        (top / "opt/cni/bin" / plugin).touch()
    (top / "var/lib/cni/networks/cbr0").mkdir(parents=True)
    (top / "var/lib/cni/networks/cbr0/10.244.1.7").touch()
    return top


@pytest.fixture(scope="module")
def snapshot(node: Namespace, root: Path) -> model.NodeSnapshot:
    return node.collect(root)[0]


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("lo", "host"),
        ("eth0", "host"),
        ("flannel.1", "flannel-vxlan"),
        ("cni0", "flannel"),
        ("veth5a0f17c3", "flannel"),
        ("vxlan.calico", "calico"),
        ("cali1b2c3d4e5f6", "calico"),
        ("pod0", "unknown"),
    ],
)
def test_link(snapshot: model.NodeSnapshot, name: str, owner: str) -> None:
    assert {link.name: link.owner for link in snapshot.links}[name] == owner


def test_vxlan_details(snapshot: model.NodeSnapshot) -> None:
    link = next(link for link in snapshot.links if link.name == "flannel.1")
    assert link.vxlan == model.Vxlan(vni=1, port=8472, local="192.0.2.11", device="eth0", learning=False)
    assert (link.kind, link.mtu, link.up) == ("vxlan", 1450, True)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("0.0.0.0/0", ("192.0.2.1", "eth0", "unicast", False, "host")),
        ("192.0.2.0/24", ("", "eth0", "unicast", False, "host")),
        ("10.244.2.0/24", ("10.244.2.0", "flannel.1", "unicast", True, "flannel-vxlan")),
        ("10.244.3.0/24", ("192.0.2.13", "eth0", "unicast", False, "flannel-host-gw")),
        ("10.244.1.0/24", ("", "cni0", "unicast", False, "flannel")),
        ("10.10.7.66/32", ("", "cali1b2c3d4e5f6", "unicast", False, "calico")),
        ("10.10.7.64/26", ("", "", "blackhole", False, "calico")),
        ("10.10.9.0/26", ("10.10.9.0", "vxlan.calico", "unicast", True, "calico")),
    ],
)
def test_route(snapshot: model.NodeSnapshot, destination: str, expected: tuple[str, str, str, bool, str]) -> None:
    route = next(route for route in snapshot.routes if route.destination == destination and route.table == "main")
    assert (route.gateway, route.device, route.kind, route.onlink, route.owner) == expected


def test_vtep_of_the_other_node(snapshot: model.NodeSnapshot) -> None:
    assert model.Neighbour("10.244.2.0", "flannel.1", "5a:0c:12:7e:91:03", "PERMANENT", "flannel-vxlan") in snapshot.neighbours
    entry = next(entry for entry in snapshot.fdb if entry.destination)
    assert (entry.mac, entry.device, entry.destination, entry.owner) == ("5a:0c:12:7e:91:03", "flannel.1", "192.0.2.12", "flannel-vxlan")


def test_addresses(snapshot: model.NodeSnapshot) -> None:
    assert model.Address("cni0", "10.244.1.1", 24, 4, "global", "flannel") in snapshot.addresses
    assert model.Address("vxlan.calico", "10.10.7.64", 32, 4, "global", "calico") in snapshot.addresses


def test_sysctls_are_those_of_the_namespace(snapshot: model.NodeSnapshot) -> None:
    assert snapshot.sysctls["net.ipv4.conf.flannel/1.rp_filter"] in ("0", "1", "2")
    assert "net.ipv4.ip_forward" in snapshot.sysctls


def test_files(snapshot: model.NodeSnapshot) -> None:
    assert {file.path: (file.kind, file.entries, file.owner) for file in snapshot.files} == {
        "/opt/cni/bin/calico-ipam": ("binary", 0, "calico"),
        "/opt/cni/bin/flannel": ("binary", 0, "flannel"),
        "/opt/cni/bin/portmap": ("binary", 0, "runtime"),
        "/run/flannel": ("state", 1, "flannel"),
        "/var/lib/cni/networks/cbr0": ("state", 1, "flannel"),
    }
    assert [(file.path, file.wins, file.owner) for file in snapshot.conflists] == [("/etc/cni/net.d/10-flannel.conflist", True, "flannel")]


@pytest.mark.parametrize(("inside", "seen"), [(True, ("flanneld",)), (False, ())])
def test_a_daemon_counts_only_in_the_nodes_own_network(
    node: Namespace, root: Path, tmp_path: Path, inside: bool, seen: tuple[str, ...]
) -> None:
    sleep = shutil.which("sleep")
    assert sleep
    # A copy, so that the kernel knows the process by this name; in a network of its own, as the machine may be a node itself.
    shutil.copy(sleep, tmp_path / "flanneld")
    entry = ["ip", "netns", "exec", node.name] if inside else ["unshare", "--net"]
    with subprocess.Popen([*entry, str(tmp_path / "flanneld"), "60"]) as daemon:
        try:
            wait_for_name(daemon.pid, "flanneld")
            assert node.collect(root)[0].processes == seen
        finally:
            daemon.kill()


def wait_for_name(pid: int, name: str) -> None:
    """Until the process has become the program that it is to be."""
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}/comm").read_text().strip() != name:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("backend", ["legacy", "nft"])
def test_chains(node: Namespace, root: Path, backend: str) -> None:
    restore = f"iptables-{backend}-restore"
    if not shutil.which(restore):
        pytest.skip(f"{restore} is not installed")
    node.run(restore, stdin=RULES)
    chains = {
        chain.name: chain for chain in node.collect(root)[0].chains if (chain.backend, chain.family, chain.table) == (backend, 4, "nat")
    }
    assert {name: chain.owner for name, chain in chains.items() if chain.policy == "-"} == {
        "FLANNEL-POSTRTG": "flannel",
        "KUBE-POSTROUTING": "kube-proxy",
    }
    assert [rule.owner for rule in chains["POSTROUTING"].rules] == ["kube-proxy", "flannel"]


def test_ipset(node: Namespace, root: Path) -> None:
    if not shutil.which("ipset"):
        pytest.skip("ipset is not installed")
    node.run("ipset", "restore", stdin="create cali40all-ipam-pools hash:net\nadd cali40all-ipam-pools 10.10.0.0/16\n")
    assert node.collect(root)[0].ipsets == (model.Ipset("cali40all-ipam-pools", "hash:net", 1, "calico"),)


def test_native_nft_table(node: Namespace, root: Path) -> None:
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    node.run("nft", "add table ip flannel-ipv4; add chain ip flannel-ipv4 postrtg")
    assert node.collect(root)[0].nft_tables == (model.NftTable("ip", "flannel-ipv4", ("postrtg",), "flannel"),)


#: A packet filter as firewalld makes one for nftables: states, zones by interface, services, and a rejection at the end.
FIREWALLD = """
table inet firewalld {
    chain filter_INPUT {
        type filter hook input priority 10; policy accept;
        ct state vmap { established : accept, related : accept }
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority 10; policy accept;
    }
    chain filter_INPUT_ZONES {
        iifname "eth0" goto filter_IN_public
        goto filter_IN_public
    }
    chain filter_IN_public {
        jump filter_IN_public_allow
        meta l4proto { icmp, ipv6-icmp } accept
        ip6 saddr fe80::/10 accept
        limit rate 3/minute log prefix "denied "
    }
    chain filter_IN_public_allow {
        tcp dport 22 accept
        udp dport { 53, 8472-8473 } accept
        ip saddr 192.0.2.0/28 udp dport 4789 accept
    }
}
"""


@pytest.mark.parametrize(
    ("port", "source", "answer"),
    [
        (8472, "192.0.2.12", firewall.OPEN),
        (4789, "192.0.2.12", firewall.OPEN),
        (4789, "192.0.2.99", firewall.CLOSED),
        (4789, "", firewall.UNSURE),
        (51820, "192.0.2.12", firewall.CLOSED),
    ],
)
def test_what_a_native_packet_filter_does(node: Namespace, root: Path, port: int, source: str, answer: str) -> None:
    if not shutil.which("nft"):
        pytest.skip("nft is not installed")
    node.run("nft", "-f", "-", stdin=FIREWALLD)
    try:
        snapshot = node.collect(root)[0]
    finally:
        node.run("nft", "delete table inet firewalld")
    assert {chain.name for chain in snapshot.input_chains if chain.hook} == {"filter_INPUT"}
    verdicts = firewall.judge(firewall.filters(snapshot), firewall.Packet("udp", port, source, "192.0.2.11", "eth0"))
    assert [verdict.answer for verdict in verdicts] == ([] if answer == firewall.OPEN else [answer])


def test_room_on_disks(snapshot: model.NodeSnapshot) -> None:
    assert [disk.path for disk in snapshot.disks] == ["/etc/cni/net.d", "/opt/cni/bin"]
    assert all(0 < disk.free <= disk.total for disk in snapshot.disks)


def test_a_thousand_routes_take_less_than_half_a_second(node: Namespace, root: Path) -> None:
    routes = "".join(f"route add 10.{64 + number // 256}.{number % 256}.0/24 via 192.0.2.20\n" for number in range(1000))
    node.run("ip", "-batch", "-", stdin=routes)
    start = time.monotonic()
    snapshot, seconds = node.collect(root)
    assert sum(route.gateway == "192.0.2.20" for route in snapshot.routes) == 1000
    print(f"collect {seconds:.3f} s, with starting Python {time.monotonic() - start:.3f} s")  # noqa: T201  # the measurement, shown by pytest -rP
    assert seconds < 0.5
