# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import probes
from ansible_collections.podnet.cni.plugins.module_utils._kube import execute


@pytest.fixture(name="cluster")
def _cluster(start_cluster: t.Any) -> t.Any:
    cluster = start_cluster("n1")
    for number in range(20):
        cluster.new_pod("ns", f"pod-{number}", "n1")
    cluster.answer = lambda _cluster, pod, _kind, target: (0, f"{pod['metadata']['name']} saw {target}")
    return cluster


@pytest.fixture(name="client")
def _client(cluster: t.Any, connect: t.Callable[..., t.Any]) -> t.Any:
    return connect(host=cluster.url, api_key="secret")


def probe(source: str, target: str) -> probes.Probe:
    return probes.Probe("check", source, probes.HTTP, target, target)


def test_every_pod_is_asked_at_the_same_time_and_nothing_is_mixed_up(client: t.Any) -> None:
    wanted = [probe(f"pod-{number % 20}", f"target-{number}") for number in range(400)]
    readings = execute.run_probes(client, "ns", wanted)
    assert [reading.probe for reading in readings] == wanted
    assert [reading.text for reading in readings] == [f"pod-{number % 20} saw target-{number}" for number in range(400)]


def test_nothing_to_ask(client: t.Any) -> None:
    assert execute.run_probes(client, "ns", []) == ()


def test_a_pod_that_runs_nothing_is_told_and_the_others_are_still_read(cluster: t.Any, client: t.Any) -> None:
    cluster.refuse[("EXEC", "/api/v1/namespaces/ns/pods/pod-1")] = 404
    first, second = execute.run_probes(client, "ns", [probe("pod-0", "a"), probe("pod-1", "b")])
    assert first.reached
    assert (second.word, second.text.partition(":")[0]) == (probes.UNREAD, "no command could be run in the pod")


def test_a_command_that_does_not_end_is_cut_off(cluster: t.Any, client: t.Any) -> None:
    cluster.endless = True
    output = execute.execute(client, "ns", "pod-0", ["sh", "-c", "http 0 a &"], 0.3)
    assert output.text.startswith("podnet-probe\t0\t0\tpod-0 saw a")
    assert output.problem == "the command did not end in time"


@pytest.mark.parametrize(
    ("status", "problem"),
    [
        ('{"status": "Success"}', ""),
        ('{"status": "Failure", "message": "exec: sh: not found"}', "exec: sh: not found"),
        ("not JSON", "not JSON"),
    ],
)
def test_how_a_command_ended(cluster: t.Any, client: t.Any, status: str, problem: str) -> None:
    cluster.ending = status
    assert execute.execute(client, "ns", "pod-0", ["sh", "-c", "true"], 5).problem == problem
