# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

FULL = model.NodeSnapshot(
    hostname="node-1",
    architecture="amd64",
    kernel="6.1.0",
    links=(
        model.Link("flannel.1", "vxlan", 1450, vxlan=model.Vxlan(1, 8472, "192.0.2.11", "eth0"), owner="flannel-vxlan"),
        model.Link("cali1b2c3d4e5f6", "veth", owner="calico"),
        model.Link("eth0", owner="host"),
    ),
    addresses=(model.Address("cni0", "10.244.1.1", 24, owner="flannel"),),
    routes=(model.Route("10.244.2.0/24", "10.244.2.0", "flannel.1", "boot", onlink=True, owner="flannel-vxlan"),),
    neighbours=(model.Neighbour("10.244.2.0", "flannel.1", "5a:0c:12:7e:91:02", "PERMANENT", "flannel-vxlan"),),
    fdb=(model.FdbEntry("5a:0c:12:7e:91:02", "flannel.1", "192.0.2.12", "permanent", ("self",), "flannel-vxlan"),),
    chains=(
        model.Chain(
            "nft", 4, "filter", "FORWARD", "ACCEPT", (model.Rule("-j FLANNEL-FWD", "flannel"), model.Rule("-j ACCEPT", "host")), "host"
        ),
        model.Chain("nft", 4, "filter", "FLANNEL-FWD", "-", (model.Rule("-j ACCEPT", "flannel"),), "flannel"),
    ),
    nft_tables=(model.NftTable("inet", "filter", ("input",), "host"),),
    ipsets=(model.Ipset("cali40masq", "hash:net", 2, "calico"),),
    conflists=(model.Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", "0.3.1", ("flannel",), wins=True, owner="flannel"),),
    files=(model.File("/opt/cni/bin/flannel", "binary", owner="flannel"),),
    subnet_env={"FLANNEL_NETWORK": "10.244.0.0/16"},
    sysctls={"net.ipv4.ip_forward": "1"},
    runtime=model.Runtime("containerd", "1.7.24", network_ready=True, loaded=("cbr0",)),
    kubelet=model.Unit("kubelet", "active", "running", 812, 1234567),
    processes=("flanneld",),
    link_managers=(model.LinkManager("networkd", True, (model.LinkRule("/etc/systemd/network/a.network", ("*",)),)),),
    firewalls=("firewalld",),
    input_chains=(
        model.FilterChain(
            "inet", "firewalld", "in", "input", "drop", (model.FilterRule((model.Condition("udp dport", ("4789",)),), "accept"),)
        ),
    ),
    disks=(model.Disk("/var", 100, 50, 10, 5),),
    missing=("nft: not found; unknown: native nftables tables",),
)


def test_survives_the_way_through_json() -> None:
    assert model.from_dict(json.loads(json.dumps(model.to_dict(FULL)))) == FULL


def test_absent_keys_take_their_defaults() -> None:
    assert model.from_dict({"hostname": "node-1"}) == model.NodeSnapshot("node-1")


def test_unknown_key() -> None:
    with pytest.raises(TypeError, match="bogus"):
        model.from_dict({"hostname": "node-1", "bogus": 1})


def test_of_an_option() -> None:
    assert model.from_option({"node-1": model.to_dict(FULL)}) == {"node-1": FULL}
    with pytest.raises(BadInputError, match=r"option snapshots: .*bogus.*podnet\.cni\.cni_info "):
        model.from_option({"node-1": {"bogus": 1}})


@pytest.mark.parametrize(
    ("owner", "cni"), [("flannel", "flannel"), ("flannel-host-gw", "flannel"), ("calico", "calico"), ("kube-proxy", "kube-proxy")]
)
def test_cni_of(owner: str, cni: str) -> None:
    assert model.cni_of(owner) == cni


def test_cni_of_covers_all_owners() -> None:
    assert {model.cni_of(owner) for owner in model.OWNERS} == {"flannel", "calico", "kube-proxy", "kubelet", "runtime", "host", "unknown"}


@pytest.mark.parametrize(
    ("cni", "counts"),
    [
        (
            "flannel",
            {"links": 1, "addresses": 1, "routes": 1, "neighbours": 1, "fdb": 1, "chains": 1, "conflists": 1, "files": 1, "rules": 1},
        ),
        ("calico", {"links": 1, "ipsets": 1}),
        ("kube-proxy", {}),
    ],
)
def test_owned_by(cni: str, counts: dict[str, int]) -> None:
    assert model.owned_by(FULL, cni) == counts


def test_summary() -> None:
    assert model.summary(FULL) == [
        "node-1: amd64, kernel 6.1.0, containerd 1.7.24, pod network ready",
        "CNI configuration: 10-flannel.conflist (flannel) wins, of 1; the runtime holds cbr0",
        "flannel: 1 links, 1 addresses, 1 routes, 1 neighbours, 1 fdb, 1 chains, 1 conflists, 1 files, 1 rules; runs: flanneld",
        "calico: 1 links, 1 ipsets; does not run",
        "not seen: nft: not found; unknown: native nftables tables",
    ]


@pytest.mark.parametrize(
    ("runtime", "line"),
    [
        (model.Runtime(problem="nobody there"), "container runtime unknown (nobody there)"),
        (model.Runtime("cri-o", "1.30.0", network_message="no CNI configuration file"), "cri-o 1.30.0, pod network not ready (no CNI"),
    ],
)
def test_summary_without_a_network(runtime: model.Runtime, line: str) -> None:
    lines = model.summary(model.NodeSnapshot("node-1", "arm64", "6.1.0", runtime=runtime))
    assert line in lines[0]
    assert lines[1] == "CNI configuration: none is usable, of 0; the runtime holds none, or does not tell"
    assert lines[2:] == ["flannel: nothing; does not run", "calico: nothing; does not run"]


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("-j ACCEPT", "ACCEPT"),
        ("-s 10.244.0.0/16 -g cali-from-wl-dispatch", "cali-from-wl-dispatch"),
        ("-p tcp -m tcp --dport 22", ""),
        ('-m comment --comment "then -j cali-INPUT" -j DROP', "DROP"),
        ('-m comment --comment "a quote \\" -j X" -j LOG --log-prefix "-j Y "', "LOG"),
        ("-i -j0 -j MINE", "MINE"),
    ],
)
def test_where_a_rule_jumps_to(text: str, target: str) -> None:
    assert model.Rule(text).target == target
