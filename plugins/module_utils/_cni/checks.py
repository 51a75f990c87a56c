# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check: one question asked of a cluster, its answer, and the evidence. Preflight and verification both report these.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True)
class Check:
    """``id`` is stable (``pool-overlaps-services``), ``seen`` is what was found, ``next_step`` is what to do when it failed."""

    id: str
    result: str
    seen: str
    where: str = ""
    next_step: str = ""


def failures(checks: t.Iterable[Check]) -> t.Tuple[Check, ...]:
    """The checks that failed, in order."""
    return tuple(check for check in checks if check.result == FAILED)


def summary(checks: t.Sequence[Check]) -> t.List[str]:
    """One line a check, as a person reads it: result, id, place and evidence; a failed one ends with what to do."""
    return [_line(check) for check in checks]


def to_dicts(checks: t.Iterable[Check]) -> t.List[t.Dict[str, str]]:
    """The checks as plain dictionaries."""
    return [dataclasses.asdict(check) for check in checks]


def _line(check: Check) -> str:
    place = f" [{check.where}]" if check.where else ""
    advice = f" -> {check.next_step}" if check.result == FAILED and check.next_step else ""
    return f"{check.result:<7} {check.id}{place}: {check.seen}{advice}"
