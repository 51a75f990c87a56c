# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about what runs: webhooks that would refuse new pods, budgets that forbid a move, pods that do not move by themselves.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import MIGRATING, Situation

_FINISHED = ("Succeeded", "Failed")

#: Seconds matter only to pods that somebody owns; these owners make a new pod when one goes.
_OWNERS_THAT_REPLACE = ("ReplicaSet", "ReplicationController", "StatefulSet", "DaemonSet")


def webhooks(at: Situation) -> t.Iterator[checks.Check]:
    """Without an answer of theirs the API server refuses what the change writes, new pods first of all."""
    silent = [hook for hook in at.cluster.webhooks if not hook.endpoints]
    waiting = [hook for hook in at.cluster.webhooks if _waits_for_itself(at, hook)]
    if silent:
        # In the middle of a migration their pods may be those that wait for a network.
        answer = checks.warned if at.state == MIGRATING else checks.failed
        yield answer(
            "webhooks-answer",
            f"no ready endpoint behind {checks.counted(len(silent), 'admission webhook')} without whose answer all is refused",
            _configurations(silent),
            "Mend the workload behind the Service, or delete the configuration if nobody needs it any more.",
            map(_told, silent),
        )
    elif waiting:
        yield checks.warned(
            "webhooks-answer",
            f"{checks.counted(len(waiting), 'admission webhook')} must answer for all pods, and a cutover takes all pods away together",
            _configurations(waiting),
            "Exempt the namespace of the webhook's own pods, unless they run on their node's network: no pod could begin.",
            map(_told, waiting),
        )
    else:
        number = checks.counted(len(at.cluster.webhooks), "webhook")
        yield checks.passed("webhooks-answer", f"{number} must answer, none is without a ready endpoint")


def _waits_for_itself(at: Situation, hook: cluster.Webhook) -> bool:
    return at.wanted.strategy == "cutover" and "pods" in hook.stops and not hook.selective


def _configurations(hooks: t.Iterable[cluster.Webhook]) -> str:
    return checks.shortened(list(dict.fromkeys(f"{hook.kind} {hook.configuration}" for hook in hooks)))


def budgets(at: Situation) -> t.Iterator[checks.Check]:
    tight = [item for item in at.cluster.budgets if item.expected and not item.allowed]
    if not tight:
        yield checks.passed("budgets-allow", f"{checks.counted(len(at.cluster.budgets), 'PodDisruptionBudget')}, none forbids a disruption")
        return
    yield checks.warned(
        "budgets-allow",
        f"no disruption is allowed now by {checks.counted(len(tight), 'PodDisruptionBudget')}",
        checks.shortened([f"{item.namespace}/{item.name}" for item in tight]),
        "Their pods are not evicted as long as this is so. Give the workload another replica, or let a rollout move it.",
        [f"{item.namespace}/{item.name}: {item.healthy} of {item.expected} pods healthy" for item in tight],
    )


def bare_pods(at: Situation) -> t.Iterator[checks.Check]:
    bare = [pod for pod in _on_the_pod_network(at) if not pod.owner_kind]
    yield from _listed(
        bare,
        "bare-pods",
        "without a controller: nobody makes them again",
        "Delete those that nobody needs. The others can only be restarted where they are; what they keep in an emptyDir may be lost.",
        "every pod has a controller",
    )


def unrestarted(at: Situation) -> t.Iterator[checks.Check]:
    """kubelet does not restart such a pod when its network is made anew: it ends, or fails."""
    once = [pod for pod in _on_the_pod_network(at) if pod.restart_policy == "Never"]
    yield from _listed(
        once,
        "pods-restartable",
        "with restartPolicy Never: they cannot be moved, only end",
        "Let them finish before the change, or start them again after it.",
        "no pod has restartPolicy Never",
    )


def local_volumes(at: Situation) -> t.Iterator[checks.Check]:
    local = set(at.cluster.local_claims)
    bound = [pod for pod in _on_the_pod_network(at) if any(f"{pod.namespace}/{claim}" in local for claim in pod.claims)]
    yield from _listed(
        bound,
        "local-volumes",
        "with a volume that is on their node only: no other node can run them",
        "Leave room for them on their node: they are restarted there. A node that is cordoned cannot take them back.",
        "no pod has one",
    )


def empty_dirs(at: Situation) -> t.Iterator[checks.Check]:
    """Ordinary and meant to be lost, so it is only said how many there are."""
    held = [pod for pod in _on_the_pod_network(at) if pod.empty_dirs and pod.owner_kind in _OWNERS_THAT_REPLACE]
    if held:
        names = [f"{pod.namespace}/{pod.name}" for pod in held]
        yield checks.noted(
            "empty-dirs", f"an emptyDir ends with {checks.counted(len(held), 'pod')} when they are replaced: {checks.shortened(names)}"
        )
    else:
        yield checks.passed("empty-dirs", "no pod that is replaced has one")


def unwell(at: Situation) -> t.Iterator[checks.Check]:
    """So that nobody takes what was broken before for the change's doing."""
    sick = [pod for pod in at.cluster.pods if not pod.ready and not pod.deleting and pod.phase not in _FINISHED]
    if sick:
        details = [f"{pod.namespace}/{pod.name}: {pod.trouble or pod.phase or 'not ready'}" for pod in sick]
        yield checks.noted(
            "pods-ready-before", f"not ready before the change: {len(sick)} of {checks.counted(len(at.cluster.pods), 'pod')}", "", details
        )
    else:
        yield checks.passed("pods-ready-before", f"all of {checks.counted(len(at.cluster.pods), 'pod')}")


def _on_the_pod_network(at: Situation) -> t.Iterator[cluster.Pod]:
    """The pods that have to move. A static pod's owner is its Node."""
    for pod in at.cluster.pods:
        if not pod.host_network and pod.phase not in _FINISHED and pod.owner_kind != "Node" and not pod.deleting:
            yield pod


def _listed(pods: t.Sequence[cluster.Pod], name: str, seen: str, next_step: str, well: str) -> t.Iterator[checks.Check]:
    if not pods:
        yield checks.passed(name, well)
        return
    details = [f"{pod.namespace}/{pod.name} on {pod.node or 'no node'}{_kept(pod)}" for pod in pods]
    yield checks.warned(
        name, f"{checks.counted(len(pods), 'pod')} {seen}", checks.shortened(sorted({pod.namespace for pod in pods})), next_step, details
    )


def _kept(pod: cluster.Pod) -> str:
    kept = [*(f"emptyDir {volume}" for volume in pod.empty_dirs), *(f"claim {claim}" for claim in pod.claims)]
    return f" ({', '.join(kept)})" if kept else ""


def _told(hook: cluster.Webhook) -> str:
    reach = "some" if hook.selective else "all"
    return f"{hook.kind} {hook.configuration}: {hook.name} of Service {hook.service} is asked about {reach} {', '.join(hook.stops)}"
