# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stops the side-by-side migration early, on one lab, in this order: it says why, touches nothing else, and goes on when mended."""

from __future__ import annotations

import contextlib
import typing as t
from pathlib import Path

import pytest
from kubernetes import client

from tests.support import shop
from tests.support.faults import Migration, World, agents, api, assert_moved, journal, kill_at, look, plain, refused, traces_of_the_window
from tests.support.lab_commands import lab, migrate, on_nodes, run

pytestmark = pytest.mark.long

CANARY = "n2"
UNMEASURED = ("-e", "cni_migration_probe=false")
CANARY_ONLY = (*UNMEASURED, "-e", "cni_migration_pause_after=1")


@pytest.fixture(scope="module", autouse=True)
def fresh() -> World:
    """The lab on flannel, as nobody has touched it yet."""
    run(lab("reset"))
    return look()


@contextlib.contextmanager
def webhook_without_endpoint() -> t.Iterator[None]:
    hooks = client.AdmissionregistrationV1Api(api())
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    hook = {
        "name": "nobody.example.org",
        "rules": [rule],
        "clientConfig": {"service": {"namespace": "default", "name": "nobody"}},
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    hooks.create_validating_webhook_configuration({"metadata": {"name": "nobody"}, "webhooks": [hook]})
    try:
        yield
    finally:
        hooks.delete_validating_webhook_configuration("nobody")


def assert_untouched() -> None:
    """No label, no calico-node, no object of Calico's kinds, no journal, no lock, nothing on the nodes."""
    kinds = client.ApiextensionsV1Api(api()).list_custom_resource_definition().items
    assert [kind.metadata.name for kind in kinds if "projectcalico" in kind.metadata.name] == []
    assert agents() == agents(nodes=True) == set()
    assert journal() == {}
    assert traces_of_the_window() == []


def test_a_webhook_without_endpoint() -> None:
    before = look()
    with webhook_without_endpoint():
        said = refused()
    assert "webhooks-answer" in said
    assert "nobody.example.org" in said
    assert look() == before
    assert_untouched()


def test_no_block_is_free() -> None:
    """With half of a node's range for a block, one pod in each half leaves no room."""
    core = client.CoreV1Api(api())
    start = core.read_node(CANARY).spec.pod_cidr.rpartition(".")[0]
    shop.make(api(), shop.pod("low", CANARY))
    shop.wait_until_ready(api(), {"low"})
    on_nodes(f"echo -n {start}.200 > /var/lib/cni/networks/cbr0/last_reserved_ip.0", hosts=CANARY)
    shop.make(api(), shop.pod("high", CANARY))
    shop.wait_until_ready(api(), {"high"})
    before = look()
    said = refused("-e", "cni_migration_block_size=25")
    assert "not enough free IPAM blocks of /25" in said
    assert CANARY in said
    assert f"{start}.201 (shop/high)" in said
    assert look() == before
    assert_untouched()
    shop.close_shop(api())


def test_the_canary_does_not_get_well(tmp_path: Path) -> None:
    """It stops, names node and reason, and flannel serves on everywhere; then two runs at once, of which the second is refused."""
    on_nodes("mkdir -p /opt/cni/bin/calico/in-the-way", hosts=CANARY)
    said = refused(*CANARY_ONLY, "-e", "cni_migration_timeout=40")
    assert "calico-node is not ready within 40 s on 1 of 1 nodes: n2" in said
    assert "install-cni" in said
    assert agents() == agents(nodes=True) == {CANARY}
    assert journal()["phase"] == "enable-canary"
    shop.make(api(), *(shop.pod(f"on-{node}", node) for node in ("n1", "n2", "n3")))
    shop.wait_until_ready(api(), {"on-n1", "on-n2", "on-n3"})
    on_nodes("rm -r /opt/cni/bin/calico", hosts=CANARY)
    first = Migration(tmp_path, *CANARY_ONLY)
    first.wait_for("stage-calico")
    told = refused()
    assert "another run changes this cluster's CNI" in told
    assert "Nothing was changed" in told
    assert first.end() == 0, first.said[-4000:]
    assert agents() == agents(nodes=True) == {CANARY}
    assert "Flannel serves on" in plain(first.said)


def test_flannel_is_deleted_by_hand_and_runs_are_killed(fresh: World, tmp_path: Path) -> None:
    """Only the canary has Calico when flannel goes. The pods move all the same, through two killed runs, and nothing is left."""
    client.AppsV1Api(api()).delete_namespaced_daemon_set("kube-flannel-ds", "kube-flannel")
    kill_at("enable-workers", 4.0, tmp_path, *UNMEASURED)
    kill_at("remove-flannel", 1.5, tmp_path, *UNMEASURED)
    assert "policy-enforced" in run(migrate(*UNMEASURED))
    assert_moved(fresh)
