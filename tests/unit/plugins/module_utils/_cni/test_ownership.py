# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._node import parse

NODES = Path(__file__).parents[4] / "fixtures" / "nodes"

FLANNEL_ENV = {"FLANNEL_NETWORK": "10.244.0.0/16", "FLANNEL_SUBNET": "10.244.1.1/24"}
FLANNEL_FILE = model.Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", plugins=("flannel",))
BRIDGE_FILE = model.Conflist("/etc/cni/net.d/20-mine.conflist", "mine", plugins=("bridge", "portmap"))
CALICO_FILE = model.Conflist("/etc/cni/net.d/10-calico.conflist", "k8s-pod-network", plugins=("calico",))


def node(**fields: object) -> model.NodeSnapshot:
    return ownership.attribute(model.NodeSnapshot("node-1", **fields))  # type: ignore[arg-type]  # the test names the field


def load(name: str, backend: str) -> model.NodeSnapshot:
    """A node of the fixtures, attributed."""

    def text(path: str) -> str:
        file = NODES / name / path
        return file.read_text() if file.exists() else ""

    confs = {f"/etc/cni/net.d/{path.name}": path.read_bytes() for path in (NODES / name / "net.d").iterdir()}
    return node(
        links=parse.links(text("addr.json")),
        addresses=parse.addresses(text("addr.json")),
        routes=parse.routes(text("route4.json"), 4) + parse.routes(text("route6.json"), 6),
        neighbours=parse.neighbours(text("neigh.json")),
        fdb=parse.fdb(text("fdb.json")),
        chains=parse.chains(text("iptables.save"), backend, 4),
        nft_tables=parse.nft_tables(text("nft-tables.json"), text("nft-chains.json")),
        ipsets=parse.ipsets(text("ipset.txt")),
        conflists=conflist.read(confs),
        subnet_env=parse.assignments(text("subnet.env")),
    )


# --- Whole nodes -----------------------------------------------------------------------------------------------------


def test_a_node_of_flannel() -> None:
    flannel = load("flannel-vxlan", "legacy")
    assert {link.name: link.owner for link in flannel.links} == {
        "lo": "host",
        "eth0": "host",  # a veth: the node is a container
        "flannel.1": "flannel-vxlan",
        "cni0": "flannel",
        "veth5a0f17c3": "flannel",
        "veth9d21e004": "flannel",
    }
    assert owners(flannel, "unknown") == []
    assert {chain.name: chain.owner for chain in flannel.chains if chain.policy == "-"} == {
        "FLANNEL-FWD": "flannel",
        "FLANNEL-POSTRTG": "flannel",
        "KUBE-FIREWALL": "kubelet",
        "KUBE-FORWARD": "kube-proxy",
        "KUBE-KUBELET-CANARY": "kubelet",
        "KUBE-POSTROUTING": "kube-proxy",
        "KUBE-SERVICES": "kube-proxy",
        "CNI-HOSTPORT-DNAT": "runtime",
    }
    assert built_in_rules(flannel) == {
        ("INPUT", "host"),
        ("INPUT", "kubelet"),
        ("FORWARD", "kube-proxy"),
        ("FORWARD", "flannel"),
        ("OUTPUT", "kubelet"),
        ("PREROUTING", "kube-proxy"),
        ("PREROUTING", "runtime"),
        ("POSTROUTING", "kube-proxy"),
        ("POSTROUTING", "flannel"),
    }
    assert {
        route.destination for route in flannel.routes if route.owner == "flannel-vxlan" and route.table == "main" and route.family == 4
    } == {
        "10.244.0.0/24",
        "10.244.2.0/24",
    }


def test_a_node_of_calico_with_a_leftover_of_flannel() -> None:
    calico = load("calico-vxlan", "nft")
    assert {link.name: link.owner for link in calico.links} == {
        "lo": "host",
        "eth0": "host",
        "cali1b2c3d4e5f6": "calico",
        "vxlan.calico": "calico",
    }
    assert {route.destination: route.owner for route in calico.routes if route.table == "main" and route.family == 4} == {
        "0.0.0.0/0": "host",
        "192.0.2.0/24": "host",
        "198.51.100.0/24": "host",
        "10.244.17.192/26": "calico",
        "10.244.17.193/32": "calico",
        "10.244.84.128/26": "calico",
    }
    assert {ipset.name: ipset.owner for ipset in calico.ipsets} == {
        "cali40all-ipam-pools": "calico",
        "cali40masq-ipam-pools": "calico",
        "KUBE-CLUSTER-IP": "kube-proxy",
        "office": "unknown",
    }
    assert {(table.family, table.name): table.owner for table in calico.nft_tables} == {
        ("ip", "flannel-ipv4"): "flannel",
        ("inet", "filter"): "host",
    }
    assert [rule.owner for chain in calico.chains for rule in chain.rules if chain.name == "FORWARD"] == [
        "calico",
        "calico",
        "calico",
        "host",
    ]
    assert {chain.owner for chain in calico.chains if chain.name.startswith("cali-")} == {"calico"}


@pytest.mark.parametrize(("name", "backend"), [("flannel-vxlan", "legacy"), ("calico-vxlan", "nft")])
def test_attributing_again_changes_nothing(name: str, backend: str) -> None:
    once = load(name, backend)
    assert ownership.attribute(once) == once


def test_only_known_owners() -> None:
    for snapshot in (load("flannel-vxlan", "legacy"), load("calico-vxlan", "nft")):
        assert set(owners(snapshot)) <= set(model.OWNERS)


def owners(snapshot: model.NodeSnapshot, only: str = "") -> list[str]:
    records = [
        getattr(snapshot, name) for name in ("links", "addresses", "routes", "neighbours", "fdb", "chains", "ipsets", "conflists", "files")
    ]
    found = [item.owner for items in records for item in items] + [rule.owner for chain in snapshot.chains for rule in chain.rules]
    return [owner for owner in found if not only or owner == only]


def built_in_rules(snapshot: model.NodeSnapshot) -> set[tuple[str, str]]:
    return {(chain.name, rule.owner) for chain in snapshot.chains if chain.policy != "-" for rule in chain.rules}


# --- Links -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "owner"),
    [
        ("flannel.1", "vxlan", "flannel-vxlan"),
        ("flannel.4096", "vxlan", "flannel-vxlan"),
        ("flannel-v6.1", "vxlan", "flannel-vxlan"),
        ("flannel.1", "bridge", "unknown"),
        ("flannel0", "tun", "flannel-udp"),
        ("flannel0", "dummy", "unknown"),
        ("flannel-wg", "wireguard", "flannel-wireguard"),
        ("flannel-wg-v6", "wireguard", "flannel-wireguard"),
        ("flannel.ipip", "ipip", "flannel-ipip"),
        ("flannelx", "vxlan", "unknown"),
        ("cali1b2c3d4e5f6", "veth", "calico"),
        ("california", "", "host"),
        ("california", "bridge", "unknown"),
        ("vxlan.calico", "vxlan", "calico"),
        ("vxlan-v6.calico", "vxlan", "calico"),
        ("wireguard.cali", "wireguard", "calico"),
        ("wg-v6.cali", "wireguard", "calico"),
        ("egress.calico", "vxlan", "calico"),
        ("kube-ipvs0", "dummy", "kube-proxy"),
        ("docker0", "bridge", "runtime"),
        ("br-0123456789ab", "bridge", "runtime"),
        ("cni-podman0", "bridge", "runtime"),
        ("lo", "", "host"),
        ("eth0", "", "host"),
        ("bond0", "bond", "host"),
        ("eth0.100", "vlan", "host"),
        ("sit0", "sit", "host"),
        ("tunl0", "ipip", "host"),
        ("veth12345678", "veth", "unknown"),
        ("cilium_host", "veth", "unknown"),
        ("nodelocaldns", "dummy", "unknown"),
    ],
)
def test_link(name: str, kind: str, owner: str) -> None:
    assert node(links=(model.Link(name, kind),)).links[0].owner == owner


BRIDGE = model.Link("cni0", "bridge")


@pytest.mark.parametrize(
    ("address", "env", "conflists", "owner"),
    [
        ("10.244.1.1", FLANNEL_ENV, (FLANNEL_FILE,), "flannel"),
        ("10.244.1.1", FLANNEL_ENV, (), "flannel"),
        ("10.244.9.1", FLANNEL_ENV, (), "flannel"),  # another node's subnet: stale, but flannel's
        ("10.88.0.1", FLANNEL_ENV, (), "unknown"),
        ("10.244.1.1", {}, (FLANNEL_FILE,), "flannel"),  # after a reboot, before flanneld runs
        ("", FLANNEL_ENV, (), "flannel"),
        ("10.88.0.1", {}, (), "runtime"),
        ("10.88.0.1", {}, (FLANNEL_FILE, BRIDGE_FILE), "unknown"),  # whose of the two, nobody can say
        ("10.244.1.1", FLANNEL_ENV, (BRIDGE_FILE,), "flannel"),
        ("", {}, (CALICO_FILE,), "runtime"),
    ],
)
def test_cni0_is_judged_by_its_address(address: str, env: dict[str, str], conflists: tuple[model.Conflist, ...], owner: str) -> None:
    addresses = (model.Address("cni0", address, 24),) if address else ()
    port = model.Link("veth1", "veth", master="cni0")
    snapshot = node(links=(BRIDGE, port), addresses=addresses, subnet_env=env, conflists=conflists)
    assert snapshot.links[0].owner == owner
    assert snapshot.links[1].owner == owner
    assert all(address.owner == owner for address in snapshot.addresses)


@pytest.mark.parametrize(
    ("links", "routes", "addresses", "name", "owner"),
    [
        ((model.Link("host0", "veth"),), (model.Route("0.0.0.0/0", "192.0.2.1", "host0", "boot"),), (), "host0", "host"),
        ((model.Link("eth0", "veth"),), (), (model.Address("eth0", "192.0.2.11", 24),), "eth0", "host"),
        ((model.Link("vethp", "veth"),), (), (model.Address("vethp", "10.88.0.1", 32),), "vethp", "unknown"),  # the ptp plugin's end
        ((model.Link("br0", "bridge"), model.Link("eth0", "", master="br0")), (), (), "br0", "host"),
        ((model.Link("br0", "bridge"),), (), (model.Address("br0", "192.0.2.11", 24),), "br0", "unknown"),
        ((model.Link("br0", "bridge"),), (model.Route("::/0", "fd00::1", "br0", "ra", family=6),), (), "br0", "host"),
    ],
)
def test_what_the_node_reaches_others_by(
    links: tuple[model.Link, ...], routes: tuple[model.Route, ...], addresses: tuple[model.Address, ...], name: str, owner: str
) -> None:
    snapshot = node(links=links, routes=routes, addresses=addresses)
    assert next(link.owner for link in snapshot.links if link.name == name) == owner


@pytest.mark.parametrize(
    ("address", "conflists", "owner"), [("10.244.17.192", (CALICO_FILE,), "calico"), ("", (CALICO_FILE,), "host"), ("10.9.9.9", (), "host")]
)
def test_tunl0_is_calicos_while_it_has_an_address(address: str, conflists: tuple[model.Conflist, ...], owner: str) -> None:
    addresses = (model.Address("tunl0", address, 32),) if address else ()
    assert node(links=(model.Link("tunl0", "ipip"),), addresses=addresses, conflists=conflists).links[0].owner == owner


def test_what_hangs_on_a_device_is_its_owners() -> None:
    snapshot = node(
        links=(model.Link("flannel.1", "vxlan"), model.Link("eth0")),
        neighbours=(model.Neighbour("10.244.2.0", "flannel.1"), model.Neighbour("192.0.2.1", "eth0"), model.Neighbour("192.0.2.1", "gone")),
        fdb=(model.FdbEntry("5a:0c:12:7e:91:02", "flannel.1"), model.FdbEntry("33:33:00:00:00:01", "eth0")),
    )
    assert [item.owner for item in snapshot.neighbours] == ["flannel-vxlan", "host", "unknown"]
    assert [item.owner for item in snapshot.fdb] == ["flannel-vxlan", "host"]


# --- Routes ----------------------------------------------------------------------------------------------------------

LINKS = (model.Link("eth0"), model.Link("flannel.1", "vxlan"), model.Link("flannel0", "tun"), BRIDGE, model.Link("cali1b2c3d4e5f6", "veth"))


@pytest.mark.parametrize(
    ("route", "owner"),
    [
        (model.Route("10.244.2.0/24", "10.244.2.0", "flannel.1", "boot", onlink=True), "flannel-vxlan"),
        (model.Route("10.244.0.0/16", "", "flannel0", "boot"), "flannel-udp"),
        (model.Route("10.244.1.0/24", "", "cni0", "kernel"), "flannel"),
        (model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "boot"), "flannel-host-gw"),
        (model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "static"), "host"),  # flannel does not write static ones
        (model.Route("10.244.2.0/25", "192.0.2.12", "eth0", "boot"), "host"),  # not the size of a node's subnet
        (model.Route("10.244.0.0/16", "192.0.2.12", "eth0", "boot"), "host"),  # the whole network
        (model.Route("10.244.1.0/24", "192.0.2.12", "eth0", "boot"), "host"),  # this node's own subnet
        (model.Route("10.244.2.0/24", "10.244.9.9", "eth0", "boot"), "host"),  # by way of a pod
        (model.Route("10.250.2.0/24", "192.0.2.12", "eth0", "boot"), "host"),  # outside flannel's network
        (model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "boot", table="100"), "host"),
        (model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "80"), "calico"),
        (model.Route("10.244.17.192/26", "192.0.2.12", "eth0", "bird"), "calico"),
        (model.Route("10.244.17.192/26", "", "", "bird", "blackhole"), "calico"),
        (model.Route("10.244.17.193/32", "", "cali1b2c3d4e5f6", "boot"), "calico"),
        (model.Route("203.0.113.0/24", "", "", "boot", "blackhole"), "host"),
        (model.Route("192.0.2.0/24", "", "eth0", "kernel"), "host"),
        (model.Route("0.0.0.0/0", "192.0.2.1", "eth0", "dhcp"), "host"),
        (model.Route("203.0.113.0/24", "192.0.2.1", "eth0", "ospf"), "unknown"),
        (model.Route("203.0.113.0/24", "", "cilium_host", "boot"), "unknown"),
    ],
)
def test_route(route: model.Route, owner: str) -> None:
    snapshot = node(links=LINKS, addresses=(model.Address("cni0", "10.244.1.1", 24),), routes=(route,), subnet_env=FLANNEL_ENV)
    assert snapshot.routes[0].owner == owner


@pytest.mark.parametrize("protocol", ["bird", "80"])
def test_a_bird_without_calico_is_somebody_elses(protocol: str) -> None:
    snapshot = node(links=(model.Link("eth0"),), routes=(model.Route("10.0.0.0/26", "192.0.2.1", "eth0", protocol),))
    assert snapshot.routes[0].owner == "unknown"


@pytest.mark.parametrize(
    ("processes", "protocol", "owner"),
    [
        ((), "bird", "calico"),
        (("bird", "calico-felix"), "bird", "calico"),
        (("bird",), "bird", "unknown"),  # Calico's ends with calico-node, so this one is the host's own
        (("bird6",), "12", "unknown"),
        (("bird",), "80", "calico"),
    ],
)
def test_a_bird_that_outlives_calico_is_somebody_elses(processes: tuple[str, ...], protocol: str, owner: str) -> None:
    route = model.Route("10.0.0.0/26", "192.0.2.1", "eth0", protocol)
    snapshot = node(links=(model.Link("eth0"),), routes=(route,), conflists=(CALICO_FILE,), processes=processes)
    assert snapshot.routes[0].owner == owner


def test_dual_stack_host_gw() -> None:
    env = {**FLANNEL_ENV, "FLANNEL_IPV6_NETWORK": "fd00:10:244::/48", "FLANNEL_IPV6_SUBNET": "fd00:10:244:1::1/64"}
    route = model.Route("fd00:10:244:2::/64", "fd00::12", "eth0", "boot", family=6)
    assert node(links=(model.Link("eth0"),), routes=(route,), subnet_env=env).routes[0].owner == "flannel-host-gw"


FORWARD = '-m comment --comment "flanneld forward" -j ACCEPT'


@pytest.mark.parametrize(
    "chain",
    [
        model.Chain("nft", 4, "filter", "FLANNEL-FWD", rules=(model.Rule(f"-s 10.244.0.0/16 {FORWARD}"),)),
        model.Chain("legacy", 4, "filter", "FORWARD", "ACCEPT", (model.Rule(f"-s 10.244.0.0/16 {FORWARD}"),)),
    ],
)
def test_flannels_network_is_read_from_its_rules_when_subnet_env_is_gone(chain: model.Chain) -> None:
    route = model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "boot")
    assert node(links=(model.Link("eth0"),), routes=(route,), chains=(chain,)).routes[0].owner == "flannel-host-gw"


def test_no_network_no_host_gw() -> None:
    route = model.Route("10.244.2.0/24", "192.0.2.12", "eth0", "boot")
    snapshot = node(links=(model.Link("eth0"),), routes=(route,), conflists=(FLANNEL_FILE,), subnet_env={"FLANNEL_NETWORK": "rubbish"})
    assert snapshot.routes[0].owner == "host"


# --- Packet filters --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("FLANNEL-FWD", "flannel"),
        ("FLANNEL-POSTRTG", "flannel"),
        ("cali-FORWARD", "calico"),
        ("felix-FORWARD", "calico"),
        ("KUBE-SVC-TCOU7JCQXEZGVUNU", "kube-proxy"),
        ("KUBE-MARK-MASQ", "kube-proxy"),
        ("KUBE-PROXY-CANARY", "kube-proxy"),
        ("KUBE-KUBELET-CANARY", "kubelet"),
        ("KUBE-FIREWALL", "kubelet"),
        ("KUBE-MARK-DROP", "kubelet"),
        ("KUBE-ROUTER-FORWARD", "unknown"),
        ("CNI-HOSTPORT-SETMARK", "runtime"),
        ("CNI-6d3a6a7b", "runtime"),
        ("DOCKER-USER", "runtime"),
        ("PREROUTING", "host"),
        ("CILIUM_FORWARD", "unknown"),
        ("ufw-before-input", "unknown"),
        ("INPUT_direct", "unknown"),
    ],
)
def test_chain(name: str, owner: str) -> None:
    snapshot = node(chains=(model.Chain("nft", 4, "filter", name, rules=(model.Rule("-j ACCEPT"),)),))
    assert snapshot.chains[0].owner == owner
    assert snapshot.chains[0].rules[0].owner == owner


@pytest.mark.parametrize(
    ("rule", "owner"),
    [
        ('-m comment --comment "flanneld masq" -j FLANNEL-POSTRTG', "flannel"),
        ('-s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully', "flannel"),
        ("-j cali-POSTROUTING", "calico"),
        ('-m comment --comment "cali:O3lYWMrLQYEMJtB5" -j cali-POSTROUTING', "calico"),
        ('-m comment --comment "cali:S93hcgKJrXEqnTfs" -j ACCEPT', "calico"),
        ("-j KUBE-POSTROUTING", "kube-proxy"),
        ("-s 10.244.1.7/32 -j CNI-6d3a6a7b", "runtime"),
        ("-o eth0 -j MASQUERADE", "host"),
        ("-j ufw-track-output", "unknown"),
        ("-g KUBE-SERVICES", "kube-proxy"),
        ("-p tcp", "host"),
        ('-m comment --comment "not -j cali-INPUT" -j DROP', "host"),
        ('-m comment --comment "a \\" -j FLANNEL-FWD" -j KUBE-FORWARD', "kube-proxy"),
        ("-s 10.244.0.0/16 -o eth1 -j MASQUERADE", "host"),  # an administrator's, not word for word flannel's
        # flannel before 0.16
        ("-s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN", "flannel"),
        ("-s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully", "flannel"),
        ("! -s 10.244.0.0/16 -d 10.244.1.0/24 -j RETURN", "flannel"),
        ("! -s 10.244.0.0/16 -d 10.244.0.0/16 -j MASQUERADE", "flannel"),
        ("-s 10.96.0.0/16 -d 10.96.0.0/16 -j RETURN", "host"),
    ],
)
def test_rule_of_a_built_in_chain(rule: str, owner: str) -> None:
    chain = model.Chain("legacy", 4, "nat", "POSTROUTING", "ACCEPT", (model.Rule(rule),))
    assert node(chains=(chain,), subnet_env=FLANNEL_ENV).chains[0].rules[0].owner == owner


def test_untagged_rules_are_known_only_by_flannels_network() -> None:
    chain = model.Chain("legacy", 4, "filter", "FORWARD", "DROP", (model.Rule("-s 10.244.0.0/16 -j ACCEPT"),))
    assert node(chains=(chain,)).chains[0].rules[0].owner == "host"
    assert node(chains=(chain,), subnet_env=FLANNEL_ENV).chains[0].rules[0].owner == "flannel"


@pytest.mark.parametrize(
    ("name", "owner"),
    [
        ("flannel-ipv4", "flannel"),
        ("flannel-ipv6", "flannel"),
        ("calico", "calico"),
        ("kube-proxy", "kube-proxy"),
        ("cni_hostport", "runtime"),
        ("firewalld", "host"),
        ("filter", "host"),
        ("mine", "unknown"),
    ],
)
def test_nft_table(name: str, owner: str) -> None:
    assert node(nft_tables=(model.NftTable("ip", name),)).nft_tables[0].owner == owner


# --- Files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "kind", "owner"),
    [
        ("/opt/cni/bin/flannel", "binary", "flannel"),
        ("/opt/cni/bin/calico", "binary", "calico"),
        ("/opt/cni/bin/calico-ipam", "binary", "calico"),
        ("/opt/cni/bin/calico.tmp", "binary", "calico"),
        ("/opt/cni/bin/portmap", "binary", "runtime"),
        ("/usr/lib/cni/host-local", "binary", "runtime"),
        ("/opt/cni/bin/multus", "binary", "unknown"),
        ("/run/flannel", "state", "flannel"),
        ("/run/flannelx", "state", "unknown"),
        ("/var/lib/cni/flannel", "state", "flannel"),
        ("/var/lib/cni/networks/cbr0", "state", "flannel"),
        ("/var/lib/cni/networks/k8s-pod-network", "state", "calico"),
        ("/var/lib/cni/networks/podman", "state", "unknown"),
        ("/var/lib/cni/cache", "state", "runtime"),
        ("/var/lib/cni/results/cbr0-0123456789ab-eth0", "state", "flannel"),
        ("/var/lib/cni/cache/results/k8s-pod-network-0123456789ab-eth0", "state", "calico"),
        ("/var/lib/cni/cache/results/cbr0x-0123456789ab-eth0", "state", "unknown"),
        ("/var/lib/calico", "state", "calico"),
        ("/run/calico", "state", "calico"),
        ("/etc/cni/net.d/calico-kubeconfig", "config", "calico"),
        ("/etc/cni/net.d/README", "config", "unknown"),
    ],
)
def test_file(path: str, kind: str, owner: str) -> None:
    assert node(files=(model.File(path, kind),)).files[0].owner == owner


@pytest.mark.parametrize(("conflists", "owner"), [((), "flannel"), ((FLANNEL_FILE, CALICO_FILE), "flannel"), ((CALICO_FILE,), "runtime")])
def test_calicos_image_brings_flannels_plugin_too(conflists: tuple[model.Conflist, ...], owner: str) -> None:
    assert node(files=(model.File("/opt/cni/bin/flannel", "binary"),), conflists=conflists).files[0].owner == owner


def test_leases_belong_to_the_configuration_that_names_their_network() -> None:
    files = (model.File("/var/lib/cni/networks/prod", "state"),)
    named = model.Conflist("/etc/cni/net.d/10-flannel.conflist", "prod", plugins=("flannel", "portmap"))
    assert node(files=files, conflists=(named,)).files[0].owner == "flannel"


def test_of_two_networks_the_longer_name_is_meant() -> None:
    files = (model.File("/var/lib/cni/results/cbr0-second-0123456789ab-eth0", "state"),)
    longer = model.Conflist("/etc/cni/net.d/20-podman.conflist", "cbr0-second", plugins=("bridge",))
    assert node(files=files, conflists=(longer,)).files[0].owner == "runtime"
