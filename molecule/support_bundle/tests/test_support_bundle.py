# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive of a real cluster: what it holds, what it hides, and that it is judged as the cluster was."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import tarfile
import typing as t
from pathlib import Path

import pytest
import yaml

testinfra_hosts = ["local://"]

ROOT = Path(__file__).parents[3]
BUNDLE = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "bundle.tar.gz"
KUBECONFIG = Path(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig"))


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    with tarfile.open(BUNDLE) as tar:
        return {member.name.partition("/")[2]: t.cast("t.IO[bytes]", tar.extractfile(member)).read() for member in tar}


def test_it_holds_every_node(core: t.Any, files: dict[str, bytes]) -> None:
    names = sorted(node.metadata.name for node in core.list_node().items)
    assert [json.loads(files[name])["host"] for name in sorted(files) if name.startswith("nodes/")] == names
    manifest = json.loads(files["manifest.json"])
    assert sorted(manifest["hosts"]) == names
    assert manifest["hosts without a snapshot"] == manifest["problems"] == []


def test_only_its_owner_may_read_it() -> None:
    assert stat.S_IMODE(BUNDLE.stat().st_mode) == 0o600


def test_nothing_of_the_kubeconfig_is_in_it(files: dict[str, bytes]) -> None:
    config = yaml.safe_load(KUBECONFIG.read_text())
    users = [value for entry in config["users"] for value in entry["user"].values()]
    authorities = [entry["cluster"]["certificate-authority-data"] for entry in config["clusters"]]
    everything = b"".join(files.values())
    for secret in (*users, *authorities):
        assert secret.encode() not in everything
        assert base64.b64decode(secret) not in everything


def test_it_is_judged_as_the_cluster_was(files: dict[str, bytes]) -> None:
    command = ["ansible-playbook", "playbooks/preflight_bundle.yml", "-e", f"support_bundle_path={BUNDLE}"]
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.default"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    verdict = json.loads(files["preflight.json"])
    assert f"state: {verdict['state']}" in told
    assert files["preflight.txt"].decode().splitlines()[-1] in told
    # A cluster that is on its target is asked least.
    assert {"nodes-reachable", "no-other-cni", "one-iptables-backend"} <= {check["id"] for check in verdict["checks"]}
