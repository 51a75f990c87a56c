# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

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
        (10, 3, 3, [1.0, 1.0]),
        (2.5, 99, 4, [1.0, 1.0, 0.5]),
        (0, 99, 1, []),
    ],
)
def test_poll(seconds: float, right_at: int, seen: int, naps: list[float]) -> None:
    time, looks = _Time(), iter(range(1, 100))
    assert Deadline(seconds, time.clock).poll(lambda: next(looks), lambda number: number >= right_at) == seen
    assert time.naps == naps
