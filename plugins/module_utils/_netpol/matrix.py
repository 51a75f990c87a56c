# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom: tables of classes for the ports asked for, verdicts on two ends, and their reasons.

A verdict is about a new connection after policies have taken effect: answers of an allowed connection pass, and what a change means for
connections that are open is left to the CNI. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import bitsets, ends, ports, routes
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Classes, Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import (
    ALLOW,
    DENY,
    EGRESS,
    INGRESS,
    UNDEFINED,
    Pod,
    Policy,
    Rule,
    Tier,
)
from ansible_collections.podnet.cni.plugins.module_utils._netpol.routes import Part, Question, Reading
from ansible_collections.podnet.cni.plugins.module_utils._netpol.rules import Passing, Rules

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

Port = ports.Port


@dataclasses.dataclass(frozen=True)
class Group:
    """A class in words. ``members``: references of its pods; empty for addresses that are no pod's."""

    name: str
    members: t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Rectangle:
    """All of ``sources`` may reach all of ``destinations``: classes by their number."""

    sources: t.Tuple[int, ...]
    destinations: t.Tuple[int, ...]


@dataclasses.dataclass(frozen=True)
class Reason:
    """One reason of a verdict.

    ``side``: ingress, egress, or empty where no policy was asked. ``policy``: ``namespace/name``, or a policy of another tier. ``rule``:
    the place of the rule that lets pass; None for a policy that isolates.
    """

    side: str
    verdict: str
    text: str
    policy: str = ""
    rule: t.Optional[int] = None


@dataclasses.dataclass(frozen=True)
class Seen:
    """The verdict of one reading; ``notes`` say what that assumes."""

    verdict: str
    notes: t.Tuple[str, ...]
    reasons: t.Tuple[Reason, ...]


@dataclasses.dataclass(frozen=True)
class Pair:
    """The verdict on two members of the ends, for one address family (0: not known). ``port``: the destination's, after translation."""

    source: str
    destination: str
    port: str
    family: int
    verdict: str
    note: str
    readings: t.Tuple[Seen, ...]


@dataclasses.dataclass(frozen=True)
class Explanation:
    """Why a verdict is what it is: pair by pair, reading by reading."""

    verdict: str
    source: str
    destination: str
    port: str
    pairs: t.Tuple[Pair, ...]

    @property
    def reasons(self) -> t.Tuple[Reason, ...]:
        """All reasons, each once."""
        return tuple(dict.fromkeys(reason for pair in self.pairs for seen in pair.readings for reason in seen.reasons))

    def __str__(self) -> str:
        lines = [f"{self.source} to {self.destination} on {self.port}: {self.verdict}"]
        for pair in self.pairs:
            if len(self.pairs) > 1 or pair.note:
                family = f", IPv{pair.family}" if pair.family and len(self.pairs) > 1 else ""
                note = f" ({pair.note})" if pair.note else ""
                lines.append(f"  {pair.source} to {pair.destination} on {pair.port}{family}: {pair.verdict}{note}")
            for seen in pair.readings:
                if len(pair.readings) > 1:
                    lines.append(f"    if {', '.join(seen.notes) or 'so'}: {seen.verdict}")
                lines += [f"      {reason.text}" for reason in seen.reasons]
        return "\n".join(lines)


class Matrix:
    """The verdicts of a world. ``ports``: those whose tables are made at once; a verdict on another port asks the policies of both ends."""

    def __init__(self, world: World, asked: t.Sequence[Port], vocabulary: t.Optional[Vocabulary] = None) -> None:
        self.world = world
        self.ports = tuple(dict.fromkeys(asked))
        words = vocabulary or Vocabulary.of(world.policies, (tier.pods for tier in world.tiers))
        self.classes = Classes(world.pods, lambda pod: ends.pieces_of_pod(world, words.pieces, pod), words)
        self._rules = Rules(world.policies if world.profile.enforces else (), world.namespaces, self.classes)
        tiers = world.tiers if world.profile.enforces else ()
        self._tiers = [_OtherTier(tier, self._rules.selected(tier.namespaces, tier.pods)) for tier in tiers]
        self._tables = {port: self._rules.table(port) for port in self.ports if port.judged}
        self._directory = ends.Directory(world, self.classes)
        self._router = routes.Router(world, self._directory)

    # --- Two ends ---

    def verdict(self, source: str, destination: str, port: t.Union[str, Port]) -> str:
        """``allow``, ``deny`` or ``undefined``: for a new connection from ``source`` to ``port`` of ``destination``.

        An end is ``ns/pod``, ``ns/Kind/name`` of a workload or a Service, ``Node/name``, or an address. ``undefined``: the API leaves it to
        the CNI, or the parts of an end differ (`explain` has each). BadInputError: an end is not in the input.
        """
        return _agreed(self._part_verdict(part) for part in self._router.parts(source, destination, ports.parse(port)))

    def explain(self, source: str, destination: str, port: t.Union[str, Port]) -> Explanation:
        """The same, with side, policy and rule of every reason."""
        asked = ports.parse(port)
        pairs = tuple(map(self._pair, self._router.parts(source, destination, asked)))
        return Explanation(_agreed(pair.verdict for pair in pairs), source, destination, str(asked), pairs)

    def _part_verdict(self, part: Part) -> str:
        return part.fixed or _agreed(map(self._reading_verdict, part.readings))

    def _reading_verdict(self, reading: Reading) -> str:
        known = self._from_table(reading)
        if known:
            return known
        return _both(self._answer(EGRESS, reading.egress)[0], self._answer(INGRESS, reading.ingress)[0])

    def _from_table(self, reading: Reading) -> str:
        """The verdict, where it is an entry of a table and nothing but policies counts."""
        egress, ingress = reading.egress, reading.ingress
        if egress is None or ingress is None or self._tiers:
            return ""
        table = self._tables.get(ingress.port)
        straight = (egress.subject, egress.peer, egress.port) == (ingress.peer, ingress.subject, ingress.port)
        if table is None or not straight or ends.NODE in (egress.subject.kind, egress.peer.kind):
            return ""
        if ends.POD not in (egress.subject.kind, egress.peer.kind):
            return ""
        return ALLOW if bitsets.has(table[egress.subject.one], egress.peer.one) else DENY

    def _answer(self, side: str, question: t.Optional[Question]) -> t.Tuple[str, t.Callable[[], t.Tuple[Reason, ...]]]:
        """What one side says, and a way to its reasons."""
        if question is None or question.subject.kind != ends.POD:
            return ALLOW, lambda: ()
        subject, peer, port = question.subject, question.peer, question.port
        if peer.kind == ends.NODE and peer.node and peer.node == subject.node:
            return ALLOW, lambda: (Reason(side, ALLOW, f"{side}: a pod's own node may always reach it and be reached"),)
        passing = self._rules.passing(side, subject.one, peer.one, port) if port.judged else None
        isolating = passing.isolating if passing else self._rules.isolates(side, subject.one)
        others = [one for one in self._tiers if one.may_decide(side, subject.one, bool(isolating))]
        if others:
            return UNDEFINED, lambda: tuple(one.reason(side) for one in others)
        if passing is None:
            return (UNDEFINED, lambda: tuple(_no_port(side, policy, port) for policy in isolating)) if isolating else (ALLOW, lambda: ())
        return (ALLOW, lambda: _allowing(side, passing)) if passing.allowed else (DENY, lambda: _denying(side, isolating))

    def _pair(self, part: Part) -> Pair:
        seen = [self._seen(reading) for reading in part.readings]
        verdict = part.fixed or _agreed(one.verdict for one in seen)
        return Pair(part.source, part.destination, str(part.port), part.family, verdict, part.note, tuple(dict.fromkeys(seen)))

    def _seen(self, reading: Reading) -> Seen:
        leaving, entering = self._answer(EGRESS, reading.egress), self._answer(INGRESS, reading.ingress)
        verdict = _both(leaving[0], entering[0])
        # What let pass does not matter where another side stopped it.
        reasons = [reason for answer in (leaving, entering) if verdict == ALLOW or answer[0] != ALLOW for reason in answer[1]()]
        return Seen(verdict, reading.notes, tuple(reasons) or (self._free(reading),))

    def _free(self, reading: Reading) -> Reason:
        """Why nothing stands in the way, where no rule has let it pass."""
        if not self.world.profile.enforces:
            return Reason("", ALLOW, f"{self.world.profile.name} enforces no policies")
        asked = reading.egress is not None and reading.ingress is not None
        return Reason("", ALLOW, "no policy isolates either end" if asked else reading.notes[-1])

    # --- All ends ---

    def rows(self, port: t.Union[str, Port]) -> t.Sequence[int]:
        """For each class as the source, the set of the classes (a bitset) that policies let it reach on ``port``, one of `ports`.

        `group` tells what a class is; those after the pods' are addresses that are no pod's. What does not hang on policies is not in it (a
        pod's own address and own node, Services), nor do tables speak of pods on their node's network as nodes.
        """
        asked = ports.parse(port)
        if asked not in self._tables:
            raise _errors.BadInputError(f"no table was made for {asked}", "ports", f"There are: {', '.join(map(str, self._tables))}.")
        return self._tables[asked]

    def between(self, source: int, destination: int, port: t.Union[str, Port]) -> Seen:
        """What policies say about a connection from one class to another, as `rows` has it, with the reasons.

        Undefined where a policy of another tier may decide, and where all pods of an end are on their node's network.
        """
        asked, one, other = ports.parse(port), self._position(source), self._position(destination)
        seen = self._seen(Reading(Question(one, other, asked), Question(other, one, asked)))
        if (self._is_host(source) or self._is_host(destination)) and any(reason.policy for reason in seen.reasons):
            return dataclasses.replace(seen, verdict=UNDEFINED, notes=(_HOSTS,))
        return seen

    def _position(self, number: int) -> ends.Position:
        return ends.Position(ends.POD if self.classes.listed[number].members else ends.EXTERNAL, number)

    def _is_host(self, number: int) -> bool:
        members = self.classes.listed[number].members
        return bool(members) and all(self.world.pods[pod].host_network for pod in members)

    def group(self, number: int) -> Group:
        """A class in words: its pods, or what kind of addresses."""
        return group_of(self.classes, self.world.pods, number)

    def rectangles(self, port: t.Union[str, Port]) -> t.Tuple[Rectangle, ...]:
        """All that is allowed on ``port``, as sources with the same destinations."""
        return rectangles(self.rows(port))

    def allowed_pairs(self, port: t.Union[str, Port]) -> int:
        """How many ordered pairs of different pods policies allow on ``port``; each address family of a pod counts by itself."""
        sizes = [len(one.members) for one in self.classes.listed]
        weights = bitsets.Weights(sizes)
        reached: t.Dict[int, int] = {}
        total = 0
        for number, row in enumerate(self.rows(port)):
            if sizes[number]:
                if row not in reached:
                    reached[row] = weights.of(row)
                total += sizes[number] * reached[row] - (sizes[number] if bitsets.has(row, number) else 0)
        return total


def group_of(classes: Classes, pods: t.Sequence[Pod], number: int) -> Group:
    """A class in words: its pods, or what kind of addresses."""
    one = classes.listed[number]
    members = tuple(pods[pod].reference for pod in one.members)
    if not members:
        return Group(f"addresses outside, {classes.vocabulary.pieces.describe(one.piece)}", ())
    return Group(members[0] + (f" and {len(members) - 1} more" if len(members) > 1 else ""), members)


_HOSTS = "what policies mean for pods on their node's network is left to the CNI"


def rectangles(rows: t.Iterable[int]) -> t.Tuple[Rectangle, ...]:
    """Sources with equal rows together; empty rows are left out."""
    grouped: t.Dict[int, t.List[int]] = {}
    for number, row in enumerate(rows):
        if row:
            grouped.setdefault(row, []).append(number)
    return tuple(Rectangle(tuple(sources), tuple(bitsets.members(row))) for row, sources in grouped.items())


@dataclasses.dataclass(frozen=True)
class _OtherTier:
    """A policy of another tier, and the classes that are its subjects. An administrator's comes before ours, a baseline after."""

    tier: Tier
    subjects: int

    def may_decide(self, side: str, one: int, isolated: bool) -> bool:
        return side in self.tier.directions and bitsets.has(self.subjects, one) and not (self.tier.baseline and isolated)

    def reason(self, side: str) -> Reason:
        return Reason(side, UNDEFINED, f"{side}: {self.tier.name} may decide, and is not evaluated", policy=self.tier.name)


def _agreed(verdicts: t.Iterable[str]) -> str:
    """The one verdict of all; undefined where they differ."""
    found = ""
    for verdict in verdicts:
        if found and verdict != found:
            return UNDEFINED
        found = verdict
    return found


def _both(leaving: str, entering: str) -> str:
    """Both sides must allow."""
    if DENY in (leaving, entering):
        return DENY
    return ALLOW if leaving == entering == ALLOW else UNDEFINED


def _allowing(side: str, passing: Passing) -> t.Tuple[Reason, ...]:
    return tuple(_rule(side, policy, rule) for policy, rule in passing.allowing)


def _rule(side: str, policy: Policy, rule: Rule) -> Reason:
    ports_ = ", ".join(map(str, rule.ports)) or "all ports"
    return Reason(side, ALLOW, f"{side}: {policy} allows it by spec.{side}[{rule.index}] ({ports_})", str(policy), rule.index)


def _denying(side: str, isolating: t.Sequence[Policy]) -> t.Tuple[Reason, ...]:
    return tuple(_isolation(side, policy) for policy in isolating)


def _isolation(side: str, policy: Policy) -> Reason:
    rules = len(policy.rules(side) or ())
    matching = {0: "has no rule", 1: "its rule does not match"}.get(rules, f"none of its {rules} rules matches")
    return Reason(side, DENY, f"{side}: {policy} isolates the pod and {matching}", str(policy))


def _no_port(side: str, policy: Policy, port: Port) -> Reason:
    return Reason(side, UNDEFINED, f"{side}: {policy} isolates the pod, and what that means for {port} is left to the CNI", str(policy))
