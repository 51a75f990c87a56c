# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves under way: each looks at its workload and takes the next step, until it is done, stuck and undone, or given up.

A step does one thing and remembers little, so a run that was killed goes on by looking again. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Left
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import history, progress
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import EVICT, ROLLOUT, Member, Move
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.pods import Unready, why_unready
from ansible_collections.podnet.cni.plugins.module_utils._kube.rollout_view import View
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

#: Pods named in the reason of a failure.
_MOST_NAMED = 3


@dataclasses.dataclass(frozen=True)
class Patience:
    """Seconds for each rollout or evicted pod, and for what was not ready before either."""

    timeout: float
    unready: float


@dataclasses.dataclass
class Result:
    """What became of a move. ``failure`` says why it did not succeed; ``undone`` what became of the undoing, if there was any."""

    changed: bool = False
    evicted: t.Tuple[Pod, ...] = ()
    left: t.Tuple[Left, ...] = ()
    unready: t.Tuple[Unready, ...] = ()
    failure: str = ""
    undone: str = ""
    seconds: float = 0.0


class Flow:
    """One move under way. ``step`` is called again and again, with a fresh view, until ``done``."""

    def __init__(self, client: t.Any, move: Move, patience: Patience) -> None:
        self.move = move
        self.result = Result()
        self.done = False
        self._client, self._api, self._patience = client, Api(client), patience
        self._began = time.monotonic()
        self._expire()

    def step(self, view: View) -> None:
        """Looks and does the next thing. An API server that is away is asked again, as long as there is time."""
        try:
            self._step(view)
        except kube_client.ConflictError:
            return  # Somebody changed the object meanwhile: look again.
        except _errors.UnavailableError as error:
            if self._deadline.passed:
                self._finish(failure=str(error))
        except _errors.ClusterError as error:
            self._finish(failure=str(error))

    def _step(self, view: View) -> None:
        raise NotImplementedError

    def _expire(self) -> None:
        """The time for what comes next begins."""
        self._mercy = Deadline(self._patience.unready)
        self._extend(-1)

    def _extend(self, score: int) -> None:
        """It gets on: what takes long because it is large is not stuck."""
        self._best, self._deadline = score, Deadline(self._patience.timeout)

    def _finish(self, failure: str = "") -> None:
        self.result.failure = failure
        self.result.seconds = round(time.monotonic() - self._began, 1)
        self.done = True

    def _unready(self, members: t.Iterable[Member]) -> t.Tuple[Unready, ...]:
        return tuple(Unready(member.pod, why_unready(self._client, member.pod.namespace, member.pod.name)) for member in members)

    def _told(self, pods: progress.Pods) -> t.List[str]:
        """What is wrong with the pods, in their own words. Old ones that wait for the new ones to get ready are nobody's fault."""
        if pods.unready:
            return [f"pod {unready.pod.name}: {unready.reason}" for unready in self._unready(pods.unready[:_MOST_NAMED])]
        return [f"pod {member.pod.name} still has the address {', '.join(member.pod.ips)}" for member in pods.foreign[:_MOST_NAMED]]


class Rollout(Flow):
    """Restarts a workload by its template, waits until all its pods are well, and takes the restart back when they do not get well.

    A pod that was not ready before, and is not now, may keep its controller from replacing the last old ones: those are evicted.
    """

    def __init__(self, client: t.Any, move: Move, patience: Patience) -> None:
        super().__init__(client, move, patience)
        self._target = _workload(move)
        self._reason = ""
        self._rest: t.Optional[Eviction] = None

    def _step(self, view: View) -> None:
        if self._rest is not None:
            self._evicting(self._rest, view)
            return
        resource = view.item(self.move.owner)
        if resource is None:
            self._finish()
            return
        status = progress.status(self.move.owner.kind, resource)
        if status.score > self._best:
            self._extend(status.score)
        if self._reason:
            self._undoing(status, view)
            return
        if not status.rolling and self._settled(status, view):
            return
        if status.stuck or self._deadline.passed:
            self._stuck(resource, status, view)
        elif self._mercy.passed and self.move.ailing:
            self._excuse(status, view)

    def _settled(self, status: progress.Status, view: View) -> bool:
        """No older pod is there: done if the pods are well, else it is restarted, once."""
        pods = self._pods(view)
        if not pods.foreign and status.complete:
            self._finish()
            return True
        if not pods.foreign or self.result.changed:
            return False
        if not self._api.patch(self._target, history.restart(_now())):
            return False
        self.result.changed = True
        self._expire()
        return True

    def _excuse(self, status: progress.Status, view: View) -> None:
        """Pods that were not ready before need not be, once they are on their CNI."""
        pods = self._pods(view)
        if not status.observed or len(pods.unready) > self.move.ailing:
            return
        if pods.foreign:
            self._rest = Eviction(self._client, Move(self.move.owner, EVICT, pods.foreign), self._patience)
            return
        self.result.unready = self._unready(pods.unready)
        self._finish()

    def _evicting(self, rest: Eviction, view: View) -> None:
        rest.step(view)
        if rest.done:
            self.result.evicted, self.result.left = rest.result.evicted, rest.result.left
            self.result.unready = self._unready(self._pods(view).unready)
            self._finish(rest.result.failure)

    def _stuck(self, resource: objects.Raw, status: progress.Status, view: View) -> None:
        reason = self._why(resource, status, view)
        if status.complete:  # Its pods are well but for their addresses, and would be no better for another restart.
            self._finish(reason)
            return
        before = history.before(resource, view.revisions(self.move.owner)) if status.rolling or self.result.changed else None
        if before is not None:
            self._api.patch(self._target, history.undo(before, resource))
            self.result.changed = True
            self._reason = reason
            self._expire()
        elif self.result.changed:
            self.result.undone = "not undone: its history has no earlier template that differs in the restart alone"
            self._finish(reason)
        else:
            told = f"a rollout that was under way before does not end: {reason}; finish it or roll it back, then run this again"
            self.result.left = tuple(Left(member.pod, told) for member in self.move.members)
            self._finish()

    def _undoing(self, status: progress.Status, view: View) -> None:
        if status.complete:
            self.result.undone = "undone: it is as before"
            self._finish(self._reason)
        elif self._deadline.passed:
            unwell = "; ".join(self._told(self._pods(view))) or "its controller does not say why"
            self.result.undone = f"the template is as before, but the pods are not: {unwell}; a pod that stays so has to be deleted by hand"
            self._finish(self._reason)

    def _why(self, resource: objects.Raw, status: progress.Status, view: View) -> str:
        told = [status.stuck, progress.failure(resource.get("status") or {}), *self._warnings(), *self._told(self._pods(view))]
        return "; ".join(dict.fromkeys(filter(None, told))) or f"not done after {self._deadline.seconds:.0f} s, and nobody says why"

    def _warnings(self) -> t.Tuple[str, ...]:
        """The last warning about the workload itself: a pod that cannot be made is in nobody else's words."""
        path = f"/api/v1/namespaces/{self._target.namespace}/events"
        events = self._api.items(path, f"involvedObject.name={self._target.name}") or ()
        return unreadiness.warnings_about(self._target.name, events)[-1:]

    def _pods(self, view: View) -> progress.Pods:
        team = view.team(self.move.owner)
        return progress.pods(team, view.fit())


class Eviction(Flow):
    """Evicts pods one by one, each after the one before has been replaced."""

    def __init__(self, client: t.Any, move: Move, patience: Patience) -> None:
        super().__init__(client, move, patience)
        self._queue = list(move.members)
        self._vacancy: t.Optional[progress.Vacancy] = None

    def _step(self, view: View) -> None:
        if self._vacancy is not None:
            self._replaced(self._vacancy, view)
        elif self._queue:
            self._evict(self._queue[0], view)
        else:
            self._finish()

    def _evict(self, member: Member, view: View) -> None:
        members = view.members(member.pod.namespace)
        now = next((other for other in members if other.pod.uid == member.pod.uid), None)
        if now is None or now.pod.deleting or not view.fit().is_foreign(now.pod):
            self._next()
            return
        vacancy = progress.Vacancy.of(now, members)
        try:
            went = self._api.evict(_pod(member), member.pod.uid)
        except _errors.UnavailableError as error:
            if self._deadline.passed:
                self._give_up(refusal(error, now, view))
            return
        if not went:
            self._next()
            return
        self.result.changed = True
        self.result.evicted += (now.pod,)
        self._vacancy = vacancy
        self._expire()

    def _replaced(self, vacancy: progress.Vacancy, view: View) -> None:
        members = view.members(vacancy.member.pod.namespace)
        state = vacancy.state(members, view.fit(), view.wish(vacancy.member.owner))
        if state is not None and not state.foreign and self._is_ready_enough(vacancy, state):
            self.result.unready += self._unready(state.unready)
            self._next()
        elif self._deadline.passed:
            told = "; ".join(self._told(state)) if state else f"pod {vacancy.member.pod.name} is not gone, or nobody has replaced it"
            self._finish(f"{told}, {self._deadline.seconds:.0f} s after the eviction of {vacancy.member.pod.name}")

    def _is_ready_enough(self, vacancy: progress.Vacancy, state: progress.Pods) -> bool:
        return not state.unready or (self._mercy.passed and not vacancy.member.pod.ready)

    def _next(self) -> None:
        self._queue.pop(0)
        self._vacancy = None
        self._expire()

    def _give_up(self, reason: str) -> None:
        """What forbids one eviction forbids the next one of the same workload, too."""
        self.result.left = tuple(Left(member.pod, reason) for member in self._queue)
        self._finish()


def start(client: t.Any, move: Move, patience: Patience) -> Flow:
    """The move, about to take its first step."""
    return (Rollout if move.way == ROLLOUT else Eviction)(client, move, patience)


def dry_run(client: t.Any, move: Move, view: View) -> t.Tuple[Left, ...]:
    """Has the server try the move and keep nothing of it; returns the pods that it would not let go."""
    api = Api(client)
    if move.way == ROLLOUT:
        api.patch(_workload(move), history.restart(_now()), dry_run=True)
        return ()
    tried = [(member, _try_eviction(api, member)) for member in move.members]
    return tuple(Left(member.pod, refusal(error, member, view)) for member, error in tried if error)


def _try_eviction(api: Api, member: Member) -> t.Optional[_errors.UnavailableError]:
    try:
        api.evict(_pod(member), member.pod.uid, dry_run=True)
    except _errors.UnavailableError as error:
        return error
    return None


def _workload(move: Move) -> ObjectRef:
    return ObjectRef("apps/v1", move.owner.kind, move.owner.name, move.owner.namespace)


def _pod(member: Member) -> ObjectRef:
    return ObjectRef("v1", "Pod", member.pod.name, member.pod.namespace)


def refusal(error: _errors.PodnetError, member: Member, view: View) -> str:
    """Why the pod cannot be evicted, with the budgets that may be the cause."""
    named = "; ".join(view.budgets(member))
    return f"{error.what}{f' ({named})' if named else ''}: make room for a disruption, then run this again"


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
