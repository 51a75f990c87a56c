#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: pod_recreation
short_description: Recreate the pods that still have an address of an earlier CNI
version_added: 0.1.0
description:
  - A pod keeps the address and the device it was born with. After a change of CNI, this module deletes the pods whose address is not
    out of the new CNI's address management, and waits until their controllers have replaced them by ready ones with a good address.
  - The cluster's DNS goes first, then the pods that are ready, then those that are not. It is repeated until no such pod is left.
  - The replacement of a pod that was not ready before either is given O(unready_timeout) to get ready. After that it is named in
    RV(unready) and holds up nothing - a pod that crashed in a loop before a change of CNI does so after it, too.
  - A pod that already has a good address is left alone, and so are pods on the host's network.
  - Pods are deleted with their own grace period, but not evicted - disruption budgets do not hold, since a network that is cut anyway
    leaves nothing to protect.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Where the new CNI is not there yet, every pod that would need an address of it is listed.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  cni:
    description:
      - The CNI that is to serve the pods.
      - With V(calico), an address is good when Calico's address management gave it to that very pod. With V(flannel), when it is of the
        range of the pod's node and Calico did not give it to that pod.
    type: str
    choices: [calico, flannel]
    default: calico
  bare_pods:
    description:
      - What to do with pods that no controller would replace. V(keep) reports them in RV(left); V(delete) deletes them for good.
    type: str
    choices: [keep, delete]
    default: keep
  parallel:
    description: Pods that are deleted at the same time; the next ones follow when these are back.
    type: int
    default: 50
  per_node:
    description: Those of them that are on one node. A node that makes many pods anew at once keeps each of them away for longer.
    type: int
    default: 2
  timeout:
    description: Seconds until all pods must be back. After that the message names the pods that are not, and why.
    type: int
    default: 600
  unready_timeout:
    description: Seconds after which the replacement of a pod that was not ready before either is no longer awaited.
    type: int
    default: 60
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.cni_verification
"""

EXAMPLES = r"""
- name: Recreate the pods that still have flannel's addresses
  podnet.cni.pod_recreation:
    kubeconfig: ~/.kube/config
  register: result

- name: Show the pods that somebody has to look at
  ansible.builtin.debug:
    var: result.left
"""

RETURN = r"""
recreated:
  description: The pods that were deleted to be replaced, or in check mode would be, in this order.
  returned: success
  type: list
  elements: dict
  sample:
    - {namespace: kube-system, name: coredns-674b8bbfcf-abcde, node: n1, address: 10.244.0.2, owner: ReplicaSet coredns-674b8bbfcf}
left:
  description: The pods that keep an address of another CNI, and why.
  returned: success
  type: list
  elements: dict
  sample:
    - {namespace: default, name: debug, node: n2, address: 10.244.1.9, owner: "", reason: "nobody would make it anew"}
unready:
  description: The replacements of pods that were not ready before, as far as they are not ready either, and why. Empty in check mode.
  returned: success
  type: list
  elements: dict
  sample:
    - namespace: default
      name: report-6d8f9c7b5-x2x2x
      node: n2
      address: 10.244.40.130
      owner: ReplicaSet report-6d8f9c7b5
      reason: "container report waiting, CrashLoopBackOff: back-off 5m0s restarting failed container"
kept:
  description: How many pods were as they should be, by reason, before the module did anything.
  returned: success
  type: dict
  sample: {address-of-the-cni: 4, host-network: 12}
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, recreation
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import CALICO, CNIS
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, pods
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_OPTIONS = {
    "cni": {"type": "str", "choices": list(CNIS), "default": CALICO},
    "bare_pods": {"type": "str", "choices": [recreation.KEEP_BARE, recreation.DELETE_BARE], "default": recreation.KEEP_BARE},
    "parallel": {"type": "int", "default": 50},
    "per_node": {"type": "int", "default": 2},
    "timeout": {"type": "int", "default": 600},
    "unready_timeout": {"type": "int", "default": 60},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    for option in ("parallel", "per_node"):
        if params[option] < 1:
            raise _errors.BadInputError("it must be 1 or more", option)
    api = client.get_client(call)
    seen = pods.look(api, params["cni"])
    plan = recreation.plan(seen, params["bare_pods"], params["cni"])
    if call.check_mode:
        outcome = pods.Outcome(plan.pods, left=plan.left)
    elif seen.calico is None and params["cni"] == CALICO:
        raise _errors.BadInputError(
            "Calico's address management is not there, so every pod would be recreated", "cluster", "Install Calico first."
        )
    else:
        settings = pods.Settings(params["bare_pods"], params["parallel"], params["per_node"], params["unready_timeout"], params["cni"])
        outcome = pods.recreate(api, settings, Deadline(params["timeout"]))
    return {
        "changed": bool(outcome.recreated),
        "recreated": [_description(pod) for pod in outcome.recreated],
        "left": [{**_description(left.pod), "reason": left.reason} for left in outcome.left],
        "unready": [{**_description(unready.pod), "reason": unready.reason} for unready in outcome.unready],
        "kept": dict(plan.kept),
        "diff": {"before": _lines(outcome.recreated), "after": ""},
    }


def _description(pod: cluster.Pod) -> t.Dict[str, str]:
    owner = f"{pod.owner_kind} {pod.owner_name}".strip()
    return {"namespace": pod.namespace, "name": pod.name, "node": pod.node, "address": ", ".join(pod.ips), "owner": owner}


def _lines(recreated: t.Iterable[cluster.Pod]) -> str:
    return "".join(f"{pod.namespace}/{pod.name} on {pod.node}: {', '.join(pod.ips)}\n" for pod in recreated)


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
