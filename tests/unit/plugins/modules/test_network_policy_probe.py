# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that measures policies, against a cluster that enforces them, or does not."""

from __future__ import annotations

import json
import stat
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._control import sources
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_trial
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, kinds, objects, plan
from ansible_collections.podnet.cni.plugins.modules import network_policy_probe
from tests.support.measured_cluster import ANSWERED, SILENT, MeasuredCluster, hasty, pod_status, waiting, world
from tests.support.netpol_cases import namespace

USERS = {"x/a", "x/b", "y/c"}
STANDS = [
    {"name": "x/podnet-probe-0", "node": "n1", "stands_for": "x/a"},
    {"name": "x/podnet-probe-1", "node": "n2", "stands_for": "x/a"},
    {"name": "x/podnet-probe-2", "node": "n1", "stands_for": "x/b"},
    {"name": "x/podnet-probe-3", "node": "n2", "stands_for": "x/b"},
    {"name": "y/podnet-probe-4", "node": "n1", "stands_for": "y/c"},
    {"name": "y/podnet-probe-5", "node": "n2", "stands_for": "y/c"},
    {"name": "podnet-policy-probe/podnet-probe-6", "node": "n1", "stands_for": "podnet-policy-probe/outsider"},
    {"name": "podnet-policy-probe/podnet-probe-7", "node": "n2", "stands_for": "podnet-policy-probe/outsider"},
]
OPEN = {"source": "x/b", "destination": "x/a", "port": 80, "verdict": "allow"}
CLOSED = {"source": "y/c", "destination": "x/a", "port": 80, "verdict": "deny"}
RETURNED = yaml.safe_load(network_policy_probe.RETURN)
FACTS = {name for name, told in RETURNED.items() if told["returned"].startswith("when it measured")}
BOTH = {"changed", *(set(RETURNED) - FACTS)}
#: One that policies allow, and that is measured.
LINK = ("y/podnet-probe-5", "x/podnet-probe-3", "TCP/81")

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="cluster")
def _cluster(measured_cluster: MeasuredCluster) -> MeasuredCluster:
    return measured_cluster


@pytest.fixture(name="run")
def _run(cluster: MeasuredCluster, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(policy_trial, "Clock", hasty)

    def call(check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        asked = {"host": cluster.url, "api_key": "secret", "ports": ["80", "81"], **options}
        with patch_module_args({**asked, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            network_policy_probe.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return call


def is_clean(cluster: MeasuredCluster) -> bool:
    return set(cluster.pods()) == USERS and cluster.namespaces() == {"x", "y"}


def told(result: dict[str, t.Any]) -> set[str]:
    """The names of all that is returned beside what every module returns."""
    return set(result) - {"invocation", "failed", "msg", "warnings"}


# --- Good ends --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clients", [kinds.SHADOW, kinds.EPHEMERAL])
def test_check_mode_tells_the_pods_and_makes_nothing(run: Run, cluster: MeasuredCluster, clients: str, tmp_path: Path) -> None:
    result = run(check=True, clients=clients, expectations=[OPEN], dest=str(tmp_path / "reports"))
    own = [{"name": name, "node": node, "stands_for": name} for name, node in (("x/a", "n1"), ("x/b", "n2"), ("y/c", "n2"))]
    assert (told(result), result["changed"], result["cni"]) == (BOTH, False, "calico")
    assert result["pods"] == (STANDS if clients == kinds.SHADOW else own)
    assert cluster.writes == []
    assert cluster.executions == []
    assert not (tmp_path / "reports").exists()


def test_policies_that_do_what_they_say(run: Run, cluster: MeasuredCluster) -> None:
    result = run(expectations=[OPEN, CLOSED])
    assert told(result) == BOTH | FACTS
    assert not result.get("failed")
    assert (result["passed"], result["faults"], result["changed"], result["enforcement"]) == (True, [], False, "enforced")
    assert (result["differences"], result["unknown"], result["left_out"], result["removed"]) == ([], [], [], [])
    assert (result["pods"], result["cni"], result["why"], result["undefined"]) == (STANDS, "calico", "", 0)
    assert [one["result"] for one in result["expectations"]] == ["met", "met"]
    assert result["summary"][0].endswith("between 8 pods for 3 kinds of pods: 64 as policies say, 0 otherwise")
    assert result["summary"][-1] == "expectations: 2 met, 0 missed, 0 unknown"
    assert result["latency_ms"] == {"median": 2, "max": 2}
    assert result["files"] == []
    assert is_clean(cluster)


def test_users_own_pods_measure(run: Run, cluster: MeasuredCluster) -> None:
    result = run(clients="ephemeral", expectations=[OPEN, CLOSED])
    assert (result["passed"], result["enforcement"]) == (True, "enforced")
    assert [one["name"] for one in result["pods"]] == sorted(USERS)
    assert ("POST", "pods") not in cluster.changes
    assert cluster.changes.count(("PATCH", "ephemeralcontainers")) == 3
    assert is_clean(cluster)


def test_only_the_namespaces_that_are_named(run: Run) -> None:
    assert {one["stands_for"] for one in run(check=True, namespaces=["y"])["pods"]} == {"y/c", "podnet-policy-probe/outsider"}


def test_the_cni_that_is_named_counts(run: Run, cluster: MeasuredCluster) -> None:
    cluster.run_cni("flannel")
    assert run(check=True)["cni"] == "flannel"
    assert run(check=True, cni="cilium")["cni"] == "cilium"


def test_the_image_and_the_namespace_are_the_users(run: Run, cluster: MeasuredCluster) -> None:
    images, owners = set(), set()

    def fate(pod: t.Any) -> None:
        images.add(pod["spec"]["containers"][0]["image"])
        owners.add(pod["metadata"]["ownerReferences"][0]["name"])

    cluster.fate = fate
    assert run(image="registry.example/agnhost:1", namespace="proof")["passed"]
    assert (images, owners) == ({"registry.example/agnhost:1"}, {"proof"})
    assert is_clean(cluster)


# --- What is wrong ----------------------------------------------------------------------------------------------------


def unenforced(cluster: MeasuredCluster) -> None:
    cluster.enforces = False


def partly(cluster: MeasuredCluster) -> None:
    cluster.surprise = lambda _source, target, _port: ANSWERED if target == "x/podnet-probe-1" else None


def cut(cluster: MeasuredCluster) -> None:
    cluster.surprise = lambda *connection: SILENT if connection == LINK else None


def unread(cluster: MeasuredCluster) -> None:
    cluster.before = lambda method, path: 500 if (method, path[-1]) == ("EXEC", "4") else 0


def swapped(cluster: MeasuredCluster) -> None:
    wrong = agent.Reading((agent.WRONG,), 2, "somebody")
    cluster.surprise = lambda *connection: wrong if connection == LINK else None


@pytest.mark.parametrize("fail", [True, False])
@pytest.mark.parametrize(
    ("harm", "enforcement", "fault"),
    [
        (unenforced, "not enforced", "Not enforced: all of 14 connections that policies deny were possible, for calico runs here"),
        (partly, "partly", "y/podnet-probe-4 to x/podnet-probe-1 on TCP/80: answered, where policies say deny (ingress: x/web isolates"),
        (cut, "enforced", "y/podnet-probe-5 to x/podnet-probe-3 on TCP/81: silent, where policies say allow"),
        (unread, "enforced", "y/podnet-probe-4 to x/podnet-probe-0 on TCP/80: not measured (no command could be run in the pod: "),
        (swapped, "enforced", "y/podnet-probe-5 to x/podnet-probe-3 on TCP/81: somebody answered, who is not x/podnet-probe-3"),
    ],
    ids=["unenforced", "partly", "cut", "unread", "swapped"],
)
def test_what_is_wrong_fails_and_all_is_told(
    damaged: tuple[Run, MeasuredCluster], harm: t.Callable[[MeasuredCluster], None], enforcement: str, fault: str, fail: bool
) -> None:
    run, cluster = damaged
    harm(cluster)
    result = run(fail=fail)
    assert told(result) == BOTH | FACTS
    assert (result["passed"], result["enforcement"], bool(result.get("failed"))) == (False, enforcement, fail)
    assert [line for line in result["faults"] if line.startswith(fault)], result["faults"]
    assert result.get("msg", "") == ("\n".join(result["faults"]) if fail else "")
    assert result["settled_after"] is None
    cluster.before = lambda _method, _path: 0
    assert is_clean(cluster)


@pytest.fixture(name="damaged")
def _damaged(run: Run, cluster: MeasuredCluster) -> tuple[Run, MeasuredCluster]:
    return run, cluster


def test_an_expectation_that_is_missed(run: Run) -> None:
    result = run(expectations=[OPEN, {**CLOSED, "name": "no neighbours", "destination": "x/b"}])
    assert result["failed"]
    # Policies allow it, and it was possible: only the expectation is not met.
    assert (result["enforcement"], result["differences"]) == ("enforced", [])
    assert [one["result"] for one in result["expectations"]] == ["met", "missed"]
    assert result["msg"].startswith("no neighbours: y/c must not reach x/b on TCP/80: missed (y/podnet-probe-")
    assert result["expectations"][1]["where"] == "expectations[1]"


def test_an_expectation_that_nothing_can_prove_is_no_failure(run: Run) -> None:
    result = run(expectations=[{**CLOSED, "source": "8.8.8.8"}])
    assert (result["passed"], result["expectations"][0]["result"]) == (True, "unknown")
    assert result["expectations"][0]["note"] == "nothing can be sent from 8.8.8.8"


@pytest.mark.parametrize("cni", ["flannel", "auto"])
def test_a_cni_that_enforces_nothing(run: Run, cluster: MeasuredCluster, cni: str) -> None:
    cluster.run_cni("flannel")
    result = run(cni=cni)
    assert (result["failed"], result["cni"], result["enforcement"]) == (True, "flannel", "not enforced")
    assert result["why"] == "flannel enforces no NetworkPolicies"
    assert len(result["faults"]) == 1


def test_nothing_enforced_may_be_allowed(run: Run, cluster: MeasuredCluster) -> None:
    cluster.run_cni("flannel")
    result = run(allow_unenforced=True, expectations=[OPEN, CLOSED])
    assert (result["passed"], result["faults"], result["enforcement"]) == (True, [], "not enforced")
    assert [one["result"] for one in result["expectations"]] == ["met", "missed"]
    assert len(result["differences"]) == 14
    # What should be possible still has to be.
    cut(cluster)
    assert run(allow_unenforced=True)["failed"]


def test_pods_that_cannot_run(run: Run, cluster: MeasuredCluster) -> None:
    cluster.fate = lambda _pod: pod_status("Pending", waiting("ImagePullBackOff", "no such image"))
    result = run()
    assert result["failed"]
    assert "cannot run: container main waiting, ImagePullBackOff: no such image. The option image names" in result["msg"]
    assert is_clean(cluster)


# --- Reports ----------------------------------------------------------------------------------------------------------

NAMES = [f"network-policy-probe.{ending}" for ending in ("txt", "json", "md", "xml", "html")]


def test_reports_are_written(run: Run, tmp_path: Path) -> None:
    result = run(dest=str(tmp_path / "made" / "reports"), expectations=[OPEN])
    assert result["files"] == [str(tmp_path / "made" / "reports" / name) for name in NAMES]
    assert sorted(path.name for path in (tmp_path / "made" / "reports").iterdir()) == sorted(NAMES)
    assert {stat.S_IMODE(Path(file).stat().st_mode) for file in result["files"]} == {0o644}
    kept = json.loads(Path(result["files"][1]).read_text())
    assert {name: kept[name] for name in FACTS & set(kept)} == {name: result[name] for name in FACTS & set(kept)}
    assert {"enforcement", "differences", "expectations"} <= FACTS & set(kept)
    assert Path(result["files"][0]).read_text().count("x/a") > 1
    assert result["changed"] is False


def test_only_the_forms_that_are_wanted(run: Run, tmp_path: Path) -> None:
    result = run(dest=str(tmp_path / "reports"), formats=["junit"])
    assert [path.name for path in (tmp_path / "reports").iterdir()] == ["network-policy-probe.xml"]
    assert result["files"] == [str(tmp_path / "reports" / "network-policy-probe.xml")]


def test_a_directory_that_cannot_be_written_is_found_out_first(run: Run, cluster: MeasuredCluster, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "it cannot be written" in run(dest=str(tmp_path / "file" / "reports"))["msg"]
    assert cluster.writes == []


def test_reports_tell_what_is_wrong(run: Run, cluster: MeasuredCluster, tmp_path: Path) -> None:
    cut(cluster)
    result = run(dest=str(tmp_path), formats=["text", "junit"])
    assert result["failed"]
    assert [Path(file).name for file in result["files"]] == ["network-policy-probe.txt", "network-policy-probe.xml"]
    assert "where policies say allow" in (tmp_path / "network-policy-probe.txt").read_text()
    assert "<failure" in (tmp_path / "network-policy-probe.xml").read_text()


# --- What is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_kinds": 0}, "option max_kinds: 0 is too small. It must be 1 or more."),
        ({"start_timeout": 0}, "option start_timeout: 0 is too small"),
        ({"settle_timeout": -1}, "option settle_timeout: -1 is too small"),
        ({"max_kinds": 2}, "option namespaces: policies tell 3 kinds of pods apart, and at most 2"),
        ({"namespaces": ["x", "lost"]}, "option namespaces: there is no namespace lost"),
        ({"ports": ["TCP/0"]}, "TCP/0"),
        ({"expectations": [{**OPEN, "source": "x/nobody"}]}, "expectations[0]: "),
        ({"expectations": [{**OPEN, "verdict": "maybe"}]}, "expectations[0]: has the verdict 'maybe'"),
        ({"expectations": "/nowhere/expectations.yaml"}, "/nowhere/expectations.yaml"),
        ({"clients": "root"}, "value of clients must be one of: shadow, ephemeral, got: root"),
        ({"formats": ["pdf"]}, "value of formats must be one or more of"),
    ],
)
def test_what_cannot_be_measured_makes_nothing(run: Run, cluster: MeasuredCluster, options: dict[str, t.Any], message: str) -> None:
    result = run(**options)
    assert result["failed"]
    assert message in result["msg"]
    assert cluster.writes == []


@pytest.mark.parametrize("check", [True, False])
def test_rights_that_are_missing(run: Run, cluster: MeasuredCluster, check: bool) -> None:
    cluster.may = lambda right: "delete" not in right
    result = run(check=check)
    assert "may not delete namespaces, delete pods in podnet-policy-probe, delete pods in x, delete pods in y." in result["msg"]
    assert cluster.writes == []


def test_a_namespace_of_somebody_else_is_left_alone(run: Run, cluster: MeasuredCluster) -> None:
    cluster.add(namespace("podnet-policy-probe"))
    assert "is not ours to use and remove" in run()["msg"]
    assert cluster.writes == []


# --- Secrets and left-overs -------------------------------------------------------------------------------------------


URL = "https://user:pass%2Fword@example.com/expectations.yaml"


def has_password(text: str) -> bool:
    return "pass%2Fword" in text or "pass/word" in text


def test_the_password_of_a_url_is_in_no_report(run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sources, "read", lambda _source: yaml.safe_dump([{**OPEN, "verdict": "deny"}]).encode())
    result = run(expectations=URL, dest=str(tmp_path))
    assert (result["failed"], len(result["files"])) == (True, 5)
    assert [one["where"] for one in result["expectations"]] == ["https://example.com/expectations.yaml, line 1"]
    assert not has_password(json.dumps(result))
    assert not any(has_password(path.read_text()) for path in tmp_path.iterdir())


def test_the_password_of_a_url_is_in_no_error(run: Run, cluster: MeasuredCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str, **_options: t.Any) -> t.NoReturn:
        raise OSError(f"no way to {url} with pass/word")

    monkeypatch.setattr(sources, "open_url", refuse)
    result = run(expectations=URL)
    assert "the manifest cannot be fetched: no way to https://user:" in result["msg"]
    assert not has_password(json.dumps(result))
    assert cluster.writes == []


def test_what_an_earlier_run_left_is_told_and_gone(run: Run, cluster: MeasuredCluster) -> None:
    settings = objects.Settings("podnet-policy-probe", "agnhost", 60)
    cluster.add(objects.namespace(settings))
    uid = cluster.objects["/api/v1/namespaces/podnet-policy-probe"]["metadata"]["uid"]
    old = plan.Stand("x", "podnet-probe-9", "n1", kinds.of(load(world()), kinds.Wanted())[0])
    cluster.add({**objects.shadow(old, (), settings, uid), "status": cluster.running()})
    foretold = run(check=True)
    assert (foretold["removed"], foretold["pods"]) == ([], STANDS)
    assert "x/podnet-probe-9" in cluster.pods()
    result = run()
    assert (result["passed"], result["removed"], result["pods"]) == (True, ["x/podnet-probe-9"], STANDS)
    assert is_clean(cluster)
