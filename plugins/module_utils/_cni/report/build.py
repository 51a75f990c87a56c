# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the report out of what the other modules returned, and gives the verdict.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _moments, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import measured, model, standing

Raw = t.Mapping[str, t.Any]

_NAMES = {"flannel": "flannel", "calico": "Calico"}
#: So many things are named, more are only counted.
_FEW = 3
_CHECK_FIELDS = [field.name for field in dataclasses.fields(model.Check)]


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What the other modules returned, as it came; everything but the journal may be empty."""

    journal: Raw
    connectivity: Raw = dataclasses.field(default_factory=dict)
    checks_before: t.Sequence[Raw] = ()
    checks_after: t.Sequence[Raw] = ()
    cluster_before: Raw = dataclasses.field(default_factory=dict)
    cluster_after: Raw = dataclasses.field(default_factory=dict)
    snapshots_before: Raw = dataclasses.field(default_factory=dict)
    snapshots_after: Raw = dataclasses.field(default_factory=dict)


def build(inputs: Inputs, target: str = "calico", title: str = "", gap_limit: float = 0.0) -> model.Report:
    """The report. A ``gap_limit`` above 0 makes a longer outage a failure."""
    with _told("connectivity", "connectivity_probe_info"):
        seen = measured.connectivity(inputs.connectivity)
    with _told("journal", "migration_journal"):
        steps = _steps(inputs.journal, seen.gaps)
    before = _moment(inputs.cluster_before, inputs.snapshots_before, "before")
    after = _moment(inputs.cluster_after, inputs.snapshots_after, "after")
    began = str(inputs.journal.get("source") or "")
    # A change that was taken back ends where it began: what it had brought is what has to be gone.
    source = _other(target) if began == target else began
    report = model.Report(
        title=title or _title(began, target),
        verdict=model.PASSED,
        reasons=(),
        strategy=str(inputs.journal.get("strategy") or ""),
        source=source,
        target=target,
        phase=str(inputs.journal.get("phase") or ""),
        network=str((inputs.journal.get("data") or {}).get("network") or ""),
        started=_first(inputs.journal.get("started"), steps),
        finished=_last(inputs.journal.get("finished"), steps),
        gap_limit=gap_limit,
        steps=steps,
        connectivity=seen,
        grids=measured.grids(seen.paths),
        nodes=standing.nodes(before, after),
        versions=standing.versions(before, after),
        checks_before=_checks(inputs.checks_before, "checks_before"),
        checks_after=_checks(inputs.checks_after, "checks_after"),
        leftovers=standing.leftovers(after, source),
    )
    return _judged(report, bool(inputs.journal.get("unfinished")))


def to_dict(report: model.Report) -> t.Dict[str, t.Any]:
    """The report as ``report.json`` holds it."""
    plain = t.cast("t.Dict[str, t.Any]", _records.plain(report))
    # The grids are the paths once more, in the order of a picture.
    return {"schema": model.SCHEMA, **{key: value for key, value in plain.items() if key != "grids"}}


def headline(report: model.Report) -> str:
    """One sentence: what became of it, and at what cost."""
    words = {
        model.PASSED: f"{report.title}: done",
        model.FAILED: f"{report.title}: not as it should be",
        model.UNFINISHED: f"{report.title}: not finished",
    }
    return f"{words[report.verdict]}{_cost(report.connectivity)}"


def lines(report: model.Report) -> t.List[str]:
    """The report in a few lines for a person at a terminal."""
    took = [f"{len(report.steps)} steps in {_moments.length(report.seconds)}"] if report.seconds is not None else []
    left = [f"left of {report.source}: nothing"] if report.leftovers == () else []
    return [headline(report), *took, *left, *report.reasons]


def bad_steps(steps: t.Sequence[model.Step]) -> t.Tuple[model.Step, ...]:
    """The steps that failed, unless the same one was finished later."""
    return tuple(
        step
        for place, step in enumerate(steps)
        if step.state == "failed" and not any(later.name == step.name and later.state == "finished" for later in steps[place + 1 :])
    )


def _judged(report: model.Report, unfinished: bool) -> model.Report:
    seen = report.connectivity
    wrong = [f"check {check.id} failed: {check.seen}" for check in report.checks_after if check.result == "failed"]
    wrong += [f"step {step.name} failed{': ' + step.detail if step.detail else ''}" for step in bad_steps(report.steps)]
    if report.leftovers and not unfinished:
        wrong.append(f"left of {report.source}: {_left(report.leftovers)}")
    if 0 < report.gap_limit < (seen.longest_outage or 0.0):
        wrong.append(f"the longest outage was {_moments.length(seen.longest_outage or 0.0)} ({seen.worst}), over {report.gap_limit:g} s")
    if wrong:
        return dataclasses.replace(report, verdict=model.FAILED, reasons=tuple(wrong))
    if unfinished:
        return dataclasses.replace(report, verdict=model.UNFINISHED, reasons=(f"the journal is at phase {report.phase or 'unknown'}",))
    return report


def _other(cni: str) -> str:
    return next((name for name in snapshot.DAEMONS if name != cni), "")


def _title(source: str, target: str) -> str:
    to = _NAMES.get(target, target)
    if source == target:
        return f"Back to {to}"
    return f"From {_NAMES.get(source, source)} to {to}" if source else f"Change of the pod network to {to}"


def _cost(seen: model.Connectivity) -> str:
    if not seen.sent:
        return ""
    lost = f"{seen.lost:,} of {seen.sent:,} requests lost" if seen.lost else f"no request lost of {seen.sent:,}"
    gap = f", longest outage {_moments.length(seen.longest_outage)}" if seen.longest_outage is not None else ""
    return f"; {lost}{gap}"


def _left(leftovers: t.Sequence[model.Leftover]) -> str:
    """What is left where, by name as long as it is little."""
    return "; ".join(f"{_few(one.items)} on {one.where}" for one in leftovers) or "nothing"


def _few(items: t.Sequence[str]) -> str:
    return ", ".join(items) if len(items) <= _FEW else f"{len(items)} things"


def _steps(journal: Raw, gaps: t.Sequence[model.Gap]) -> t.Tuple[model.Step, ...]:
    steps = [
        model.Step(
            name=str(raw["name"]),
            state=str(raw["state"]),
            started=raw.get("started"),
            finished=raw.get("finished"),
            nodes=tuple(raw.get("nodes") or ()),
            detail=str(raw.get("detail") or ""),
        )
        for raw in journal.get("steps") or ()
    ]
    return tuple(dataclasses.replace(step, outage=measured.outage_during(step, gaps)) for step in steps)


def _checks(raws: t.Sequence[Raw], option: str) -> t.Tuple[model.Check, ...]:
    with _told(option, "cni_verification"):
        known = [{name: raw[name] for name in _CHECK_FIELDS if name in raw} for raw in raws]
        return tuple(_records.build(model.Check, raw, {}) for raw in known)


def _moment(raw_cluster: Raw, raw_snapshots: Raw, when: str) -> standing.Moment:
    with _records.in_option(f"cluster_{when}", "cni_cluster_info"):
        seen = cluster.from_dict(raw_cluster) if raw_cluster else None
    with _records.in_option(f"snapshots_{when}", "cni_info"):
        return standing.Moment(seen, {name: snapshot.from_dict(raw) for name, raw in raw_snapshots.items()})


def _first(told: t.Optional[float], steps: t.Sequence[model.Step]) -> t.Optional[float]:
    return told if told is not None else min((step.started for step in steps if step.started is not None), default=None)


def _last(told: t.Optional[float], steps: t.Sequence[model.Step]) -> t.Optional[float]:
    return told if told is not None else max((step.finished for step in steps if step.finished is not None), default=None)


@contextlib.contextmanager
def _told(option: str, module: str) -> t.Iterator[None]:
    """Turns what a foreign structure makes the code stumble over into an error that names the option."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _errors.BadInputError(
            f"does not hold what was expected: {error!r}", f"option {option}", f"Pass what podnet.cni.{module} of this version returns."
        ) from error
