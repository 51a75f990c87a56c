# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import recreation
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, ClusterSnapshot, IPAMBlock, Node, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Batch, Owner

OLD = Pod("demo", "old", "u1", "n1", ("10.244.0.5",), phase="Running", ready=True, owner_kind="ReplicaSet", owner_name="app-1")
NEW = dataclasses.replace(OLD, name="new", uid="u2", ips=("10.9.0.5",))
APP = Owner("demo", "ReplicaSet", "app-1")
DNS = {"k8s-app": "kube-dns"}


#: Which pod each address was given to; the last one is the end of a tunnel.
GIVEN = {"10.9.0.5": "demo/new", "fd00::5": "demo/new", "10.9.0.6": "demo/dying", "10.9.0.7": "demo/second"}
TUNNEL = "10.9.0.1"


def cluster(*pods: Pod) -> ClusterSnapshot:
    return ClusterSnapshot(pods=pods, calico=Calico(blocks=(IPAMBlock("10.9.0.0/26", "n1", GIVEN, (TUNNEL,)),)))


def change(pod: Pod, **fields: t.Any) -> Pod:
    return dataclasses.replace(pod, **fields)


@pytest.mark.parametrize(
    ("pod", "kept"),
    [
        (NEW, "address-of-the-cni"),
        (change(NEW, ips=("10.9.0.5", "fd00::5")), "address-of-the-cni"),
        (change(OLD, host_network=True), "host-network"),
        (change(OLD, owner_kind="Node", host_network=True), "host-network"),
        (change(OLD, phase="Succeeded"), "finished"),
        (change(OLD, phase="Failed", owner_kind="Job"), "finished"),
        (change(OLD, deleting=True), "already-being-deleted"),
        (change(OLD, ips=()), "no-address-yet"),
    ],
)
def test_pods_that_are_fine(pod: Pod, kept: str) -> None:
    assert recreation.plan(cluster(pod)) == recreation.Plan(kept={kept: 1})


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"owner_kind": "", "owner_name": ""}, "nobody would make it anew"),
        ({"owner_kind": "Job"}, "a pod of a Job"),
        ({"owner_kind": "Node"}, "a static pod"),
    ],
)
def test_pods_that_need_a_person(fields: dict[str, t.Any], words: str) -> None:
    plan = recreation.plan(cluster(change(OLD, **fields)))
    assert plan.pods == ()
    assert words in plan.left[0].reason


@pytest.mark.parametrize(
    "pod",
    [
        OLD,
        change(OLD, owner_kind="DaemonSet"),
        change(OLD, owner_kind="StatefulSet", ready=False),
        change(OLD, owner_kind="CloneSet"),
        change(NEW, ips=("10.9.0.5", "fd00::99")),
        change(OLD, ips=("10.9.0.63",)),  # inside a block, and given to nobody
        change(OLD, ips=(TUNNEL,)),
        change(OLD, ips=("10.9.0.5",)),  # given to another pod
    ],
)
def test_pods_to_recreate(pod: Pod) -> None:
    assert recreation.plan(cluster(pod)).pods == (pod,)


def test_bare_pods_on_request() -> None:
    bare = change(OLD, owner_kind="", owner_name="")
    assert recreation.plan(cluster(bare), recreation.DELETE_BARE).pods == (bare,)


def test_dns_goes_first_and_the_order_is_stable() -> None:
    dns = change(OLD, namespace="kube-system", name="coredns", uid="u3", labels=DNS)
    impostor = change(OLD, name="a", uid="u4", labels=DNS)
    plan = recreation.plan(cluster(OLD, dns, impostor))
    assert [(tier.name, [pod.name for pod in tier.pods]) for tier in plan.tiers] == [("dns", ["coredns"]), ("ready", ["a", "old"])]


def test_pods_that_are_not_ready_hold_nobody_up() -> None:
    sick = change(OLD, name="a", uid="u3", ready=False)
    sick_dns = change(sick, namespace="kube-system", uid="u4", labels=DNS)
    plan = recreation.plan(cluster(OLD, sick, sick_dns))
    assert [(tier.name, tier.pods) for tier in plan.tiers] == [("dns", (sick_dns,)), ("ready", (OLD,)), ("not ready before", (sick,))]


def test_of_two_pods_with_one_address_the_one_it_was_given_to_stays() -> None:
    twin = change(NEW, name="twin", uid="u3")
    plan = recreation.plan(cluster(NEW, twin))
    assert plan.pods == (twin,)
    assert plan.kept == {"address-of-the-cni": 1}


def test_without_calico_no_address_is_given() -> None:
    assert recreation.plan(ClusterSnapshot(pods=(OLD, NEW))).pods == (NEW, OLD)


@pytest.mark.parametrize(
    ("after", "pending", "missing"),
    [
        ([NEW], [], 0),
        ([], [], 1),
        ([OLD], ["old"], 0),
        ([change(OLD, deleting=True)], ["old"], 1),
        ([change(OLD, deleting=True), NEW], ["old"], 0),
        ([change(NEW, ready=False)], ["new"], 0),
        ([change(NEW, ips=())], ["new"], 0),
        ([change(NEW, ips=("10.244.0.6",))], ["new"], 0),
        ([NEW, change(NEW, uid="u9", name="dying", ips=("10.9.0.6",), deleting=True)], ["dying"], 0),
        ([NEW, change(OLD, uid="u9", owner_name="other")], [], 0),
        ([NEW, change(NEW, uid="u9", phase="Failed", ready=False)], [], 0),
    ],
)
def test_progress(after: list[Pod], pending: list[str], missing: int) -> None:
    progress = Batch.of([OLD], cluster(OLD)).progress(cluster(*after))
    assert [pod.name for pod in progress.pods] == pending
    assert progress.missing == ({APP: missing} if missing else {})
    assert progress.is_done is (not pending and not missing)


SICK = change(OLD, ready=False)
SECOND = change(NEW, name="second", uid="u3", ips=("10.9.0.7",))


@pytest.mark.parametrize(
    ("before", "after", "excused", "is_enough"),
    [
        pytest.param([SICK], [change(NEW, ready=False)], ["new"], True, id="as sick as before"),
        pytest.param([SICK], [NEW], [], True, id="healed"),
        pytest.param([OLD], [change(NEW, ready=False)], [], False, id="was well"),
        pytest.param([SICK], [change(NEW, ready=False, ips=())], [], False, id="no address: that may be the network"),
        pytest.param([SICK], [change(NEW, ready=False, ips=("10.244.0.6",))], [], False, id="a foreign address"),
        pytest.param([SICK], [change(NEW, ready=False, deleting=True), SECOND], [], False, id="still going"),
        pytest.param([SICK], [], [], False, id="missing"),
        pytest.param([SICK], [SICK], [], False, id="not gone"),
        pytest.param(
            [SICK, change(OLD, uid="u9", name="well")],
            [change(NEW, ready=False), change(SECOND, ready=False)],
            ["new"],
            False,
            id="one was sick, two are",
        ),
    ],
)
def test_a_pod_that_was_not_ready_before_need_not_be_after(
    before: list[Pod], after: list[Pod], excused: list[str], is_enough: bool
) -> None:
    progress = Batch.of(before, cluster(*before)).progress(cluster(*after))
    assert [pod.name for pod in progress.excused] == excused
    assert progress.is_enough is is_enough
    assert progress.is_done is (is_enough and not excused)


def test_old_pods_of_a_later_batch_do_not_count() -> None:
    later = change(OLD, name="later", uid="u9", ips=("10.244.0.9",))
    assert Batch.of([OLD], cluster(OLD, later)).progress(cluster(NEW, later)).is_done


@pytest.mark.parametrize(("wish", "done"), [(0, True), (1, False), (5, False), (None, False)])
def test_an_owner_lacks_no_more_than_it_wishes(wish: int | None, done: bool) -> None:
    assert Batch.of([OLD], cluster(OLD)).capped({APP: wish}).progress(cluster()).is_done is done


def test_a_bare_pod_is_done_when_it_is_gone() -> None:
    bare = change(OLD, owner_kind="", owner_name="")
    other = change(bare, name="other", uid="u9", ready=False)
    assert Batch.of([bare], cluster(bare)).progress(cluster(other)).is_done


@pytest.mark.parametrize(
    ("size", "per_node", "batches"),
    [
        (1, 9, ["a", "b", "c", "d"]),
        (3, 9, ["abc", "d"]),
        (9, 9, ["abcd"]),
        (9, 1, ["ad", "b", "c"]),
        (9, 2, ["abd", "c"]),
        (2, 2, ["ab", "cd"]),
    ],
)
def test_batches(size: int, per_node: int, batches: list[str]) -> None:
    """a, b and c are on one node, d is on another one."""
    pods = [change(OLD, name=name, node="n2" if name == "d" else "n1") for name in "abcd"]
    assert ["".join(pod.name for pod in batch) for batch in recreation.batches(pods, size, per_node)] == batches


RANGES = (Node("n1", pod_cidrs=("10.9.0.0/24",)), Node("n2", pod_cidrs=("10.9.1.0/24",)))


@pytest.mark.parametrize(
    ("pod", "well"),
    [
        pytest.param(change(OLD, ips=("10.9.0.70",)), True, id="of its node's range"),
        pytest.param(change(OLD, ips=("10.9.0.5",)), True, id="one that Calico gave to another pod"),
        pytest.param(change(NEW, ips=("10.9.0.5",)), False, id="Calico's own"),
        pytest.param(change(OLD, ips=("10.9.1.70",)), False, id="of another node's range"),
        pytest.param(change(OLD, ips=("10.9.0.70",), node="n3"), False, id="of a node without a range"),
    ],
)
def test_flannels_pods_are_of_their_nodes_range_and_not_given_by_calico(pod: Pod, well: bool) -> None:
    seen = dataclasses.replace(cluster(pod), nodes=RANGES)
    plan = recreation.plan(seen, cni="flannel")
    assert (plan.kept, plan.pods) == (({"address-of-the-cni": 1}, ()) if well else ({}, (pod,)))
    batch = dataclasses.replace(Batch.of([], cluster(), "flannel"), wanted={APP: 1})
    assert batch.progress(seen).is_done is well
