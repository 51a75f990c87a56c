# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import re
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, preflight, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import Journal

NETWORK = "10.244.0.0/16"


def node(name: str, number: int = 1, **changes: t.Any) -> cluster.Node:
    healthy = cluster.Node(
        name=name,
        ready=True,
        internal_ips=(f"192.0.2.{10 + number}",),
        pod_cidrs=(f"10.244.{number}.0/24",),
        architecture="amd64",
        operating_system="linux",
        runtime="containerd://1.6.20",
    )
    return dataclasses.replace(healthy, **changes)


def flannel(name: str = "kube-flannel-ds", **changes: t.Any) -> cluster.Flannel:
    healthy = cluster.Flannel(
        daemonset=cluster.ObjectRef("apps/v1", "DaemonSet", name, "kube-flannel"),
        config_map=cluster.ObjectRef("v1", "ConfigMap", "kube-flannel-cfg", "kube-flannel"),
        network=NETWORK,
        backend="vxlan",
        desired=2,
        ready=2,
    )
    return dataclasses.replace(healthy, **changes)


POOL = cluster.IPPool("default-ipv4-ippool", NETWORK, "Always")
CALICO = cluster.Calico(cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system"), pools=(POOL,))
CALICO_API_ONLY = cluster.Calico()

ON_FLANNEL = cluster.ClusterSnapshot(
    nodes=(node("n1", 1), node("n2", 2)),
    flannel=(flannel(),),
    service_cidrs=("10.96.0.0/12",),
    cluster_cidrs=(NETWORK,),
    kube_proxy_mode="iptables",
    searched=("DaemonSets in all namespaces (kube-system/kube-proxy)",),
)
ON_CALICO = dataclasses.replace(ON_FLANNEL, flannel=(), calico=CALICO)
ON_NOTHING = dataclasses.replace(ON_FLANNEL, flannel=())

FLANNEL_FILE = snapshot.Conflist("/etc/cni/net.d/10-flannel.conflist", wins=True, owner="flannel")
CALICO_FILE = snapshot.Conflist("/etc/cni/net.d/10-calico.conflist", wins=True, owner="calico")
SUBNET_ENV = {"FLANNEL_NETWORK": NETWORK, "FLANNEL_SUBNET": "10.244.1.1/24"}
VXLAN = snapshot.Link("flannel.1", "vxlan", owner="flannel-vxlan")

FLANNEL_NODE = snapshot.NodeSnapshot("any", links=(VXLAN,), conflists=(FLANNEL_FILE,), subnet_env=SUBNET_ENV)
CALICO_NODE = snapshot.NodeSnapshot("any", links=(snapshot.Link("vxlan.calico", "vxlan", owner="calico"),), conflists=(CALICO_FILE,))
OLD_RULES = snapshot.Chain("legacy", 4, "nat", "POSTROUTING", rules=(snapshot.Rule('--comment "flanneld masq"', owner="flannel"),))
OLD_RULES_NODE = snapshot.NodeSnapshot("any", conflists=(CALICO_FILE,), chains=(OLD_RULES,))
BARE_NODE = snapshot.NodeSnapshot("any")

NOTHING_NOTED = Journal()
BEGUN = Journal("flannel", NETWORK, "cleaning")


def both(one: snapshot.NodeSnapshot, other: snapshot.NodeSnapshot | None = None) -> dict[str, snapshot.NodeSnapshot]:
    return {"n1": one, "n2": other or one}


def examine(
    seen: cluster.ClusterSnapshot = ON_FLANNEL,
    nodes: dict[str, snapshot.NodeSnapshot] | None = None,
    journal: Journal = NOTHING_NOTED,
    **wanted: t.Any,
) -> preflight.Verdict:
    return preflight.examine(seen, both(FLANNEL_NODE) if nodes is None else nodes, preflight.Wanted(**wanted), journal)


def failed(verdict: preflight.Verdict) -> list[str]:
    return [check.id for check in checks.failures(verdict.checks)]


def with_changes(**changes: t.Any) -> cluster.ClusterSnapshot:
    return dataclasses.replace(ON_FLANNEL, **changes)


@pytest.mark.parametrize("hosts", [(), ("n1", "n2")])
def test_a_healthy_flannel_cluster_passes(hosts: tuple[str, ...]) -> None:
    verdict = examine(hosts=hosts)
    assert checks.failures(verdict.checks) == ()
    assert (verdict.state, verdict.network, verdict.passed) == ("flannel", NETWORK, True)
    assert {"nodes-reachable", "nodes-ready", "flannel-found", "one-flannel", "calico-absent", "kernel-vxlan", "conflist-winner"} <= {
        check.id for check in verdict.checks if check.result == checks.PASSED
    }


@pytest.mark.parametrize(
    ("seen", "nodes", "journal", "state", "network"),
    [
        pytest.param(ON_FLANNEL, FLANNEL_NODE, NOTHING_NOTED, "flannel", NETWORK, id="flannel"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, BEGUN, "flannel", NETWORK, id="journal written, nothing removed yet"),
        pytest.param(ON_NOTHING, FLANNEL_NODE, NOTHING_NOTED, "migrating", NETWORK, id="flannel deleted, nodes still full of it"),
        pytest.param(ON_NOTHING, BARE_NODE, BEGUN, "migrating", NETWORK, id="flannel and its leftovers gone, journal remembers"),
        pytest.param(
            ON_NOTHING, snapshot.NodeSnapshot("x", links=(VXLAN,)), NOTHING_NOTED, "migrating", "", id="only a device, after a reboot"
        ),
        pytest.param(
            ON_NOTHING, snapshot.NodeSnapshot("x", conflists=(FLANNEL_FILE,)), NOTHING_NOTED, "migrating", "", id="only the conflist"
        ),
        pytest.param(ON_CALICO, FLANNEL_NODE, NOTHING_NOTED, "migrating", NETWORK, id="Calico applied, leftovers on nodes"),
        pytest.param(ON_CALICO, OLD_RULES_NODE, NOTHING_NOTED, "migrating", NETWORK, id="Calico applied, an old flannel's rules left"),
        pytest.param(ON_CALICO, CALICO_NODE, BEGUN, "migrating", NETWORK, id="Calico applied, journal open"),
        pytest.param(with_changes(calico=CALICO), FLANNEL_NODE, BEGUN, "migrating", NETWORK, id="both run, journal open"),
        pytest.param(with_changes(calico=CALICO), FLANNEL_NODE, NOTHING_NOTED, "flannel", NETWORK, id="both run, no journal"),
        pytest.param(ON_CALICO, CALICO_NODE, NOTHING_NOTED, "calico", NETWORK, id="calico"),
        pytest.param(ON_CALICO, CALICO_NODE, Journal("flannel", NETWORK, "done"), "calico", NETWORK, id="migration is over"),
        pytest.param(
            ON_CALICO,
            dataclasses.replace(CALICO_NODE, files=(snapshot.File("/opt/cni/bin/flannel", "binary", owner="flannel"),)),
            NOTHING_NOTED,
            "calico",
            NETWORK,
            id="a package's flannel binary is no leftover",
        ),
        pytest.param(ON_NOTHING, BARE_NODE, NOTHING_NOTED, "none", NETWORK, id="none"),
        pytest.param(
            dataclasses.replace(ON_NOTHING, calico=CALICO_API_ONLY),
            BARE_NODE,
            NOTHING_NOTED,
            "none",
            NETWORK,
            id="only Calico's CRDs",
        ),
        pytest.param(
            dataclasses.replace(ON_NOTHING, other_cnis=("Cilium (kube-system/cilium)",)),
            BARE_NODE,
            NOTHING_NOTED,
            "other",
            "",
            id="other",
        ),
    ],
)
def test_state(seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, journal: Journal, state: str, network: str) -> None:
    verdict = examine(seen, both(nodes), journal)
    assert (verdict.state, verdict.network) == (state, network)
    assert verdict.state in preflight.STATES


@pytest.mark.parametrize(
    ("nodes", "journal", "wanted", "network"),
    [
        pytest.param(both(FLANNEL_NODE), NOTHING_NOTED, "10.244.0.0/17", "10.244.0.0/17", id="the wanted one wins"),
        pytest.param(both(BARE_NODE), Journal("flannel", "10.9.0.0/16", "x"), "", "10.9.0.0/16", id="the journal's"),
        pytest.param(both(FLANNEL_NODE), Journal("flannel", "10.9.0.0/16", "x"), "", "10.9.0.0/16", id="the journal before the nodes"),
        pytest.param(both(FLANNEL_NODE, BARE_NODE), NOTHING_NOTED, "", NETWORK, id="what one node remembers"),
        pytest.param(
            both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, subnet_env={"FLANNEL_NETWORK": "10.1.0.0/16"})),
            NOTHING_NOTED,
            "",
            "",
            id="nodes that disagree settle nothing",
        ),
    ],
)
def test_network_of_an_interrupted_migration(nodes: dict[str, snapshot.NodeSnapshot], journal: Journal, wanted: str, network: str) -> None:
    assert examine(ON_NOTHING, nodes, journal, network=wanted).network == network


@pytest.mark.parametrize("calico", [None, CALICO])
def test_an_interrupted_migration_may_go_on(calico: cluster.Calico | None) -> None:
    # Without a CNI, kubelet reports its node as not Ready: that must not stop the run that repairs it.
    nodes = tuple(dataclasses.replace(item, ready=False) for item in ON_FLANNEL.nodes)
    verdict = examine(dataclasses.replace(ON_NOTHING, nodes=nodes, calico=calico), both(BARE_NODE), BEGUN)
    assert failed(verdict) == []
    assert {"nodes-ready", "flannel-found", "conflist-winner"} <= {check.id for check in verdict.checks if check.result == checks.SKIPPED}


def test_on_calico_already_it_says_so_and_asks_no_more_than_needed() -> None:
    # An old cluster may break the rules of a change and still be what was asked for.
    seen = dataclasses.replace(ON_CALICO, cluster_cidrs=("172.16.0.0/16",), nodes=(node("n1", architecture="riscv64"), node("n2", 2)))
    verdict = examine(seen, both(CALICO_NODE))
    assert failed(verdict) == []
    assert [check.seen for check in verdict.checks if check.id == "already-calico"] == ["the cluster runs calico: nothing to change"]


STRANGE_WINNER = snapshot.Conflist("/etc/cni/net.d/00-bridge.conf", wins=True, reason="first in lexical order", owner="unknown")

BAD = [
    # id of the only check that fails, its place, words of the message, and how the cluster differs from a healthy one
    ("nodes-reachable", "n2", "could not be inspected", {"nodes": {"n1": FLANNEL_NODE}}),
    ("nodes-reachable", "n2", "ansible -m ping", {"nodes": {"n1": FLANNEL_NODE}, "hosts": ("n1", "n2")}),
    ("inventory-matches-nodes", "n2", "is not in the inventory", {"nodes": {"n1": FLANNEL_NODE}, "hosts": ("n1",)}),
    ("inventory-matches-nodes", "web", "is no node of the cluster", {"nodes": {**both(FLANNEL_NODE), "web": BARE_NODE}}),
    (
        "inventory-matches-nodes",
        "alias",
        "its own name n1 is one",
        {"nodes": {**both(FLANNEL_NODE), "alias": dataclasses.replace(FLANNEL_NODE, hostname="n1")}},
    ),
    ("nodes-found", "Node objects", "has no node", {"seen": with_changes(nodes=()), "nodes": {}}),
    ("nodes-ready", "n2", "n2 is not Ready", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, ready=False)))}),
    (
        "flannel-found",
        "DaemonSets of all namespaces",
        "DaemonSets in all namespaces (kube-system/kube-proxy)",
        {"seen": ON_NOTHING, "nodes": both(BARE_NODE)},
    ),
    ("one-flannel", "kube-flannel/a, kube-flannel/b", "2 flannel DaemonSets", {"seen": with_changes(flannel=(flannel("a"), flannel("b")))}),
    ("calico-absent", "kube-system/calico-node", "no migration of ours began it", {"seen": with_changes(calico=CALICO)}),
    ("calico-absent", "Installation", "operator", {"seen": with_changes(calico=cluster.Calico(operator=True))}),
    ("no-other-cni", "Multus (kube-system/multus)", "other CNIs run", {"seen": with_changes(other_cnis=("Multus (kube-system/multus)",))}),
    (
        "no-opposite-migration",
        "ConfigMap kube-system/podnet-cni-migration",
        "away from calico",
        {"journal": Journal("calico", "", "x")},
    ),
    (
        "not-managed-by-gitops",
        "kube-flannel/kube-flannel-ds",
        "Argo CD manages",
        {"seen": with_changes(flannel=(flannel(managed_by="Argo CD"),))},
    ),
    (
        "not-managed-by-gitops",
        "kube-flannel/kube-flannel-ds",
        "bring it back",
        {"seen": with_changes(flannel=(flannel(managed_by="addon manager"),))},
    ),
    (
        "network-known",
        "ConfigMap kube-flannel/kube-flannel-cfg",
        "not known",
        {"seen": with_changes(flannel=(flannel(network=""),)), "nodes": both(dataclasses.replace(FLANNEL_NODE, subnet_env={}))},
    ),
    ("network-known", "ConfigMap kube-flannel/kube-flannel-cfg", "host bits set", {"network": "10.244.1.0/16"}),
    ("network-known", "ConfigMap kube-flannel/kube-flannel-cfg", "not an IPv4 network", {"network": "fd00::/48"}),
    ("pool-inside-cluster-cidr", "network", "outside the cluster's pod range", {"network": "10.50.0.0/16"}),
    (
        "pool-inside-cluster-cidr",
        "network",
        "outside the cluster's pod range",
        {"network": "10.50.0.0/16", "seen": with_changes(cluster_cidrs=())},
    ),
    ("pool-overlaps-services", "network", "10.96.0.0/12", {"network": "10.96.0.0/16", "seen": with_changes(cluster_cidrs=("10.0.0.0/8",))}),
    (
        "pool-overlaps-nodes",
        "network",
        "n1 (192.0.2.11)",
        {"network": "192.0.2.0/24", "seen": with_changes(cluster_cidrs=(NETWORK, "192.0.2.0/24"))},
    ),
    ("pool-big-enough", "network", "1 blocks of /26 for 2 nodes", {"network": "10.244.0.0/26"}),
    ("pool-big-enough", "network", "0 blocks", {"network": "10.244.0.0/28"}),
    (
        "podcidr-inside-network",
        "n2",
        "10.9.0.0/24 is not inside",
        {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=("10.9.0.0/24",))))},
    ),
    ("podcidr-inside-network", "n2", "(none)", {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=())))}),
    (
        "cluster-cidr-matches",
        "net-conf.json and --cluster-cidr",
        "nothing in common",
        {"network": "172.20.0.0/16", "seen": with_changes(cluster_cidrs=("172.20.0.0/16",))},
    ),
    ("ipv4-only", "n2", "IPv6", {"seen": with_changes(nodes=(node("n1"), node("n2", pod_cidrs=("10.244.2.0/24", "fd00::/64"))))}),
    ("architecture-supported", "n2", "riscv64", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, architecture="riscv64")))}),
    ("architecture-supported", "n2", "architecture arm ", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, architecture="arm")))}),
    ("os-supported", "n2", "windows", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, operating_system="windows")))}),
    ("runtime-supported", "n2", "docker://20.10", {"seen": with_changes(nodes=(node("n1"), node("n2", 2, runtime="docker://20.10")))}),
    (
        "conflist-winner",
        "n2",
        "00-bridge.conf of unknown wins (first in lexical order)",
        {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, conflists=(STRANGE_WINNER,)))},
    ),
    ("conflist-winner", "n2", "no valid file in", {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, conflists=()))}),
    ("strategy-known", "strategy", "unknown strategy 'teleport'", {"strategy": "teleport"}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=[f"{name}: {words}" for name, _where, words, _changes in BAD])
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    verdict = examine(**changes)
    assert failed(verdict) == [name]
    (check,) = checks.failures(verdict.checks)
    assert check.where == where
    assert check.seen
    assert check.next_step
    message = preflight.failure_message(verdict)
    assert re.search(re.escape(words), message)
    assert all(part in message for part in (name, where, check.next_step, "nothing was changed"))


@pytest.mark.parametrize(
    ("strategy", "target", "name"),
    [("cutover", "flannel", "strategy-known"), ("", "calico", "strategy-known")],
)
def test_strategy_that_does_not_lead_there(strategy: str, target: str, name: str) -> None:
    assert name in failed(examine(strategy=strategy, target=target))


def test_flannel_is_not_installed_where_podcidrs_are_outside_its_network() -> None:
    seen = dataclasses.replace(ON_NOTHING, cluster_cidrs=())
    verdict = examine(seen, both(BARE_NODE), strategy="install", target="flannel", network="10.9.0.0/16")
    assert failed(verdict) == ["podcidr-inside-network"] * 2


def test_nothing_is_said_about_nodes_that_nobody_inspected() -> None:
    asked = {check.id for check in examine(nodes={}).checks}
    assert asked.isdisjoint({"conflist-winner", "one-iptables-backend", "kernel-vxlan"})


def test_a_pool_of_an_interrupted_migration_cannot_change() -> None:
    verdict = examine(ON_CALICO, both(BARE_NODE), BEGUN, network="10.244.0.0/17")
    assert failed(verdict) == ["pool-unchanged"]


def test_messages_list_every_failure() -> None:
    verdict = examine(with_changes(nodes=(node("n1", ready=False), node("n2", 2, ready=False))), strategy="teleport")
    lines = preflight.failure_message(verdict).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith(f"3 of {len(verdict.checks)} answers speak against it:")


@pytest.mark.parametrize(
    ("seen", "nodes", "target", "failures"),
    [
        pytest.param(ON_NOTHING, BARE_NODE, "calico", [], id="calico on nothing"),
        pytest.param(ON_NOTHING, BARE_NODE, "flannel", [], id="flannel on nothing"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "flannel", [], id="flannel again"),
        pytest.param(ON_CALICO, CALICO_NODE, "calico", [], id="calico again"),
        pytest.param(ON_FLANNEL, FLANNEL_NODE, "calico", ["cni-absent"], id="calico on flannel"),
        pytest.param(ON_CALICO, CALICO_NODE, "flannel", ["cni-absent"], id="flannel on calico"),
        pytest.param(ON_NOTHING, FLANNEL_NODE, "calico", ["cni-absent"], id="calico on what flannel left"),
        pytest.param(
            dataclasses.replace(ON_NOTHING, other_cnis=("Cilium (a/b)",)), BARE_NODE, "calico", ["no-other-cni"], id="calico on another CNI"
        ),
    ],
)
def test_installation(seen: cluster.ClusterSnapshot, nodes: snapshot.NodeSnapshot, target: str, failures: list[str]) -> None:
    # Before a CNI is installed, no node is Ready.
    lazy = dataclasses.replace(
        seen, nodes=tuple(dataclasses.replace(item, ready=bool(seen.flannel or seen.calico or seen.other_cnis)) for item in seen.nodes)
    )
    assert failed(examine(lazy, both(nodes), strategy="install", target=target, network=NETWORK)) == failures


@pytest.mark.parametrize(
    ("changes", "name", "result", "words"),
    [
        ({"seen": with_changes(flannel=(flannel(managed_by="Helm"),))}, "not-managed-by-gitops", "passed", "Helm installed it"),
        ({"seen": with_changes(cluster_cidrs=("10.0.0.0/8",))}, "cluster-cidr-matches", "passed", "not equal"),
        ({"seen": with_changes(service_cidrs=())}, "pool-overlaps-services", "skipped", "does not tell"),
        ({"encapsulation": "ipip"}, "kernel-ipip", "skipped", "n1, n2"),
        (
            {"nodes": both(FLANNEL_NODE, dataclasses.replace(FLANNEL_NODE, links=()))},
            "kernel-vxlan",
            "skipped",
            "no vxlan device yet to prove it on n2",
        ),
        (
            {
                "nodes": both(
                    FLANNEL_NODE,
                    dataclasses.replace(
                        FLANNEL_NODE,
                        chains=tuple(
                            snapshot.Chain(backend, 4, "nat", "KUBE-X", rules=(snapshot.Rule("-j x"),)) for backend in ("legacy", "nft")
                        ),
                    ),
                )
            },
            "one-iptables-backend",
            "passed",
            "warning: rules in both legacy and nft iptables on n2",
        ),
    ],
)
def test_notes_that_do_not_stop_anything(changes: dict[str, t.Any], name: str, result: str, words: str) -> None:
    verdict = examine(**changes)
    assert failed(verdict) == []
    (check,) = (check for check in verdict.checks if check.id == name)
    assert check.result == result
    assert words in check.seen


def test_every_check_that_can_fail_is_in_a_table() -> None:
    tested = {name for name, _where, _words, _changes in BAD} | {"pool-unchanged", "cni-absent"}
    source = re.findall(r'_failed\(\s*"([a-z0-9-]+)"', t.cast("t.Any", preflight.__loader__).get_source(preflight.__name__))
    assert set(source) | {"architecture-supported", "os-supported", "runtime-supported"} == tested
