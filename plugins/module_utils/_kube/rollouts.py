# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves pods onto a CNI: tier after tier, some workloads at a time, until no pod is left that can be moved from here.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import math
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Left, Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import planning
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import (
    EVICT,
    IN_PLACE,
    ROLLOUT,
    Member,
    Move,
    Plan,
    Policy,
    Tier,
)
from ansible_collections.podnet.cni.plugins.module_utils._kube import moves, rollout_view
from ansible_collections.podnet.cni.plugins.module_utils._kube.pods import Unready
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_GOING = "it is being deleted and not gone yet: wait for its grace period to end, then run this again"


@dataclasses.dataclass(frozen=True)
class Settings:
    """What is to move and how; ``latest`` is the moment (seconds since the epoch) after which no move begins any more.

    Old pods that were given at most ``short_grace`` seconds to end are not awaited, if it is not 0.
    """

    target: rollout_view.Target
    policy: Policy
    patience: moves.Patience
    parallel: int
    namespaces: t.Tuple[str, ...] = ()
    latest: t.Optional[float] = None
    short_grace: int = 0
    clock: t.Callable[[], float] = time.time


@dataclasses.dataclass
class Outcome:
    """``plan`` is how it looked at the start. ``finished`` are moves and what became of them, as they ended."""

    plan: Plan
    finished: t.List[t.Tuple[Move, moves.Result]] = dataclasses.field(default_factory=list)
    in_place: t.Tuple[Member, ...] = ()
    left: t.Tuple[Left, ...] = ()
    deadline_reached: bool = False

    @property
    def failures(self) -> t.List[t.Tuple[Move, moves.Result]]:
        """The moves that failed."""
        return [(move, result) for move, result in self.in_order if result.failure]

    @property
    def in_order(self) -> t.List[t.Tuple[Move, moves.Result]]:
        """What is finished in the order of the plan, which check mode can foretell."""
        places = {move.owner: place for place, move in enumerate(self.plan.moves(ROLLOUT, EVICT))}
        return sorted(self.finished, key=lambda finished: places.get(finished[0].owner, len(places)))

    @property
    def evicted(self) -> t.List[Pod]:
        """All pods that were evicted."""
        return [pod for _move, result in self.in_order for pod in result.evicted]

    @property
    def unready(self) -> t.List[Unready]:
        """New pods that are as little ready as the old ones were."""
        return [unready for _move, result in self.in_order for unready in result.unready]


def plan(client: t.Any, settings: Settings) -> t.Tuple[Plan, bool]:
    """What there is to move, and whether Calico's address management is there."""
    seen = rollout_view.scene(client)
    return planning.plan(seen, settings.target.fit(seen), settings.policy, settings.namespaces), seen.calico is not None


def predict(client: t.Any, settings: Settings, planned: Plan) -> Outcome:
    """The outcome if all goes well, with the server's opinion on every write."""
    view = rollout_view.View(client, settings.target)
    outcome = Outcome(planned, in_place=_members(planned, IN_PLACE))
    refused: t.List[Left] = []
    for move in planned.moves(ROLLOUT, EVICT):
        kept = () if move.under_way else moves.dry_run(client, move, view)
        refused += kept
        names = {left.pod.uid for left in kept}
        gone = tuple(member.pod for member in move.members if member.pod.uid not in names) if move.way == EVICT else ()
        outcome.finished.append((move, moves.Result(changed=bool(gone) or (move.way == ROLLOUT and not move.under_way), evicted=gone)))
    outcome.left = (*planned.left, *refused)
    return outcome


def run(client: t.Any, settings: Settings, planned: Plan) -> Outcome:
    """Makes the moves. After a failure those under way are finished, and no other one begins."""
    runner = _Runner(client, settings, Outcome(planned))
    current = planned
    while runner.tiers(current):
        current, _calico = Deadline(settings.patience.timeout).poll(lambda: plan(client, settings), lambda _seen: True)
    going = () if runner.outcome.failures else runner.going()
    kept = [left for _move, result in runner.outcome.finished for left in result.left]
    runner.outcome.in_place = _members(current, IN_PLACE)
    runner.outcome.left = (*current.left, *kept, *going)
    return runner.outcome


class _Runner:
    def __init__(self, client: t.Any, settings: Settings, outcome: Outcome) -> None:
        self.outcome = outcome
        self._client, self._settings = client, settings
        self._tried: t.Set[Owner] = set()
        #: Moves under way: those for which the next tier waits, and others.
        self._running: t.List[moves.Flow] = []
        self._beside: t.List[moves.Flow] = []

    def tiers(self, planned: Plan) -> bool:
        """Makes the moves of all tiers that were not tried yet; False when there were none, or no more may begin."""
        before = len(self._tried)
        for tier in planned.tiers:
            self._tier(tier)
            if self._is_over():
                break
        _until(self._step, lambda: not self._beside)
        return len(self._tried) > before and not self._is_over()

    def _tier(self, tier: Tier) -> None:
        waiting = [move for move in tier.moves if move.way in (ROLLOUT, EVICT) and move.owner not in self._tried]
        flows = self._running if tier.holds else self._beside

        def look() -> None:
            self._begin(waiting, flows)
            self._step()

        _until(look, lambda: not self._running and (not waiting or self._is_over()))

    def _begin(self, waiting: t.List[Move], flows: t.List[moves.Flow]) -> None:
        """Begins what may begin."""
        while waiting and len(flows) < self._settings.parallel and self._may_begin():
            move = waiting.pop(0)
            self._tried.add(move.owner)
            flows.append(moves.start(self._client, move, self._settings.patience))

    def _step(self) -> None:
        """Takes one step of each move under way."""
        view = rollout_view.View(self._client, self._settings.target)
        for flows in (self._running, self._beside):
            for flow in flows:
                flow.step(view)
            self.outcome.finished += [(flow.move, flow.result) for flow in flows if flow.done]
            flows[:] = [flow for flow in flows if not flow.done]

    def _may_begin(self) -> bool:
        latest = self._settings.latest
        if latest is not None and self._settings.clock() >= latest:
            self.outcome.deadline_reached = True
        return not self._is_over()

    def _is_over(self) -> bool:
        return self.outcome.deadline_reached or bool(self.outcome.failures)

    def going(self) -> t.Tuple[Left, ...]:
        """Waits for the old pods that are still on their way out: a CNI cannot leave before its last pod. Returns those that stay."""
        namespaces = sorted({move.owner.namespace for move, _result in self.outcome.finished})
        patience = Deadline(self._settings.patience.timeout)
        return tuple(Left(pod, _GOING) for pod in patience.poll(lambda: self._going(namespaces), lambda pods: not pods))

    def _going(self, namespaces: t.Iterable[str]) -> t.List[Pod]:
        view = rollout_view.View(self._client, self._settings.target)
        members = [member for namespace in namespaces for member in view.members(namespace) if not self._ends_soon(member)]
        fit = view.fit()
        return [member.pod for member in members if member.pod.deleting and fit.is_foreign(member.pod)]

    def _ends_soon(self, member: Member) -> bool:
        limit = self._settings.short_grace
        return limit > 0 and member.grace is not None and member.grace <= limit


def _until(look: t.Callable[[], None], over: t.Callable[[], bool]) -> None:
    """Every move ends by its own deadline, so what waits for moves never has to."""
    Deadline(math.inf).poll(look, lambda _seen: over())


def _members(planned: Plan, way: str) -> t.Tuple[Member, ...]:
    return tuple(member for move in planned.moves(way) for member in move.members)
