# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
import yaml

from ansible_collections.podnet.cni.plugins.module_utils._cni.report import measured
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Connectivity, Gap, Path, Step
from ansible_collections.podnet.cni.plugins.modules import connectivity_probe_info


def test_nothing_measured_is_nothing() -> None:
    assert measured.connectivity({}) == Connectivity()
    assert measured.grids(()) == ()


def test_the_sums_and_the_worst(report_cases: t.Any) -> None:
    seen = measured.connectivity(report_cases.connectivity())
    assert (seen.sent, seen.lost, seen.restarting) == (8000, 0, 0)
    assert (seen.longest_outage, seen.worst, seen.worst_step) == (0.3, "n2 \N{RIGHTWARDS ARROW} n1", "move-pods")


def test_a_restart_of_the_probe_is_no_loss_and_no_outage(report_cases: t.Any) -> None:
    restarted = report_cases.path("pod-to-pod", "n1", "n2", 1.9, failed=14, failed_explained=14, cause="target restart", longest_outage=0.2)
    gap = report_cases.gap("pod-to-pod", "n1", "n2", 30, 1.9, cause="target restart")
    seen = measured.connectivity({"paths": [restarted], "gaps": [gap]})
    assert (seen.lost, seen.restarting, seen.longest_outage) == (0, 14, 0.2)
    assert seen.paths[0].longest_gap == 1.9


def test_readings_that_tell_no_gaps_give_those_of_their_paths() -> None:
    old = {"kind": "pod-to-pod", "source": "n1", "target": "n2", "sent": 10, "failed": 1, "longest_gap": 0.7, "step": "move-pods"}
    seen = measured.connectivity(
        {"paths": [{**old, "gap_started": 5.0, "gap_finished": 5.7}, {**old, "target": "n3", "gap_started": None}]}
    )
    assert [(gap.name, round(gap.seconds, 3), gap.step) for gap in seen.gaps] == [("n1 \N{RIGHTWARDS ARROW} n2", 0.7, "move-pods")]
    assert seen.longest_outage == 0.7


def test_the_longest_gap_comes_first(report_cases: t.Any) -> None:
    gaps = [report_cases.gap("pod-to-pod", "n1", "n2", start, seconds) for start, seconds in ((1, 0.3), (9, 2.0), (5, 0.3))]
    seen = measured.connectivity({"gaps": gaps})
    assert [round(gap.started - report_cases.NOON) for gap in seen.gaps] == [9, 1, 5]


@pytest.mark.parametrize("problem", [{"node": "n2", "problem": "no answer"}, "n2: no answer"])
def test_what_was_not_measured_is_told(problem: t.Any) -> None:
    assert measured.connectivity({"problems": [problem]}).problems == ("n2: no answer",)


def test_grids(report_cases: t.Any) -> None:
    services, mesh = measured.grids(measured.connectivity(report_cases.connectivity()).paths)
    assert (services.kind, services.rows, services.columns) == ("", ("n1", "n2"), ("pod-to-service", "pod-to-dns", "host-to-nodeport"))
    assert all(path is not None for cells in services.cells for path in cells)
    assert (mesh.kind, mesh.rows, mesh.columns) == ("pod-to-pod", ("n1", "n2"), ("n1", "n2"))
    assert mesh.cells[0][0] is None
    assert mesh.cells[1][0] is not None
    assert mesh.cells[1][0].longest_outage == 0.3


def test_a_big_grid_keeps_the_worst() -> None:
    names = [f"n{number:03}" for number in range(100)]
    bad = ("n098", "n099")
    paths = [Path("pod-to-pod", one, other, 10, 5 if (one, other) == bad else 0) for one in names for other in names if one != other]
    (grid,) = measured.grids(paths)
    assert len(grid.rows) == len(grid.columns) == measured.WIDEST_GRID
    assert bad[0] in grid.rows
    assert bad[1] in grid.columns
    assert grid.hidden == 2 * (100 - measured.WIDEST_GRID)
    assert any(path and path.lost for cells in grid.cells for path in cells)


@pytest.mark.parametrize(
    ("gap", "cause", "outage"),
    [
        ((10.5, 11.0), "", 0.5),
        ((9.5, 10.5), "", 1.0),
        ((19.5, 21.5), "", 2.0),
        ((20.0, 21.0), "", None),
        ((11.0, 12.0), "own restart", None),
    ],
)
def test_the_outage_during_a_step(gap: tuple[float, float], cause: str, outage: float | None) -> None:
    step = Step("x", "finished", 10.0, 20.0)
    assert measured.outage_during(step, [Gap("pod-to-pod", "a", "b", *gap, cause=cause)]) == outage


def test_a_step_still_open_has_what_came_after_it_began() -> None:
    gaps = [Gap("pod-to-pod", "a", "b", 50.0, 51.0)]
    assert measured.outage_during(Step("x", "started", 10.0), gaps) == 1.0
    assert measured.outage_during(Step("x", "finished"), gaps) is None


def test_it_reads_the_very_keys_that_the_probe_returns() -> None:
    returned = yaml.safe_load(connectivity_probe_info.RETURN)
    path = {**returned["paths"]["sample"][0], "failed": 5, "failed_explained": 3}
    seen = measured.connectivity({"paths": [path]})
    assert (seen.paths[0].failed, seen.paths[0].restarting, seen.paths[0].lost) == (5, 3, 2)
    assert {"kind", "source", "target", "sent", "failed", "failed_explained", "longest_gap", "longest_outage"} <= set(path)
