# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recreates pods: deletes them batch by batch and waits until their controllers have made good ones again.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, cluster, objects, recreation, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import CALICO, FLANNEL
from ansible_collections.podnet.cni.plugins.module_utils._kube import collect
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

#: Where a controller of that kind says how many pods it wants.
_WISHES = {
    "ReplicaSet": ("/apis/apps/v1/namespaces/{}/replicasets/{}", ("spec", "replicas")),
    "StatefulSet": ("/apis/apps/v1/namespaces/{}/statefulsets/{}", ("spec", "replicas")),
    "DaemonSet": ("/apis/apps/v1/namespaces/{}/daemonsets/{}", ("status", "desiredNumberScheduled")),
    "ReplicationController": ("/api/v1/namespaces/{}/replicationcontrollers/{}", ("spec", "replicas")),
}

#: Where a CNI has its pods' addresses from.
_SOURCES = {CALICO: "Calico's IPAM", FLANNEL: "its node's range, or was given by Calico"}

#: Pods named in the message of a timeout.
_MOST_NAMED = 10


@dataclasses.dataclass(frozen=True)
class Settings:
    """What to do with bare pods, how many pods to delete at a time, how long to wait for what was not ready before either, and for whom."""

    bare_pods: str
    parallel: int
    per_node: int
    unready_timeout: float
    cni: str = CALICO


@dataclasses.dataclass(frozen=True)
class Unready:
    """A pod that was recreated and is not ready, as it was before, and why."""

    pod: cluster.Pod
    reason: str


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The pods that were deleted, those of their successors that do not get ready, and the pods that stay and need a person."""

    recreated: t.Tuple[cluster.Pod, ...] = ()
    unready: t.Tuple[Unready, ...] = ()
    left: t.Tuple[recreation.Left, ...] = ()


def look(client: t.Any, cni: str = CALICO) -> cluster.ClusterSnapshot:
    """The pods and Calico's IPAM, for flannel also the nodes' ranges, and nothing else: this is asked again and again."""
    api = Api(client)
    nodes = tuple(map(objects.node, api.items("/api/v1/nodes") or [])) if cni == FLANNEL else ()
    # Pods first: an address given in between then counts as given.
    pods = tuple(map(objects.pod, api.items("/api/v1/pods") or []))
    blocks = api.items(f"{collect.CALICO}/ipamblocks")
    ipam = None if blocks is None else cluster.Calico(blocks=calico.ipam_blocks(blocks))
    return cluster.ClusterSnapshot(nodes=nodes, pods=pods, calico=ipam)


def recreate(client: t.Any, settings: Settings, deadline: Deadline) -> Outcome:
    """Recreates until no pod is left to recreate."""
    done: t.List[cluster.Pod] = []
    excused: t.Set[str] = set()
    while True:
        seen = look(client, settings.cni)
        plan = recreation.plan(seen, settings.bare_pods, settings.cni)
        if not plan.pods:
            return Outcome(tuple(done), _unready(client, seen, excused), plan.left)
        if done and deadline.passed:
            raise _errors.ClusterError(f"after {deadline.seconds:.0f} s pods with a foreign address still appear: {_names(plan.pods)}")
        for tier in plan.tiers:
            for batch in recreation.batches(tier.pods, settings.parallel, settings.per_node):
                excused |= _recreate_batch(client, batch, tier.name, settings, deadline)
            done += tier.pods


def _recreate_batch(client: t.Any, pods: t.Sequence[cluster.Pod], tier: str, settings: Settings, deadline: Deadline) -> t.Set[str]:
    """Deletes the pods and waits for their successors; returns the uids of those that need not get ready."""
    api = Api(client)
    batch = recreation.Batch.of(pods, look(client), settings.cni)
    for pod in pods:
        api.delete(cluster.ObjectRef("v1", "Pod", pod.name, pod.namespace), pod.uid)
    patience = Deadline(settings.unready_timeout)
    state = deadline.poll(
        lambda: _progress(client, batch),
        lambda progress: progress.is_done or (progress.is_enough and patience.passed),
    )
    if not state.is_enough:
        raise _errors.ClusterError(
            f"not all pods are back after {deadline.seconds:.0f} s: {_describe(client, state, settings.cni)}",
            f"tier {tier}",
            "Repair what these pods say, then run this again: it goes on where it stopped.",
        )
    return {pod.uid for pod in state.excused}


def _progress(client: t.Any, batch: recreation.Batch) -> recreation.Progress:
    """How far the batch is. An owner that seems to lack pods may have been scaled down or deleted meanwhile: it is asked."""
    seen = look(client, batch.cni)
    progress = batch.progress(seen)
    # While old pods are still going, their successors may well be on the way: no need to ask yet.
    if progress.pods or not progress.missing:
        return progress
    return batch.capped({owner: _wish(client, owner) for owner in progress.missing}).progress(seen)


def _unready(client: t.Any, seen: cluster.ClusterSnapshot, excused: t.AbstractSet[str]) -> t.Tuple[Unready, ...]:
    """Those of the excused pods that are still not ready."""
    pods = [pod for pod in seen.pods if pod.uid in excused and not pod.ready]
    return tuple(Unready(pod, why_unready(client, pod.namespace, pod.name)) for pod in pods)


def _describe(client: t.Any, progress: recreation.Progress, cni: str) -> str:
    shown = [f"{pod.namespace}/{pod.name}: {_why(client, pod, cni)}" for pod in progress.pods[:_MOST_NAMED]]
    missing = [f"{owner} lacks {count} pods" for owner, count in progress.missing.items()]
    more = [f"{len(progress.pods) - _MOST_NAMED} more"] if len(progress.pods) > _MOST_NAMED else []
    return "; ".join([*shown, *missing, *more])


def _why(client: t.Any, pod: cluster.Pod, cni: str) -> str:
    if pod.ready and not pod.deleting:
        return f"ready, but its address {', '.join(pod.ips)} is not out of {_SOURCES[cni]}"
    return why_unready(client, pod.namespace, pod.name)


def _wish(client: t.Any, owner: recreation.Owner) -> t.Optional[int]:
    """How many pods the owner wants now, 0 when it is gone; None when its kind does not tell."""
    if owner.kind not in _WISHES:
        return None
    path, (part, key) = _WISHES[owner.kind]
    found = Api(client).item(path.format(owner.namespace, owner.name))
    return int((found.get(part) or {}).get(key) or 0) if found else 0


def why_unready(client: t.Any, namespace: str, name: str) -> str:
    """In the pod's own words, or in those of the last warning about it, why it is not ready."""
    api = Api(client)
    pod = api.item(f"/api/v1/namespaces/{namespace}/pods/{name}")
    if pod is None:
        return "gone"
    events = api.items(f"/api/v1/namespaces/{namespace}/events", f"involvedObject.name={name}") or ()
    return unreadiness.reason(pod, unreadiness.warnings_about(name, events))


def _names(pods: t.Sequence[cluster.Pod]) -> str:
    names = [f"{pod.namespace}/{pod.name}" for pod in pods]
    return ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
