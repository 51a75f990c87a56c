# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recreates pods: deletes them batch by batch and waits until their controllers have made good ones again.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, cluster, objects, recreation, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._kube import collect, writes
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_CRD = "/apis/crd.projectcalico.org/v1"

#: Where a controller of that kind says how many pods it wants.
_WISHES = {
    "ReplicaSet": ("/apis/apps/v1/namespaces/{}/replicasets/{}", ("spec", "replicas")),
    "StatefulSet": ("/apis/apps/v1/namespaces/{}/statefulsets/{}", ("spec", "replicas")),
    "DaemonSet": ("/apis/apps/v1/namespaces/{}/daemonsets/{}", ("status", "desiredNumberScheduled")),
    "ReplicationController": ("/api/v1/namespaces/{}/replicationcontrollers/{}", ("spec", "replicas")),
}

#: Pods named in the message of a timeout.
_MOST_NAMED = 10


def look(client: t.Any) -> cluster.ClusterSnapshot:
    """The pods and Calico's IPAM, and nothing else: this is asked again and again."""
    api = collect.Api(client.client)
    # Pods first: an address given in between then counts as given.
    pods = tuple(map(objects.pod, api.items("/api/v1/pods") or []))
    return cluster.ClusterSnapshot(pods=pods, calico=calico.discover((), api.items(f"{_CRD}/ippools"), api.items(f"{_CRD}/ipamblocks"), ()))


def recreate(client: t.Any, bare_pods: str, parallel: int, deadline: Deadline) -> t.Tuple[cluster.Pod, ...]:
    """Recreates until no pod is left to recreate; returns the pods that were deleted."""
    done: t.List[cluster.Pod] = []
    plan = recreation.plan(look(client), bare_pods)
    while plan.pods:
        if deadline.passed:
            raise _errors.ClusterError(f"after {deadline.seconds:.0f} s pods with a foreign address still appear: {_names(plan.pods)}")
        for tier in plan.tiers:
            for batch in recreation.batches(tier.pods, parallel):
                _recreate_batch(client, batch, f"tier {tier.name}", deadline)
                done += batch
        plan = recreation.plan(look(client), bare_pods)
    return tuple(done)


def _recreate_batch(client: t.Any, batch: t.Sequence[cluster.Pod], where: str, deadline: Deadline) -> None:
    task = recreation.Batch.of(batch, look(client))
    for pod in batch:
        writes.delete(client, cluster.ObjectRef("v1", "Pod", pod.name, pod.namespace), pod.uid)
    state = deadline.poll(lambda: _progress(client, task), lambda progress: progress.is_done)
    if not state.is_done:
        raise _errors.ClusterError(
            f"not all pods are back after {deadline.seconds:.0f} s: {_describe(client, state)}",
            where,
            "Repair what these pods say, then run this again: it goes on where it stopped.",
        )


def _progress(client: t.Any, task: recreation.Batch) -> recreation.Progress:
    """How far the batch is. An owner that seems to lack pods may have been scaled down or deleted meanwhile: it is asked."""
    seen = look(client)
    progress = task.progress(seen)
    if not progress.missing:
        return progress
    return task.capped({owner: _wish(client, owner) for owner in progress.missing}).progress(seen)


def _describe(client: t.Any, progress: recreation.Progress) -> str:
    shown = [f"{pod.namespace}/{pod.name}: {_why(client, pod)}" for pod in progress.pods[:_MOST_NAMED]]
    missing = [f"{owner} lacks {count} pods" for owner, count in progress.missing.items()]
    more = [f"{len(progress.pods) - _MOST_NAMED} more"] if len(progress.pods) > _MOST_NAMED else []
    return "; ".join([*shown, *missing, *more])


def _why(client: t.Any, pod: cluster.Pod) -> str:
    if pod.ready and not pod.deleting:
        return f"ready, but its address {', '.join(pod.ips)} is not out of Calico's IPAM"
    return why_unready(client, pod.namespace, pod.name)


def _wish(client: t.Any, owner: recreation.Owner) -> t.Optional[int]:
    """How many pods the owner wants now, 0 when it is gone; None when its kind does not tell."""
    if owner.kind not in _WISHES:
        return None
    path, (part, key) = _WISHES[owner.kind]
    found = collect.Api(client.client).item(path.format(owner.namespace, owner.name))
    return int((found.get(part) or {}).get(key) or 0) if found else 0


def why_unready(client: t.Any, namespace: str, name: str) -> str:
    """In the pod's own words, or in those of the last warning about it, why it is not ready."""
    api = collect.Api(client.client)
    pod = api.item(f"/api/v1/namespaces/{namespace}/pods/{name}")
    if pod is None:
        return "gone"
    events = api.items(f"/api/v1/namespaces/{namespace}/events") or ()
    return unreadiness.reason(pod, unreadiness.warnings_about(name, events))


def _names(pods: t.Sequence[cluster.Pod]) -> str:
    names = [f"{pod.namespace}/{pod.name}" for pod in pods]
    return ", ".join(names[:_MOST_NAMED]) + (f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else "")
