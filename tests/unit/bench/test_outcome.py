# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from tests.bench.migration import outcome
from tests.bench.migration.outcome import Clients, Outcome, Pair, Sequel

CALM = Clients(sent=600, failed=0, failed_alone=0, longest_gap=0.2, outage=0.2, dark=0.0)
GOOD = Outcome("side_by_side", "W1", 60.0, 90.0, CALM, CALM, (Pair("n1", "n2", 600, 0, 0.2, 0.2),), ())
MANUAL = dataclasses.replace(GOOD, strategy="manual", change=60.0, pods=dataclasses.replace(CALM, dark=20.0), left=("n1: device cni0",))
CONTROLLER = dataclasses.replace(GOOD, strategy="controller", change=140.0)


def path(kind: str, source: str, **changes: t.Any) -> dict[str, t.Any]:
    calm = {"kind": kind, "source": source, "target": "bench/app", "sent": 100, "failed": 0, "failed_explained": 0}
    return {**calm, "longest_gap": 0.2, "longest_outage": 0.2, **changes}


def test_clients_are_summed_over_the_nodes_and_gaps_are_the_longest() -> None:
    seen = {
        "paths": [
            path("pod-to-app", "n1", failed=12, failed_explained=10, longest_gap=4.0, longest_outage=0.9),
            path("pod-to-app", "n2", failed=3),
            path("host-to-app", "n1", failed=70),
        ],
        "gaps": [
            {"kind": "pod-to-app", "source": "n1", "seconds": 4.0, "cause": "own restart"},
            {"kind": "pod-to-app", "source": "n1", "seconds": 0.9, "cause": ""},
            {"kind": "pod-to-app", "source": "n1", "seconds": 0.6, "cause": "not measured"},
            {"kind": "pod-to-app", "source": "n2", "seconds": 1.0, "cause": ""},
            {"kind": "host-to-app", "source": "n1", "seconds": 9.0, "cause": ""},
        ],
    }
    assert outcome.clients(seen, "pod-to-app") == Clients(200, 15, 5, 4.0, 0.9, 4.9)


@pytest.mark.parametrize("paths", [[], [path("pod-to-app", "n1", longest_gap=None)]], ids=["no path", "never answered"])
def test_nothing_measured_is_an_error_and_not_a_zero(paths: list[dict[str, t.Any]]) -> None:
    with pytest.raises(ValueError, match="pod-to-app"):
        outcome.clients({"paths": paths, "gaps": []}, "pod-to-app")


def test_the_mesh_has_every_pair_without_what_restarts_explain() -> None:
    seen = {"paths": [path("pod-to-pod", "n1", target="n2", failed=12, failed_explained=12, longest_gap=3.0, longest_outage=None)]}
    assert outcome.mesh(seen) == (Pair("n1", "n2", 100, 0, 0.0, 3.0),)


def verdicts(*outcomes: Outcome) -> dict[str, bool | None]:
    return {goal.text: goal.met for goal in outcome.goals({item.strategy: item for item in outcomes})}


def test_goals_without_measurements_are_neither_met_nor_missed() -> None:
    assert set(verdicts().values()) == {None}


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({}, ""),
        ({"change": 79.0}, "at most"),
        ({"change": 71.0}, "0.5 x the controller"),
        ({"hosts": dataclasses.replace(CALM, failed=1)}, "no failed request"),
        ({"hosts": dataclasses.replace(CALM, outage=0.6)}, "no failed request"),
        ({"pods": dataclasses.replace(CALM, failed=9, failed_alone=1)}, "no failed request"),
        ({"pods": dataclasses.replace(CALM, outage=0.6)}, "no failed request"),
        ({"left": ("n1: device cni0",)}, "side_by_side: nothing is left"),
    ],
    ids=str,
)
def test_side_by_side_is_measured_against_both_baselines(changes: dict[str, t.Any], missed: str) -> None:
    found = verdicts(MANUAL, CONTROLLER, dataclasses.replace(GOOD, **changes))
    failed = [text for text, met in found.items() if met is False]
    assert [text for text in failed if missed in text] == (failed if missed else [])
    assert bool(failed) == bool(missed)


def test_a_clients_own_restart_is_no_gap_of_the_service() -> None:
    own = dataclasses.replace(CALM, failed=15, failed_alone=0, longest_gap=2.0, dark=2.0)
    assert False not in verdicts(MANUAL, CONTROLLER, dataclasses.replace(GOOD, pods=own)).values()


@pytest.mark.parametrize(("dark", "met"), [(10.0, True), (10.1, False)])
def test_cutover_is_dark_at_most_half_as_long_as_the_manual_way(dark: float, met: bool) -> None:
    cutover = dataclasses.replace(GOOD, strategy="cutover", pods=dataclasses.replace(CALM, dark=dark))
    assert verdicts(MANUAL, cutover)["cutover: dark at most half as long as the manual way"] is met


@pytest.mark.parametrize(
    ("found", "again", "in_place"),
    [
        (None, None, None),
        (Sequel(59.0, 0, (2.0, 5.0)), True, True),
        (Sequel(60.0, 0, (2.0, 5.1)), False, False),
        (Sequel(20.0, 1, ()), False, None),
    ],
    ids=str,
)
def test_the_sequel_has_goals_of_its_own(found: Sequel | None, again: bool | None, in_place: bool | None) -> None:
    seen = verdicts(dataclasses.replace(GOOD, sequel=found))
    assert (seen["again: no change, in less than 60 s"], seen["in place: a pod is away at most 5 s"]) == (again, in_place)


def test_an_outcome_survives_its_way_through_json() -> None:
    for found in (None, Sequel(20.0, 0, (2.0,))):
        item = dataclasses.replace(MANUAL, notes=("a note",), sequel=found)
        assert Outcome.from_plain(json.loads(json.dumps(item.plain()))) == item


def test_the_table_has_strategies_in_columns_ratios_and_goals() -> None:
    lines = outcome.table([MANUAL, CONTROLLER, GOOD])
    assert lines[0].split() == ["manual", "controller", "side_by_side"]
    assert [line.split()[-3:] for line in lines if line.startswith("  change :")] == [["1.00", "2.33", "1.00"], ["0.43", "1.00", "0.43"]]
    assert [line for line in lines if "goal met" in line and "60 s / 140 s = 0.43" in line]
