# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import os
import socket
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import lock
from ansible_collections.podnet.cni.plugins.module_utils._control import run

PLAYBOOK = ("/usr/bin/python3", "/usr/bin/ansible-playbook", "-i", "inventory", "site.yml")
MODULE = ("/usr/bin/python3", "/work-ansible/ansible-tmp-17/AnsiballZ_migration_journal.py")
SHELL = ("/bin/sh", "-c", "/usr/bin/python3 /work-ansible/ansible-tmp-17/AnsiballZ_migration_journal.py")

Process = tuple[int, int, tuple[str, ...]]


@pytest.fixture(name="proc")
def _proc(tmp_path: Path) -> t.Callable[..., str]:
    """A /proc of processes, each a number, its parent's, and its command line; it started at 1000 + number."""

    def make(*processes: Process, name: str = "python3 (x) y") -> str:
        for pid, parent, words in processes:
            folder = tmp_path / str(pid)
            folder.mkdir()
            fields = ["S", str(parent), *["0"] * 17, str(1000 + pid), *["0"] * 5]
            (folder / "stat").write_text(f"{pid} ({name}) {' '.join(fields)}\n")
            (folder / "cmdline").write_text("".join(f"{word}\0" for word in words))
        (tmp_path / "sys/kernel/random").mkdir(parents=True)
        (tmp_path / "sys/kernel/random/boot_id").write_text("b007\n")
        (tmp_path / "self/ns").mkdir(parents=True)
        (tmp_path / "self/ns/pid").symlink_to("pid:[1]")
        return str(tmp_path)

    return make


@pytest.mark.parametrize(
    ("processes", "found"),
    [
        pytest.param([(1, 0, ("init",)), (50, 1, PLAYBOOK), (60, 50, PLAYBOOK), (70, 60, SHELL), (80, 70, MODULE)], 50, id="a task"),
        pytest.param([(50, 0, PLAYBOOK), (80, 50, MODULE)], 50, id="the first process of a container"),
        pytest.param(
            [(40, 1, ("ansible-runner", "run")), (50, 40, PLAYBOOK), (60, 50, PLAYBOOK), (80, 60, MODULE)], 50, id="inside a runner"
        ),
        pytest.param(
            [(40, 1, ("bash", "-c", "cd /srv/ansible && ansible-playbook site.yml")), (50, 40, PLAYBOOK), (80, 50, MODULE)],
            50,
            id="a shell that speaks of it",
        ),
        pytest.param([(50, 1, ("python3", "-m", "ansible", "playbook", "x.yml")), (80, 50, MODULE)], 50, id="python -m ansible"),
        pytest.param([(50, 1, ("python3", "-m", "ansible.cli.playbook", "x.yml")), (80, 50, MODULE)], 50, id="python -m ansible.cli"),
        pytest.param([(50, 1, ("ansible", "localhost", "-m", "x")), (80, 50, MODULE)], 50, id="ad hoc"),
        pytest.param([(50, 1, ("sshd: root@notty",)), (70, 50, SHELL), (80, 70, MODULE)], None, id="over SSH"),
        pytest.param([(80, 1, MODULE)], None, id="an orphan"),
    ],
)
def test_the_run_behind_a_task(proc: t.Callable[..., str], processes: list[Process], found: int | None) -> None:
    own = run.own_run(proc(*processes), 80)
    assert (own and own.pid) == found
    assert own is None or own.start == 1000 + own.pid


def test_without_a_proc_there_is_no_run(tmp_path: Path) -> None:
    assert run.own_run(str(tmp_path / "none")) is None
    assert run.place(str(tmp_path / "none")) == "nowhere"


@pytest.mark.parametrize(
    ("change", "lives"),
    [
        ({}, True),
        ({"pid": 51}, False),
        ({"start": 1}, False),
        ({"host": "elsewhere"}, None),
        ({"place": "another"}, None),
    ],
)
def test_whether_another_run_lives(proc: t.Callable[..., str], change: dict[str, t.Any], lives: bool | None) -> None:
    folder = proc((50, 1, PLAYBOOK))
    there = lock.Run("ops", socket.gethostname(), 50, 1050, run.place(folder))
    assert run.alive(dataclasses.replace(there, **change).identity, folder) is lives


def test_nobody_knows_of_a_holder_named_by_hand() -> None:
    assert run.alive("pipeline 17") is None


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this machine has no /proc")
def test_a_real_process_lives_until_it_ends() -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        stat = Path(f"/proc/{process.pid}/stat").read_text()
        identity = lock.Run("me", socket.gethostname(), process.pid, int(stat.rpartition(")")[2].split()[19]), run.place()).identity
        assert run.alive(identity) is True
        process.kill()
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert run.alive(identity) is False, "a zombie does nothing any more"
    assert run.alive(identity) is False


def test_a_process_of_no_run_names_itself() -> None:
    assert run.alive(run.name()) is True
