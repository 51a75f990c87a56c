# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What policies really did, told as text, JSON, Markdown, JUnit XML and one HTML page that needs nothing else.

The same trial gives the same text. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import statistics
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _moments
from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, UNDEFINED, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import MET, MISSED
from ansible_collections.podnet.cni.plugins.module_utils._probing import trial as trials
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import Kind
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import OUT, SAME_NODE, Connection, Stand
from ansible_collections.podnet.cni.plugins.module_utils._probing.trial import DIFFERS, UNKNOWN, Measured, Tested, Trial
from ansible_collections.podnet.cni.plugins.module_utils._report import junit, sections
from ansible_collections.podnet.cni.plugins.module_utils._report.html import JINJA2_IMPORT_ERROR, Card, environment
from ansible_collections.podnet.cni.plugins.module_utils._report.policy_page import POLICY_STYLE
from ansible_collections.podnet.cni.plugins.module_utils._report.probing_page import PROBING_PAGE, PROBING_STYLE
from ansible_collections.podnet.cni.plugins.module_utils._report.sections import Section
from ansible_collections.podnet.cni.plugins.module_utils._report.style import STYLE

__all__ = ["FILES", "JINJA2_IMPORT_ERROR", "facts", "render"]

_TITLE = "Network policies, measured"
_PILLS = {
    trials.ENFORCED: "Enforced",
    trials.PARTLY: "Partly enforced",
    trials.NOT_ENFORCED: "Not enforced",
    trials.UNTESTED: "Nothing to enforce",
    trials.NOT_KNOWN: "Not known",
}
_SIGNS = {ALLOW: "\N{CHECK MARK}", DENY: "\N{MULTIPLICATION X}", UNKNOWN: "?", study.NONE: ""}
_ASCII = {ALLOW: "yes", DENY: ".", UNKNOWN: "?", study.NONE: ""}
_WORDS = {
    ALLOW: "allowed on all ports",
    study.SOME: "not everywhere the same: ports allowed/all",
    DENY: "denied on all ports",
    UNKNOWN: "no verdict",
}
#: Ways between nodes that are worth reading in a row.
_MOST_WAYS = 6
_RESULTS = {MET: "passed", MISSED: "failed", UNKNOWN: "unfinished"}


def render(trial: Trial, form: str) -> str:
    """The report in one of the forms of `FILES`."""
    return _RENDERERS[form](_Account(trial))


# --- Plain data -------------------------------------------------------------------------------------------------------


def facts(trial: Trial) -> t.Dict[str, t.Any]:
    """What was found out, as plain data: all that differs, is not known, or was expected; of the rest how much there is."""
    account = _Account(trial)
    answered = [one.milliseconds for one in trial.measured if one.verdict == ALLOW]
    return {
        "enforcement": trial.enforcement,
        "why": trial.why_not_enforced if trial.enforcement == trials.NOT_ENFORCED else "",
        "differences": list(map(account.plain, trial.differing)),
        "undefined": len(trial.having(UNDEFINED)),
        "unknown": list(map(account.plain, trial.having(UNKNOWN))),
        "expectations": list(map(account.tested, trial.tested)),
        "left_out": list(trial.left_out),
        "settled_after": trial.settled_after,
        "latency_ms": {"median": statistics.median_low(answered), "max": max(answered)} if answered else {},
    }


# --- Pairs ------------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Part:
    """Ports of a pair on which the same happened, for the same reasons, on the same ``ways`` (nodes, in words)."""

    measured: Measured
    ports: t.Tuple[str, ...]
    ways: t.Tuple[str, ...]

    @property
    def differs(self) -> bool:
        return self.measured.result == DIFFERS

    @property
    def where(self) -> str:
        """Its ways in words."""
        more = len(self.ways) - _MOST_WAYS
        return ", ".join(self.ways[:_MOST_WAYS]) + (f" and {more} more ways" if more > 0 else "")

    @property
    def text(self) -> str:
        """What was measured, and what policies say where that is something else."""
        one = self.measured
        told = {
            DIFFERS: f", where policies say {one.expected}",
            UNKNOWN: f", where policies say {one.expected}",
            UNDEFINED: ", which policies leave to the CNI",
        }.get(one.result, "")
        return f"{one.verdict}, {one.seen}{told}"

    def __str__(self) -> str:
        why = f" ({'; '.join(self.measured.why)})" if self.measured.why else ""
        return f"{', '.join(self.ports)} {self.where}: {self.text}{why}"


@dataclasses.dataclass(frozen=True)
class _Pair:
    """All that was measured from one kind of pods to another, or to an end that is no pod of ours."""

    source: str
    destination: str
    measured: t.Tuple[Measured, ...]
    parts: t.Tuple[_Part, ...]

    @property
    def kind(self) -> str:
        """``allow``, ``deny``, ``unknown``, ``some`` where it was not the same everywhere, or ``none`` where nothing was measured."""
        verdicts = {one.verdict for one in self.measured}
        return study.SOME if len(verdicts) > 1 else next(iter(verdicts), study.NONE)

    @property
    def differing(self) -> t.Tuple[_Part, ...]:
        return tuple(part for part in self.parts if part.differs)

    @property
    def allowed(self) -> t.Tuple[int, int]:
        """On how many ports somebody got through, and of how many."""
        ports = {one.connection.port for one in self.measured}
        return len({one.connection.port for one in self.measured if one.verdict == ALLOW}), len(ports)

    @property
    def name(self) -> str:
        return f"{self.source} to {self.destination}"

    def __str__(self) -> str:
        return "\n".join([self.name, *map(str, self.parts)])


@dataclasses.dataclass(frozen=True)
class _Node:
    """What pods on a node did as sources or destinations: connections, those that policies deny, of these denied, and those that differ."""

    name: str
    measured: int
    to_deny: int
    denied: int
    differing: int


class _Account:
    """A trial, sorted for telling."""

    def __init__(self, trial: Trial) -> None:
        self.trial = trial
        self._stands = {stand.reference: stand for stand in trial.stands}
        self.kinds: t.Tuple[Kind, ...] = tuple({stand.kind.number: stand.kind for stand in trial.stands}.values())

    def stands_of(self, kind: Kind) -> t.Tuple[Stand, ...]:
        return tuple(stand for stand in self.trial.stands if stand.kind.number == kind.number)

    def end(self, reference: str) -> str:
        """The pods for which a stand stands, in words; another end as it was named."""
        stand = self._stands.get(reference)
        return stand.kind.name if stand else reference

    def _way(self, connection: Connection) -> str:
        nodes = [stand.node for stand in map(self._stands.get, (connection.source, connection.target)) if stand]
        if connection.place == SAME_NODE:
            return f"on {nodes[0]}"
        return f"from {' to '.join(nodes)}"

    @functools.cached_property
    def _by_pair(self) -> t.Dict[t.Tuple[str, str, bool], _Pair]:
        """By the names of both ends, and whether it is out of the pods: other ends may be named like pods."""
        grouped: t.Dict[t.Tuple[str, str, bool], t.List[Measured]] = {}
        for one in self.trial.measured:
            connection = one.connection
            key = self.end(connection.source), self.end(connection.target), connection.place == OUT
            grouped.setdefault(key, []).append(one)
        return {key: _Pair(*key[:2], tuple(several), tuple(self._parts(several))) for key, several in grouped.items()}

    def _parts(self, measured: t.Sequence[Measured]) -> t.Iterator[_Part]:
        """Those that differ first."""
        ways: t.Dict[t.Tuple[t.Any, ...], t.Dict[str, Measured]] = {}
        for one in measured:
            key = one.connection.on, one.expected, one.verdict, one.seen, one.why
            ways.setdefault(key, {})[self._way(one.connection)] = one
        ports: t.Dict[t.Tuple[t.Any, ...], t.List[Measured]] = {}
        for (_, *rest), found in ways.items():
            ports.setdefault((*rest, tuple(found)), []).append(next(iter(found.values())))
        parts = (_Part(several[0], tuple(one.connection.on for one in several), key[-1]) for key, several in ports.items())
        yield from sorted(parts, key=lambda part: not part.differs)

    def pair(self, source: Kind, destination: Kind) -> _Pair:
        return self._by_pair.get((source.name, destination.name, False)) or _Pair(source.name, destination.name, (), ())

    @property
    def pairs(self) -> t.Tuple[_Pair, ...]:
        """The pairs of kinds between which something was measured."""
        return tuple(pair for (_, _, out), pair in self._by_pair.items() if not out)

    @property
    def outward(self) -> t.Tuple[_Pair, ...]:
        """What was asked of others than pods."""
        return tuple(pair for (_, _, out), pair in self._by_pair.items() if out)

    @property
    def differing(self) -> t.Tuple[_Pair, ...]:
        return tuple(pair for pair in self._by_pair.values() if pair.differing)

    @property
    def nodes(self) -> t.Tuple[_Node, ...]:
        found: t.Dict[str, t.List[Measured]] = {stand.node: [] for stand in self.trial.stands}
        for one in self.trial.measured:
            ends = map(self._stands.get, (one.connection.source, one.connection.target))
            for node in {stand.node for stand in ends if stand}:
                found[node].append(one)
        return tuple(_node(name, several) for name, several in sorted(found.items()))

    def by_weight(self) -> t.List[Tested]:
        """Expectations, those that are not met first."""
        return sorted(self.trial.tested, key=lambda one: (MISSED, UNKNOWN, MET).index(one.result))

    def plain(self, one: Measured) -> t.Dict[str, t.Any]:
        """A connection as plain data."""
        connection = one.connection
        return {
            "source": connection.source,
            "source_pods": self.end(connection.source),
            "destination": connection.target,
            "destination_pods": self.end(connection.target),
            "port": str(connection.port),
            "family": connection.family,
            "place": connection.place,
            "nodes": self._way(connection),
            "expected": one.expected,
            "measured": one.verdict,
            "seen": one.seen,
            "milliseconds": one.milliseconds,
            "why": list(one.why),
        }

    def tested(self, one: Tested) -> t.Dict[str, t.Any]:
        """An expectation as plain data, with all its evidence."""
        wanted = one.expectation
        return {
            "name": wanted.name,
            "source": wanted.source,
            "destination": wanted.destination,
            "port": wanted.port,
            "verdict": wanted.verdict,
            "result": one.result,
            "measured": one.verdict,
            "seen": [self.evidence(seen) for seen in one.measured],
            "note": one.note,
            "where": wanted.where,
        }

    def evidence(self, one: Measured) -> str:
        return f"{one.connection} {self._way(one.connection)}: {one.seen}"

    def against(self, one: Tested) -> t.List[str]:
        """The evidence that an expectation is not met, or why there is none."""
        if one.result == MET:
            return []
        return list(map(self.evidence, one.against)) or [one.note]


def _node(name: str, measured: t.Sequence[Measured]) -> _Node:
    to_deny = [one for one in measured if one.expected == DENY]
    denied = sum(one.verdict == DENY for one in to_deny)
    return _Node(name, len(measured), len(to_deny), denied, sum(one.result == DIFFERS for one in measured))


# --- JSON: all there is -----------------------------------------------------------------------------------------------


def _as_json(account: _Account) -> str:
    trial = account.trial
    content = {
        "summary": trial.summary(),
        "cni": trial.cni,
        "seconds": round(trial.seconds, 3),
        "kinds": [{"name": kind.name, "pods": [] if kind.ours else [pod.reference for pod in kind.pods]} for kind in account.kinds],
        "stands": [
            {"name": stand.reference, "node": stand.node, "address": stand.address, "pods": stand.kind.name} for stand in trial.stands
        ],
        "connections": list(map(account.plain, trial.measured)),
        **facts(trial),
    }
    return json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


# --- JUnit: a test for enforcement, for each expectation, and for each pair -------------------------------------------


def _as_junit(account: _Account) -> str:
    trial = account.trial
    suites = [
        ("enforcement", [_enforcement(trial)]),
        ("expectations", [_expectation(account, one) for one in trial.tested]),
        ("pods", list(map(_case, account.pairs))),
        ("out-of-the-pods", list(map(_case, account.outward))),
    ]
    return junit.document(_TITLE, suites)


def _enforcement(trial: Trial) -> junit.Case:
    word, text = trial.enforcement, "\n".join(trial.summary())
    problem = f"{word}: {trial.why_not_enforced}" if word == trials.NOT_ENFORCED else word if word == trials.PARTLY else ""
    return junit.Case("policies are enforced", text, problem, word if word in (trials.UNTESTED, trials.NOT_KNOWN) else "", trial.seconds)


def _expectation(account: _Account, one: Tested) -> junit.Case:
    where = [one.expectation.where] if one.expectation.where else []
    told = "; ".join(account.against(one))
    problem = f"{_verdicts(one)}, expected {one.expectation.verdict}" if one.result == MISSED else ""
    text = "\n".join([*where, *map(account.evidence, one.measured)])
    return junit.Case(str(one.expectation), text, problem, (told or UNKNOWN) if one.result == UNKNOWN else "")


def _verdicts(one: Tested) -> str:
    return " and ".join(sorted({seen.verdict for seen in one.counting}))


def _case(pair: _Pair) -> junit.Case:
    """Skipped where nothing of it could be held against what policies say."""
    problem = "; ".join(map(str, pair.differing))
    compared = any(one.result in (trials.AGREES, DIFFERS) for one in pair.measured)
    text = "\n".join(map(str, pair.parts))
    return junit.Case(pair.name, text, problem, "" if compared else "; ".join(map(str, pair.parts)))


# --- Text and Markdown ------------------------------------------------------------------------------------------------


def _as_text(account: _Account) -> str:
    return sections.as_text(_sections(account))


def _as_markdown(account: _Account) -> str:
    return sections.as_markdown(_TITLE, _sections(account))


def _sections(account: _Account) -> t.Iterator[Section]:
    trial = account.trial
    yield Section("Summary", trial.summary())
    if trial.tested:
        yield Section("Expectations", _some([_told(account, one) for one in account.by_weight()]))
    if account.differing:
        yield Section("Differences", _some(["\n".join([pair.name, *map(str, pair.differing)]) for pair in account.differing]))
    shown = account.kinds[: sections.MOST_IN_TEXT]
    yield Section("Who reached whom", rows=_grid(account, shown))
    if len(account.kinds) > len(shown):
        yield Section("Not shown", [f"{len(account.kinds) - len(shown)} more kinds of pods are in {FILES['json']}."])
    if account.outward:
        yield Section("Out of the pods", _some(list(map(str, account.outward))))
    yield Section("Nodes", rows=[_NODE_HEADING, *([node.name, *map(str, dataclasses.astuple(node)[1:])] for node in account.nodes)])
    if trial.left_out:
        yield Section("Left out", _some(trial.left_out))


_NODE_HEADING = ("node", "connections", "to be denied", "denied", "differing")


def _some(lines: t.Sequence[str]) -> t.List[str]:
    return sections.some(lines, FILES["json"])


def _told(account: _Account, one: Tested) -> str:
    return "\n".join([f"{one.expectation}: {one.result}", *account.against(one)])


def _grid(account: _Account, kinds: t.Sequence[Kind]) -> t.List[t.List[str]]:
    """Rows of words; columns bear the numbers of the rows. What differs from what policies say has an exclamation mark."""
    heading = ["", "from / to", *(str(number + 1) for number in range(len(kinds)))]
    rows = ([str(number), kind.name, *(_word(account.pair(kind, other)) for other in kinds)] for number, kind in enumerate(kinds, start=1))
    return [heading, *rows]


def _word(pair: _Pair) -> str:
    word = _fraction(pair) if pair.kind == study.SOME else _ASCII[pair.kind]
    return f"{word} !" if pair.differing else word


def _fraction(pair: _Pair) -> str:
    """Ports allowed, and all; with a question mark where some gave no verdict."""
    allowed, ports = pair.allowed
    return f"{allowed}/{ports}" + ("?" if any(one.verdict == UNKNOWN for one in pair.measured) else "")


# --- The page ---------------------------------------------------------------------------------------------------------


def _as_html(account: _Account) -> str:
    made = environment({"page": PROBING_PAGE, "style": STYLE + POLICY_STYLE + PROBING_STYLE})
    made.filters.update(short=sections.shortened, sign=_sign)
    trial = account.trial
    shown = account.kinds[: sections.MOST_ON_PAGE]
    page = made.get_template("page").render(
        account=account,
        cards=_cards(trial, sum(not kind.ours for kind in account.kinds)),
        file=FILES["json"],
        headline=_TITLE,
        more=len(account.kinds) - len(shown),
        most=sections.MOST_LINES,
        pill=_pill(trial),
        results=_RESULTS,
        rows=[(kind, [account.pair(kind, other) for other in shown]) for kind in shown],
        shown=shown,
        trial=trial,
        unenforced=trial.enforcement == trials.NOT_ENFORCED,
        words=_WORDS,
    )
    return page + "\n"


def _pill(trial: Trial) -> t.Tuple[str, str]:
    """The tone and the text of the verdict. That all denies are enforced does not mean that nothing differs."""
    count = len(trial.differing)
    told = trial.enforcement in (trials.PARTLY, trials.NOT_ENFORCED)
    more = f", {study.numbered(count, 'difference')}" if count and not told else ""
    bad = count or trial.missed
    return "failed" if bad else "passed" if trial.enforcement == trials.ENFORCED else "unfinished", _PILLS[trial.enforcement] + more


def _sign(pair: _Pair) -> str:
    return _fraction(pair) if pair.kind == study.SOME else _SIGNS[pair.kind]


def _cards(trial: Trial, kinds: int) -> t.List[Card]:
    to_deny = [one for one in trial.measured if one.expected == DENY]
    denied = sum(one.verdict == DENY for one in to_deny)
    differing, unknown = len(trial.differing), len(trial.having(UNKNOWN))
    tones = {trials.ENFORCED: "good", trials.UNTESTED: ""}
    cards = [
        Card("Denied", f"{denied:,} of {len(to_deny):,}", "connections that policies deny", tones.get(trial.enforcement, "bad")),
        Card(
            "Differences",
            f"{differing:,}" if differing else "none",
            "between policies and what was measured" + (f"; {unknown:,} not known" if unknown else ""),
            "bad" if differing else "good",
        ),
    ]
    if trial.tested:
        missed, met = len(trial.missed), sum(one.result == MET for one in trial.tested)
        cards.append(Card("Expectations", f"{met} of {len(trial.tested)}", f"met, {missed} missed", "bad" if missed else "good"))
    nodes = len({stand.node for stand in trial.stands})
    between = f"for {study.numbered(kinds, 'kind')} of pods on {study.numbered(nodes, 'node')}"
    cards.append(Card("Connections", f"{len(trial.measured):,}", between))
    cards.append(_settled(trial))
    return cards


def _settled(trial: Trial) -> Card:
    latency = facts(trial)["latency_ms"]
    answers = f"answers took {latency['median']} ms, at most {latency['max']} ms" if latency else "nobody answered"
    if trial.settled_after is None:
        return Card("Settled", "never", f"within {_moments.length(trial.seconds)}; {answers}", "warn")
    return Card("Settled", _moments.length(trial.settled_after), answers)


_RENDERERS: t.Mapping[str, t.Callable[[_Account], str]] = {
    "text": _as_text,
    "json": _as_json,
    "markdown": _as_markdown,
    "junit": _as_junit,
    "html": _as_html,
}
#: The name of each form's file.
FILES: t.Mapping[str, str] = {
    "text": "network-policy-probe.txt",
    "json": "network-policy-probe.json",
    "markdown": "network-policy-probe.md",
    "junit": "network-policy-probe.xml",
    "html": "network-policy-probe.html",
}
