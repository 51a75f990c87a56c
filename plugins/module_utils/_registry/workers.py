# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Threads that ask and send, while one thread alone decides what comes next and so needs no locks.

Private: may change at any time.
"""

from __future__ import annotations

import itertools
import queue
import threading
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

#: Seconds between looks at the progress while nothing ends.
_TICK = 0.5

_Result = t.TypeVar("_Result")
_Failed = t.Callable[[_errors.PodnetError], None]


class Workers:
    """So many threads. What was submitted is done in its order, what has a lower ``rank`` first."""

    def __init__(self, count: int, tick: t.Callable[[], None] = lambda: None) -> None:
        self._count = count
        self._tick = tick
        self._threads: t.List[threading.Thread] = []
        self._work: queue.PriorityQueue[t.Any] = queue.PriorityQueue()
        self._results: queue.SimpleQueue[t.Any] = queue.SimpleQueue()
        self._numbers = itertools.count()
        self._outstanding = 0

    def submit(self, work: t.Callable[[], _Result], done: t.Callable[[_Result], None], failed: _Failed, rank: int = 1) -> None:
        """Has a thread do the work, and this one what follows from it, in `settle`."""
        self._outstanding += 1
        self._work.put((rank, next(self._numbers), work, done, failed))
        if len(self._threads) < min(self._count, self._outstanding):
            # Daemons: a run that is interrupted does not wait for its transfers.
            thread = threading.Thread(target=self._serve, daemon=True)
            self._threads.append(thread)
            thread.start()

    def settle(self) -> None:
        """Until all that was submitted is done, and all that it led to."""
        while self._outstanding:
            try:
                follow, value = self._results.get(timeout=_TICK)
            except queue.Empty:
                self._tick()
                continue
            self._outstanding -= 1
            if follow is None:
                raise value
            follow(value)
            self._tick()

    def close(self) -> None:
        """Ends the threads that have nothing to do."""
        for _ in self._threads:
            self._work.put((-1, next(self._numbers), None, None, None))

    def _serve(self) -> None:
        while True:
            _, _, work, done, failed = self._work.get()
            if work is None:
                return
            try:
                self._results.put((done, work()))
            except _errors.PodnetError as error:
                self._results.put((failed, error))
            except BaseException as error:  # noqa: BLE001  # a mistake of ours, raised where somebody sees it
                self._results.put((None, error))
