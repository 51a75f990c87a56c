# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Two real runs of Ansible want the lock of one cluster: the second is refused, and takes over when the first was killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import typing as t
from pathlib import Path

import pytest

from tests.support.object_store import ObjectStore

ROOT = Path(__file__).parents[3]
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/podnet-cni-migration"
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/podnet-cni-migration"

PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  module_defaults:
    podnet.cni.migration_journal: {host: "{{ url }}", api_key: secret}
  tasks:
    - podnet.cni.migration_journal: {state: locked}
    - podnet.cni.migration_journal: {state: begun, data: {strategy: side_by_side, source: flannel}}
    - podnet.cni.migration_journal: {state: step_started, step: move-pods}
    - ansible.builtin.wait_for: {path: "{{ go }}", timeout: 60, sleep: 1}
    - podnet.cni.migration_journal: {state: step_finished, step: move-pods}
    - podnet.cni.migration_journal: {state: ended}
    - podnet.cni.migration_journal: {state: unlocked}
"""


@pytest.fixture(name="store")
def _store() -> t.Iterator[ObjectStore]:
    store = ObjectStore()
    yield store
    store.close()


@pytest.fixture(name="start")
def _start(store: ObjectStore, tmp_path: Path) -> t.Iterator[t.Callable[[Path], subprocess.Popen[str]]]:
    """Starts a run that stays in its step until the file is there."""
    playbook = tmp_path / "play.yml"
    playbook.write_text(PLAYBOOK)
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "TMPDIR": str(tmp_path)}
    running: list[subprocess.Popen[str]] = []
    gates: list[Path] = []

    def start(go: Path) -> subprocess.Popen[str]:
        gates.append(go)
        variables = json.dumps({"url": store.url, "go": str(go)})
        command = [sys.executable, "-m", "ansible", "playbook", "-e", variables, str(playbook)]
        running.append(
            subprocess.Popen(
                command,
                cwd=tmp_path,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
        return running[-1]

    yield start
    # The worker of a killed run is left waiting at its gate.
    for gate in gates:
        gate.touch()
    for process in running:
        process.kill()
        process.wait()


def wait_for_step(store: ObjectStore, state: str, run: subprocess.Popen[str]) -> None:
    end = time.monotonic() + 60
    while state not in store.objects.get(CONFIG_MAP, {}).get("data", {}).get("steps", ""):
        assert run.poll() is None, run.communicate()[0]
        assert time.monotonic() < end, f"no step became {state}"
        time.sleep(0.1)


def test_the_second_is_refused_and_takes_over_when_the_first_was_killed(
    store: ObjectStore, start: t.Callable[[Path], subprocess.Popen[str]], tmp_path: Path
) -> None:
    first = start(tmp_path / "first")
    wait_for_step(store, "started", first)
    assert f" pid {first.pid} started " in store.objects[LEASE]["spec"]["holderIdentity"]

    refused = start(tmp_path / "second").communicate(timeout=60)[0]
    told = " ".join(refused.split())
    assert "another run changes this cluster's CNI" in told
    assert f"(process {first.pid})" in told
    assert "and is at step move-pods" in told

    first.send_signal(signal.SIGKILL)
    first.wait()
    (tmp_path / "third").touch()
    third = start(tmp_path / "third")
    output = third.communicate(timeout=60)[0]
    assert third.returncode == 0, output
    data = store.objects[CONFIG_MAP]["data"]
    assert data["phase"] == "done"
    assert [step["state"] for step in json.loads(data["steps"])] == ["interrupted", "finished"]
    assert LEASE not in store.objects
