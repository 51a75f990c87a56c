# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report on a change of CNI says, before anybody decides how it looks.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

#: Of ``report.json``. Grows when a reader of the last one would misunderstand the next.
SCHEMA = 1

# How it went.
PASSED = "passed"
FAILED = "failed"
UNFINISHED = "unfinished"


@dataclasses.dataclass(frozen=True)
class Path:
    """One measured way. ``restarting`` counts the lost probes that are restarts of the probe's own pods, and nobody's loss."""

    kind: str
    source: str
    target: str
    sent: int = 0
    failed: int = 0
    restarting: int = 0
    longest_gap: t.Optional[float] = None
    longest_outage: t.Optional[float] = None

    @property
    def lost(self) -> int:
        return max(0, self.failed - self.restarting)

    @property
    def name(self) -> str:
        return f"{self.source} \N{RIGHTWARDS ARROW} {self.target or WHAT.get(self.kind, self.kind)}"


@dataclasses.dataclass(frozen=True)
class Gap:
    """A time without an answer. ``cause`` is set when it is the probe's own doing."""

    kind: str
    source: str
    target: str
    started: float
    finished: float
    step: str = ""
    cause: str = ""
    reason: str = ""

    @property
    def seconds(self) -> float:
        return round(self.finished - self.started, 3)

    @property
    def name(self) -> str:
        return f"{self.source} \N{RIGHTWARDS ARROW} {self.target or WHAT.get(self.kind, self.kind)}"


#: What a path without a named target leads to.
WHAT: t.Mapping[str, str] = {
    "pod-to-service": "Service",
    "pod-to-dns": "DNS",
    "host-to-nodeport": "NodePort",
    "pod-to-app": "application",
    "host-to-app": "application",
}


@dataclasses.dataclass(frozen=True)
class Grid:
    """Paths by source, and by target: those of one kind, or with an empty ``kind`` those of several kinds, which are the columns.

    ``hidden`` sources or targets are left out, those without a loss first.
    """

    kind: str
    rows: t.Tuple[str, ...]
    columns: t.Tuple[str, ...]
    cells: t.Tuple[t.Tuple[t.Optional[Path], ...], ...]
    hidden: int = 0


@dataclasses.dataclass(frozen=True)
class Connectivity:
    """All that was measured. ``sent`` is 0 when nothing was."""

    sent: int = 0
    lost: int = 0
    restarting: int = 0
    longest_outage: t.Optional[float] = None
    worst: str = ""
    worst_step: str = ""
    paths: t.Tuple[Path, ...] = ()
    gaps: t.Tuple[Gap, ...] = ()
    problems: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """One step of the journal, and what was measured while it ran."""

    name: str
    state: str
    started: t.Optional[float] = None
    finished: t.Optional[float] = None
    nodes: t.Tuple[str, ...] = ()
    detail: str = ""
    outage: t.Optional[float] = None

    @property
    def seconds(self) -> t.Optional[float]:
        return None if self.started is None or self.finished is None else round(self.finished - self.started, 3)


@dataclasses.dataclass(frozen=True)
class Fact:
    """One thing, before and after. An empty text is unknown."""

    label: str
    before: str
    after: str

    @property
    def changed(self) -> bool:
        return bool(self.before and self.after) and self.before != self.after


@dataclasses.dataclass(frozen=True)
class Node:
    """A node, before and after."""

    name: str
    facts: t.Tuple[Fact, ...]


@dataclasses.dataclass(frozen=True)
class Leftover:
    """Something of the CNI that went, and where it still is."""

    where: str
    items: t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Check:
    """A check as preflight or verification returned it."""

    id: str
    result: str
    seen: str = ""
    where: str = ""
    next_step: str = ""
    details: t.Tuple[str, ...] = ()
    fix: str = ""


@dataclasses.dataclass(frozen=True)
class Report:
    """The whole. ``leftovers`` is None when nobody looked for any; ``gap_limit`` is 0 when outages are not judged by their length."""

    title: str
    verdict: str
    reasons: t.Tuple[str, ...]
    strategy: str
    source: str
    target: str
    phase: str
    network: str
    started: t.Optional[float]
    finished: t.Optional[float]
    gap_limit: float = 0.0
    steps: t.Tuple[Step, ...] = ()
    connectivity: Connectivity = Connectivity()
    grids: t.Tuple[Grid, ...] = ()
    nodes: t.Tuple[Node, ...] = ()
    versions: t.Tuple[Fact, ...] = ()
    checks_before: t.Tuple[Check, ...] = ()
    checks_after: t.Tuple[Check, ...] = ()
    leftovers: t.Optional[t.Tuple[Leftover, ...]] = None

    @property
    def seconds(self) -> t.Optional[float]:
        return None if self.started is None or self.finished is None else round(self.finished - self.started, 3)
