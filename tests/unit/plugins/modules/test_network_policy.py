# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that applies a set of policies, against an API server that has the world of the examples."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_apply
from ansible_collections.podnet.cni.plugins.modules import network_policy
from tests.support.netpol_cases import ingress, named, namespace, policy, workload

FROM_B = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])
FROM_C = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("c")}, ports=[{"port": 80}])])
DENY = policy({}, name="deny", policyTypes=["Ingress"])
OPEN = {"source": "x/b", "destination": "x/a", "port": 80, "verdict": "allow"}

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(policy_cluster: t.Any, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        asked = {"host": policy_cluster.url, "api_key": "secret", **options, "_ansible_check_mode": check, "_ansible_diff": True}
        with patch_module_args(asked), pytest.raises(SystemExit):
            network_policy.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return call


@pytest.fixture
def warned(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All warnings. Where a result has them hangs on whether Ansible's controller is loaded."""
    told: list[str] = []
    monkeypatch.setattr(basic.AnsibleModule, "warn", lambda _module, text: told.append(text))
    return told


def names(result: dict[str, t.Any], kind: str) -> set[tuple[str, str, str]]:
    """(port, source, destination) of what opens or closes."""
    return {
        (change["port"], source["name"], target["name"])
        for change in result["difference"][kind]
        for source in change["sources"]
        for target in change["destinations"]
    }


def test_check_mode_tells_what_the_real_run_does(run: Run, policy_cluster: t.Any) -> None:
    foretold = run(check=True, objects=[FROM_B, DENY], ports=["80"])
    assert policy_cluster.changes == []
    done = run(objects=[FROM_B, DENY], ports=["80"])
    assert {**foretold, "invocation": {}} == {**done, "invocation": {}}
    assert done["changes"] == ["create NetworkPolicy x/web", "create NetworkPolicy x/deny"]
    assert (done["changed"], done["cni"], done["previous"], done["briefly_cut"]) == (True, "generic", [], [])
    assert names(done, "opens") == set()
    assert ("TCP/80", "x/b", "x/c") in names(done, "closes")
    assert ("TCP/80", "x/b", "x/a") not in names(done, "closes")
    assert done["summary"][-2:] == ["difference: 0 open, 2 close", "changes: 2 create"]
    assert sorted(policy_cluster.policies()) == ["x/deny", "x/web"]


def test_the_second_run_changes_nothing(run: Run, policy_cluster: t.Any) -> None:
    run(objects=[FROM_B, DENY])
    policy_cluster.log = []
    again = run(objects=[FROM_B, DENY])
    assert (again["changed"], again["changes"], again["diff"]) == (False, [], [])
    assert policy_cluster.writes == []


def test_the_difference_in_words_and_in_yaml(run: Run) -> None:
    run(objects=[FROM_B])
    result = run(objects=[FROM_C], ports=["80"])
    reach, spec = result["diff"]
    assert reach == {"prepared": "+ TCP/80: x/c to x/a\n- TCP/80: x/b to x/a\n"}
    assert spec["before_header"] == "NetworkPolicy x/web"
    before, after = yaml.safe_load(spec["before"]), yaml.safe_load(spec["after"])
    assert before["spec"]["ingress"][0]["from"] == [{"podSelector": named("b")}]
    assert after["spec"]["ingress"][0]["from"] == [{"podSelector": named("c")}]
    assert after["spec"]["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 80}]
    assert set(before["metadata"]) == {"namespace", "name", "labels"}
    (previous,) = result["previous"]
    assert previous["spec"]["ingress"] == before["spec"]["ingress"]


def test_what_is_no_longer_wanted_is_deleted_and_nothing_else(run: Run, policy_cluster: t.Any) -> None:
    policy_cluster.add(policy({}, name="theirs"))
    run(objects=[FROM_B, DENY])
    run(objects=[policy({}, name="other", place="y")], name="other")
    assert run(objects=[FROM_B], prune=False)["changes"] == []
    assert run(objects=[FROM_B])["changes"] == ["delete NetworkPolicy x/deny"]
    gone = run(state="absent")
    assert gone["changes"] == ["delete NetworkPolicy x/web"]
    assert [one["metadata"]["name"] for one in gone["previous"]] == ["web"]
    assert sorted(policy_cluster.policies()) == ["x/theirs", "y/other"]
    assert run(state="absent")["changed"] is False


def test_a_directory_with_other_manifests(run: Run, policy_cluster: t.Any, tmp_path: Path) -> None:
    policy_cluster.add(namespace("default"))
    nameless = {**FROM_B, "metadata": {"name": "web"}}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump_all([workload("x/Deployment/web", {}), nameless]))
    result = run(sources=[str(tmp_path)], namespace="x")
    assert result["changes"] == ["create NetworkPolicy x/web"]
    assert result["ignored"] == [f"{tmp_path}/all.yaml, document 1 (line 1), Deployment x/web"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("kind: ConfigMap\nmetadata: {name: c}\n", "there is no NetworkPolicy among them (but 1 other object). To remove the policies"),
        (yaml.safe_dump(policy({}, place="lost")), "the cluster has no namespace lost. Create it first"),
        (yaml.safe_dump(policy({}, ingres=[])), "spec.ingres is no field of this type"),
    ],
)
def test_what_cannot_be_applied_changes_nothing(run: Run, policy_cluster: t.Any, tmp_path: Path, text: str, message: str) -> None:
    run(objects=[FROM_B])
    policy_cluster.changes.clear()
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    result = run(sources=[str(file)])
    assert result["failed"]
    assert message in result["msg"]
    assert str(file) in result["msg"]
    assert policy_cluster.changes == []


def test_what_the_server_refuses_is_told_with_its_line(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(yaml.safe_dump(policy({}, ingress=[{"ports": [{"port": 0}]}])))
    result = run(sources=[str(file)])
    line = file.read_text().splitlines().index("    - port: 0") + 1
    assert result["msg"].startswith(f"{file}, document 1 (line {line}), NetworkPolicy x/p: spec.ingress[0].ports[0].port is 0")
    assert [one["line"] for one in result["findings"]] == [line]


def test_a_directory_without_manifests_prunes_nothing(run: Run, policy_cluster: t.Any, tmp_path: Path) -> None:
    run(objects=[FROM_B])
    assert run(sources=[str(tmp_path)])["failed"]
    assert run(sources=[str(tmp_path / "absent.yaml")])["failed"]
    assert run(objects=[])["msg"].startswith("objects: there is no NetworkPolicy among them.")
    assert sorted(policy_cluster.policies()) == ["x/web"]


@pytest.mark.parametrize("check", [False, True])
def test_an_expectation_that_would_be_missed_changes_nothing(run: Run, policy_cluster: t.Any, check: bool) -> None:
    result = run(check=check, objects=[FROM_C], expectations=[OPEN, {**OPEN, "source": "x/c"}])
    assert (result["failed"], result["changed"], result["changes"]) == (True, False, ["create NetworkPolicy x/web"])
    assert result["msg"].splitlines() == [
        "expectations[0]: x/b may reach x/a on TCP/80, but the verdict is deny "
        "(ingress: x/web isolates the pod and its rule does not match)",
        "Nothing was changed.",
    ]
    assert [one["result"] for one in result["expectations"]] == ["missed", "met"]
    assert policy_cluster.writes == []


def test_expectations_that_are_met(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "expectations.yaml"
    file.write_text(yaml.safe_dump({"expectations": [OPEN]}))
    assert run(objects=[FROM_B], expectations=str(file))["expectations"][0]["where"] == f"{file}, line 2"


def test_flannel_enforces_nothing(run: Run, policy_cluster: t.Any, warned: list[str]) -> None:
    daemonset = workload("kube-flannel/DaemonSet/kube-flannel-ds", {})
    daemonset["spec"]["template"]["spec"]["containers"] = [{"name": "kube-flannel", "command": ["/opt/bin/flanneld"]}]
    policy_cluster.add(daemonset)
    result = run(objects=[FROM_B])
    assert result["cni"] == "flannel"
    assert result["difference"]["closes"] == []
    assert run(objects=[FROM_C], cni="calico")["cni"] == "calico"
    assert warned == ["flannel enforces no NetworkPolicies: they are accepted, and nothing is denied."]


@pytest.fixture
def flannel(ready_policy_cluster: t.Any) -> t.Any:
    """The cluster, with flannel."""
    daemonset = workload("kube-flannel/DaemonSet/kube-flannel-ds", {})
    daemonset["spec"]["template"]["spec"]["containers"] = [{"name": "kube-flannel", "command": ["/opt/bin/flanneld"]}]
    ready_policy_cluster.add(daemonset)
    return ready_policy_cluster


MISSED = {"source": "x/c", "destination": "x/a", "port": 80, "verdict": "deny"}


@pytest.mark.usefixtures("flannel")
@pytest.mark.parametrize(
    ("verify", "rollback", "words"),
    [
        ({}, True, ["would fail and all would be taken back where policies deny anything, for flannel enforces none"]),
        ({}, False, ["would fail and nothing would be taken back"]),
        ({"allow_unenforced": True}, True, []),
        ({"allow_unenforced": True, "expectations": [MISSED]}, True, []),
        ({"expectations": [MISSED]}, True, ["all would be taken back", "x/c must not reach x/a"]),
    ],
)
def test_check_mode_foretells_the_verification(run: Run, warned: list[str], verify: t.Any, rollback: bool, words: list[str]) -> None:
    result = run(check=True, objects=[FROM_B], verify=verify, rollback_on_failure=rollback)
    assert result["changed"]
    told = warned[1:]
    assert warned[0].startswith("flannel enforces no NetworkPolicies")
    assert len(told) == len(words)
    assert all(word in line for word, line in zip(words, told, strict=True))


@pytest.mark.parametrize(
    ("verify", "words"),
    [
        ({"max_kinds": 1}, "kinds of pods apart, and at most 1 are probed at once"),
        ({"namespaces": ["nowhere"]}, "there is no namespace nowhere"),
        ({"namespace": "y"}, "it is not ours to use and remove"),
        ({"namespaces": ["x"]}, "may not create pods/exec in podnet-policy-probe, create pods/exec in x"),
    ],
)
def test_check_mode_tells_what_stands_in_the_way_of_a_measurement(run: Run, ready_policy_cluster: t.Any, verify: t.Any, words: str) -> None:
    ready_policy_cluster.forbidden = {"create pods/exec"}
    assert words in run(check=True, objects=[FROM_B], verify=verify)["msg"]
    assert ready_policy_cluster.changes == []


def test_check_mode_measures_nothing(run: Run, ready_policy_cluster: t.Any) -> None:
    result = run(check=True, objects=[FROM_B], verify={"namespaces": ["x"]})
    assert (result["changed"], "verification" in result) == (True, False)
    assert ready_policy_cluster.changes == []


def test_no_node_to_measure_on(run: Run, policy_cluster: t.Any) -> None:
    """The nodes of the examples' world are not ready."""
    assert "no node is ready" in run(check=True, objects=[FROM_B], verify={})["msg"]
    assert policy_cluster.changes == []


def test_what_is_not_computed_is_a_finding(run: Run, policy_cluster: t.Any) -> None:
    policy_cluster.serve("cilium.io/v2", "ciliumnetworkpolicies", {"metadata": {"name": "c", "namespace": "x"}})
    policy_cluster.serve("policy.networking.k8s.io/v1alpha1", "adminnetworkpolicies")
    policy_cluster.before = lambda _method, path: 403 if path.endswith("/adminnetworkpolicies") else 0
    found = [(one["id"], one["name"]) for one in run(objects=[FROM_B])["findings"] if one["id"].startswith("not-")]
    assert found == [("not-listed", "adminnetworkpolicies.policy.networking.k8s.io"), ("not-evaluated", "c")]


def test_fields_of_others(run: Run, policy_cluster: t.Any) -> None:
    policy_cluster.add(policy(named("a"), name="web", policyTypes=["Ingress"], ingress=[]), manager="helm")
    for check in (True, False):
        refused = run(check=check, objects=[policy(named("b"), name="web")])
        assert refused["msg"].startswith("NetworkPolicy x/web: others set these fields to another value: helm owns spec.podSelector. Set")
    assert run(objects=[policy(named("b"), name="web")], force_conflicts=True)["changed"]


def test_pairs_that_are_cut_for_a_moment(run: Run) -> None:
    one, other = (policy(named("a"), name=f"from-{who}", ingress=[ingress({"podSelector": named(who)})]) for who in "bc")
    result = run(objects=[one, other], ports=["80"])
    assert {(cut["after"], cut["sources"][0]["name"], cut["destinations"][0]["name"]) for cut in result["briefly_cut"]} == {
        ("create NetworkPolicy x/from-b", "x/c", "x/a")
    }
    assert result["summary"][-1] == "briefly cut: 3 groups of pairs"


def test_an_earlier_run_without_a_verdict_is_told(run: Run, warned: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    earlier = {("x", "web"): {"metadata": {"namespace": "x", "name": "web"}, "spec": {"podSelector": {}}}, ("x", "new"): None}
    monkeypatch.setattr(policy_apply, "transact", lambda *_, **__: policy_apply.Outcome(earlier=earlier))
    told = "An earlier run ended before its verdict on x/new, x/web. How they were before it is in previous"
    run(check=True, objects=[FROM_B])
    result = run(objects=[FROM_B])
    assert warned == [f"{told}.", f"{told}, and is kept nowhere else from now on."]
    assert [one["spec"] for one in result["previous"]] == [{"podSelector": {}}]


def test_what_has_to_be_given(run: Run) -> None:
    assert "state is present but any of the following are missing: sources, objects" in run()["msg"]
    assert "cannot be the name of a set" in run(objects=[FROM_B], name="My_Set")["msg"]
