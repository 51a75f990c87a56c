# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real runs of Ansible: what a task returns, what the terminal shows of a long copy, and what it never shows."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.support import fault_proxy, images
from tests.support.fault_proxy import Fault, Request
from tests.support.token_service import PASSWORD, USER, TokenService

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene

ROOT = Path(__file__).parents[3]
#: A play of two runs in check mode and two that do it. Its last task says what came of it.
PLAYBOOK = """
- hosts: localhost
  connection: local
  gather_facts: false
  environment: "{{ environment_of_tasks }}"
  tasks:
    - {register: foreseen, check_mode: true, podnet.cni.image_mirror: "{{ options }}"}
    - {register: first, podnet.cni.image_mirror: "{{ options }}"}
    - {register: again, podnet.cni.image_mirror: "{{ options }}"}
    - {register: failed, ignore_errors: true, podnet.cni.image_mirror: "{{ options | combine({'images': options.images + [absent]}) }}"}
    - {register: refused, ignore_errors: true, podnet.cni.image_mirror: "{{ options | combine({'password': wrong}) }}"}
    - ansible.builtin.copy:
        dest: "{{ results }}"
        mode: "0600"
        content: "{{ dict(names | zip(names | map('extract', vars))) | to_json }}"
      vars: {names: [foreseen, first, again, failed, refused]}
      environment: {}
"""
WRONG = "Wrong-battery2"


def play(folder: Path, variables: dict[str, t.Any]) -> tuple[dict[str, t.Any], str]:
    (folder / "play.yml").write_text(PLAYBOOK)
    given = {**variables, "results": str(folder / "results.json"), "wrong": WRONG}
    (folder / "variables.json").write_text(json.dumps(given))
    finished = subprocess.run(
        [sys.executable, "-m", "ansible", "playbook", "-vvvv", "-e", f"@{folder / 'variables.json'}", str(folder / "play.yml")],
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "HOME": str(folder), "ANSIBLE_NOCOLOR": "1"},
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    output = finished.stdout + finished.stderr
    assert finished.returncode == 0, output[-3000:]
    return json.loads((folder / "results.json").read_text()), output


@pytest.mark.parametrize("environment", [pytest.param({}, id="in the worker"), pytest.param({"A": "b"}, id="as a process")])
def test_a_play(scene: Scene, tmp_path: Path, environment: dict[str, str]) -> None:
    image = images.multi(scene.work, [b"layer" * 1000])
    scene.publish({"app:v1": image})
    tokens = TokenService(60)
    # So slow that one copy takes longer than the time between two lines.
    waits = [5.5]

    def slow(request: Request) -> Fault | None:
        answer = tokens(request)
        if answer is None and request.method == "PUT" and waits and not environment:
            return Fault(delay=waits.pop())
        return answer

    with fault_proxy.before(scene.harbor.name, slow) as proxy:
        options = {
            "registry": proxy.name,
            "project": scene.work,
            "username": USER,
            "password": PASSWORD,
            "hosts": [{"host": name, "plain_http": True} for name in (proxy.name, scene.upstream.name)],
            "images": [scene.source("app:v1")],
        }
        variables = {"options": options, "absent": scene.source("absent:v1"), "environment_of_tasks": environment}
        results, output = play(tmp_path, variables)

    assert [results[name]["changed"] for name in ("foreseen", "first", "again", "failed")] == [True, True, False, False]
    assert results["foreseen"]["images"][0]["action"] == "would copy"
    assert results["first"]["lock"] == results["again"]["lock"]
    assert results["first"]["lock"][0]["digest"] == image.digest == scene.arrived("app:v1")
    assert results["failed"]["msg"].startswith("1 of 2 images failed. ")
    assert [entry["action"] for entry in results["failed"]["images"]] == ["unchanged", "failed"]
    assert "does not accept the credentials" in results["refused"]["msg"]
    assert ("images: 0 of 1, " in output) == (not environment), "the terminal shows how far it is"
    # The file of variables is given by name, so whatever the terminal shows of it is ours.
    assert PASSWORD not in output
    assert WRONG not in output
    assert "Bearer " not in output
