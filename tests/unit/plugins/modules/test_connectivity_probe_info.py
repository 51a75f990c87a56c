# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import connectivity_probe_info
from tests.support.probed_cluster import ProbedCluster

LABELS = {"app.kubernetes.io/managed-by": "podnet.cni"}
START = int(time.time()) - 30
Run = t.Callable[..., dict[str, t.Any]]


def readings(node: str, other: str) -> str:
    """Thirty seconds of two probers, with a gap of 4 s from the tenth one on."""
    lines = []
    for role, key in (("pod", f"pod-to-pod:{other}"), ("host", f"host-to-nodeport:{other}")):
        lines += [f"run {START}000000 {role} {node} {role}-x 100000", f"path 0 {key}", f"at {START}000000 0 10.0.0.1 name"]
        lines.append(f"up {START}000000 0")
        for second in range(1, 31):
            if second == 14:
                lines += [f"gap {START + 14}000000 0 {START + 10}000000", f"bad {START + 10}100000 0 timeout"]
            dark = 10 < second < 14
            lines.append(f"sec {START + second}000000 0={'0/10/0/1000' if dark else '10/0/100/5'}")
        lines.append(f"end {START + 30}000000 time")
    return "\n".join(lines) + "\n"


@pytest.fixture(name="cluster")
def _cluster() -> t.Iterator[ProbedCluster]:
    cluster = ProbedCluster(["n1", "n2"])
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podnet-connectivity", "labels": dict(LABELS)}})
    for node, other in (("n1", "n2"), ("n2", "n1")):
        labels = {**LABELS, "app.kubernetes.io/component": "host"}
        cluster.new_pod("podnet-connectivity", f"host-{node}", node, labels=labels)
        cluster.readings[node] = readings(node, other)
    yield cluster
    cluster.close()


@pytest.fixture(name="run")
def _run(cluster: ProbedCluster, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> Run:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"host": cluster.url, "api_key": "secret", **options}), pytest.raises(SystemExit):
            connectivity_probe_info.main()
        return json.loads(capfd.readouterr().out)

    return run


def test_every_path_of_every_node(run: Run) -> None:
    result = run(steps=[{"name": "move", "started": START + 11, "finished": START + 12, "state": "finished"}])
    assert result["changed"] is False
    assert [(path["kind"], path["source"], path["target"]) for path in result["paths"]] == [
        ("pod-to-pod", "n1", "n2"),
        ("pod-to-pod", "n2", "n1"),
        ("host-to-nodeport", "n1", "n2"),
        ("host-to-nodeport", "n2", "n1"),
    ]
    first = result["paths"][0]
    assert (first["sent"], first["failed"], first["longest_gap"]) == (300, 30, 4.0)
    assert (first["reason"], first["step"], first["gap_started"]) == ("timeout", "move", START + 10.0)
    assert len(result["gaps"]) == 4
    assert result["total"]["failed"] == 120
    assert result["problems"] == []
    assert sorted(result["clocks"]) == ["n1", "n2"]
    assert result["summary"][0].startswith("pod-to-pod: 2 paths, 600 sent, 60 failed, longest gap 4.0 s during move")


def test_a_part_of_the_time_and_another_threshold(run: Run) -> None:
    assert run(since=START + 15)["total"]["failed"] == 0
    assert run(until=START + 9)["gaps"] == []
    assert run(threshold=4.5)["gaps"] == []


def test_a_node_that_cannot_be_read_is_told(run: Run, cluster: ProbedCluster) -> None:
    cluster.refuse[("EXEC", "/api/v1/namespaces/podnet-connectivity/pods/host-n2")] = 500
    result = run()
    assert {path["source"] for path in result["paths"]} == {"n1"}
    assert result["problems"][0]["node"] == "n2"
    assert result["problems"][0]["problem"].startswith("no command could be run in the pod")


def test_nothing_is_written(run: Run, cluster: ProbedCluster) -> None:
    run()
    assert {method for method, _path in cluster.log} == {"GET"}
    assert {(container, command[-1]) for _pod, container, command in cluster.asked} == {("prober", "/var/cache/podnet-connectivity")}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"namespace": "other"}, "namespace other: there is no probe. Start it with podnet.cni.connectivity_probe."),
        ({"steps": [{"started": 1}]}, "option steps: an entry is no step: KeyError('name')."),
    ],
)
def test_bad_input(run: Run, options: dict[str, t.Any], words: str) -> None:
    assert words in run(**options)["msg"]
