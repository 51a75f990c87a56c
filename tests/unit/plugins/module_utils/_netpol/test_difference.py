# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pairs open or close between two worlds."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from tests.support.netpol_cases import ANY, block, ingress, named, namespace, pod, policy, team, world

Raw = dict[str, t.Any]
DENY = policy({}, name="deny", policyTypes=["Ingress"])
FROM_B = policy(named("a"), name="b", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])
REST = "addresses outside, in no block"


def _shown(before: list[Raw], after: list[Raw], ports: t.Sequence[str] | None = ("TCP/80",), **options: t.Any) -> list[str]:
    return sorted(map(str, load(before).diff(load(after, **options), ports).changes))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        pytest.param([], [], [], id="nothing"),
        pytest.param(
            [], [DENY], [f"TCP/80 closes: x/a and 2 more, y/a and 1 more, z/a, {REST} to x/a and 2 more"], id="a namespace closes"
        ),
        pytest.param([DENY], [], [f"TCP/80 opens: x/a and 2 more, y/a and 1 more, z/a, {REST} to x/a and 2 more"], id="a namespace opens"),
        pytest.param([DENY], [DENY, FROM_B], ["TCP/80 opens: x/b to x/a"], id="one pair opens"),
        pytest.param(
            [DENY, FROM_B],
            [DENY, policy(named("a"), name="b", ingress=[ingress(ANY)])],
            ["TCP/80 opens: x/c to x/a"],
            id="a rule is widened",
        ),
        pytest.param(
            [policy({}, ingress=[ingress(block("203.0.113.0/24"))])],
            [policy({}, ingress=[ingress(block("203.0.112.0/23"))])],
            ["TCP/80 opens: addresses outside, in 203.0.112.0/23 to x/a and 2 more"],
            id="a block is widened",
        ),
    ],
)
def test_policies_change(before: list[Raw], after: list[Raw], expected: list[str]) -> None:
    assert _shown(world(*before), world(*after)) == expected


def test_labels_of_a_pod_change() -> None:
    others = [pod for pod in world(DENY, FROM_B) if pod["metadata"]["name"] != "c"]
    changed = [*others, pod("x/c", "10.0.0.3", labels={"pod": "b"})]
    assert _shown(world(DENY, FROM_B), changed) == ["TCP/80 opens: x/c to x/a"]


def test_labels_of_a_namespace_change() -> None:
    rule = policy({}, ingress=[ingress({"namespaceSelector": team("b")})])
    changed = [one for one in world(rule) if one["metadata"]["name"] != "z"]
    assert _shown(world(rule), [*changed, namespace("z", team="b")]) == ["TCP/80 opens: z/a to x/a and 2 more"]


def test_an_address_changes() -> None:
    rule = policy({}, ingress=[ingress(block("10.0.0.6/32"))])
    others = [one for one in world(rule) if one["metadata"].get("namespace") != "z"]
    assert _shown(world(rule), [*others, pod("z/a", "10.0.0.7")]) == ["TCP/80 closes: z/a to x/a and 2 more"]


def test_another_cni_enforces_what_flannel_did_not() -> None:
    found = load(world(DENY), cni="flannel").diff(load(world(DENY), cni="calico"), ["TCP/80"])
    assert [change.kind for change in found.changes] == ["closes"]
    assert (found.opens, found.closes) == ((), found.changes)
    assert [(change.before, change.after) for change in found.changes] == [("allow", "deny")]


def test_pods_on_their_nodes_network_are_left_out() -> None:
    host = pod("x/h", "192.168.0.2", hostNetwork=True)
    (change,) = load(world(host)).diff(load(world(host, DENY)), ["TCP/80"]).changes
    assert [name for group in change.destinations for name in group.members] == ["x/a", "x/b", "x/c"]


def test_pods_that_come_and_go_are_named_and_not_compared() -> None:
    found = load(world(DENY, pod("x/old", "10.0.0.8"))).diff(load(world(DENY, pod("x/new", "10.0.0.9"))))
    assert (found.added, found.removed, found.changes) == (("x/new",), ("x/old",), ())


def test_all_ports_that_either_tells_apart() -> None:
    found = load(world(DENY)).diff(load(world(DENY, FROM_B)))
    assert {change.port for change in found.changes} == {"TCP/80"}
    assert {change.port for change in load(world()).diff(load(world(FROM_B))).changes} == {"TCP/1", "TCP/80", "TCP/81", "UDP/1", "SCTP/1"}


def test_what_a_pod_says_to_itself_is_no_change() -> None:
    single = [namespace("w"), pod("w/only", "10.0.0.1")]
    closed = policy({}, place="w", ingress=[ingress({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "none"}}})])
    assert _shown(single, [*single, closed]) == [f"TCP/80 closes: {REST} to w/only"]
