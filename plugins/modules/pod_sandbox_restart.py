#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_sandbox_restart
short_description: Give pods a new sandbox, and so another address, where they are
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - A pod's network belongs to its sandbox. This module ends the sandboxes of pods on this node, and waits until kubelet has made new ones,
    with the CNI that the runtime has loaded by then, and their containers run again.
  - The pod stays the same object on the same node, with its name, its volumes and what is in its C(emptyDir). It gets another address,
    and its containers are restarted once.
  - It is for pods that nobody would replace, or that must not leave their node. For others M(podnet.cni.workload_rollout) is better.
  - It is the process that holds the sandbox that is ended. The containers go on with their network until kubelet ends them, with their
    C(preStop) hooks and in the time that their pod gives them.
  - A sandbox that does not have one of the addresses that its pod is to lose is left alone, so a run that was killed can be repeated.
  - Runs on the nodes. A pod without a sandbox on the node is skipped.
requirements:
  - root on the node
  - a container runtime with a CRI socket, such as containerd or CRI-O
options:
  pods:
    description: The pods, as RV(podnet.cni.workload_rollout#module:in_place) names them.
    type: list
    elements: dict
    required: true
    suboptions:
      namespace:
        description: The pod's namespace.
        type: str
        required: true
      name:
        description: The pod's name.
        type: str
        required: true
      uid:
        description: The pod's uid. Another pod of this name is not touched.
        type: str
        required: true
      addresses:
        description: The addresses it is to lose. A sandbox that has none of them is left alone.
        type: list
        elements: str
        default: []
      containers:
        description: The containers that have to run afterwards. By default those that run before.
        type: list
        elements: str
        default: []
      restart_policy:
        description: The pod's restart policy. A pod with V(Never) would end, so the module refuses it.
        type: str
        choices: [Always, OnFailure, Never]
        default: Always
      node:
        description: The name of its node. Not looked at, as the runtime knows which pods are here.
        type: str
  keep_networks:
    description: A sandbox whose addresses are all inside these networks is left alone. Needed where a pod has no O(pods[].addresses).
    type: list
    elements: str
    default: []
  parallel:
    description: Pods that are restarted at the same time on this node; the next ones follow when these are back.
    type: int
    default: 1
  timeout:
    description: Seconds until a pod must be back, beyond the time that it gives its containers to end.
    type: int
    default: 120
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - A PodDisruptionBudget does not count.
  - Where the runtime does not tell which process holds the sandbox, the sandbox is stopped by the runtime. Its containers are then killed
    at once, and kubelet may count their restart twice.
  - Whether a pod gets ready is not waited for, as only the API server knows.
seealso:
  - module: podnet.cni.workload_rollout
"""

EXAMPLES = r"""
- name: Find out which pods have to be restarted in place
  podnet.cni.workload_rollout:
    kubeconfig: ~/.kube/config
  delegate_to: localhost
  run_once: true
  register: rollout

- name: Restart those of this node
  podnet.cni.pod_sandbox_restart:
    pods: "{{ rollout.in_place }}"

- name: Restart one pod unless its address is of Calico's range
  podnet.cni.pod_sandbox_restart:
    pods:
      - namespace: default
        name: debug
        uid: 0c1de7a2-6a4b-4d8c-8a53-1d4f0f7ad0f2
    keep_networks: [10.244.1.192/26]
"""

RETURN = r"""
pods:
  description: What became of each pod.
  returned: success
  type: list
  elements: dict
  contains:
    namespace:
      description: The pod's namespace.
      type: str
      sample: default
    name:
      description: The pod's name.
      type: str
      sample: debug
    uid:
      description: The pod's uid.
      type: str
      sample: 0c1de7a2-6a4b-4d8c-8a53-1d4f0f7ad0f2
    action:
      description:
        - V(restart) if its sandbox was restarted, or in check mode would be. V(await) if it had moved before, or was about to, and was
          waited for. V(keep) if it has nothing to lose. V(absent) if it is not on this node.
      type: str
      sample: restart
    reason:
      description: Why.
      type: str
      sample: its sandbox has the address 10.244.1.7
    addresses:
      description: The addresses of its sandbox afterwards. In check mode those it has.
      type: list
      elements: str
      sample: [10.244.1.193]
    seconds:
      description:
        - How long the pod was away, from the end of its first container until all run again.
        - 0 if it was not restarted, or none of its containers ran.
      type: float
      sample: 2.4
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import in_place
from ansible_collections.podnet.cni.plugins.module_utils._cni.in_place import Decision, Pod, Sandbox
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
from ansible_collections.podnet.cni.plugins.module_utils._node.sandboxes import Runtime

_POD = {
    "namespace": {"type": "str", "required": True},
    "name": {"type": "str", "required": True},
    "uid": {"type": "str", "required": True},
    "addresses": {"type": "list", "elements": "str", "default": []},
    "containers": {"type": "list", "elements": "str", "default": []},
    "restart_policy": {"type": "str", "choices": ["Always", "OnFailure", "Never"], "default": "Always"},
    "node": {"type": "str"},
}


def restart(runtime: Runtime, decisions: t.Sequence[Decision], parallel: int, timeout: int) -> t.Dict[str, float]:
    """Carries the decisions out, some pods at a time; returns how long each was away, by uid."""
    away: t.Dict[str, float] = {}
    active = [decision for decision in decisions if decision.action in (in_place.RESTART, in_place.AWAIT)]
    for start in range(0, len(active), parallel):
        batch = active[start : start + parallel]
        doomed = {decision.pod.uid: decision.sandbox for decision in batch if decision.sandbox and decision.action == in_place.RESTART}
        for sandbox in doomed.values():
            runtime.end(sandbox.id)
        back = wait(runtime, batch, timeout)
        away.update({uid: round(runtime.away(old, back[uid]), 2) for uid, old in doomed.items() if uid in back})
    return away


def wait(runtime: Runtime, batch: t.Sequence[Decision], timeout: int) -> t.Dict[str, Sandbox]:
    """Waits until all of the batch are back; returns their sandboxes by uid."""
    uids = {decision.pod.uid for decision in batch}
    grace = max(decision.sandbox.grace for decision in batch if decision.sandbox)
    seen = Deadline(timeout + grace).poll(
        lambda: runtime.sandboxes(uids), lambda found: not any(in_place.missing(decision, found) for decision in batch)
    )
    told = [(decision.pod, in_place.missing(decision, seen)) for decision in batch]
    absent = "; ".join(f"pod {pod}: {why}" for pod, why in told if why)
    if absent:
        raise NodeError(
            f"not back after {timeout + grace} s: {absent}",
            "this node",
            "See `kubectl describe pod`, repair what it says, then run this again: a pod that has moved is not restarted again.",
        )
    newest = {decision.pod.uid: in_place.newest(decision.pod, seen) for decision in batch}
    return {uid: sandbox for uid, sandbox in newest.items() if sandbox}


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> t.Dict[str, t.Any]:
    """Looks, decides, restarts unless in check mode, and looks again."""
    pods = [_pod(item) for item in params["pods"]]
    networks = params["keep_networks"]
    if params["parallel"] < 1:
        raise BadInputError("it must be 1 or more", "parallel")
    in_place.demand_possible(pods, networks)
    if not pods:
        return {"changed": False, "pods": [], "diff": {"before": "", "after": ""}}
    found = collect.runtime()
    if found.problem:
        raise NodeError(f"the container runtime cannot be asked: {found.problem}", "this node", "Check that it runs.")
    runtime, uids = Runtime(found.socket), {pod.uid for pod in pods}
    before = runtime.sandboxes(uids)
    decisions = [in_place.decide(pod, before, networks) for pod in pods]
    away = {} if check_mode else restart(runtime, decisions, params["parallel"], params["timeout"])
    after = before if check_mode else runtime.sandboxes(uids)
    return {
        "changed": any(decision.action == in_place.RESTART for decision in decisions),
        "pods": [_report(decision, after, away) for decision in decisions],
        "diff": {"before": "", "after": "".join(_line(decision) for decision in decisions if decision.action == in_place.RESTART)},
    }


def _pod(item: t.Mapping[str, t.Any]) -> Pod:
    addresses, containers = tuple(item["addresses"]), tuple(item["containers"])
    return Pod(item["namespace"], item["name"], item["uid"], addresses, item["restart_policy"], containers)


def _report(decision: Decision, sandboxes: t.Iterable[Sandbox], away: t.Mapping[str, float]) -> t.Dict[str, t.Any]:
    pod, sandbox = decision.pod, in_place.newest(decision.pod, sandboxes)
    named = {"namespace": pod.namespace, "name": pod.name, "uid": pod.uid, "action": decision.action, "reason": decision.reason}
    return {**named, "addresses": list(sandbox.addresses) if sandbox else [], "seconds": away.get(pod.uid, 0.0)}


def _line(decision: Decision) -> str:
    return f"new sandbox for {decision.pod}: {decision.reason}\n"


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "pods": {"type": "list", "elements": "dict", "required": True, "options": _POD},
        "keep_networks": {"type": "list", "elements": "str", "default": []},
        "parallel": {"type": "int", "default": 1},
        "timeout": {"type": "int", "default": 120},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
