#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_probe_info
short_description: Read what the connectivity probe has measured
version_added: 0.1.0
description:
  - Fetches the readings of M(podnet.cni.connectivity_probe) from every node and says for each path how many probes were sent and
    lost, when for the longest time none was answered, which step ran then, and whether it was the probe's own doing.
  - A gap is the time between the sending of two answered probes, so a pod's own absence is in it. One between two ordinary probes
    is as long as the probe's interval.
  - The readings come by way of pods on the hosts' network, so a broken pod network hides none.
  - All times are those of the control machine. A node's clock is read with its readings, and its times are corrected when it
    differs by more than could be a matter of the way there.
  - Runs on the control machine, changes nothing, and may be asked as often as one likes.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  namespace:
    description: The namespace of the probe.
    type: str
    default: podnet-connectivity
  since:
    description: Only what happened after that, in seconds since 1970. A gap counts when it reaches into the time that is asked for.
    type: float
  until:
    description: Only what happened before that, in seconds since 1970.
    type: float
  threshold:
    description: Seconds from which on a gap is listed in RV(gaps). It is at least two and a half intervals of the probe.
    type: float
    default: 0.5
  steps:
    description:
      - What was done meanwhile, as a list of dictionaries with C(name), and C(started) and C(finished) in seconds since 1970. A step
        without C(finished) still goes on. Other keys are passed over.
    type: list
    elements: dict
    default: []
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.connectivity_probe
"""

EXAMPLES = r"""
- name: Read the probe
  podnet.cni.connectivity_probe_info:
    kubeconfig: ~/.kube/config
  register: connectivity

- name: Show it
  ansible.builtin.debug:
    var: connectivity.summary

- name: Read what it saw during one step
  podnet.cni.connectivity_probe_info:
    kubeconfig: ~/.kube/config
    since: 1795522000.0
    steps:
      - {name: move-pods, started: 1795522010.5, finished: 1795522031.0}
"""

RETURN = r"""
paths:
  description: Every path, in the order of kind, source and target.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description:
        - One of V(pod-to-pod), V(pod-to-service), V(pod-to-dns), V(host-to-nodeport), V(pod-to-app), V(host-to-app).
      type: str
    source:
      description: The node of the pod that asks.
      type: str
    target:
      description: The node that is asked, or the Service. Empty for the probe's own Service and for DNS.
      type: str
    sent:
      description: How many probes had a result.
      type: int
    failed:
      description: How many of them got no answer, or a wrong one.
      type: int
    failed_explained:
      description: How many of RV(paths[].failed) fell into gaps with a RV(paths[].cause).
      type: int
    longest_gap:
      description: Seconds, V(null) when fewer than two probes were answered.
      type: float
    gap_started:
      description: When it began, in seconds since 1970.
      type: float
    gap_finished:
      description: When it ended.
      type: float
    cause:
      description:
        - What on the probe's own side made the gap; empty when nothing did, so that it is the network's.
        - With V(own restart) and V(target restart) the pod that asks or one that answers was made anew. What lasts longer than a
          restart takes is a gap of its own. With V(not measured) the node's processor was too busy to run the probe.
      type: str
    reason:
      description:
        - What the first lost probe of the gap saw - V(timeout), V(refused), V(unreachable), V(silent), V(wrong) or a status of HTTP.
      type: str
    step:
      description: The steps of O(steps) that ran in it, divided by commas.
      type: str
    ongoing:
      description: Whether it still lasted when it was read.
      type: bool
    longest_outage:
      description: As RV(paths[].longest_gap), but without gaps that have a RV(paths[].cause).
      type: float
  sample:
    - kind: pod-to-pod
      source: n1
      target: n2
      sent: 1834
      failed: 0
      failed_explained: 0
      longest_gap: 0.302
      gap_started: 1795522012.104
      gap_finished: 1795522012.406
      cause: ""
      reason: ""
      step: move-pods
      ongoing: false
      longest_outage: 0.302
gaps:
  description: All gaps from O(threshold) on, in the order of their beginning.
  returned: success
  type: list
  elements: dict
  sample:
    - kind: pod-to-pod
      source: n1
      target: n2
      seconds: 1.871
      started: 1795522012.1
      finished: 1795522013.971
      cause: target restart
      reason: refused
      step: move-pods
      ongoing: false
worst:
  description: The path of RV(paths) with the longest outage that is not the probe's own doing; empty when nothing was measured.
  returned: success
  type: dict
  sample: {kind: pod-to-pod, source: n1, target: n2, longest_outage: 0.302}
total:
  description: All paths together. C(failed_explained) is as in RV(paths), C(longest_outage) that of RV(worst).
  returned: success
  type: dict
  sample: {paths: 24, sent: 44016, failed: 0, failed_explained: 0, longest_outage: 0.302}
started:
  description: When the readings begin, in seconds since 1970, V(null) when there are none.
  returned: success
  type: float
  sample: 1795521900.25
finished:
  description: When they end.
  returned: success
  type: float
  sample: 1795522083.75
clocks:
  description: By how many seconds the clock of each node is ahead of the control machine's, and how wrong that may be.
  returned: success
  type: dict
  sample: {n1: {ahead: 0.02, uncertainty: 0.15}}
problems:
  description: What could not be read, or is not being measured, by node. Without it all nodes measure.
  returned: success
  type: list
  elements: dict
  sample: []
summary:
  description: The same in lines for a person, a kind of path in a line, then every path with a loss or with a gap from O(threshold) on.
  returned: success
  type: list
  elements: str
  sample:
    - "pod-to-pod: 6 paths, 11,004 sent, 0 failed, longest gap 0.3 s (n1 -> n2, during move-pods)"
    - "pod n1 -> pod n2: 1,834 sent, 0 failed, longest gap 0.3 s during move-pods"
"""


from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import continuity, continuity_report
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, connectivity

_OPTIONS = {
    "namespace": {"type": "str", "default": "podnet-connectivity"},
    "since": {"type": "float"},
    "until": {"type": "float"},
    "threshold": {"type": "float", "default": 0.5},
    "steps": {"type": "list", "elements": "dict", "default": []},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    steps = continuity.steps_from_option(params["steps"])
    api = client.get_client(call)
    if connectivity.look(api, params["namespace"]).namespace is None:
        raise _errors.ClusterError("there is no probe", f"namespace {params['namespace']}", "Start it with podnet.cni.connectivity_probe.")
    readings = connectivity.read(api, params["namespace"])
    analysis = continuity.analyse(readings, params["since"], params["until"], steps)
    return {"changed": False, **continuity_report.report(analysis, params["threshold"])}


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
