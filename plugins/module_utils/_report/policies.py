# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What policies allow, told as text, JSON, Markdown, JUnit XML and one HTML page that needs nothing else.

The same study gives the same text. Private: may change at any time.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _records
from ansible_collections.podnet.cni.plugins.module_utils._netpol import expectations, model, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.difference import CLOSES, OPENS, Change
from ansible_collections.podnet.cni.plugins.module_utils._netpol.matrix import Group
from ansible_collections.podnet.cni.plugins.module_utils._netpol.study import Study
from ansible_collections.podnet.cni.plugins.module_utils._report import junit, sections
from ansible_collections.podnet.cni.plugins.module_utils._report.html import JINJA2_IMPORT_ERROR, Card, environment
from ansible_collections.podnet.cni.plugins.module_utils._report.policy_page import POLICY_PAGE, POLICY_STYLE
from ansible_collections.podnet.cni.plugins.module_utils._report.sections import Section
from ansible_collections.podnet.cni.plugins.module_utils._report.style import STYLE

__all__ = ["FILES", "JINJA2_IMPORT_ERROR", "render"]

_TITLE = "Network policies"
#: How many names are worth reading in a row.
_MOST_NAMES = 6
_SIGNS = {
    model.ALLOW: "\N{CHECK MARK}",
    model.DENY: "\N{MULTIPLICATION X}",
    model.UNDEFINED: "?",
    study.NONE: "",
}
_WORDS = {
    model.ALLOW: "allowed on all ports",
    study.SOME: "on some ports: allowed/all",
    model.DENY: "denied on all ports",
    model.UNDEFINED: "left to the CNI",
    study.NONE: "no matter of policies",
}
_ASCII = {model.ALLOW: "yes", model.DENY: ".", model.UNDEFINED: "?", study.NONE: ""}
_RESULTS = {expectations.MET: "passed", expectations.MISSED: "failed", model.UNDEFINED: "warning"}


def render(found: Study, form: str) -> str:
    """The report in one of the forms of `FILES`."""
    return _RENDERERS[form](found)


# --- JSON: all there is ---


def _as_json(found: Study) -> str:
    matrix = found.matrix
    content = {
        "summary": found.summary(),
        "cni": found.world.profile.name,
        "policies": [str(policy) for policy in found.world.policies],
        "classes": [_records.plain(matrix.group(number)) for number in range(len(matrix.classes))],
        "ports": [
            {
                **_records.plain(count),
                "lowest": str(column.port),
                "allowed": [
                    {"sources": _spans(one.sources), "destinations": _spans(one.destinations)} for one in matrix.rectangles(column.port)
                ],
            }
            for column, count in zip(found.columns, found.counts)
        ],
        **facts(found),
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _spans(numbers: t.Sequence[int]) -> t.List[t.List[int]]:
    """First and last of each run of numbers: classes of a namespace follow one another, so these are few."""
    spans: t.List[t.List[int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return spans


def facts(found: Study) -> t.Dict[str, t.Any]:
    """Findings, differences, explanations and expectations as plain data."""
    return {
        "findings": [finding(one) for one in found.findings],
        "difference": _difference(found),
        "explanations": [{**_records.plain(one), "text": str(one)} for one in found.explanations],
        "expectations": [_outcome(one) for one in found.outcomes],
    }


def finding(one: model.Finding) -> t.Dict[str, t.Any]:
    """A finding as plain data, with its place at the top and its text."""
    plain: t.Dict[str, t.Any] = _records.plain(one)
    return {**plain.pop("place"), **plain, "text": str(one)}


def _difference(found: Study) -> t.Dict[str, t.Any]:
    if found.difference is None:
        return {}
    changes = [(change, {**_records.plain(change), "port": found.label(change.port)}) for change in found.difference.changes]
    sides = {kind: [plain for change, plain in changes if change.kind == kind] for kind in (OPENS, CLOSES)}
    return {**sides, "added": list(found.difference.added), "removed": list(found.difference.removed)}


def _outcome(one: expectations.Outcome) -> t.Dict[str, t.Any]:
    verdict = one.explanation.verdict
    return {**_records.plain(one.expectation), "result": one.result, "found": verdict, "explanation": str(one.explanation)}


# --- JUnit: a test for each expectation ---


def _as_junit(found: Study) -> str:
    return junit.document(_TITLE, [("network-policies", [_case(one) for one in found.outcomes])])


def _case(one: expectations.Outcome) -> junit.Case:
    told = f"{one.explanation.verdict}, expected {one.expectation.verdict}"
    where = f"{one.expectation.where}\n" if one.expectation.where else ""
    problem, skipped = (told if one.result == word else "" for word in (expectations.MISSED, model.UNDEFINED))
    return junit.Case(str(one.expectation), f"{where}{one.explanation}", problem, skipped)


# --- Text and Markdown ---


def _as_text(found: Study) -> str:
    return sections.as_text(_sections(found))


def _as_markdown(found: Study) -> str:
    return sections.as_markdown(_TITLE, _sections(found))


def _sections(found: Study) -> t.Iterator[Section]:
    """All there is to tell."""
    yield Section("Summary", found.summary())
    if found.outcomes:
        yield Section("Expectations", _some([_told(one) for one in _by_weight(found.outcomes)]))
    for title, changes in _changes(found):
        yield Section(title, _some(changes))
    if found.explanations:
        yield Section("Explanations", list(map(str, found.explanations)))
    if found.findings:
        yield Section("Findings", _some([f"{one.severity} {one.id}: {one}" for one in found.findings]))
    shown = found.table(sections.MOST_IN_TEXT)
    yield Section("Who may reach whom", rows=_grid(shown))
    if shown.more:
        yield Section("Not shown", [f"{shown.more} more classes are in {FILES['json']}."])


def _by_weight(outcomes: t.Sequence[expectations.Outcome]) -> t.List[expectations.Outcome]:
    """Those that are not met first."""
    return sorted(outcomes, key=lambda one: (expectations.MISSED, model.UNDEFINED, expectations.MET).index(one.result))


def _told(one: expectations.Outcome) -> str:
    return str(one) if one.result == expectations.MET else f"{one}\n{one.explanation}"


def _changes(found: Study) -> t.Iterator[t.Tuple[str, t.List[str]]]:
    if found.difference is None:
        return
    for title, changes in (("What opens", found.difference.opens), ("What closes", found.difference.closes)):
        if changes:
            yield title, changes_in_words(found, changes)
    alone = {"Only here, so not compared": found.difference.added, "Only in the other set, so not compared": found.difference.removed}
    for title, names in alone.items():
        if names:
            yield title, list(names)


def changes_in_words(found: Study, changes: t.Sequence[Change]) -> t.List[str]:
    """A line for each change."""
    return [f"{found.label(one.port)}: {_names(one.sources)} to {_names(one.destinations)}" for one in changes]


def signed_changes(found: Study) -> str:
    """A line for each change, as a diff has it: what opens with a plus, what closes with a minus."""
    if found.difference is None:
        return ""
    signs = (("+", found.difference.opens), ("-", found.difference.closes))
    return "".join(f"{sign} {line}\n" for sign, changes in signs for line in changes_in_words(found, changes))


def _names(groups: t.Sequence[Group]) -> str:
    names = [group.name for group in groups[:_MOST_NAMES]]
    more = len(groups) - len(names)
    return ", ".join(names) + (f" and {more} more classes" if more else "")


def _some(lines: t.Sequence[str]) -> t.List[str]:
    return sections.some(lines, FILES["json"])


def _grid(table: study.Table) -> t.List[t.List[str]]:
    """Rows of words; columns bear the numbers of the rows."""
    heading = ["", "from / to", *(str(number + 1) for number in range(len(table.groups)))]
    rows = ([str(number), group.name, *map(_word, cells)] for number, (group, cells) in enumerate(zip(table.groups, table.cells), start=1))
    return [heading, *rows]


def _word(cell: study.Cell) -> str:
    return ", ".join(cell.ports(model.ALLOW)) or "." if cell.kind == study.SOME else _ASCII[cell.kind]


# --- The page ---


def _as_html(found: Study) -> str:
    made = environment({"page": POLICY_PAGE, "style": STYLE + POLICY_STYLE})
    made.filters.update(short=sections.shortened, sign=_sign)
    page = made.get_template("page").render(
        by_weight=_by_weight(found.outcomes),
        cards=_cards(found),
        changes=[(title, _some(lines)) for title, lines in _changes(found)],
        file=FILES["json"],
        found=found,
        headline=_TITLE,
        most=sections.MOST_LINES,
        results=_RESULTS,
        summary=found.summary(),
        table=found.table(sections.MOST_ON_PAGE),
        words=_WORDS,
    )
    return page + "\n"


def _sign(cell: study.Cell) -> str:
    if cell.kind != study.SOME:
        return _SIGNS[cell.kind]
    return f"{len(cell.ports(model.ALLOW))}/{sum(len(part.ports) for part in cell.parts)}"


def _cards(found: Study) -> t.List[Card]:
    world = found.world
    namespaces = len({policy.namespace for policy in world.policies})
    cards = [Card("Policies", str(len(world.policies)), f"in {study.numbered(namespaces, 'namespace')}")]
    cards.append(Card("Pods", str(len(world.pods)), f"in {study.numbered(found.classes, 'class', 'classes')}"))
    if found.outcomes:
        missed, met = len(found.missed), sum(1 for one in found.outcomes if one.result == expectations.MET)
        cards.append(Card("Expectations", f"{met} of {len(found.outcomes)}", f"met, {missed} missed", "bad" if missed else "good"))
    if found.difference is not None:
        opens, closes = len(found.difference.opens), len(found.difference.closes)
        cards.append(Card("Difference", f"+{opens} \N{MINUS SIGN}{closes}", "groups of pairs that open and close"))
    warnings = len(found.warnings)
    cards.append(Card("Findings", str(len(found.findings)), study.numbered(warnings, "warning"), "warn" if warnings else ""))
    return cards


_RENDERERS: t.Mapping[str, t.Callable[[Study], str]] = {
    "text": _as_text,
    "json": _as_json,
    "markdown": _as_markdown,
    "junit": _as_junit,
    "html": _as_html,
}
#: The name of each form's file.
FILES: t.Mapping[str, str] = {
    "text": "network-policies.txt",
    "json": "network-policies.json",
    "markdown": "network-policies.md",
    "junit": "network-policies.xml",
    "html": "network-policies.html",
}
