# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen becomes verdicts, and verdicts an answer to whether policies are enforced."""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, UNDEFINED, matrix, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import MET, MISSED, Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.agent import (
    ANSWERED,
    MUTE,
    REFUSED,
    SILENT,
    UNREACHABLE,
    UNREAD,
    UNROUTABLE,
    WRONG,
    Reading,
)
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import Kind
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import ACROSS, OUT, Connection, Stand
from ansible_collections.podnet.cni.plugins.module_utils._probing.trial import (
    AGREES,
    DIFFERS,
    ENFORCED,
    NOT_ENFORCED,
    NOT_KNOWN,
    PARTLY,
    UNKNOWN,
    UNTESTED,
    Measured,
    Trial,
)

TCP, UDP = Port("TCP", 80), Port("UDP", 53)
WAY = Connection("x/a", "x/b", TCP, "b", ACROSS)
REACHED = "refused: it was reached, and nothing listens there"


def measured(expected: str, verdict: str, connection: Connection = WAY) -> Measured:
    return Measured(connection, expected, verdict, verdict, 1)


# --- From words to verdicts -------------------------------------------------------------------------------------------

CONTROLS = ("", ANSWERED, REFUSED, SILENT, UNREACHABLE, WRONG, UNREAD, MUTE, UNROUTABLE)
#: What is refused, silent or unreachable by TCP, by what the destination saw of itself; where there is none, no verdict follows.
VERDICTS = {
    (REFUSED, ""): (ALLOW, REACHED),
    (REFUSED, REFUSED): (ALLOW, REACHED),
    (REFUSED, ANSWERED): (DENY, "rejected"),
    **{(SILENT, control): (DENY, "silent") for control in ("", ANSWERED, REFUSED)},
    **{(UNREACHABLE, control): (DENY, "unreachable") for control in ("", ANSWERED, REFUSED)},
}


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("word", [REFUSED, SILENT, UNREACHABLE])
def test_what_nobody_answers_by_tcp(word: str, control: str) -> None:
    unclear = UNKNOWN, f"{word}, and no listener is known to answer there"
    assert trial.told(Reading((word, word)), control, WAY) == VERDICTS.get((word, control), unclear)


@pytest.mark.parametrize("protocol", ["UDP", "SCTP"])
@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("word", [REFUSED, SILENT, UNREACHABLE])
def test_what_nobody_answers_by_packets_may_have_come_through(word: str, control: str, protocol: str) -> None:
    """As by TCP, but where it is not known whether somebody would answer; a refusal is an answer, and may be held back."""
    unclear = UNKNOWN, f"{word}, and no listener is known to answer there"
    nobody_knows = control == "" and word != REFUSED
    held_back = protocol == "UDP" and (word, control) == (SILENT, REFUSED)
    expected = unclear if nobody_knows or held_back else VERDICTS.get((word, control), unclear)
    assert trial.told(Reading((word, word)), control, dataclasses.replace(WAY, port=Port(protocol, 53))) == expected


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("port", [TCP, UDP])
@pytest.mark.parametrize(
    ("reading", "expected"),
    [
        (Reading((SILENT, ANSWERED), 3, "of the first"), (ALLOW, "answered")),
        (Reading((WRONG,), 3, "c"), (UNKNOWN, "c answered, who is not x/b")),
        (Reading((WRONG,), 3), (UNKNOWN, "somebody else answered, who is not x/b")),
        (Reading((UNREAD,)), (UNKNOWN, "not measured")),
        (Reading((UNREAD,), 0, "the pod is gone"), (UNKNOWN, "not measured (the pod is gone)")),
        (Reading((UNREAD, "dropped"), 0, "no SCTP"), (UNKNOWN, "not measured (no SCTP)")),
        (Reading((MUTE, MUTE), 900, "connected, and nothing was said"), (UNKNOWN, "connected, and nothing was said")),
        (Reading((MUTE, SILENT), 900), (UNKNOWN, "connected, and nothing was said")),
        (Reading((MUTE, REFUSED), 900), (UNKNOWN, "connected, and nothing was said")),
        (Reading((UNROUTABLE, UNROUTABLE), 1), (UNKNOWN, "the source has no route there")),
    ],
)
def test_what_needs_no_control(reading: Reading, expected: tuple[str, str], port: Port, control: str) -> None:
    assert trial.told(reading, control, dataclasses.replace(WAY, port=port)) == expected


@pytest.mark.parametrize(
    ("word", "text", "control", "expected"),
    [
        (UNREACHABLE, "No route to host", ANSWERED, (DENY, "unreachable (No route to host)")),
        (SILENT, "why", UNREAD, (UNKNOWN, "silent (why), and no listener is known to answer there")),
    ],
)
def test_the_text_of_an_attempt_is_told(word: str, text: str, control: str, expected: tuple[str, str]) -> None:
    assert trial.told(Reading((word,), 1000, text), control, WAY) == expected


def test_each_family_has_its_own_control() -> None:
    """What listens by IPv4 only is no policy that denies IPv6."""
    four, six = (dataclasses.replace(WAY, family=family) for family in (4, 6))
    controls = {dataclasses.replace(one, source="x/b"): Reading((word,)) for one, word in ((four, ANSWERED), (six, UNREAD))}
    silent = Reading((SILENT, SILENT), 1000)
    found = trial.judge(
        {**controls, four: silent, six: silent}, lambda _: matrix.Explanation(DENY, "", "", "", ()), {four: DENY, six: DENY}
    )
    assert [(one.connection, one.verdict) for one in found] == [(four, DENY), (six, UNKNOWN)]
    again = trial.worth_another_look({**controls, four: silent, six: silent}, {four: DENY, six: DENY})
    assert set(again) == {six, dataclasses.replace(six, source="x/b")}


@pytest.mark.parametrize("expected", [ALLOW, DENY])
@pytest.mark.parametrize(("service", "verdict"), [(True, UNKNOWN), (False, ALLOW)])
def test_a_refusal_by_a_service_may_be_for_want_of_an_endpoint(service: bool, verdict: str, expected: str) -> None:
    way = Connection("x/a", "x/Service/web", TCP, "", OUT, "10.96.0.9", service)
    assert trial.told(Reading((REFUSED, REFUSED)), "", way, expected)[0] == verdict
    assert trial.told(Reading((SILENT, SILENT)), "", way, DENY)[0] == DENY


@pytest.mark.parametrize("expected", [ALLOW, DENY])
@pytest.mark.parametrize("control", [ANSWERED, REFUSED])
@pytest.mark.parametrize("port", [TCP, UDP])
@pytest.mark.parametrize("word", [MUTE, UNROUTABLE])
def test_what_is_no_denial_is_looked_at_again_and_told(word: str, port: Port, control: str, expected: str) -> None:
    own, way = Connection("x/b", "x/b", port, ""), dataclasses.replace(WAY, port=port, says="")
    readings = {own: Reading((control,)), way: Reading((word, word))}
    assert way in trial.worth_another_look(readings, {way: expected})
    (found,) = trial.judge(readings, lambda _: matrix.Explanation(ALLOW, "", "", "", ()), {way: expected})
    assert (found.result, found.tells) == (UNKNOWN, True)


def test_where_no_route_leads_out_is_no_fault() -> None:
    way = Connection("x/a", "2001:db8::1", TCP, "", OUT, "2001:db8::1")
    readings = {way: Reading((UNROUTABLE, UNROUTABLE))}
    assert trial.worth_another_look(readings, {way: ALLOW}) == []
    (found,) = trial.judge(readings, lambda _: matrix.Explanation(ALLOW, "", "", "", ()), {way: ALLOW})
    assert (found.result, found.tells) == (UNKNOWN, False)


def test_judge_holds_each_against_its_own_control() -> None:
    """By destination and port; controls are no results, and reasons are asked for only where both differ."""
    control = Connection("x/b", "x/b", TCP, "b")
    shut = Connection("x/b", "x/b", UDP, "b")
    udp, back, out = dataclasses.replace(WAY, port=UDP), Connection("x/b", "x/a", TCP, "a"), Connection("x/a", "203.0.113.1", TCP)
    silent = Reading((SILENT, SILENT), 1000)
    readings = {
        control: Reading((ANSWERED,)),
        shut: Reading((UNREAD,)),
        WAY: silent,
        udp: silent,
        back: Reading((ANSWERED,), 4),
        out: Reading((REFUSED, REFUSED), 2),
    }
    asked = []

    def explain(connection: Connection) -> matrix.Explanation:
        asked.append(connection)
        reason = matrix.Reason("ingress", DENY, "ingress: x/p isolates the pod and has no rule", "x/p")
        pair = matrix.Pair("x/b", "x/a", "TCP/80", 4, DENY, "", (matrix.Seen(DENY, (), (reason,)),))
        return matrix.Explanation(DENY, "x/b", "x/a", "TCP/80", (pair,))

    expected = {WAY: DENY, udp: ALLOW, back: DENY, out: UNDEFINED}
    found = trial.judge(readings, explain, expected)
    assert [(one.connection, one.verdict, one.result) for one in found] == [
        (WAY, DENY, AGREES),
        (udp, UNKNOWN, UNKNOWN),
        (back, ALLOW, DIFFERS),
        (out, ALLOW, UNDEFINED),
    ]
    assert asked == [back]
    assert [one.milliseconds for one in found] == [1000, 1000, 4, 2]
    assert [str(one) for one in found if one.why] == [
        "x/b to x/a on TCP/80: answered, where policies say deny (ingress: x/p isolates the pod and has no rule)"
    ]


@pytest.mark.parametrize(
    ("expected", "verdict", "result"),
    [
        (ALLOW, ALLOW, AGREES),
        (DENY, DENY, AGREES),
        (ALLOW, DENY, DIFFERS),
        (DENY, ALLOW, DIFFERS),
        (ALLOW, UNKNOWN, UNKNOWN),
        (DENY, UNKNOWN, UNKNOWN),
        (UNDEFINED, ALLOW, UNDEFINED),
        (UNDEFINED, DENY, UNDEFINED),
        (UNDEFINED, UNKNOWN, UNDEFINED),
    ],
)
def test_how_a_measurement_is_to_what_policies_say(expected: str, verdict: str, result: str) -> None:
    assert measured(expected, verdict).result == result


# --- Expectations -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [ALLOW, DENY])
@pytest.mark.parametrize(
    "verdicts", [found for size in range(4) for found in itertools.combinations_with_replacement([ALLOW, DENY, UNKNOWN], size)]
)
def test_an_expectation_is_met_where_all_its_connections_do_it(verdicts: tuple[str, ...], wanted: str) -> None:
    tested = trial.Tested(Expectation("x/a", "x/b", "TCP/80", wanted), tuple(measured(wanted, verdict) for verdict in verdicts))
    known = verdicts and UNKNOWN not in verdicts
    assert tested.result == (UNKNOWN if not known else MET if set(verdicts) == {wanted} else MISSED)
    assert tested.verdict == (verdicts[0] if len(set(verdicts)) == 1 else UNKNOWN)


@pytest.mark.parametrize(
    ("found", "result", "verdict"),
    [
        ([(UNDEFINED, ALLOW)], UNKNOWN, UNKNOWN),
        ([(UNDEFINED, DENY)], UNKNOWN, UNKNOWN),
        ([(UNDEFINED, ALLOW), (DENY, DENY)], MET, DENY),
        ([(UNDEFINED, DENY), (DENY, ALLOW)], MISSED, ALLOW),
        ([(UNDEFINED, UNKNOWN), (DENY, DENY)], MET, DENY),
    ],
)
def test_what_policies_leave_to_the_cni_is_no_evidence(found: list[tuple[str, str]], result: str, verdict: str) -> None:
    tested = trial.Tested(Expectation("x/a", "x/b", "TCP/80", DENY), tuple(itertools.starmap(measured, found)), "left to the CNI")
    assert (tested.result, tested.verdict) == (result, verdict)
    assert trial.Trial("calico", True, (), tested.measured, (tested,)).missed == ((tested,) if result == MISSED else ())
    if result == UNKNOWN:
        assert str(tested).endswith("unknown (left to the CNI)")


@pytest.mark.parametrize(
    ("verdicts", "note", "text"),
    [
        ((ALLOW,), "", "met"),
        ((DENY, ALLOW), "", "missed (x/a to x/b on TCP/80: deny)"),
        ((DENY,) * 5, "", "missed (" + "; ".join(["x/a to x/b on TCP/80: deny"] * 3) + ")"),
        ((UNKNOWN,), "", "unknown (x/a to x/b on TCP/80: unknown)"),
        ((), "x/b has no pod", "unknown (x/b has no pod)"),
        ((), "", "unknown"),
    ],
)
def test_an_expectation_in_words(verdicts: tuple[str, ...], note: str, text: str) -> None:
    tested = trial.Tested(Expectation("x/a", "x/b", "TCP/80", ALLOW), tuple(measured(ALLOW, verdict) for verdict in verdicts), note)
    assert str(tested) == f"x/a may reach x/b on TCP/80: {text}"


# --- The whole --------------------------------------------------------------------------------------------------------


def made(*verdicts: tuple[str, str], **more: t.Any) -> Trial:
    stands = tuple(Stand("x", name, "n1", Kind(number, (model.Pod("x", name),))) for number, name in enumerate("ab"))
    return Trial(**{"cni": "calico", "enforces": True, **more}, stands=stands, measured=tuple(itertools.starmap(measured, verdicts)))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), UNTESTED),
        (((ALLOW, ALLOW), (ALLOW, DENY)), UNTESTED),
        (((UNDEFINED, DENY),), UNTESTED),
        (((DENY, UNKNOWN),), NOT_KNOWN),
        (((DENY, DENY),), ENFORCED),
        (((DENY, DENY), (DENY, UNKNOWN), (ALLOW, DENY)), ENFORCED),
        (((DENY, ALLOW), (ALLOW, ALLOW)), NOT_ENFORCED),
        (((DENY, ALLOW), (DENY, UNKNOWN)), NOT_ENFORCED),
        (((DENY, ALLOW), (DENY, DENY)), PARTLY),
    ],
)
def test_whether_policies_are_enforced(verdicts: tuple[tuple[str, str], ...], expected: str) -> None:
    assert made(*verdicts).enforcement == expected


@pytest.mark.parametrize(
    ("cni", "enforces", "why"),
    [
        ("flannel", False, "flannel enforces no NetworkPolicies"),
        ("calico", True, "calico runs here and should enforce them: see whether its agents are ready"),
        ("", True, "no CNI that is known to enforce them runs here"),
    ],
)
def test_why_they_are_not(cni: str, enforces: bool, why: str) -> None:
    found = made((DENY, ALLOW), cni=cni, enforces=enforces)
    assert found.why_not_enforced == why
    assert f"policies: not enforced, 0 of 1 connections that they deny were denied ({why})" in found.summary()


def test_what_differs_and_what_is_missed() -> None:
    missed = trial.Tested(Expectation("x/a", "x/b", "TCP/80", DENY), (measured(DENY, ALLOW),))
    met = trial.Tested(Expectation("x/a", "x/b", "TCP/80", ALLOW), (measured(DENY, ALLOW),))
    found = made((DENY, ALLOW), (DENY, DENY), (ALLOW, UNKNOWN), tested=(missed, met))
    assert found.differing == found.having(DIFFERS) == found.measured[:1]
    assert found.missed == (missed,)


@pytest.mark.parametrize(
    ("place", "port", "word", "tells"),
    [
        (ACROSS, TCP, SILENT, True),
        (ACROSS, UDP, ANSWERED, True),
        (ACROSS, UDP, SILENT, True),
        (ACROSS, UDP, REFUSED, False),
        (ACROSS, TCP, REFUSED, True),
        (OUT, TCP, "", False),
    ],
)
def test_silence_where_it_tells_nothing_is_no_fault(place: str, port: Port, word: str, tells: bool) -> None:
    way = dataclasses.replace(WAY, port=port, place=place)
    control = {Connection("x/b", "x/b", port, "b"): Reading((word,))} if word else {}
    (one,) = trial.judge(
        {**control, way: Reading((SILENT, SILENT), 1000)}, lambda _: matrix.Explanation(ALLOW, "", "", "", ()), {way: ALLOW}
    )
    assert one.tells is tells
    faults = dataclasses.replace(made(), measured=(one,)).faults(False)
    assert len(faults) == (0 if not tells else 1), faults


def test_the_summary() -> None:
    verdicts = (DENY, ALLOW), (DENY, DENY), (ALLOW, UNKNOWN), (UNDEFINED, DENY)
    tested = trial.Tested(Expectation("x/a", "x/b", "TCP/80", DENY), ())
    assert made(*verdicts, tested=(tested,), settled_after=1.25).summary() == [
        "4 connections between 2 pods for 2 kinds of pods: 1 as policies say, 1 otherwise, 1 left to the CNI, 1 not known",
        "policies: partly, 1 of 2 connections that they deny were denied",
        "as policies say after 1.2 s",
        "expectations: 0 met, 0 missed, 1 unknown",
    ]
    assert made((ALLOW, ALLOW)).summary() == [
        "1 connections between 2 pods for 2 kinds of pods: 1 as policies say, 0 otherwise",
        "policies: nothing to enforce",
    ]


def test_a_word_of_the_program_is_known_here() -> None:
    listed = {agent.ANSWERED, agent.REFUSED, agent.SILENT, agent.UNREACHABLE, agent.WRONG, agent.UNREAD, agent.MUTE, agent.UNROUTABLE}
    assert set(CONTROLS[1:]) == listed
