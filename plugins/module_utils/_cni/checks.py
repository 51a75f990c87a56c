# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A check: one question asked of a cluster, its answer, and the evidence. Preflight and verification both report these.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

PASSED = "passed"
#: Nothing to do, but good to know before the change.
INFO = "info"
#: Somebody should look at it; it does not stop the change.
WARNING = "warning"
FAILED = "failed"
SKIPPED = "skipped"

#: How much an answer weighs, heaviest first. Whatever is neither an error nor a warning is information.
SEVERITIES = ("error", "warning", "info")
_SEVERITY = {FAILED: "error", WARNING: "warning"}

#: Answers that are told with their details, and how many of them where nothing failed.
_TOLD_WITH_DETAILS = (FAILED, WARNING, INFO)
_LINES = 20

_NEXT = "next"
_FIX = "fix"

#: A list of names that is only there to illustrate is cut at this many characters, so that a line stays a line.
_ROOM = 50


@dataclasses.dataclass(frozen=True)
class Check:
    """``id`` is stable (``pool-overlaps-services``), ``seen`` is what was found, ``next_step`` is what to do when it failed.

    ``details`` are all the single things that are wrong, where there are several; ``fix`` is a command that does the next step,
    where one does.
    """

    id: str
    result: str
    seen: str
    where: str = ""
    next_step: str = ""
    details: t.Tuple[str, ...] = ()
    fix: str = ""

    @property
    def severity(self) -> str:
        """One of `SEVERITIES`. It follows from the answer: a question that is answered well weighs nothing."""
        return _SEVERITY.get(self.result, "info")


def passed(name: str, seen: str, where: str = "") -> Check:
    """A question answered well."""
    return Check(name, PASSED, seen, where)


def skipped(name: str, seen: str) -> Check:
    """A question that was not asked, or has no answer yet; ``seen`` says why."""
    return Check(name, SKIPPED, seen)


def noted(name: str, seen: str, where: str = "", details: t.Iterable[str] = ()) -> Check:
    """An answer that is neither good nor bad, and good to know."""
    return Check(name, INFO, seen, where, "", tuple(details))


def warned(name: str, seen: str, where: str, next_step: str, details: t.Iterable[str] = (), *, fix: str = "") -> Check:
    """An answer that does not stop anything, and that somebody should look at."""
    return Check(name, WARNING, seen, where, next_step, tuple(details), fix)


def failed(name: str, seen: str, where: str, next_step: str, details: t.Iterable[str] = (), *, fix: str = "") -> Check:
    """A question answered badly."""
    return Check(name, FAILED, seen, where, next_step, tuple(details), fix)


def failures(checks: t.Iterable[Check]) -> t.Tuple[Check, ...]:
    """The checks that failed, in order."""
    return tuple(check for check in checks if check.result == FAILED)


def summary(checks: t.Sequence[Check]) -> t.List[str]:
    """What a person reads: a table of result, id and evidence, and a line of totals.

    Failures are told in full, warnings and notes with their first details; failures and warnings say what to do.
    """
    width = max((len(check.id) for check in checks), default=0)
    rows = [(word, check.id, text) for check in checks for word, text in _told(check)]
    return [f"{word:<7}  {name:<{width}}  {text}" for word, name, text in rows] + [_totals(checks)]


def failure_lines(checks: t.Iterable[Check]) -> t.List[str]:
    """The checks that failed, a line each: the text of an error message."""
    return [
        f"- {check.id}{_place(check)}: {'; '.join((check.seen, *check.details))}. Next: {check.next_step}{_command(check)}"
        for check in failures(checks)
    ]


def to_dicts(checks: t.Iterable[Check]) -> t.List[t.Dict[str, t.Any]]:
    """The checks as plain dictionaries."""
    return [{**dataclasses.asdict(check), "severity": check.severity} for check in checks]


def shortened(names: t.Sequence[str], room: int = _ROOM) -> str:
    """The first names, as many as there is room for, and how many more there are."""
    shown: t.List[str] = []
    for name in names:
        if shown and len(", ".join([*shown, name])) > room:
            break
        shown.append(name)
    hidden = len(names) - len(shown)
    return ", ".join(shown) + (f" and {hidden} more" if hidden else "")


def counted(number: int, noun: str) -> str:
    """``1 pod``, ``2 pods``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def places(details: t.Iterable[str]) -> t.List[str]:
    """The places that lines like ``n1: nearly full`` are about, once each."""
    return list(dict.fromkeys(line.partition(":")[0] for line in details))


def _told(check: Check) -> t.Iterator[t.Tuple[str, str]]:
    """The rows of one check: the word and the text of each."""
    if check.result not in _TOLD_WITH_DETAILS:
        yield check.result, check.seen
        return
    yield check.result, f"{check.seen}{_place(check)}"
    yield from ((check.result, detail) for detail in _told_details(check))
    yield from ((word, text) for word, text in ((_NEXT, check.next_step), (_FIX, check.fix)) if text)


def _told_details(check: Check) -> t.Tuple[str, ...]:
    """All of a failure; of anything else as many as a person reads."""
    hidden = len(check.details) - _LINES
    if check.result == FAILED or hidden <= 0:
        return check.details
    return (*check.details[:_LINES], f"and {hidden} more")


def _place(check: Check) -> str:
    """The place, unless the evidence names it already."""
    return f" [{check.where}]" if check.where and check.where not in check.seen else ""


def _command(check: Check) -> str:
    return f" Fix: {check.fix}" if check.fix else ""


def _totals(checks: t.Iterable[Check]) -> str:
    """Counts by answer; warnings and notes are only counted where there are any."""
    count = collections.Counter(check.result for check in checks)
    rare = ((counted(count[WARNING], WARNING), WARNING), (f"{count[INFO]} for information", INFO))
    return ", ".join(
        [
            f"{count[PASSED]} {PASSED}",
            *(text for text, word in rare if count[word]),
            *(f"{count[word]} {word}" for word in (FAILED, SKIPPED)),
        ]
    )
