#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: workload_rollout
short_description: Move pods onto a CNI by what their owners do best
version_added: 0.1.0
description:
  - A pod keeps the address and the device it was born with. While two CNIs serve a cluster side by side, this module moves the pods
    that are not on O(cni) yet, in a way that clients of theirs need not notice.
  - Deployments, StatefulSets and DaemonSets are restarted as C(kubectl rollout restart) does it, so their own strategy, readiness and
    C(preStop) hooks do their work. A workload of which every pod is on O(cni) is not touched, and none is restarted twice.
  - The cluster's DNS goes first, then what admission webhooks call, then the rest, and at last what was not ready before. All of a tier
    is well before the next one begins. The pods of M(podnet.cni.connectivity_probe) move beside the first, and only the end waits for them.
  - A rollout that does not get on for O(timeout) is undone. Its template becomes what it was, and the module fails and says why, once
    the rollouts under way beside it have ended.
  - Where an update strategy is V(OnDelete) or has a partition, where a Deployment is paused, and where no pod of a workload is ready,
    pods are evicted one by one instead. An eviction respects every PodDisruptionBudget and is never forced.
  - Bare pods, pods of Jobs and pods with a volume on their node are to have their sandbox restarted in place. The module returns them in
    RV(in_place) for M(podnet.cni.pod_sandbox_restart), which does it on their node.
  - It never deletes a pod, and never loses what is in an C(emptyDir) by an eviction unless O(policy.empty_dir) allows it. A rollout loses
    it, as any restart of that workload does; RV(plan) says so.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server tries every restart and eviction in a dry run. Where Calico is not there yet, everything is to move.
  diff_mode:
    support: full
  idempotent:
    support: full
    details: A rollout that is under way, such as that of a run that was killed, is awaited and not begun again.
options:
  cni:
    description:
      - The CNI that is to serve the pods.
      - With V(calico), a pod is there when Calico's address management gave its address to that very pod. With V(flannel), when its address
        is of its node's range and was not given by Calico.
    type: str
    choices: [calico, flannel]
    default: calico
  renew:
    description:
      - Whether pods are moved, too, that are on O(cni) and were made before its agent was started on their node. Pods keep what they were
        made with, such as their MTU.
      - Of a pod whose containers were restarted since, nothing tells that it is older. Only with O(cni=flannel).
    type: bool
    default: false
  namespaces:
    description: Only pods in these namespaces. All by default.
    type: list
    elements: str
    default: []
  nodes:
    description:
      - Only workloads that have a pod to move on these nodes. All by default.
      - A rollout replaces all pods of its workload. Those on other nodes are not looked at.
    type: list
    elements: str
    default: []
  policy:
    description:
      - The way pods are moved, by class. V(rollout) restarts the workload, V(in-place) lists the pod in RV(in_place), V(evict) evicts it,
        and V(leave) lists it in RV(left).
      - An annotation or label C(podnet.io/move) with one of these values counts more, first that of the pod, then of the workload, then
        O(policy.namespaces), then that of the namespace. Where pods of one workload differ, the first of V(leave), V(in-place), V(evict),
        V(rollout) counts.
      - Containers of a pod whose C(restartPolicy) is V(Never) cannot be restarted in place. Such a pod is left. So are static pods.
    type: dict
    default: {}
    suboptions:
      default:
        description: Deployments, StatefulSets and DaemonSets.
        type: str
        choices: [rollout, evict, in-place, leave]
        default: rollout
      bare:
        description: Pods without an owner. An eviction deletes them for good.
        type: str
        choices: [evict, in-place, leave]
        default: in-place
      job:
        description: Pods of Jobs. An eviction repeats their work, or counts as a failure.
        type: str
        choices: [evict, in-place, leave]
        default: in-place
      local_volume:
        description: Workloads with a persistent volume that is bound to one node.
        type: str
        choices: [rollout, evict, in-place, leave]
        default: in-place
      small_cluster:
        description: Workloads with one replica in a cluster of one or two nodes, where a second pod may not find room.
        type: str
        choices: [rollout, evict, in-place, leave]
        default: in-place
      other:
        description: Pods of any other owner, such as a ReplicaSet without a Deployment or a custom resource.
        type: str
        choices: [evict, in-place, leave]
        default: evict
      namespaces:
        description: The way for all pods of a namespace, by its name.
        type: dict
        default: {}
      empty_dir:
        description:
          - What an eviction may do to a pod with an C(emptyDir) or an ephemeral volume. With V(keep), such a pod is restarted in place
            instead, which keeps what is in it.
        type: str
        choices: [keep, delete]
        default: keep
  parallel:
    description: Workloads that are moved at the same time.
    type: int
    default: 5
  timeout:
    description: Seconds that a rollout, or the replacement of an evicted pod, may take without getting on.
    type: int
    default: 600
  unready_timeout:
    description: Seconds after which a pod is no longer awaited in place of one that was not ready before either.
    type: int
    default: 60
  short_grace:
    description:
      - The module waits for old pods to end, since a CNI cannot leave before its last pod. Not for those that were given at most so many
        seconds, if it is not 0. Whoever removes the CNI from the nodes then has to wait for them there, as M(podnet.cni.cni_cleanup)
        does with its O(podnet.cni.cni_cleanup#module:timeout).
    type: int
    default: 0
  deadline:
    description:
      - A moment after which no further move begins, such as the end of a maintenance window. What is under way is finished.
      - UTC, as seconds since the epoch or like V(2026-11-24T22:00:00Z).
    type: str
requirements:
  - kubernetes >= 24.2.0
  - Kubernetes >= 1.22, for evictions
seealso:
  - module: podnet.cni.pod_sandbox_restart
  - module: podnet.cni.pod_recreation
"""

EXAMPLES = r"""
- name: Move all pods onto Calico
  podnet.cni.workload_rollout:
    kubeconfig: ~/.kube/config
    parallel: 3
  register: rollout

- name: Restart in place what has no owner to replace it
  podnet.cni.pod_sandbox_restart:
    pods: "{{ rollout.in_place | selectattr('node', 'eq', inventory_hostname) }}"

- name: Move them with care, and begin nothing after ten in the evening
  podnet.cni.workload_rollout:
    deadline: "2026-11-24T22:00:00Z"
    policy:
      bare: leave
      namespaces:
        databases: in-place

- name: Back onto flannel
  podnet.cni.workload_rollout:
    cni: flannel
"""

RETURN = r"""
moved:
  description: The workloads that were restarted, or whose rollout was under way and awaited, in the order of the plan.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - {kind: Deployment, namespace: kube-system, name: coredns, pods: 2, restarted: true, seconds: 12.4}
evicted:
  description: The pods that were evicted.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - {namespace: default, name: cache-0, node: n2, address: 10.244.1.9, owner: StatefulSet cache}
in_place:
  description:
    - The pods whose sandbox is to be restarted on their node, as M(podnet.cni.pod_sandbox_restart) takes them.
    - C(addresses) are those they are to lose, C(containers) the ones that run.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - namespace: default
      name: debug
      uid: 0c1de7a2-6a4b-4d8c-8a53-1d4f0f7ad0f2
      node: n2
      addresses: [10.244.1.7]
      restart_policy: Always
      containers: [shell]
left:
  description: The pods that stay where they are, and why.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - {namespace: default, name: import-x, node: n3, address: 10.244.2.8, owner: Job import, reason: "its containers are never restarted"}
undone:
  description: The workloads whose restart did not succeed, why, and what became of undoing it.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - kind: Deployment
      namespace: default
      name: web
      reason: "pod web-7d9c6b5f4-x2x2x: container web waiting, ImagePullBackOff"
      undone: "undone: it is as before"
unready:
  description: New pods that are not ready, in place of ones that were not ready before either, and why.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - namespace: default
      name: report-6d8f9c7b5-x2x2x
      node: n2
      address: 10.244.1.130
      owner: ReplicaSet report-6d8f9c7b5
      reason: "container report waiting, CrashLoopBackOff: back-off 5m0s restarting failed container"
deadline_reached:
  description: Whether moves were not begun because O(deadline) had passed.
  returned: success or failure
  type: bool
  sample: false
plan:
  description: What was to be done when the module began, tier by tier.
  returned: success or failure
  type: list
  elements: dict
  sample:
    - tier: dns
      moves:
        - {kind: Deployment, namespace: kube-system, name: coredns, way: rollout, pods: 2, nodes: [n1, n3], under_way: false, notes: []}
"""

import datetime as dt
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import fit, model
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, moves, rollout_view, rollouts

_OWNED = {"type": "str", "choices": [model.ROLLOUT, model.EVICT, model.IN_PLACE, model.LEAVE]}
_UNOWNED = {"type": "str", "choices": [model.EVICT, model.IN_PLACE, model.LEAVE]}
_POLICY = {
    "default": {**_OWNED, "default": model.Policy.default},
    "bare": {**_UNOWNED, "default": model.Policy.bare},
    "job": {**_UNOWNED, "default": model.Policy.job},
    "local_volume": {**_OWNED, "default": model.Policy.local_volume},
    "small_cluster": {**_OWNED, "default": model.Policy.small_cluster},
    "other": {**_UNOWNED, "default": model.Policy.other},
    "namespaces": {"type": "dict", "default": {}},
    "empty_dir": {"type": "str", "choices": ["keep", "delete"], "default": "keep"},
}
_OPTIONS = {
    "cni": {"type": "str", "choices": list(fit.CNIS), "default": fit.CALICO},
    "renew": {"type": "bool", "default": False},
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "policy": {"type": "dict", "options": _POLICY, "default": {}},
    "parallel": {"type": "int", "default": 5},
    "timeout": {"type": "int", "default": 600},
    "unready_timeout": {"type": "int", "default": 60},
    "short_grace": {"type": "int", "default": 0},
    "deadline": {"type": "str"},
}


def act(call: _entry.Call) -> _entry.Result:
    outcome = _move(call)
    if outcome.failures:
        raise _errors.FoundFailingError(_failure(outcome), _report(outcome))
    return _report(outcome)


def _move(call: _entry.Call) -> rollouts.Outcome:
    settings = _settings(call.params)
    api = client.get_client(call)
    planned, has_calico = rollouts.plan(api, settings)
    if call.check_mode:
        return rollouts.predict(api, settings, planned)
    if not has_calico and settings.target.cni == fit.CALICO:
        raise _errors.BadInputError(
            "Calico's address management is not there, so every pod would be moved in vain", "cluster", "Install Calico first."
        )
    return rollouts.run(api, settings, planned)


def _settings(params: t.Mapping[str, t.Any]) -> rollouts.Settings:
    if params["parallel"] < 1:
        raise _errors.BadInputError("it must be 1 or more", "parallel")
    if params["renew"] and params["cni"] != fit.FLANNEL:
        raise _errors.BadInputError("it is for pods of flannel alone", "renew")
    return rollouts.Settings(
        target=rollout_view.Target(params["cni"], tuple(params["nodes"]), params["renew"]),
        policy=_policy(params["policy"]),
        patience=moves.Patience(params["timeout"], params["unready_timeout"]),
        parallel=params["parallel"],
        namespaces=tuple(params["namespaces"]),
        short_grace=params["short_grace"],
        latest=_moment(params["deadline"]) if params["deadline"] else None,
    )


def _policy(params: t.Mapping[str, t.Any]) -> model.Policy:
    ways = {name: value for name, value in params.items() if name in _POLICY and name != "empty_dir" and value is not None}
    wrong = {name: way for name, way in ways.get("namespaces", {}).items() if way not in model.WAYS}
    if wrong:
        told = ", ".join(f"{name}: {way}" for name, way in sorted(wrong.items()))
        raise _errors.BadInputError(f"{told} is no way to move a pod", "policy.namespaces", f"It may be {', '.join(model.WAYS)}.")
    return model.Policy(**ways, scratch=params.get("empty_dir") == "delete")


def _moment(text: str) -> float:
    """The option as seconds since the epoch."""
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError as error:
        advice = "Write it like 2026-11-24T22:00:00Z, or as seconds since the epoch."
        raise _errors.BadInputError(f"{text!r} is no moment", "deadline", advice) from error
    return (moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)).timestamp()


def _report(outcome: rollouts.Outcome) -> t.Dict[str, t.Any]:
    moved = [_moved(move, result) for move, result in outcome.in_order if move.way == model.ROLLOUT and not (result.failure or result.left)]
    return {
        "changed": any(result.changed for _move, result in outcome.finished),
        "moved": moved,
        "evicted": [_pod(pod) for pod in outcome.evicted],
        "in_place": [_in_place(member) for member in outcome.in_place],
        "left": [{**_pod(left.pod), "reason": left.reason} for left in outcome.left],
        "undone": [{**_named(move), "reason": result.failure, "undone": result.undone} for move, result in outcome.failures],
        "unready": [{**_pod(unready.pod), "reason": unready.reason} for unready in outcome.unready],
        "deadline_reached": outcome.deadline_reached,
        "plan": [{"tier": tier.name, "moves": list(map(_planned, tier.moves))} for tier in outcome.plan.tiers],
        "diff": {"before": "", "after": "".join(map(_line, outcome.in_order))},
    }


def _failure(outcome: rollouts.Outcome) -> str:
    told = [f"{move.owner}: {result.failure}" + (f" ({result.undone})" if result.undone else "") for move, result in outcome.failures]
    what = f"{len(told)} of {len(outcome.finished)} moves failed, and no further one was begun: {'; '.join(told)}"
    return str(_errors.ClusterError(what, "", "Repair what this says, then run this again: it goes on where it stopped."))


def _named(move: model.Move) -> t.Dict[str, t.Any]:
    return {"kind": move.owner.kind, "namespace": move.owner.namespace, "name": move.owner.name}


def _moved(move: model.Move, result: moves.Result) -> t.Dict[str, t.Any]:
    return {**_named(move), "pods": len(move.members), "restarted": result.changed, "seconds": result.seconds}


def _planned(move: model.Move) -> t.Dict[str, t.Any]:
    nodes = sorted({member.pod.node for member in move.members})
    more = {"way": move.way, "pods": len(move.members), "nodes": nodes, "under_way": move.under_way, "notes": list(move.notes)}
    return {**_named(move), **more}


def _in_place(member: model.Member) -> t.Dict[str, t.Any]:
    pod = member.pod
    named = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "node": pod.node}
    return {**named, "addresses": list(pod.ips), "restart_policy": pod.restart_policy or "Always", "containers": list(member.running)}


def _pod(pod: cluster.Pod) -> t.Dict[str, str]:
    owner = f"{pod.owner_kind} {pod.owner_name}".strip()
    return {"namespace": pod.namespace, "name": pod.name, "node": pod.node, "address": ", ".join(pod.ips), "owner": owner}


def _line(finished: t.Tuple[model.Move, moves.Result]) -> str:
    move, result = finished
    if move.way == model.ROLLOUT:
        return f"rollout of {move.owner}\n" if result.changed else ""
    return "".join(f"eviction of {pod.namespace}/{pod.name} on {pod.node}\n" for pod in result.evicted)


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
