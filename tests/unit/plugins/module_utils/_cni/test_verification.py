# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, probes, snapshot, verification
from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import BROKEN, REACHED, REFUSED, SILENT, UNREAD, Probe, Reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Conflist, NodeSnapshot, Runtime
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import CNIS, Place, Port, Scene, Service

CALICO, FLANNEL = CNIS["calico"], CNIS["flannel"]
NODES = ("n1", "n2", "n3")
CANARIES = tuple(Place(node, f"canary-{node}", f"10.9.{number}.1") for number, node in enumerate(NODES, 1))
HOSTS = tuple(Place(node, f"host-{node}", f"192.0.2.{number}") for number, node in enumerate(NODES, 1))
SCENE = Scene(
    canaries=CANARIES,
    hosts=HOSTS,
    sentinel=Place("n1", "sentinel", "10.9.1.2"),
    service=Service("ns", "canary", "10.96.0.9", (Port(8080, 30080),)),
    external=Service("ns", "canary-external", "10.96.0.10", (Port(18080),), ("192.0.2.1",)),
    node_addresses={host.node: host.address for host in HOSTS},
)
ONE_NODE = dataclasses.replace(SCENE, canaries=CANARIES[:1], hosts=HOSTS[:1], node_addresses={"n1": "192.0.2.1"})
BLOCKS = tuple(
    cluster.IPAMBlock(f"10.9.{number}.0/26", node, {f"10.9.{number}.1": f"ns/canary-{node}"}, (f"10.9.{number}.0",))
    for number, node in enumerate(NODES, 1)
)
AGENT = cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system")
CLUSTER = cluster.ClusterSnapshot(
    nodes=tuple(cluster.Node(node, ready=True, pod_cidrs=(f"10.9.{number}.0/24",)) for number, node in enumerate(NODES, 1)),
    calico=cluster.Calico(AGENT, desired=3, ready=3, blocks=BLOCKS),
)


def good(probe: Probe) -> Reading:
    """What the probe sees where all is well."""
    if probe.kind == probes.ROUTE:
        return Reading(probe, REACHED, "cali0123456789a")
    if probe.target.endswith("/clientip"):
        return Reading(probe, REACHED, f"{probe.wanted}:40000")
    return Reading(probe, REACHED, "canary-n1" if probe.kind == probes.HTTP else "")


def judge(
    scene: Scene, cni: verification.Cni = CALICO, spoil: t.Callable[[Reading], Reading] = lambda reading: reading
) -> dict[str, t.Any]:
    readings = [spoil(good(probe)) for probe in verification.plan(scene, cni)]
    checks = verification.canary_checks(scene, CLUSTER, cni, readings, policy(scene))
    return {check.id: check for check in checks}


def policy(scene: Scene, *words: str) -> verification.PolicyReadings:
    before, denied, after = words or (REACHED, SILENT, REACHED)
    asked = verification.policy_probes(scene)
    return verification.PolicyReadings(*(tuple(Reading(probe, word) for probe in asked) for word in (before, denied, after)))


def test_what_is_asked_on_three_nodes() -> None:
    asked = collections.Counter(probe.check for probe in verification.plan(SCENE, CALICO))
    assert asked == {
        "pod-to-pod": 6,
        "pod-to-service": 3,
        "pod-to-dns-name": 3,
        "canary-veth": 3,
        "host-to-nodeport": 9,
        "host-to-externalip": 3,
    }
    assert {probe.target for probe in verification.plan(SCENE, CALICO) if probe.check == "pod-to-dns-name"} == {
        "canary.ns.svc:8080/hostname"
    }


def test_each_probe_is_asked_once() -> None:
    user = dataclasses.replace(SCENE, user_service=Service("demo", "app", "10.96.0.50", (Port(80, 30000),), ("192.0.2.9",), ("192.0.2.8",)))
    asked = verification.plan(user, CALICO)
    assert len(set(asked)) == len(asked)


def test_all_is_well() -> None:
    checks = judge(SCENE)
    assert list(checks) == list(verification.QUESTIONS)
    assert {check.result for check in checks.values()} == {"passed"}
    assert {check.next_step for check in checks.values()} == {""}


def test_one_node() -> None:
    checks = judge(ONE_NODE)
    skipped = {name for name, check in checks.items() if check.result == "skipped"}
    assert skipped == {"pod-to-pod", "source-address"}
    assert {check.result for check in checks.values()} == {"passed", "skipped"}


def test_no_canary_runs() -> None:
    checks = judge(Scene(absent=("canary on n1: phase Pending",)))
    assert checks["canary-ready"].result == "failed"
    assert {check.result for name, check in checks.items() if name != "canary-ready"} == {"skipped"}


def test_flannel_is_asked_what_it_can_do() -> None:
    checks = judge(SCENE, FLANNEL)
    assert {name for name, check in checks.items() if check.result == "skipped"} == {"canary-veth", "policy-enforced"}
    assert checks["canary-address"].result == "passed"


@pytest.mark.parametrize(
    ("check", "word", "text", "seen"),
    [
        ("pod-to-pod", SILENT, "timed out", "n1 -> n2: timeout (timed out)"),
        ("pod-to-service", REACHED, "stranger", "answered by 'stranger', which is no canary"),
        ("pod-to-dns-name", probes.UNRESOLVED, "", "n1 -> canary.ns.svc:8080: no DNS answer"),
        ("host-to-nodeport", REFUSED, "", "n1 -> 192.0.2.1:30080: refused"),
        ("host-to-externalip", BROKEN, "no route to host", "n1 -> 192.0.2.1:18080: failed (no route to host)"),
        ("canary-veth", REACHED, "flannel.1", "n1 -> 10.9.1.1: routed to flannel.1"),
        ("canary-veth", UNREAD, "it broke", "n1 -> 10.9.1.1: not measured (it broke)"),
    ],
)
def test_one_bad_reading_fails_its_check_alone(check: str, word: str, text: str, seen: str) -> None:
    def spoil(reading: Reading) -> Reading:
        first = reading.probe == next(probe for probe in verification.plan(SCENE, CALICO) if probe.check == check)
        return Reading(reading.probe, word, text) if first else reading

    checks = judge(SCENE, spoil=spoil)
    assert [name for name, one in checks.items() if one.result == "failed"] == [check]
    assert checks[check].seen.startswith("1 of ")
    assert checks[check].seen.endswith(" ways fail")
    assert len(checks[check].details) == 1
    assert seen in checks[check].details[0]
    assert checks[check].next_step


@pytest.mark.parametrize(("text", "seen"), [("192.0.2.1:4000", "10.9.1.1 arrived as 192.0.2.1"), ("nonsense", "arrived as 'nonsense'")])
def test_a_rewritten_source_fails_its_own_check(text: str, seen: str) -> None:
    def spoil(reading: Reading) -> Reading:
        return Reading(reading.probe, REACHED, text) if reading.probe.check == "pod-to-pod" else reading

    checks = judge(SCENE, spoil=spoil)
    assert [name for name, one in checks.items() if one.result == "failed"] == ["source-address"]
    assert seen in checks["source-address"].details[0]


def test_a_wall_between_nodes_is_told_in_full_and_in_few_lines() -> None:
    def spoil(reading: Reading) -> Reading:
        message = f"curl: (28) timed out after {2000 + len(reading.probe.target)} milliseconds"
        return Reading(reading.probe, SILENT, message) if reading.probe.check == "pod-to-pod" else reading

    many = dataclasses.replace(SCENE, canaries=tuple(Place(f"n{number}", f"c{number}", f"10.9.0.{number}") for number in range(1, 41)))
    check = judge(many, spoil=spoil)["pod-to-pod"]
    assert check.seen == "1560 of 1560 ways fail"
    assert len(check.details) == 40
    assert check.details[0].startswith("n1 -> n2, n3, n4, ")
    assert check.details[0].endswith(", n39, n40: timeout (curl: (28) timed out after 2022 milliseconds)")


def test_rewritten_sources_are_not_lumped_together() -> None:
    def spoil(reading: Reading) -> Reading:
        return (
            Reading(reading.probe, REACHED, f"192.0.2.{reading.probe.target[5]}:4000") if reading.probe.check == "pod-to-pod" else reading
        )

    assert judge(SCENE, spoil=spoil)["source-address"].details[:2] == (
        "n1 -> n2: 10.9.1.1 arrived as 192.0.2.2",
        "n1 -> n3: 10.9.1.1 arrived as 192.0.2.3",
    )


@pytest.mark.parametrize("address", ["10.244.0.7", "10.9.1.0", "10.9.2.1"], ids=["nobody's", "a tunnel's", "another pod's"])
def test_an_address_the_cni_did_not_give(address: str) -> None:
    scene = dataclasses.replace(SCENE, canaries=(Place("n1", "canary-n1", address), *CANARIES[1:]))
    check = judge(scene)["canary-address"]
    assert check.seen == "1 of 3 addresses are not given by calico"
    assert check.details == (f"n1 {address}",)


def test_an_address_outside_its_nodes_range_is_not_flannels() -> None:
    scene = dataclasses.replace(SCENE, canaries=(Place("n1", "canary-n1", "10.9.2.7"), *CANARIES[1:]))
    assert judge(scene, FLANNEL)["canary-address"].details == ("n1 10.9.2.7",)


@pytest.mark.parametrize(
    ("words", "result", "seen"),
    [
        ((REACHED, SILENT, REACHED), "passed", "reached before, timeout while denied, reached after"),
        ((SILENT, SILENT, REACHED), "failed", "before the policy the sentinel did not answer"),
        ((REACHED, REFUSED, REACHED), "failed", "refused and not dropped"),
        ((REACHED, REACHED, REACHED), "failed", "did not make these time out"),
        ((REACHED, BROKEN, REACHED), "failed", "did not make these time out"),
        ((REACHED, UNREAD, REACHED), "failed", "did not make these time out"),
        ((REACHED, SILENT, SILENT), "failed", "after the policy was removed the sentinel did not answer"),
    ],
)
def test_policy(words: tuple[str, str, str], result: str, seen: str) -> None:
    checks = verification.canary_checks(SCENE, CLUSTER, CALICO, (), policy(SCENE, *words))
    (check,) = [check for check in checks if check.id == "policy-enforced"]
    assert check.result == result
    assert seen in check.seen


def test_the_sentinel_is_asked_from_its_own_node_and_from_another() -> None:
    assert [probe.label for probe in verification.policy_probes(SCENE)] == ["n1 (same node) -> n1", "n2 (another node) -> n1"]
    assert [probe.label for probe in verification.policy_probes(ONE_NODE)] == ["n1 (same node) -> n1"]
    assert verification.policy_probes(dataclasses.replace(SCENE, sentinel=None)) == ()


def test_the_users_service() -> None:
    user = Service("demo", "app", "10.96.0.50", (Port(80, 30000), Port(443)), ("192.0.2.9",), ("lb.example",))
    checks = judge(dataclasses.replace(SCENE, user_service=user))
    assert {name: check.seen.partition(" ways")[0] for name, check in checks.items() if name.startswith("service-")} == {
        "service-clusterip": "6 of 6",
        "service-nodeport": "9 of 9",
        "service-externalip": "6 of 6",
        "service-loadbalancer": "6 of 6",
    }
    headless = judge(dataclasses.replace(SCENE, user_service=Service("demo", "app", "", (Port(80),))))
    assert {check.result for name, check in headless.items() if name.startswith("service-")} == {"skipped"}


def test_long_evidence_is_cut() -> None:
    many = tuple(Place(f"n{number}", f"c{number}", f"10.9.0.{number}") for number in range(1, 40))
    scene = dataclasses.replace(SCENE, canaries=many)
    checks = judge(scene)
    assert checks["canary-ready"].seen == "on 39 nodes (n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12 and 27 more)"
    assert checks["pod-to-pod"].seen == "1482 of 1482 ways (n1 -> n2, n1 -> n3 and 1480 more)"
    assert all(len(check.seen) < 120 for check in checks.values() if check.result == "passed")


def standing(seen: cluster.ClusterSnapshot, nodes: dict[str, NodeSnapshot], cni: verification.Cni = CALICO) -> dict[str, t.Any]:
    return {check.id: check for check in verification.standing_checks(seen, nodes, cni)}


def test_nodes_and_agents() -> None:
    assert standing(CLUSTER, {})["nodes-ready"].seen == "3 of 3 Ready"
    assert standing(CLUSTER, {})["cni-ready"].seen == "kube-system/calico-node 3 of 3 ready"
    sick = dataclasses.replace(CLUSTER, nodes=(cluster.Node("n1"), *CLUSTER.nodes[1:]), calico=cluster.Calico(AGENT, desired=3, ready=2))
    assert standing(sick, {})["nodes-ready"].seen == "not Ready: n1"
    assert standing(sick, {})["cni-ready"].result == "failed"
    assert standing(dataclasses.replace(CLUSTER, calico=None), {})["cni-ready"].seen == "no DaemonSet of calico in the cluster"
    assert standing(CLUSTER, {}, FLANNEL)["cni-ready"].result == "failed"


OURS = Conflist("/etc/cni/net.d/10-calico.conflist", "k8s-pod-network", plugins=("calico", "portmap"), wins=True, owner="calico")
THEIRS = Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", plugins=("flannel",), owner="flannel")
LOADED = Runtime(network_ready=True, loaded=("k8s-pod-network",))


@pytest.mark.parametrize(
    ("conflists", "runtime", "problem"),
    [
        ((OURS,), LOADED, ""),
        ((OURS,), Runtime(network_ready=True, loaded=("10-calico.conflist",)), ""),
        ((OURS,), Runtime(network_ready=True), ""),
        ((OURS, dataclasses.replace(THEIRS, problem="not JSON")), LOADED, ""),
        ((OURS, Conflist("/etc/cni/net.d/99-loopback.conf", plugins=("loopback",))), LOADED, ""),
        ((OURS, THEIRS), LOADED, "/etc/cni/net.d/10-flannel.conflist is not calico's"),
        ((OURS,), Runtime(network_ready=True, loaded=("cbr0",)), "should be loaded, the runtime holds cbr0"),
        ((OURS,), Runtime(network_message="cni plugin not initialized"), "its network is not ready: cni plugin not initialized"),
        ((), LOADED, "no usable file in /etc/cni/net.d"),
    ],
)
def test_one_conflist(conflists: tuple[Conflist, ...], runtime: Runtime, problem: str) -> None:
    nodes = {node: NodeSnapshot(node, conflists=conflists, runtime=runtime) for node in NODES}
    check = standing(CLUSTER, nodes)["one-conflist"]
    assert check.result == ("failed" if problem else "passed")
    assert all(problem in detail for detail in check.details)
    assert len(check.details) == (3 if problem else 0)


def test_a_node_without_a_snapshot_proves_nothing() -> None:
    nodes = {"n1": snapshot.NodeSnapshot("n1", conflists=(OURS,), runtime=LOADED)}
    assert standing(CLUSTER, nodes)["one-conflist"].details == ("n2: no snapshot", "n3: no snapshot")
    assert standing(CLUSTER, {})["one-conflist"].result == "skipped"
