# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options of modules that follow packets. Their argument spec is in module_utils/_cni/paths/account.py; change both together."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.cni.packets`` is what was read of a cluster, and the packets to follow in it."""

    DOCUMENTATION = r"""
options:
  cluster:
    description: The cluster, RV(podnet.cni.cni_cluster_info#module:cluster).
    type: dict
    required: true
  snapshots:
    description: Snapshots of the nodes by the names of their Node objects, RV(podnet.cni.cni_info#module:snapshot) of each.
    type: dict
    required: true
  services:
    description: The Service objects, as M(kubernetes.core.k8s_info) returns them.
    type: list
    elements: dict
    default: []
  flows:
    description:
      - The packets to follow.
      - Without any, pod to pod on one node and across nodes, pod to Service and outside to node port are followed, as far as there are any.
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: Who sends. One of C(pod/NAMESPACE/NAME), C(node/NAME), C(outside) and C(outside/ADDRESS).
        type: str
        required: true
      target:
        description:
          - To whom. One of C(pod/NAMESPACE/NAME), C(service/NAMESPACE/NAME), C(nodeport/NODE/NAMESPACE/NAME),
            C(external/NAMESPACE/NAME), C(node/NAME) and C(address/ADDRESS), each with C(:PORT) behind it.
          - Of a Service it is the Service's port, by number or name, the first if none is named. Else it is 80 if none is named.
        type: str
        required: true
      protocol:
        description: The protocol. That of the port where the target is a Service.
        type: str
        choices: [tcp, udp]
        default: tcp
"""
