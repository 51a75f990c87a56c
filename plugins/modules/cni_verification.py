#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_verification
short_description: Prove with real traffic that a cluster's pod network works
version_added: 0.1.0
description:
  - Starts a canary pod and a pod on the host's network on every node, and lets them reach each other in every way that pods and
    hosts do - pod to pod between every pair of nodes, pod to Service by address and by name, host to NodePort and external address -
    and lets a NetworkPolicy drop what it should drop.
  - In a cluster of more than 65 nodes each asks 64 others, spread evenly, and is asked by 64.
  - Each check has an id, a result and what was seen.
  - All objects live in O(namespace), are labelled V(app.kubernetes.io/managed-by=podnet.cni), and are removed at the end, also after a
    failure. What a killed run left is removed by the next one.
  - Runs on the control machine and needs the right to run commands in pods of O(namespace).
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: partial
    details: Checks that put nothing into the cluster are made; the others are returned as skipped, with what they would ask.
  diff_mode:
    support: N/A
  idempotent:
    support: full
    details: RV(ignore:changed) is always V(false), since nothing stays of what the module creates.
options:
  cni:
    description:
      - The CNI that is to serve the pods. V(mixed) is both at once, while Calico comes beside a flannel that lives on.
    type: str
    choices: [calico, flannel, mixed]
    default: calico
  image:
    description:
      - The image of all pods. It needs C(/agnhost), a shell, and C(curl) or C(wget); the Kubernetes project's own test image has them.
    type: str
    default: registry.k8s.io/e2e-test-images/agnhost:2.53
  namespace:
    description: The namespace to create and remove. One that exists without the module's label is an error.
    type: str
    default: podnet-verification
  service:
    description: A Service of yours to reach in every way it offers, on its TCP ports.
    type: dict
    suboptions:
      name:
        description: The Service's name.
        type: str
        required: true
      namespace:
        description: The Service's namespace.
        type: str
        default: default
  snapshots:
    description:
      - RV(podnet.cni.cni_info#module:snapshot) of each node, by node name. Without them V(one-conflist) is skipped.
    type: dict
    default: {}
  external_port:
    description:
      - The port of a Service whose external address is an address of a node. It must be free there - for some seconds, what is sent to
        it on that node's address goes to the canaries.
    type: int
    default: 18080
  timeout:
    description: Seconds until the canaries must be ready, the pull of O(image) included.
    type: int
    default: 180
  settle_timeout:
    description: Seconds that rules of Services and policies have to reach every node. A failing check is repeated for as long.
    type: int
    default: 60
  wait:
    description:
      - Whether to wait at the end until O(namespace) is gone, which takes Kubernetes at least five seconds.
      - Without it, its pods and then the namespace go by themselves within seconds. The next verification waits for that.
    type: bool
    default: true
  fail:
    description: Whether failed checks fail the module.
    type: bool
    default: true
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_preflight
  - module: podnet.cni.pod_recreation
"""

EXAMPLES = r"""
- name: Prove that Calico serves the pods
  podnet.cni.cni_verification:
    kubeconfig: ~/.kube/config
  register: result

- name: Show the evidence
  ansible.builtin.debug:
    var: result.summary

- name: Prove it for a Service of ours too, and go on whatever comes out
  podnet.cni.cni_verification:
    kubeconfig: ~/.kube/config
    service:
      name: myapp
      namespace: demo
    fail: false
"""

RETURN = r"""
checks:
  description:
    - The checks in the order they were made. RV(checks[].result) is V(passed), V(failed) or V(skipped).
    - The ids are V(nodes-ready), V(cni-ready), V(one-conflist), V(canary-ready), V(canary-address), V(canary-veth), V(pod-to-pod),
      V(source-address), V(pod-to-service), V(pod-to-dns-name), V(host-to-nodeport), V(host-to-externalip), V(policy-enforced), and with
      O(service) V(service-clusterip), V(service-nodeport), V(service-externalip), V(service-loadbalancer).
  returned: always, unless the cluster cannot be read
  type: list
  elements: dict
  contains:
    id:
      description: Names the check; does not change between releases.
      type: str
    result:
      description: How it went.
      type: str
    seen:
      description: The evidence.
      type: str
    where:
      description: The place, when it is only one.
      type: str
    next_step:
      description: What to do when it failed.
      type: str
    details:
      description: All the single things that are wrong.
      type: list
      elements: str
  sample:
    - {id: pod-to-pod, result: passed, seen: "2 of 2 ways (n1 -> n2, n2 -> n1)", where: "", next_step: "", details: []}
passed:
  description: Whether no check failed.
  returned: always, unless the cluster cannot be read
  type: bool
  sample: true
summary:
  description:
    - The same as a table for a person, with a line of totals at the end.
    - Long lists are cut short, except those of failures.
  returned: always, unless the cluster cannot be read
  type: list
  elements: str
  sample:
    - passed   nodes-ready  2 of 2 Ready
    - passed   pod-to-pod   2 of 2 ways (n1 -> n2, n2 -> n1)
    - 2 passed, 0 failed, 0 skipped
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import canaries, checks, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import proof, questions, scene, standing
from ansible_collections.podnet.cni.plugins.module_utils._kube import canary, client, collect, evidence

_SERVICE = {"name": {"type": "str", "required": True}, "namespace": {"type": "str", "default": "default"}}
_OPTIONS = {
    "cni": {"type": "str", "choices": list(scene.CNIS), "default": "calico"},
    "image": {"type": "str", "default": "registry.k8s.io/e2e-test-images/agnhost:2.53"},
    "namespace": {"type": "str", "default": "podnet-verification"},
    "service": {"type": "dict", "options": _SERVICE},
    "snapshots": {"type": "dict", "default": {}},
    "external_port": {"type": "int", "default": 18080},
    "timeout": {"type": "int", "default": 180},
    "settle_timeout": {"type": "int", "default": 60},
    "wait": {"type": "bool", "default": True},
    "fail": {"type": "bool", "default": True},
}


def act(call: _entry.Call) -> _entry.Result:
    found = _verify(call)
    failed = checks.failures(found)
    result = {"changed": False, "checks": checks.to_dicts(found), "passed": not failed, "summary": checks.summary(found)}
    if failed and call.params["fail"]:
        raise _errors.FoundFailingError("\n".join(["The pod network is not proved:", *checks.failure_lines(failed)]), result)
    return result


def _verify(call: _entry.Call) -> t.Tuple[checks.Check, ...]:
    params = call.params
    cni = scene.CNIS[params["cni"]]
    nodes = snapshot.from_option(params["snapshots"])
    api = client.get_client(call)
    service = canary.find_service(api, params["service"]["namespace"], params["service"]["name"]) if params["service"] else None
    if call.check_mode:
        return (*standing.standing_checks(collect.collect(api), nodes, cni), *questions.unasked(service is not None))
    settings = canaries.Settings(params["namespace"], params["image"], params["external_port"])
    patience = evidence.Patience(params["timeout"], params["settle_timeout"], params["wait"])
    seen = evidence.gather(api, settings, cni, service, patience)
    proved = proof.canary_checks(seen.scene, seen.cluster, cni, seen.readings, seen.policy)
    return (*standing.standing_checks(seen.cluster, nodes, cni), *proved)


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
