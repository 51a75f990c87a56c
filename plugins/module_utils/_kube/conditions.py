# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and corrects the nodes' conditions that CNIs write.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import annotations as node_annotations
from ansible_collections.podnet.cni.plugins.module_utils._cni import conditions
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ClusterSnapshot, ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import collect
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api


def plan(client: t.Any, cni: str) -> t.Tuple[conditions.Correction, ...]:
    """What is to be corrected so that the nodes tell that ``cni`` runs on them."""
    served = _served(collect.collect(client), cni)
    return conditions.plan(Api(client).items("/api/v1/nodes") or (), cni, served)


def correct(client: t.Any, corrections: t.Iterable[conditions.Correction], now: str, dry_run: bool) -> None:
    """Sends the patches, in a dry run for the server's opinion only; a node that is gone by now needs none."""
    api = Api(client)
    for correction in corrections:
        api.patch_part(ObjectRef("v1", "Node", correction.node), "status", correction.body(now), dry_run)


def _served(seen: ClusterSnapshot, cni: str) -> t.Set[str]:
    """The nodes on which an agent of the CNI is ready."""
    agents = {(ref.namespace, ref.kind, ref.name) for ref in node_annotations.alive(seen, cni)}
    agents |= {(ref.namespace, ref.kind, ref.name) for flannel in seen.flannel if cni == "flannel" for ref in flannel.daemonsets}
    return {pod.node for pod in seen.pods if pod.ready and not pod.deleting and (pod.namespace, pod.owner_kind, pod.owner_name) in agents}
