# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Harm in the middle of the side-by-side migration: it stops by itself and says why, and the same command goes on to the same good end."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
import urllib3
from kubernetes import client

from tests.support import shop
from tests.support.faults import Migration, agents, api, assert_moved, journal, kill_at, look, lost, plain, refused
from tests.support.lab_commands import lab, migrate, on_nodes, run

pytestmark = pytest.mark.long

CANARY_ONLY = ("-e", "cni_migration_pause_after=1")
#: Enough for a calico-node that gets well, images included, and no longer.
SHORT = ("-e", "cni_migration_timeout=60")
UNMEASURED = ("-e", "cni_migration_probe=false")
#: Other tests measure and prove on the way; here many runs follow each other.
QUICK = (*UNMEASURED, "-e", '{"cni_migration_traffic_gates": []}')
AWAY_SECONDS = 60
CHANGE_SECONDS = 90


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(
            [
                ("stage-calico", 0.5),
                ("enable-canary", 1.0),
                ("enable-workers", 6.0),
                ("enable-control-planes", 1.5),
                ("move-pods", 4.0),
            ],
            id="while Calico comes",
        ),
        pytest.param(
            [("remove-flannel", 1.5), ("clean-nodes", 1.0), ("release-calico", 2.0), ("verify", 1.0)],
            id="while flannel leaves",
        ),
    ],
)
def test_killed_at_every_step(kills: list[tuple[str, float]], tmp_path: Path) -> None:
    """SIGKILL in one step after the other; nothing of the users' is lost, not even what is in an emptyDir or in a local volume."""
    run(lab("reset"))
    shop.open_shop(api())
    before, files = look(), shop.kept(api())
    assert set(files.values()) == {"precious"}
    for step, after in kills:
        kill_at(step, after, tmp_path, *QUICK)
    assert "policy-enforced" in run(migrate(*QUICK))
    assert shop.kept(api()) == files
    assert_moved(before)


def test_a_node_cannot_pull() -> None:
    """Nothing is changed. Where images are not asked for first, it stops at that node and has not touched those that come later."""
    run(lab("reset"))
    before = look()
    on_nodes("mv /etc/containerd/certs.d/quay.io /var/tmp/", hosts="n3")
    said = refused(*UNMEASURED)
    assert "fatal: [n3]: FAILED!" in said
    assert "it cannot pull quay.io/calico/" in said
    assert journal() == {}
    assert agents() == agents(nodes=True) == set()
    said = refused(*SHORT, "-e", "cni_migration_prepull=false")
    assert "calico-node is not ready within 60 s on 1 of 1 nodes: n3" in said
    assert "quay.io/calico/" in said
    assert agents() == agents(nodes=True) == {"n2", "n3"}
    assert journal()["phase"] == "enable-workers"
    on_nodes("mv /var/tmp/quay.io /etc/containerd/certs.d/", hosts="n3")
    run(migrate())
    assert_moved(before)


def test_flannel_deleted_and_api_server_away(tmp_path: Path) -> None:
    """Flannel's DaemonSet is deleted by hand when only the canary has Calico, and in the next run the API server goes for a minute."""
    run(lab("reset"))
    before = look()
    run(migrate(*CANARY_ONLY))
    assert agents() == {"n2"}
    client.AppsV1Api(api()).delete_namespaced_daemon_set("kube-flannel-ds", "kube-flannel")
    migration = Migration(tmp_path)
    migration.wait_for("enable-workers")
    take_the_api_server_away()
    if migration.end():
        assert "Traceback" not in migration.said
        assert "API server" in plain(migration.said) or ":6443" in plain(migration.said)
    run(migrate())
    assert_moved(before)


def test_pods_that_do_not_move() -> None:
    """Nothing is forced: a rollout that does not get well is undone, a budget and a restart policy are respected, and flannel stays."""
    run(lab("reset"))
    connection = api()
    guarded = shop.workload("Deployment", "guarded", 1, {"podnet.io/move": "evict"})
    budget = {"minAvailable": 1, "selector": {"matchLabels": {"app": "guarded"}}}
    shop.make(
        connection,
        shop.stuck("stuck"),
        guarded,
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "guard"}, "spec": budget},
        shop.pod("once", restartPolicy="Never"),
    )
    shop.wait_until_ready(connection, {"once"})
    shop.wait_until_available(connection, {"stuck", "guarded"})
    before = look()
    on_nodes(f"mkdir -p /srv/flag; touch {shop.CLOSED}")
    said = refused(*SHORT, *UNMEASURED)
    assert "Deployment shop/stuck" in said
    assert "undone: it is as before" in said
    assert lost(before) == {}
    on_nodes(f"rm {shop.CLOSED}")
    said = refused(*SHORT, *UNMEASURED)
    assert "Flannel stays, because these pods still use its network" in said
    assert "guard" in said
    assert "once" in said
    assert journal()["phase"] == "move-pods"
    client.PolicyV1Api(connection).delete_namespaced_pod_disruption_budget("guard", shop.NAMESPACE)
    client.CoreV1Api(connection).delete_namespaced_pod("once", shop.NAMESPACE)
    mended = look()
    run(migrate(*UNMEASURED))
    assert_moved(mended)


def take_the_api_server_away() -> None:
    """Its static pod ends and comes back a minute after it was last heard."""
    on_nodes("mv /etc/kubernetes/manifests/kube-apiserver.yaml /var/tmp/", hosts="n1")
    wait_until_it_answers(False)
    time.sleep(AWAY_SECONDS)  # the harm itself
    on_nodes("mv /var/tmp/kube-apiserver.yaml /etc/kubernetes/manifests/", hosts="n1")
    wait_until_it_answers(True)


def wait_until_it_answers(wanted: bool) -> None:
    end = time.monotonic() + CHANGE_SECONDS
    while answers() is not wanted:
        assert time.monotonic() < end, f"after {CHANGE_SECONDS} s the API server {'does not answer' if wanted else 'still answers'}"
        time.sleep(0.5)  # between two questions


def answers() -> bool:
    try:
        client.CoreV1Api(api()).list_node(_request_timeout=2)
    except (client.ApiException, urllib3.exceptions.HTTPError):
        return False
    return True
