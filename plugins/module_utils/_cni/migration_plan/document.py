# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan as a person reads and reviews it: Markdown, the same bytes for the same plan.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.checks import counted, shortened
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import estimate, model

_WAYS = {
    "rollout": "rollout restart",
    "evict": "eviction, which respects disruption budgets",
    "in-place": "sandbox restarted in place",
    model.LEAVE: "left",
    model.RECREATE: "deleted and made anew",
}
#: Characters of a list of nodes in a sentence, and a part of the hash that is enough to tell plans apart.
_ROOM = 60
_SHORT = 12


def render(plan: model.Plan, digest: str) -> str:
    """The text of ``plan.md``."""
    lines = [
        *_head(plan, digest),
        *_section("Warnings", [f"- {line}" for line in plan.warnings]),
        *_section("Steps", _table(plan)),
        *[line for number, step in enumerate(plan.steps, 1) for line in _step(plan, number, step)],
        *_section(f"Pods that move ({_pods(plan)})", _moving(plan)),
        *_section("Pods that stay", [f"- {item.namespace}/{item.pod} on {item.node or 'no node'}: {item.reason}" for item in plan.staying]),
        *_section("Images", _images(plan)),
        *_section("To run exactly this", _advice(digest)),
    ]
    return "\n".join(lines) + "\n"


def summary(plan: model.Plan, digest: str) -> t.List[str]:
    """A few lines for the output of a run."""
    size = f"{counted(len(plan.steps), 'step')} on {counted(plan.nodes, 'node')}"
    return [
        f"plan {digest[:_SHORT]}: {size}, about {estimate.words(plan.seconds)} (estimate)",
        f"{_pods(plan)}, {counted(len(plan.staying), 'pod')} stay where they are",
        *(f"warning: {line}" for line in plan.warnings),
        *(f"{number}. {step.name} on {_where(step.nodes)}: {_counts(step)}" for number, step in enumerate(plan.steps, 1)),
    ]


def _head(plan: model.Plan, digest: str) -> t.List[str]:
    return [
        "# Plan: move the pod network to Calico",
        "",
        f"- From {plan.source} to Calico, strategy `{plan.strategy}`, pod network {plan.network}, {counted(plan.nodes, 'node')}",
        f"- The cluster stands at `{plan.state}`",
        f"- About {estimate.words(plan.seconds)}. {estimate.MODEL}",
        f"- Hash `{digest}`",
    ]


def _section(title: str, lines: t.Sequence[str]) -> t.List[str]:
    return ["", f"## {title}", "", *lines] if lines else []


def _table(plan: model.Plan) -> t.List[str]:
    rows = [
        f"| {number} | {step.name} | {_where(step.nodes)} | {_counts(step)} | {estimate.words(step.seconds)} |"
        for number, step in enumerate(plan.steps, 1)
    ]
    return ["| | step | nodes | changes | about |", "|---|---|---|---|---|", *rows]


def _where(nodes: t.Sequence[str]) -> str:
    return shortened(nodes, _ROOM) or "all"


def _counts(step: model.Step) -> str:
    """Items, counted once for each node they are on."""
    written, deleted = (sum(len(change.items) * max(1, len(change.nodes)) for change in part) for part in (step.written, step.deleted))
    return f"{written} written, {deleted} deleted"


def _place(plan: model.Plan, nodes: t.Sequence[str]) -> str:
    return "every node" if len(nodes) == plan.nodes > 1 else ", ".join(nodes)


def _step(plan: model.Plan, number: int, step: model.Step) -> t.List[str]:
    lines = ["", f"### {number}. {step.name}", "", f"{step.title}{' on ' + ', '.join(step.nodes) if step.nodes else ''}."]
    for title, part in (("Written", step.written), ("Deleted", step.deleted)):
        for change in part:
            place = f"on {_place(plan, change.nodes)}" if change.nodes else "in the API server"
            lines += ["", f"{title} {place}:", "", *(f"- {item}" for item in change.items)]
    return [*lines, *(["", *(f"- {note}" for note in step.notes)] if step.notes else [])]


def _pods(plan: model.Plan) -> str:
    return f"{counted(sum(item.pods for item in plan.moving), 'pod')} of {counted(len(plan.moving), 'workload')}"


def _moving(plan: model.Plan) -> t.List[str]:
    if not plan.moving:
        return []
    rows = [
        f"| {item.tier or '-'} | {item.title} | {item.pods} | {', '.join(_WAYS.get(way, way) for way in item.ways)} | "
        f"{shortened(item.nodes, _ROOM)} | {'; '.join(item.notes)} |"
        for item in plan.moving
    ]
    return ["| tier | workload | pods | way | nodes | note |", "|---|---|---|---|---|---|", *rows]


def _images(plan: model.Plan) -> t.List[str]:
    lines = [f"- {image.name}: {_place(plan, image.nodes) or 'a node that the scheduler chooses'}" for image in plan.images]
    return [*lines, "", "Which of them a node has already is not known here."] if lines else []


def _advice(digest: str) -> t.List[str]:
    start = digest[:_SHORT]
    return [
        f"Keep `plan.json`, and name it in `cni_migration_plan`. The run refuses to begin where its hash is no longer `{start}...`.",
        "Pods that are rescheduled in the meantime do not count, nor do Jobs. A new node, workload, backend or manifest does.",
    ]
