# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How much a run of a playbook does: modules on nodes, modules on the control machine, requests to the API server."""

from __future__ import annotations

import collections
import json
import typing as t
from pathlib import Path

_MOST_NAMED = 12

Counts = dict[str, t.Any]


def of(scratch: Path) -> Counts:
    """What the callback and the hook have written into a folder."""
    requests = scratch / "requests.txt"
    lines = requests.read_text().splitlines() if requests.exists() else []
    return count([json.loads(line) for line in (scratch / "tasks.jsonl").read_text().splitlines()], lines)


def count(tasks: t.Sequence[t.Mapping[str, t.Any]], requests: t.Sequence[str]) -> Counts:
    """The numbers. A node's is the most of any node; ``slowest`` are the tasks that took longest, in seconds."""
    nodes = collections.Counter(task["host"] for task in tasks if task["where"] == "node")
    snapshots = collections.Counter(task["host"] for task in tasks if task["action"] == "cni_info")
    seconds: dict[str, float] = collections.defaultdict(float)
    for task in _last_of_each(tasks):
        seconds[task["task"]] += task["seconds"]
    slowest = sorted(seconds.items(), key=lambda item: -item[1])[:_MOST_NAMED]
    return {
        "node_modules": max(nodes.values(), default=0),
        "node_snapshots": max(snapshots.values(), default=0),
        "node_items": sum(1 for task in tasks if task["item"] and task["where"] == "node"),
        "control_modules": sum(1 for task in tasks if task["where"] == "control" and task["action"] not in _WORDS_ONLY),
        "requests": dict(collections.Counter(line.partition(" ")[0] for line in requests)),
        "slowest": [[name, round(spent, 1)] for name, spent in slowest],
    }


def line(counts: Counts) -> str:
    """In a line, then its slowest tasks."""
    made = ", ".join(f"{number} {method}" for method, number in sorted(counts["requests"].items())) or "none"
    first = (
        f"{counts['seconds']:.0f} s; modules on a node {counts['node_modules']} ({counts['node_snapshots']} of them cni_info, "
        f"{counts['node_items']} in loops), on the control machine {counts['control_modules']}; "
        f"requests to the API server {sum(counts['requests'].values())} ({made})"
    )
    return "\n".join([first, *(f"  {spent:6.1f} s {name}" for name, spent in counts["slowest"])])


#: What runs no module anywhere.
_WORDS_ONLY = ("assert", "debug", "fail", "group_by", "import_role", "include_role", "include_tasks", "meta", "set_fact")


def _last_of_each(tasks: t.Sequence[t.Mapping[str, t.Any]]) -> list[t.Mapping[str, t.Any]]:
    """Hosts work at the same time, so a task lasts as long as its last host: of lines of the same task in a row, the last."""
    following = [*tasks[1:], {"task": None}]
    return [task for task, after in zip(tasks, following, strict=True) if task["task"] != after["task"]]
