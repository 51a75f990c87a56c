# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the steps of a migration may last: a simple model, measured on a cluster of three small nodes.

It knows nothing of slow images, slow readiness probes and disruption budgets that make an eviction wait.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import math
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import model

#: In words, for whoever reads the number.
MODEL = (
    "An estimate: each step its usual time; 1.5 s for each task on five nodes; 6 s for each pod that a rollout replaces, those of a "
    "Deployment in at most four waves, others one by one; 10 s for an eviction, 5 s for a restart in place. "
    "Pulling images and slow readiness probes come on top."
)

#: Nodes that Ansible works on at the same time, and seconds of a task on them.
_FORKS = 5
_NODE_TASK = 1.5

_POD = 6
_WAVES = 4
_EVICTION = 10
_IN_PLACE = 5

#: What of a step does not depend on the size of the cluster.
_BASE = {
    "begin-journal": 25,
    "stage-calico": 3,
    "enable": 9,
    "remove-flannel": 18,
    "clean-nodes": 2,
    "release-calico": 15,
    "apply-calico": 20,
    "restart-kubelets": 5,
    "verify": 33,
}
#: Tasks on each node in a step.
_TASKS = {"begin-journal": 1, "stage-calico": 2, "enable": 2, "remove-flannel": 1, "clean-nodes": 3, "restart-kubelets": 4, "verify": 3}
#: Canary pods that prove every pair of nodes.
_TRAFFIC = 12


def step(name: str, nodes: int) -> int:
    """Seconds of a step that moves no pods, in a cluster of so many nodes."""
    return round(_BASE[name] + _TASKS.get(name, 0) * _NODE_TASK * math.ceil(nodes / _FORKS))


def batch(nodes: int, traffic: bool) -> int:
    """Seconds until a batch of nodes has Calico and its gate is passed."""
    return step("enable", nodes) + (_TRAFFIC + nodes // 2 if traffic else 0)


def moves(moving: t.Iterable[model.Workload], parallel: int) -> int:
    """Seconds until the pods have moved: tier after tier, in each so many workloads at a time, and those in place at last."""
    tiers: t.Dict[str, t.List[int]] = {}
    in_place: t.Dict[str, int] = {}
    for workload in moving:
        if "in-place" in workload.ways:
            for node in workload.nodes:
                in_place[node] = in_place.get(node, 0) + _IN_PLACE
        tiers.setdefault(workload.tier, []).append(_seconds(workload))
    together = sum(max([*seconds, math.ceil(sum(seconds) / max(1, parallel))]) for seconds in tiers.values())
    return together + max(in_place.values(), default=0)


def recreation(moving: t.Iterable[model.Workload], parallel: int) -> int:
    """Seconds until all pods were deleted and are back, so many at a time."""
    return 10 + 10 * math.ceil(sum(workload.pods for workload in moving) / max(1, parallel))


def words(seconds: int) -> str:
    """``45 s``, ``2 min 55 s``, ``1 h 5 min``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _seconds(workload: model.Workload) -> int:
    """Of the ways that the API server goes."""
    if "evict" in workload.ways:
        return _EVICTION * workload.pods
    if "rollout" in workload.ways:
        return _POD * (min(workload.pods, _WAVES) if workload.kind == "Deployment" else workload.pods)
    return 0
