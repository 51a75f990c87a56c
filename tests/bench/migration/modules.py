# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Modules of the collection, run one by one as anybody would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from lab.settings import REPOSITORY, LabError

_SECONDS = 300

Answer = dict[str, t.Any]


def run(host: str, name: str, options: Answer) -> Answer:
    """Runs a module on a host of the lab, or on localhost; returns what it answered."""
    ansible = Path(sys.executable).with_name("ansible")
    words = [str(ansible), "--inventory", "inventories/lab", host, "--one-line", "--become"]
    words += ["--module-name", f"podnet.cni.{name}", "--args", json.dumps(options)]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    _, said, answer = done.stdout.partition("=> ")
    if done.returncode or not said:
        raise LabError(f"{name} failed on {host}: {(done.stdout + done.stderr)[-2000:]}")
    return t.cast(Answer, json.loads(answer))
