# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Draws a report as one HTML page that needs nothing else.

Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import traceback
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _moments
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build, model, timeline
from ansible_collections.podnet.cni.plugins.module_utils._report.frame import BRAND, CARDS, HEAD
from ansible_collections.podnet.cni.plugins.module_utils._report.page import PAGE
from ansible_collections.podnet.cni.plugins.module_utils._report.style import STYLE

try:
    import jinja2
except ImportError:
    JINJA2_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
else:
    JINJA2_IMPORT_ERROR = None

_VERDICTS = {model.PASSED: "Done", model.FAILED: "Needs attention", model.UNFINISHED: "Not finished"}
_SIGNS = {
    "passed": "\N{CHECK MARK}",
    "failed": "\N{MULTIPLICATION X}",
    "skipped": "\N{EN DASH}",
    "warning": "!",
    "info": "i",
}
_TOLD_IN_FULL = ("failed", "warning", "info")
_KINDS = {
    "pod-to-pod": "Pod to pod",
    "pod-to-service": "Pod to Service",
    "pod-to-dns": "Pod to DNS",
    "host-to-nodeport": "Host to NodePort",
    "pod-to-app": "Pod to application",
    "host-to-app": "Host to application",
}
_COLUMNS = {kind: text.replace(" to ", " \N{RIGHTWARDS ARROW} ").replace("application", "app") for kind, text in _KINDS.items()}
#: So many times the time at work is more idle than it is worth.
_MOSTLY_IDLE = 1.5
#: Of what was sent, the parts lost up to which a field has the third and the fourth colour.
_FEW, _MANY = 0.001, 0.01
_HEAT_LEGEND = ("nothing lost", f"nothing lost, outage over {timeline.SHORT:g} s", "under 0.1% lost", "under 1% lost", "1% or more lost")
#: So many are shown, and so many more folded. Beyond that a page is no help any more, and report.json has all.
_MOST_GAPS, _ALL_GAPS, _MOST_NODES, _ALL_NODES, _MOST_LEFT, _ALL_LEFT = 10, 200, 12, 100, 12, 200
_MOST_NAMES = 6
#: The heading of a grid without a kind of its own.
_SERVICES = "Services"


@dataclasses.dataclass(frozen=True)
class Card:
    """One of the numbers at the top."""

    label: str
    value: str
    note: str
    tone: str = ""


def render(report: model.Report) -> str:
    """The page. The same report gives the same text."""
    made = environment({"page": PAGE, "style": STYLE})
    made.filters.update(
        clock=_moments.clock,
        day=_moments.day,
        heat=heat,
        length_text=_moments.length,
        path_text=_path_text,
        some=_some,
        step_note=_step_note,
        totals=totals,
    )
    laid_out = timeline.lay_out(report.steps, report.connectivity.gaps, report.finished)
    # A run that was gone on with another day needs the day on its axis.
    several_days = len({_moments.day(tick.moment) for tick in laid_out.ticks}) > 1
    made.filters["tick_text"] = lambda tick: _tick_text(tick, several_days)
    page = made.get_template("page").render(
        all_gaps=_ALL_GAPS,
        all_left=_ALL_LEFT,
        all_nodes=_ALL_NODES,
        cards=cards(report, laid_out.busy),
        facts_line=_facts_line(report),
        headline=build.headline(report),
        heat_legend=_HEAT_LEGEND,
        kinds=_KINDS,
        columns=_COLUMNS,
        most_gaps=_MOST_GAPS,
        most_left=_MOST_LEFT,
        most_nodes=_MOST_NODES,
        report=report,
        services=_SERVICES,
        signs=_SIGNS,
        timeline=laid_out,
        told_in_full=_TOLD_IN_FULL,
        verdicts=_VERDICTS,
    )
    return page + "\n"


def environment(templates: t.Mapping[str, str]) -> t.Any:
    """Jinja2's, for these templates: what is told by nodes or people is text and never HTML."""
    return jinja2.Environment(
        loader=jinja2.DictLoader({"head": HEAD, "brand": BRAND, "cards": CARDS, **templates}),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )


def cards(report: model.Report, busy: float) -> t.List[Card]:
    """The numbers that a person looks for first. ``busy`` is how many seconds steps were under way."""
    time = [_time_card(report.seconds, busy, len(report.steps))] if report.seconds is not None else []
    return [*_measured_cards(report.connectivity), *time, *_verified_cards(report)]


def heat(path: model.Path) -> int:
    """The colour of a field, from 0 (nothing was lost) to 4."""
    if not path.lost:
        return 1 if (path.longest_outage or 0.0) > timeline.SHORT else 0
    part = path.lost / max(path.sent, path.lost)
    return 2 if part < _FEW else 3 if part < _MANY else 4


def totals(checks: t.Iterable[model.Check]) -> str:
    """How many checks had which result."""
    count = collections.Counter(check.result for check in checks)
    return ", ".join(f"{count[word]} {word}" for word in _SIGNS if count[word])


def _measured_cards(seen: model.Connectivity) -> t.List[Card]:
    if not seen.sent:
        return [Card("Requests lost", "not measured", "no connectivity probe ran")]
    gap = "none" if seen.longest_outage is None else _moments.length(seen.longest_outage)
    where = f"{seen.worst}{', during ' + seen.worst_step if seen.worst_step else ''}"
    long = (seen.longest_outage or 0.0) > timeline.SHORT
    return [
        Card("Requests lost", f"{seen.lost:,}", f"of {seen.sent:,} on {len(seen.paths)} ways", "bad" if seen.lost else "good"),
        Card("Longest outage", gap, where, "warn" if long else "good"),
    ]


def _time_card(seconds: float, busy: float, steps: int) -> Card:
    """A run that was stopped and gone on with later took less work than time."""
    work = f", at work for {_moments.length(busy)}" if seconds > busy * _MOSTLY_IDLE else ""
    return Card("Wall time", _moments.length(seconds), f"{steps} steps{work}")


def _verified_cards(report: model.Report) -> t.List[Card]:
    found: t.List[Card] = []
    if report.checks_after:
        passed = sum(1 for check in report.checks_after if check.result == "passed")
        failed = any(check.result == "failed" for check in report.checks_after)
        asked = sum(1 for check in report.checks_after if check.result != "skipped")
        found.append(Card("Checks passed", f"{passed} of {asked}", "after the change", "bad" if failed else "good"))
    if report.leftovers is not None:
        count = sum(len(one.items) for one in report.leftovers)
        found.append(Card(f"Left of {report.source}", str(count) if count else "nothing", "on nodes and API", "bad" if count else "good"))
    return found


def _facts_line(report: model.Report) -> str:
    when = f"{_moments.day(report.started)} {_moments.clock(report.started)} UTC" if report.started is not None else ""
    kubernetes = next((fact.after or fact.before for fact in report.versions if fact.label == "Kubernetes"), "")
    nodes = f"{len(report.nodes)} nodes" if report.nodes else ""
    words = (when, report.strategy.replace("_", " "), f"Kubernetes {kubernetes}" if kubernetes else "", nodes, report.network)
    return " \N{MIDDLE DOT} ".join(filter(None, words))


def _some(names: t.Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _path_text(path: model.Path) -> str:
    gap = f", longest gap {_moments.length(path.longest_gap)}" if path.longest_gap is not None else ""
    own = f", {path.restarting} more while an end restarted" if path.restarting else ""
    return f"{path.name}: {path.sent:,} sent, {path.lost:,} lost{own}{gap}"


def _tick_text(tick: timeline.Tick, several_days: bool) -> str:
    return f"{_moments.day(tick.moment)[5:]} {_moments.clock(tick.moment)[:5]}" if several_days else _moments.clock(tick.moment)


def _step_note(row: timeline.Row) -> str:
    words = {"failed": "failed", "interrupted": "the run was stopped in it"}
    gap = f"longest outage {_moments.length(row.step.outage)}" if row.step.outage is not None else ""
    return "; ".join(filter(None, (words.get(row.step.state, ""), row.step.detail, gap)))
