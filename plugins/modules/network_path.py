#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_path
short_description: Foretell how a packet travels through a cluster
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Follows a packet from a pod, a node or the outside to a pod, a Service, a node port or any address, hop by hop, and its answer back.
    It tells the pod's link, the bridge, kube-proxy's rules, the route that wins and those that lose, the tunnel, another source.
  - It asks nobody. All of it follows from snapshots of the nodes, so it works on a captured support bundle as well.
  - Where kube-proxy chooses among pods, each choice is a journey with its share.
  - NetworkPolicies are judged by the rules that Calico has made of them, on the nodes of both ends, if the snapshots have the members of
    IP sets. A rule that cannot be judged from a snapshot is named as a doubt.
extends_documentation_fragment:
  - podnet.cni.packets
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
notes:
  - Of iptables the tables nat and filter are followed, and of routes the tables local, main and default. IPVS is
    followed by its virtual servers, the nftables tables of kube-proxy and flannel and the members of IP sets where the snapshots have them,
    O(podnet.cni.cni_info#module:packet_filters).
seealso:
  - module: podnet.cni.packet_trace
  - module: podnet.cni.network_report
"""

EXAMPLES = r"""
- name: Foretell how a pod reaches a Service
  podnet.cni.network_path:
    cluster: "{{ read.cluster }}"
    snapshots: "{{ snapshots }}"
    services: "{{ services.resources }}"
    flows:
      - source: pod/default/client
        target: service/default/myapp:80
  register: foretold

- name: Show it hop by hop
  ansible.builtin.debug:
    var: foretold.flows
"""

RETURN = r"""
works:
  description: Whether each packet arrives or leaves the cluster, and each answer finds back.
  returned: success
  type: bool
  sample: true
flows:
  description: Each flow with its journeys, the likeliest first.
  returned: success
  type: list
  elements: dict
  sample:
    - name: pod/default/client -> service/default/myapp:80
      works: true
      nodes: [n1, n2]
      journeys:
        - outcome: delivered
          probability: 0.5
          doubts: []
          hops: ["n1:cni0: bridged: tcp 10.244.0.5 -> 10.96.14.3:80 (the bridge is the pod's gateway)"]
          back: ["n2:vethe001f585: leaves: tcp 10.244.1.7:80 -> 10.244.0.5 (pod default/myapp-5c74665fc-lnp48)"]
traces:
  description: What M(podnet.cni.packet_trace) is to send, a packet for each flow that begins in the cluster.
  returned: success
  type: list
  elements: dict
  sample:
    - flow: pod/default/client -> service/default/myapp:80
      node: n1
      uid: 1f0cbe9c-8a6c-4a30-b1c4-5c7c0b7d2a11
      source: 10.244.0.5
      target: 10.96.14.3
      protocol: tcp
      port: 80
mark:
  description: A word of this call's own, for O(podnet.cni.packet_trace#module:mark).
  returned: success
  type: str
  sample: 5e0c2f7a
tunnels:
  description: UDP ports by which tunnels between these nodes are known, for O(podnet.cni.packet_trace#module:tunnels).
  returned: success
  type: dict
  sample: {"8472": vxlan}
nodes:
  description: The nodes that any of the packets may come by.
  returned: success
  type: list
  elements: str
  sample: [n1, n2]
summary:
  description: A line for each journey.
  returned: success
  type: list
  elements: str
  sample: ["pod/default/client -> service/default/myapp:80: 50% delivered by n1 > n2"]
"""

import dataclasses
import secrets
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account


def act(call: _entry.Call) -> _entry.Result:
    world, found = account.asked(call.params)
    traces = [trace for trace in map(account.trace, found) if trace is not None]
    return {
        "changed": False,
        "works": all(item.works for item in found),
        "flows": [_told(item) for item in found],
        "traces": [dataclasses.asdict(trace) for trace in traces],
        "mark": secrets.token_hex(4),
        "tunnels": {str(port): kind for port, kind in account.tunnels(world).items()},
        "nodes": list(dict.fromkeys(node for item in found for node in item.nodes)),
        "summary": [line for item in found for line in account.lines(item)],
    }


def _told(item: Account) -> t.Dict[str, t.Any]:
    journeys = [
        {
            "outcome": journey.there.outcome,
            "probability": journey.there.probability,
            "doubts": list(journey.there.doubts),
            "hops": list(map(str, journey.there.hops)),
            "back": list(map(str, journey.back.hops)) if journey.back else [],
        }
        for journey in item.journeys
    ]
    return {"name": item.flow.name, "works": item.works, "nodes": list(item.nodes), "journeys": journeys}


SPEC = _entry.Spec(dict(account.OPTIONS), act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
