# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report as JUnit XML, which pipelines know how to show.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t
from xml.etree import ElementTree as ET

from ansible_collections.podnet.cni.plugins.module_utils import _moments
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build, model

#: What XML cannot hold, however it is escaped.
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclasses.dataclass(frozen=True)
class Case:
    """One test: ``problem`` is why it failed, ``skipped`` why it was not made; ``text`` is what was seen."""

    name: str
    text: str = ""
    problem: str = ""
    skipped: str = ""
    seconds: float = 0.0


def render(report: model.Report) -> str:
    """The document. The same report gives the same text."""
    return document(report.title, _suites(report), report.started)


def document(title: str, suites: t.Iterable[t.Tuple[str, t.Sequence[Case]]], started: t.Optional[float] = None) -> str:
    """The document of these suites, by name; those without a case are left out. ``started``: the moment of a run, in seconds."""
    root = ET.Element("testsuites", name=_clean(title))
    root.text = root.tail = "\n"
    root.extend(_suite(name, cases, started) for name, cases in suites if cases)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode")


def _suites(report: model.Report) -> t.Iterator[t.Tuple[str, t.List[Case]]]:
    yield "preflight", [_check(check) for check in report.checks_before]
    yield "steps", _steps(report)
    yield "connectivity", [_path(path, report.gap_limit) for path in report.connectivity.paths]
    yield "verification", [_check(check) for check in report.checks_after]
    if report.leftovers is not None:
        yield "leftovers", _leftovers(report)


def _check(check: model.Check) -> Case:
    text = "\n".join(
        filter(None, (check.seen, *check.details, check.next_step and f"Next: {check.next_step}", check.fix and f"Fix: {check.fix}"))
    )
    problem, skipped = (check.seen if check.result == word else "" for word in ("failed", "skipped"))
    return Case(check.id, text, problem, skipped)


def _steps(report: model.Report) -> t.List[Case]:
    bad = build.bad_steps(report.steps)
    return [
        Case(_step_name(step), step.detail, (step.detail or "failed") if step in bad else "", _step_skipped(step), step.seconds or 0.0)
        for step in report.steps
    ]


def _step_name(step: model.Step) -> str:
    return f"{step.name} on {', '.join(step.nodes)}" if step.nodes else step.name


def _step_skipped(step: model.Step) -> str:
    return {"interrupted": "the run was stopped in it", "started": "not ended"}.get(step.state, "")


def _path(path: model.Path, gap_limit: float) -> Case:
    outage = path.longest_outage or 0.0
    seen = f"{path.sent} sent, {path.lost} lost, longest outage {_moments.length(outage)}"
    bad = path.lost > 0 or (gap_limit > 0 and outage > gap_limit)
    return Case(f"{path.kind}: {path.name}", seen, seen if bad else "")


def _leftovers(report: model.Report) -> t.List[Case]:
    """One for each place that was looked at, so that a clean one shows as passed."""
    found = {one.where: ", ".join(one.items) for one in report.leftovers or ()}
    places = dict.fromkeys([*(node.name for node in report.nodes), "the API server", *found])
    return [Case(f"nothing of {report.source} on {place}", "", found.get(place, "")) for place in places]


def _suite(name: str, cases: t.Sequence[Case], started: t.Optional[float]) -> ET.Element:
    attributes = {
        "name": name,
        "tests": str(len(cases)),
        "failures": str(sum(1 for case in cases if case.problem)),
        "skipped": str(sum(1 for case in cases if case.skipped)),
        "time": f"{sum(case.seconds for case in cases):.3f}",
    }
    if started is not None:
        attributes["timestamp"] = _moments.text(started).rstrip("Z")
    suite = ET.Element("testsuite", attributes)
    suite.text = suite.tail = "\n"
    suite.extend(_element(name, case) for case in cases)
    return suite


def _element(suite: str, case: Case) -> ET.Element:
    element = ET.Element("testcase", classname=f"podnet.{suite}", name=_clean(case.name), time=f"{case.seconds:.3f}")
    element.tail = "\n"
    if case.problem:
        ET.SubElement(element, "failure", message=_clean(case.problem)).text = _clean(case.text)
    elif case.skipped:
        ET.SubElement(element, "skipped", message=_clean(case.skipped))
    elif case.text:
        ET.SubElement(element, "system-out").text = _clean(case.text)
    return element


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)
