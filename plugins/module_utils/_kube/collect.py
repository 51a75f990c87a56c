# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads a cluster: a fixed number of list calls, raw JSON, whatever its size.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import admission, calico, cluster, flannel, keepers, network, objects
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api

#: Where the API server serves Calico's objects.
CALICO = "/apis/crd.projectcalico.org/v1"

_RBAC = "/apis/rbac.authorization.k8s.io/v1"

_ADMISSION = "/apis/admissionregistration.k8s.io/v1"

# Kinds by their versions, newest first: the API server of an old cluster has only the older one.
_SERVICE_CIDRS = ("/apis/networking.k8s.io/v1/servicecidrs", "/apis/networking.k8s.io/v1beta1/servicecidrs")
_ENDPOINT_SLICES = ("/apis/discovery.k8s.io/v1/endpointslices", "/apis/discovery.k8s.io/v1beta1/endpointslices")
_BUDGETS = ("/apis/policy/v1/poddisruptionbudgets", "/apis/policy/v1beta1/poddisruptionbudgets")
_APPLICATIONS = ("/apis/argoproj.io/v1alpha1/applications",)
_KUSTOMIZATIONS = ("/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations", "/apis/kustomize.toolkit.fluxcd.io/v1beta2/kustomizations")
_HELM_RELEASES = ("/apis/helm.toolkit.fluxcd.io/v2/helmreleases", "/apis/helm.toolkit.fluxcd.io/v2beta2/helmreleases")
_HELM_CHARTS = ("/apis/helm.cattle.io/v1/helmcharts",)

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
    installations = _flannel(api, daemonsets, pods)
    return cluster.ClusterSnapshot(
        version=(api.item("/version") or {}).get("gitVersion", ""),
        nodes=tuple(map(objects.node, api.items("/api/v1/nodes") or [])),
        pods=pods,
        flannel=installations,
        calico=_calico(api, daemonsets),
        other_cnis=network.other_cnis(daemonsets),
        service_cidrs=network.service_cidrs(static, _first_served(api, _SERVICE_CIDRS), kubeadm),
        cluster_cidrs=network.cluster_cidrs(static, kubeadm, kube_proxy),
        kube_proxy_mode=network.proxy_mode(kube_proxy),
        searched=_searched(daemonsets),
        webhooks=_webhooks(api),
        budgets=tuple(map(objects.budget, _first_served(api, _BUDGETS))),
        local_claims=objects.local_claims(api.items("/api/v1/persistentvolumes") or []),
        keepers=_keepers(api, installations),
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
        namespaces={flannel.OWN_NAMESPACE: api.item(f"/api/v1/namespaces/{flannel.OWN_NAMESPACE}") or {}},
    )
    return flannel.discover(found, around)


def _keepers(api: Api, installations: t.Sequence[cluster.Flannel]) -> t.Tuple[cluster.Keeper, ...]:
    """Whoever would bring flannel back; nobody where there is none. Most clusters serve none of these kinds: one look spares the calls."""
    if not installations:
        return ()
    groups = {group.get("name", "") for group in (api.item("/apis") or {}).get("groups") or ()}

    def listed(paths: t.Sequence[str]) -> t.Sequence[objects.Raw]:
        return _first_served(api, [path for path in paths if path.split("/")[2] in groups])

    owned = [reference for item in installations for reference in item.objects]
    return (
        *keepers.applications(listed(_APPLICATIONS), owned),
        *keepers.kustomizations(listed(_KUSTOMIZATIONS), owned),
        *keepers.charts(keepers.FLUX, "HelmRelease", listed(_HELM_RELEASES)),
        *keepers.charts(keepers.HELM_CONTROLLER, "HelmChart", listed(_HELM_CHARTS)),
    )


def _webhooks(api: Api) -> t.Tuple[cluster.Webhook, ...]:
    validating = api.items(f"{_ADMISSION}/validatingwebhookconfigurations") or []
    mutating = api.items(f"{_ADMISSION}/mutatingwebhookconfigurations") or []
    slices = _first_served(api, _ENDPOINT_SLICES) if admission.needed([*validating, *mutating]) else []
    return admission.webhooks(admission.VALIDATING, validating, slices) + admission.webhooks(admission.MUTATING, mutating, slices)


def _calico(api: Api, daemonsets: t.Sequence[objects.Raw]) -> t.Optional[cluster.Calico]:
    pools = api.items(f"{CALICO}/ippools")
    # Where pools are not served, nothing of Calico's is.
    plurals = {} if pools is None else {**calico.SETTINGS, **calico.POLICIES}
    return calico.discover(
        daemonsets,
        pools,
        api.items(f"{CALICO}/ipamblocks"),
        api.items("/apis/operator.tigera.io/v1/installations") or [],
        {kind: api.items(f"{CALICO}/{plural}") or [] for kind, plural in plurals.items()},
    )


def _config_map(api: Api, namespace: str, name: str) -> t.Optional[objects.Raw]:
    return api.item(f"/api/v1/namespaces/{namespace}/configmaps/{name}")


def _first_served(api: Api, paths: t.Sequence[str]) -> t.Sequence[objects.Raw]:
    """All objects of a kind by the first of its versions that the server has; none when it has none of them."""
    lists = (api.items(path) for path in paths)
    return next((found for found in lists if found is not None), [])


def _searched(daemonsets: t.Sequence[objects.Raw]) -> t.Tuple[str, ...]:
    """Where flannel was looked for and how, so that "not found" can be judged."""
    names = ", ".join(sorted("{namespace}/{name}".format(**objects.metadata(daemonset)) for daemonset in daemonsets)) or "none there"
    return (f"command lines and images of DaemonSets in all namespaces ({names})",)
