# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads of a cluster what decides who may reach whom.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import network
from ansible_collections.podnet.cni.plugins.module_utils._cni.objects import Raw
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api

#: (kind, versions it is served in, newest first, plural). Deployments give their name to pods, and stand for those that are not there.
_KINDS = (
    ("Namespace", ("v1",), "namespaces"),
    ("Node", ("v1",), "nodes"),
    ("Pod", ("v1",), "pods"),
    ("Deployment", ("apps/v1",), "deployments"),
    ("Service", ("v1",), "services"),
    ("EndpointSlice", ("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"), "endpointslices"),
    ("NetworkPolicy", ("networking.k8s.io/v1",), "networkpolicies"),
)


def objects(api: Api) -> t.List[Raw]:
    """All objects of the cluster that the policy engine reads, each with apiVersion and kind, by one list call for each kind.

    Raises ClusterError when the API server serves no NetworkPolicies.
    """
    return [item for kind, versions, plural in _KINDS for item in _listed(api, kind, versions, plural)]


def nodes(api: Api) -> t.List[Raw]:
    """The Nodes alone."""
    return list(_listed(api, "Node", ("v1",), "nodes"))


def _listed(api: Api, kind: str, versions: t.Sequence[str], plural: str) -> t.Iterator[Raw]:
    for version in versions:
        found = api.items(f"/apis/{version}/{plural}" if "/" in version else f"/api/{version}/{plural}")
        if found is not None:
            # Items of a list do not say what they are.
            yield from ({"apiVersion": version, "kind": kind, **item} for item in found)
            return
    if kind == "NetworkPolicy":
        raise _errors.ClusterError("the API server does not serve networking.k8s.io/v1", "NetworkPolicy", "Is this a Kubernetes cluster?")


def cni_of(api: Api) -> str:
    """The policy engine's profile of the CNI that enforces policies there, or of one that enforces none: see `network.policy_profile`."""
    return network.policy_profile(api.items("/apis/apps/v1/daemonsets") or ())
