# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs host programs, and keeps what the lab starts in control groups of its own.

Every process of the lab lives below ``podnet-lab/<group>`` in each cgroup hierarchy, so that stopping a node means
ending exactly what is in its group: nothing is looked up by name, and nothing is missed after a crash.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from lab.settings import LabError

CGROUP_ROOT = Path("/sys/fs/cgroup")
GROUP = "podnet-lab"
#: A group's processes are gone within this many seconds of SIGKILL, or something is wrong with the kernel.
KILL_SECONDS = 30.0
_JOIN_AND_BECOME = 'while [ "$1" != -- ]; do echo $$ >"$1"; shift; done; shift; exec "$@"'


def run(argv: t.Sequence[str], stdin: str | None = None, timeout: float = 600, env: t.Mapping[str, str] | None = None) -> str:
    """Runs a program to its end and returns its standard output; a failure raises LabError with the program's last words."""
    try:
        done = subprocess.run(
            list(argv), input=stdin, capture_output=True, text=True, timeout=timeout, check=False, env=None if env is None else dict(env)
        )
    except FileNotFoundError:
        raise LabError(f"{argv[0]} is not installed: run `make setup`.") from None
    except subprocess.TimeoutExpired:
        raise LabError(f"`{' '.join(argv)}` did not end within {timeout:.0f} s.") from None
    if done.returncode != 0:
        words = "\n".join((done.stdout + done.stderr).strip().splitlines()[-15:])
        raise LabError(f"`{' '.join(argv)}` failed with exit code {done.returncode}:\n{words}")
    return done.stdout


def is_unified() -> bool:
    """Whether this machine has cgroup v2 alone: one hierarchy for all controllers."""
    return (CGROUP_ROOT / "cgroup.controllers").exists()


def hierarchies() -> tuple[Path, ...]:
    """The mounted cgroup hierarchies (v1 controllers, the named one, and unified), or the one root of cgroup v2."""
    if is_unified():
        return (CGROUP_ROOT,)
    return tuple(path for path in sorted(CGROUP_ROOT.iterdir()) if path.is_dir() and not path.is_symlink())


def start(group: str, argv: t.Sequence[str], log: Path, env: t.Mapping[str, str] | None = None) -> int:
    """Starts a program in the background inside its own control group; returns its process id."""
    folders = [_make_group(root, group) for root in hierarchies()]
    log.parent.mkdir(parents=True, exist_ok=True)

    joined = [*(str(folder / "cgroup.procs") for folder in folders), "--"]
    with log.open("ab") as output:
        process = subprocess.Popen(  # the process is meant to outlive us: its group, not this handle, ends it
            ["sh", "-ec", _JOIN_AND_BECOME, "sh", *joined, *argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=None if env is None else dict(env),
        )
    return process.pid


def _make_group(root: Path, group: str) -> Path:
    folder = root
    for name in (GROUP, *group.split("/")):
        parent, folder = folder, folder / name
        folder.mkdir(exist_ok=True)
        if is_unified():
            _pass_controllers_on(parent)
        else:
            _inherit_cpuset(parent, folder)
    return folder


def _pass_controllers_on(parent: Path) -> None:
    """On v2 a group has only the controllers that its parent hands down."""
    for name in (parent / "cgroup.controllers").read_text().split():
        (parent / "cgroup.subtree_control").write_text(f"+{name}")


def _inherit_cpuset(parent: Path, folder: Path) -> None:
    """A new v1 cpuset group has no CPU and no memory node, so nothing can join it before they are copied."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (folder / name).exists() and not (folder / name).read_text().strip():
            (folder / name).write_text((parent / name).read_text())


def members(group: str = "") -> tuple[int, ...]:
    """The process ids in a group and below it, over all hierarchies."""
    pids: set[int] = set()
    for root in hierarchies():
        # Groups come and go while it walks, which is no error to os.walk.
        for folder, _groups, files in os.walk(root / GROUP / group):
            if "cgroup.procs" in files:
                pids.update(_read_pids(Path(folder, "cgroup.procs")))
    return tuple(sorted(pids))


def _read_pids(listing: Path) -> list[int]:
    try:
        return [int(line) for line in listing.read_text().split()]
    except (FileNotFoundError, OSError):  # the group went away while it was read
        return []


def stop(group: str = "", gently: bool = False) -> None:
    """Ends everything in a group, then removes the group. ``gently`` gives the processes ten seconds after SIGTERM."""
    if gently and members(group):
        _signal(group, signal.SIGTERM)
        _wait_until_empty(group, 10.0)
    deadline = time.monotonic() + KILL_SECONDS
    while members(group):
        _signal(group, signal.SIGKILL)
        if not _wait_until_empty(group, 1.0) and time.monotonic() > deadline:
            raise LabError(f"processes {members(group)} of control group {GROUP}/{group} do not end: reboot the machine.")
    remove_groups(group)


def _signal(group: str, number: int) -> None:
    for pid in members(group):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


def _wait_until_empty(group: str, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while members(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def remove_groups(group: str = "") -> None:
    """Removes a group's folders, the deepest first, in every hierarchy. The kernel may hold one for a moment: retried."""
    deadline = time.monotonic() + 10.0
    while True:
        left = [folder for root in hierarchies() for folder in _folders(root / GROUP / group) if not _removed(folder)]
        if not left:
            return
        if time.monotonic() > deadline:
            raise LabError(f"control group {left[0]} cannot be removed: a process is still in it.")
        time.sleep(0.05)


def _folders(top: Path) -> list[Path]:
    if not top.is_dir():
        return []
    return sorted((path for path in (top, *top.glob("**/")) if path.is_dir()), key=lambda path: -len(path.parts))


def _removed(folder: Path) -> bool:
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True
