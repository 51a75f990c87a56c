# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a change: tables of what comes first, and of all orders of small worlds none that cuts less."""

from __future__ import annotations

import itertools
import random
import typing as t

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, ordering, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.matrix import Matrix
from tests.support.netpol_cases import ingress, named, policy, workload, world
from tests.support.random_netpol import World

Raw = dict[str, t.Any]

FROM_B = ingress({"podSelector": named("b")})
FROM_C = ingress({"podSelector": named("c")})
DENY = policy({}, name="deny", policyTypes=["Ingress"])
WEB = policy(named("a"), name="web", ingress=[FROM_B])
WIDER = policy(named("a"), name="web", ingress=[FROM_B, FROM_C])
OTHER = policy(named("a"), name="web", ingress=[FROM_C])
ALL = policy({}, name="all", ingress=[{}])
SAME_AS_WEB = policy(named("a"), name="again", ingress=[FROM_B])


def keys_of(before: t.Sequence[Raw], after: t.Sequence[Raw]) -> list[tuple[str, str]]:
    """The policies that differ."""
    old, new = ({(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in several} for several in (before, after))
    return [key for key in sorted({**old, **new}) if old.get(key) != new.get(key)]


def ordered(before: t.Sequence[Raw], after: t.Sequence[Raw], cni: str = "generic", **more: t.Any) -> tuple[list[str], ordering.Order]:
    keys = keys_of(before, after)
    found = ordering.order(load(world(*before), cni=cni), load(world(*after), cni=cni), keys, **more)
    return [keys[number][1] for number in found.numbers], found


@pytest.mark.parametrize(
    ("before", "after", "names"),
    [
        pytest.param([], [DENY, WEB], ["web", "deny"], id="what allows before what isolates"),
        pytest.param([DENY, WEB], [], ["deny", "web"], id="and the other way back"),
        pytest.param([DENY, WEB], [DENY, SAME_AS_WEB], ["again", "web"], id="the new one before the old one goes"),
        pytest.param([WEB], [WIDER, DENY], ["web", "deny"], id="what widens before what isolates"),
        pytest.param([WIDER], [WEB, DENY], ["deny", "web"], id="what isolates before what shrinks"),
        pytest.param([DENY, ALL], [DENY, WEB], ["web", "all"], id="deletions last"),
        pytest.param([DENY, WIDER], [DENY, WEB, policy(named("a"), name="c", ingress=[FROM_C])], ["c", "web"], id="shrinking last"),
    ],
)
@pytest.mark.parametrize("most_work", [ordering.MOST_WORK, 0])
def test_the_order(before: list[Raw], after: list[Raw], names: list[str], most_work: int) -> None:
    """By what each moment allows, and by kind of change alone."""
    assert ordered(before, after, most_work=most_work)[0] == names


def test_each_moment_counts_more_than_the_kind() -> None:
    """Of two creations that both let something pass only one keeps c on the way."""
    # By name, "late" would come first, and isolate y/a before "other" lets x/c in.
    late = policy({}, name="a-late", place="y", ingress=[ingress({"podSelector": {}})])
    first = policy({}, name="b-first", place="y", ingress=[ingress({"namespaceSelector": {}})])
    names, found = ordered([], [late, first])
    assert names == ["b-first", "a-late"]
    assert found.cuts == ()


def test_nothing_opens_on_the_way_where_it_need_not() -> None:
    """With the only policy gone first, everybody could reach x/a for a moment."""
    moved = policy(named("a"), name="a-new", ingress=[FROM_B])
    gone = policy(named("a"), name="z-old", ingress=[FROM_B])
    assert ordered([gone], [moved])[0] == ["a-new", "z-old"]
    gone_by_name = policy(named("a"), name="a-old", ingress=[FROM_B])
    assert ordered([gone_by_name], [policy(named("a"), name="z-new", ingress=[FROM_B])])[0] == ["z-new", "a-old"]


def test_who_is_cut_for_a_moment_whatever_the_order() -> None:
    one, other = policy(named("a"), name="from-b", ingress=[FROM_B]), policy(named("a"), name="from-c", ingress=[FROM_C])
    names, found = ordered([], [one, other])
    assert names == ["from-b", "from-c"]
    assert found.cuts is not None
    assert {(cut.number, str(cut)) for cut in found.cuts} == {(0, f"after : {port}: x/c to x/a") for port in ("TCP/*", "UDP/*", "SCTP/*")}


def test_one_pod_by_itself_is_never_cut_but_those_of_a_workload_are() -> None:
    lone = policy(named("a"), name="lone", ingress=[FROM_B])
    rest = policy(named("a"), name="rest", ingress=[{"from": [{"podSelector": named("a", "c")}]}])
    found = ordered([], [lone, rest])[1]
    assert found.cuts is not None
    assert {(group.name) for cut in found.cuts for group in cut.sources} == {"x/c"}
    some = workload("x/Deployment/web", {"pod": "d"})
    before, after = load(world(some)), load(world(some, *(policy(named("d"), name=name, ingress=[rule]) for name, rule in _BOTH)))
    cuts = ordering.order(before, after, [("x", name) for name, _ in _BOTH]).cuts
    assert cuts is not None
    assert {group.name for cut in cuts for group in cut.sources} == {"x/Deployment/web"}


_BOTH = (("from-b", FROM_B), ("own", ingress({"podSelector": named("d")})))


def test_nobody_is_cut_by_a_cni_that_enforces_nothing() -> None:
    assert ordered([], [DENY, WEB], cni="flannel")[1] == ordering.Order((1, 0), ())


def test_without_looks_nothing_is_told_of_cuts() -> None:
    assert ordered([], [DENY, WEB], most_work=0)[1].cuts is None


def test_with_few_looks_the_order_is_still_whole() -> None:
    """Enough to walk once, not to search."""
    policies = [policy(named("a"), name=f"from-{number}", ingress=[ingress({"podSelector": named(f"p{number}")})]) for number in range(6)]
    before, after = load(world()), load(world(*policies, ALL))
    keys = keys_of([], [*policies, ALL])
    for looks in range(20):
        found = ordering.order(before, after, keys, most_work=looks * 90)
        assert sorted(found.numbers) == list(range(len(keys)))


# --- Against all orders ---


class Moments:
    """What every subset of the steps allows, looked at one by one: pairs of ends, by port."""

    def __init__(self, world_: World) -> None:
        self.before, self.after = load(world_.objects), load(world_.with_policies())
        both = [{(one.namespace, one.name): one for one in side.policies} for side in (self.before, self.after)]
        self.keys = sorted(key for key in {**both[0], **both[1]} if both[0].get(key) != both[1].get(key))
        self._both = both
        self._columns = study.columns([self.before, self.after], ())
        self._vocabulary = Vocabulary.of([*self.before.policies, *self.after.policies])
        self._seen: dict[frozenset[int], frozenset[tuple[str, t.Any, t.Any]]] = {}
        self.ends = self.pairs(frozenset()), self.pairs(frozenset(range(len(self.keys))))

    def pairs(self, done: frozenset[int]) -> frozenset[tuple[str, t.Any, t.Any]]:
        if done not in self._seen:
            self._seen[done] = frozenset(self._pairs(done))
        return self._seen[done]

    def _pairs(self, done: frozenset[int]) -> t.Iterator[tuple[str, t.Any, t.Any]]:
        now = dict(self._both[0])
        for number in done:
            now.pop(self.keys[number], None)
            if self.keys[number] in self._both[1]:
                now[self.keys[number]] = self._both[1][self.keys[number]]
        moment = type(self.before)(**{**vars(self.before), "policies": tuple(now.values())})
        matrix = Matrix(moment, [column.port for column in self._columns], self._vocabulary)
        ends = [self._names(matrix, number) for number in range(len(matrix.classes))]
        for column in self._columns:
            for source, row in enumerate(matrix.rows(column.port)):
                for target in range(len(ends)):
                    if row >> target & 1:
                        yield from ((str(column.port), one, other) for one in ends[source] for other in ends[target] if one != other)

    @staticmethod
    def _names(matrix: Matrix, number: int) -> list[tuple[str, int]]:
        one = matrix.classes.listed[number]
        pods = [matrix.world.pods[pod] for pod in one.members]
        inside = [(f"{pod.reference}#{copy}", one.piece) for pod in pods if not pod.host_network for copy in range(1 + pod.is_template)]
        return inside if one.members else [("outside", one.piece)]

    def cut(self, done: frozenset[int]) -> frozenset[tuple[str, t.Any, t.Any]]:
        """Pairs that survive and are not there at that moment."""
        return (self.ends[0] & self.ends[1]) - self.pairs(done)

    def walk(self, numbers: t.Sequence[int]) -> list[frozenset[int]]:
        return [frozenset(numbers[: place + 1]) for place in range(len(numbers))]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.builds(World, st.randoms(use_true_random=False)))
def test_no_order_cuts_where_one_does_not(world_: World) -> None:
    moments = Moments(world_)
    steps = range(len(moments.keys))
    assume(1 < len(steps) <= 5)
    found = ordering.order(moments.before, moments.after, moments.keys)
    assert sorted(found.numbers) == list(steps)
    cut = [moments.cut(done) for done in moments.walk(found.numbers)]
    unharmed = any(not any(map(moments.cut, moments.walk(one))) for one in itertools.permutations(steps))
    assert unharmed is not any(cut)
    assert found.cuts is not None
    assert {one.number for one in found.cuts} == {
        number for number, now, then in zip(found.numbers, cut, [frozenset(), *cut[:-1]], strict=True) if now - then
    }


@pytest.mark.parametrize("seed", range(3))
def test_the_order_of_the_input_never_matters(seed: int) -> None:
    policies = [DENY, WEB, ALL, policy({}, name="y", place="y", ingress=[ingress({"podSelector": named("a")})])]
    expected = ordered([WEB], policies)[0]
    random.Random(seed).shuffle(policies)  # noqa: S311  # chance, not a secret
    assert ordered([WEB], policies)[0] == expected
