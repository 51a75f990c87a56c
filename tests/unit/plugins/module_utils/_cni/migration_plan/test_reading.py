# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import reading

Cases = t.Any


def test_warnings_are_those_of_the_preflight(plan_cases: Cases) -> None:
    assert reading.facts(plan_cases.options()).warnings == ("disk: disk was seen. Look at it.",)


def test_pods_of_one_workload_that_go_several_ways_are_one_workload(plan_cases: Cases) -> None:
    moves = [plan_cases.move("DaemonSet", "agent", "evict"), plan_cases.move("DaemonSet", "agent", "in-place", pods=1, nodes=["n1"])]
    [workload] = reading.facts(plan_cases.options(rollout=plan_cases.rollout(*moves))).moving
    assert (workload.title, workload.ways, workload.pods, workload.nodes) == (
        "DaemonSet demo/agent",
        ("evict", "in-place"),
        3,
        ("n1", "n2", "n3"),
    )


def test_cutover_deletes_pods_of_the_workloads_behind_them(plan_cases: Cases) -> None:
    facts = reading.facts(plan_cases.cutover())
    assert [(item.title, item.ways, item.pods) for item in facts.moving] == [("Deployment demo/web", ("recreate",), 2)]
    assert [(item.title, item.reason) for item in facts.staying] == [("Pod demo/debug", "nobody would make it anew")]


@pytest.mark.parametrize(
    ("owner", "labels", "title"),
    [
        ("ReplicaSet web-6d8f", {"pod-template-hash": "6d8f"}, "Deployment demo/web"),
        ("ReplicaSet web-6d8f", {}, "ReplicaSet demo/web-6d8f"),
        ("StatefulSet db", {}, "StatefulSet demo/db"),
        ("Node n1", {}, "Pod demo/it"),
        ("", {}, "Pod demo/it"),
    ],
)
def test_a_pod_that_stays_is_known_by_its_workload(plan_cases: Cases, owner: str, labels: dict[str, str], title: str) -> None:
    seen = plan_cases.cluster(pods=[plan_cases.pod("it", "n2", owner, labels=labels)])
    [staying] = reading.facts(plan_cases.options(cluster=seen, rollout=plan_cases.rollout(left=[plan_cases.left("it")]))).staying
    assert (staying.title, staying.pod) == (title, "it")


def test_a_pod_that_the_cluster_no_longer_has_is_a_bare_one(plan_cases: Cases) -> None:
    [staying] = reading.facts(plan_cases.options(rollout=plan_cases.rollout(left=[plan_cases.left("gone")]))).staying
    assert staying.title == "Pod demo/gone"


def test_routes_to_the_nodes_are_one_item_and_others_are_told(plan_cases: Cases) -> None:
    routes = [("route", f"{network} via 192.0.2.11 dev eth0") for network in ("10.244.0.0/24", "10.244.2.0/24", "10.99.0.0/24")]
    facts = reading.facts(plan_cases.options(cleanup={"n2": plan_cases.cleanup(*routes)}))
    assert [item.title for item in facts.removals["n2"] if item.kind.startswith("route")] == [
        "routes to the pod ranges of 2 nodes",
        "route 10.99.0.0/24 via 192.0.2.11 dev eth0",
    ]


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("cluster", {"colour": "red"}),
        ("verdict", {}),
        ("manifest", {"resources": []}),
        ("batches", [{"colour": "red"}]),
        ("adoption", {"blocks": []}),
        ("rollout", {"skipped": True}),
        ("recreation", {"skipped": True}),
        ("cleanup", {"n1": {}}),
        ("coexistence", {"n1": {"skipped": True}}),
        ("link_policy", {"n1": {"skipped": True}}),
    ],
)
def test_what_no_module_returned_is_named(plan_cases: Cases, option: str, value: t.Any) -> None:
    with pytest.raises(_errors.BadInputError, match=rf"option {option}: .*Pass what podnet\.cni\."):
        reading.facts(plan_cases.options(**{option: value}))
