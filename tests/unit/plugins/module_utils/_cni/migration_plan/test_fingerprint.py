# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import fingerprint, reading

Raw = dict[str, t.Any]
Cases = t.Any


def parts(options: Raw) -> fingerprint.Parts:
    return fingerprint.parts(reading.facts(options))


def told(planned: Raw, now: Raw) -> dict[str, list[str]]:
    return {difference.part: list(difference.lines) for difference in fingerprint.compare(parts(planned), parts(now))}


def changed_nodes(cases: Cases, **more: t.Any) -> Raw:
    seen = cases.cluster()
    seen["nodes"][1].update(more)
    return t.cast("Raw", cases.options(cluster=seen))


def rescheduled(cases: Cases) -> Raw:
    pods = [cases.pod("web-6d8f-zzzzz", "n1", "ReplicaSet web-6d8f", uid="other"), cases.pod("debug", "n3")]
    moves = [cases.move("Deployment", "web", pods=1, nodes=["n1"]), cases.move("Pod", "debug", "in-place", pods=1, nodes=["n3"])]
    return t.cast("Raw", cases.options(cluster=cases.cluster(pods=pods), rollout=cases.rollout(*moves)))


def with_move(cases: Cases, *moves: Raw) -> Raw:
    return t.cast("Raw", cases.options(rollout=cases.rollout(*cases.rollout()["plan"][0]["moves"], *moves)))


def removing(cases: Cases, *items: tuple[str, str]) -> Raw:
    return t.cast("Raw", cases.options(cleanup={"n1": cases.cleanup(), "n2": cases.cleanup(*items), "n3": cases.cleanup()}))


def first_pod_gone(cases: Cases) -> Raw:
    """A node without a pod has no bridge and no leases."""
    options = cases.options()
    kept = [item for item in cases.cleanup()["removed"] if item["name"] != "cni0" and "results" not in item["name"]]
    options["cleanup"]["n1"] = {"removed": kept}
    return t.cast("Raw", options)


VOLATILE: dict[str, t.Callable[[Cases], Raw]] = {
    "a pod that was rescheduled": rescheduled,
    "a new lease": lambda cases: changed_nodes(cases, annotations={"flannel.alpha.coreos.com/backend-data": '{"VtepMAC":"other"}'}),
    "a node that is not ready now": lambda cases: changed_nodes(cases, ready=False),
    "a cordoned node": lambda cases: changed_nodes(cases, unschedulable=True),
    "other blocks": lambda cases: cases.options(adoption={**cases.adoption(), "blocks": [], "written": []}),
    "another warning": lambda cases: cases.options(verdict={**cases.options()["verdict"], "checks": []}),
    "a job that works": lambda cases: with_move(cases, cases.move("Job", "backup-28391230", "in-place")),
    "a pod of a job that stays": lambda cases: cases.options(
        rollout=cases.rollout(left=[cases.left("backup-x")]), cluster=cases.cluster(pods=[cases.pod("backup-x", "n2", "Job backup")])
    ),
    "one more pod that stays of a workload that moves": lambda cases: cases.options(
        rollout=cases.rollout(left=[cases.left("web-6d8f-aaaaa")])
    ),
    "a learned neighbour": lambda cases: removing(cases, ("neighbour", "10.244.1.0 dev flannel.1"), ("fdb", "aa:bb dev flannel.1")),
    "a route to another node": lambda cases: removing(cases, ("route", "10.244.0.0/24 via 192.0.2.11 dev eth0")),
    "a veth": lambda cases: removing(cases, ("link", "veth3f2a")),
    "a chain of a host port": lambda cases: removing(cases, ("chain", "nft ipv4 nat CNI-DN-0123456789abcdef")),
    "another container's result": lambda cases: removing(cases, ("file", f"/var/lib/cni/results/cbr0-{'a' * 64}-eth0")),
    "a node's first pod gone": first_pod_gone,
    "a number as text": lambda cases: cases.options(settings=cases.settings(pause_after="0", probe="true")),
    "the probe's own pods": lambda cases: with_move(cases, cases.move("DaemonSet", "probe", namespace="podnet-connectivity")),
    "the order of lists": lambda cases: cases.options(cluster=cases.cluster(nodes=cases.cluster()["nodes"][::-1])),
    "settings of the kernel": lambda cases: cases.options(coexistence={}, link_policy={}),
    "flannel's readiness": lambda cases: cases.options(cluster=cases.cluster(flannel=[cases.flannel(ready=1, desired=3)])),
}


@pytest.mark.parametrize("case", VOLATILE)
def test_what_comes_and_goes_is_not_in_the_hash(plan_cases: Cases, case: str) -> None:
    planned, now = parts(plan_cases.options()), parts(VOLATILE[case](plan_cases))
    assert fingerprint.compare(planned, now) == ()
    assert fingerprint.digest(planned) == fingerprint.digest(now)


LASTING: dict[str, tuple[t.Callable[[Cases], Raw], dict[str, list[str]]]] = {
    "a new node": (
        lambda cases: cases.options(cluster=cases.cluster(nodes=[*cases.cluster()["nodes"], cases.node("n4", 3)])),
        {"nodes": ["n4 was not in the plan"]},
    ),
    "a node gone": (
        lambda cases: cases.options(cluster=cases.cluster(nodes=cases.cluster()["nodes"][:2])),
        {"nodes": ["n3 is in the plan and not there any more"]},
    ),
    "another kubelet": (
        lambda cases: changed_nodes(cases, kubelet_version="v1.34.0"),
        {"nodes": ["n2: kubelet was v1.33.13, is v1.34.0"]},
    ),
    "another pod range": (
        lambda cases: changed_nodes(cases, pod_cidrs=["10.244.7.0/24"]),
        {"nodes": ["n2: podCIDRs: 10.244.7.0/24 is new, 10.244.1.0/24 is gone"]},
    ),
    "another backend": (
        lambda cases: cases.options(cluster=cases.cluster(flannel=[cases.flannel(backend="host-gw")])),
        {"flannel": ["kube-flannel/kube-flannel-ds: backend was vxlan, is host-gw"]},
    ),
    "flannel gone": (
        lambda cases: cases.options(cluster=cases.cluster(flannel=[])),
        {"flannel": ["kube-flannel/kube-flannel-ds is in the plan and not there any more"]},
    ),
    "Calico there": (
        lambda cases: cases.options(cluster=cases.cluster(calico={"pools": [{"name": "own", "cidr": "10.1.0.0/16"}]})),
        {"calico": ["IPPool own was not in the plan"]},
    ),
    "a node with Calico's label": (
        lambda cases: changed_nodes(cases, labels={"podnet.io/calico": "true"}),
        {"nodes": ["n2: labels: podnet.io/calico was empty, is true"]},
    ),
    "another manifest": (
        lambda cases: cases.options(manifest=cases.manifest(sha256="e" * 64)),
        {"manifest": [f"sha256 was {'f' * 64}, is {'e' * 64}"]},
    ),
    "another network": (
        lambda cases: cases.options(verdict={**cases.options()["verdict"], "network": "10.5.0.0/16"}),
        {"cluster": ["network was 10.244.0.0/16, is 10.5.0.0/16"]},
    ),
    "a new bare pod": (
        lambda cases: with_move(cases, cases.move("Pod", "new", "in-place")),
        {"workloads": ["Pod demo/new was not in the plan"]},
    ),
    "a new Deployment": (
        lambda cases: with_move(cases, cases.move("Deployment", "new")),
        {"workloads": ["Deployment demo/new was not in the plan"]},
    ),
    "a workload that moves another way": (
        lambda cases: cases.options(
            rollout=cases.rollout(cases.move("Deployment", "web", "evict"), cases.move("Pod", "debug", "in-place"))
        ),
        {"workloads": ["Deployment demo/web was rollout, is evict"]},
    ),
    "a bare pod that stays": (
        lambda cases: cases.options(rollout=cases.rollout(left=[cases.left("once")])),
        {"workloads": ["Pod demo/once was not in the plan"]},
    ),
    "a setting": (
        lambda cases: cases.options(settings=cases.settings(batch=5)),
        {"strategy": ["batch was 20%, is 5"]},
    ),
    "a route to nowhere": (
        lambda cases: removing(cases, ("route", "10.99.0.0/24 via 192.0.2.11 dev eth0")),
        {"removals": ["n2: route 10.99.0.0/24 via 192.0.2.11 dev eth0 is new"]},
    ),
    "more of flannel on a node": (
        lambda cases: removing(cases, ("link", "flannel-wg")),
        {"removals": ["n2: link flannel-wg is new"]},
    ),
}


@pytest.mark.parametrize("case", LASTING)
def test_what_lasts_is_in_the_hash_and_named(plan_cases: Cases, case: str) -> None:
    build, expected = LASTING[case]
    planned, now = plan_cases.options(), build(plan_cases)
    assert told(planned, now) == expected
    assert fingerprint.digest(parts(planned)) != fingerprint.digest(parts(now))


def test_a_rendered_manifest_of_the_same_source_may_differ(plan_cases: Cases) -> None:
    other = plan_cases.manifest(resources=[plan_cases.resource("DaemonSet", "calico-node", "calico/node:v3.31.7")])
    assert list(told(plan_cases.options(), plan_cases.options(manifest=other))) == ["manifest"]


def test_another_strategy_names_strategy_and_ways(plan_cases: Cases) -> None:
    assert told(plan_cases.options(), plan_cases.cutover())["strategy"] == ["strategy was side_by_side, is cutover"]


def test_a_long_list_is_cut_in_the_message_and_whole_in_the_difference(plan_cases: Cases) -> None:
    many = [plan_cases.move("Deployment", f"new{number}") for number in range(9)]
    [difference] = fingerprint.compare(parts(plan_cases.options()), parts(with_move(plan_cases, *many)))
    assert len(difference.lines) == 9
    assert difference.summary.startswith("workloads: Deployment demo/new0 was not in the plan; ")
    assert difference.summary.endswith("; and 4 more")


def test_a_file_brings_the_parts_back(plan_cases: Cases) -> None:
    found = parts(plan_cases.options())
    assert fingerprint.read(fingerprint.written(found, {}), "plan.json") == found


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (lambda data: data.update(schema=0), "this plan has the form 0, and this release reads 1"),
        (lambda data: data["parts"]["cluster"].update(version="v1.0.0"), "somebody edited it"),
        (lambda data: data.update(hash="0" * 64), "somebody edited it"),
        (lambda data: data.update(parts=[]), "somebody edited it"),
        (lambda data: data.pop("parts"), "no plan of a migration"),
    ],
)
def test_a_file_that_is_not_as_it_was_written_is_refused(plan_cases: Cases, edit: t.Callable[[Raw], t.Any], why: str) -> None:
    data = json.loads(fingerprint.written(parts(plan_cases.options()), {}))
    edit(data)
    with pytest.raises(_errors.BadInputError, match=why):
        fingerprint.read(json.dumps(data), "plan.json")


@pytest.mark.parametrize("text", ["", "[]", "null", "not json"])
def test_no_plan_at_all_is_refused(text: str) -> None:
    with pytest.raises(_errors.BadInputError, match="no plan of a migration"):
        fingerprint.read(text, "plan.json")
