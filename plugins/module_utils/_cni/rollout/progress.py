# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a rollout or an eviction is, by the workload's own status and by the addresses of its pods.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member


@dataclasses.dataclass(frozen=True)
class Status:
    """What a workload says of its rollout.

    ``observed``: its controller has seen the newest template. ``rolling``: there are pods of an older template, or too few of the newest.
    ``complete``: all its pods are of the newest and available. ``stuck``: why its controller gave up; empty while it goes on.
    ``score`` grows as long as it gets on.
    """

    observed: bool
    rolling: bool
    complete: bool
    stuck: str = ""
    score: int = 0


def status(kind: str, resource: objects.Raw) -> Status:
    """The status of a Deployment, StatefulSet or DaemonSet; what `kubectl rollout status` looks at."""
    spec, told = resource.get("spec") or {}, resource.get("status") or {}
    observed = int(told.get("observedGeneration") or 0) >= int(objects.metadata(resource).get("generation") or 0)
    counts = _COUNTS[kind](spec, told)
    updated, available = counts.updated >= counts.wanted and not counts.older, counts.available >= counts.wanted
    if not observed:
        return Status(observed=False, rolling=True, complete=False)
    return Status(observed, not updated, updated and available, _stuck(told), counts.updated + counts.available)


@dataclasses.dataclass(frozen=True)
class _Counts:
    """Pods that are wanted, of the newest template, available; and whether there are older ones."""

    wanted: int
    updated: int
    available: int
    older: bool = False


def _deployment(spec: objects.Raw, told: objects.Raw) -> _Counts:
    wanted, updated = _wanted(spec), _number(told, "updatedReplicas")
    return _Counts(wanted, updated, _number(told, "availableReplicas"), _number(told, "replicas") > updated)


def _stateful_set(spec: objects.Raw, told: objects.Raw) -> _Counts:
    # Once all are updated, the controller calls the newest revision the current one, and some versions count none as updated.
    older = told.get("updateRevision") != told.get("currentRevision")
    updated = _number(told, "updatedReplicas") if older else _wanted(spec)
    return _Counts(_wanted(spec), updated, _number(told, "readyReplicas"), older)


def _daemon_set(_spec: objects.Raw, told: objects.Raw) -> _Counts:
    return _Counts(_number(told, "desiredNumberScheduled"), _number(told, "updatedNumberScheduled"), _number(told, "numberAvailable"))


_COUNTS: t.Mapping[str, t.Callable[[objects.Raw, objects.Raw], _Counts]] = {
    "Deployment": _deployment,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
}


def _wanted(spec: objects.Raw) -> int:
    replicas = spec.get("replicas")
    return 1 if replicas is None else int(replicas)


def _number(told: objects.Raw, key: str) -> int:
    return int(told.get(key) or 0)


def _stuck(told: objects.Raw) -> str:
    """A Deployment's own word that it gave up. That pods cannot be made may pass, so that alone is not the end."""
    conditions = {item.get("type"): item for item in told.get("conditions") or ()}
    given_up = conditions.get("Progressing") or {}
    if given_up.get("reason") != "ProgressDeadlineExceeded":
        return ""
    return " ".join(filter(None, [given_up.get("message", ""), failure(told)]))


def failure(told: objects.Raw) -> str:
    """Why a Deployment cannot make pods, in its own words."""
    found: objects.Raw = next((item for item in told.get("conditions") or () if item.get("type") == "ReplicaFailure"), {})
    return str(found.get("message", "")) if found.get("status") == "True" else ""


@dataclasses.dataclass(frozen=True)
class Pods:
    """The living pods of one workload: those off their CNI and those that are not ready."""

    foreign: t.Tuple[Member, ...]
    unready: t.Tuple[Member, ...]


def pods(members: t.Iterable[Member], fit: Fit) -> Pods:
    """Those among ``members`` that keep a rollout from being done. A pod that is going does not."""
    living = [member for member in members if not member.pod.deleting and member.pod.phase not in ("Succeeded", "Failed")]
    return Pods(
        tuple(member for member in living if fit.is_foreign(member.pod)), tuple(member for member in living if not member.pod.ready)
    )


@dataclasses.dataclass(frozen=True)
class Vacancy:
    """A pod that was evicted, and what its owner had then: ``known`` pods by uid, and how many ``wanted`` to live."""

    member: Member
    known: t.FrozenSet[str]
    wanted: int

    @classmethod
    def of(cls, member: Member, members: t.Iterable[Member]) -> Vacancy:
        """The vacancy that ``member`` will leave among ``members``."""
        siblings = _living(members, member.owner)
        return cls(member, frozenset(sibling.pod.uid for sibling in siblings), len(siblings) if member.owner else 0)

    def state(self, members: t.Sequence[Member], fit: Fit, wish: t.Optional[int]) -> t.Optional[Pods]:
        """What is wrong with the new pods of the owner; None while the old one is there or a new one is missing.

        ``wish`` is how many pods the owner wants now, which may be fewer than before; None when it does not tell.
        """
        wanted = self.wanted if wish is None else min(self.wanted, wish)
        living = _living(members, self.member.owner) if self.member.owner else []
        if any(member.pod.uid == self.member.pod.uid for member in members) or len(living) < wanted:
            return None
        return pods([member for member in living if member.pod.uid not in self.known], fit)


def _living(members: t.Iterable[Member], owner: t.Optional[Owner]) -> t.List[Member]:
    return [
        member
        for member in members
        if member.owner == owner and not member.pod.deleting and member.pod.phase not in ("Succeeded", "Failed")
    ]


def wish(kind: str, resource: t.Optional[objects.Raw]) -> t.Optional[int]:
    """How many pods a controller wants, 0 when it is gone; None when its kind does not tell."""
    if resource is None:
        return 0
    if kind == "DaemonSet":
        return _number(resource.get("status") or {}, "desiredNumberScheduled")
    return _wanted(resource.get("spec") or {}) if kind in ("ReplicaSet", "StatefulSet", "ReplicationController") else None
