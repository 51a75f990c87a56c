# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Selection: while Calico comes node by node, calico-node runs only where a label says so.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects

LABEL = f"{objects.OWN_LABELS}calico"
VALUE = "true"


@dataclasses.dataclass(frozen=True)
class LabelPatch:
    """Gives one node the label, or takes it."""

    node: str
    value: t.Optional[str]

    @property
    def body(self) -> t.Dict[str, t.Any]:
        """The JSON merge patch: a null removes a label."""
        return {"metadata": {"labels": {LABEL: self.value}}}


def is_selected(labels: t.Mapping[str, str]) -> bool:
    """Whether a node with these labels is chosen."""
    return labels.get(LABEL) == VALUE


def selected(nodes: t.Iterable[objects.Raw]) -> t.Tuple[str, ...]:
    """The nodes that have the label, in order of their names."""
    return tuple(sorted(objects.metadata(node)["name"] for node in nodes if is_selected(objects.metadata(node).get("labels") or {})))


def select(nodes: t.Iterable[objects.Raw], names: t.Iterable[str]) -> t.Tuple[LabelPatch, ...]:
    """Labels the nodes that lack the label; others keep theirs."""
    have = set(selected(nodes))
    return tuple(LabelPatch(name, VALUE) for name in dict.fromkeys(names) if name not in have)


def deselect(nodes: t.Iterable[objects.Raw], names: t.Iterable[str]) -> t.Tuple[LabelPatch, ...]:
    """Takes the label from the nodes, or from all that have it when none is named."""
    wanted = set(names)
    return tuple(LabelPatch(name, None) for name in selected(nodes) if not wanted or name in wanted)


def agents(pods: t.Iterable[objects.Raw], daemonset: objects.Raw) -> t.Dict[str, objects.Raw]:
    """The DaemonSet's pods that are not being deleted, by node."""
    own = [pod for pod in pods if belongs(pod, daemonset)]
    return {objects.pod(pod).node: pod for pod in own if not objects.pod(pod).deleting}


def belongs(pod: objects.Raw, daemonset: objects.Raw) -> bool:
    """Whether the DaemonSet made the pod."""
    record = objects.pod(pod)
    return (record.owner_kind, record.owner_name) == ("DaemonSet", objects.metadata(daemonset)["name"])
