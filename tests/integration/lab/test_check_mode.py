# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Check mode of the whole migration names the very tasks and nodes that the real run changes. Needs the lab: ``make test-long``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root")]

ROOT = Path(__file__).parents[3]
RUN_SECONDS = 900
# The journal is a note of what was done: in check mode nothing was, so nothing is noted.
NOTES = ("Note the phase in the journal",)


def run(argv: list[str]) -> str:
    environment = {**os.environ, "ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def changed(*arguments: str) -> set[tuple[str, str]]:
    """(task, host) of everything that a run of the migration changes, or says it would."""
    said = run(["ansible-playbook", "--inventory", "inventories/lab", "playbooks/migrate-to-calico.yml", *arguments])
    report: dict[str, t.Any] = json.loads(said[said.index("{") :])
    return {
        (task["task"]["name"].rpartition(" : ")[2], host)
        for play in report["plays"]
        for task in play["tasks"]
        for host, result in task["hosts"].items()
        if result.get("changed")
    }


def test_check_mode_predicts_what_the_migration_changes() -> None:
    run([sys.executable, "-m", "lab", "reset"])
    predicted = changed("--check")
    assert changed("--check") == predicted, "check mode changed something"
    done = {(task, host) for task, host in changed() if task not in NOTES}
    assert predicted == done
    assert changed() == set()
    run([sys.executable, "-m", "lab", "down"])
