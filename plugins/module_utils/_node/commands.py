# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs a node's own tools: found also outside the PATH of a plain login, untranslated, and never without a time limit.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import shutil
import subprocess
import typing as t

#: Seconds; these tools only talk to the kernel, so one that takes longer hangs.
TIMEOUT = 10.0

#: Where administrators' tools live: ``sudo`` and non-login shells often leave these out of PATH.
_TOOL_DIRECTORIES = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/local/bin", "/usr/bin", "/bin")


@dataclasses.dataclass(frozen=True)
class Output:
    """What a command printed, or the ``problem`` because of which there is nothing to read."""

    text: str = ""
    problem: str = ""


def find(tool: str) -> str:
    """The full path of ``tool``, or ``""``."""
    return shutil.which(tool, path=search_path()) or ""


def search_path() -> str:
    """The PATH for the tools. An empty entry in it would be the current directory, and root must not run what happens to lie there."""
    inherited = os.environ.get("PATH", "").split(os.pathsep)
    return os.pathsep.join(filter(None, [*inherited, *_TOOL_DIRECTORIES]))


def run(argv: t.Sequence[str], timeout: float = TIMEOUT, stdin: str = "") -> Output:
    """Runs one command, fed with ``stdin``, to its end. Never raises: a tool that is absent, fails or hangs is an answer too."""
    program = find(argv[0])
    if not program:
        return Output(problem="not found")
    try:
        done = subprocess.run(
            [program, *argv[1:]],
            input=stdin.encode("utf-8"),
            capture_output=True,
            timeout=timeout,
            check=False,
            env={**os.environ, "LC_ALL": "C", "PATH": search_path()},
        )
    except subprocess.TimeoutExpired:
        return Output(problem=f"no answer within {timeout:g} s")
    except OSError as error:
        return Output(problem=error.strerror or str(error))
    text = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        return Output(text=text, problem=_first_line(done.stderr) or f"exit status {done.returncode}")
    return Output(text=text)


def run_all(commands: t.Mapping[str, t.Sequence[str]], timeout: float = TIMEOUT) -> t.Dict[str, Output]:
    """Runs all commands at the same time; the result has the keys of ``commands``."""
    if not commands:
        return {}
    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        running = {key: pool.submit(run, argv, timeout) for key, argv in commands.items()}
        return {key: future.result() for key, future in running.items()}


def _first_line(stderr: bytes) -> str:
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[0].strip() if lines else ""
