# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools
import json
import tempfile
import time
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.history import RESTARTED_AT
from ansible_collections.podnet.cni.plugins.module_utils._kube import moves, waiting
from ansible_collections.podnet.cni.plugins.modules import workload_rollout
from tests.support.rolling_cluster import RollingCluster

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, cluster: RollingCluster) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.02)

    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"host": cluster.url, "api_key": "secret", "timeout": 5, **options}), pytest.raises(SystemExit):
            workload_rollout.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


@pytest.fixture(name="cluster")
def _cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> t.Iterator[RollingCluster]:
    # The client library keeps what it discovered there, by address.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    cluster = RollingCluster()
    yield cluster
    cluster.close()


@pytest.fixture(name="busy")
def _busy(cluster: RollingCluster) -> RollingCluster:
    """One of each."""
    cluster.workload("Deployment", "web", 3)
    cluster.workload("StatefulSet", "db", 2)
    cluster.workload("DaemonSet", "agent", 3)
    cluster.workload("ReplicaSet", "lonely", 2)
    cluster.off_calico = True
    cluster.pod("coredns-a", ("ReplicaSet", "coredns-1"), "kube-system", metadata={"labels": {"k8s-app": "kube-dns"}})
    cluster.pod("bare", status={"containerStatuses": [{"name": "shell", "state": {"running": {}}}]})
    cluster.pod("import-x", ("Job", "import"), spec={"restartPolicy": "Never"})
    cluster.off_calico = False
    return cluster


def off_calico(cluster: RollingCluster) -> list[str]:
    return sorted(pod["metadata"]["name"] for pod in cluster.pods() if not pod["status"].get("podIP", "10.9.").startswith("10.9."))


def crash(pod: dict[str, t.Any]) -> None:
    pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    waiting_state = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}}
    pod["status"]["containerStatuses"] = [{"name": "app", "ready": False, "state": waiting_state}]


def crashing(*names: str) -> t.Callable[[dict[str, t.Any]], None]:
    return lambda pod: crash(pod) if pod["metadata"]["name"].startswith(names) else None


def annotations(cluster: RollingCluster, kind: str, name: str) -> dict[str, str]:
    return cluster.template(kind, name)["metadata"].get("annotations") or {}


def names(listed: t.Iterable[dict[str, t.Any]]) -> list[str]:
    return [item["name"] for item in listed]


# --- moving ------------------------------------------------------------------------------------------------------------


def test_each_pod_moves_as_its_owner_does_it_best(run: Run, busy: RollingCluster) -> None:
    result = run()
    assert result["changed"] is True
    assert [(item["kind"], item["name"], item["pods"], item["restarted"]) for item in result["moved"]] == [
        ("DaemonSet", "agent", 3, True),
        ("StatefulSet", "db", 2, True),
        ("Deployment", "web", 3, True),
    ]
    assert sorted(busy.restarts) == ["agent", "db", "web"]
    assert names(result["evicted"])[0] == "coredns-a"
    assert [item["owner"] for item in result["evicted"]] == ["ReplicaSet coredns-1", *["ReplicaSet lonely"] * 2]
    (bare,) = result["in_place"]
    assert (bare["name"], bare["restart_policy"], bare["containers"]) == ("bare", "Always", ["shell"])
    assert bare["addresses"][0].startswith("10.244.1.")
    assert names(result["left"]) == ["import-x"]
    assert off_calico(busy) == ["bare", "import-x"]
    assert len(busy.pods("web")) == 3
    assert (result["undone"], result["unready"], result["deadline_reached"]) == ([], [], False)


def test_a_second_run_touches_nothing(run: Run, busy: RollingCluster) -> None:
    run()
    writes = list(busy.writes)
    result = run()
    assert result["changed"] is False
    assert (result["moved"], result["evicted"]) == ([], [])
    assert names(result["in_place"]) == ["bare"]
    assert busy.writes == writes


def test_dns_is_well_before_anything_else_begins(run: Run, busy: RollingCluster) -> None:
    result = run()
    assert [tier["tier"] for tier in result["plan"]] == ["dns", "rest"]
    assert busy.writes[0][0] == "POST"
    assert busy.evictions[0] == "coredns-a"


def test_nothing_waits_for_the_probe_but_the_end(run: Run, cluster: RollingCluster) -> None:
    """It goes first, and here its new pods never get ready, which is told in the end."""
    labels = {"app.kubernetes.io/managed-by": "podnet.cni", "app.kubernetes.io/component": "probe"}
    cluster.workload("DaemonSet", "probe", 3, labels=labels)
    cluster.workload("Deployment", "web", 3)
    cluster.spoil = crashing("probe")
    result = run(timeout=1)
    assert [tier["tier"] for tier in result["plan"]] == ["probe", "rest"]
    assert cluster.restarts[:2] == ["probe", "web"]
    assert [name for name in off_calico(cluster) if name.startswith("web")] == []
    assert "DaemonSet demo/probe" in result["msg"]


def test_check_mode_foretells_the_run_and_keeps_nothing(run: Run, busy: RollingCluster) -> None:
    before = {path: item["metadata"]["resourceVersion"] for path, item in busy.objects.items()}
    predicted = run(_ansible_check_mode=True, _ansible_diff=True)
    assert {path: item["metadata"]["resourceVersion"] for path, item in busy.objects.items()} == before
    assert sorted(busy.restarts) == ["agent", "db", "web"]  # the server's own dry run
    result = run(_ansible_diff=True)
    for part in ("changed", "evicted", "in_place", "left", "undone", "unready", "plan", "diff"):
        assert predicted[part] == result[part], part
    assert [{**item, "seconds": 0} for item in predicted["moved"]] == [{**item, "seconds": 0} for item in result["moved"]]


def test_no_more_at_a_time_than_wanted(run: Run, cluster: RollingCluster) -> None:
    for number in range(4):
        cluster.workload("Deployment", f"app{number}", 3)
    under_way: list[int] = []

    def count(method: str, _path: str) -> int:
        rolling = [name for name in {name.rpartition("-")[0][:4] for name in off_calico(cluster)} if name in cluster.restarts]
        under_way.append(len(rolling) if method == "GET" else 0)
        return 0

    cluster.before = count
    assert len(run(parallel=2)["moved"]) == 4
    assert max(under_way) == 2


@pytest.mark.parametrize(
    ("options", "moved", "in_place"),
    [
        ({"namespaces": ["other"]}, [], []),
        ({"policy": {"default": "leave", "bare": "leave", "other": "leave"}}, [], []),
        ({"policy": {"default": "in-place", "other": "in-place"}}, [], ["agent", "bare", "coredns-a", "db", "lonely", "web"]),
    ],
)
def test_limits_and_policies(run: Run, busy: RollingCluster, options: dict[str, t.Any], moved: list[str], in_place: list[str]) -> None:
    result = run(**options)
    assert names(result["moved"]) == moved
    assert sorted({name if name in ("bare", "coredns-a") else name.partition("-")[0] for name in names(result["in_place"])}) == in_place
    assert busy.writes == []


def test_only_workloads_on_some_nodes(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("StatefulSet", "db", 3)
    cluster.workload("StatefulSet", "far", 1, metadata={"annotations": {"podnet.io/move": "rollout"}})
    node = cluster.pods("far")[0]["spec"]["nodeName"]
    for pod in cluster.pods("db"):
        pod["spec"]["nodeName"] = "n9"
    assert names(run(nodes=[node])["moved"]) == ["far"]


def test_back_onto_flannel(run: Run, cluster: RollingCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    moments = itertools.count()  # two restarts in one second would be one
    monkeypatch.setattr(moves, "_now", lambda: f"moment {next(moments)}")
    for number in (1, 2, 3):
        cluster.objects[f"/api/v1/nodes/n{number}"]["spec"]["podCIDR"] = "10.244.1.0/24"
    cluster.workload("Deployment", "web", 2)
    assert run(cni="flannel")["moved"] == []
    run()
    assert off_calico(cluster) == []
    cluster.off_calico = True
    assert names(run(cni="flannel")["moved"]) == ["web"]
    assert len(off_calico(cluster)) == 2


@pytest.mark.parametrize(
    ("options", "left"),
    [
        pytest.param({}, ["going"], id="each is awaited"),
        pytest.param({"short_grace": 29}, ["going"], id="was given too long"),
        pytest.param({"short_grace": 30}, [], id="ends soon"),
    ],
)
def test_an_old_pod_that_takes_its_time_to_go_is_awaited_and_named(
    run: Run, cluster: RollingCluster, options: dict[str, int], left: list[str]
) -> None:
    cluster.workload("Deployment", "web", 1)
    cluster.off_calico = True
    cluster.pod("going", ("ReplicaSet", "other"), metadata={"deletionTimestamp": "2026-11-24T12:00:00Z", "deletionGracePeriodSeconds": 30})
    cluster.off_calico = False
    result = run(timeout=1, **options)
    assert names(result["left"]) == left
    assert all("is being deleted and not gone yet" in pod["reason"] for pod in result["left"])


# --- what is killed goes on ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet", "DaemonSet"])
def test_a_rollout_under_way_is_awaited_and_not_begun_again(run: Run, cluster: RollingCluster, kind: str) -> None:
    cluster.workload(kind, "web", 3)
    template = cluster.template(kind, "web")
    template["metadata"]["annotations"] = {RESTARTED_AT: "2026-11-24T12:00:00Z"}
    next(item for path, item in cluster.objects.items() if path.endswith("s/web"))["metadata"]["generation"] += 1
    cluster.reconcile()
    result = run()
    assert result["changed"] is False
    assert [(item["name"], item["restarted"]) for item in result["moved"]] == [("web", False)]
    assert cluster.restarts == []
    assert off_calico(cluster) == []


def test_an_answer_that_is_lost_restarts_nothing_twice(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "web", 2)
    lost = iter([503])
    cluster.after = lambda method, _path: next(lost, 0) if method == "PATCH" else 0
    result = run()
    assert cluster.restarts == ["web"]
    assert names(result["moved"]) == ["web"]
    assert off_calico(cluster) == []


def test_an_api_server_that_is_away_for_a_moment_does_not_end_the_wait(run: Run, busy: RollingCluster) -> None:
    away = iter([503] * 4)
    busy.before = lambda method, _path: next(away, 0) if method == "GET" and busy.restarts else 0
    assert len(run(timeout=10)["moved"]) == 3


# --- what gets stuck -------------------------------------------------------------------------------------------------------


def test_a_stuck_rollout_is_named_and_undone_and_its_neighbour_is_finished(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "bad", 2)
    cluster.workload("Deployment", "good", 2)
    cluster.spoil = crashing("bad-2")
    result = run(timeout=1)
    assert result["failed"] is True
    assert "Deployment demo/bad: pod bad-2-" in result["msg"]
    assert "CrashLoopBackOff: back-off 10s (undone: it is as before)" in result["msg"]
    assert names(result["undone"]) == ["bad"]
    assert names(result["moved"]) == ["good"]
    assert annotations(cluster, "Deployment", "bad") == {}
    assert [pod["metadata"]["name"][:5] for pod in cluster.pods("bad")] == ["bad-1", "bad-1"]


def test_after_a_failure_nothing_more_is_begun(run: Run, cluster: RollingCluster) -> None:
    for name in ("a", "b"):
        cluster.workload("Deployment", name, 1)
    cluster.spoil = crash
    assert names(run(timeout=1, parallel=1)["undone"]) == ["a"]
    assert "b" not in cluster.restarts


def test_an_earlier_restart_is_what_undoing_goes_back_to(run: Run, cluster: RollingCluster) -> None:
    earlier = {"annotations": {RESTARTED_AT: "2026-01-01T00:00:00Z"}}
    cluster.workload("Deployment", "bad", 2, template=earlier)
    cluster.spoil = crashing("bad-2")
    run(timeout=1)
    assert annotations(cluster, "Deployment", "bad") == earlier["annotations"]


def test_what_undoing_cannot_repair_is_said(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("StatefulSet", "db", 2)
    cluster.spoil = crashing("db-1")
    result = run(timeout=1)
    (undone,) = result["undone"]
    assert "pod db-1: container app waiting, CrashLoopBackOff" in undone["reason"]
    assert undone["undone"].startswith("the template is as before, but the pods are not: pod db-1")
    assert (
        "annotations" not in cluster.template("StatefulSet", "db")["metadata"]
        or not cluster.template("StatefulSet", "db")["metadata"]["annotations"]
    )


def test_a_rollout_of_somebody_else_is_never_undone(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "web", 2)
    cluster.spoil = crashing("web-2")
    cluster.template("Deployment", "web")["spec"] = {"containers": [{"name": "web", "image": "broken"}]}
    cluster.objects["/apis/apps/v1/namespaces/demo/deployments/web"]["metadata"]["generation"] = 2
    cluster.reconcile()
    result = run(timeout=1)
    assert "failed" not in result
    assert cluster.restarts == []
    assert sorted(names(result["left"])) == off_calico(cluster)
    assert "a rollout that was under way before does not end: pod web-2-" in result["left"][0]["reason"]


def test_a_rollout_that_gets_on_is_not_stuck(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("StatefulSet", "db", 12)
    began = time.monotonic()
    cluster.before = lambda _method, path: time.sleep(0.1) or 0 if path.endswith("/db") else 0
    assert names(run(timeout=1)["moved"]) == ["db"]
    assert time.monotonic() - began > 2


def test_pods_that_come_back_off_their_cni_are_told(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "web", 1)
    cluster.off_calico = True
    result = run(timeout=1)
    assert "still has the address 10.244.1." in result["msg"]
    assert cluster.restarts == ["web"]  # a second restart would make nothing better


def test_a_workload_that_may_not_be_changed_fails_alone(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "bad", 1)
    cluster.workload("Deployment", "good", 1)
    cluster.before = lambda method, path: 403 if (method, path.rpartition("/")[2]) == ("PATCH", "bad") else 0
    result = run(parallel=2)
    assert "Deployment demo/bad: the API server forbids it" in result["msg"]
    assert names(result["moved"]) == ["good"]


# --- what was not ready before ---------------------------------------------------------------------------------------------


def test_pods_that_were_not_ready_before_hold_nobody_up(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("Deployment", "shaky", 3)
    crash(cluster.pods("shaky")[0])
    cluster.workload("Deployment", "web", 1)
    # The third of the new pods is as ill as one of the old ones, so the last old one would never be replaced.
    ill = iter([False, False, True])
    cluster.spoil = lambda pod: crash(pod) if pod["metadata"]["name"].startswith("shaky-2") and next(ill, False) else None
    result = run(timeout=10, unready_timeout=1)
    assert "failed" not in result
    assert [tier["tier"] for tier in result["plan"]] == ["rest", "not ready before"]
    assert [item["reason"] for item in result["unready"]] == ["container app waiting, CrashLoopBackOff: back-off 10s"]
    assert names(result["moved"]) == ["shaky", "web"][::-1]
    assert len(result["evicted"]) == 1
    assert off_calico(cluster) == []


def test_a_workload_without_any_ready_pod_is_evicted(run: Run, cluster: RollingCluster) -> None:
    cluster.spoil = crashing("sick")
    cluster.workload("ReplicaSet", "sick", 2)
    result = run(timeout=10, unready_timeout=0)
    assert len(result["evicted"]) == len(result["unready"]) == 2
    assert off_calico(cluster) == []


# --- evictions -------------------------------------------------------------------------------------------------------------


def test_a_budget_that_forbids_an_eviction_is_named_and_nothing_is_forced(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("StatefulSet", "db", 2, updateStrategy={"type": "OnDelete"})
    cluster.forbidden = {"db-0"}
    status = {"disruptionsAllowed": 0, "currentHealthy": 2, "desiredHealthy": 2}
    budget = {"metadata": {"name": "db", "namespace": "demo"}, "spec": {"selector": {"matchLabels": {"app": "db"}}}, "status": status}
    cluster.put("/apis/policy/v1/namespaces/demo/poddisruptionbudgets/db", budget)
    predicted = run(_ansible_check_mode=True)
    assert names(predicted["left"]) == ["db-0"]
    result = run(timeout=1)
    assert "failed" not in result
    assert names(result["left"]) == ["db-0", "db-1"]
    assert "would violate the pod's disruption budget" in result["left"][0]["reason"]
    assert "PodDisruptionBudget db allows 0 disruptions: 2 pods are healthy and it wants 2" in result["left"][0]["reason"]
    assert not [method for method, _path in cluster.log if method == "DELETE"]


def test_an_eviction_is_tried_again_until_the_budget_allows_it(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("ReplicaSet", "web", 1)
    (pod,) = cluster.pods("web")
    cluster.forbidden = {pod["metadata"]["name"]}

    def allow(_method: str, _path: str) -> int:
        if len(cluster.evictions) > 2:
            cluster.forbidden = set()
        return 0

    cluster.before = allow
    assert len(run()["evicted"]) == 1
    assert off_calico(cluster) == []


def test_an_evicted_pod_that_does_not_come_back_is_a_failure(run: Run, cluster: RollingCluster) -> None:
    cluster.workload("ReplicaSet", "web", 2)
    cluster.spoil = crash
    result = run(timeout=1)
    assert "ReplicaSet demo/web: pod web-" in result["msg"]
    assert "CrashLoopBackOff: back-off 10s, 1 s after the eviction of web-" in result["msg"]
    assert len(cluster.evictions) == 1


def test_bare_pods_are_evicted_when_that_is_wanted(run: Run, busy: RollingCluster) -> None:
    result = run(policy={"bare": "evict"})
    assert "bare" in names(result["evicted"])
    assert off_calico(busy) == ["import-x"]


# --- options ---------------------------------------------------------------------------------------------------------------


def test_nothing_begins_after_the_deadline(run: Run, busy: RollingCluster) -> None:
    result = run(deadline="2020-01-01T00:00:00Z")
    assert result["deadline_reached"] is True
    assert result["changed"] is False
    assert busy.writes == []
    assert run(deadline=str(time.time() + 3600))["deadline_reached"] is False
    assert run(deadline="2020-01-01")["deadline_reached"] is False  # there was nothing left to begin


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"parallel": 0}, "parallel: it must be 1 or more."),
        ({"deadline": "tonight"}, "deadline: 'tonight' is no moment. Write it like 2026-11-24T22:00:00Z"),
        ({"policy": {"namespaces": {"demo": "inplace"}}}, "policy.namespaces: demo: inplace is no way to move a pod."),
    ],
)
def test_bad_options_change_nothing(run: Run, busy: RollingCluster, options: dict[str, t.Any], words: str) -> None:
    assert words in run(**options)["msg"]
    assert busy.writes == []


def test_a_misspelt_wish_changes_nothing(run: Run, busy: RollingCluster) -> None:
    busy.pod("odd", metadata={"labels": {"podnet.io/move": "inplace"}})
    assert "podnet.io/move annotation or label: Pod demo/odd says 'inplace'" in run()["msg"]
    assert busy.writes == []


def test_without_calico_nothing_is_touched(run: Run, busy: RollingCluster) -> None:
    busy.has_calico = False
    assert "Install Calico first." in run()["msg"]
    assert busy.writes == []
    assert len(run(_ansible_check_mode=True)["moved"]) == 3
