# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run of something took, and how several runs spread."""

from __future__ import annotations

import dataclasses
import os
import statistics
import subprocess
import tempfile
import time
import typing as t

if t.TYPE_CHECKING:
    from pathlib import Path


@dataclasses.dataclass(frozen=True)
class Spread:
    """The least, the middle and the most of several measurements."""

    least: float
    median: float
    most: float

    @classmethod
    def of(cls, values: t.Sequence[float]) -> Spread:
        return cls(min(values), statistics.median(values), max(values))

    def __str__(self) -> str:
        return f"{self.least:.3f} / {self.median:.3f} / {self.most:.3f}"


@dataclasses.dataclass(frozen=True)
class ProcessRun:
    """One process from its start to its end; the peak is the largest of it and its children."""

    seconds: float
    peak_bytes: int
    output: bytes


def run_process(argv: t.Sequence[str | Path]) -> ProcessRun:
    """Runs ``argv``, which must succeed."""
    with tempfile.TemporaryFile() as output:
        start = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=output)
        # Not Popen.wait(), which does not tell what the process used.
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.monotonic() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, [str(word) for word in argv])
        output.seek(0)
        return ProcessRun(seconds, used.ru_maxrss * 1024, output.read())


def seconds_of(function: t.Callable[[], object], runs: int) -> Spread:
    """How long ``function`` takes."""
    values = []
    for _ in range(runs):
        start = time.perf_counter()
        function()
        values.append(time.perf_counter() - start)
    return Spread.of(values)
