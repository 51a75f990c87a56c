# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a migration's plan: what it is made of, and what it says.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.batches import Batch
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ClusterSnapshot

#: Of ``plan.json``. Grows when the next release would compare what the last one wrote with something else.
SCHEMA = 1

SIDE_BY_SIDE = "side_by_side"
CUTOVER = "cutover"
STRATEGIES = (SIDE_BY_SIDE, CUTOVER)

#: A pod that is not moved, in the words of `_cni.rollout.model`; and one that the strategy cutover deletes.
LEAVE = "leave"
RECREATE = "recreate"

#: Kind of the one item that stands for all routes to the cluster's nodes.
ROUTES = "routes"


@dataclasses.dataclass(frozen=True)
class Workload:
    """A controller with pods to move, or one bare pod. ``ways`` are those of `_cni.rollout.model`, or `RECREATE`."""

    kind: str
    namespace: str
    name: str
    ways: t.Tuple[str, ...]
    pods: int = 1
    nodes: t.Tuple[str, ...] = ()
    tier: str = ""
    notes: t.Tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True)
class Staying:
    """A pod that nobody moves, and why."""

    kind: str
    namespace: str
    name: str
    pod: str
    node: str
    reason: str

    @property
    def title(self) -> str:
        """The pod's workload, or the pod."""
        return f"{self.kind} {self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """Calico's manifest as it will be applied: the objects, the digest of what was fetched, and that of what became of it."""

    resources: t.Tuple[t.Mapping[str, t.Any], ...] = ()
    images: t.Tuple[str, ...] = ()
    sha256: str = ""
    rendered: str = ""


@dataclasses.dataclass(frozen=True)
class Adoption:
    """What `calico_adoption` would write: the address blocks by node, and the objects by their names."""

    blocks: t.Tuple[t.Tuple[str, str], ...] = ()
    block_size: int = 0
    mtu: int = 0
    written: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Removal:
    """One item that goes from a node, as `cni_cleanup` names it."""

    kind: str
    name: str

    @property
    def title(self) -> str:
        return f"{self.kind} {self.name}"


@dataclasses.dataclass(frozen=True)
class Facts:
    """All that a plan is made of, as the other modules return it in check mode.

    ``removals`` and ``node_writes`` are by node. ``settings`` are those by which a run is steered.
    """

    cluster: ClusterSnapshot
    state: str
    network: str
    strategy: str
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    warnings: t.Tuple[str, ...] = ()
    batches: t.Tuple[Batch, ...] = ()
    adoption: Adoption = Adoption()
    manifest: Manifest = Manifest()
    moving: t.Tuple[Workload, ...] = ()
    staying: t.Tuple[Staying, ...] = ()
    removals: t.Mapping[str, t.Tuple[Removal, ...]] = dataclasses.field(default_factory=dict)
    node_writes: t.Mapping[str, t.Tuple[str, ...]] = dataclasses.field(default_factory=dict)

    @property
    def nodes(self) -> t.Tuple[str, ...]:
        return tuple(sorted(node.name for node in self.cluster.nodes))

    def setting(self, name: str) -> str:
        """A setting as text; empty when it is not told."""
        return str(self.settings.get(name, "") or "")


@dataclasses.dataclass(frozen=True)
class Change:
    """Items that are written or deleted in the same place: on each of these nodes, or without nodes in the API server."""

    items: t.Tuple[str, ...]
    nodes: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Step:
    """One step, named as the journal will name it. ``seconds`` is an estimate, ``notes`` is what else a reader should know."""

    name: str
    title: str
    seconds: int
    nodes: t.Tuple[str, ...] = ()
    written: t.Tuple[Change, ...] = ()
    deleted: t.Tuple[Change, ...] = ()
    notes: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Image:
    """An image to pull, and the nodes that run it; without nodes it is one that the scheduler chooses."""

    name: str
    nodes: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Plan:
    """What will be done, in order. ``seconds`` is the sum of the steps' estimates."""

    strategy: str
    state: str
    source: str
    network: str
    nodes: int
    seconds: int
    warnings: t.Tuple[str, ...]
    steps: t.Tuple[Step, ...]
    images: t.Tuple[Image, ...]
    moving: t.Tuple[Workload, ...]
    staying: t.Tuple[Staying, ...]
