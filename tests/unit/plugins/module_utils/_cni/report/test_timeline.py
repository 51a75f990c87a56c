# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.report import timeline
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Gap, Step
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.timeline import Bar


def step(started: float | None, finished: float | None, state: str = "finished") -> Step:
    return Step("x", state, started, finished)


def gap(started: float, finished: float, cause: str = "") -> Gap:
    return Gap("pod-to-pod", "a", "b", started, finished, cause=cause)


def test_nothing_is_an_empty_timeline() -> None:
    assert timeline.lay_out([], []) == timeline.Timeline()
    assert timeline.lay_out([step(None, None)], [gap(1, 2)]).rows[0].bar is None


def test_bars_lie_where_the_time_is() -> None:
    laid_out = timeline.lay_out([step(100, 150), step(150, 200)], [])
    assert [row.bar for row in laid_out.rows] == [Bar(0.0, 500.0), Bar(500.0, 500.0)]
    assert [(tick.left, tick.moment) for tick in laid_out.ticks] == [(0, 100), (250, 125), (500, 150), (750, 175), (1000, 200)]
    assert (laid_out.breaks, laid_out.busy) == ((), 100)


def test_a_moment_is_still_seen() -> None:
    laid_out = timeline.lay_out([step(0, 0.001), step(0, 1000), step(999.999, 1000)], [])
    assert [row.bar for row in laid_out.rows] == [Bar(0.0, 4.0), Bar(0.0, 1000.0), Bar(996.0, 4.0)]


def test_one_moment_alone_is_no_division_by_zero() -> None:
    assert timeline.lay_out([step(5, 5)], []).rows[0].bar == Bar(0.0, 4.0)


@pytest.mark.parametrize(("end", "width"), [(None, 500.0), (300, 750.0)])
def test_an_open_step_lasts_until_the_last_thing_known(end: float | None, width: float) -> None:
    laid_out = timeline.lay_out([step(100, 200), step(150, None, "started")], [], end)
    assert laid_out.rows[1].bar is not None
    assert laid_out.rows[1].bar.width == width


def test_an_idle_night_is_drawn_short() -> None:
    laid_out = timeline.lay_out([step(0, 50), step(90000, 90050)], [])
    assert [row.bar for row in laid_out.rows] == [Bar(0.0, 480.0), Bar(520.0, 480.0)]
    assert laid_out.breaks == (Bar(480.0, 40.0),)
    assert [tick.moment for tick in laid_out.ticks] == [0, 90000]
    assert laid_out.busy == 100


def test_a_killed_step_ends_with_the_last_thing_its_run_did() -> None:
    killed = step(10, 90000, "interrupted")
    laid_out = timeline.lay_out([step(0, 40), killed, step(90000, 90040)], [])
    assert laid_out.rows[1].bar == Bar(120.0, 360.0)
    assert len(laid_out.breaks) == 1


def test_gaps_lie_in_the_steps_they_touch() -> None:
    laid_out = timeline.lay_out([step(0, 50), step(50, 100)], [gap(48, 52), gap(70, 70.4), gap(80, 90, "own restart")])
    first, second = laid_out.rows
    assert (first.long, first.short) == ((Bar(480.0, 20.0),), ())
    assert (second.long, second.short) == ((Bar(500.0, 20.0),), (Bar(700.0, 4.0),))


def test_gaps_at_the_same_time_are_drawn_once() -> None:
    laid_out = timeline.lay_out([step(0, 100)], [gap(10, 12), gap(11, 13), gap(10.5, 11)])
    assert laid_out.rows[0].long == (Bar(100.0, 30.0),)


def test_many_runs_get_no_more_ticks_than_there_is_room_for() -> None:
    laid_out = timeline.lay_out([step(day * 90000, day * 90000 + 10) for day in range(20)], [])
    lefts = [tick.left for tick in laid_out.ticks]
    assert 2 <= len(lefts) <= 5
    assert all(other - one >= 200 for one, other in itertools.pairwise(lefts))
