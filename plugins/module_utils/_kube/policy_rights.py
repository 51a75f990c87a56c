# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether one may do what a measurement needs, asked before anything is made.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api

_REVIEW = "authorization.k8s.io/v1"


@dataclasses.dataclass(frozen=True)
class Right:
    """A verb on a resource (``pods/exec``) of an API group; ``namespace`` is "" for what is in none, or for all of them."""

    verb: str
    resource: str
    namespace: str = ""
    group: str = ""

    def __str__(self) -> str:
        return (
            f"{self.verb} {self.resource}" + (f".{self.group}" if self.group else "") + (f" in {self.namespace}" if self.namespace else "")
        )


# A command is begun with GET where the client speaks WebSocket, which newer API servers count as create, too.
_EXEC = (("get", "pods/exec"), ("create", "pods/exec"))
_SHADOW = (("create", "pods"), ("delete", "pods"), *_EXEC)
_EPHEMERAL = (("patch", "pods/ephemeralcontainers"), *_EXEC)


def demand(api: Api, own_namespace: str, namespaces: t.Sequence[str], ephemeral: bool) -> None:
    """Raises ClusterError that names all rights that are missing."""
    own = [Right(verb, "namespaces") for verb in ("create", "delete")]
    own += [Right(verb, "leases", own_namespace, lease.API_VERSION.partition("/")[0]) for verb in ("get", "create", "patch")]
    own += [Right("get", "serviceaccounts", own_namespace)]
    missing = [] if ephemeral else [right for right in own if not _has(api, right)]
    for verb, resource in _EPHEMERAL if ephemeral else _SHADOW:
        if not _has(api, Right(verb, resource)):
            missing += [right for right in (Right(verb, resource, name) for name in namespaces) if not _has(api, right)]
    if missing:
        raise _errors.ClusterError(
            f"the kubeconfig's user may not {', '.join(map(str, missing))}",
            "RBAC",
            "Bind a ClusterRole with these verbs and resources to it. Nothing was made.",
        )


def _has(api: Api, right: Right) -> bool:
    resource, _, part = right.resource.partition("/")
    attributes = {"verb": right.verb, "group": right.group, "resource": resource, "subresource": part, "namespace": right.namespace}
    review = {"apiVersion": _REVIEW, "kind": "SelfSubjectAccessReview", "metadata": {}, "spec": {"resourceAttributes": attributes}}
    return bool((api.create(review).get("status") or {}).get("allowed"))
