# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pairs of classes open or close between two worlds.

Both worlds are divided by the vocabulary of both, so classes of one correspond to classes of the other; a pod whose labels changed goes
from one to another. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import bitsets, matrix, ports
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import ALLOW, DENY, UNDEFINED

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

OPENS, CLOSES = "opens", "closes"


@dataclasses.dataclass(frozen=True)
class Change:
    """On ``port``, all of ``sources`` can reach all of ``destinations`` and could not before (``opens``), or the other way (``closes``).

    Where a pod is on both sides, what it says to itself is not meant, for that never hangs on policies.
    """

    port: str
    kind: str
    sources: t.Tuple[matrix.Group, ...]
    destinations: t.Tuple[matrix.Group, ...]

    @property
    def open_connections(self) -> str:
        """What becomes of connections that are open when a pair closes is left to the CNI."""
        return ALLOW if self.kind == OPENS else UNDEFINED

    @property
    def before(self) -> str:
        return DENY if self.kind == OPENS else ALLOW

    @property
    def after(self) -> str:
        return ALLOW if self.kind == OPENS else DENY

    def __str__(self) -> str:
        sources, destinations = (", ".join(group.name for group in groups) for groups in (self.sources, self.destinations))
        return f"{self.port} {self.kind}: {sources} to {destinations}"


@dataclasses.dataclass(frozen=True)
class Difference:
    """``changes`` by port. ``added``, ``removed``: pods and workloads that only one of the worlds has; nothing is compared about them."""

    changes: t.Tuple[Change, ...]
    added: t.Tuple[str, ...]
    removed: t.Tuple[str, ...]

    @property
    def opens(self) -> t.Tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == OPENS)

    @property
    def closes(self) -> t.Tuple[Change, ...]:
        return tuple(change for change in self.changes if change.kind == CLOSES)


def between(before: World, after: World, asked: t.Optional[t.Sequence[ports.Port]] = None) -> Difference:
    """What changes from ``before`` to ``after`` on ``asked``; without it, on a port of each range that the rules of either tell apart."""
    chosen = ports.distinct([before, after]) if asked is None else asked
    vocabulary = Vocabulary.of([*before.policies, *after.policies])
    old, new = matrix.Matrix(before, chosen, vocabulary), matrix.Matrix(after, chosen, vocabulary)
    joint = _Joint(old, new)
    changes: t.List[Change] = []
    for port in old.ports:
        if port.judged:
            one, other = joint.rows(old, 0, port), joint.rows(new, 1, port)
            for kind, rows in ((OPENS, _without(other, one)), (CLOSES, _without(one, other))):
                changes += filter(None, (joint.change(str(port), kind, found) for found in matrix.rectangles(rows)))
    names, others = ({pod.reference for pod in world.pods} for world in (before, after))
    return Difference(tuple(changes), tuple(sorted(others - names)), tuple(sorted(names - others)))


def _without(rows: t.Iterable[int], others: t.Iterable[int]) -> t.Iterator[int]:
    return (row & ~other for row, other in zip(rows, others))


class _Joint:
    """Classes of both worlds at once: pods that are in one class before and in one class after.

    Pods on their node's network are left out: to most CNIs they are the node, and what policies do to them is left open.
    """

    def __init__(self, old: matrix.Matrix, new: matrix.Matrix) -> None:
        numbers = {pod.reference: number for number, pod in enumerate(new.world.pods)}
        members: t.Dict[t.Tuple[int, int], t.List[str]] = {}
        for one, found in enumerate(old.classes.listed):
            for pod in (old.world.pods[number] for number in found.members):
                reference = pod.reference
                if pod.host_network:
                    continue
                for other in new.classes.counterparts(numbers.get(reference), found.piece):
                    members.setdefault((one, other), []).append(reference)
        # What is no pod is the same in both, piece by piece.
        pieces = range(old.classes.vocabulary.pieces.count)
        outside = [(old.classes.outside(piece), new.classes.outside(piece)) for piece in pieces]
        self._pairs = [*members, *outside]
        self._groups = [_group(names) for names in members.values()]
        templates = {pod.reference for pod in old.world.pods if pod.is_template}
        self._alone = {number for number, names in enumerate(members.values()) if len(names) == 1 and names[0] not in templates}
        self._groups += [old.group(one) for one, _ in outside]

    def rows(self, of: matrix.Matrix, side: int, port: ports.Port) -> t.List[int]:
        """The rows of one world, in joint classes."""
        rows = of.rows(port)
        places: t.Dict[int, t.List[int]] = {}
        for number, pair in enumerate(self._pairs):
            places.setdefault(pair[side], []).append(number)
        sets = {one: bitsets.of(numbers) for one, numbers in places.items()}
        same = all(pair[side] == number for number, pair in enumerate(self._pairs))
        expanded: t.Dict[int, int] = {}
        found = []
        for pair in self._pairs:
            row = rows[pair[side]]
            if not same and row not in expanded:
                expanded[row] = _union(sets.get(one, 0) for one in bitsets.members(row))
            found.append(row if same else expanded[row])
        return found

    def change(self, port: str, kind: str, found: matrix.Rectangle) -> t.Optional[Change]:
        """None, if it is only what one pod says to itself."""
        sources = found.sources
        if len(found.destinations) == 1 and found.destinations[0] in self._alone:
            sources = tuple(one for one in sources if one != found.destinations[0])
        groups = (tuple(self._groups[one] for one in several) for several in (sources, found.destinations))
        return Change(port, kind, *groups) if sources else None


def _group(names: t.Sequence[str]) -> matrix.Group:
    return matrix.Group(names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else ""), tuple(names))


def _union(sets: t.Iterable[int]) -> int:
    found = 0
    for one in sets:
        found |= one
    return found
