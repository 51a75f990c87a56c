# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab itself: real nodes, and a host that lends its bridge and nothing more."""

from __future__ import annotations

import ssl
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


@pytest.mark.parametrize("path", [f"http://{{}}:{services.UPSTREAM_PORT}/v2/", f"https://{{}}:{services.HARBOR_PORT}/api/v2.0/ping"])
def test_both_registries_answer(path: str) -> None:
    context = ssl.create_default_context(cafile=str(services.harbor_folder(LAB) / "ca.crt"))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    with opener.open(path.format(LAB.gateway), timeout=5) as response:
        assert response.status == 200


def test_every_process_is_in_a_group_that_can_be_ended() -> None:
    for node in LAB.nodes:
        assert len(processes.members(f"nodes/{node.name}")) > 10
    assert len(processes.members(services.GROUP)) == 4  # Harbor has a registry behind it


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
