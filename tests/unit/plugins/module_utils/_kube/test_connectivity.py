# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import connectivity as objects
from ansible_collections.podnet.cni.plugins.module_utils._kube import connectivity, waiting
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from tests.support.probed_cluster import ProbedCluster

SETTINGS = objects.Settings("podnet-connectivity", "registry.example/agnhost:1", 100, 16, 1_700_000_000)
LABELS = {"app.kubernetes.io/managed-by": "podnet.cni", "app.kubernetes.io/component": "host"}


@pytest.fixture(name="cluster")
def _cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> t.Iterator[ProbedCluster]:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(waiting, "PAUSE", 0.02)
    cluster = ProbedCluster(["n1", "n2"])
    yield cluster
    cluster.close()


@pytest.fixture(name="client")
def _client(cluster: ProbedCluster, connect: t.Callable[..., t.Any]) -> t.Any:
    return connect(host=cluster.url, api_key="secret")


def test_of_two_pods_of_a_node_the_one_that_is_ready_is_asked(cluster: ProbedCluster, client: t.Any) -> None:
    for name, ready in (("host-new", "True"), ("host-old", "False"), ("host-older", "False")):
        pod = cluster.new_pod("podnet-connectivity", name, "n1", labels=LABELS)
        pod["status"]["conditions"] = [{"type": "Ready", "status": ready}]
    (reading,) = connectivity.read(client, "podnet-connectivity")
    assert (reading.node, reading.problem) == ("n1", "")
    assert reading.text.startswith("now ")
    assert reading.asked < reading.answered
    assert [pod.rpartition("/")[2] for pod, _container, _command in cluster.asked] == ["host-new"]


def test_without_pods_there_are_no_readings(client: t.Any) -> None:
    assert connectivity.read(client, "podnet-connectivity") == ()


STATUS = {"desiredNumberScheduled": 2, "updatedNumberScheduled": 2, "numberReady": 2, "observedGeneration": 3}


@pytest.mark.parametrize(
    ("status", "done"),
    [
        (STATUS, True),
        ({**STATUS, "numberReady": 1}, False),
        ({**STATUS, "updatedNumberScheduled": 1}, False),
        ({**STATUS, "observedGeneration": 2}, False),
        ({"desiredNumberScheduled": 0, "observedGeneration": 3}, False),
        ({}, False),
    ],
)
def test_ready_is_what_the_controller_has_rolled_out(
    cluster: ProbedCluster, client: t.Any, monkeypatch: pytest.MonkeyPatch, status: dict[str, int], done: bool
) -> None:
    connectivity.apply(client, SETTINGS, Deadline(5))

    def say(daemon_set: dict[str, t.Any]) -> None:
        daemon_set["metadata"]["generation"] = 3
        daemon_set["status"] = status

    monkeypatch.setattr(cluster, "_roll_out", say)
    if done:
        assert connectivity.wait_ready(client, SETTINGS, Deadline(1)) == ("n1", "n2")
        return
    with pytest.raises(_errors.ClusterError, match="not all pods are ready after 0 s: not all pods were created"):
        connectivity.wait_ready(client, SETTINGS, Deadline(0.1))


def test_changes_are_told_without_a_write(cluster: ProbedCluster, client: t.Any) -> None:
    running = connectivity.look(client, SETTINGS.namespace)
    planned = connectivity.changes(client, SETTINGS, running)
    assert len(planned) == len(objects.listing(SETTINGS))
    connectivity.apply(client, SETTINGS, Deadline(5))
    cluster.log.clear()
    running = connectivity.look(client, SETTINGS.namespace)
    assert running.until == SETTINGS.until
    assert connectivity.changes(client, SETTINGS, running) == ()
    assert {method for method, _path in cluster.log} == {"GET"}


def test_what_a_service_was_given_decides_the_workloads(cluster: ProbedCluster, client: t.Any) -> None:
    connectivity.apply(client, SETTINGS, Deadline(5))
    # Somebody deletes the Service; it comes back with another address.
    del cluster.objects["/api/v1/namespaces/podnet-connectivity/services/probe"]
    running = connectivity.look(client, SETTINGS.namespace)
    assert connectivity.changes(client, SETTINGS, running) == ("create Service probe", "change DaemonSet probe", "change DaemonSet host")
    connectivity.apply(client, SETTINGS, Deadline(5))
    assert connectivity.changes(client, SETTINGS, running) == ()
