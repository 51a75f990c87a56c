# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import threading
import time
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import connectivity_probe
from tests.support.probed_cluster import ProbedCluster

NAMESPACE = "/api/v1/namespaces/podnet-connectivity"
CREATED = [
    "create Namespace podnet-connectivity",
    "create ServiceAccount watcher",
    "create Role watcher",
    "create RoleBinding watcher",
    "create ConfigMap scripts",
    "create Service peers",
    "create Service probe",
    "create DaemonSet probe",
    "create DaemonSet host",
]
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="cluster")
def _cluster() -> t.Iterator[ProbedCluster]:
    cluster = ProbedCluster(["n1", "n2"])
    service = {"spec": {"clusterIP": "10.96.0.99", "ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}, {"port": 443}]}}
    cluster.add({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "myapp", "namespace": "demo"}, **service})
    headless = {"spec": {"clusterIP": "None", "ports": [{"port": 80}]}}
    cluster.add({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "headless", "namespace": "demo"}, **headless})
    yield cluster
    cluster.close()


@pytest.fixture(name="run")
def _run(cluster: ProbedCluster, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: t.Any) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.02)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"host": cluster.url, "api_key": "secret", "timeout": 5, **options}), pytest.raises(SystemExit):
            connectivity_probe.main()
        return json.loads(capfd.readouterr().out)

    return run


def writes(cluster: ProbedCluster) -> list[tuple[str, str]]:
    return [request for request in cluster.log if request[0] != "GET"]


def environment(cluster: ProbedCluster, name: str) -> dict[str, str]:
    spec = cluster.objects[f"/apis/apps/v1/namespaces/podnet-connectivity/daemonsets/{name}"]["spec"]["template"]["spec"]
    return {entry["name"]: entry.get("value", "") for entry in spec["containers"][0]["env"]}


def test_it_is_started_on_every_node(run: Run, cluster: ProbedCluster) -> None:
    result = run(service={"name": "myapp", "namespace": "demo", "path": "/health"})
    assert result["changed"] is True
    assert result["changes"] == CREATED
    assert result["nodes"] == ["n1", "n2"]
    assert result["until"] == pytest.approx(time.time() + 14400, abs=60)
    told = environment(cluster, "probe")
    service = cluster.objects[f"{NAMESPACE}/services/probe"]
    assert (told["SERVICE"], told["NODE_PORT"]) == (service["spec"]["clusterIP"], "30080")
    assert (told["APP"], told["APP_PORT"], told["APP_REQUEST"]) == ("10.96.0.99", "80", "/health")


def test_a_second_run_changes_nothing(run: Run, cluster: ProbedCluster) -> None:
    first = run()
    cluster.log.clear()
    second = run()
    assert (second["changed"], second["changes"], second["until"]) == (False, [], first["until"])
    assert writes(cluster) == []


def test_other_settings_change_the_workloads_and_keep_the_rest(run: Run, cluster: ProbedCluster) -> None:
    run()
    changed = run(interval_ms=200, _ansible_check_mode=True)
    assert changed["changes"] == ["change DaemonSet probe", "change DaemonSet host"]
    assert environment(cluster, "host")["INTERVAL_MS"] == "100"
    assert run(interval_ms=200)["changes"] == changed["changes"]
    assert environment(cluster, "host")["INTERVAL_MS"] == "200"
    assert run(interval_ms=200)["changes"] == []


def test_a_probe_that_is_about_to_end_gets_its_time_again(run: Run, cluster: ProbedCluster) -> None:
    run(duration=100)
    result = run(duration=1000)
    assert result["changes"] == ["change Namespace podnet-connectivity", "change DaemonSet probe", "change DaemonSet host"]
    assert cluster.objects[NAMESPACE]["metadata"]["annotations"]["podnet.io/until"] == str(result["until"])
    assert environment(cluster, "probe")["UNTIL"] == str(result["until"])


def test_what_a_killed_run_did_not_make_is_made(run: Run, cluster: ProbedCluster) -> None:
    run()
    del cluster.objects["/apis/apps/v1/namespaces/podnet-connectivity/daemonsets/host"]
    del cluster.objects[f"{NAMESPACE}/services/peers"]
    assert run()["changes"] == ["create Service peers", "create DaemonSet host"]


def test_check_mode_says_the_same_and_does_nothing(run: Run, cluster: ProbedCluster) -> None:
    result = run(_ansible_check_mode=True)
    assert (result["changed"], result["changes"]) == (True, CREATED)
    assert result["diff"]["after"] == "".join(f"{line}\n" for line in CREATED)
    assert writes(cluster) == []


@pytest.mark.parametrize("state", ["present", "absent"])
def test_somebody_elses_namespace_is_not_touched(run: Run, cluster: ProbedCluster, state: str) -> None:
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podnet-connectivity", "labels": {}}})
    result = run(state=state)
    assert "it is not ours to use and remove" in result["msg"]
    assert writes(cluster) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"service": {"name": "nothing"}}, "Service default/nothing: there is no such Service."),
        ({"service": {"name": "headless", "namespace": "demo"}}, "Service demo/headless: it has no address in the cluster."),
        ({"service": {"name": "myapp", "namespace": "demo", "port": 53}}, "Service demo/myapp: it has no TCP port 53, but 80, 443."),
        ({"interval_ms": 1}, "option interval_ms: 1 is too small."),
    ],
)
def test_bad_input_changes_nothing(run: Run, cluster: ProbedCluster, options: dict[str, t.Any], words: str) -> None:
    assert words in run(**options)["msg"]
    assert writes(cluster) == []


def test_a_port_may_be_chosen(run: Run, cluster: ProbedCluster) -> None:
    run(service={"name": "myapp", "namespace": "demo", "port": 443, "protocol": "tcp"})
    told = environment(cluster, "host")
    assert (told["APP_PORT"], told["APP_REQUEST"]) == ("443", "open")


def test_pods_that_do_not_get_ready_are_explained(run: Run, cluster: ProbedCluster) -> None:
    cluster.stuck.add("probe")

    def spoil(pod: dict[str, t.Any]) -> None:
        if pod["metadata"]["name"] == "probe-n2":
            state = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "prober", "ready": False, "state": state}]}

    cluster.spoil = spoil
    result = run(timeout=1)
    assert "namespace podnet-connectivity: not all pods are ready after 1 s: probe-n2 on n2: container prober waiting" in result["msg"]
    assert "ImagePullBackOff: no such image" in result["msg"]


def test_it_is_removed_with_its_readings(run: Run, cluster: ProbedCluster) -> None:
    before = set(cluster.objects)
    run()
    cluster.readings = {"n1": "run", "n2": "run"}
    cluster.log.clear()
    result = run(state="absent")
    assert result["changes"] == ["remove /var/cache/podnet-connectivity of every node", "remove Namespace podnet-connectivity"]
    assert result["left"] == {}
    assert cluster.readings == {}
    assert set(cluster.objects) == before
    # Nobody must write any more when the directory goes.
    assert [path.rpartition("/")[2] for method, path in cluster.log if method == "DELETE"] == ["probe", "host", "podnet-connectivity"]
    assert {container for _pod, container, _command in cluster.asked} == {"prober"}
    assert run(state="absent")["changed"] is False


def test_removal_in_check_mode(run: Run, cluster: ProbedCluster) -> None:
    assert run(state="absent", _ansible_check_mode=True)["changed"] is False
    run()
    cluster.log.clear()
    assert run(state="absent", _ansible_check_mode=True)["changed"] is True
    assert writes(cluster) == []


def test_a_killed_removal_goes_on(run: Run, cluster: ProbedCluster) -> None:
    before = set(cluster.objects)
    run()
    cluster.readings = {"n1": "run", "n2": "run"}
    cluster.handle("DELETE", "/apis/apps/v1/namespaces/podnet-connectivity/daemonsets/probe", {})
    assert run(state="absent")["left"] == {}
    assert cluster.readings == {}
    assert set(cluster.objects) == before


def test_readings_that_stay_are_told(run: Run, cluster: ProbedCluster) -> None:
    run()
    cluster.unremovable.add("n1")
    cluster.refuse[("EXEC", f"{NAMESPACE}/pods/host-n2")] = 500
    result = run(state="absent")
    assert result["left"]["n1"] == "rm: cannot remove it: Read-only file system"
    assert result["left"]["n2"].startswith("no command could be run in the pod")
    assert NAMESPACE not in cluster.objects


def test_a_namespace_that_does_not_go_is_an_error(run: Run, cluster: ProbedCluster) -> None:
    run()
    cluster.lingering = True
    words = "namespace podnet-connectivity: it is still there 1 s after its removal began"
    assert words in run(state="absent", timeout=1)["msg"]
    assert words in run(timeout=1)["msg"]
    assert run(_ansible_check_mode=True)["changes"] == CREATED


def test_one_that_is_on_its_way_out_is_awaited(run: Run, cluster: ProbedCluster) -> None:
    run()
    cluster.lingering = True
    run(state="absent", timeout=1)
    cluster.lingering = False
    # The garbage collector comes back while the module waits.
    threading.Timer(0.3, cluster.handle, ("DELETE", NAMESPACE, {})).start()
    assert run()["changes"] == CREATED


def test_a_node_that_is_not_ready_itself_is_not_waited_for(run: Run, cluster: ProbedCluster) -> None:
    cluster.stuck |= {"probe", "host"}
    assert "not all pods are ready" in run(timeout=1)["msg"]
    cluster.objects["/api/v1/nodes/n2"]["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    for name in ("probe-n2", "host-n2"):
        cluster.objects[f"{NAMESPACE}/pods/{name}"]["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    assert run()["nodes"] == ["n1"]
