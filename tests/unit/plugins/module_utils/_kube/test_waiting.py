# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline


class _Time:
    """A clock that moves when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.naps: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.naps.append(seconds)
        self.now += seconds

    @property
    def clock(self) -> Clock:
        return Clock(lambda: self.now, self.sleep)


@pytest.mark.parametrize(
    ("seconds", "right_at", "seen", "naps"),
    [
        (10, 1, 1, []),
        (10, 3, 3, [0.2, 0.2]),
        (0.5, 99, 4, [0.2, 0.2, 0.1]),
        (0, 99, 1, []),
    ],
)
def test_poll(seconds: float, right_at: int, seen: int, naps: list[float]) -> None:
    time, looks = _Time(), iter(range(1, 100))
    assert Deadline(seconds, time.clock).poll(lambda: next(looks), lambda number: number >= right_at) == seen
    assert time.naps == pytest.approx(naps)


@pytest.mark.parametrize(("look", "pause"), [(0.01, 0.2), (0.1, 0.4), (0.2, 0.8), (0.25, 1.0), (30, 1.0)])
def test_a_look_that_takes_long_is_followed_by_a_longer_pause(look: float, pause: float) -> None:
    """A fifth of the time for asking in a small cluster, and a large one is asked about once a second at most."""
    time, looks = _Time(), iter(range(1, 100))

    def _look() -> int:
        time.now += look
        return next(looks)

    assert Deadline(100, time.clock).poll(_look, lambda number: number == 2) == 2
    assert time.naps == pytest.approx([pause])


def test_a_server_that_is_away_for_a_moment_is_asked_again() -> None:
    time, answers = _Time(), iter([_errors.UnavailableError("away"), _errors.UnavailableError("away"), 3])
    assert Deadline(10, time.clock).poll(lambda: _say(next(answers)), lambda number: number == 3) == 3
    assert time.naps == [1.0, 1.0]


def test_a_server_that_stays_away_is_an_error_at_the_deadline() -> None:
    time = _Time()
    with pytest.raises(_errors.UnavailableError, match="away"):
        Deadline(2, time.clock).poll(lambda: _say(_errors.UnavailableError("away")), lambda _seen: True)
    assert time.now == 2


def test_any_other_error_ends_the_wait_at_once() -> None:
    time = _Time()
    with pytest.raises(_errors.ClusterError, match="refused"):
        Deadline(2, time.clock).poll(lambda: _say(_errors.ClusterError("refused")), lambda _seen: True)
    assert time.now == 0


def _say(answer: object) -> object:
    if isinstance(answer, Exception):
        raise answer
    return answer
