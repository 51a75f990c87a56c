# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.modules import cni_preflight

DAEMONSET = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
NODE = cluster.Node("n1", True, pod_cidrs=("10.244.0.0/24",), architecture="amd64", operating_system="linux", runtime="containerd://2.0.0")
CLUSTER = cluster.to_dict(
    cluster.ClusterSnapshot(nodes=(NODE,), flannel=(cluster.Flannel(DAEMONSET, network="10.244.0.0/16"),), cluster_cidrs=("10.244.0.0/16",))
)
CONFLIST = snapshot.Conflist("/etc/cni/net.d/10-flannel.conflist", wins=True, owner="flannel")
SNAPSHOTS = {"n1": snapshot.to_dict(snapshot.NodeSnapshot("n1", conflists=(CONFLIST,)))}


def run(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    return alone(capfd, **{"cluster": CLUSTER, "snapshots": SNAPSHOTS, **options})


def alone(capfd: pytest.CaptureFixture[str], **options: t.Any) -> dict[str, t.Any]:
    """The module with these options and no others."""
    with patch_module_args(options), pytest.raises(SystemExit):
        cni_preflight.main()
    return json.loads(capfd.readouterr().out)


def test_a_cluster_that_may_be_changed(capfd: pytest.CaptureFixture[str]) -> None:
    result = run(capfd)
    assert result["changed"] is False
    assert (result["passed"], result["state"], result["network"]) == (True, "flannel", "10.244.0.0/16")
    assert len(result["summary"]) == len(result["checks"]) + 1
    assert set(result["checks"][0]) == {"id", "result", "seen", "where", "next_step", "details", "fix", "severity"}


@pytest.mark.parametrize("fail", [True, False])
def test_failed_checks_fail_the_module_unless_told_not_to(capfd: pytest.CaptureFixture[str], fail: bool) -> None:
    result = run(capfd, strategy="teleport", fail=fail)
    assert result.get("failed", False) is fail
    assert result["passed"] is False
    assert ("unknown strategy 'teleport'" in result.get("msg", "")) is fail
    assert result["checks"][0]["result"] == "failed"


@pytest.mark.parametrize(
    ("journal", "state"),
    [
        ({}, "none"),
        ({"source": "flannel", "network": "10.244.0.0/16", "phase": "cleaning", "started": "today"}, "migrating"),
        ({"source": "flannel", "network": "10.244.0.0/16", "phase": "done"}, "none"),
        ({"source": None}, "none"),
    ],
)
def test_the_journal(capfd: pytest.CaptureFixture[str], journal: dict[str, t.Any], state: str) -> None:
    bare = {"n1": snapshot.to_dict(snapshot.NodeSnapshot("n1"))}
    assert run(capfd, cluster={**CLUSTER, "flannel": []}, snapshots=bare, journal=journal, fail=False)["state"] == state


@pytest.mark.parametrize(
    ("options", "source"),
    [
        ({"cluster": {"nonsense": 1}}, "cni_cluster_info"),
        ({"snapshots": {"n1": {"nonsense": 1}}}, "cni_info"),
        ({"snapshots": {"n1": "words"}}, "cni_info"),
        ({"cluster": {"nodes": [{"name": 1, "x": 2}]}}, "cni_cluster_info"),
    ],
)
def test_what_is_no_snapshot(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], source: str) -> None:
    result = run(capfd, **options)
    assert result["failed"] is True
    assert f"option {next(iter(options))}: does not hold a snapshot: " in result["msg"]
    assert f"Pass what podnet.cni.{source} of this version returns." in result["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "one of the following is required: bundle, cluster"),
        ({"cluster": CLUSTER}, "parameters are required together: cluster, snapshots"),
        ({"bundle": "x", "cluster": CLUSTER, "snapshots": {}}, "parameters are mutually exclusive: bundle|cluster"),
        ({"bundle": "/nowhere.tar.gz"}, "bundle /nowhere.tar.gz: cannot be read: No such file or directory."),
    ],
)
def test_either_an_archive_or_what_was_read(capfd: pytest.CaptureFixture[str], options: dict[str, t.Any], words: str) -> None:
    result = alone(capfd, **options)
    assert result["failed"] is True
    assert words in result["msg"]


def test_the_mtu(capfd: pytest.CaptureFixture[str]) -> None:
    cni = snapshot.NodeSnapshot(
        "n1", conflists=(CONFLIST,), links=(snapshot.Link("eth0", mtu=1400),), addresses=(snapshot.Address("eth0", "192.0.2.11", 24),)
    )
    nodes = [{**CLUSTER["nodes"][0], "internal_ips": ["192.0.2.11"]}]
    result = run(capfd, cluster={**CLUSTER, "nodes": nodes}, snapshots={"n1": snapshot.to_dict(cni)}, mtu=1450, fail=False)
    (check,) = (check for check in result["checks"] if check["id"] == "mtu-fits")
    assert (check["result"], check["severity"]) == ("failed", "error")
