#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_probe
short_description: Measure on a live cluster whether its NetworkPolicies do what they say
version_added: 0.1.0
description:
  - Computes from the cluster's NetworkPolicies who may reach whom, lets pods try it, and tells every difference. It fails when there is
    one, when nothing is enforced, and when one of O(expectations) is missed. It never fails on what the API leaves to the CNI.
  - A connection between pods of which nothing can be said is a failure too, for then nothing is proved.
  - Pods that no policy tells apart are one kind. Of each kind it makes two shadows for a minute, pods with the same labels and the same
    names of ports, which never become ready, so no Service ever sends them anything and no workload takes them for its own. They ask each
    other on one node and across nodes; every further node gets one, so no node is taken on trust.
  - One more kind, C(outsider), is in O(namespace) and has no labels, so no policy of yours selects it. It stands on every node, and what
    policies allow it shows that the network works. Where nothing comes through, a denial proves nothing.
  - Where pods have addresses of IPv4 and IPv6, each family is tried and judged by itself.
  - Each pod asks itself first, which no policy can forbid, so a listener that is missing is told from a policy. A denial counts when two
    attempts saw it, and UDP is open when two source ports of three are answered, for a tracked flow from an earlier one goes on whatever
    policies say. What is not as policies say is asked again until it is or O(settle_timeout) is over, without sleeping for a fixed time.
  - What it made is removed at the end. After a run that was killed the next one removes it, and the pods end by themselves.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: It tells with which pods it would measure, and makes none.
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  namespaces:
    description:
      - The namespaces whose pods are measured.
      - If not set, all that have pods, without the cluster's own (C(kube-system) and those that CNIs and this collection make).
    type: list
    elements: str
    default: []
  clients:
    description:
      - Who asks. With V(shadow) these are pods of ours with the labels of yours.
      - With V(ephemeral) your own pods do, at most two of each kind, each by a container that is added to it. Such a container ends after
        the measurement, but cannot be taken out of the pod. Ports are those that your programs listen on. There is no C(outsider) then, and
        kinds of which no pod runs on a node that is ready are in RV(left_out).
    type: str
    choices: [shadow, ephemeral]
    default: shadow
  ports:
    description:
      - The ports to try, such as V(TCP/80) or V(UDP/53).
      - If not set, one of each range of ports that the policies' rules tell apart, and each C(endPort).
    type: list
    elements: str
    default: []
  expectations:
    description:
      - Who may reach whom, and who must not, as in M(podnet.cni.network_policy_matrix). Here they are measured.
      - A destination that is no pod (a Service, a node, an address) is called by its address.
      - Packets can be sent from pods and workloads only. An expectation that nothing can prove is V(unknown), and no failure. So is one of
        which policies leave everything to the CNI.
      - Where rules tell a pod's own address from those of its kind, a shadow proves nothing, and the expectation is V(unknown). Use
        O(clients=ephemeral) there.
    type: raw
  cni:
    description: The CNI that runs there. With V(auto) it is found out.
    type: str
    choices: [auto, generic, calico, cilium, flannel]
    default: auto
  allow_unenforced:
    description: Whether it is no failure when nothing at all is enforced, as before a migration to a CNI that does.
    type: bool
    default: false
  fail:
    description:
      - Whether anything that is wrong fails the module. What it is, is told either way.
      - With V(false) it is no failure either that there are no pods to measure, or more kinds than O(max_kinds). RV(measured) says so.
    type: bool
    default: true
  image:
    description: The image of all pods. It needs C(/agnhost) and bash 5; the Kubernetes project's own test image has them.
    type: str
    default: registry.k8s.io/e2e-test-images/agnhost:2.53
  namespace:
    description:
      - A namespace to make, which owns all pods and has C(outsider) in it, and to remove.
      - One that exists without the module's label is an error.
    type: str
    default: podnet-policy-probe
  max_kinds:
    description: How many kinds of your pods are measured at most. The connections grow with the square.
    type: int
    default: 40
  start_timeout:
    description: Seconds until all pods must run, the pull of O(image) included.
    type: int
    default: 120
  settle_timeout:
    description: Seconds until everything has to be as policies say.
    type: int
    default: 30
  dest:
    description: The directory for the reports. It is made if it is not there. If not set, nothing is written.
    type: path
  formats:
    description: Which reports are written. They are named C(network-policy-probe.txt), C(.json), C(.md), C(.xml) and C(.html).
    type: list
    elements: str
    choices: [text, json, markdown, junit, html]
    default: [text, json, markdown, junit, html]
requirements:
  - kubernetes >= 24.2.0
  - jinja2, which comes with ansible-core
notes:
  - One of these measures in a cluster at a time. A second one waits for the first, at most O(start_timeout), and fails where that goes on.
    A run that was killed is found out by a Lease that it no longer renews, in ten seconds, and in five on its own machine.
  - Shadows count for quotas and in the sums of autoscalers. They ask for 10m of CPU and 16 MiB.
  - Shadows have the labels of your pods, so a PodDisruptionBudget counts them, and their controller has no scale. One with a
    percentage or C(maxUnavailable) allows no disruption while they are there, so a drain waits about a minute. Required pod
    anti-affinity and topology spread of your own pods count them as well.
  - After a run that was killed this lasts until the next one, or until somebody deletes the namespace in O(namespace).
  - A Service that publishes addresses which are not ready takes any pod with its labels. Pods that are all in such a Service get no shadow,
    and RV(left_out) says so. Use O(clients=ephemeral) there.
  - Where nothing listens for UDP in a pod of yours, only its kernel's refusals tell that packets come through, and it holds back most of
    them. Silence is V(unknown) there, and no failure; a refusal shows that it was reached.
  - No shadow can be made in a namespace that is terminating, and RV(left_out) says so, too.
  - A refusal by a Service is V(unknown), and no failure, for kube-proxy refuses by itself where no endpoint is ready.
  - A connection that was made and on which the listener's name did not come, and a source without a route to the destination, are
    V(unknown) and no denials.
  - Pods on their node's network are not measured, for what policies mean for them is left to the CNI.
seealso:
  - module: podnet.cni.network_policy_matrix
  - module: podnet.cni.network_policy
"""

EXAMPLES = r"""
- name: Prove that the policies do what they say
  podnet.cni.network_policy_probe:
    kubeconfig: ~/.kube/config
    dest: build/network-policies

- name: Measure who reaches the web server, with the pods that run
  podnet.cni.network_policy_probe:
    kubeconfig: ~/.kube/config
    namespaces: [shop, partner]
    clients: ephemeral
    expectations:
      - {source: shop/Deployment/client, destination: shop/Deployment/web, port: TCP/80, verdict: allow}
      - {source: partner/Deployment/client, destination: shop/Deployment/web, port: TCP/80, verdict: deny}
"""

RETURN = r"""
measured:
  description: Whether anything was measured. If not, RV(faults) says why.
  returned: when it measured, and with O(fail=false) when there was nothing to measure or too much
  type: bool
  sample: true
passed:
  description: Whether policies are enforced, nothing differs, and no expectation is missed.
  returned: when it measured, and with O(fail=false) when there was nothing to measure or too much
  type: bool
  sample: true
faults:
  description: What is wrong, in words.
  returned: when it measured, and with O(fail=false) when there was nothing to measure or too much
  type: list
  elements: str
  sample: []
enforcement:
  description: V(enforced), V(partly), V(not enforced), V(nothing to enforce) where no connection is one that
    policies deny, or V(not known).
  returned: when it measured
  type: str
  sample: enforced
cni:
  description: The CNI whose behaviour counted.
  returned: success
  type: str
  sample: calico
summary:
  description: What was found out, line by line.
  returned: when it measured, and with O(fail=false) when there was nothing to measure or too much
  type: list
  elements: str
  sample:
    - "66 connections between 8 pods for 3 kinds of pods: 66 as policies say, 0 otherwise"
    - "policies: enforced, 22 of 22 connections that they deny were denied"
pods:
  description: The pods that measured, or in check mode would.
  returned: success
  type: list
  elements: dict
  sample: [{name: shop/podnet-probe-0, node: n2, stands_for: shop/web}]
differences:
  description: Connections that did otherwise than policies say, each with its ends, what was expected and measured, and why. C(family) is
    4 or 6 where the destination has addresses of both, else 0.
  returned: when it measured
  type: list
  elements: dict
  sample: []
unknown:
  description: Connections of which nothing can be said, and why.
  returned: when it measured
  type: list
  elements: dict
  sample: []
undefined:
  description: How many connections the API leaves to the CNI.
  returned: when it measured
  type: int
  sample: 0
expectations:
  description: What came of each expectation.
  returned: when it measured
  type: list
  elements: dict
  sample: []
why:
  description: Why nothing is enforced, if nothing is.
  returned: when it measured
  type: str
  sample: ""
left_out:
  description: >-
    What is not measured or not computed, and why. Policies of other kinds are among it, for which a connection may do otherwise
    than NetworkPolicies say.
  returned: success
  type: list
  elements: str
  sample: []
settled_after:
  description: Seconds until everything was as policies say; null if it never was.
  returned: when it measured
  type: float
  sample: 1.4
latency_ms:
  description: Milliseconds until an answer, C(median) and C(max).
  returned: when it measured
  type: dict
  sample: {median: 3, max: 21}
removed:
  description: Pods that an earlier run had left, because it was killed.
  returned: success
  type: list
  elements: str
  sample: []
files:
  description: The paths of the reports.
  returned: when it measured
  type: list
  elements: str
  sample: [build/network-policies/network-policy-probe.html]
"""

import dataclasses
import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._control import asked, files, run, sources
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, lease, policy_trial, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import PROFILES
from ansible_collections.podnet.cni.plugins.module_utils._probing import kinds, objects, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._report import probing

AUTO = "auto"
_OPTIONS: t.Dict[str, t.Any] = {
    **policy_trial.OPTIONS,
    "expectations": {"type": "raw"},
    "cni": {"type": "str", "choices": [AUTO, *PROFILES], "default": AUTO},
    "fail": {"type": "bool", "default": True},
    "dest": {"type": "path"},
    "formats": {"type": "list", "elements": "str", "choices": list(probing.FILES), "default": list(probing.FILES)},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    call.no_log_values |= sources.passwords_in(str(params["expectations"] or ""))
    request = policy_trial.request(params, asked.expected(params["expectations"]))
    connected = client.get_client(call)
    api = Api(connected)
    cni = policy_world.cni_of(api) if params["cni"] == AUTO else params["cni"]
    session = policy_trial.Session(connected, request, cni, lease.Holder(run.name(), run.alive))
    seen = policy_world.read(api)
    seen = dataclasses.replace(seen, objects=objects.without_probes(seen.objects))
    world, not_computed = seen.computed(kinds.profile(cni))
    result: t.Dict[str, t.Any] = {"changed": False, "cni": cni, "removed": [], "pods": [], "left_out": list(not_computed)}
    try:
        session.prepare(world, seen.objects)
    except _errors.UnmeasurableError as error:
        if params["fail"]:
            raise
        return {**result, "measured": False, "passed": False, "faults": [str(error)], "summary": [f"Nothing was measured: {error}"]}
    result["pods"] = [_pod(stand) for stand in session.stands]
    result["left_out"] = [*session.left_out, *not_computed]
    if call.check_mode:
        return result
    if params["dest"]:
        # Found out before minutes are spent on what could then not be told.
        files.write(params["dest"], {})
    with session.opened() as removed:
        found = session.measure()
    return _told(call, found, {**result, "removed": list(removed)})


def _pod(stand: plan.Stand) -> t.Dict[str, str]:
    return {"name": stand.reference, "node": stand.node, "stands_for": stand.kind.name}


def _told(call: _entry.Call, found: trial.Trial, result: _entry.Result) -> _entry.Result:
    dest = call.params["dest"]
    contents = {probing.FILES[form]: probing.render(found, form) for form in call.params["formats"]} if dest else {}
    if contents:
        files.write(dest, contents)
    faults = found.faults(call.params["allow_unenforced"])
    told = {
        **result,
        "measured": True,
        "passed": not faults,
        "faults": faults,
        "summary": found.summary(),
        "files": [os.path.join(dest, name) for name in contents],
        **probing.facts(found),
    }
    if faults and call.params["fail"]:
        raise _errors.FoundFailingError("\n".join(faults), told)
    return told


SPEC = client.spec(_OPTIONS, act, libraries={"jinja2": lambda: probing.JINJA2_IMPORT_ERROR})


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
