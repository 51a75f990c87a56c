#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: connectivity_probe
short_description: Measure a cluster's pod network all the time, while something is changed
version_added: 0.1.0
description:
  - Puts a pod and a pod on the host's network on every node, which ask each other ten times a second, until they are removed -
    every pod the pods of the other nodes, its own Service and the cluster's DNS, every host a port of every node, and both a Service
    of yours. M(podnet.cni.connectivity_probe_info) says what was lost, when, and during which step.
  - It runs through a change of CNI, of a backend, of a version. Its own pods may be made anew like those of any workload; their
    readings are in a directory of the node, C(/var/cache) and the name of O(namespace), and are removed with the rest.
  - A probe counts by the moment it was sent, and is lost when no answer has come after a second. Pods and DNS are asked with one
    packet each, from a new port each time, so nothing is sent twice and no lost packet is hidden; Services with a new connection each.
  - Where the other pods are is read from the API server by the pods on the hosts' network, so it is known also while the pods'
    network is in pieces. The last known address stays when the API server is away.
  - The load is bounded. It grows with O(peers), not with the number of nodes, and it ends by itself after O(duration), or when the
    readings of a node have reached 64 MiB.
  - Runs on the control machine and needs the right to run commands in pods of O(namespace).
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
    details: A probe with less than half of its O(duration) left gets the whole of it again. What it has read stays.
options:
  state:
    description: V(present) starts it and waits until it measures, V(absent) removes it and all its readings.
    type: str
    choices: [present, absent]
    default: present
  image:
    description: The image of all pods. It needs C(/agnhost), bash 5 and C(curl); the Kubernetes project's own test image has them.
    type: str
    default: registry.k8s.io/e2e-test-images/agnhost:2.53
  namespace:
    description: The namespace to create and remove. One that exists without the module's label is an error.
    type: str
    default: podnet-connectivity
  service:
    description: A Service of yours to reach all the time at its address in the cluster, from the pod and from the host of every node.
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
      port:
        description: The port of the Service. Without it, its first TCP port.
        type: int
      protocol:
        description: V(http) asks for O(service.path), and any answer but a server error is one. V(tcp) opens a connection and closes it.
        type: str
        choices: [http, tcp]
        default: http
      path:
        description: What to ask for.
        type: str
        default: /
  interval_ms:
    description: Milliseconds between two probes of the same path, at least 50.
    type: int
    default: 100
  peers:
    description:
      - How many other nodes each node asks. In a larger cluster these are spread evenly, so that each node is asked by as many.
    type: int
    default: 16
  duration:
    description: Seconds after which it stops measuring by itself. Its pods then rest until they are removed.
    type: int
    default: 14400
  timeout:
    description: Seconds until all pods must be ready, the pull of O(image) included, or until all must be gone.
    type: int
    default: 180
requirements:
  - kubernetes >= 24.2.0
notes:
  - The listening pods answer every packet and every connection with their own name and have no other function, no token and no
    rights. Only the container that reads where the pods are has a token, for reading the EndpointSlices of O(namespace).
seealso:
  - module: podnet.cni.connectivity_probe_info
  - module: podnet.cni.cni_verification
"""

EXAMPLES = r"""
- name: Measure from now on, a Service of ours too
  podnet.cni.connectivity_probe:
    kubeconfig: ~/.kube/config
    service:
      name: myapp
      namespace: demo

- name: Remove the probe and its readings
  podnet.cni.connectivity_probe:
    kubeconfig: ~/.kube/config
    state: absent
"""

RETURN = r"""
changes:
  description: What was created, changed or removed, or in check mode would be, in this order.
  returned: success
  type: list
  elements: str
  sample: [create Namespace podnet-connectivity, create DaemonSet probe, create DaemonSet host]
nodes:
  description: The nodes that measure. A node that is not ready itself is not waited for.
  returned: O(state=present), not in check mode
  type: list
  elements: str
  sample: [n1, n2, n3]
until:
  description: When it ends by itself, in seconds since 1970.
  returned: O(state=present)
  type: int
  sample: 1795530000
left:
  description: The nodes whose readings could not be removed, by name, and why. What is left is the directory named above.
  returned: O(state=absent)
  type: dict
  sample: {}
"""

import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import connectivity as objects
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, connectivity
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_SERVICE = {
    "name": {"type": "str", "required": True},
    "namespace": {"type": "str", "default": "default"},
    "port": {"type": "int"},
    "protocol": {"type": "str", "choices": [objects.HTTP, objects.TCP], "default": objects.HTTP},
    "path": {"type": "str", "default": "/"},
}
_OPTIONS = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "image": {"type": "str", "default": "registry.k8s.io/e2e-test-images/agnhost:2.53"},
    "namespace": {"type": "str", "default": "podnet-connectivity"},
    "service": {"type": "dict", "options": _SERVICE},
    "interval_ms": {"type": "int", "default": 100},
    "peers": {"type": "int", "default": 16},
    "duration": {"type": "int", "default": 14400},
    "timeout": {"type": "int", "default": 180},
}


def act(call: _entry.Call) -> _entry.Result:
    result = _present(call) if call.params["state"] == "present" else _absent(call)
    changes = result["changes"]
    return {"changed": bool(changes), "diff": {"before": "", "after": "".join(f"{change}\n" for change in changes)}, **result}


def _present(call: _entry.Call) -> t.Dict[str, t.Any]:
    params = call.params
    objects.check(params["namespace"], params["interval_ms"], params["peers"], params["duration"], params["service"] or {})
    api = client.get_client(call)
    running = connectivity.look(api, params["namespace"])
    app = connectivity.find_app(api, params["service"]) if params["service"] else None
    until = objects.until(time.time(), params["duration"], running.until)
    settings = objects.Settings(params["namespace"], params["image"], params["interval_ms"], params["peers"], until, app)
    changes = connectivity.changes(api, settings, running)
    if call.check_mode:
        return {"changes": changes, "until": until}
    deadline = Deadline(params["timeout"])
    connectivity.apply(api, settings, deadline)
    return {"changes": changes, "until": until, "nodes": connectivity.wait_ready(api, settings, deadline)}


def _absent(call: _entry.Call) -> t.Dict[str, t.Any]:
    params = call.params
    api = client.get_client(call)
    settings = objects.Settings(params["namespace"], params["image"], params["interval_ms"], params["peers"])
    if connectivity.look(api, params["namespace"]).namespace is None:
        return {"changes": (), "left": {}}
    changes = (f"remove {settings.directory} of every node", f"remove Namespace {settings.namespace}")
    left = {} if call.check_mode else connectivity.remove(api, settings, Deadline(params["timeout"]))
    for node, why in left.items():
        call.warn(f"{node}: {settings.directory} is still there: {why}. Remove it by hand.")
    return {"changes": changes, "left": left}


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
