# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Why a command failed, out of the many lines that it printed: a log that is cut off keeps its end."""

from __future__ import annotations

import re
import subprocess
import sys
import typing as t

MOST_LINES = 24
_COLOUR = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_FRAME = re.compile(r"^\s*[│┌└] ?")
_OF_PYTEST = re.compile(r"^(E  |FAILED (?!- RETRYING)|ERROR (tests|molecule))")
_OF_MOLECULE = re.compile(r"^CRITICAL ")
_AFTER_A_TASK = ("PLAY RECAP", "TASK [", "RUNNING HANDLER [", "PLAY [", "NO MORE HOSTS")


def told(command: t.Sequence[str]) -> tuple[bool, list[str]]:
    """Runs a command, hands on what it prints as it comes; (passed, its lines)."""
    lines: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace") as process:
        for line in process.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            lines.append(line.rstrip("\n"))
    return process.returncode == 0, lines


def cause(lines: t.Sequence[str]) -> list[str]:
    """The last task of Ansible's that failed with what it said, pytest's and molecule's own words; else the end of the output."""
    plain = [_FRAME.sub("", _COLOUR.sub("", line)).rstrip() for line in lines]
    found = [*_failed_task(plain), *_complaints(plain)]
    return (found or [line for line in plain if line])[-MOST_LINES:]


def _failed_task(plain: t.Sequence[str]) -> list[str]:
    fatal = next((at for at in reversed(range(len(plain))) if plain[at].startswith("fatal: ")), None)
    if fatal is None:
        return []
    task = next((plain[at] for at in reversed(range(fatal)) if plain[at].startswith(("TASK [", "RUNNING HANDLER ["))), "")
    told_by_it = []
    for line in plain[fatal : fatal + MOST_LINES // 2]:
        if line.startswith(_AFTER_A_TASK):
            break
        told_by_it.append(line)
    return [line for line in (task, *told_by_it) if line]


def _complaints(plain: t.Sequence[str]) -> list[str]:
    """Tests that failed, and tasks that molecule found changed a second time, which it lists below its complaint."""
    kept, listing = [], False
    for line in plain:
        complaint = bool(_OF_MOLECULE.match(line))
        listing = complaint or (listing and line.startswith(("*", " ")))
        if listing or _OF_PYTEST.match(line):
            kept.append(line)
    return kept[-MOST_LINES // 2 :]
