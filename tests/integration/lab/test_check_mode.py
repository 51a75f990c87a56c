# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode of the whole migration names the very tasks and nodes that the real run changes."""

from __future__ import annotations

import json
import typing as t

import pytest

from tests.support.lab_commands import lab, migrate, run

pytestmark = pytest.mark.long

# The journal is a note of what was done: in check mode nothing was, so nothing is noted.
NOTES = ("Begin step ", "Close the journal")


def changed(*arguments: str) -> set[tuple[str, str]]:
    """(task, host) of everything that a run of the migration changes, or says it would."""
    said = run(migrate(*arguments), ANSIBLE_STDOUT_CALLBACK="ansible.posix.json")
    report: dict[str, t.Any] = json.loads(said[said.index("{") :])
    return {
        (task["task"]["name"].rpartition(" : ")[2], host)
        for play in report["plays"]
        for task in play["tasks"]
        for host, result in task["hosts"].items()
        if result.get("changed")
    }


def test_check_mode_predicts_what_the_migration_changes() -> None:
    run(lab("reset"))
    predicted = changed("--check")
    assert changed("--check") == predicted, "check mode changed something"
    done = {(task, host) for task, host in changed() if not task.startswith(NOTES)}
    assert predicted == done
    assert changed() == set()
