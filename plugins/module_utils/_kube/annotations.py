# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes annotations from Node objects.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import NodePatch
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api


def remove(client: t.Any, patches: t.Iterable[NodePatch], dry_run: bool) -> None:
    """Sends the patches, in a dry run for the server's opinion only; a node that is gone by now has nothing left to remove."""
    api = Api(client)
    for patch in patches:
        api.patch(ObjectRef("v1", "Node", patch.node), patch.body, dry_run)
