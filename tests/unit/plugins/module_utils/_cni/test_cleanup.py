# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clean-up plans: snapshot in, refusals or ordered removals out."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.cleanup import Removal
from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Sandbox


def node(**items: t.Any) -> model.NodeSnapshot:
    return model.NodeSnapshot(hostname="n1", **items)


def veth(name: str, **fields: t.Any) -> model.Link:
    return model.Link(name, kind="veth", **{"state": "UP", "up": True, **fields})


CNI0 = model.Link("cni0", kind="bridge", up=True, owner="flannel")


@pytest.mark.parametrize(
    ("cni", "snapshot", "reasons"),
    [
        pytest.param("flannel", node(), (), id="nothing there"),
        pytest.param("flannel", node(processes=("flanneld", "kubelet")), ("process flanneld runs",), id="daemon"),
        pytest.param("calico", node(processes=("flanneld",)), (), id="another CNI's daemon"),
        pytest.param("calico", node(processes=("calico-node",)), ("process calico-node runs",), id="calico's daemon"),
        pytest.param(
            "flannel",
            node(links=(CNI0, veth("veth2", master="cni0"), veth("veth1", master="cni0"))),
            ("2 pod link(s) still hang on it: veth1, veth2",),
            id="pods on the bridge, sorted",
        ),
        pytest.param("flannel", node(links=(CNI0, veth("veth1", master="docker0"))), (), id="a veth on a foreign bridge"),
        pytest.param("flannel", node(links=(CNI0, veth("veth1", master="cni0", state="LOWERLAYERDOWN"))), (), id="nobody at the other end"),
        pytest.param(
            "calico",
            node(links=(veth("cali1", owner="calico"),)),
            ("1 pod link(s) still hang on it: cali1",),
            id="calico's pods",
        ),
        pytest.param(
            "calico",
            node(links=(CNI0, veth("veth1", master="cni0", owner="flannel"))),
            (),
            id="pods of flannel do not keep calico",
        ),
    ],
)
def test_alive(cni: str, snapshot: model.NodeSnapshot, reasons: tuple[str, ...]) -> None:
    assert cleanup.alive(snapshot, cni) == reasons
    plan = cleanup.plan(snapshot, cni)
    assert plan.refusals == reasons
    if reasons:
        assert plan.removals == ()


CNI0_ADDRESS = model.Address("cni0", "10.244.1.1", 24)
CALI1_ROUTE = model.Route("10.244.1.193/32", device="cali1", owner="calico")
NOBODY = "no sandbox of the container runtime has an address there, so a process holds the network namespace of one that is gone"


def sandbox(pod: str, *addresses: str, ready: bool = True) -> Sandbox:
    return Sandbox(pod, pod, ready=ready, addresses=addresses, pod=pod)


@pytest.mark.parametrize(
    ("cni", "snapshot", "sandboxes", "words"),
    [
        pytest.param(
            "flannel",
            node(links=(CNI0, veth("veth1", master="cni0")), addresses=(CNI0_ADDRESS,)),
            [sandbox("shop/web", "10.244.1.7"), sandbox("shop/api", "10.244.1.5", "fd00::5"), sandbox("shop/moved", "10.244.2.4")],
            "by the container runtime they are of shop/api (10.244.1.5, fd00::5), shop/web (10.244.1.7)",
            id="on flannel's bridge",
        ),
        pytest.param(
            "calico",
            node(links=(veth("cali1", owner="calico"),), routes=(CALI1_ROUTE, model.Route("10.244.1.0/24", device="cni0"))),
            [sandbox("shop/web", "10.244.1.193", ready=False), sandbox("shop/back", "10.244.1.7"), sandbox("kube-system/etcd")],
            "by the container runtime they are of shop/web (10.244.1.193, ended)",
            id="behind a link of Calico's, and dead",
        ),
        pytest.param("calico", node(links=(veth("cali1", owner="calico"),), routes=(CALI1_ROUTE,)), [], NOBODY, id="nobody's"),
    ],
)
def test_whose_pod_links_they_are(cni: str, snapshot: model.NodeSnapshot, sandboxes: list[Sandbox], words: str) -> None:
    assert cleanup.has_pod_links(snapshot, cni)
    assert cleanup.behind_pod_links(snapshot, cni, sandboxes) == words


def test_a_device_of_somebody_else_on_the_bridge_is_a_refusal() -> None:
    plan = cleanup.plan(node(links=(CNI0, model.Link("eth1", master="cni0", owner="host"))), "flannel")
    assert plan == cleanup.CleanupPlan(refusals=("eth1 is a port of cni0, but not flannel's; take it out of there",))


@pytest.mark.parametrize("gap", [model.NOT_ROOT, model.gap("ip", "not found", model.LINKS_AND_ADDRESSES)])
def test_who_cannot_see_life_refuses(gap: str) -> None:
    missing = (model.gap("nft", "not found", "native nftables tables"), gap)
    assert cleanup.plan(node(missing=missing), "flannel").refusals == (gap,)


@pytest.mark.parametrize(
    ("cni", "living", "removals"),
    [
        pytest.param(
            "flannel",
            {
                "processes": ("flanneld", "kubelet"),
                "links": (CNI0, veth("veth1", master="cni0", owner="flannel"), model.Link("flannel.1", "vxlan", owner="flannel-vxlan")),
                "fdb": (model.FdbEntry("02:00:00:00:00:01", "veth1", flags=("master",), owner="flannel"),),
                "neighbours": (model.Neighbour("fe80::1", "veth1", owner="flannel"),),
                "files": (model.File("/run/flannel", "state", owner="flannel"),),
            },
            ("link cni0", "link flannel.1", "file /run/flannel"),
            id="pods go, the bridge is left",
        ),
        pytest.param(
            "flannel",
            {
                "processes": ("flanneld",),
                "links": (model.Link("flannel0", "tun", up=True, owner="flannel-udp"), CNI0),
                "addresses": (model.Address("flannel0", "10.244.1.0", 32, owner="flannel-udp"),),
                "routes": (model.Route("10.244.0.0/16", device="flannel0", owner="flannel-udp"),),
            },
            ("link cni0",),
            id="flannel's tun device ends with flanneld",
        ),
        pytest.param(
            "calico",
            {
                "processes": ("bird", "calico-felix"),
                "links": (veth("cali1", owner="calico"), veth("cali2", owner="calico", state="LOWERLAYERDOWN")),
                "routes": (
                    model.Route("10.244.1.9/32", device="cali1", scope="link", owner="calico"),
                    model.Route("10.244.2.0/26", "192.0.2.2", "eth0", protocol="bird", owner="calico"),
                ),
            },
            ("route 10.244.2.0/26 via 192.0.2.2 dev eth0", "link cali2"),
            id="calico: routes of pods go with them, those to other nodes stay",
        ),
    ],
)
def test_assumed_dead(cni: str, living: dict[str, t.Any], removals: tuple[str, ...]) -> None:
    assert cleanup.plan(node(**living), cni).refusals
    plan = cleanup.plan(cleanup.assume_dead(node(**living), cni), cni)
    assert (plan.refusals, tuple(f"{removal.kind} {removal.name}" for removal in plan.removals)) == ((), removals)


@pytest.mark.parametrize("reason", [{"missing": (model.NOT_ROOT,)}, {"links": (CNI0, model.Link("eth1", master="cni0"))}])
def test_an_assumption_opens_no_other_door(reason: dict[str, t.Any]) -> None:
    assert cleanup.plan(cleanup.assume_dead(node(**reason), "flannel"), "flannel").refusals


def test_what_is_dead_already_is_no_other_when_assumed_so() -> None:
    dead = node(links=(CNI0, veth("veth1", master="cni0", state="DOWN", owner="flannel")), processes=("calico-node",))
    assert cleanup.assume_dead(dead, "flannel") == dead


def chain(name: str, *rules: tuple[str, str], owner: str = "host", policy: str = "-", **place: t.Any) -> model.Chain:
    where = {"backend": "nft", "family": 4, "table": "filter", **place}
    return model.Chain(name=name, policy=policy, rules=tuple(model.Rule(*rule) for rule in rules), owner=owner, **where)


@pytest.mark.parametrize(
    ("chains", "stdin", "removals"),
    [
        pytest.param(
            (
                chain(
                    "FORWARD",
                    ('-m comment --comment "flanneld forward" -j FLANNEL-FWD', "flannel"),
                    ("-j KUBE-FORWARD", "kube-proxy"),
                    policy="ACCEPT",
                ),
                chain("FLANNEL-FWD", ("-s 10.244.0.0/16 -j ACCEPT", "flannel"), owner="flannel"),
                chain("KUBE-FORWARD", owner="kube-proxy"),
            ),
            '*filter\n-D FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD\n-F FLANNEL-FWD\n-X FLANNEL-FWD\nCOMMIT\n',
            (
                Removal("rule", 'nft ipv4 filter FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD'),
                Removal("chain", "nft ipv4 filter FLANNEL-FWD"),
            ),
            id="jump, then chain",
        ),
        pytest.param(
            (chain("FORWARD", ("-s 10.244.0.0/16 -j ACCEPT", "flannel"), ("-s 10.0.0.0/8 -j ACCEPT", "host"), policy="DROP"),),
            "*filter\n-D FORWARD -s 10.244.0.0/16 -j ACCEPT\nCOMMIT\n",
            (Removal("rule", "nft ipv4 filter FORWARD -s 10.244.0.0/16 -j ACCEPT"),),
            id="old style: rules and no chain",
        ),
        pytest.param(
            (
                chain("cali-a", ("-g cali-b", "calico"), owner="calico"),
                chain("cali-b", owner="calico"),
                chain("MINE", ("-i eth0 -g cali-a", "host"), ('-m comment --comment "no -j cali-a" -j DROP', "host")),
            ),
            "*filter\n-D MINE -i eth0 -g cali-a\n-F cali-a\n-F cali-b\n-X cali-a\n-X cali-b\nCOMMIT\n",
            (
                Removal("rule", "nft ipv4 filter MINE -i eth0 -g cali-a"),
                Removal("chain", "nft ipv4 filter cali-a"),
                Removal("chain", "nft ipv4 filter cali-b"),
            ),
            id="all flushed before any is deleted, and a foreign rule that would hold one",
        ),
        pytest.param((chain("FORWARD", policy="DROP", owner="calico"),), None, (), id="a built-in chain cannot go"),
    ],
)
@pytest.mark.parametrize("cni", ["flannel", "calico"])
def test_iptables(cni: str, chains: tuple[model.Chain, ...], stdin: str | None, removals: tuple[Removal, ...]) -> None:
    owners = {owner for item in chains for owner in (item.owner, *(rule.owner for rule in item.rules))}
    plan = cleanup.plan(node(chains=chains), cni)
    if cni not in owners or stdin is None:
        assert plan.commands == ()
        return
    (command,) = plan.commands
    assert command.argv == ("iptables-nft-restore", "--noflush", "--wait=10")
    assert (command.stdin, command.removals) == (stdin, removals)


def test_one_restore_for_each_backend_family_and_table() -> None:
    places = [(backend, family, table) for backend in ("legacy", "nft") for family in (4, 6) for table in ("filter", "nat")]
    chains = tuple(chain("FLANNEL-X", owner="flannel", backend=backend, family=family, table=table) for backend, family, table in places)
    commands = cleanup.plan(node(chains=chains), "flannel").commands
    assert [(command.argv[0], command.stdin.splitlines()[0]) for command in commands] == [
        ("iptables-legacy-restore", "*nat"),
        ("ip6tables-legacy-restore", "*nat"),
        ("iptables-nft-restore", "*nat"),
        ("ip6tables-nft-restore", "*nat"),
        ("iptables-legacy-restore", "*filter"),
        ("ip6tables-legacy-restore", "*filter"),
        ("iptables-nft-restore", "*filter"),
        ("ip6tables-nft-restore", "*filter"),
    ]


FLANNEL1 = model.Link("flannel.1", kind="vxlan", up=True, owner="flannel-vxlan")
TUNL0 = model.Link("tunl0", kind="ipip", up=True, owner="calico")


@pytest.mark.parametrize(
    ("cni", "items", "batches"),
    [
        pytest.param(
            "flannel",
            {
                "links": (model.Link("eth0"), FLANNEL1, CNI0),
                "addresses": (
                    model.Address("flannel.1", "10.244.1.0", 32, owner="flannel-vxlan"),
                    model.Address("eth0", "192.0.2.1", 24, owner="host"),
                ),
                "routes": (model.Route("10.244.2.0/24", "10.244.2.0", "flannel.1", onlink=True, owner="flannel-vxlan"),),
                "neighbours": (model.Neighbour("10.244.2.0", "flannel.1", owner="flannel-vxlan"),),
                "fdb": (model.FdbEntry("02:00:00:00:00:01", "flannel.1", "192.0.2.2", flags=("self",), owner="flannel-vxlan"),),
            },
            {"ip": "link del dev cni0\nlink del dev flannel.1\n"},
            id="what hangs on a link goes with it, and the bridge goes first",
        ),
        pytest.param(
            "flannel",
            {
                "routes": (
                    model.Route("10.244.2.0/24", "192.0.2.2", "eth0", owner="flannel-host-gw"),
                    model.Route("10.9.0.0/24", "192.0.2.9", "eth0", owner="host"),
                    model.Route("fd00:2::/64", "2001:db8::2", "eth0", metric=1024, family=6, table="77", owner="flannel-host-gw"),
                    model.Route("10.244.1.0/24", device="eth0", protocol="kernel", owner="flannel"),
                    model.Route("10.244.1.1/32", device="eth0", kind="local", table="local", owner="flannel"),
                ),
            },
            {
                "ip": "route del 10.244.2.0/24 via 192.0.2.2 dev eth0 table main\n"
                "route del fd00:2::/64 via 2001:db8::2 dev eth0 metric 1024 table 77\n"
            },
            id="host-gw: routes over a foreign link, and none the kernel made",
        ),
        pytest.param(
            "calico",
            {
                "links": (TUNL0, model.Link("vxlan.calico", kind="vxlan", owner="calico")),
                "addresses": (model.Address("tunl0", "10.244.1.1", 32, owner="calico"),),
                "routes": (
                    model.Route("10.244.1.0/26", kind="blackhole", protocol="80", owner="calico"),
                    model.Route("10.244.2.0/26", "192.0.2.2", "tunl0", protocol="bird", onlink=True, owner="calico"),
                ),
            },
            {
                "ip": "route del blackhole 10.244.1.0/26 proto 80 table main\n"
                "route del 10.244.2.0/26 via 192.0.2.2 dev tunl0 proto bird table main\n"
                "link set dev tunl0 down\naddress del 10.244.1.1/32 dev tunl0\nlink del dev vxlan.calico\n"
            },
            id="calico: tunl0 is the kernel's and only loses its address",
        ),
        pytest.param("calico", {"links": (model.Link("tunl0", kind="ipip", owner="calico"),)}, {}, id="tunl0 already down"),
        pytest.param(
            "calico",
            {"links": (veth("cali1", owner="calico", state="LOWERLAYERDOWN"),)},
            {"ip": "link del dev cali1\n"},
            id="a link whose pod is gone",
        ),
        pytest.param(
            "flannel",
            {
                "fdb": (model.FdbEntry("02:00:00:00:00:01", "vx", "192.0.2.2", flags=("self",), owner="flannel"),),
                "neighbours": (model.Neighbour("10.244.2.0", "vx", owner="flannel"),),
            },
            {"bridge": "fdb del 02:00:00:00:00:01 dev vx dst 192.0.2.2 self\n", "ip": "neighbour del 10.244.2.0 dev vx\n"},
            id="entries on a link that stays",
        ),
    ],
)
def test_network(cni: str, items: dict[str, t.Any], batches: dict[str, str]) -> None:
    plan = cleanup.plan(node(**items), cni)
    assert {command.argv[0]: command.stdin for command in plan.commands} == batches
    assert all(command.argv[1:] == ("-force", "-batch", "-") for command in plan.commands)
    assert sum(len(command.removals) for command in plan.commands) == sum(batch.count("\n") for batch in batches.values())


def test_nft_tables_and_ipsets_go_in_one_batch_each() -> None:
    snapshot = node(
        nft_tables=(
            model.NftTable("ip", "flannel-ipv4", owner="flannel"),
            model.NftTable("ip6", "flannel-ipv6", owner="flannel"),
            model.NftTable("inet", "f"),
        ),
        ipsets=(
            model.Ipset("a", "hash:net", owner="flannel"),
            model.Ipset("b", "list:set", owner="flannel"),
            model.Ipset("c", owner="host"),
        ),
    )
    assert [(command.argv, command.stdin) for command in cleanup.plan(snapshot, "flannel").commands] == [
        (("nft", "-f", "-"), "delete table ip flannel-ipv4\ndelete table ip6 flannel-ipv6\n"),
        (("ipset", "restore"), "destroy b\ndestroy a\n"),
    ]


@pytest.mark.parametrize(
    ("files", "conflists", "paths"),
    [
        pytest.param(
            (
                model.File("/run/flannel", "state", owner="flannel"),
                model.File("/run/flannel/subnet.env", "state", owner="flannel"),
                model.File("/opt/cni/bin/flannel", "binary", owner="flannel"),
                model.File("/opt/cni/bin/bridge", "binary", owner="unknown"),
                model.File("/var/lib/cni/networks/cbr0", "state", owner="flannel"),
                model.File("/etc/kube-flannel", "config", owner="flannel"),
            ),
            (
                model.Conflist("/etc/cni/net.d/10-flannel.conflist", owner="flannel"),
                model.Conflist("/etc/cni/net.d/10-calico.conflist", owner="calico"),
            ),
            (
                ("file", "/opt/cni/bin/flannel"),
                ("file", "/var/lib/cni/networks/cbr0"),
                ("file", "/etc/kube-flannel"),
                ("conflist", "/etc/cni/net.d/10-flannel.conflist"),
                ("file", "/run/flannel"),
            ),
            id="evidence last, nothing twice",
        ),
        pytest.param(
            (
                model.File("/var/lib/x", "state", owner="flannel"),
                model.File("/var/lib/x/kept", "state", owner="host"),
                model.File("/var/lib/xy", "state", owner="flannel"),
            ),
            (),
            (("file", "/var/lib/xy"),),
            id="a directory that holds something foreign stays",
        ),
        pytest.param(
            (model.File("/etc/cni/net.d/f.conf", "config", owner="flannel"),),
            (model.Conflist("/etc/cni/net.d/f.conf", owner="flannel"),),
            (("conflist", "/etc/cni/net.d/f.conf"),),
            id="listed as file and as conflist",
        ),
    ],
)
def test_paths(files: tuple[model.File, ...], conflists: tuple[model.Conflist, ...], paths: tuple[tuple[str, str], ...]) -> None:
    plan = cleanup.plan(node(files=files, conflists=conflists), "flannel")
    assert tuple((removal.kind, removal.name) for removal in plan.paths) == paths


def test_links_before_chains_before_files() -> None:
    snapshot = node(
        links=(FLANNEL1,), files=(model.File("/run/flannel", "state", owner="flannel"),), chains=(chain("FLANNEL-FWD", owner="flannel"),)
    )
    assert [removal.kind for removal in cleanup.plan(snapshot, "flannel").removals] == ["link", "chain", "file"]


@pytest.mark.parametrize("owner", [owner for owner in model.OWNERS if not owner.startswith("flannel")])
def test_what_another_owns_stays(owner: str) -> None:
    snapshot = node(
        links=(model.Link("l", owner=owner),),
        addresses=(model.Address("l", "192.0.2.1", 32, owner=owner),),
        routes=(model.Route("10.0.0.0/24", device="l", owner=owner),),
        neighbours=(model.Neighbour("10.0.0.1", "l", owner=owner),),
        fdb=(model.FdbEntry("02:00:00:00:00:01", "l", owner=owner),),
        chains=(chain("C", ("-j ACCEPT", owner), owner=owner),),
        nft_tables=(model.NftTable("ip", "x", owner=owner),),
        ipsets=(model.Ipset("s", owner=owner),),
        conflists=(model.Conflist("/etc/cni/net.d/x.conf", owner=owner),),
        files=(model.File("/var/lib/x", "state", owner=owner),),
    )
    assert cleanup.plan(snapshot, "flannel") == cleanup.CleanupPlan()
