# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a clean-up plan on this node: back up, run the commands, delete the files, prove that nothing is left.

Adapter. Private: may change at any time.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.cleanup import CleanupPlan, Command, Removal
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError, StillAliveError
from ansible_collections.podnet.cni.plugins.module_utils._node import commands, files

#: Seconds; thousands of links or rules take the kernel a while.
_TIMEOUT = 60.0

#: Items named in an error message.
_SHOWN = 20

_BACKEND = re.compile(r"-(legacy|nft)-")
_COUNTERS = re.compile(r"\[[0-9]+:[0-9]+\]$", re.MULTILINE)


def apply(plan: CleanupPlan, cni: str, backup_dir: str, replan: t.Callable[[], CleanupPlan]) -> str:
    """Removes what ``plan`` lists and returns the backup's directory; ``replan`` looks at the node again.

    A command may complain about an item that went by itself in the meantime. What counts is the second look: whatever is
    still there then is an error, and no file, hence no evidence of ownership, has been deleted yet.
    """
    backup = back_up(plan, cni, backup_dir)
    complaints = [message for message in map(_run, plan.commands) if message]
    if complaints:
        _demand_gone(replan(), cni, complaints, lambda rest: [removal for command in rest.commands for removal in command.removals])
    for removal in plan.paths:
        files.delete(removal.name)
    _demand_gone(replan(), cni, complaints, lambda rest: rest.removals)
    return backup


def back_up(plan: CleanupPlan, cni: str, backup_dir: str) -> str:
    """Stores every file and iptables table that ``plan`` touches, with the list of removals."""
    copies = {"removals.txt": "".join(f"{removal.kind} {removal.name}\n" for removal in plan.removals).encode("utf-8")}
    for program in dict.fromkeys(command.argv[0] for command in plan.commands if command.argv[0].endswith("-restore")):
        saver = program.replace("-restore", "-save")
        copies[saver] = _timeless(_save(saver)).encode("utf-8")
    return files.store_backup(backup_dir, cni, copies, [removal.name for removal in plan.paths])


def _demand_gone(rest: CleanupPlan, cni: str, complaints: t.Sequence[str], items: t.Callable[[CleanupPlan], t.Sequence[Removal]]) -> None:
    if rest.refusals:
        raise StillAliveError(
            f"{cni} came back during the clean-up: {'; '.join(rest.refusals)}",
            next_step=f"Remove {cni} from the cluster for good and run again.",
        )
    left = [f"{removal.kind} {removal.name}" for removal in items(rest)]
    if left:
        more = f" and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
        said = f" The tools said: {' | '.join(complaints)}." if complaints else ""
        raise NodeError(
            f"{len(left)} item(s) of {cni} are still there after their removal: {', '.join(left[:_SHOWN])}{more}.{said}",
            next_step="Look who makes them anew, stop it, and run again.",
        )


def _run(command: Command) -> str:
    """Runs ``command``; the empty string, or what it complained about."""
    program, *arguments = command.argv
    problem = commands.run((_installed(program), *arguments), _TIMEOUT, command.stdin).problem
    return f"{program}: {problem}" if problem else ""


def _save(program: str) -> str:
    output = commands.run((_installed(program),), _TIMEOUT)
    if output.problem:
        raise NodeError(f"the rules cannot be backed up, {program}: {output.problem}", next_step="Nothing was removed.")
    return output.text


def _installed(program: str) -> str:
    """Old systems have one iptables, without a backend in its name; the snapshot's rules came from it then."""
    return program if commands.find(program) else _BACKEND.sub("-", program)


def _timeless(saved: str) -> str:
    """``iptables-save`` output without times and counters, so that equal rules make an equal backup."""
    rules = "".join(line + "\n" for line in saved.splitlines() if not line.startswith("#"))
    return _COUNTERS.sub("[0:0]", rules)
