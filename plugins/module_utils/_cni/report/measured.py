# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured while the CNI was changed: paths, gaps, and the grids that show them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Connectivity, Gap, Grid, Path, Step

Raw = t.Mapping[str, t.Any]

#: Kinds of paths in the order a person asks about them. Others follow.
_ORDER = ("host-to-app", "pod-to-app", "pod-to-pod", "pod-to-service", "pod-to-dns", "host-to-nodeport")
_MESH = "pod-to-pod"
#: A grid of more rows or columns than this is no picture any more.
WIDEST_GRID = 24


def connectivity(data: Raw) -> Connectivity:
    """The readings as podnet.cni.connectivity_probe_info returns them; an empty mapping when there are none."""
    paths = tuple(sorted(map(_path, data.get("paths") or ()), key=lambda path: (_rank(path.kind), path.source, path.target)))
    gaps = _gaps(data)
    own = [gap for gap in gaps if not gap.cause]
    worst = max(paths, key=lambda path: path.longest_outage or 0.0, default=None)
    outage = worst.longest_outage if worst else None
    at = next((gap.step for gap in own if worst and _same(gap, worst) and abs(gap.seconds - (outage or 0.0)) < 0.001), "")
    return Connectivity(
        sent=sum(path.sent for path in paths),
        lost=sum(path.lost for path in paths),
        restarting=sum(path.restarting for path in paths),
        longest_outage=outage,
        worst=worst.name if worst and outage is not None else "",
        worst_step=at,
        paths=paths,
        gaps=gaps,
        problems=tuple(_problem(item) for item in data.get("problems") or ()),
    )


def grids(paths: t.Sequence[Path]) -> t.Tuple[Grid, ...]:
    """One grid of all kinds that lead to one thing alone, a column each, and one for each kind that leads to nodes."""
    by_kind: t.Dict[str, t.List[Path]] = {}
    for path in paths:
        by_kind.setdefault(path.kind, []).append(path)
    single = {kind: own for kind, own in by_kind.items() if len({path.target for path in own}) == 1 and kind != _MESH}
    shared = [_grid("", [(path, kind) for kind, own in single.items() for path in own])] if single else []
    return (*shared, *(_grid(kind, [(path, path.target) for path in own]) for kind, own in by_kind.items() if kind not in single))


def outage_during(step: Step, gaps: t.Iterable[Gap]) -> t.Optional[float]:
    """The longest gap that is not the probe's own doing and touches the step; None when there is none."""
    if step.started is None:
        return None
    end = step.finished if step.finished is not None else float("inf")
    return max((gap.seconds for gap in gaps if not gap.cause and gap.started < end and gap.finished > step.started), default=None)


def _path(raw: Raw) -> Path:
    gap = raw.get("longest_gap")
    outage = raw["longest_outage"] if "longest_outage" in raw else (None if raw.get("cause") else gap)
    return Path(
        kind=str(raw["kind"]),
        source=str(raw["source"]),
        target=str(raw.get("target") or ""),
        sent=int(raw.get("sent") or 0),
        failed=int(raw.get("failed") or 0),
        restarting=int(raw.get("failed_explained") or 0),
        longest_gap=gap,
        longest_outage=outage,
    )


def _gaps(data: Raw) -> t.Tuple[Gap, ...]:
    """The gaps as they were told; else the longest of each path. Longest first."""
    listed = data.get("gaps")
    raws = listed if listed is not None else [_longest(raw) for raw in data.get("paths") or () if raw.get("gap_started") is not None]
    found = [
        Gap(
            kind=str(raw["kind"]),
            source=str(raw["source"]),
            target=str(raw.get("target") or ""),
            started=float(raw["started"]),
            finished=float(raw["finished"]),
            step=str(raw.get("step") or ""),
            cause=str(raw.get("cause") or ""),
            reason=str(raw.get("reason") or ""),
        )
        for raw in raws
    ]
    return tuple(sorted(found, key=lambda gap: (-gap.seconds, gap.started, gap.kind, gap.source, gap.target)))


def _longest(raw: Raw) -> Raw:
    return {**raw, "started": raw["gap_started"], "finished": raw["gap_finished"]}


def _same(gap: Gap, path: Path) -> bool:
    return (gap.kind, gap.source, gap.target) == (path.kind, path.source, path.target)


def _problem(raw: t.Any) -> str:
    return ": ".join(str(value) for value in raw.values()) if isinstance(raw, t.Mapping) else str(raw)


def _grid(kind: str, placed: t.Sequence[t.Tuple[Path, str]]) -> Grid:
    """The grid of paths, each with its column."""
    ends = [(path.source, column, path) for path, column in placed]
    sources = sorted({source for source, _column, _path in ends})
    # Nodes by name; kinds as they come.
    targets = sorted({column for _source, column, _path in ends}) if kind else list(dict.fromkeys(column for _s, column, _p in ends))
    rows = _widest(sources, [(source, path) for source, _column, path in ends])
    columns = _widest(targets, [(column, path) for _source, column, path in ends])
    found = {(source, column): path for source, column, path in ends}
    cells = tuple(tuple(found.get((row, column)) for column in columns) for row in rows)
    hidden = len(sources) - len(rows) + len(targets) - len(columns)
    return Grid(kind, tuple(rows), tuple(columns), cells, hidden)


def _widest(names: t.List[str], paths: t.Sequence[t.Tuple[str, Path]]) -> t.List[str]:
    """The names there is room for: those with losses and long outages stay."""
    badness: t.Dict[str, t.Tuple[int, float]] = {}
    for name, path in paths:
        badness[name] = max(badness.get(name, (0, 0.0)), (path.lost, path.longest_outage or 0.0))
    kept = set(sorted(names, key=lambda name: badness[name], reverse=True)[:WIDEST_GRID])
    return [name for name in names if name in kept]


def _rank(kind: str) -> t.Tuple[int, str]:
    return (_ORDER.index(kind) if kind in _ORDER else len(_ORDER), kind)
