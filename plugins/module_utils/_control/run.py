# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which run of Ansible a module belongs to, and whether another run still lives. Reads /proc of the machine Ansible runs on.

Each task is a process of its own that ends at once, so what a lock must name is the ansible-playbook behind it. Ansible tells its
number to nobody: a lookup plugin would be evaluated now in that process and now in a child of it, so it would have to walk up the
parents as well. The module does, in this one place.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pwd
import re
import socket
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import lock

_PROC = "/proc"
#: ansible-playbook, ansible-console, ..., also as `python -m ansible playbook` or `python -m ansible.cli.playbook`.
_ANSIBLE = re.compile(r"ansible(-[a-z]+|\.cli\.[a-z]+)?")
#: The words of a command line that may name the program: an interpreter, its option, and the script.
_FIRST_WORDS = 3
#: Where /proc/PID/stat holds what, counted from behind the program's name.
_STATE, _PARENT, _START = 0, 1, 19
_ENDED_STATES = "ZX"


@dataclasses.dataclass(frozen=True)
class _Process:
    pid: int
    parent: int
    start: int
    state: str
    words: t.Tuple[str, ...]

    @property
    def is_ansible(self) -> bool:
        # A command line of a shell is one word with spaces: it may speak of Ansible without being it.
        return any(_ANSIBLE.fullmatch(os.path.basename(word)) for word in self.words[:_FIRST_WORDS])


def own_run(proc: str = _PROC, pid: t.Optional[int] = None) -> t.Optional[lock.Run]:
    """The run whose task this process is; None when no ansible-playbook is among its parents, or there is no /proc."""
    found: t.Optional[_Process] = None
    for process in _ancestors(proc, os.getpid() if pid is None else pid):
        # Ansible's workers are forks that carry the command line of the run: the outermost of the same line is the run itself.
        if found and process.words != found.words:
            break
        if process.is_ansible:
            found = process
    return lock.Run(_user(), socket.gethostname(), found.pid, found.start, place(proc)) if found else None


def name() -> str:
    """The identity of the run whose task this process is; where there is none, of this process."""
    own = own_run() or _this_process()
    return own.identity if own else f"{_user()}@{socket.gethostname()}"


def alive(identity: str, proc: str = _PROC) -> t.Optional[bool]:
    """Whether the run of that identity still lives; None when it cannot be seen from here."""
    run = lock.parse(identity)
    if run is None or run.host != socket.gethostname() or run.place != place(proc):
        return None
    process = _read(proc, run.pid)
    return process is not None and process.start == run.start and process.state not in _ENDED_STATES


def _this_process() -> t.Optional[lock.Run]:
    process = _read(_PROC, os.getpid())
    return lock.Run(_user(), socket.gethostname(), process.pid, process.start, place()) if process else None


def place(proc: str = _PROC) -> str:
    """A short name of what numbers the processes here: this boot of this kernel, and the container if there is one."""
    try:
        with open(os.path.join(proc, "sys/kernel/random/boot_id"), encoding="ascii") as file:
            boot = file.read().strip()
        names = os.readlink(os.path.join(proc, "self/ns/pid"))
    except OSError:
        return "nowhere"
    return hashlib.sha256(f"{boot} {names}".encode()).hexdigest()[:12]


def _ancestors(proc: str, pid: int) -> t.Iterator[_Process]:
    """The process and its parents, innermost first."""
    process = _read(proc, pid)
    while process is not None:
        yield process
        process = _read(proc, process.parent) if process.parent else None


def _read(proc: str, pid: int) -> t.Optional[_Process]:
    folder = os.path.join(proc, str(pid))
    try:
        with open(os.path.join(folder, "stat"), encoding="utf-8", errors="replace") as file:
            # The name is in brackets and may hold any character, brackets too.
            fields = file.read().rpartition(")")[2].split()
        with open(os.path.join(folder, "cmdline"), encoding="utf-8", errors="replace") as file:
            words = tuple(word for word in file.read().split("\0") if word)
    except OSError:
        return None
    return _Process(pid, int(fields[_PARENT]), int(fields[_START]), fields[_STATE], words)


def _user() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
