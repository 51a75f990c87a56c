# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node goes down while policies are measured: it is named, nothing counts as proved that was not seen, and nothing is left behind."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t
from pathlib import Path

import pytest
from kubernetes import client

from lab import nodes
from lab.settings import from_environment
from tests.support.faults import api, plain
from tests.support.lab_commands import ROOT, environment, lab, run
from tests.support.node_harm import named

pytestmark = [pytest.mark.long, pytest.mark.lab]

LABEL = "podnet.io/policy-probe"
#: Nothing but what flannel does is measured, and it is asked again and again, for with this profile policies should be enforced.
SETTINGS = {"network_policy_cni": "calico", "network_policy_probe_ports": ["TCP/80"], "network_policy_settle_timeout": 90}
END_SECONDS = 600


@pytest.fixture
def node() -> t.Iterator[str]:
    """A worker, which is back at the end."""
    run(lab("up"))
    worker = named("n3")
    yield worker.name
    nodes.boot(from_environment(), worker)
    run(["kubectl", "--kubeconfig", "/var/lib/podnet-lab/kubeconfig", "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=300s"])


def test_a_node_goes_down_while_policies_are_measured(node: str, tmp_path: Path) -> None:
    core = client.CoreV1Api(api())
    policies = client.NetworkingV1Api(core.api_client)
    deny = {"metadata": {"name": "deny"}, "spec": {"podSelector": {}, "policyTypes": ["Ingress"]}}
    policies.create_namespaced_network_policy("default", deny)
    told = {**SETTINGS, "network_policy_probe_namespaces": ["default"], "network_policy_report_dir": str(tmp_path)}
    argv = ["ansible-playbook", "--inventory", "inventories/lab", "playbooks/verify_network_policies.yml", "-e", json.dumps(told)]
    try:
        with (tmp_path / "log").open("wb") as log:
            process = subprocess.Popen(argv, cwd=ROOT, env=environment(), stdout=log, stderr=subprocess.STDOUT)
        _wait_until_all_run(core, process)
        nodes.shut_down(from_environment(), named(node))
        assert process.wait(timeout=END_SECONDS) != 0
    finally:
        policies.delete_namespaced_network_policy("deny", "default")
    said = plain((tmp_path / "log").read_text())
    assert "Traceback" not in said
    assert f"Node {node} went down meanwhile, so nothing is proved of it." in said, said[-3000:]
    assert core.list_pod_for_all_namespaces(label_selector=LABEL).items == []
    assert core.list_namespace(label_selector=LABEL).items == []


def _wait_until_all_run(core: client.CoreV1Api, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + END_SECONDS
    while True:
        pods = core.list_pod_for_all_namespaces(label_selector=LABEL).items
        if pods and all(pod.status.phase == "Running" for pod in pods):
            return
        assert process.poll() is None, "it ended before all pods ran"
        assert time.monotonic() < end
        time.sleep(0.2)  # between two looks
