# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that was asked about one set of policies, ready to be told: counts, a table of classes with reasons, differences, expectations.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import difference, expectations, model, ports
from ansible_collections.podnet.cni.plugins.module_utils._netpol.matrix import Explanation, Group, Matrix, Reason

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

#: How a cell can be, beside the verdicts: some ports allowed and others not; nothing that policies are about.
SOME, NONE = "some", "none"
_ITSELF = Reason("", model.ALLOW, "a pod always reaches its own address")
#: So many classes of addresses outside are shown at most.
_MOST_OUTSIDE = 8


@dataclasses.dataclass(frozen=True)
class Column:
    """A port, and the range that it stands for in words."""

    port: ports.Port
    label: str


@dataclasses.dataclass(frozen=True)
class Count:
    """How many ordered pairs of pods policies allow and deny on a port; each address family of a pod counts by itself."""

    port: str
    allow: int
    deny: int

    def __str__(self) -> str:
        return f"{self.port}: {self.allow} of {self.allow + self.deny} pairs of pods allowed"


@dataclasses.dataclass(frozen=True)
class Part:
    """The ports of a cell that have the same verdict for the same reasons."""

    verdict: str
    ports: t.Tuple[str, ...]
    reasons: t.Tuple[str, ...]

    def __str__(self) -> str:
        return f"{', '.join(self.ports)}: {self.verdict} ({'; '.join(self.reasons)})"


@dataclasses.dataclass(frozen=True)
class Cell:
    """From one class to another, on all ports. Without parts: from outside to outside."""

    parts: t.Tuple[Part, ...]

    @property
    def kind(self) -> str:
        """``allow``, ``deny``, ``undefined``, ``some`` or ``none``."""
        verdicts = {part.verdict for part in self.parts}
        if len(verdicts) == 1:
            return next(iter(verdicts))
        return SOME if verdicts else NONE

    def ports(self, verdict: str) -> t.Tuple[str, ...]:
        """The ports with this verdict."""
        return tuple(port for part in self.parts if part.verdict == verdict for port in part.ports)


@dataclasses.dataclass(frozen=True)
class Table:
    """Rows are sources, columns destinations, both ``groups``; ``more`` classes are left out."""

    groups: t.Tuple[Group, ...]
    cells: t.Tuple[t.Tuple[Cell, ...], ...]
    more: int


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """``difference``: what changes on the way from another world to this one; None if none was given."""

    matrix: Matrix
    columns: t.Tuple[Column, ...]
    findings: t.Tuple[model.Finding, ...] = ()
    difference: t.Optional[difference.Difference] = None
    explanations: t.Tuple[Explanation, ...] = ()
    outcomes: t.Tuple[expectations.Outcome, ...] = ()

    @property
    def world(self) -> World:
        return self.matrix.world

    @property
    def missed(self) -> t.Tuple[expectations.Outcome, ...]:
        """The expectations that policies do not make true."""
        return tuple(one for one in self.outcomes if one.result == expectations.MISSED)

    @property
    def warnings(self) -> t.Tuple[model.Finding, ...]:
        return tuple(one for one in self.findings if one.severity == "warning")

    @property
    def classes(self) -> int:
        """How many kinds of pods policies tell apart."""
        return sum(1 for one in self.matrix.classes.listed if one.members)

    def label(self, port: str) -> str:
        """The range for which a port stands."""
        return next((column.label for column in self.columns if str(column.port) == port), port)

    @functools.cached_property
    def counts(self) -> t.Tuple[Count, ...]:
        total = sum(len(one.members) for one in self.matrix.classes.listed)
        allowed = [(column.label, self.matrix.allowed_pairs(column.port)) for column in self.columns]
        return tuple(Count(label, number, total * (total - 1) - number) for label, number in allowed)

    def summary(self) -> t.List[str]:
        """A line on what was read, on each port, on findings, and on all that was asked."""
        world = self.world
        lines = [
            f"{numbered(len(world.policies), 'policy', 'policies')}, {numbered(len(world.pods), 'pod')} in "
            f"{numbered(len({pod.namespace for pod in world.pods}), 'namespace')}, "
            f"{numbered(self.classes, 'class', 'classes')} of pods that policies tell apart (CNI: {world.profile.name})",
            *map(str, self.counts),
        ]
        severities = collections.Counter(one.severity for one in self.findings)
        if severities:
            lines.append(f"findings: {', '.join(f'{number} {name}' for name, number in sorted(severities.items(), reverse=True))}")
        if self.difference is not None:
            lines.append(f"difference: {len(self.difference.opens)} open, {len(self.difference.closes)} close")
        if self.outcomes:
            results = collections.Counter(one.result for one in self.outcomes)
            told = ", ".join(f"{results[name]} {name}" for name in (expectations.MET, expectations.MISSED, model.UNDEFINED))
            lines.append(f"expectations: {told}")
        return lines

    def table(self, most: int) -> Table:
        """The table of at most ``most`` classes of pods, and of some of addresses outside."""
        numbers = range(len(self.matrix.classes))
        pods = [number for number in numbers if self.matrix.classes.listed[number].members]
        outside = [number for number in numbers if not self.matrix.classes.listed[number].members]
        shown = [*pods[:most], *outside[:_MOST_OUTSIDE]]
        cells = tuple(tuple(self._cell(source, target) for target in shown) for source in shown)
        return Table(tuple(map(self.matrix.group, shown)), cells, len(numbers) - len(shown))

    def _cell(self, source: int, destination: int) -> Cell:
        members = self.matrix.classes.listed[source].members
        if not members and not self.matrix.classes.listed[destination].members:
            return Cell(())
        alone = len(members) == 1 and not self.world.pods[members[0]].is_template
        if source == destination and alone:
            return Cell((Part(model.ALLOW, tuple(column.label for column in self.columns), (_ITSELF.text,)),))
        parts: t.Dict[t.Tuple[str, t.Tuple[str, ...]], t.List[str]] = {}
        for column in self.columns:
            seen = self.matrix.between(source, destination, column.port)
            texts = (*seen.notes, *(reason.text for reason in seen.reasons))
            parts.setdefault((seen.verdict, texts), []).append(column.label)
        return Cell(tuple(Part(verdict, tuple(labels), texts) for (verdict, texts), labels in parts.items()))


def columns(worlds: t.Sequence[World], asked: t.Sequence[str]) -> t.Tuple[Column, ...]:
    """The ports asked for; without any, one of each range that no rule of ``worlds`` cuts. Raises BadInputError."""
    if asked:
        wanted = tuple(dict.fromkeys(ports.parse(text).fixed() for text in asked))
        for port in wanted:
            if not port.judged:
                raise _errors.BadInputError(f"{port} has no ports, and policies say nothing about it", "ports", "Ask for TCP, UDP or SCTP.")
        return tuple(Column(port, str(port)) for port in wanted)
    found = ports.distinct(worlds)
    following = (*found[1:], None)
    return tuple(Column(port, _range(port, after)) for port, after in zip(found, following))


def _range(port: ports.Port, after: t.Optional[ports.Port]) -> str:
    last = after.number - 1 if after is not None and after.protocol == port.protocol else model.LAST_PORT
    return str(model.PortMatch(port.protocol, port.number, last))


def numbered(number: int, one: str, several: str = "") -> str:
    """``1 pod``, ``2 pods``."""
    return f"{number} {one if number == 1 else several or one + 's'}"
