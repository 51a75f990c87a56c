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
import typing as t
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUN_SECONDS = 900


def lab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def migrate(*arguments: str, inventory: str = "inventories/lab") -> list[str]:
    return ["ansible-playbook", "--inventory", inventory, "playbooks/migrate-to-calico.yml", *arguments]


def run(argv: list[str], **variables: str) -> str:
    """Runs a command that has to succeed; returns what it said."""
    done = subprocess.run(argv, cwd=ROOT, env=environment(variables), capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def on_nodes(command: str, inventory: str = "inventories/lab", hosts: str = "k8s_cluster", may_fail: bool = False) -> set[str]:
    """Runs a shell command on every node, or on some; returns what they said, each different answer once."""
    said = run(
        [
            "ansible",
            "--inventory",
            inventory,
            hosts,
            "--become",
            "--one-line",
            "-m",
            "shell",
            "-a",
            command + ("; true" if may_fail else ""),
        ]
    )
    return {line.partition("(stdout)")[2].strip() for line in said.splitlines() if "(stdout)" in line}


def changes(said: str) -> set[int]:
    """The numbers of changes in the recap of a playbook, over all hosts."""
    return {int(number) for number in re.findall(r"changed=(\d+)", said)}


def kill_when(argv: list[str], words: str, after: float = 0.0, **variables: str) -> None:
    """Starts a command and kills its whole process group, some seconds after it has said these words."""
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env=environment(variables),
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


def leftovers_of_flannel() -> list[str]:
    """Lines about flannel on the nodes, by the kernel's own words."""
    look = "ip -o link; ip route show table all; iptables-legacy-save; iptables-nft-save; ls /etc/cni/net.d /run /opt/cni/bin /var/lib/cni"
    said = run(["ansible", "k8s_cluster", "--inventory", "inventories/lab", "--module-name", "ansible.builtin.shell", "--args", look])
    return [line for line in said.splitlines() if "flannel" in line.lower() or "cni0" in line]


def environment(more: t.Mapping[str, str] | None = None) -> dict[str, str]:
    return {**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1", **(more or {})}
