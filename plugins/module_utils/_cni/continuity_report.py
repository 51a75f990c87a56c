# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the connectivity probe has seen, as plain data and as lines for a person.

Pure: no I/O, no clock. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import continuity

#: Paths that get a line of their own; RV(paths) has them all.
_MOST_LINES = 50

_WORDS = {
    continuity.POD_TO_POD: "pod {source} -> pod {target}",
    continuity.POD_TO_SERVICE: "pod {source} -> Service",
    continuity.POD_TO_DNS: "pod {source} -> DNS",
    continuity.HOST_TO_NODEPORT: "host {source} -> node port of {target}",
    continuity.POD_TO_APP: "pod {source} -> Service {target}",
    continuity.HOST_TO_APP: "host {source} -> Service {target}",
}


def report(seen: continuity.Continuity, threshold: float) -> t.Dict[str, t.Any]:
    """The same as plain data, gaps from ``threshold`` seconds on, and lines for a person."""
    paths = [_path_record(path) for path in seen.paths]
    gaps = [(path, gap) for path in seen.paths for gap in path.gaps if gap.seconds >= threshold]
    measured = [record for record in paths if record["longest_outage"] is not None]
    worst = max(measured, key=lambda record: record["longest_outage"], default={})
    return {
        "paths": paths,
        "gaps": [
            {"kind": path.kind, "source": path.source, "target": path.target, **_gap_record(gap)}
            for path, gap in sorted(gaps, key=lambda item: item[1].started)
        ],
        "worst": worst,
        "total": {
            "paths": len(paths),
            **{name: sum(record[name] for record in paths) for name in ("sent", "failed", "failed_explained")},
            "longest_outage": worst.get("longest_outage"),
        },
        "started": seen.started,
        "finished": seen.finished,
        "clocks": {clock.node: {"ahead": round(clock.ahead, 3), "uncertainty": round(clock.uncertainty, 3)} for clock in seen.clocks},
        "problems": [{"node": node, "problem": problem} for node, problem in seen.problems],
        "summary": _summary(seen, threshold),
    }


def _path_record(path: continuity.Path) -> t.Dict[str, t.Any]:
    longest, outage = path.longest, path.outage
    return {
        "kind": path.kind,
        "source": path.source,
        "target": path.target,
        "sent": path.sent,
        "failed": path.failed,
        "failed_explained": path.failed_explained,
        "longest_gap": round(longest.seconds, 3) if longest else None,
        "gap_started": round(longest.started, 3) if longest else None,
        "gap_finished": round(longest.finished, 3) if longest else None,
        "cause": longest.cause if longest else "",
        "reason": longest.reason if longest else "",
        "step": ", ".join(longest.steps) if longest else "",
        "ongoing": bool(longest and longest.ongoing),
        "longest_outage": round(outage.seconds, 3) if outage else None,
    }


def _gap_record(gap: continuity.Gap) -> t.Dict[str, t.Any]:
    return {
        "seconds": round(gap.seconds, 3),
        "started": round(gap.started, 3),
        "finished": round(gap.finished, 3),
        "cause": gap.cause,
        "reason": gap.reason,
        "step": ", ".join(gap.steps),
        "ongoing": gap.ongoing,
    }


def _summary(seen: continuity.Continuity, threshold: float) -> t.List[str]:
    kinds = [_kind_line(kind, [path for path in seen.paths if path.kind == kind]) for kind in continuity.KINDS]
    notable = [path for path in seen.paths if path.failed or (path.longest and path.longest.seconds >= threshold)]
    notable.sort(key=lambda path: -(path.longest.seconds if path.longest else 0.0))
    more = [f"and {len(notable) - _MOST_LINES} more paths"] if len(notable) > _MOST_LINES else []
    troubles = [f"{node}: {problem}" for node, problem in seen.problems]
    return [*filter(None, kinds), *(line(path) for path in notable[:_MOST_LINES]), *more, *troubles]


def line(path: continuity.Path) -> str:
    """One path in a line."""
    way = _WORDS[path.kind].format(source=path.source, target=path.target)
    return f"{way}: {_counts(path.sent, path.failed, path.failed_explained)}, {_gap_words(path.longest)}"


def _kind_line(kind: str, paths: t.Sequence[continuity.Path]) -> str:
    if not paths:
        return ""
    counts = [sum(getattr(path, name) for path in paths) for name in ("sent", "failed", "failed_explained")]
    # What a person wants to know first is the network's, not the probe's own doing.
    worst = max(paths, key=lambda path: path.outage.seconds if path.outage else -1.0)
    where = f" ({_WORDS[kind].format(source=worst.source, target=worst.target)})" if worst.outage else ""
    return f"{kind}: {len(paths)} paths, {_counts(*counts)}, {_gap_words(worst.outage)}{where}"


def _counts(sent: int, failed: int, explained: int) -> str:
    own = f" ({explained:,} of them the probe's own doing)" if explained else ""
    return f"{sent:,} sent, {failed:,} failed{own}"


def _gap_words(gap: t.Optional[continuity.Gap]) -> str:
    if gap is None:
        return "never answered twice"
    words = [f"longest gap {gap.seconds:.1f} s"]
    if gap.steps:
        words.append(f"during {', '.join(gap.steps)}")
    told = [*([gap.cause] if gap.cause else []), *([gap.reason] if gap.reason else []), *(["still going on"] if gap.ongoing else [])]
    if told:
        words.append(f"[{', '.join(told)}]")
    return " ".join(words)
