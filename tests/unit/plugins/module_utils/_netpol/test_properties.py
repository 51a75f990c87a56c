# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever the world is, the engine says what the naive evaluator says."""

from __future__ import annotations

import collections
import itertools
import random
import typing as t

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._netpol import Difference, load
from tests.support.naive_netpol import Naive
from tests.support.netpol_cases import endpoints, service
from tests.support.random_netpol import POD_CIDRS, World

worlds = st.builds(World, st.randoms(use_true_random=False))
bounded = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

WORLDS, EACH = 100, 200


def _port(protocol: str, number: int) -> str:
    return f"{protocol}/{number}" if number else protocol


def test_many_verdicts() -> None:
    """The bench holds a million against it."""
    differing = []
    for seed in range(WORLDS):
        world = World(random.Random(-1 - seed))  # noqa: S311  # chance, not a secret
        naive, matrix = Naive(world.objects, POD_CIDRS), load(world.objects, pod_cidrs=POD_CIDRS).matrix(["TCP/80", "SCTP/81"])
        for source, destination, protocol, number in world.questions(EACH):
            ours, theirs = (
                matrix.verdict(source, destination, _port(protocol, number)),
                naive.verdict(source, destination, protocol, number),
            )
            if ours != theirs:
                differing.append((seed, source, destination, protocol, number, ours, theirs))
    assert differing == []


@bounded
@given(worlds)
def test_tables_policies_and_explanations_agree_with_the_documentation(world: World) -> None:
    loaded = load(world.objects, pod_cidrs=POD_CIDRS)
    naive, tables, policies = Naive(world.objects, POD_CIDRS), loaded.matrix(), loaded.matrix([])
    for source, destination, protocol, number in world.questions(20):
        question = source, destination, _port(protocol, number)
        expected = naive.verdict(source, destination, protocol, number)
        assert (tables.verdict(*question), policies.verdict(*question), policies.explain(*question).verdict) == (expected,) * 3


@bounded
@given(worlds)
def test_every_reason_is_of_its_verdict(world: World) -> None:
    """A deny names a policy that isolates, on the side that denies; an allow names rules, unless nobody is isolated."""
    matrix = load(world.objects, pod_cidrs=POD_CIDRS).matrix([])
    for source, destination, protocol, number in world.questions(20):
        for pair in matrix.explain(source, destination, _port(protocol, number)).pairs:
            for seen in pair.readings:
                assert seen.reasons
                others = {"undefined"} if seen.verdict == "deny" else set()
                assert {reason.verdict for reason in seen.reasons} <= {seen.verdict, *others}
                assert all(reason.policy for reason in seen.reasons if reason.verdict == "deny")


@bounded
@given(worlds)
def test_the_distinct_ports_stand_for_all(world: World) -> None:
    """Between two of them nothing changes."""
    loaded = load(world.objects, pod_cidrs=POD_CIDRS)
    matrix = loaded.matrix()
    numbers = sorted(port.number for port in matrix.ports if port.protocol == "TCP")
    for source, destination, _, _ in world.questions(3):
        for low, high in itertools.pairwise((*numbers, 65536)):
            verdicts = {matrix.verdict(source, destination, f"TCP/{number}") for number in {low, (low + high) // 2, high - 1}}
            assert len(verdicts) == 1


@bounded
@given(worlds)
def test_a_difference_is_what_verdicts_say(world: World) -> None:
    """For pods with one address, which are all a class pair says something about."""
    before, after = load(world.objects, pod_cidrs=POD_CIDRS), load(world.with_policies(), pod_cidrs=POD_CIDRS)
    changed = _pairs(before.diff(after, ["TCP/80", "UDP/53"]))
    simple = [pod.reference for pod in before.pods if len(pod.addresses) == 1 and not pod.host_network]
    old, new = before.matrix(["TCP/80", "UDP/53"]), after.matrix(["TCP/80", "UDP/53"])
    for source, destination, port in itertools.product(simple, simple, ("TCP/80", "UDP/53")):
        verdicts = old.verdict(source, destination, port), new.verdict(source, destination, port)
        if source != destination and "undefined" not in verdicts:
            expected = {("deny", "allow"): "opens", ("allow", "deny"): "closes"}.get(verdicts)
            assert changed.get((port, source, destination)) == expected


def _pairs(difference: Difference) -> dict[tuple[str, str, str], str]:
    found: dict[tuple[str, str, str], str] = {}
    for change in difference.changes:
        names: t.Iterable[tuple[str, str]] = itertools.product(
            *((name for group in side for name in group.members) for side in (change.sources, change.destinations))
        )
        found |= {(change.port, *pair): change.kind for pair in names}
    return found


@bounded
@given(worlds)
def test_a_service_is_the_pod_behind_it(world: World) -> None:
    """On the port it is translated to; what it says to itself aside."""
    pods = {
        item["ip"]: reference
        for reference, pod in Naive(world.objects).pods.items()
        if not pod["spec"].get("hostNetwork")
        for item in pod["status"]["podIPs"]
    }
    services = [
        made
        for number, address in enumerate(pods)
        for made in (service(f"x/s-{number}", None, {"port": 9, "targetPort": 80}), endpoints(f"x/s-{number}", address))
    ]
    matrix = load([*world.objects, *services], pod_cidrs=POD_CIDRS).matrix([])
    for source, (number, address) in itertools.product(pods.values(), enumerate(pods)):
        if source != pods[address]:
            assert matrix.verdict(source, f"x/Service/s-{number}", "TCP/9") == matrix.verdict(source, address, "TCP/80")


@bounded
@given(worlds)
def test_the_order_of_objects_makes_no_difference(world: World) -> None:
    one, other = load(world.objects, pod_cidrs=POD_CIDRS), load(reversed(world.objects), pod_cidrs=POD_CIDRS)
    assert one.diff(other).changes == ()
    assert collections.Counter(finding.id for finding in one.findings()) == collections.Counter(finding.id for finding in other.findings())
