#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_cluster_info
short_description: Read which CNI a cluster runs, and its address ranges
version_added: 0.1.0
description:
  - Returns one snapshot of a cluster, taken with a fixed number of list calls to the API server - nodes, pods, the CNIs that run,
    the ranges of pods and Services, admission webhooks that must answer, disruption budgets, claims of local volumes, and what would
    bring flannel back.
  - Flannel is found by what its containers run, in any namespace and under any name, from the manifests of v0.8 to those of today.
  - Runs on the control machine and changes nothing.
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
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_preflight
"""

EXAMPLES = r"""
- name: Read the cluster
  podnet.cni.cni_cluster_info:
    kubeconfig: ~/.kube/config
  register: result

- name: Show what was found
  ansible.builtin.debug:
    var: result.summary
"""

RETURN = r"""
cluster:
  description:
    - The snapshot. C(flannel) is a list with an entry for each installation, C(calico) is V(null) where neither
      Calico nor its API is there.
  returned: success
  type: dict
  sample:
    version: v1.33.13
    nodes:
      - {name: n1, ready: true, control_plane: true, internal_ips: [192.0.2.11], pod_cidrs: [10.244.0.0/24], architecture: amd64}
    pods: []
    flannel:
      - daemonset: {api_version: apps/v1, kind: DaemonSet, name: kube-flannel-ds, namespace: kube-flannel}
        network: 10.244.0.0/16
        backend: vxlan
        desired: 3
        ready: 3
    calico: null
    other_cnis: []
    service_cidrs: [10.96.0.0/12]
    cluster_cidrs: [10.244.0.0/16]
    kube_proxy_mode: iptables
    webhooks:
      - kind: ValidatingWebhookConfiguration
        configuration: guard
        name: pods.guard.example.com
        service: guard/guard
        stops: [pods]
        selective: true
        endpoints: 2
    budgets:
      - {namespace: default, name: web, allowed: 1, healthy: 3, expected: 3}
    local_claims: [default/data-db-0]
    keepers: []
summary:
  description: The same in a few lines for a person.
  returned: success
  type: list
  elements: str
  sample:
    - "Kubernetes v1.33.13: 3 of 3 nodes Ready, 12 pods"
    - pod network 10.244.0.0/16, Services 10.96.0.0/12, kube-proxy iptables
    - "flannel kube-flannel/kube-flannel-ds: 3 of 3 ready, backend vxlan, Network 10.244.0.0/16, ghcr.io/flannel-io/flannel:v0.28.9"
"""

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, collect


def act(call: _entry.Call) -> _entry.Result:
    seen = collect.collect(client.get_client(call))
    return {"changed": False, "cluster": cluster.to_dict(seen), "summary": cluster.summary(seen)}


SPEC = client.spec({}, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
