# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab itself: real nodes, and a host that lends its bridge and nothing more."""

from __future__ import annotations

import subprocess
import typing as t
import urllib.request

import pytest

from lab import processes, services, settings

LAB = settings.from_environment()


def listening(port: int) -> list[str]:
    """Addresses on which this machine listens on a TCP port."""
    lines = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], capture_output=True, text=True, check=True).stdout.splitlines()
    return [line.split()[3].rpartition(":")[0] for line in lines]


@pytest.mark.parametrize("port", [services.UPSTREAM_PORT, services.HARBOR_PORT, services.MANIFESTS_PORT])
def test_services_listen_on_the_labs_bridge_only(port: int) -> None:
    assert listening(port) == [LAB.gateway]


@pytest.mark.parametrize("port", [services.UPSTREAM_PORT, services.HARBOR_PORT])
def test_both_registries_answer(port: int) -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"http://{LAB.gateway}:{port}/v2/", timeout=5) as response:
        assert response.status == 200


def test_every_process_is_in_a_group_that_can_be_ended() -> None:
    for node in LAB.nodes:
        assert len(processes.members(f"nodes/{node.name}")) > 10
    assert len(processes.members(services.GROUP)) == 3


def test_nodes_are_kubeadms_and_ready(core: t.Any) -> None:
    nodes = core.list_node().items
    assert [node.metadata.name for node in nodes] == [node.name for node in LAB.nodes]
    assert {node.status.node_info.kubelet_version for node in nodes} == {settings.KUBERNETES_VERSION}
    assert all(condition.status == "True" for node in nodes for condition in node.status.conditions if condition.type == "Ready")
    assert ["node-role.kubernetes.io/control-plane" in node.metadata.labels for node in nodes] == [True, False, False]


def test_a_second_call_is_kept_out() -> None:
    """As long as one `lab` command runs, another one says so and does nothing."""
    with (LAB.state / "lock").open("w") as handle:
        subprocess.run(["flock", "--exclusive", "--nonblock", str(handle.fileno())], pass_fds=[handle.fileno()], check=True)
        done = subprocess.run(["python", "-m", "lab", "down"], cwd=settings.REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "another `lab` command runs on this machine" in done.stderr
