# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much is asked of one registry at a time, and how long to wait when it has too much.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import email.utils
import random
import re
import threading
import time
import typing as t

#: A number of Retry-After from here on is no number of seconds but a moment since 1970, as Docker Hub has been seen to send.
_EPOCH = 1_000_000_000
_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]*)?")


@dataclasses.dataclass(frozen=True)
class Patience:
    """How often a request is sent at most, and the seconds between: doubled from ``first`` on, never more than ``longest``."""

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    #: Seconds that a registry may ask for.
    longest_asked: float = 120.0

    def pause(self, attempt: int, asked: t.Optional[float] = None) -> float:
        """Seconds to wait after that many attempts. Half of it is chance, so that threads do not come back all at once."""
        if asked is not None:
            return min(asked, self.longest_asked)
        most = min(self.longest, self.first * 2 ** (attempt - 1))
        return most * (0.5 + random.random() / 2)  # noqa: S311  # no secret


def retry_after(text: t.Optional[str], now: float) -> t.Optional[float]:
    """Seconds that a Retry-After header asks for: a number of seconds, a date, or a moment since 1970; None for anything else.

    ``now`` is the time since 1970.
    """
    if not text:
        return None
    if _NUMBER.fullmatch(text.strip()):
        number = float(text)
        return max(0.0, number - now if number >= _EPOCH else number)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, OverflowError):
        return None


class Gate:
    """Lets so many requests to one host through at a time; half as many after it said that it has too much, then slowly more again.

    A thread that is inside may go in again, so that copying within one registry cannot wait for itself.
    """

    def __init__(self, most: int) -> None:
        self.most = most
        self.cap = most
        self._inside = 0
        self._changed = threading.Condition()
        self._not_before = 0.0
        self._narrowed = 0.0
        self._successes = 0
        self._thread = threading.local()

    @contextlib.contextmanager
    def slot(self) -> t.Iterator[None]:
        """One of the places, for as long as the block lasts."""
        depth = getattr(self._thread, "depth", 0)
        if not depth:
            self._enter()
        self._thread.depth = depth + 1
        try:
            yield
        finally:
            self._thread.depth = depth
            if not depth:
                self._leave()

    def _enter(self) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._inside < self.cap)
            self._inside += 1

    def _leave(self) -> None:
        with self._changed:
            self._inside -= 1
            self._changed.notify()

    def await_turn(self) -> None:
        """Waits until the host wants requests again."""
        pause = self._not_before - time.monotonic()
        if pause > 0:
            time.sleep(pause)

    def too_much(self, sent: float, pause: float) -> None:
        """The host refused what was sent at that moment of `time.monotonic`, and wants nothing for so many seconds."""
        with self._changed:
            self._not_before = max(self._not_before, time.monotonic() + pause)
            # What was under way together is refused together, which is one reason to narrow and not eight.
            if sent >= self._narrowed:
                self.cap = max(1, self.cap // 2)
                self._narrowed = time.monotonic()
            self._successes = 0

    def went_well(self) -> None:
        """The host answered in time."""
        if self.cap == self.most:
            return
        with self._changed:
            self._successes += 1
            if self._successes >= 2 * self.cap and self.cap < self.most:
                self._successes = 0
                self.cap += 1
                self._changed.notify()
