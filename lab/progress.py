# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Progress a person can follow: which step of how many, and how long it took."""

from __future__ import annotations

import contextlib
import sys
import time
import typing as t

_STARTED = time.monotonic()


def say(text: str) -> None:
    """One line with the time since the program started."""
    print(f"[{_clock(time.monotonic() - _STARTED)}] {text}", flush=True)


@contextlib.contextmanager
def step(title: str, number: int = 0, total: int = 0) -> t.Iterator[None]:
    """Announces a step and says how long it took; a failure is left to whoever reports it."""
    label = f"{number}/{total} {title}" if total else title
    say(f"{label} ...")
    started = time.monotonic()
    yield
    say(f"{label}: done in {_clock(time.monotonic() - started)}")


def fail(text: str) -> t.NoReturn:
    """Ends the program with one message and exit code 1."""
    print(f"lab: {text}", file=sys.stderr, flush=True)
    raise SystemExit(1)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s"
