# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moments: seconds since the epoch (UTC) into the texts that Kubernetes and people read, and back. Asks no clock.

Private: may change at any time.
"""

from __future__ import annotations

import datetime as dt
import re
import typing as t

_TEXT = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?Z")


def text(moment: float) -> str:
    """``2026-11-24T12:00:00Z``, as Kubernetes' Time has it."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%SZ")


def fine_text(moment: float) -> str:
    """``2026-11-24T12:00:00.250000Z``, as Kubernetes' MicroTime has it."""
    return _utc(moment).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def clock(moment: float) -> str:
    """``12:00:00``: the time of the day alone."""
    return _utc(moment).strftime("%H:%M:%S")


def day(moment: float) -> str:
    """``2026-11-24``."""
    return _utc(moment).strftime("%Y-%m-%d")


def parse(written: str) -> t.Optional[float]:
    """The inverse of `text` and `fine_text`; None for anything else."""
    found = _TEXT.fullmatch(written)
    if not found:
        return None
    try:
        whole = dt.datetime.strptime(found[1] + "+0000", "%Y-%m-%dT%H:%M:%S%z").timestamp()
    except ValueError:
        return None
    return whole + float(found[2] or 0)


def length(seconds: float) -> str:
    """``0.3 s``, ``41 s``, ``2 min 5 s``, ``1 h 4 min``: as much as matters."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    if whole < 7200:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _utc(moment: float) -> dt.datetime:
    return dt.datetime.fromtimestamp(moment, dt.timezone.utc)
