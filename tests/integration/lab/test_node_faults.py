# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One node in trouble in the middle of the side-by-side migration: the run ends for all, says which node, and goes on once it is mended."""

from __future__ import annotations

from pathlib import Path

import pytest
from kubernetes import client

from tests.support import mesh, node_harm, shop
from tests.support.faults import Migration, agents, api, assert_moved, journal, locks, look, plain, refused
from tests.support.lab_commands import lab, leftovers_of_flannel, migrate, on_nodes, run

pytestmark = pytest.mark.long

NODES = ("n1", "n2", "n3")
CANARY = "n2"
WORKER = "n3"
#: What is measured and proved on the way is other tests' matter.
QUICK = ("-e", "cni_migration_probe=false", "-e", '{"cni_migration_traffic_gates": []}')
CANARY_ONLY = ("-e", "cni_migration_pause_after=1")
CALICO_SECONDS = 40


def failed(migration: Migration) -> str:
    """Waits for a migration that has to stop by itself; returns what it said."""
    assert migration.end() != 0, f"it did not stop:\n{migration.said[-4000:]}"
    assert "Traceback" not in migration.said, migration.said[-4000:]
    return plain(migration.said)


def make_pods(name: str, nodes: tuple[str, ...]) -> None:
    """Bare pods, one on each of the nodes, that get an address and are reached by their node's kubelet."""
    pods = {f"{name}-{node}": node for node in nodes}
    shop.make(api(), *(shop.pod(pod, node) for pod, node in pods.items()))
    shop.wait_until_ready(api(), set(pods))


def test_a_node_is_not_reached_any_more(tmp_path: Path) -> None:
    """SSH to a node is gone when its turn comes, and later when it is to be cleaned: nothing is done behind its back."""
    run(lab("reset"))
    make_pods("early", (WORKER,))
    before = look()

    migration = Migration(tmp_path, *QUICK)
    migration.wait_for("enable-workers")
    with node_harm.without_ssh(WORKER):
        assert f"fatal: [{WORKER}]: UNREACHABLE!" in failed(migration)
        assert journal()["phase"] == "enable-workers"
        assert agents() == agents(nodes=True) == {CANARY}
        assert locks() == []
        make_pods("meanwhile", (WORKER,))
        assert f"node {WORKER} could not be inspected" in refused(*QUICK)
        assert locks() == []
        assert journal()["phase"] == "enable-workers"

    migration = Migration(tmp_path, *QUICK)
    migration.wait_for("clean-nodes")
    with node_harm.without_ssh(WORKER):
        assert f"fatal: [{WORKER}]: UNREACHABLE!" in failed(migration)
        assert journal()["phase"] == "clean-nodes"
        assert locks() == []
        make_pods("later", (WORKER,))
    assert leftovers_of_flannel() != []

    assert "policy-enforced" in run(migrate(*QUICK))
    assert_moved(before)


def test_disks_are_full(tmp_path: Path) -> None:
    """Where a file cannot be written, the message names node and file; what it would have replaced or kept is still there."""
    run(lab("reset"))
    make_pods("early", NODES)
    before = look()

    with node_harm.full_disk(CANARY, "/etc/cni/net.d"):
        said = refused(*QUICK)
    assert "disk-space" in said
    assert f"{CANARY}: 0.0 GiB free at /etc/cni/net.d" in said
    assert journal() == {}
    assert agents() == agents(nodes=True) == set()

    with node_harm.full_disk(CANARY, "/var/lib/podnet.cni"):
        said = refused(*QUICK)
    assert f"fatal: [{CANARY}]: FAILED!" in said
    assert "/var/lib/podnet.cni/coexistence.json: the file cannot be written: No space left on device." in said
    assert journal()["phase"] == "stage-calico"
    assert agents() == agents(nodes=True) == set()
    assert locks() == []

    # Full only now, so that the preflight does not see it.
    migration = Migration(tmp_path, *QUICK, "-e", f"cni_migration_timeout={CALICO_SECONDS}")
    migration.wait_for("stage-calico")
    with node_harm.full_disk(CANARY, "/etc/cni/net.d"):
        said = failed(migration)
        assert f"calico-node is not ready within {CALICO_SECONDS} s on 1 of 1 nodes: {CANARY}" in said
        assert "install-cni" in said
        assert agents() == agents(nodes=True) == {CANARY}
        assert journal()["phase"] == "enable-canary"
        make_pods("meanwhile", NODES)

    with node_harm.full_disk(WORKER, "/var/backups/podnet.cni"):
        said = refused(*QUICK)
    assert f"fatal: [{WORKER}]: FAILED!" in said
    assert "/var/backups/podnet.cni: the backup cannot be written: No space left on device. Nothing was removed." in said
    assert journal()["phase"] == "clean-nodes"
    assert "10-flannel.conflist" in node_harm.on(WORKER, "ls /etc/cni/net.d")

    assert "policy-enforced" in run(migrate(*QUICK))
    assert_moved(before)


def test_a_node_joins_when_the_canary_has_calico() -> None:
    """Flannel serves it like any other, both CNIs' pods and its own reach each other, and the migration takes it along."""
    run(lab("reset"))
    before = look()
    core = client.CoreV1Api(api())
    node_harm.leave(WORKER)
    mesh.create(core, "before")
    assert f"host {WORKER} of the inventory is no node of the cluster" in refused(*QUICK, *CANARY_ONLY)
    assert journal() == {}
    run(migrate("--limit", f"all,!{WORKER}", *QUICK, *CANARY_ONLY))
    assert agents() == agents(nodes=True) == {CANARY}

    node_harm.join(WORKER)
    mesh.create(core, "before")  # is there, and gets a pod on the new node
    mesh.create(core, "after")
    mesh.assert_every_pair_is_as_it_should_be(core, pods=2 * len(NODES))
    said = refused("--limit", f"all,!{WORKER}", *QUICK)
    assert f"node {WORKER} is not in the inventory" in said
    assert agents() == agents(nodes=True) == {CANARY}

    assert "policy-enforced" in run(migrate(*QUICK))
    assert agents() == set(NODES)
    mesh.assert_every_pair_is_as_it_should_be(core, pods=2 * len(NODES))
    assert on_nodes("ls /etc/cni/net.d", hosts=WORKER) == on_nodes("ls /etc/cni/net.d", hosts=CANARY)
    assert_moved(before)
