# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import cni_verification

NAMESPACE = "/api/v1/namespaces/podnet-verification"
ORDER = [
    "nodes-ready",
    "cni-ready",
    "one-conflist",
    "canary-ready",
    "canary-address",
    "canary-veth",
    "pod-to-pod",
    "source-address",
    "pod-to-service",
    "pod-to-dns-name",
    "host-to-nodeport",
    "host-to-externalip",
    "policy-enforced",
]
Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.02)

    def run(cluster: t.Any, **options: t.Any) -> dict[str, t.Any]:
        quick = {"host": cluster.url, "api_key": "secret", "timeout": 3, "settle_timeout": 1}
        with patch_module_args({**quick, **options}), pytest.raises(SystemExit):
            cni_verification.main()
        return json.loads(capfd.readouterr().out)

    return run


def results(result: dict[str, t.Any]) -> dict[str, str]:
    return {check["id"]: check["result"] for check in result["checks"]}


def seen(result: dict[str, t.Any], check_id: str) -> str:
    return next("; ".join([check["seen"], *check["details"]]) for check in result["checks"] if check["id"] == check_id)


def is_clean(cluster: t.Any) -> bool:
    return not [path for path in cluster.objects if "podnet-verification" in path]


def test_a_good_cluster_passes_and_is_left_as_it_was(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2", "n3")
    before = set(cluster.objects)
    result = run(cluster)
    assert result["passed"] is True
    assert result["changed"] is False
    assert list(results(result)) == ORDER
    assert set(results(result).values()) - {"passed"} == {"skipped"}
    assert [name for name, word in results(result).items() if word == "skipped"] == ["one-conflist"]
    assert seen(result, "pod-to-pod").startswith("6 of 6 ways (n1 -> n2, n1 -> n3 and 4 more)")
    assert seen(result, "host-to-nodeport").startswith("9 of 9 ways (n1 -> 192.0.2.1:30080")
    assert "n1 (same node) -> n1, n2 (another node) -> n1" in seen(result, "policy-enforced")
    assert set(cluster.objects) == before


def test_one_node_has_no_pairs_and_says_so(run: Run, start_cluster: t.Any) -> None:
    result = run(start_cluster("n1"))
    assert result["passed"] is True
    assert seen(result, "pod-to-pod") == "only one node has a canary that answers: no pair across nodes"
    assert results(result)["source-address"] == "skipped"
    assert "one node" in seen(result, "policy-enforced")


def test_check_mode_creates_nothing(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    result = run(cluster, _ansible_check_mode=True)
    assert list(results(result)) == ORDER
    assert results(result)["cni-ready"] == "passed"
    assert seen(result, "pod-to-pod") == "check mode; would ask: does a canary reach the canary of every other node?"
    assert {method for method, _path in cluster.log} == {"GET"}


def test_what_a_killed_run_left_is_removed_first(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1")
    labels = {"app.kubernetes.io/managed-by": "podnet.cni"}
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podnet-verification", "labels": labels}})
    cluster.new_pod("podnet-verification", "old", "n1")
    assert run(cluster)["passed"] is True
    assert is_clean(cluster)


def test_somebody_elses_namespace_is_not_touched(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1")
    cluster.add({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "podnet-verification", "labels": {}}})
    result = run(cluster)
    assert result["failed"] is True
    assert "it is not ours to use and remove" in result["msg"]
    assert {method for method, _path in cluster.log} == {"GET"}


def test_no_such_service_of_the_user_is_an_error_before_anything_is_created(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1")
    result = run(cluster, service={"name": "nothing"})
    assert "Service default/nothing: there is no such Service." in result["msg"]
    assert {method for method, _path in cluster.log} == {"GET"}


def test_a_service_of_the_user_is_reached_in_every_way_it_offers(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    ports = [{"port": 80, "nodePort": 30000}, {"port": 53, "protocol": "UDP", "nodePort": 30053}]
    spec = {"clusterIP": "10.96.0.99", "ports": ports, "externalIPs": ["192.0.2.50"]}
    cluster.add({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "myapp", "namespace": "demo"}, "spec": spec})
    result = run(cluster, service={"name": "myapp", "namespace": "demo"})
    assert seen(result, "service-clusterip") == "2 of 2 ways (n1 -> 10.96.0.99:80 and 1 more)"
    assert seen(result, "service-nodeport").startswith("4 of 4 ways (n1 -> 192.0.2.1:30000")
    assert seen(result, "service-externalip") == "2 of 2 ways (n1 -> 192.0.2.50:80 and 1 more)"
    assert seen(result, "service-loadbalancer") == "the Service has none"


def test_a_cluster_that_forbids_external_addresses_is_told_and_not_failed(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    handle = cluster.handle

    def forbid(method: str, path: str, body: dict[str, t.Any]) -> t.Any:
        if body.get("spec", {}).get("externalIPs"):
            return 403, {"message": "admission: external addresses are denied"}
        return handle(method, path, body)

    cluster.handle = forbid
    result = run(cluster)
    assert result["passed"] is True
    assert seen(result, "host-to-externalip") == (
        "no Service with an external address could be made: the API server forbids it: admission: external addresses are denied"
    )


def _silence_between(first: str, second: str) -> t.Any:
    def answer(cluster: t.Any, pod: dict[str, t.Any], _kind: str, target: str) -> t.Any:
        listener = cluster.pod_at(target.partition(":")[0])
        return (
            (28, "curl: (28) timed out")
            if listener and {pod["spec"]["nodeName"], listener["spec"]["nodeName"]} == {first, second}
            else None
        )

    return answer


def _masquerade(_cluster: t.Any, _pod: t.Any, _kind: str, target: str) -> t.Any:
    return (0, "192.0.2.1:4000") if target.endswith("/clientip") else None


def _policy_ignored(_cluster: t.Any, _pod: t.Any, kind: str, _target: str) -> t.Any:
    return (0, "") if kind == "connect" else None


def _listener_dead(_cluster: t.Any, _pod: t.Any, kind: str, _target: str) -> t.Any:
    return (1, "REFUSED") if kind == "connect" else None


def _listener_dies(cluster: t.Any, _pod: t.Any, kind: str, _target: str) -> t.Any:
    return (1, "REFUSED") if kind == "connect" and cluster.of_kind("NetworkPolicy") else None


def _old_veth(_cluster: t.Any, _pod: t.Any, kind: str, _target: str) -> t.Any:
    return (0, "cni0") if kind == "route" else None


def _no_dns(_cluster: t.Any, _pod: t.Any, _kind: str, target: str) -> t.Any:
    return (6, "curl: (6) Could not resolve host") if ".svc:" in target else None


def _stranger(_cluster: t.Any, _pod: t.Any, _kind: str, target: str) -> t.Any:
    return (0, "stranger") if target.endswith(":30080/hostname") else None


@pytest.mark.parametrize(
    ("answer", "failed", "words"),
    [
        (_silence_between("n1", "n2"), "pod-to-pod", "2 of 2 ways fail; n1 -> n2: timeout"),
        (_masquerade, "source-address", "arrived as 192.0.2.1"),
        (_policy_ignored, "policy-enforced", "the policy did not make these time out: n1 (same node) -> n1: reached"),
        (_listener_dead, "policy-enforced", "before the policy the sentinel did not answer"),
        (_listener_dies, "policy-enforced", "refused and not dropped"),
        (_old_veth, "canary-veth", "routed to cni0"),
        (_no_dns, "pod-to-dns-name", "no DNS answer"),
        (_stranger, "host-to-nodeport", "answered by 'stranger', which is no canary"),
    ],
)
def test_what_fails_is_named_and_nothing_stays(run: Run, start_cluster: t.Any, answer: t.Any, failed: str, words: str) -> None:
    cluster = start_cluster("n1", "n2")
    cluster.answer = answer
    result = run(cluster, fail=False)
    assert result["passed"] is False
    assert failed in [name for name, word in results(result).items() if word == "failed"]
    assert words in seen(result, failed)
    assert is_clean(cluster)


def test_rules_that_take_a_moment_are_awaited(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    asked: dict[tuple[str, str, int], int] = {}

    def slow(cluster: t.Any, pod: dict[str, t.Any], _kind: str, target: str) -> t.Any:
        key = (pod["metadata"]["name"], target, len(cluster.of_kind("NetworkPolicy")))
        asked[key] = asked.get(key, 0) + 1
        if asked[key] > 1:
            return None
        return (0, "") if key[2] else (28, "curl: (28) timed out")

    cluster.answer = slow
    assert run(cluster, settle_timeout=10)["passed"] is True


def test_a_canary_that_does_not_start_is_explained_and_the_rest_still_measured(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2", "n3")

    def spoil(pod: dict[str, t.Any]) -> None:
        if pod["metadata"]["name"] == "canary-n3":
            waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}
            pod["status"] = {"phase": "Pending", "containerStatuses": [{"name": "agnhost", "ready": False, "state": waiting}]}

    cluster.spoil = spoil
    result = run(cluster, timeout=1)
    assert result["failed"] is True
    assert seen(result, "canary-ready") == "1 pods are not ready; canary on n3: container agnhost waiting, ImagePullBackOff: no such image"
    assert seen(result, "pod-to-pod").startswith("2 of 2")
    assert "- canary-ready: 1 pods are not ready; canary on n3" in result["msg"]
    assert "failed   canary-ready        canary on n3: container agnhost waiting" in "\n".join(result["summary"])
    assert result["summary"][-1] == "11 passed, 1 failed, 1 skipped"
    assert is_clean(cluster)


def test_a_pod_that_runs_no_commands_is_evidence_too(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    cluster.refuse[("EXEC", f"{NAMESPACE}/pods/canary-n2")] = 500
    result = run(cluster, fail=False)
    assert "n2 -> n1: not measured (no command could be run in the pod" in seen(result, "pod-to-pod")
    assert is_clean(cluster)


def test_a_server_that_fails_in_the_middle_leaves_nothing_behind(run: Run, start_cluster: t.Any) -> None:
    cluster = start_cluster("n1", "n2")
    cluster.refuse[("POST", f"{NAMESPACE}/services")] = 500
    result = run(cluster)
    assert "500" in result["msg"]
    assert is_clean(cluster)


def test_conflists_are_judged_from_the_snapshots(run: Run, start_cluster: t.Any) -> None:
    conflist = {"path": "/etc/cni/net.d/10-calico.conflist", "network": "k8s-pod-network", "wins": True, "owner": "calico"}
    runtime = {"network_ready": True, "loaded": ["k8s-pod-network"]}
    snapshots = {"n1": {"hostname": "n1", "conflists": [conflist], "runtime": runtime}}
    result = run(start_cluster("n1"), snapshots=snapshots)
    assert seen(result, "one-conflist") == "calico's alone, and loaded, on 1 nodes (n1)"
    broken = run(start_cluster("n1"), snapshots={"n1": {"nonsense": 1}})
    assert "option snapshots: does not hold a snapshot: " in broken["msg"]
    assert "Pass what podnet.cni.cni_info of this version returns." in broken["msg"]
