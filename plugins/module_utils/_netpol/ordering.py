# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order policies change from one world to another, so that no pair is cut off that may talk before and at the end.

Every moment on the way is a world of its own, and the engine says what it allows. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import bitsets, ends, matrix, model, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Classes, Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.rules import Rules

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

#: Namespace and name of the policy that a step changes.
Key = t.Tuple[str, str]
#: For each port, and in it for each class as the source, a set of classes.
_Rows = t.Tuple[int, ...]

#: Work that a look at one moment may take together with all others, in classes times ports: about ten seconds.
MOST_WORK = 4_000_000


@dataclasses.dataclass(frozen=True)
class Cut:
    """On ``port``, ``sources`` cannot reach ``destinations`` from the step ``number`` on, for a moment: they may before and at the end."""

    number: int
    port: str
    sources: t.Tuple[matrix.Group, ...]
    destinations: t.Tuple[matrix.Group, ...]
    after: str = ""

    def __str__(self) -> str:
        sources, destinations = (", ".join(group.name for group in groups) for groups in (self.sources, self.destinations))
        return f"after {self.after}: {self.port}: {sources} to {destinations}"


@dataclasses.dataclass(frozen=True)
class Order:
    """The steps by their numbers. ``cuts`` is None where no moment was looked at."""

    numbers: t.Tuple[int, ...]
    cuts: t.Optional[t.Tuple[Cut, ...]]


def order(before: World, after: World, keys: t.Sequence[Key], most_work: int = MOST_WORK) -> Order:
    """The order of the steps that change the policies of ``keys`` from ``before`` to ``after``, which have the same pods.

    Of all orders one that never cuts a surviving pair, and if there is one, that never opens a pair for a moment either. Where each cuts,
    the one whose next step cuts least. Where ``most_work`` does not suffice: what allows, what isolates, what shrinks, what is deleted.
    """
    old, new = ({(policy.namespace, policy.name): policy for policy in world.policies} for world in (before, after))
    changes = [(old.get(key), new.get(key)) for key in keys]
    ranked = sorted(range(len(keys)), key=lambda number: (_rank(*changes[number]), keys[number]))
    if not before.profile.enforces:
        return Order(tuple(ranked), ())
    reach = _Reach(before, after)
    moments = _Moments(reach, before.policies, changes, max(0, most_work // reach.work))
    if moments.left < len(keys) + 1:
        return Order(tuple(ranked), None)
    numbers = _found(moments, ranked)
    return Order(tuple(numbers), _cuts(moments, numbers))


# --- By kind ---


def _rank(before: t.Optional[model.Policy], after: t.Optional[model.Policy]) -> int:
    """What only allows comes before what isolates, what widens before what shrinks, and deletions come last."""
    if before is not None and after is not None:
        return 0 if _covers(after, before) else 4 if _covers(before, after) else 2
    if after is not None:
        return 3 if _denies(after) else 1
    return 5 if before is not None and _denies(before) else 6


def _denies(policy: model.Policy) -> bool:
    """Whether it isolates in a direction without letting anything pass."""
    return any(policy.rules(direction) == () for direction in model.DIRECTIONS)


def _covers(wide: model.Policy, narrow: model.Policy) -> bool:
    """Whether ``wide`` plainly lets pass whatever ``narrow`` does, and isolates nobody else."""
    if wide.selector != narrow.selector:
        return False
    sides = [(wide.rules(direction), narrow.rules(direction)) for direction in model.DIRECTIONS]
    return all(one is None or (other is not None and _rules(other) <= _rules(one)) for one, other in sides)


def _rules(rules: t.Iterable[model.Rule]) -> t.Set[t.Tuple[t.Any, t.Any]]:
    return {(rule.peers, rule.ports) for rule in rules}


# --- By what each moment allows ---


class _Reach:
    """Who reaches whom under any of the policies of both worlds, in classes that none of these tells apart.

    Pods on their node's network are left out, as what policies do to them is left to the CNI.
    """

    def __init__(self, before: World, after: World) -> None:
        policies = [*before.policies, *after.policies]
        vocabulary = Vocabulary.of(policies)
        self._world = before
        self._pods = [pod for pod in before.pods if not pod.host_network]
        self._classes = Classes(self._pods, lambda pod: ends.pieces_of_pod(before, vocabulary.pieces, pod), vocabulary)
        self.columns = study.columns([before, after], ())
        self.size = len(self._classes)
        self.work = max(1, self.size + len(policies)) * len(self.columns)
        # Whatever policies say, a pod reaches itself.
        alone = [len(one.members) == 1 and not self._pods[one.members[0]].is_template for one in self._classes.listed]
        self.others = tuple(~(1 << number) if own else -1 for number, own in enumerate(alone)) * len(self.columns)

    def rows(self, policies: t.Iterable[model.Policy]) -> _Rows:
        rules = Rules(policies, self._world.namespaces, self._classes)
        return tuple(row for column in self.columns for row in rules.table(column.port))

    def cuts(self, number: int, rows: t.Sequence[int]) -> t.Iterator[Cut]:
        """What is cut at a step, port by port."""
        for place, column in enumerate(self.columns):
            for found in matrix.rectangles(rows[place * self.size : (place + 1) * self.size]):
                yield Cut(number, column.label, tuple(map(self._group, found.sources)), tuple(map(self._group, found.destinations)))

    def _group(self, number: int) -> matrix.Group:
        return matrix.group_of(self._classes, self._pods, number)


@dataclasses.dataclass(frozen=True)
class _Moment:
    """Pairs that survive and are cut, and pairs that are denied before and at the end and are open."""

    cut: _Rows
    opened: bool

    @property
    def size(self) -> int:
        """How many pairs of classes are cut."""
        return sum(map(bitsets.size, self.cut))


class _Moments:
    """What is so after some of the steps, as a bitset of their numbers. ``left``: at how many more moments it looks."""

    def __init__(
        self,
        reach: _Reach,
        policies: t.Sequence[model.Policy],
        changes: t.Sequence[t.Tuple[t.Optional[model.Policy], t.Optional[model.Policy]]],
        most: int,
    ) -> None:
        self.reach = reach
        self.left = most
        self._changes = changes
        changing = {(policy.namespace, policy.name) for change in changes for policy in change if policy is not None}
        self._rest = [policy for policy in policies if (policy.namespace, policy.name) not in changing]
        self._seen: t.Dict[int, _Moment] = {}
        self._survives: _Rows = ()
        self._denied: _Rows = ()
        if most > len(changes):
            first, last = (reach.rows(self._policies(done)) for done in (0, bitsets.lowest(len(changes))))
            self._survives = tuple(one & other & mask for one, other, mask in zip(first, last, reach.others))
            self._denied = tuple(~(one | other) & mask for one, other, mask in zip(first, last, reach.others))

    def at(self, done: int) -> t.Optional[_Moment]:
        """The moment; None if no more looks are left."""
        if done not in self._seen:
            if self.left <= 0:
                return None
            self.left -= 1
            rows = self.reach.rows(self._policies(done))
            cut = tuple(survives & ~row for survives, row in zip(self._survives, rows))
            self._seen[done] = _Moment(cut, any(denied & row for denied, row in zip(self._denied, rows)))
        return self._seen[done]

    def _policies(self, done: int) -> t.List[model.Policy]:
        now = (after if bitsets.has(done, number) else before for number, (before, after) in enumerate(self._changes))
        return [*self._rest, *(policy for policy in now if policy is not None)]


def _found(moments: _Moments, ranked: t.Sequence[int]) -> t.List[int]:
    """The best order there is; some looks are kept for telling what it cuts."""
    spare = len(ranked)
    moments.left -= spare
    strict = _search(moments, ranked, lambda moment: not moment.opened and not any(moment.cut))
    found = strict if strict is not None else _search(moments, ranked, lambda moment: not any(moment.cut))
    if found is None:
        found = _least(moments, ranked)
    moments.left += spare
    return found


def _search(moments: _Moments, ranked: t.Sequence[int], good: t.Callable[[_Moment], bool]) -> t.Optional[t.List[int]]:
    """An order all of whose moments are good, the first by rank; None if there is none, or no look is left to find it."""
    path: t.List[int] = []
    done, hopeless = 0, set()
    choices = [iter(ranked)]
    while len(path) < len(ranked):
        number = next((one for one in choices[-1] if not bitsets.has(done, one)), None)
        if number is None:
            if not path:
                return None
            hopeless.add(done)
            choices.pop()
            done ^= 1 << path.pop()
            continue
        following = done | 1 << number
        if following in hopeless:
            continue
        moment = moments.at(following)
        if moment is None:
            return None
        if good(moment):
            path.append(number)
            done = following
            choices.append(iter(ranked))
    return path


def _least(moments: _Moments, ranked: t.Sequence[int]) -> t.List[int]:
    """Each time the step after which the fewest pairs are cut, the first by rank; by rank alone once no look is left."""
    path: t.List[int] = []
    done = 0
    while len(path) < len(ranked):
        left = [number for number in ranked if not bitsets.has(done, number)]
        seen = [(number, moments.at(done | 1 << number)) for number in left]
        sizes = {number: moment.size for number, moment in seen if moment is not None}
        number = min(sizes, key=lambda one: sizes[one]) if len(sizes) == len(left) else left[0]
        path.append(number)
        done |= 1 << number
    return path


def _cuts(moments: _Moments, numbers: t.Sequence[int]) -> t.Optional[t.Tuple[Cut, ...]]:
    """Whom each step cuts that was not cut before it."""
    found: t.List[Cut] = []
    done, before = 0, (0,) * (moments.reach.size * len(moments.reach.columns))
    for number in numbers:
        done |= 1 << number
        moment = moments.at(done)
        if moment is None:
            return None
        found += moments.reach.cuts(number, [row & ~known for row, known in zip(moment.cut, before)])
        before = moment.cut
    return tuple(found)
