# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import pod_recreation

Run = t.Callable[..., dict[str, t.Any]]
DNS = {"k8s-app": "kube-dns"}


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.02)

    def run(cluster: t.Any, **options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"host": cluster.url, "api_key": "secret", "timeout": 2, **options}), pytest.raises(SystemExit):
            pod_recreation.main()
        return json.loads(capfd.readouterr().out)

    return run


@pytest.fixture(name="cluster")
def _cluster(start_cluster: t.Any) -> t.Any:
    """Two nodes where flannel's pods still live beside what Calico has made already."""
    cluster = start_cluster("n1", "n2")
    replicas = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "status": {}}
    cluster.add({**replicas, "metadata": {"namespace": "demo", "name": "myapp-1"}, "spec": {"replicas": 3}})
    cluster.add({**replicas, "metadata": {"namespace": "kube-system", "name": "coredns-1"}, "spec": {"replicas": 2}})
    app = ("ReplicaSet", "myapp-1")
    cluster.new_pod("demo", "myapp-1-a", "n1", app, address="10.244.0.5")
    cluster.new_pod("demo", "myapp-1-b", "n2", app, address="10.244.1.5")
    cluster.new_pod("demo", "myapp-1-c", "n2", app)
    cluster.new_pod("kube-system", "coredns-1-a", "n1", ("ReplicaSet", "coredns-1"), address="10.244.0.2", labels=DNS)
    cluster.new_pod("kube-system", "coredns-1-b", "n1", ("ReplicaSet", "coredns-1"), address="10.244.0.3", labels=DNS)
    cluster.new_pod("kube-system", "kube-proxy-a", "n1", ("DaemonSet", "kube-proxy"), spec={"hostNetwork": True})
    cluster.new_pod("demo", "debug", "n1", address="10.244.0.9")
    cluster.new_pod("demo", "import-1", "n1", ("Job", "import"), address="10.244.0.10")
    return cluster


def names(listed: t.Iterable[dict[str, str]]) -> list[str]:
    return [pod["name"] for pod in listed]


def deleted(cluster: t.Any) -> list[str]:
    return [path.rpartition("/")[2] for method, path in cluster.log if method == "DELETE"]


def foreign(cluster: t.Any) -> set[str]:
    return {pod["metadata"]["name"] for pod in cluster.of_kind("Pod") if pod["status"]["podIP"].startswith("10.244.")}


def crash(pod: dict[str, t.Any]) -> None:
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    back_off = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod["status"]["containerStatuses"] = [{"name": "app", "ready": False, "state": back_off}]


def test_dns_first_then_the_rest_until_none_is_left(run: Run, cluster: t.Any) -> None:
    result = run(cluster)
    assert result["changed"] is True
    assert names(result["recreated"]) == deleted(cluster) == ["coredns-1-a", "coredns-1-b", "myapp-1-a", "myapp-1-b"]
    assert names(result["left"]) == ["debug", "import-1"]
    assert "delete and create it by hand" in result["left"][0]["reason"]
    assert "a pod of a Job" in result["left"][1]["reason"]
    assert result["kept"] == {"address-of-the-cni": 1, "host-network": 1}
    assert foreign(cluster) == {"debug", "import-1"}
    assert run(cluster)["changed"] is False


@pytest.mark.parametrize("options", [{"parallel": 1}, {"parallel": 2}, {"per_node": 1}, {"parallel": 50, "per_node": 50}])
def test_batches_of_one_controller_do_not_wait_for_each_other_for_ever(run: Run, cluster: t.Any, options: dict[str, int]) -> None:
    assert len(run(cluster, **options)["recreated"]) == 4


@pytest.mark.parametrize("option", ["parallel", "per_node"])
def test_at_least_one_at_a_time(run: Run, cluster: t.Any, option: str) -> None:
    assert f"{option}: it must be 1 or more" in run(cluster, **{option: 0})["msg"]
    assert deleted(cluster) == []


def test_check_mode_lists_the_same_and_deletes_nothing(run: Run, cluster: t.Any) -> None:
    result = run(cluster, _ansible_check_mode=True)
    assert deleted(cluster) == []
    assert result["changed"] is True
    assert result["diff"]["before"].splitlines()[0] == "kube-system/coredns-1-a on n1: 10.244.0.2"
    predicted = result["recreated"]
    assert run(cluster)["recreated"] == predicted


def test_bare_pods_go_when_that_is_wanted(run: Run, cluster: t.Any) -> None:
    result = run(cluster, bare_pods="delete")
    assert "debug" in names(result["recreated"])
    assert foreign(cluster) == {"import-1"}


def test_a_timeout_names_the_pods_and_why(run: Run, cluster: t.Any) -> None:
    cluster.spoil = crash
    result = run(cluster, timeout=1)
    assert result["failed"] is True
    assert "tier dns: not all pods are back after 1 s" in result["msg"]
    assert "container app waiting, CrashLoopBackOff: back-off 10s" in result["msg"]
    assert "myapp-1-a" in foreign(cluster)


def test_a_new_pod_with_an_old_address_is_told(run: Run, cluster: t.Any) -> None:
    cluster.spoil = lambda pod: pod["status"].update(podIP="10.244.0.77")
    assert "ready, but its address 10.244.0.77 is not out of Calico's IPAM" in run(cluster, timeout=1)["msg"]


def test_a_controller_scaled_down_meanwhile_lacks_nothing(run: Run, cluster: t.Any) -> None:
    handle = cluster.handle

    def scale_down(method: str, path: str, body: dict[str, t.Any]) -> t.Any:
        if method == "DELETE" and "myapp-1-a" in path:
            cluster.objects["/apis/apps/v1/namespaces/demo/replicasets/myapp-1"]["spec"]["replicas"] = 2
            del cluster.objects[path]
            return 200, {"kind": "Status"}
        return handle(method, path, body)

    cluster.handle = scale_down
    assert run(cluster)["changed"] is True


def test_a_pod_replaced_meanwhile_is_no_error(run: Run, cluster: t.Any) -> None:
    cluster.refuse[("DELETE", "/api/v1/namespaces/demo/pods/myapp-1-a")] = 404
    result = run(cluster, timeout=1)
    assert "myapp-1-a: " in result["msg"]  # it never went: told as such, not as an exception


@pytest.fixture(name="on_flannel")
def _on_flannel(cluster: t.Any) -> t.Any:
    """The same cluster before Calico's API is there."""
    cluster.refuse[("GET", "/apis/crd.projectcalico.org/v1/ipamblocks")] = 404
    return cluster


def test_without_calico_nothing_is_touched(run: Run, on_flannel: t.Any) -> None:
    result = run(on_flannel)
    assert "Install Calico first." in result["msg"]
    assert deleted(on_flannel) == []


def test_check_mode_without_calico_predicts_the_migration(run: Run, on_flannel: t.Any) -> None:
    result = run(on_flannel, _ansible_check_mode=True)
    assert result["changed"] is True
    assert names(result["recreated"]) == ["coredns-1-a", "coredns-1-b", "myapp-1-a", "myapp-1-b", "myapp-1-c"]
    assert names(result["left"]) == ["debug", "import-1"]
    assert result["kept"] == {"host-network": 1}
    assert deleted(on_flannel) == []


@pytest.fixture(name="with_a_crasher")
def _with_a_crasher(cluster: t.Any) -> t.Any:
    """The same cluster with a pod that crashed before the change and does so after it."""
    crasher = ("ReplicaSet", "crasher-1")
    replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"namespace": "demo", "name": "crasher-1"}}
    cluster.add({**replica_set, "spec": {"replicas": 1}})
    cluster.spoil = lambda pod: crash(pod) if "crasher" in pod["metadata"]["name"] else None
    cluster.new_pod("demo", "crasher-1-a", "n1", crasher, address="10.244.0.20")
    return cluster


def test_a_pod_that_crashed_before_is_named_and_holds_nothing_up(run: Run, with_a_crasher: t.Any) -> None:
    result = run(with_a_crasher, timeout=10, unready_timeout=0)
    assert "failed" not in result
    assert names(result["recreated"])[-1] == "crasher-1-a"
    (unready,) = result["unready"]
    assert unready["name"].startswith("crasher-1-")
    assert unready["address"].startswith("10.9.0.")
    assert unready["reason"] == "container app waiting, CrashLoopBackOff: back-off 10s"
    assert run(with_a_crasher)["changed"] is False


def test_it_is_given_its_time_to_get_ready(run: Run, with_a_crasher: t.Any) -> None:
    looks = itertools.count()
    handle = with_a_crasher.handle

    def heal(method: str, path: str, body: dict[str, t.Any]) -> t.Any:
        new = [
            pod for pod in with_a_crasher.of_kind("Pod") if "crasher" in pod["metadata"]["name"] and pod["status"]["podIP"][:5] == "10.9."
        ]
        if new and next(looks) > 5:
            new[0]["status"]["conditions"][0]["status"] = "True"
        return handle(method, path, body)

    with_a_crasher.handle = heal
    result = run(with_a_crasher, timeout=10, unready_timeout=10)
    assert result["unready"] == []
    assert foreign(with_a_crasher) == {"debug", "import-1"}


def test_a_crash_that_is_new_is_a_failure(run: Run, cluster: t.Any) -> None:
    cluster.spoil = crash
    assert "not all pods are back" in run(cluster, timeout=1, unready_timeout=0)["msg"]


def test_an_old_pod_with_the_address_of_a_tunnel_is_not_taken_for_calicos(run: Run, cluster: t.Any) -> None:
    cluster.new_pod("demo", "myapp-1-d", "n1", ("ReplicaSet", "myapp-1"), address="10.9.0.250")
    assert "myapp-1-d" in names(run(cluster)["recreated"])


def test_a_job_that_ends_meanwhile_is_not_left(run: Run, cluster: t.Any) -> None:
    handle = cluster.handle

    def finish(method: str, path: str, body: dict[str, t.Any]) -> t.Any:
        if method == "DELETE":
            cluster.objects["/api/v1/namespaces/demo/pods/import-1"]["status"]["phase"] = "Succeeded"
        return handle(method, path, body)

    cluster.handle = finish
    assert names(run(cluster)["left"]) == ["debug"]


def test_an_api_server_that_is_away_for_a_moment_does_not_end_the_wait(run: Run, cluster: t.Any) -> None:
    handle = cluster.handle
    away = iter([503, 503, 500])

    def hiccup(method: str, path: str, body: dict[str, t.Any]) -> t.Any:
        status = next(away, 0) if method == "GET" and deleted(cluster) else 0
        return (status, {"message": "away"}) if status else handle(method, path, body)

    cluster.handle = hiccup
    assert len(run(cluster, timeout=10)["recreated"]) == 4


def test_parallel_must_be_positive(run: Run, cluster: t.Any) -> None:
    assert "parallel: it must be 1 or more." in run(cluster, parallel=0)["msg"]


def test_flannels_pods_are_those_that_calico_did_not_give_their_address(run: Run, cluster: t.Any) -> None:
    run(cluster)
    for number, node in enumerate(cluster.of_kind("Node")):
        node["spec"] = {**node.get("spec", {}), "podCIDR": f"10.244.{number}.0/24"}
    predicted = run(cluster, cni="flannel", bare_pods="delete", _ansible_check_mode=True)
    pods = {pod["metadata"]["name"]: pod["status"]["podIP"] for pod in cluster.of_kind("Pod")}
    calicos = {name for name, address in pods.items() if address.startswith("10.9.")}
    assert calicos <= set(names(predicted["recreated"]))
