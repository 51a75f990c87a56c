# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The snapshot of a made-up node: its tools answer from the fixtures, its files lie in a directory."""

from __future__ import annotations

import json
import shutil
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, commands, cri

NODES = Path(__file__).parents[4] / "fixtures" / "nodes"

#: Which file of a fixture a tool prints.
PRINTS = {
    ("ip", "-j", "-d", "addr"): "addr.json",
    ("ip", "-4", "-j", "route", "show", "table", "all"): "route4.json",
    ("ip", "-6", "-j", "route", "show", "table", "all"): "route6.json",
    ("ip", "-j", "neigh"): "neigh.json",
    ("bridge", "-j", "fdb", "show"): "fdb.json",
    ("nft", "-j", "list", "tables"): "nft-tables.json",
    ("nft", "-j", "list", "chains"): "nft-chains.json",
    ("ipset", "list", "-t"): "ipset.txt",
    ("iptables-save",): "iptables.save",
    ("iptables-legacy-save",): "iptables.save",
    ("iptables-nft-save",): "iptables.save",
}


class Tools:
    """Stands in for a node's programs."""

    def __init__(self, node: str, *absent: str) -> None:
        self._node = NODES / node
        self._absent = absent
        self.asked: list[str] = []

    def find(self, tool: str) -> str:
        return "" if tool in self._absent else f"/usr/sbin/{tool}"

    def run_all(self, plan: t.Mapping[str, t.Sequence[str]]) -> dict[str, commands.Output]:
        return {key: self._run(tuple(argv)) for key, argv in plan.items()}

    def _run(self, argv: tuple[str, ...]) -> commands.Output:
        self.asked.append(argv[0])
        if not self.find(argv[0]):
            return commands.Output(problem="not found")
        file = self._node / PRINTS.get(argv, "nothing")
        return commands.Output(file.read_text() if file.is_file() else "")


FILES = {
    "/run/flannel/subnet.env": "FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.1.1/24\n",
    "/opt/cni/bin/flannel": "",
    "/usr/lib/cni/bridge": "",
    "/var/lib/cni/networks/cbr0/10.244.1.7": "x",
    "/var/lib/cni/networks/cbr0/last_reserved_ip.0": "x",
    "/var/lib/cni/results/cbr0-1-eth0": "x",
    "/var/lib/calico/nodename": "node-1",
    "/etc/cni/net.d/calico-kubeconfig": "apiVersion: v1",
    "/proc/sys/net/ipv4/ip_forward": "1\n",
    "/proc/sys/net/ipv4/conf/all/rp_filter": "0\n",
    "/proc/sys/net/ipv4/conf/flannel.1/rp_filter": "2\n",
    "/proc/sys/net/ipv4/conf/flannel.1/proxy_arp": "0\n",
    "/proc/812/comm": "flanneld\n",
    "/proc/900/comm": "sshd\n",
    "/proc/901/comm": "calico-node\n",
    "/proc/net/ip_tables_names": "nat\nfilter\n",
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for path, content in FILES.items():
        file = tmp_path / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    shutil.copytree(NODES / "flannel-vxlan" / "net.d", tmp_path / "etc/cni/net.d", dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def take(root: Path, monkeypatch: pytest.MonkeyPatch) -> t.Callable[..., model.NodeSnapshot]:
    """Takes a snapshot with the given tools and runtime."""
    monkeypatch.setattr(collect, "_not_root", lambda: ())

    def take(
        tools: Tools, found: model.Runtime | None = None, conf_dir: str = "", node_root: str = str(root), **parts: bool
    ) -> model.NodeSnapshot:
        monkeypatch.setattr(cri, "find", lambda _endpoints: found or model.Runtime("containerd", "1.7.24", bin_dir="/usr/lib/cni"))
        monkeypatch.setattr(commands, "find", tools.find)
        monkeypatch.setattr(commands, "run_all", tools.run_all)
        return collect.collect(conf_dir, node_root, **parts)

    return take


Take = t.Callable[..., model.NodeSnapshot]


def test_links_alone_have_the_same_owners(take: Take) -> None:
    tools = Tools("flannel-vxlan")
    whole, part = take(Tools("flannel-vxlan")), take(tools, only_links=True)
    for field in ("links", "addresses", "routes", "conflists", "files", "sysctls", "runtime", "subnet_env"):
        assert getattr(part, field) == getattr(whole, field), field
    assert (part.chains, part.ipsets, part.missing) == ((), (), ())
    assert set(tools.asked) == {"ip"}


def test_everything_there(take: Take) -> None:
    snapshot = take(Tools("flannel-vxlan"))
    assert snapshot.missing == ()
    assert (len(snapshot.links), snapshot.links[2].owner) == (6, "flannel-vxlan")
    assert {route.family for route in snapshot.routes} == {4, 6}
    assert snapshot.subnet_env["FLANNEL_SUBNET"] == "10.244.1.1/24"
    assert snapshot.processes == ("calico-node", "flanneld")
    assert [(file.path, file.wins) for file in snapshot.conflists] == [("/etc/cni/net.d/10-flannel.conflist", True)]
    assert snapshot.sysctls == {
        "net.ipv4.ip_forward": "1",
        "net.ipv4.conf.all.rp_filter": "0",
        "net.ipv4.conf.flannel/1.rp_filter": "2",
        "net.ipv4.conf.flannel/1.proxy_arp": "0",
    }
    assert [(file.path, file.kind, file.entries, file.owner) for file in snapshot.files] == [
        ("/etc/cni/net.d/calico-kubeconfig", "config", 0, "calico"),
        ("/usr/lib/cni/bridge", "binary", 0, "runtime"),
        ("/opt/cni/bin/flannel", "binary", 0, "flannel"),
        ("/run/flannel", "state", 1, "flannel"),
        ("/var/lib/calico", "state", 1, "calico"),
        ("/var/lib/cni/networks/cbr0", "state", 2, "flannel"),
        ("/var/lib/cni/results/cbr0-1-eth0", "state", 0, "flannel"),
    ]


def test_a_node_without_any_tool(take: Take) -> None:
    tools = {argv[0] for argv in PRINTS} | {"systemctl", "ip6tables-save", "ip6tables-legacy-save", "ip6tables-nft-save"}
    snapshot = take(Tools("flannel-vxlan", *tools))
    assert (snapshot.links, snapshot.routes, snapshot.chains, snapshot.kubelet) == ((), (), (), model.Unit("kubelet"))
    assert "ip: not found; unknown: IPv4 routes" in snapshot.missing
    assert "iptables-save: not found; unknown: iptables rules" in snapshot.missing
    assert {line.partition(":")[0] for line in snapshot.missing} == {
        "ip", "bridge", "nft", "ipset", "systemctl", "iptables-save", "ip6tables-save",
    }  # fmt: skip
    assert snapshot.conflists[0].owner == "flannel"  # the files are there


@pytest.mark.parametrize(
    ("absent", "names", "asked"),
    [
        ((), "nat\n", ["iptables-legacy-save", "iptables-nft-save"]),
        # Asking for legacy tables that are not in use would load their kernel modules.
        ((), "", ["iptables-nft-save"]),
        (("iptables-nft-save",), "nat\n", ["iptables-legacy-save"]),
        (("iptables-nft-save", "iptables-legacy-save"), "nat\n", ["iptables-save"]),
    ],
)
def test_which_iptables_are_asked(take: Take, root: Path, absent: tuple[str, ...], names: str, asked: list[str]) -> None:
    (root / "proc/net/ip_tables_names").write_text(names)
    tools = Tools("flannel-vxlan", *absent)
    snapshot = take(tools)
    assert [tool for tool in tools.asked if tool.startswith("iptables")] == asked
    # The plain tool printed what a legacy one prints.
    assert {chain.backend for chain in snapshot.chains if chain.family == 4} == {"nft" if "nft" in tool else "legacy" for tool in asked}
    assert snapshot.missing == ()


@pytest.mark.parametrize(("state", "seen"), [("S (sleeping)", ("calico-node", "flanneld")), ("Z (zombie)", ("calico-node",))])
def test_a_zombie_has_ended(take: Take, root: Path, state: str, seen: tuple[str, ...]) -> None:
    (root / "proc/812/status").write_text(f"Name:\tflanneld\nUmask:\t0022\nState:\t{state}\nTgid:\t812\n")
    assert take(Tools("flannel-vxlan")).processes == seen


def test_a_daemon_of_another_network_is_not_this_nodes(take: Take, root: Path) -> None:
    for pid, namespace in (("self", 1), ("812", 2), ("901", 1)):
        (root / "proc" / pid / "ns").mkdir(parents=True, exist_ok=True)
        (root / "proc" / pid / "ns/net").symlink_to(f"net:[{namespace}]")
    assert take(Tools("flannel-vxlan")).processes == ("calico-node",)


def test_the_plain_tool_says_whose_rules_they_are(take: Take) -> None:
    snapshot = take(Tools("calico-vxlan", "iptables-nft-save", "iptables-legacy-save"))
    assert {chain.backend for chain in snapshot.chains if chain.family == 4} == {"nft"}


def test_a_tool_that_prints_no_json(take: Take, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRINTS, ("bridge", "-j", "fdb", "show"), "subnet.env")
    snapshot = take(Tools("flannel-vxlan"))
    assert (snapshot.fdb, snapshot.missing) == ((), ("bridge: printed no JSON; unknown: forwarding database entries",))


def test_the_runtime_says_where_configurations_are(take: Take, root: Path) -> None:
    (root / "etc/cni/k8s.d").mkdir()
    (root / "etc/cni/k8s.d/10-calico.conflist").write_bytes((NODES / "calico-vxlan/net.d/10-calico.conflist").read_bytes())
    found = model.Runtime("containerd", conf_dir="/etc/cni/k8s.d")
    assert [file.owner for file in take(Tools("flannel-vxlan"), found).conflists] == ["calico"]
    assert [file.owner for file in take(Tools("flannel-vxlan"), found, "/etc/cni/net.d/").conflists] == ["flannel"]
    assert take(Tools("flannel-vxlan"), found, "/etc/cni/nowhere").conflists == ()


def test_crio_is_completed_from_its_files(take: Take, root: Path) -> None:
    (root / "etc/crio/crio.conf.d").mkdir(parents=True)
    (root / "etc/crio/crio.conf").write_text('[crio.network]\ncni_default_network = "other"\n')
    (root / "etc/crio/crio.conf.d/10-net.conf").write_text('[crio.network]\ncni_default_network = "cbr0"\n')
    snapshot = take(Tools("flannel-vxlan"), model.Runtime("cri-o", "1.30.0"))
    assert snapshot.runtime.default_network == "cbr0"
    assert snapshot.conflists[0].reason == "carries cri-o's cni_default_network cbr0"


def test_kubelets_endpoint_is_tried(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (root / "var/lib/kubelet").mkdir(parents=True)
    (root / "var/lib/kubelet/kubeadm-flags.env").write_text('KUBELET_KUBEADM_ARGS="--container-runtime-endpoint=unix:///run/k.sock"\n')
    tried: list[t.Sequence[str]] = []

    def find(endpoints: t.Sequence[str]) -> model.Runtime:
        tried.append(endpoints)
        return model.Runtime()

    monkeypatch.setattr(cri, "find", find)
    collect.runtime(collect.Tree(str(root)))
    assert tried == [("/run/k.sock",)]


def test_an_empty_node(take: Take, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    snapshot = take(Tools("nothing"), model.Runtime(problem="none"), node_root=str(empty))
    assert (snapshot.conflists, snapshot.files, snapshot.sysctls, snapshot.subnet_env, snapshot.processes) == ((), (), {}, {}, ())


class Answers(Tools):
    """A node whose tools answer what a test says, by the start of their command line; else as the fixture does."""

    def __init__(self, answers: dict[str, str]) -> None:
        super().__init__("flannel-vxlan")
        self._answers = answers

    def _run(self, argv: tuple[str, ...]) -> commands.Output:
        line = " ".join(argv)
        return next((commands.Output(text) for start, text in self._answers.items() if line.startswith(start)), super()._run(argv))


SERVICES = "systemctl show --property=Id,ActiveState"


def test_who_manages_devices(take: Take, root: Path) -> None:
    for path, text in {
        "etc/systemd/network/10-all.network": "[Match]\nName=*\n",
        "usr/lib/systemd/network/99-default.link": "[Match]\nOriginalName=*\n[Link]\nMACAddressPolicy=persistent\n",
        "etc/NetworkManager/NetworkManager.conf": "[keyfile]\nunmanaged-devices=interface-name:cali*\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    running = (
        "Id=NetworkManager.service\nActiveState=active\n\nId=systemd-networkd.service\nActiveState=active\n\nId=systemd-udevd.service\n"
    )
    snapshot = take(Answers({SERVICES: f"{running}ActiveState=inactive\n"}))
    assert snapshot.link_managers == (
        model.LinkManager("NetworkManager", True, (model.LinkRule("/etc/NetworkManager/NetworkManager.conf", ("cali*",), leaves=True),)),
        model.LinkManager("systemd-networkd", True, (model.LinkRule("/etc/systemd/network/10-all.network", ("*",)),)),
    )


def test_which_firewalls_run(take: Take) -> None:
    text = (
        "Id=firewalld.service\nActiveState=active\n\nId=ufw.service\nActiveState=inactive\n\nId=systemd-udevd.service\nActiveState=active\n"
    )
    snapshot = take(Answers({SERVICES: text}))
    assert snapshot.firewalls == ("firewalld",)
    assert [manager.name for manager in snapshot.link_managers] == ["systemd-udevd"]


def test_native_tables_that_filter_what_comes_in_are_read(take: Take) -> None:
    def base(table: str, name: str) -> dict[str, t.Any]:
        hooked = {"type": "filter", "hook": "input", "prio": 0, "policy": "drop"}
        return {"chain": {"family": "inet", "table": table, "name": name, **hooked}}

    chains = [base("firewalld", "in"), base("kube-proxy", "filter-input"), base("calico", "input")]
    rule = {"rule": {"family": "inet", "table": "firewalld", "chain": "in", "expr": [{"accept": None}]}}
    tools = Answers(
        {
            "nft -j list chains": json.dumps({"nftables": chains}),
            "nft -j list table inet firewalld": json.dumps({"nftables": [base("firewalld", "in"), rule]}),
            "nft -j list table ": "no other table is asked for",
        }
    )
    snapshot = take(tools)
    assert snapshot.input_chains == (model.FilterChain("inet", "firewalld", "in", "input", "drop", (model.FilterRule((), "accept"),)),)
    assert snapshot.missing == ()


def test_a_table_that_cannot_be_read_is_missing(take: Take) -> None:
    chain = {"chain": {"family": "inet", "table": "firewalld", "name": "in", "type": "filter", "hook": "input"}}
    snapshot = take(Answers({"nft -j list chains": json.dumps({"nftables": [chain]}), "nft -j list table ": "table inet firewalld {"}))
    assert snapshot.input_chains == ()
    assert snapshot.missing == ("nft: printed no JSON; unknown: rules of table firewalld",)


def test_room_on_disks(take: Take, root: Path) -> None:
    (root / "var/log").mkdir()
    snapshot = take(Tools("flannel-vxlan"))
    assert [disk.path for disk in snapshot.disks] == ["/etc/cni/net.d", "/opt/cni/bin", "/var/log"]
    assert all(0 < disk.free <= disk.total for disk in snapshot.disks)


def test_not_root_is_said(monkeypatch: pytest.MonkeyPatch, root: Path) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert collect.collect(root=str(root)).missing[0].startswith("root: not running as root")
