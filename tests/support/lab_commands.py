# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The commands a person gives in a checkout with a lab, for the long tests: run to a good end, or killed in the middle."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 900


def lab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def migrate(*arguments: str, inventory: str = "inventories/lab") -> list[str]:
    return ["ansible-playbook", "--inventory", inventory, "playbooks/migrate-to-calico.yml", *arguments]


def run(argv: list[str], **environment: str) -> str:
    """Runs a command that has to succeed; returns what it said."""
    done = subprocess.run(argv, cwd=ROOT, env=_environment(environment), capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def on_nodes(command: str, inventory: str = "inventories/lab") -> set[str]:
    """Runs a command on every node; returns what they said, each different answer once."""
    said = run(["ansible", "--inventory", inventory, "k8s_cluster", "--become", "--one-line", "-m", "command", "-a", command])
    return {line.partition("(stdout)")[2].strip() for line in said.splitlines() if "(stdout)" in line}


def changes(said: str) -> set[int]:
    """The numbers of changes in the recap of a playbook, over all hosts."""
    return {int(number) for number in re.findall(r"changed=(\d+)", said)}


def kill_when(argv: list[str], words: str, after: float = 0.0, **environment: str) -> None:
    """Starts a command and kills its whole process group, some seconds after it has said these words."""
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            break
    time.sleep(after)  # into the middle of what was announced: a moment, not a condition that could be polled
    os.killpg(process.pid, signal.SIGKILL)
    # Ansible's workers are in sessions of their own: one that outlives it must not wait for us to read.
    process.stdout.close()
    assert words in said, f"it never said {words!r}:\n{said[-4000:]}"
    assert process.wait(timeout=30) == -signal.SIGKILL, f"it ended before it could be killed:\n{said[-2000:]}"


def _environment(more: dict[str, str]) -> dict[str, str]:
    return {**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1", **more}
