# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a node gets rid of what another backend left, while flannel lives.

Routes of old come first, on all nodes, and devices only after that: a node that still sends by its old device would send to nobody.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses

from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import Extras

_CNI = "flannel"


def plan(left: Extras, *, links: bool) -> cleanup.CleanupPlan:
    """The removal of all of it, or, without ``links``, of what leads other nodes' packets astray."""
    owned = model.NodeSnapshot(
        "",
        links=tuple(dataclasses.replace(link, owner=_CNI) for link in left.links) if links else (),
        routes=tuple(dataclasses.replace(route, owner=_CNI) for route in left.routes),
        neighbours=tuple(dataclasses.replace(item, owner=_CNI) for item in left.neighbours),
        fdb=tuple(dataclasses.replace(item, owner=_CNI) for item in left.fdb),
    )
    return cleanup.CleanupPlan(commands=tuple(cleanup.network_commands(owned, _CNI)))
