# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Time: the only place that waits. Everybody else asks again until the answer is right or a deadline has passed.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

_Seen = t.TypeVar("_Seen")

#: Seconds between two looks. Where a look is quick the next one comes soon, and asking takes no more than a fifth of the time.
PAUSE = 1.0
SHORT_PAUSE = 0.2
_PATIENCE = 4


@dataclasses.dataclass(frozen=True)
class Clock:
    """Where time comes from; tests bring their own."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep


class Deadline:
    """A moment after which nothing more is awaited."""

    def __init__(self, seconds: float, clock: t.Optional[Clock] = None) -> None:
        self._clock = clock or Clock()
        self._end = self._clock.now() + seconds
        self.seconds = seconds

    @property
    def passed(self) -> bool:
        return self._clock.now() >= self._end

    def poll(self, look: t.Callable[[], _Seen], done: t.Callable[[_Seen], bool]) -> _Seen:
        """Looks at least once, until ``done`` or the deadline; returns what was seen last. The caller decides what not done means.

        An API server that does not answer for a moment is asked again like one that answers "not yet".
        """
        while True:
            began, pause = self._clock.now(), PAUSE
            try:
                seen = look()
            except _errors.UnavailableError:
                if self.passed:
                    raise
            else:
                if done(seen) or self.passed:
                    return seen
                pause = _pause(self._clock.now() - began)
            self._clock.sleep(min(pause, max(0.0, self._end - self._clock.now())))


def _pause(seconds: float) -> float:
    """How long to wait after a look that took so many seconds."""
    return min(PAUSE, max(SHORT_PAUSE, _PATIENCE * seconds))
