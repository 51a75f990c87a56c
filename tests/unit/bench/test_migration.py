# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest
import yaml

from lab.settings import LAB
from tests.bench.migration import cluster, effort, leftovers, objects, sequel, strategies

CALICO = (LAB / "manifests" / "calico.yml").read_text()


def test_every_leftover_is_told_once_with_its_place() -> None:
    annotated = {"metadata": {"name": "n2", "annotations": {"flannel.alpha.coreos.com/backend-type": "vxlan"}}, "spec": {}}
    cordoned = {"metadata": {"name": "n1", "annotations": {"projectcalico.org/IPv4Address": ""}}, "spec": {"unschedulable": True}}
    namespaces = [{"metadata": {"name": name}} for name in ("default", "kube-flannel")]
    assert leftovers.left({"n2": "device cni0\nfile /run/flannel\n", "n1": ""}, [annotated, cordoned], namespaces) == [
        "n2: device cni0",
        "n2: file /run/flannel",
        "n2: flannel's annotations",
        "n1: cordoned",
        "namespace kube-flannel",
    ]


def test_w1_behaves_and_w0_does_not() -> None:
    containers = {}
    for name in objects.WORKLOADS:
        deployment = next(item for item in json.loads(objects.workload(name))["items"] if item["kind"] == "Deployment")
        containers[name] = deployment["spec"]["template"]["spec"]["containers"][0]
    assert set(containers["W1"]) - set(containers["W0"]) == {"readinessProbe", "lifecycle"}


@pytest.mark.parametrize("selector", [None, {objects.MIGRATION_LABEL: "calico"}], ids=["everywhere", "by label"])
def test_calico_is_asked_for_vxlan_without_bird(selector: dict[str, str] | None) -> None:
    text = objects.calico(CALICO, selector)
    found = {(item["kind"], item["metadata"]["name"]): item for item in yaml.safe_load_all(text)}
    pod = found["DaemonSet", "calico-node"]["spec"]["template"]["spec"]
    environment = {entry["name"]: entry.get("value") for entry in pod["containers"][0]["env"]}
    assert found["ConfigMap", "calico-config"]["data"]["calico_backend"] == "vxlan"
    assert "-bird" not in text
    assert environment["CALICO_IPV4POOL_VXLAN"] == "Always"
    assert environment["CALICO_IPV4POOL_IPIP"] == "Never"
    assert pod["nodeSelector"] == {"kubernetes.io/os": "linux", **(selector or {})}


def test_the_controllers_job_tolerates_no_cordoned_node_and_has_its_config_map() -> None:
    items = {item["kind"]: item for item in json.loads(objects.migration_job())["items"]}
    pod = items["Job"]["spec"]["template"]["spec"]
    assert items["ConfigMap"]["metadata"]["name"] == "flannel-migration-config"
    assert [toleration["key"] for toleration in pod["tolerations"]] == ["CriticalAddonsOnly"]


def test_pods_settle_when_all_are_ready_and_none_is_ending() -> None:
    ready = {"conditions": [{"type": "Ready", "status": "True"}], "phase": "Running"}
    pods = [
        {"metadata": {"name": "well"}, "status": ready},
        {"metadata": {"name": "done"}, "status": {"phase": "Succeeded"}},
        {"metadata": {"name": "ending", "deletionTimestamp": "now"}, "status": ready},
        {"metadata": {"name": "starting"}, "status": {"phase": "Pending"}},
    ]
    assert cluster.unsettled(pods) == ["ending", "starting"]


def test_the_verification_is_no_part_of_the_change() -> None:
    steps = [
        {"name": "stage-calico", "started": 10.0, "finished": 20.0},
        {"name": "move-pods", "started": 20.0, "finished": 50.0},
        {"name": "verify", "started": 50.0, "finished": 90.0},
    ]
    assert strategies.changing(steps) == (10.0, 50.0)


def test_the_changes_of_all_hosts_are_summed() -> None:
    assert sequel.changes("n1 : ok=9 changed=2 failed=0\nn2 : ok=9    changed=1    failed=0\n") == 3


def test_what_a_run_does_is_counted_by_where_it_was_done() -> None:
    def task(name: str, action: str, where: str, host: str = "n1", seconds: float = 1.0, *, item: bool = False) -> dict[str, object]:
        return {"task": name, "action": action, "where": where, "host": host, "seconds": seconds, "item": item}

    tasks = [
        task("Read", "cni_info", "node", "n1"),
        task("Read", "cni_info", "node", "n2", 2.0),
        task("Write", "copy", "node", item=True),
        task("Restart", "pod_sandbox_restart", "node", seconds=4.0),
        task("Journal", "migration_journal", "control"),
        task("Say", "debug", "control"),
    ]
    counts = effort.count(tasks, ["GET /api/v1/pods", "GET /api/v1/nodes", "STREAM"])
    assert counts == {
        "node_modules": 3,
        "node_snapshots": 1,
        "node_items": 1,
        "control_modules": 1,
        "requests": {"GET": 2, "STREAM": 1},
        "slowest": [["Restart", 4.0], ["Read", 2.0], ["Write", 1.0], ["Journal", 1.0], ["Say", 1.0]],
    }
    line = effort.line({**counts, "seconds": 9.0})
    assert "requests to the API server 3 (2 GET, 1 STREAM)" in line
