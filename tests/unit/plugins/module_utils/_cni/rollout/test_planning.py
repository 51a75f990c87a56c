# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import COMPONENT, MANAGED_BY, MANAGER
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, IPAMBlock, Node, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import planning
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member, Plan, Policy, Scene, Selector, Workload
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError

WEB = Owner("demo", "Deployment", "web")
DB = Owner("demo", "StatefulSet", "db")
AGENT = Owner("demo", "DaemonSet", "agent")
DNS = Owner("kube-system", "Deployment", "coredns")
REPLICA_SET = Owner("demo", "ReplicaSet", "web-1")
NODES = (Node("n1", ready=True), Node("n2", ready=True), Node("n3", ready=True))
WORKLOADS = {owner: Workload(owner, replicas=2) for owner in (WEB, DB, AGENT, DNS)}


def member(name: str, kind: str = "ReplicaSet", owner: str = "web-1", **more: t.Any) -> Member:
    of_pod = {field.name for field in dataclasses.fields(Pod)}
    fields = {"namespace": "demo", "uid": f"uid-{name}", "node": "n1", "ips": ("10.244.1.5",), "phase": "Running", "ready": True}
    fields |= {key: value for key, value in more.items() if key in of_pod}
    pod = Pod(name=name, owner_kind=kind, owner_name=owner, **fields)
    return Member(pod, **{key: value for key, value in more.items() if key not in of_pod})


def bare(name: str, **more: t.Any) -> Member:
    return member(name, "", "", **more)


def scene(*members: Member, **more: t.Any) -> Scene:
    defaults = {"nodes": NODES, "workloads": WORKLOADS, "parents": {REPLICA_SET: WEB, Owner("kube-system", "ReplicaSet", "coredns-1"): DNS}}
    return Scene(members=members, **{**defaults, **more})


def plan(seen: Scene, policy: Policy = Policy(), **options: t.Any) -> Plan:  # noqa: B008  it is frozen
    return planning.plan(seen, Fit.of("calico", seen.calico), policy, **options)


def ways(planned: Plan) -> dict[str, tuple[str, list[str]]]:
    """The way of each move, with the pods."""
    return {move.owner.name: (move.way, [each.pod.name for each in move.members]) for move in planned.moves("rollout", "evict", "in-place")}


def reasons(planned: Plan) -> dict[str, str]:
    return {left.pod.name: left.reason for left in planned.left}


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        pytest.param([member("a"), member("b")], {"web": ("rollout", ["a", "b"])}, id="a Deployment by its ReplicaSet's pods"),
        pytest.param([member("a", "StatefulSet", "db")], {"db": ("rollout", ["a"])}, id="a StatefulSet"),
        pytest.param([member("a", "DaemonSet", "agent")], {"agent": ("rollout", ["a"])}, id="a DaemonSet"),
        pytest.param([bare("a")], {"a": ("in-place", ["a"])}, id="a bare pod"),
        pytest.param([bare("a", restart_policy="OnFailure")], {"a": ("in-place", ["a"])}, id="a bare pod restarted on failure"),
        pytest.param([member("a", "Job", "import", restart_policy="OnFailure")], {"import": ("in-place", ["a"])}, id="a Job"),
        pytest.param(
            [member("a", "CronJob", "nightly", restart_policy="OnFailure")], {"nightly": ("in-place", ["a"])}, id="a CronJob's Job"
        ),
        pytest.param([member("a", "ReplicaSet", "lonely")], {"lonely": ("evict", ["a"])}, id="a ReplicaSet of its own"),
        pytest.param([member("a", "CloneSet", "x")], {"x": ("evict", ["a"])}, id="a custom resource"),
        pytest.param([member("a", "CloneSet", "x", scratch=("tmp",))], {"x": ("in-place", ["a"])}, id="emptyDir is never evicted unasked"),
        pytest.param([member("a", scratch=("tmp",))], {"web": ("rollout", ["a"])}, id="a rollout with an emptyDir"),
        pytest.param([member("a", claims=("data",))], {"web": ("in-place", ["a"])}, id="a local volume"),
        pytest.param([member("a", claims=("far",))], {"web": ("rollout", ["a"])}, id="a volume of the network"),
        pytest.param([member("a", ready=False)], {"web": ("evict", ["a"])}, id="not one is ready"),
        pytest.param([member("a", ready=False), member("b")], {"web": ("rollout", ["a", "b"])}, id="one is not ready"),
        pytest.param([member("a", ips=())], {}, id="no address yet"),
        pytest.param([member("a", deleting=True)], {}, id="going already"),
        pytest.param([member("a", host_network=True)], {}, id="the host's network"),
    ],
)
def test_each_owner_has_its_way(pods: list[Member], expected: dict[str, t.Any]) -> None:
    planned = plan(scene(*pods, local_claims=frozenset({"demo/data", "other/far"})))
    assert ways(planned) == expected
    assert planned.left == ()


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (bare("a", restart_policy="Never"), "restartPolicy Never"),
        (member("a", "Job", "import", restart_policy="Never"), "restartPolicy Never"),
        (member("a", "Node", "n1"), "a static pod"),
        (bare("a", node="n2"), "its node n2 is not Ready"),
        (bare("a", wish="rollout"), "nobody would make it anew by a rollout"),
        (bare("a", wish="leave"), "asked for by podnet.io/move of the pod"),
        (member("a", "Node", "n1", wish="evict"), "a static pod"),
        (bare("a", restart_policy="Never", wish="in-place"), "asked for by podnet.io/move of the pod; its containers are never restarted"),
    ],
)
def test_pods_that_stay(pod: Member, words: str) -> None:
    planned = plan(scene(pod, nodes=(NODES[0], Node("n2", ready=False), NODES[2])))
    assert ways(planned) == {}
    assert words in reasons(planned)["a"]


@pytest.mark.parametrize(
    ("held", "words"),
    [("its update strategy is OnDelete", "OnDelete, so its pods are evicted one by one"), ("it is paused", "it is paused, so")],
)
def test_a_workload_that_would_not_roll_is_evicted(held: str, words: str) -> None:
    (move,) = plan(scene(member("a"), workloads={WEB: Workload(WEB, 2, held=held)})).moves("evict")
    assert words in move.notes[0]


def test_an_eviction_that_would_lose_data_becomes_a_restart_in_place() -> None:
    seen = scene(member("a", scratch=("tmp",)), member("b"), workloads={WEB: Workload(WEB, 2, held="it is paused")})
    evicted, kept = plan(seen).moves("evict", "in-place")[::-1]
    assert (evicted.way, [each.pod.name for each in evicted.members]) == ("evict", ["b"])
    assert (kept.way, [each.pod.name for each in kept.members]) == ("in-place", ["a"])
    assert kept.notes[-1] == "an eviction would lose emptyDir tmp"
    (allowed, other) = plan(seen, Policy(scratch=True)).moves("evict", "in-place")
    assert (allowed.way, other.way) == ("evict", "evict")
    assert allowed.notes[-1] == "what is in emptyDir tmp goes with the pod"


def test_a_rollout_says_what_it_loses() -> None:
    (move,) = plan(scene(member("a", scratch=("tmp", "cache")), member("b", scratch=("tmp", "cache")))).moves("rollout")
    assert move.notes == ("what is in emptyDir tmp, cache goes with the pod",)


@pytest.mark.parametrize(
    ("nodes", "replicas", "kind", "way"),
    [(1, 1, WEB, "in-place"), (2, 1, WEB, "in-place"), (2, 2, WEB, "rollout"), (3, 1, WEB, "rollout"), (1, 1, AGENT, "rollout")],
)
def test_a_small_cluster_may_have_no_room_for_two(nodes: int, replicas: int, kind: Owner, way: str) -> None:
    pod = member("a") if kind is WEB else member("a", "DaemonSet", "agent")
    planned = plan(scene(pod, nodes=NODES[:nodes], workloads={kind: Workload(kind, replicas)}))
    assert ways(planned)[kind.name][0] == way


# --- wishes ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pod", "workload", "policy", "namespace", "way"),
    [
        ("", "", "", "", "rollout"),
        ("", "", "", "in-place", "in-place"),
        ("", "", "evict", "in-place", "evict"),
        ("", "in-place", "evict", "", "in-place"),
        ("evict", "in-place", "", "", "evict"),
        ("rollout", "in-place", "evict", "leave", "rollout"),
    ],
)
def test_the_closer_wish_counts(pod: str, workload: str, policy: str, namespace: str, way: str) -> None:
    seen = scene(
        member("a", wish=pod), workloads={WEB: Workload(WEB, 2, wish=workload)}, namespaces={"demo": namespace} if namespace else {}
    )
    planned = plan(seen, Policy(namespaces={"demo": policy} if policy else {}))
    assert ways(planned) == {"web": (way, ["a"])}


@pytest.mark.parametrize(
    ("wishes", "way"), [(("rollout", "evict"), "evict"), (("", "in-place"), "in-place"), (("evict", "leave"), None), (("", ""), "rollout")]
)
def test_pods_of_one_workload_that_differ_go_the_most_careful_way(wishes: tuple[str, str], way: str | None) -> None:
    planned = plan(scene(member("a", wish=wishes[0]), member("b", wish=wishes[1])))
    assert ways(planned) == ({"web": (way, ["a", "b"])} if way else {})


def test_a_wish_is_named_where_it_counts() -> None:
    (move,) = plan(scene(member("a"), namespaces={"demo": "in-place"})).moves("in-place")
    assert move.notes == ("asked for by podnet.io/move of namespace demo",)


@pytest.mark.parametrize(
    ("policy", "pod", "way"),
    [
        (Policy(default="evict"), member("a"), "evict"),
        (Policy(bare="evict"), bare("a"), "evict"),
        (Policy(job="evict"), member("a", "Job", "web", restart_policy="Never"), "evict"),
        (Policy(other="in-place"), member("a", "CloneSet", "web"), "in-place"),
        (Policy(local_volume="rollout"), member("a", claims=("data",)), "rollout"),
    ],
)
def test_the_policy_of_a_class(policy: Policy, pod: Member, way: str) -> None:
    (move,) = plan(scene(pod, local_claims=frozenset({"demo/data"})), policy).moves("rollout", "evict", "in-place")
    assert move.way == way


def test_a_misspelt_wish_stops_before_anything_is_done() -> None:
    with pytest.raises(BadInputError, match=r"Pod demo/a says 'inplace'.*It may be rollout, evict, in-place, leave"):
        plan(scene(member("a"), misspelt=("Pod demo/a says 'inplace'",)))


# --- order and limits --------------------------------------------------------------------------------------------------


def test_tiers() -> None:
    dns = member("coredns-x", owner="coredns-1", namespace="kube-system", labels={"k8s-app": "kube-dns"}, ready=False)
    hook = member("db-0", "StatefulSet", "db", labels={"app": "hook", "x": "y"})
    sick = member("a", ready=False)
    well = member("agent-1", "DaemonSet", "agent")
    planned = plan(scene(sick, member("b"), well, hook, dns, hooks=(Selector("demo", {"app": "hook"}), Selector("demo", {}))))
    assert [(tier.name, [move.owner.name for move in tier.moves]) for tier in planned.tiers] == [
        ("dns", ["coredns"]),
        ("webhooks", ["db"]),
        ("rest", ["agent"]),
        ("not ready before", ["web"]),
    ]
    assert planned.tiers[3].moves[0].ailing == 1
    assert all(tier.holds for tier in planned.tiers)


def test_the_probe_goes_first_and_holds_nobody_up() -> None:
    probe = member("probe-x", "DaemonSet", "agent", labels={MANAGED_BY: MANAGER, COMPONENT: "probe"})
    planned = plan(scene(member("b"), probe))
    assert [(tier.name, tier.holds) for tier in planned.tiers] == [("probe", False), ("rest", True)]


@pytest.mark.parametrize("selector", [Selector("other", {"app": "web"}), Selector("demo", {"app": "web", "x": "z"}), Selector("demo", {})])
def test_pods_that_no_webhook_calls(selector: Selector) -> None:
    planned = plan(scene(member("a", labels={"app": "web"}), hooks=(selector,)))
    assert [tier.name for tier in planned.tiers] == ["rest"]


def test_only_what_is_not_there_yet_moves() -> None:
    ipam = Calico(blocks=(IPAMBlock("10.9.0.0/26", "n1", {"10.9.0.5": "demo/a", "10.9.0.6": "demo/db-0"}),))
    there = [member("a", ips=("10.9.0.5",)), member("db-0", "StatefulSet", "db", ips=("10.9.0.6",))]
    assert plan(scene(*there, calico=ipam)) == Plan()
    assert ways(plan(scene(*there, member("b"), calico=ipam))) == {"web": ("rollout", ["b"])}


def test_a_rollout_under_way_is_told() -> None:
    (move,) = plan(scene(member("a"), workloads={WEB: Workload(WEB, 2, rolling=True)})).moves("rollout")
    assert move.under_way


@pytest.mark.parametrize(("namespaces", "expected"), [((), ["a", "web"]), (("demo",), ["web"]), (("none",), [])])
def test_only_some_namespaces(namespaces: tuple[str, ...], expected: list[str]) -> None:
    planned = plan(scene(member("a"), bare("a", namespace="apps")), namespaces=namespaces)
    assert [move.owner.name for move in planned.moves("rollout", "in-place")] == expected


def test_a_large_cluster_is_planned() -> None:
    sets = {Owner("demo", "ReplicaSet", f"set-{number}"): Owner("demo", "Deployment", f"app-{number}") for number in range(2_000)}
    pods = [member(f"pod-{number}", owner=f"set-{number % 2_000}", uid=str(number)) for number in range(20_000)]
    workloads = {owner: Workload(owner, 10) for owner in sets.values()}
    assert len(plan(scene(*pods, parents=sets, workloads=workloads)).moves("rollout")) == 2_000


@pytest.mark.parametrize(
    ("workload", "ready", "way"),
    [
        pytest.param({"ordered": True}, False, "in-place", id="it would wait for the sick one for ever"),
        pytest.param(
            {"ordered": True, "held": "its update strategy is OnDelete"}, False, "in-place", id="and would not replace an evicted one"
        ),
        pytest.param({"ordered": True}, True, "rollout", id="all are ready"),
        pytest.param({"ordered": True, "rolling": True}, False, "rollout", id="a new one is not ready yet"),
        pytest.param({}, False, "rollout", id="in parallel"),
    ],
)
def test_a_stateful_set_with_a_sick_pod(workload: dict[str, t.Any], ready: bool, way: str) -> None:
    pods = [member("db-0", "StatefulSet", "db"), member("db-1", "StatefulSet", "db", ready=ready)]
    assert ways(plan(scene(*pods, workloads={DB: Workload(DB, 2, **workload)}))) == {"db": (way, ["db-0", "db-1"])}
