# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Counts what a playbook runs: one line of JSON for each result of a module, with where it ran and how long it took."""

from __future__ import annotations

import json
import os
import time
import typing as t
from pathlib import Path

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: count_tasks
type: aggregate
short_description: Count what a playbook runs
description: For C(make bench) alone.
"""

#: What the control machine does without a module, so that no node hears of it.
CONTROL_ONLY = ("assert", "debug", "fail", "group_by", "import_role", "include_role", "include_tasks", "meta", "set_fact")


class CallbackModule(CallbackBase):
    """Writes into the file that PODNET_BENCH_TASKS names."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "count_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._path = Path(os.environ["PODNET_BENCH_TASKS"])
        self._path.write_text("")
        self._begun = time.time()

    def v2_playbook_on_task_start(self, *_task: t.Any, **_more: t.Any) -> None:
        self._begun = time.time()

    def v2_runner_on_ok(self, result: t.Any) -> None:
        self._write(result)

    def v2_runner_item_on_ok(self, result: t.Any) -> None:
        self._write(result, item=True)

    def _write(self, result: t.Any, item: bool = False) -> None:
        task = result._task  # noqa: SLF001  # a callback has no other way to it
        if not item and task.loop is not None:
            return  # its items were written
        action = task.action.rpartition(".")[2]
        entry = {
            "host": result._host.get_name(),  # noqa: SLF001  # the same
            "task": task.get_name(),
            "action": action,
            "where": "control" if task.delegate_to or action in CONTROL_ONLY else "node",
            "item": item,
            "seconds": round(time.time() - self._begun, 3),
        }
        with self._path.open("a") as file:
            file.write(json.dumps(entry) + "\n")
