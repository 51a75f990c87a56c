# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a move of pods onto a CNI: who is there, what is wished, what is planned.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, Node, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Left, Owner

#: Ways to move a pod, the most careful one first: where the pods of one workload wish for different ways, it counts.
LEAVE, IN_PLACE, EVICT, ROLLOUT = "leave", "in-place", "evict", "rollout"
WAYS = (LEAVE, IN_PLACE, EVICT, ROLLOUT)

#: Annotation or label with which a namespace, a workload or a pod says how it is to be moved.
WISH = "podnet.io/move"

#: Workloads whose template can be changed so that their controller replaces the pods.
ROLLING = ("Deployment", "StatefulSet", "DaemonSet")


@dataclasses.dataclass(frozen=True)
class Policy:
    """The way of each class of pods where nobody wishes for another one; ``namespaces`` are wishes that come with the run.

    ``scratch`` says whether an eviction may lose what is in emptyDir volumes.
    """

    default: str = ROLLOUT
    bare: str = IN_PLACE
    job: str = IN_PLACE
    local_volume: str = IN_PLACE
    small_cluster: str = IN_PLACE
    other: str = EVICT
    namespaces: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    scratch: bool = False


@dataclasses.dataclass(frozen=True)
class Member:
    """A pod and what decides how it can be moved.

    ``scratch`` are its volumes that go with it, ``running`` the containers that run. ``grace`` are the seconds that it was given to end,
    where it was told to.
    """

    pod: Pod
    scratch: t.Tuple[str, ...] = ()
    running: t.Tuple[str, ...] = ()
    wish: str = ""
    grace: t.Optional[int] = None

    @property
    def owner(self) -> t.Optional[Owner]:
        """The pod's own controller; none for a bare pod."""
        return Owner(self.pod.namespace, self.pod.owner_kind, self.pod.owner_name) if self.pod.owner_kind else None


@dataclasses.dataclass(frozen=True)
class Workload:
    """A controller of pods. ``held`` says why a changed template would not replace them, or is empty; ``rolling`` that it just does.

    ``ordered``: it makes no further pod as long as one is not ready.
    """

    ref: Owner
    replicas: int = 0
    wish: str = ""
    held: str = ""
    rolling: bool = False
    ordered: bool = False


@dataclasses.dataclass(frozen=True)
class Selector:
    """Pods of a namespace by their labels; without any labels none."""

    namespace: str
    labels: t.Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Scene:
    """One cluster as far as it decides how pods move.

    ``parents`` are the controllers of controllers, a Deployment's ReplicaSets above all; ``namespaces`` their wishes;
    ``local_claims`` the claims (``namespace/name``) whose volume is on one node; ``hooks`` the pods behind admission webhooks;
    ``misspelt`` the objects whose wish is not one of `WAYS`; ``agents`` when flanneld was started on each node.
    """

    nodes: t.Tuple[Node, ...] = ()
    members: t.Tuple[Member, ...] = ()
    workloads: t.Mapping[Owner, Workload] = dataclasses.field(default_factory=dict)
    parents: t.Mapping[Owner, Owner] = dataclasses.field(default_factory=dict)
    namespaces: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    local_claims: t.FrozenSet[str] = frozenset()
    hooks: t.Tuple[Selector, ...] = ()
    misspelt: t.Tuple[str, ...] = ()
    calico: t.Optional[Calico] = None
    agents: t.Mapping[str, float] = dataclasses.field(default_factory=dict)

    def workload_of(self, member: Member) -> t.Optional[Owner]:
        """Who is to be asked for new pods: the controller of the pod's controller where it has one."""
        owner = member.owner
        return self.parents.get(owner, owner) if owner else None


@dataclasses.dataclass(frozen=True)
class Move:
    """The pods of one workload, or one bare pod, and the way they are moved.

    ``owner`` is the workload, or names the bare pod. ``notes`` say what an operator should know before. ``under_way``: a rollout that
    somebody, perhaps a run that was killed, has begun; it is awaited.
    """

    owner: Owner
    way: str
    members: t.Tuple[Member, ...]
    notes: t.Tuple[str, ...] = ()
    under_way: bool = False

    @property
    def ailing(self) -> int:
        """How many of the pods to move are not ready: so many of the new ones need not be, either."""
        return sum(1 for member in self.members if not member.pod.ready)


@dataclasses.dataclass(frozen=True)
class Tier:
    """Moves that are made together, before any of the next tier; unless that does not wait for them (``holds``)."""

    name: str
    moves: t.Tuple[Move, ...]
    holds: bool = True


@dataclasses.dataclass(frozen=True)
class Plan:
    """``tiers`` in order, without empty ones; ``left`` are the pods that stay and why."""

    tiers: t.Tuple[Tier, ...] = ()
    left: t.Tuple[Left, ...] = ()

    def moves(self, *ways: str) -> t.Tuple[Move, ...]:
        """The moves of these ways, in order."""
        return tuple(move for tier in self.tiers for move in tier.moves if move.way in ways)
