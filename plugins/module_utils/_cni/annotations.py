# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which annotations a dead CNI left on the Node objects, and the patches that remove them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ClusterSnapshot, ObjectRef

#: What the annotations begin with that a CNI wrote, or that say something about it alone.
PREFIXES: t.Mapping[str, t.Tuple[str, ...]] = {
    "flannel": (objects.CNI_ANNOTATIONS[0], objects.DRIFT_NOTE),
    "calico": (objects.CNI_ANNOTATIONS[1],),
}


@dataclasses.dataclass(frozen=True)
class NodePatch:
    """The annotations to take from one node."""

    node: str
    annotations: t.Tuple[str, ...]

    @property
    def body(self) -> t.Dict[str, t.Any]:
        """The JSON merge patch: a null removes a key, and it is no error when the key is gone already."""
        return {"metadata": {"annotations": dict.fromkeys(self.annotations)}}


def plan(cluster: ClusterSnapshot, cni: str) -> t.Tuple[NodePatch, ...]:
    """One patch for each node that still has annotations of ``cni``, by node name."""
    found = {node.name: tuple(sorted(filter(_of(cni), node.annotations))) for node in cluster.nodes}
    return tuple(NodePatch(name, found[name]) for name in sorted(found) if found[name])


def alive(cluster: ClusterSnapshot, cni: str) -> t.Tuple[ObjectRef, ...]:
    """The DaemonSets of ``cni``; as long as there is one, it would only write its annotations again."""
    if cni == "flannel":
        return tuple(flannel.daemonset for flannel in cluster.flannel)
    if cluster.calico and cluster.calico.daemonset:
        return (cluster.calico.daemonset,)
    return ()


def before(cluster: ClusterSnapshot, patches: t.Iterable[NodePatch]) -> t.Dict[str, t.Dict[str, str]]:
    """The values that the patches remove, by node."""
    values = {node.name: node.annotations for node in cluster.nodes}
    return {patch.node: {name: values[patch.node][name] for name in patch.annotations} for patch in patches}


def _of(cni: str) -> t.Callable[[str], bool]:
    prefixes = PREFIXES[cni]
    return lambda name: name.startswith(prefixes)
