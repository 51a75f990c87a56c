# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Thirty cases of a public conformance suite, played on the cluster: every connection does what the suite's own oracle says."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from kubernetes import client

ROOT = Path(__file__).parents[3]
RUN_SECONDS = 900


def test_a_sample_of_the_conformance_suite(apps: client.AppsV1Api) -> None:
    if "calico-node" not in {item.metadata.name for item in apps.list_namespaced_daemon_set("kube-system").items}:
        pytest.skip("flannel enforces no policies; the scenario runs again on Calico")
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "sample", "-s", "-q", "tests/integration/conformance"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "MOLECULE_"))}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
