# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a CNI has to have on one node.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import FdbKey, NeighbourKey, Own, RouteKey
from ansible_collections.podnet.cni.plugins.module_utils._cni.network import Network


@dataclasses.dataclass(frozen=True)
class Expectation:
    """Of node ``name``. ``networks`` are the ranges of pods, ``kept`` destinations to which a route may be there or not."""

    name: str
    networks: t.Tuple[Network, ...]
    kept: t.FrozenSet[str]
    own: Own
    routes: t.FrozenSet[RouteKey]
    neighbours: t.FrozenSet[NeighbourKey]
    fdb: t.FrozenSet[FdbKey]

    @property
    def cni(self) -> str:
        """Whose all of it is: flannel or calico."""
        raise NotImplementedError

    def is_carrier(self, link: snapshot.Link) -> bool:
        """Whether the device is one of this CNI's that carry packets between nodes."""
        raise NotImplementedError

    def judges(self, route: snapshot.Route) -> bool:
        """Whether the route would be this CNI's, so that it is one too many where it is not wanted."""
        raise NotImplementedError
