# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real runs of Ansible: a module of the control machine returns in the worker what it returns in a process of its own."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.support.object_store import ObjectStore

ROOT = Path(__file__).parents[3]
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/podnet-cni-migration"

# The group's defaults name the API server; without them no task of the first kind would find it.
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  environment: "{{ environment_of_tasks }}"
  module_defaults:
    group/podnet.cni.k8s: {kubeconfig: "{{ kubeconfig }}"}
  tasks:
    - {register: absent, podnet.cni.migration_journal: {}}
    - {register: locked, podnet.cni.migration_journal: {state: locked}}
    - register: foreseen
      check_mode: true
      podnet.cni.migration_journal: {state: begun, data: {strategy: side_by_side, source: flannel}}
    - register: begun
      podnet.cni.migration_journal:
        state: begun
        data: {strategy: side_by_side, source: flannel}
        backups: {settings.yaml: the-secret}
        file: "~/journal.jsonl"
    # The lock is this run's, whichever process asks.
    - register: mixed
      environment: "{{ environment_of_one_task }}"
      podnet.cni.migration_journal: {state: step_started, step: move-pods}
    - {register: read, podnet.cni.migration_journal: {with_backups: true}}
    - {register: looped, loop: [annotated, begun], podnet.cni.migration_journal: {state: step_finished, step: "{{ item }}"}}
    - {register: no_step, ignore_errors: true, podnet.cni.migration_journal: {state: step_failed}}
    - {register: unknown, ignore_errors: true, podnet.cni.migration_journal: {colour: red}}
    - {register: no_file, ignore_errors: true, podnet.cni.migration_journal: {kubeconfig: /nowhere/kubeconfig}}
    - {register: no_cluster, ignore_errors: true, podnet.cni.cni_cluster_info: {kubeconfig: "{{ kubeconfig }}-of-nobody"}}
    - {register: empty, ignore_errors: true, podnet.cni.cni_preflight: {cluster: {}, snapshots: {}}}
    - register: unread
      ignore_errors: true
      podnet.cni.cni_manifest: {source: "http://user:the-password@127.0.0.1:1/", cni: flannel, checksum: "sha256:0"}
    - name: Keep the results
      ansible.builtin.copy:
        dest: "{{ results }}"
        mode: "0600"
        content: "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
      vars:
        names: [absent, locked, foreseen, begun, mixed, read, looped, no_step, unknown, no_file, no_cluster, empty, unread]
      environment: {}
"""
#: Newer versions of Ansible show a module's arguments only to who wishes it.
TOLD = {"ANSIBLE_INJECT_INVOCATION": "true"}
PROCESS = {"A_VARIABLE": "that asks for a process"}
NAMES_THE_PROCESS = "gets a process of its own: it has an environment"


def kubeconfig(server: str) -> str:
    """An administrator's, with certificates inside, as kubeadm writes it. The library puts them into files for a server with TLS."""
    pem = base64.b64encode(b"a certificate").decode()
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority-data": pem}}],
            "users": [{"name": "admin", "user": {"client-certificate-data": pem, "client-key-data": pem}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "admin"}}],
        }
    )


class Played(t.NamedTuple):
    results: dict[str, t.Any]
    output: str
    #: What the API server was asked to write.
    writes: list[tuple[str, str]]
    #: What is left in the directory for temporary files.
    left: list[str]
    lines: list[str]


def play(directory: Path, of_tasks: dict[str, str], of_one_task: dict[str, str]) -> Played:
    store = ObjectStore()
    temporary, home = directory / "tmp", directory / "home"
    for folder in (temporary, home):
        folder.mkdir(parents=True)
    (directory / "kubeconfig").write_text(kubeconfig(store.url))
    (directory / "kubeconfig-of-nobody").write_text(kubeconfig("https://127.0.0.1:1"))
    (directory / "play.yml").write_text(PLAYBOOK)
    variables = {
        "environment_of_tasks": of_tasks,
        "environment_of_one_task": of_one_task,
        "kubeconfig": str(directory / "kubeconfig"),
        "results": str(directory / "results.json"),
    }
    try:
        finished = subprocess.run(
            [sys.executable, "-m", "ansible", "playbook", "-vvv", "-e", json.dumps(variables), str(directory / "play.yml")],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "TMPDIR": str(temporary), "HOME": str(home), **TOLD},
            cwd=directory,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    finally:
        store.close()
    assert finished.returncode == 0, finished.stdout + finished.stderr
    left = [path.name for path in temporary.iterdir() if not path.name.startswith("k8srcp-")]
    results = json.loads((directory / "results.json").read_text())
    output = finished.stdout + finished.stderr
    return Played(results, output, store.writes, left, (home / "journal.jsonl").read_text().splitlines())


@pytest.fixture(name="played", scope="module")
def _played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Played, Played]:
    """A run in the worker, but for one task, and one in processes."""
    return play(tmp_path_factory.mktemp("worker"), {}, PROCESS), play(tmp_path_factory.mktemp("process"), PROCESS, {})


def alike(value: t.Any) -> t.Any:
    """The value without what differs from run to run: moments, numbers of processes, directories."""
    if isinstance(value, dict):
        return {alike(key): alike(item) for key, item in value.items()}
    if isinstance(value, list):
        return [alike(item) for item in value]
    if isinstance(value, float):
        return 0.5
    if isinstance(value, str):
        return re.sub(r"[0-9]+", "0", re.sub(r"/\S+/(worker|process)[0-9]*/", "/run/", value))
    return value


def test_each_ran_where_it_should(played: tuple[Played, Played]) -> None:
    in_worker, in_process = played
    assert in_worker.output.count(NAMES_THE_PROCESS) == 1
    assert in_process.output.count(NAMES_THE_PROCESS) == len(in_process.results) + 1


def test_the_results_are_the_same_key_by_key(played: tuple[Played, Played]) -> None:
    in_worker, in_process = played
    for name, expected in in_process.results.items():
        assert alike(in_worker.results[name]) == alike(expected), name
    assert in_worker.writes == in_process.writes


def test_it_did_what_it_was_to_do(played: tuple[Played, Played]) -> None:
    results = played[0].results
    assert results["locked"]["journal"]["lock"]["state"] == results["mixed"]["journal"]["lock"]["state"] == "ours"
    assert (results["foreseen"]["changed"], results["begun"]["changed"], results["read"]["changed"]) == (True, True, False)
    failed = [name for name, result in results.items() if result.get("failed")]
    assert failed == ["no_step", "unknown", "no_file", "no_cluster", "empty", "unread"]
    assert "not reachable" in results["no_cluster"]["msg"]
    assert len(played[0].lines) == 1


def test_secrets_are_hidden_and_the_kubeconfig_is_named(played: tuple[Played, Played]) -> None:
    for run in played:
        told = json.dumps({name: result for name, result in run.results.items() if name != "read"})
        assert "the-secret" not in told
        assert "the-password" not in told
        assert re.search(r'"kubeconfig": "/\S+/kubeconfig"', run.output)
        assert "/nowhere/kubeconfig" in run.results["no_file"]["msg"]


def test_no_key_is_left_behind(played: tuple[Played, Played]) -> None:
    assert [run.left for run in played] == [[], []]


def test_nothing_is_warned_of(played: tuple[Played, Played]) -> None:
    for run in played:
        assert "errantly" not in run.output
        assert "Traceback" not in run.output
