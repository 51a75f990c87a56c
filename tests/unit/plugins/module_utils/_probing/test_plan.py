# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the pods stand that measure, and what they ask."""

from __future__ import annotations

import collections
import itertools
import typing as t

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, model, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import plan
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import EPHEMERAL, SHADOW, Kind, Wanted
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import ACROSS, SAME_NODE, Connection, Stand
from tests.support.netpol_cases import Raw, ingress, namespace, pod, policy, world

EIGHTY, NAMES, SCTP = Port("TCP", 80), Port("UDP", 53), Port("SCTP", 81)


EPHEMERALLY = Wanted(clients=EPHEMERAL)


def some_kinds(count: int) -> tuple[Kind, ...]:
    return tuple(Kind(number, (model.Pod("x", f"p{number}"),)) for number in range(count))


# --- Stands ----------------------------------------------------------------------------------------------------------------

PUBLISHES = {"publishNotReadyAddresses": True}
OURS = "podnet-policy-probe"


def service(name: str, selector: dict[str, str] | None, place: str = "x", **spec: t.Any) -> Raw:
    return {"kind": "Service", "metadata": {"name": name, "namespace": place}, "spec": {"selector": selector, **spec}}


def chosen(found: t.Sequence[Kind], raw: t.Sequence[Raw] = (), nodes: t.Sequence[str] = ("n1", "n2"), clients: str = SHADOW) -> t.Any:
    return plan.chosen(found, nodes, Wanted(clients=clients), raw, OURS)


def imitated(stands: t.Iterable[Stand]) -> list[str]:
    """The users' pods that are imitated, each once."""
    return list(dict.fromkeys(stand.kind.model.reference for stand in stands if not stand.kind.ours))


@pytest.mark.parametrize(
    ("services", "expected"),
    [
        pytest.param([], ["x/a", "x/b"], id="none"),
        pytest.param([service("db", {"app": "a"})], ["x/a", "x/b"], id="one that sends to ready pods only"),
        pytest.param([service("db", {"app": "a"}, **PUBLISHES)], ["x/other", "x/b"], id="another pod of the kind is imitated"),
        pytest.param([service("db", {"app": "a"}, "y", **PUBLISHES)], ["x/a", "x/b"], id="of another namespace"),
        pytest.param([service("db", {}, **PUBLISHES), service("out", None, **PUBLISHES)], ["x/a", "x/b"], id="without a selector"),
        pytest.param([service("db", {"app": "b"}, **PUBLISHES)], ["x/a"], id="all pods of a kind are in it"),
        pytest.param([{"kind": "Service", "metadata": {"name": "odd", "namespace": "x"}, "spec": None}], ["x/a", "x/b"], id="empty"),
    ],
)
def test_no_shadow_gets_what_a_service_sends(services: list[Raw], expected: list[str]) -> None:
    pods = [model.Pod("x", name, labels={"app": name}) for name in ("a", "other", "b")]
    stands, why = chosen((Kind(0, tuple(pods[:2])), Kind(1, tuple(pods[2:]))), services)
    assert imitated(stands) == expected
    told = "x/b: Service db publishes addresses that are not ready, so a shadow would get what is meant for them"
    assert why == (() if len(expected) == 2 else (told,))
    assert {stand.kind.name for stand in stands if stand.kind.number == 0} == {f"{expected[0]} and 1 more"}


def test_where_no_shadow_may_be_made_at_all() -> None:
    everything = service("db", {"app": "a"}, **PUBLISHES)
    with pytest.raises(_errors.BadInputError, match="no shadow can be made: x/a: Service db publishes"):
        chosen((Kind(0, (model.Pod("x", "a", labels={"app": "a", "tier": "b"}),)),), [everything])


@pytest.mark.parametrize(
    "going",
    [
        {"metadata": {"name": "gone", "deletionTimestamp": "2026-01-01T00:00:00Z"}},
        {"metadata": {"name": "gone"}, "status": {"phase": "Terminating"}},
    ],
)
def test_no_shadow_is_made_in_a_namespace_that_goes(going: Raw) -> None:
    """The API refuses it."""
    gone, here = model.Pod("gone", "a", addresses=("10.0.0.1",)), model.Pod("x", "b")
    raw = [{"kind": "Namespace", **going}, {"kind": "Namespace", "metadata": {"name": "x"}, "status": {"phase": "Active"}}]
    stands, why = chosen((Kind(0, (gone,)), Kind(1, (gone, here))), raw)
    assert imitated(stands) == ["x/b"]
    assert {stand.namespace for stand in stands} == {"x", OURS}
    assert why == ("gone/a: namespace gone is terminating",)


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        ({"node": "n1", "addresses": ("10.0.0.9",), "terminating": True}, "x/bad: it is terminating"),
        ({"node": "n1"}, "x/bad: it does not run"),
        ({"node": "n3", "addresses": ("10.0.0.9",)}, "x/bad: its node is not ready"),
    ],
)
def test_kinds_of_which_no_pod_can_ask_are_told(raw: t.Any, told: str) -> None:
    good = [model.Pod("x", name, node=node, addresses=(f"10.0.0.{name}",)) for name, node in (("1", "n1"), ("2", "n2"))]
    bad = model.Pod("x", "bad", **raw)
    stands, why = chosen([Kind(0, (bad,)), Kind(1, (bad, *good))], clients=EPHEMERAL)
    assert ([stand.name for stand in stands], why) == (["1", "2"], (told,))
    with pytest.raises(_errors.BadInputError, match=f"no pod can ask: {told}"):
        chosen([Kind(0, (bad,))], clients=EPHEMERAL)


def test_each_reason_is_told_once() -> None:
    pods = (*(model.Pod("x", name, terminating=True) for name in "ab"), model.Pod("x", "c"))
    told = plan.chosen([Kind(0, pods), Kind(1, (model.Pod("x", "d", node="n1", addresses=("10.0.0.1",)),))], ["n1"], EPHEMERALLY, [], OURS)
    assert told[1][0] == "x/a and 2 more: it is terminating; it does not run"


@pytest.mark.parametrize(
    ("nodes", "clients", "expected"),
    [
        (["n1"], SHADOW, ("nothing was measured across nodes: only n1 is ready",)),
        (["n1"], EPHEMERAL, ("nothing was measured across nodes: only n1 is ready",)),
        (["n0", "n1"], EPHEMERAL, ("nothing was measured across nodes: all pods that ask are on n1",)),
        (["n1", "n2"], SHADOW, ()),
    ],
)
def test_a_measurement_on_a_single_node_says_so(nodes: list[str], clients: str, expected: tuple[str, ...]) -> None:
    pods = tuple(model.Pod("x", name, node="n1", addresses=("10.0.0.1",)) for name in "ab")
    assert chosen([Kind(0, pods)], nodes=nodes, clients=clients)[1] == expected


def test_the_outsider_is_on_every_node_and_of_shadows_only() -> None:
    nodes = [f"n{number}" for number in range(1, 6)]
    stands, _ = chosen(some_kinds(2), nodes=nodes)
    ours = [stand for stand in stands if stand.kind.ours]
    assert [stand.node for stand in ours] == nodes
    assert {(stand.namespace, stand.kind.name) for stand in ours} == {(OURS, f"{OURS}/outsider")}
    assert not ours[0].kind.model.labels
    assert len({stand.kind.number for stand in stands}) == 3
    users = collections.Counter(stand.node for stand in stands if not stand.kind.ours)
    assert users == {"n1": 2, "n2": 2, "n3": 1, "n4": 1, "n5": 1}
    own, _ = chosen([Kind(0, (model.Pod("x", "a", node="n1", addresses=("10.0.0.1",)),))], clients=EPHEMERAL)
    assert not any(stand.kind.ours for stand in own)


def test_its_number_is_no_other_kinds() -> None:
    """The numbers of the kinds that are left have gaps."""
    left = [kind for kind in some_kinds(3) if kind.number != 0]
    stands, _ = chosen(left)
    assert sorted({stand.kind.number for stand in stands}) == [1, 2, 3]


@pytest.mark.parametrize("count", [1, 2, 5])
@pytest.mark.parametrize("nodes", [1, 2, 3, 5])
def test_every_node_is_left_and_reached_where_policies_deny_all_that_is_the_users(count: int, nodes: int) -> None:
    """So that a network on which nothing comes through is never taken for one that enforces."""
    names = [f"n{number}" for number in range(nodes)]
    stands, _ = chosen(some_kinds(count), nodes=names)
    by_name = {stand.reference: stand for stand in stands}
    ways = [(by_name[one.source], by_name[one.target]) for one in plan.connections(stands, [EIGHTY], says=True) if not one.is_control]
    ours = [(source, target) for source, target in ways if source.kind.ours and target.kind.ours]
    assert {source.node for source, _ in ours} == {target.node for _, target in ours} == set(names)
    assert nodes == 1 or all(source.node != target.node for source, target in ours)
    # On further nodes there is nothing else to show, and connections are many.
    further = set(names[2:])
    assert all(target.kind.ours for source, target in ways if source.kind.ours and source.node in further)
    # And it is measured with every kind, as any other is.
    assert {target.kind.number for source, target in ways if source.kind.ours} == set(range(count + 1))
    assert {source.kind.number for source, target in ways if target.kind.ours} == set(range(count + 1))


@pytest.mark.parametrize(
    ("nodes", "expected"),
    [
        (1, {"p0": ["n1", "n1"], "p1": ["n1", "n1"]}),
        (2, {"p0": ["n1", "n2"], "p1": ["n1", "n2"]}),
        (3, {"p0": ["n1", "n2", "n3"], "p1": ["n1", "n2"]}),
        (5, {"p0": ["n1", "n2", "n3", "n5"], "p1": ["n1", "n2", "n4"]}),
    ],
)
def test_where_shadows_stand(nodes: int, expected: dict[str, list[str]]) -> None:
    found: dict[str, list[str]] = {}
    stands = plan.shadows(some_kinds(2), [f"n{number}" for number in range(1, nodes + 1)])
    for stand in stands:
        found.setdefault(stand.kind.model.name, []).append(stand.node)
    assert found == expected
    assert {stand.namespace for stand in stands} == {"x"}


def test_no_shadow_without_a_node() -> None:
    with pytest.raises(_errors.ClusterError, match="no node is ready"):
        plan.shadows(some_kinds(1), [])


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 30))
def test_no_name_is_the_beginning_of_another(count: int, nodes: int) -> None:
    """Of what a listener says no more is read than the name that is expected."""
    listed = sorted(stand.name for stand in plan.shadows(some_kinds(count), [f"n{number}" for number in range(nodes)]))
    assert not any(after.startswith(before) for before, after in itertools.pairwise(listed))


@pytest.mark.parametrize(
    ("pods", "expected"),
    [
        ([("a", "n1"), ("b", "n1"), ("c", "n2")], ["a", "c"]),
        ([("a", "n1"), ("b", "n1")], ["a", "b"]),
        ([("a", "n1")], ["a"]),
        ([("a", "lost"), ("b", "n2")], ["b"]),
        ([("a", "lost")], []),
        ([("pending", ""), ("b", "n2")], ["b"]),
        ([("going", "n1"), ("b", "n2")], ["b"]),
    ],
)
def test_own_pods_are_on_two_nodes_where_there_are_such(pods: list[tuple[str, str]], expected: list[str]) -> None:
    listed = tuple(
        model.Pod("x", name, node=node, addresses=(f"10.0.0.{number}",) if node else (), terminating=name == "going")
        for number, (name, node) in enumerate(pods, 1)
    )
    stands = plan.own_pods([Kind(0, listed)], ["n1", "n2"])
    assert [stand.name for stand in stands] == expected
    assert [stand.address for stand in stands] == [pod.addresses[0] for name in expected for pod in listed if pod.name == name]


# --- Connections ------------------------------------------------------------------------------------------------------


def asked(count: int, nodes: int) -> tuple[dict[str, Stand], list[Connection]]:
    stands = plan.shadows(some_kinds(count), [f"n{number}" for number in range(1, nodes + 1)])
    found = plan.connections(stands, [EIGHTY], says=True)
    return {stand.reference: stand for stand in stands}, [one for one in found if not one.is_control]


def places(count: int, nodes: int) -> dict[tuple[int, int], list[str]]:
    """Where each pair of kinds is measured."""
    stands, found = asked(count, nodes)
    seen: dict[tuple[int, int], list[str]] = collections.defaultdict(list)
    for one in found:
        seen[stands[one.source].kind.number, stands[one.target].kind.number].append(one.place)
    return seen


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_every_pair_is_measured_once_on_a_node_and_once_across(count: int) -> None:
    """A kind has one pod on each node, so these ask each other both ways."""
    pairs = itertools.product(range(count), repeat=2)
    expected = {(one, other): [ACROSS, ACROSS] if one == other else [SAME_NODE, ACROSS] for one, other in pairs}
    assert {pair: sorted(found, reverse=True) for pair, found in places(count, 2).items()} == expected


@pytest.mark.parametrize("count", [1, 3])
def test_on_a_single_node_every_pair_is_measured(count: int) -> None:
    pairs = itertools.product(range(count), repeat=2)
    assert places(count, 1) == {(one, other): [SAME_NODE] * (2 if one == other else 1) for one, other in pairs}


@settings(deadline=None)
@given(st.integers(1, 12), st.integers(1, 6))
def test_every_node_asks_and_is_asked(count: int, nodes: int) -> None:
    stands, found = asked(count, nodes)
    everywhere = {f"n{number}" for number in range(1, nodes + 1)}
    assert {stands[one.source].node for one in found} == {stands[one.target].node for one in found} == everywhere
    assert all((one.place == SAME_NODE) == (stands[one.source].node == stands[one.target].node) for one in found)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("nodes", [3, 5])
def test_the_pod_of_a_further_node_and_every_kind_ask_each_other(nodes: int) -> None:
    stands, found = asked(3, nodes)
    for stand in (one for one in stands.values() if one.node not in ("n1", "n2")):
        to = sorted(stands[one.target].kind.number for one in found if one.source == stand.reference)
        back = sorted(stands[one.source].kind.number for one in found if one.target == stand.reference)
        assert to == back == [0, 1, 2]


@pytest.mark.parametrize("node", ["n1", "n2"])
@pytest.mark.parametrize("place", [SAME_NODE, ACROSS])
def test_pods_of_both_nodes_are_sources_in_either_place(node: str, place: str) -> None:
    stands, found = asked(4, 2)
    assert [one for one in found if one.place == place and stands[one.source].node == node]


def test_every_stand_asks_itself_on_every_port() -> None:
    stands = plan.shadows(some_kinds(2), ["n1", "n2"])
    found = plan.connections(stands, [EIGHTY, NAMES], says=True)
    controls = [(one.source, one.port) for one in found if one.is_control]
    assert controls == [(stand.reference, port) for stand in stands for port in (EIGHTY, NAMES)]
    assert collections.Counter(one.port for one in found) == {EIGHTY: len(found) // 2, NAMES: len(found) // 2}


@pytest.mark.parametrize(
    ("port", "says", "expected"), [(EIGHTY, True, "name"), (NAMES, True, "name"), (SCTP, True, ""), (EIGHTY, False, "")]
)
def test_what_a_listener_says(port: Port, says: bool, expected: str) -> None:
    """Nothing by SCTP, and a user's pod says what it likes."""
    stands = plan.shadows(some_kinds(2), ["n1"])
    by_reference = {stand.reference: stand.name for stand in stands}
    assert all(one.says == (by_reference[one.target] if expected else "") for one in plan.connections(stands, [port], says=says))


def _column(text: str, label: str) -> study.Column:
    protocol, number = text.split("/")
    return study.Column(Port(protocol, int(number)), label)


@pytest.mark.parametrize(
    ("column", "following", "expected"),
    [
        (("TCP/1", "TCP/1-79"), ("TCP/80", "TCP/80"), "TCP/79"),
        (("TCP/80", "TCP/80"), ("TCP/81", "TCP/81-65535"), "TCP/80"),
        (("TCP/81", "TCP/81-65535"), ("UDP/1", "UDP/*"), "TCP/81"),
        (("TCP/1", "TCP/*"), ("UDP/1", "UDP/*"), "TCP/1"),
        (("TCP/1", "TCP/1"), ("TCP/2", "TCP/2-65535"), "TCP/1"),
        # Asked for, and so no range.
        (("TCP/1", "TCP/1"), ("TCP/443", "TCP/443"), "TCP/1"),
        (("SCTP/1", "SCTP/*"), None, "SCTP/1"),
        (("SCTP/1", "SCTP/1"), None, "SCTP/1"),
    ],
)
def test_the_port_to_try(column: tuple[str, str], following: tuple[str, str] | None, expected: str) -> None:
    assert str(plan.probe_port(_column(*column), _column(*following) if following else None)) == expected


@pytest.mark.parametrize(
    "cut", [policy({}, ingress=[ingress(ports=[{"port": 80, "endPort": 90}, {"port": 443}])]), policy({}, policyTypes=["Ingress"])]
)
def test_the_port_to_try_is_in_its_range(cut: Raw) -> None:
    columns = study.columns([load(world(cut))], [])
    for column, following in zip(columns, [*columns[1:], None], strict=True):
        port = plan.probe_port(column, following)
        after = following.port.number if following and following.port.protocol == column.port.protocol else model.LAST_PORT + 1
        assert column.port.number <= port.number < after


RANGE = {"port": 8000, "endPort": 9000}


@pytest.mark.parametrize(
    ("items", "asked", "expected"),
    [
        pytest.param([RANGE], [], ["TCP/7999", "TCP/8000", "TCP/9000", "TCP/9001", "UDP/1", "SCTP/1"], id="the end of a range"),
        pytest.param([RANGE], ["TCP/80"], ["TCP/80"], id="no more than was asked for"),
        pytest.param([RANGE], ["UDP/9", "TCP/8000"], ["UDP/9", "TCP/8000"], id="in the order in which it was asked"),
        pytest.param(
            [RANGE, {"port": 8500, "endPort": 9000}],
            [],
            ["TCP/7999", "TCP/8000", "TCP/8500", "TCP/9000", "TCP/9001", "UDP/1", "SCTP/1"],
            id="once where two end there",
        ),
        pytest.param(
            [{"protocol": "UDP", "port": 8000, "endPort": 9000}],
            [],
            ["TCP/1", "UDP/7999", "UDP/8000", "UDP/9000", "UDP/9001", "SCTP/1"],
            id="of the same protocol",
        ),
        pytest.param([{"port": 80, "endPort": 80}], [], ["TCP/79", "TCP/80", "TCP/81", "UDP/1", "SCTP/1"], id="a range of one port"),
        pytest.param([{"port": 65000, "endPort": 65535}], [], ["TCP/64999", "TCP/65000", "TCP/65535", "UDP/1", "SCTP/1"], id="the last"),
        pytest.param([{"port": 80}], [], ["TCP/79", "TCP/80", "TCP/81", "UDP/1", "SCTP/1"], id="no range"),
    ],
)
@pytest.mark.parametrize("direction", ["ingress", "egress"])
def test_ports_to_try(items: list[Raw], asked: list[str], expected: list[str], direction: str) -> None:
    """A CNI that does not know endPort applies only the first port."""
    rules = policy({}, policyTypes=[direction.capitalize()], **{direction: [ingress(ports=items)]})
    bare = [namespace("x"), pod("x/a", "10.0.0.1", ports=()), rules]
    assert list(map(str, plan.probe_ports(load(bare), asked))) == expected


def test_what_became_of_pods_is_told_once() -> None:
    one, other = plan.shadows(some_kinds(1), ["n1", "n2"])
    raw = [pod(one.reference, "10.0.0.1"), pod(other.reference, "10.0.0.2", phase="Failed")]
    left = plan.still_there((one, other), raw)
    assert left == (one,)
    assert list(plan.became((one, other), left, ["x/a", "x/a"])) == [
        "x/a was deleted by somebody, and made anew",
        f"{other.reference} is gone",
    ]


# --- Two families -----------------------------------------------------------------------------------------------------

FOUR, SIX, BOTH = ("10.0.0.1",), ("fd00::1",), ("10.0.0.1", "fd00::1")


@pytest.mark.parametrize(
    ("source", "target", "expected"),
    [
        (FOUR, FOUR, (0,)),
        (SIX, SIX, (0,)),
        (BOTH, BOTH, (4, 6)),
        (BOTH, BOTH[::-1], (6, 4)),
        (BOTH, SIX, (0,)),
        (FOUR, BOTH, (4,)),
        (SIX, BOTH, (6,)),
        # Not known yet, or nothing in common: there is nothing to tell apart.
        ((), (), (0,)),
        ((), BOTH, (0,)),
        (FOUR, SIX, (0,)),
        (FOUR, ("10.0.0.2", "10.0.0.3"), (0,)),
    ],
)
def test_the_families_to_tell_apart(source: tuple[str, ...], target: tuple[str, ...], expected: tuple[int, ...]) -> None:
    assert plan.families(source, target) == expected


def with_addresses(*several: tuple[str, ...]) -> tuple[Stand, ...]:
    stands = plan.shadows(some_kinds(len(several)), ["n1"])[::2]
    return tuple(Stand(one.namespace, one.name, one.node, one.kind, found) for one, found in zip(stands, several, strict=True))


def test_pods_with_both_families_ask_by_each_and_so_does_each_itself() -> None:
    stands = with_addresses(BOTH, ("10.0.0.2", "fd00::2"))
    by_name = {stand.reference: stand for stand in stands}
    found = plan.connections(stands, [EIGHTY], says=True)
    told = {(one.is_control, str(one).partition(" on ")[2], plan.address(one, by_name), plan.judged(one, by_name)) for one in found}
    assert {(control, on, address) for control, on, address, judged in told if address == judged} == {
        (control, f"TCP/80 over IPv{family}", address)
        for control in (True, False)
        for family, address in ((4, "10.0.0.1"), (6, "fd00::1"), (4, "10.0.0.2"), (6, "fd00::2"))
    }
    assert len(found) == len(set(found)) == 8


def test_pods_of_one_family_ask_as_if_there_were_no_other() -> None:
    stands = with_addresses(FOUR, ("10.0.0.2",))
    by_name = {stand.reference: stand for stand in stands}
    found = plan.connections(stands, [EIGHTY], says=True)
    assert found == plan.connections(with_addresses((), ()), [EIGHTY], says=True)
    assert [plan.judged(one, by_name) for one in found] == [one.target for one in found]
    assert [plan.address(one, by_name) for one in found] == [by_name[one.target].address for one in found]


def test_a_pod_that_was_made_anew_is_called_by_its_new_address() -> None:
    stands = with_addresses(BOTH, BOTH)
    (one,) = plan.asks(stands[0], Stand("x", "b", "n1", stands[1].kind, BOTH), EIGHTY, says=True)[1:]
    anew = Stand("x", "b", "n1", stands[1].kind, ("10.0.0.8", "fd00::8"))
    assert plan.address(one, {anew.reference: anew}) == "fd00::8"
