# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes annotations from Node objects.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import NodePatch
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client

#: Seconds to connect and to wait for an answer.
_TIMEOUT = (10, 60)

_NOT_FOUND = 404


def remove(client: t.Any, patches: t.Iterable[NodePatch], dry_run: bool) -> None:
    """Sends the patches, in a dry run for the server's opinion only; a node that is gone by now has nothing left to remove."""
    for patch in patches:
        _patch(client, patch, "All" if dry_run else None)


def _patch(client: t.Any, patch: NodePatch, dry_run: t.Optional[str]) -> None:
    with kube_client.api_errors(f"PATCH node {patch.node}"):
        try:
            client.client.request(
                "PATCH",
                f"/api/v1/nodes/{patch.node}",
                body=patch.body,
                dry_run=dry_run,
                content_type="application/merge-patch+json",
                serialize=False,
                _request_timeout=_TIMEOUT,
            )
        except kube_client.kubernetes.client.exceptions.ApiException as error:
            if error.status != _NOT_FOUND:
                raise
