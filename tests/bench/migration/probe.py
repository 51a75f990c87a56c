# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own probe, started and read as anybody would: with its modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

from lab.settings import REPOSITORY, LabError
from tests.bench.migration import objects

_SECONDS = 300

Answer = dict[str, t.Any]


def start(kubeconfig: Path) -> None:
    """Measures from now on, what a client of the workload's Service sees among the rest."""
    service = {"name": objects.SERVICE, "namespace": objects.NAMESPACE}
    _module("connectivity_probe", {"kubeconfig": str(kubeconfig), "service": service})


def read(kubeconfig: Path, since: float, until: float, steps: t.Sequence[Answer]) -> Answer:
    """What was seen in between."""
    options = {"kubeconfig": str(kubeconfig), "since": since, "until": until, "steps": list(steps)}
    return _module("connectivity_probe_info", options)


def _module(name: str, options: Answer) -> Answer:
    ansible = Path(sys.executable).with_name("ansible")
    words = [str(ansible), "localhost", "--one-line", "--module-name", f"podnet.cni.{name}", "--args", json.dumps(options)]
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "0"}
    done = subprocess.run(words, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False)
    _, said, answer = done.stdout.partition("=> ")
    if done.returncode or not said:
        raise LabError(f"{name} failed: {(done.stdout + done.stderr)[-2000:]}")
    return t.cast(Answer, json.loads(answer))
