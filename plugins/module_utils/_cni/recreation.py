# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recreation: pods keep the address of the CNI that made them, so after a change of CNI most of them must be made anew.

Decides which pods, in which order, and says of every other one why it stays. Pure: no I/O; ``_kube.pods`` deletes and waits.
Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ClusterSnapshot, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import CALICO, Fit

#: What is to happen with bare pods, which nobody makes anew.
KEEP_BARE = "keep"
DELETE_BARE = "delete"

# Reasons to leave a pod alone although its address is foreign: a person has to act.
_BARE = "nobody would make it anew: delete and create it by hand, or set bare_pods to delete"
_JOB = "a pod of a Job: deleting it would count as a failure or repeat its work; let it finish or restart the Job"
_STATIC = "a static pod: kubelet keeps it until its manifest on the node changes"

# Reasons that need no action; `kept` counts them.
HOST_NETWORK = "host-network"
FINISHED = "finished"
OWN_ADDRESS = "address-of-the-cni"
NO_ADDRESS = "no-address-yet"
DELETING = "already-being-deleted"


@dataclasses.dataclass(frozen=True)
class Owner:
    """A controller of pods."""

    namespace: str
    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True)
class Tier:
    """Pods to be recreated together, before any of the next tier."""

    name: str
    pods: t.Tuple[Pod, ...]


@dataclasses.dataclass(frozen=True)
class Left:
    """A pod with a foreign address that stays, and why."""

    pod: Pod
    reason: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """``tiers`` in order, without empty ones; ``left`` needs a person; ``kept`` counts the pods that are as they should be."""

    tiers: t.Tuple[Tier, ...] = ()
    left: t.Tuple[Left, ...] = ()
    kept: t.Mapping[str, int] = dataclasses.field(default_factory=dict)

    @property
    def pods(self) -> t.Tuple[Pod, ...]:
        return tuple(pod for tier in self.tiers for pod in tier.pods)


@dataclasses.dataclass(frozen=True)
class Progress:
    """What is still to come: ``pods`` that are not gone, not ready or without an address of the CNI, and pods ``missing`` by owner.

    ``excused`` are new pods with a good address that are not ready, in place of pods that were not ready before either.
    """

    pods: t.Tuple[Pod, ...]
    missing: t.Mapping[Owner, int]
    excused: t.Tuple[Pod, ...] = ()

    @property
    def is_enough(self) -> bool:
        """Whether no pod is in a worse state than before."""
        return not self.pods and not self.missing

    @property
    def is_done(self) -> bool:
        """Whether all pods are well."""
        return self.is_enough and not self.excused


@dataclasses.dataclass(frozen=True)
class Batch:
    """Pods deleted together: ``doomed`` are their uids, ``known`` those of all pods before, ``wanted`` how many pods each owner had.

    ``ailing`` counts by owner the pods of the batch that were not ready before they were deleted. New ones are to be ``cni``'s.
    """

    doomed: t.FrozenSet[str]
    known: t.FrozenSet[str]
    wanted: t.Mapping[Owner, int]
    ailing: t.Mapping[Owner, int]
    cni: str = CALICO

    @classmethod
    def of(cls, pods: t.Iterable[Pod], cluster: ClusterSnapshot, cni: str = CALICO) -> Batch:
        """The batch of ``pods``, in a cluster that still has them."""
        doomed = {pod.uid: _owner(pod) for pod in pods}
        live = _live(cluster)
        wanted = {owner: live[owner] for owner in doomed.values() if owner.kind}
        ailing = collections.Counter(_owner(pod) for pod in cluster.pods if pod.uid in doomed and not pod.ready)
        return cls(frozenset(doomed), frozenset(pod.uid for pod in cluster.pods), wanted, ailing, cni)

    def capped(self, wishes: t.Mapping[Owner, t.Optional[int]]) -> Batch:
        """The same batch, expecting of an owner no more than it wishes for itself; None is no wish."""
        wanted = {owner: _lesser(count, wishes.get(owner)) for owner, count in self.wanted.items()}
        return dataclasses.replace(self, wanted=wanted)

    def progress(self, cluster: ClusterSnapshot) -> Progress:
        """Old pods of the same owners that are not in the batch do not count: their turn comes."""
        fit = _fit(cluster, self.cni)
        live = _live(cluster)
        missing = {owner: count - live[owner] for owner, count in self.wanted.items() if live[owner] < count}
        old = [pod for pod in cluster.pods if pod.uid in self.doomed]
        bad = [pod for pod in cluster.pods if self._is_new(pod) and not _is_good(pod, fit)]
        excused = self._excused(bad, fit)
        return Progress((*old, *(pod for pod in bad if pod not in excused)), missing, excused)

    def _excused(self, pods: t.Iterable[Pod], fit: Fit) -> t.Tuple[Pod, ...]:
        """Those whose only fault is not to be ready, of each owner as many as were not ready before."""
        left = dict(self.ailing)
        excused: t.List[Pod] = []
        for pod in pods:
            if not pod.deleting and _is_served(pod, fit) and left.get(_owner(pod), 0):
                left[_owner(pod)] -= 1
                excused.append(pod)
        return tuple(excused)

    def _is_new(self, pod: Pod) -> bool:
        return pod.uid not in self.known and _owner(pod) in self.wanted


def _is_dns(pod: Pod) -> bool:
    return pod.namespace == "kube-system" and pod.labels.get("k8s-app") == "kube-dns"


# First match wins. Without DNS the rest may not get ready, so DNS goes first; what may never get ready must not keep others waiting.
_TIERS: t.Tuple[t.Tuple[str, t.Callable[[Pod], bool]], ...] = (
    ("dns", _is_dns),
    ("ready", lambda pod: pod.ready),
    ("not ready before", lambda _pod: True),
)


def plan(cluster: ClusterSnapshot, bare_pods: str = KEEP_BARE, cni: str = CALICO) -> Plan:
    """What to recreate so that no pod keeps an address that ``cni`` did not give."""
    fit = _fit(cluster, cni)
    kept: t.Counter[str] = collections.Counter()
    left: t.List[Left] = []
    doomed: t.Dict[str, t.List[Pod]] = {name: [] for name, _belongs in _TIERS}
    for pod in sorted(cluster.pods, key=lambda pod: (pod.namespace, pod.name)):
        fine = _why_fine(pod, fit)
        stays = "" if fine else _why_left(pod, bare_pods)
        if fine:
            kept[fine] += 1
        elif stays:
            left.append(Left(pod, stays))
        else:
            doomed[_tier_of(pod)].append(pod)
    tiers = tuple(Tier(name, tuple(pods)) for name, pods in doomed.items() if pods)
    return Plan(tiers, tuple(left), dict(sorted(kept.items())))


def batches(pods: t.Sequence[Pod], size: int, per_node: int) -> t.Iterator[t.Tuple[Pod, ...]]:
    """``pods`` in pieces of at most ``size``, and of at most ``per_node`` on one node."""
    waiting = list(pods)
    while waiting:
        on: t.Counter[str] = collections.Counter()
        batch: t.List[Pod] = []
        later: t.List[Pod] = []
        for pod in waiting:
            fits = len(batch) < size and on[pod.node] < per_node
            (batch if fits else later).append(pod)
            on[pod.node] += fits
        yield tuple(batch)
        waiting = later


def _fit(cluster: ClusterSnapshot, cni: str) -> Fit:
    return Fit.of(cni, cluster.calico, cluster.nodes)


def _why_fine(pod: Pod, fit: Fit) -> str:
    if pod.host_network:
        return HOST_NETWORK
    if _is_finished(pod):
        return FINISHED
    if pod.deleting:
        return DELETING
    if not pod.ips:
        return NO_ADDRESS
    return OWN_ADDRESS if _is_served(pod, fit) else ""


def _why_left(pod: Pod, bare_pods: str) -> str:
    if pod.owner_kind == "Node":
        return _STATIC
    if pod.owner_kind == "Job":
        return _JOB
    return _BARE if not pod.owner_kind and bare_pods != DELETE_BARE else ""


def _tier_of(pod: Pod) -> str:
    return next(name for name, belongs in _TIERS if belongs(pod))


def _is_served(pod: Pod, fit: Fit) -> bool:
    return pod.host_network or (bool(pod.ips) and not fit.is_foreign(pod))


def _is_finished(pod: Pod) -> bool:
    return pod.phase in ("Succeeded", "Failed")


def _is_good(pod: Pod, fit: Fit) -> bool:
    return _is_finished(pod) or (pod.ready and not pod.deleting and _is_served(pod, fit))


def _live(cluster: ClusterSnapshot) -> t.Counter[Owner]:
    return collections.Counter(_owner(pod) for pod in cluster.pods if not pod.deleting and not _is_finished(pod))


def _lesser(count: int, wish: t.Optional[int]) -> int:
    return count if wish is None else min(count, wish)


def _owner(pod: Pod) -> Owner:
    return Owner(pod.namespace, pod.owner_kind, pod.owner_name)
