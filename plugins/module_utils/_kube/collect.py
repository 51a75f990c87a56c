# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a cluster: a fixed number of list calls, raw JSON, whatever its size.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, cluster, flannel, network, objects
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api

#: Where the API server serves Calico's objects.
CALICO = "/apis/crd.projectcalico.org/v1"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"

#: Pods whose command line tells address ranges are kubeadm's static pods.
_STATIC_NAMESPACE = "kube-system"


def collect(client: t.Any) -> cluster.ClusterSnapshot:
    """The snapshot of the cluster behind a client of `client.get_client`."""
    api = Api(client)
    raw_pods = api.items("/api/v1/pods") or []
    pods = tuple(map(objects.pod, raw_pods))
    static = [pod for pod in raw_pods if objects.metadata(pod).get("namespace") == _STATIC_NAMESPACE]
    daemonsets = api.items("/apis/apps/v1/daemonsets") or []
    kubeadm = network.config_document(_config_map(api, "kube-system", "kubeadm-config"), "ClusterConfiguration")
    kube_proxy = network.config_document(_config_map(api, "kube-system", "kube-proxy"), "config.conf")
    return cluster.ClusterSnapshot(
        version=(api.item("/version") or {}).get("gitVersion", ""),
        nodes=tuple(map(objects.node, api.items("/api/v1/nodes") or [])),
        pods=pods,
        flannel=_flannel(api, daemonsets, pods),
        calico=_calico(api, daemonsets),
        other_cnis=network.other_cnis(daemonsets),
        service_cidrs=network.service_cidrs(static, _service_cidrs(api), kubeadm),
        cluster_cidrs=network.cluster_cidrs(static, kubeadm, kube_proxy),
        kube_proxy_mode=network.proxy_mode(kube_proxy),
        searched=_searched(daemonsets),
    )


def _flannel(api: Api, daemonsets: t.Sequence[objects.Raw], pods: t.Sequence[cluster.Pod]) -> t.Tuple[cluster.Flannel, ...]:
    found = flannel.candidates(daemonsets)
    if not found:
        return ()
    names = dict.fromkeys(name for daemonset in found for name in flannel.config_map_names(daemonset))
    config_maps = {name: _config_map(api, *name) for name in names}
    around = flannel.Surroundings(
        config_maps={name: config_map for name, config_map in config_maps.items() if config_map is not None},
        bindings=api.items(f"{_RBAC}/clusterrolebindings") or [],
        roles=api.items(f"{_RBAC}/clusterroles") or [],
        policies=api.items("/apis/policy/v1beta1/podsecuritypolicies") or [],
        pods=pods,
    )
    return flannel.discover(found, around)


def _calico(api: Api, daemonsets: t.Sequence[objects.Raw]) -> t.Optional[cluster.Calico]:
    return calico.discover(
        daemonsets,
        api.items(f"{CALICO}/ippools"),
        api.items(f"{CALICO}/ipamblocks"),
        api.items("/apis/operator.tigera.io/v1/installations") or [],
    )


def _config_map(api: Api, namespace: str, name: str) -> t.Optional[objects.Raw]:
    return api.item(f"/api/v1/namespaces/{namespace}/configmaps/{name}")


def _service_cidrs(api: Api) -> t.Sequence[objects.Raw]:
    """ServiceCIDR objects: v1 since Kubernetes 1.33, a beta before."""
    served = api.items("/apis/networking.k8s.io/v1/servicecidrs")
    return served if served is not None else api.items("/apis/networking.k8s.io/v1beta1/servicecidrs") or []


def _searched(daemonsets: t.Sequence[objects.Raw]) -> t.Tuple[str, ...]:
    """Where flannel was looked for and how, so that "not found" can be judged."""
    names = ", ".join(sorted("{namespace}/{name}".format(**objects.metadata(daemonset)) for daemonset in daemonsets)) or "none there"
    return (f"command lines and images of DaemonSets in all namespaces ({names})",)
