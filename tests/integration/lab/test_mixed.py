# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The mixed phase: on each node a pod of flannel's and one of Calico's, and every one of them reaches every one, seen as itself."""

from __future__ import annotations

import os

import pytest
from kubernetes import client, config

from lab import nodes
from lab.settings import from_environment
from tests.support import mesh
from tests.support.lab_commands import changes, lab, migrate, on_nodes, run

pytestmark = pytest.mark.long

VXLAN = '{"Type": "vxlan"}'
DIRECT = '{"Type": "vxlan", "DirectRouting": true}'
HOST_GW = '{"Type": "host-gw"}'
UDP = '{"Type": "udp"}'

CANARY_ONLY = ("-e", "cni_migration_pause_after=1")
ALL_ENABLED = ("-e", "cni_migration_pause_before=move-pods")


@pytest.mark.parametrize(
    ("backend", "rp_filter", "stop"),
    [
        pytest.param(VXLAN, "0", CANARY_ONLY, id="vxlan, canary only"),
        pytest.param(VXLAN, "0", ALL_ENABLED, id="vxlan"),
        pytest.param(VXLAN, "1", ALL_ENABLED, id="vxlan, strict reverse path"),
        pytest.param(VXLAN, "1", CANARY_ONLY, id="vxlan, strict reverse path, canary only"),
        pytest.param(VXLAN, "2", ALL_ENABLED, id="vxlan, loose reverse path"),
        pytest.param(DIRECT, "1", ALL_ENABLED, id="vxlan with DirectRouting, strict reverse path"),
        pytest.param(HOST_GW, "1", ALL_ENABLED, id="host-gw, strict reverse path"),
        pytest.param(UDP, "1", CANARY_ONLY, id="udp, strict reverse path, canary only"),
    ],
)
def test_every_pair_keeps_its_address(backend: str, rp_filter: str, stop: tuple[str, ...]) -> None:
    run(lab("reset", "--bare"))
    run(["ansible-playbook", "--inventory", "inventories/lab", "lab/start.yml", "-e", f'{{"flannel_backend": {backend}}}'])
    on_nodes(f"sysctl -qw net.ipv4.conf.all.rp_filter={rp_filter} net.ipv4.conf.default.rp_filter={rp_filter}")
    config.load_kube_config(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig"))
    core = client.CoreV1Api()
    mesh.create(core, "before")
    run(migrate(*stop))
    mesh.create(core, "after")
    mesh.assert_every_pair_is_as_it_should_be(core, pods=6)
    run(migrate())
    assert [str(answer) for answer in mesh.ask_all(core) if not (answer.reached and answer.kept)] == []
    assert on_nodes("sysctl -n net.ipv4.conf.all.rp_filter") == {rp_filter}
    assert changes(run(migrate())) == {0}


def test_a_node_reboots_in_the_mixed_phase() -> None:
    """Strict reverse path filters, only the canary has Calico: after its reboot, and a flannel node's, every pair keeps its address."""
    run(lab("reset"))
    on_nodes("sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.default.rp_filter=1")
    config.load_kube_config(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig"))
    core = client.CoreV1Api()
    mesh.create(core, "before")
    run(migrate(*CANARY_ONLY))
    mesh.create(core, "after")
    settings = from_environment()
    workers = [node for node in settings.nodes if not node.control_plane]
    for node in workers:
        nodes.reboot(settings, node)
    mesh.wait_until_restarted(core, {node.name for node in workers})
    mesh.assert_every_pair_is_as_it_should_be(core, pods=6)
    run(migrate())
    assert [str(answer) for answer in mesh.ask_all(core) if not (answer.reached and answer.kept)] == []
    assert on_nodes("sysctl -n net.ipv4.conf.all.rp_filter") == {"1"}
    assert changes(run(migrate())) == {0}
