# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a task of the control machine costs in Ansible's worker, and what it costs as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import measure

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tests.support.object_store import ObjectStore  # noqa: E402  # the path comes first

RUNS = 3
FEW, MANY = 1, 11
#: Any variable asks for a process.
ENVIRONMENTS = {"in the worker": {}, "as a process": {"A_VARIABLE": "1"}}


def main() -> None:
    store = ObjectStore()
    try:
        with tempfile.TemporaryDirectory(prefix="podnet-bench-") as scratch:
            seconds = {name: measured(store.url, Path(scratch), environment) for name, environment in ENVIRONMENTS.items()}
    finally:
        store.close()
    print(f"\nA task that reads the journal, seconds (least / median / most of {RUNS} runs)")
    for name, spread in seconds.items():
        print(f"  {name:<29}{spread!s:>25}")
    worker, process = seconds.values()
    print(f"  {'ratio':<29}{process.median / worker.median:>25.1f}")


def measured(url: str, scratch: Path, environment: dict[str, str]) -> measure.Spread:
    """Of one task: what many cost more than few, so without Ansible's start and the one import."""
    costs = [(play(url, scratch, environment, MANY) - play(url, scratch, environment, FEW)) / (MANY - FEW) for _ in range(RUNS)]
    return measure.Spread.of(costs)


def play(url: str, scratch: Path, environment: dict[str, str], tasks: int) -> float:
    task = {"podnet.cni.migration_journal": {"host": url, "api_key": "none"}}
    playbook = [{"hosts": "localhost", "connection": "local", "gather_facts": False, "environment": environment, "tasks": [task] * tasks}]
    path = scratch / "play.yml"
    path.write_text(json.dumps(playbook))
    settings = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "TMPDIR": str(scratch)}
    command = [sys.executable, "-m", "ansible", "playbook", path]
    start = time.monotonic()
    subprocess.run(command, env=settings, cwd=scratch, capture_output=True, check=True)
    return time.monotonic() - start


if __name__ == "__main__":
    main()
