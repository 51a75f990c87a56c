# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs is asked again until it agrees or the time is over, and is believed only when it was seen three times."""

from __future__ import annotations

import dataclasses
import types
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease, policy_trial, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock
from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, UNDEFINED, load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import ACROSS, OUT, Connection

HTTP = Port("TCP", 80)
CONTROL = Connection("n/b", "n/b", HTTP, "b", ACROSS)
PAIR = Connection("n/a", "n/b", HTTP, "b", ACROSS)
OUTWARD = Connection("n/a", "203.0.113.7", HTTP, "", OUT, "203.0.113.7")


class Field:
    """Pods whose answers are written down: for each connection what it shows at each look, the last one from then on."""

    def __init__(self, script: dict[Connection, str]) -> None:
        self.script = {one: words.split() for one, words in script.items()}
        self.looks: list[list[Connection]] = []
        self.restored = 0
        self.time = 0.0

    def ask(self, connections: t.Sequence[Connection]) -> dict[Connection, agent.Reading]:
        self.looks.append(list(connections))
        self.time += 1
        return {one: agent.Reading((self._next(one),)) for one in connections}

    def _next(self, one: Connection) -> str:
        words = self.script[one]
        return words.pop(0) if len(words) > 1 else words[0]

    def restore(self) -> tuple[str, ...]:
        self.restored += 1
        return ("n/b",) if self.restored == 1 else ()

    def settle(self, expected: str, seconds: float) -> policy_trial.Settled:
        wanted = {one: expected for one in self.script if not one.is_control}
        return policy_trial.settle(self, tuple(self.script), wanted, seconds, Clock(lambda: self.time, self._sleep))

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


@pytest.mark.parametrize(
    ("words", "expected", "looks", "settled"),
    [
        ("answered", ALLOW, 1, True),
        ("silent", DENY, 1, True),
        # Enforced late: the whole is asked once more.
        ("answered answered silent", DENY, 4, True),
        ("silent answered", ALLOW, 3, True),
        # Flapping: what differs in the last whole look is asked again.
        ("answered silent answered silent", DENY, 5, True),
        ("answered", DENY, 3, False),
        ("answered", UNDEFINED, 1, True),
        ("unsupported", ALLOW, 1, True),
    ],
)
def test_how_often_it_looks(words: str, expected: str, looks: int, settled: bool) -> None:
    field = Field({CONTROL: "answered", PAIR: words})
    found = field.settle(expected, seconds=3 if not settled else 60)
    assert (len(field.looks), found.after is not None) == (looks, settled)


def test_a_difference_is_seen_three_times_however_short_the_time() -> None:
    field = Field({CONTROL: "answered", PAIR: "answered"})
    field.settle(DENY, seconds=0)
    assert len(field.looks) == 3
    assert field.looks[1:] == [[PAIR, CONTROL], [PAIR, CONTROL]]


class Crowded(Field):
    """Pods of which one connection fails whenever all are asked at once."""

    def ask(self, connections: t.Sequence[Connection]) -> dict[Connection, agent.Reading]:
        found = super().ask(connections)
        return {**found, PAIR: agent.Reading((agent.SILENT,))} if len(connections) == len(self.script) else found


def test_a_listener_that_ends_meanwhile_is_no_policy() -> None:
    field = Field({CONTROL: "answered refused", PAIR: "answered refused"})
    found = field.settle(DENY, seconds=3)
    assert (found.after, found.readings[CONTROL].word) == (None, agent.REFUSED)


def test_what_differs_only_among_many_is_not_asked_for_ever() -> None:
    field = Crowded({CONTROL: "answered", PAIR: "answered", OUTWARD: "answered"})
    found = field.settle(ALLOW, seconds=10)
    assert (found.after, found.readings[PAIR].word) == (None, agent.SILENT)
    assert field.time < 20


def test_a_listener_that_comes_late_is_asked_itself() -> None:
    field = Field({CONTROL: "refused answered", PAIR: "refused answered"})
    assert field.settle(ALLOW, seconds=60).after is not None
    assert field.looks[1:] == [[CONTROL], [PAIR, CONTROL], [CONTROL, PAIR]]


def test_a_pod_that_somebody_deleted_is_made_anew() -> None:
    field = Field({CONTROL: "unread answered", PAIR: "unread answered"})
    assert field.settle(ALLOW, seconds=60).made_anew == ("n/b",)


def test_silence_of_a_closed_udp_port_is_waited_for_only_where_it_should_be_open() -> None:
    control, way = (dataclasses.replace(one, port=Port("UDP", 53), says="") for one in (CONTROL, PAIR))
    field = Field({control: "refused", way: "silent"})
    assert field.settle(DENY, seconds=60).after is not None
    assert len(field.looks) == 1
    field = Field({control: "refused", way: "silent refused"})
    assert field.settle(ALLOW, seconds=60).after is not None
    assert len(field.looks) == 3


def test_silence_outside_is_not_waited_for() -> None:
    field = Field({OUTWARD: "silent"})
    assert field.settle(ALLOW, seconds=60).after is not None
    assert len(field.looks) == 1


def measured(connection: Connection, expected: str, verdict: str) -> trial.Measured:
    return trial.Measured(connection, expected, verdict, "silent", 1000, tells=trial.silence_tells(connection, ""))


def made(*found: trial.Measured, tested: tuple[trial.Tested, ...] = (), enforces: bool = False) -> trial.Trial:
    return trial.Trial("flannel", enforces, (), found, tested)


OPEN = measured(PAIR, DENY, ALLOW)
MISSED_DENY = trial.Tested(Expectation("n/a", "n/b", "TCP/80", DENY), (OPEN,))
MISSED_ALLOW = trial.Tested(Expectation("n/a", "n/b", "TCP/80", ALLOW), (measured(PAIR, DENY, DENY),))


@pytest.mark.parametrize(
    ("found", "allow", "words"),
    [
        (made(measured(PAIR, DENY, DENY)), False, []),
        (made(measured(PAIR, UNDEFINED, DENY)), False, []),
        (made(OPEN), False, ["Not enforced: all of 1"]),
        (made(OPEN), True, []),
        (made(OPEN, tested=(MISSED_DENY,)), True, []),
        (made(OPEN, tested=(MISSED_ALLOW,)), True, ["may reach"]),
        (made(OPEN, measured(CONTROL, DENY, DENY)), True, ["n/a to n/b"]),
        (made(measured(PAIR, ALLOW, trial.UNKNOWN)), False, ["n/a to n/b"]),
        (made(measured(OUTWARD, ALLOW, trial.UNKNOWN)), False, []),
    ],
)
def test_what_is_wrong(found: trial.Trial, allow: bool, words: list[str]) -> None:
    told = found.faults(allow)
    assert len(told) == len(words)
    assert all(word in line for word, line in zip(words, told, strict=True))


def test_no_more_than_ten_of_a_kind_are_told() -> None:
    several = [measured(Connection("n/a", f"n/{number}", HTTP, "", ACROSS), ALLOW, DENY) for number in range(14)]
    told = made(*several, measured(PAIR, DENY, DENY)).faults(allow_unenforced=False)
    assert len(told) == 11
    assert told[-1] == "... and 4 more connections do otherwise"


@pytest.mark.parametrize("name", ["max_kinds", "start_timeout", "settle_timeout"])
def test_a_time_or_number_of_nothing_is_refused(name: str) -> None:
    params = {option: rules.get("default") for option, rules in policy_trial.OPTIONS.items()}
    with pytest.raises(_errors.BadInputError, match=f"option {name}"):
        policy_trial.request({**params, name: 0}, ())


# --- A session --------------------------------------------------------------------------------------------------------


def pod(name: str, labels: dict[str, str], addresses: t.Sequence[str], owner: str = "", place: str = "n") -> dict[str, t.Any]:
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}] if owner else []
    return {
        "kind": "Pod",
        "metadata": {"namespace": place, "name": name, "labels": labels, "ownerReferences": owners},
        "spec": {"nodeName": "n1", "containers": []},
        "status": {"phase": "Running", "podIPs": [{"ip": address} for address in addresses]},
    }


def objects_of(generation: str, *shadows: dict[str, t.Any]) -> list[dict[str, t.Any]]:
    """A Deployment that nobody may reach, at one of its rollouts, and a client."""
    meta = {"namespace": "n", "name": "web"}
    return [
        {"kind": "Namespace", "metadata": {"name": "n"}},
        {"kind": "Namespace", "metadata": {"name": "podnet-policy-probe"}},
        {"kind": "Node", "metadata": {"name": "n1"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}},
        {"kind": "Deployment", "metadata": meta, "spec": {"template": {"metadata": {"labels": {"app": "web"}}}}},
        pod(f"web-{generation}-x", {"app": "web", "pod-template-hash": generation}, ["10.1.0.1", "fd00::1"], f"web-{generation}"),
        pod("client", {"app": "client"}, ["10.1.0.2", "fd00::2"]),
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": meta,
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress", "Egress"]},
        },
        *shadows,
    ]


@pytest.mark.parametrize(("source", "destination"), [("n/client", "n/Deployment/web"), ("n/Deployment/web", "n/Pod/client")])
def test_an_expectation_is_measured_although_its_pods_were_replaced(source: str, destination: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the choice of pods to the results, by both families; only the cluster is played."""
    expected = Expectation(source, destination, "TCP/80", DENY)
    params = {option: rules.get("default") for option, rules in policy_trial.OPTIONS.items()}
    played = types.SimpleNamespace(stands={}, check=lambda: None, restore=tuple)
    monkeypatch.setattr(policy_trial, "Api", lambda _client: None)
    monkeypatch.setattr(policy_trial.policy_probe, "Field", lambda *_: played)
    monkeypatch.setattr(policy_trial.policy_rights, "demand", lambda *_: None)
    session = policy_trial.Session(None, policy_trial.request(params, (expected,)), "calico", lease.Holder("test", lambda _name: True))
    before = objects_of("a")
    session.prepare(load(before), before)
    running = [
        dataclasses.replace(stand, addresses=(f"10.1.9.{number}", f"fd00:9::{number}")) for number, stand in enumerate(session.stands, 1)
    ]
    shadows = [pod(stand.name, dict(stand.kind.model.labels), stand.addresses, place=stand.namespace) for stand in running]
    monkeypatch.setattr(policy_trial.policy_world, "read", lambda _api: policy_world.Seen(objects_of("b", *shadows)))
    web = {stand.reference for stand in running if stand.kind.model.labels.get("app") == "web"}

    def ask(connections: t.Sequence[Connection]) -> dict[Connection, agent.Reading]:
        shut = {one: not one.is_control and bool(web & {one.source, one.target}) for one in connections}
        return {one: agent.Reading((agent.SILENT if shut[one] else agent.ANSWERED,)) for one in connections}

    played.stands, played.ask = {stand.reference: stand for stand in running}, ask
    found = session.measure()
    (tested,) = found.tested
    assert (tested.result, {one.connection.family for one in tested.measured}) == ("met", {4, 6})
    assert found.faults(allow_unenforced=False) == []
