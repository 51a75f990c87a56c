# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""SIGKILL in the middle, then the same command again: builds, the start of nodes, and the migration all end in the same good state.

Takes about half an hour and uses the machine's one lab: ``make test-long``.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.skipif(os.geteuid() != 0, reason="the lab needs root")]

ROOT = Path(__file__).parents[3]
MIGRATE = ["ansible-playbook", "--inventory", "inventories/lab", "playbooks/migrate-to-calico.yml"]
RUN_SECONDS = 900


def lab(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "lab", *arguments]


def run(argv: list[str], **environment: str) -> str:
    """Runs a command that has to succeed; returns what it said."""
    done = subprocess.run(
        argv, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, timeout=RUN_SECONDS, check=False
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def kill_when(argv: list[str], words: str, after: float = 0.0, **environment: str) -> None:
    """Starts a command and kills its whole process group, some seconds after it has said these words."""
    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, "ANSIBLE_NOCOLOR": "1", "PYTHONUNBUFFERED": "1", **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = _read_until(process, words)
    time.sleep(after)  # into the middle of what was announced: a moment, not a condition that could be polled
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL, f"it ended before it could be killed:\n{said[-2000:]}"
    assert process.stdout is not None
    process.stdout.close()  # Ansible's workers are in sessions of their own: one that outlives it must not wait for us to read


def _read_until(process: subprocess.Popen[str], words: str) -> str:
    assert process.stdout is not None
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    pytest.fail(f"it never said {words!r}:\n{said[-4000:]}")


@pytest.fixture(scope="module", autouse=True)
def no_lab_afterwards() -> t.Iterator[None]:
    yield
    assert "nothing is left behind" in run(lab("down"))


def test_killed_build(tmp_path: Path) -> None:
    """The second call builds what the first did not finish, and no unfinished file stays where a finished one is looked for."""
    kill_when(lab("build"), "building agnhost", after=0.3, LAB_CACHE=str(tmp_path))
    finished = {path.name for path in (tmp_path / "bin").iterdir() if not path.name.startswith(".")}
    assert [name for name in finished if name.startswith("kube-")] != []
    assert [name for name in finished if name.startswith("myapp-")] == []
    assert "building kube from" not in run(lab("build"), LAB_CACHE=str(tmp_path))
    assert "all 14 are built already" in run(lab("build"), LAB_CACHE=str(tmp_path))


@pytest.mark.parametrize(
    ("words", "after"),
    [
        ("registries and manifests on the host ...", 0.1),
        ("booting", 0.5),
        ("kubeadm init and join ...", 5.0),
        ("by the collection's own roles ...", 6.0),
    ],
)
def test_killed_start(words: str, after: float) -> None:
    """Nodes that a killed start left running do not disturb the next one."""
    kill_when(lab("reset"), words, after)
    run(lab("up"))
    assert "run already and are what is wanted" in run(lab("up"))


@pytest.mark.parametrize(
    ("task", "after"),
    [
        ("Write the journal", 0.2),
        ("Remove flannel's objects", 1.5),
        ("Remove flannel's CNI configuration from every node", 0.3),
        ("Apply Calico's objects", 2.0),
        ("Wait until calico-node runs on every node", 5.0),
        ("podnet.cni.kubelet : Restart kubelet", 0.5),
        ("Recreate every pod whose address is not Calico's", 3.0),
        ("podnet.cni.cni_cleanup", 1.0),
        ("Put the pod network to the test", 6.0),
    ],
)
def test_killed_migration(task: str, after: float) -> None:
    """The same command goes on from what it finds, ends verified, and has nothing to do a third time."""
    run(lab("reset"))
    kill_when(MIGRATE, task, after)
    said = run(MIGRATE)
    assert "policy-enforced" in said
    assert set(re.findall(r"changed=(\d+)", run(MIGRATE))) == {"0"}
    assert leftovers_of_flannel() == []


def leftovers_of_flannel() -> list[str]:
    """Lines about flannel on the nodes, by the kernel's own words."""
    look = "ip -o link; ip route show table all; iptables-legacy-save; iptables-nft-save; ls /etc/cni/net.d /run /opt/cni/bin /var/lib/cni"
    said = run(["ansible", "k8s_cluster", "--inventory", "inventories/lab", "--module-name", "ansible.builtin.shell", "--args", look])
    return [line for line in said.splitlines() if "flannel" in line.lower() or "cni0" in line]
