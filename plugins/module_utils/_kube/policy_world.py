# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads of a cluster what decides who may reach whom.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import network
from ansible_collections.podnet.cni.plugins.module_utils._cni.objects import Raw
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Finding, World, applying, lints, load

#: (kind, versions it is served in, newest first, plural). Deployments give their name to pods, and stand for those that are not there.
KINDS = (
    ("Namespace", ("v1",), "namespaces"),
    ("Node", ("v1",), "nodes"),
    ("Pod", ("v1",), "pods"),
    ("Deployment", ("apps/v1",), "deployments"),
    ("Service", ("v1",), "services"),
    ("EndpointSlice", ("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"), "endpointslices"),
    ("NetworkPolicy", ("networking.k8s.io/v1",), "networkpolicies"),
)
_POLICY = ("policy.networking.k8s.io",)
#: Calico's own API server serves what its custom resources are, and policies of Kubernetes a second time.
_CALICO = ("crd.projectcalico.org", "projectcalico.org")
_CILIUM = ("cilium.io",)
_ANTREA = ("crd.antrea.io",)
#: (kind, API groups of which the first one that is served is asked, plural): what decides about packets, too, where somebody installed it.
OPTIONAL = (
    ("AdminNetworkPolicy", _POLICY, "adminnetworkpolicies"),
    ("BaselineAdminNetworkPolicy", _POLICY, "baselineadminnetworkpolicies"),
    ("ClusterNetworkPolicy", _POLICY, "clusternetworkpolicies"),
    ("NetworkPolicy", _CALICO, "networkpolicies"),
    ("GlobalNetworkPolicy", _CALICO, "globalnetworkpolicies"),
    ("CiliumNetworkPolicy", _CILIUM, "ciliumnetworkpolicies"),
    ("CiliumClusterwideNetworkPolicy", _CILIUM, "ciliumclusterwidenetworkpolicies"),
    ("NetworkPolicy", _ANTREA, "networkpolicies"),
    ("ClusterNetworkPolicy", _ANTREA, "clusternetworkpolicies"),
)


@dataclasses.dataclass(frozen=True)
class Seen:
    """``objects``: all that the policy engine reads, each with apiVersion and kind. ``findings``: kinds that may not be listed."""

    objects: t.List[Raw]
    findings: t.Tuple[Finding, ...] = ()

    def computed(self, cni: str) -> t.Tuple[World, t.Tuple[str, ...]]:
        """The world as far as it can be computed, and in words which policies are there and are left out; ``cni`` as `load` takes it."""
        readable, refused = applying.readable(self.objects)
        world = load(readable, cni=cni)
        return world, tuple(map(str, (*self.findings, *refused, *lints.of_others(world.read))))


def read(api: Api) -> Seen:
    """All objects of the cluster that the policy engine reads, by one list call for each kind that is served.

    Raises ClusterError when the API server serves no NetworkPolicies, or forbids to list one of `KINDS`.
    """
    found = [item for kind, versions, plural in KINDS for item in _listed(api, kind, versions, plural)]
    served = _served(api)
    findings: t.List[Finding] = []
    for kind, groups, plural in OPTIONAL:
        group = next((one for one in groups if one in served), "")
        try:
            found += _items(api, kind, served.get(group, ()), plural) or ()
        except kube_client.RefusedError:
            findings.append(lints.not_listed(f"{plural}.{group}"))
    return Seen(found, tuple(findings))


def _served(api: Api) -> t.Dict[str, t.Tuple[str, ...]]:
    """The versions (``group/version``) in which each API group is served, the preferred one first."""
    groups = (api.item("/apis") or {}).get("groups") or ()
    return {group["name"]: tuple(version["groupVersion"] for version in group.get("versions") or ()) for group in groups}


def nodes(api: Api) -> t.List[Raw]:
    """The Nodes alone."""
    return _listed(api, "Node", ("v1",), "nodes")


def _listed(api: Api, kind: str, versions: t.Sequence[str], plural: str) -> t.List[Raw]:
    found = _items(api, kind, versions, plural)
    if found is None and kind == "NetworkPolicy":
        raise _errors.ClusterError("the API server does not serve networking.k8s.io/v1", "NetworkPolicy", "Is this a Kubernetes cluster?")
    return found or []


def _items(api: Api, kind: str, versions: t.Sequence[str], plural: str) -> t.Optional[t.List[Raw]]:
    """In the first of the versions that has the kind; None where none has."""
    for version in versions:
        found = api.items(f"/apis/{version}/{plural}" if "/" in version else f"/api/{version}/{plural}")
        if found is not None:
            # Items of a list do not say what they are.
            return [{"apiVersion": version, "kind": kind, **item} for item in found]
    return None


def cni_of(api: Api) -> str:
    """The policy engine's profile of the CNI that enforces policies there, or of one that enforces none: see `network.policy_profile`."""
    return network.policy_profile(api.items("/apis/apps/v1/daemonsets") or ())
