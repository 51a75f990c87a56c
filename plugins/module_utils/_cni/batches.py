# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order in which nodes get Calico: a canary, the other workers in batches, control planes last.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, selection

_SIZE = re.compile(r"([1-9][0-9]*)(%?)")


@dataclasses.dataclass(frozen=True)
class Batch:
    """Nodes that get Calico together. ``enabled`` ones have it already, from an earlier run: they are only looked at again."""

    name: str
    nodes: t.Tuple[str, ...]
    enabled: bool = False


def plan(nodes: t.Iterable[cluster.Node], canary: str, size: str) -> t.Tuple[Batch, ...]:
    """All nodes, each in one batch. Labels tell which ones had their turn.

    An empty ``canary`` takes the first worker by name; ``size`` is a number, or a share of all nodes in percent.
    """
    known = {node.name: node for node in nodes}
    have = [name for name in sorted(known) if selection.is_selected(known[name].labels)]
    left = sorted((node for name, node in known.items() if name not in have), key=lambda node: (node.control_plane, node.name))
    count = _count(size, len(known))
    if canary and canary not in known:
        raise _errors.BadInputError(f"the cluster has no node {canary}", "canary", "Name nodes as `kubectl get nodes` does.")
    batches = [Batch("nodes that have Calico", tuple(have), enabled=True)] if have else []
    if not have and left:
        first = next((node for node in left if node.name == canary), left[0])
        batches.append(Batch("canary", (first.name,)))
        left.remove(first)
    for name, group in (("workers", [node for node in left if not node.control_plane]), ("control planes", [*filter(_leads, left)])):
        batches += [Batch(name, tuple(node.name for node in group[start : start + count])) for start in range(0, len(group), count)]
    return tuple(batches)


def _leads(node: cluster.Node) -> bool:
    return node.control_plane


def _count(size: str, total: int) -> int:
    """Nodes in a batch, at least one."""
    parsed = _SIZE.fullmatch(size)
    if parsed is None:
        raise _errors.BadInputError(f"{size!r} is no number and no percentage", "batch size", "Write 5 or 20%.")
    number = int(parsed.group(1))
    return max(1, total * number // 100) if parsed.group(2) else number
