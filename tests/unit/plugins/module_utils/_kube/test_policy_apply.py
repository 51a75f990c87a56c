# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Steps of a set of policies: all or none, and back to how it was when the verdict is bad, whoever was killed on the way."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_apply, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import applying
from tests.support import killed_policies
from tests.support.netpol_cases import ingress, named, policy

FROM_B = ingress({"podSelector": named("b")})
WEB = policy(named("a"), name="web", ingress=[FROM_B])
WEB_FROM_C = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("c")})])
OLD = policy(named("c"), name="old", ingress=[FROM_B])
NEW = policy(named("b"), name="new", ingress=[FROM_B])
BEFORE, AFTER = [WEB, OLD], [WEB_FROM_C, NEW]
RECORD = "/api/v1/namespaces/kube-system/configmaps/podnet-policies.default"
BAD = ("x/b cannot reach x/a",)
QUICK = policy_apply.Manner("default", patience=0.0)


@pytest.fixture(name="api")
def _api(policy_cluster: t.Any, connect: t.Callable[..., t.Any]) -> Api:
    return Api(connect(host=policy_cluster.url, api_key="secret"))


def steps(api: Api, *wanted: t.Any) -> tuple[applying.Step, ...]:
    return applying.plan(policy_world.read(api).objects, applying.Wish("default", applying.sort(wanted, "default")[0])).steps


@pytest.fixture(name="planned")
def _planned(api: Api, policy_cluster: t.Any) -> tuple[applying.Step, ...]:
    """An update, a creation and a deletion, in a cluster where a run made the first two."""
    policy_apply.transact(api, steps(api, *BEFORE), False)
    policy_cluster.changes.clear()
    return steps(api, *AFTER)


def test_the_steps_are_done_in_their_order(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    outcome = policy_apply.transact(api, planned, False)
    assert (outcome.done, outcome.rolled_back, outcome.problems) == (planned, False, ())
    assert list(map(str, planned)) == ["create NetworkPolicy x/new", "update NetworkPolicy x/web", "delete NetworkPolicy x/old"]
    assert policy_cluster.changes == [("PATCH", "new"), ("PATCH", "web"), ("DELETE", "old")]
    assert sorted(policy_cluster.policies()) == ["x/new", "x/web"]
    assert steps(api, *AFTER) == ()


def test_a_dry_run_asks_about_every_step_and_changes_nothing(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    before, policy_cluster.log = policy_cluster.policies(), []
    assert policy_apply.transact(api, planned, True, lambda: BAD).done == planned
    assert policy_cluster.writes == [("PATCH", "new"), ("PATCH", "web"), ("DELETE", "old")]
    assert policy_cluster.policies() == before
    assert RECORD not in policy_cluster.objects


def test_what_the_server_refuses_shows_before_the_first_change(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.before = lambda method, path: 403 if (method, path.rpartition("/")[2]) == ("DELETE", "old") else 0
    with pytest.raises(_errors.ClusterError, match=r"NetworkPolicy x/old: the API server forbids it"):
        policy_apply.transact(api, planned, False)
    assert policy_cluster.changes == []
    assert sorted(policy_cluster.policies()) == ["x/old", "x/web"]


@pytest.mark.parametrize("status", [422, 500], ids=["refused", "no answer"])
@pytest.mark.parametrize("carried_out", [False, True])
def test_a_step_that_fails_takes_the_earlier_ones_back(
    api: Api, policy_cluster: t.Any, planned: t.Any, status: int, carried_out: bool
) -> None:
    """An answer that is lost may be that of a step that was carried out."""
    if carried_out and status == 422:
        status = 503
    before = policy_cluster.contents()

    def fail(method: str, path: str) -> int:
        return status if (method, path.rpartition("/")[2]) == ("DELETE", "old") and ("PATCH", "web") in policy_cluster.changes else 0

    setattr(policy_cluster, "after" if carried_out else "before", fail)
    with pytest.raises(
        _errors.ClusterError, match=r"delete NetworkPolicy x/old failed, 2 of 3 steps were done before and have been taken back"
    ):
        policy_apply.transact(api, planned, False)
    assert policy_cluster.contents() == before
    assert steps(api, *BEFORE) == ()


def test_what_cannot_be_taken_back_is_told(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.before = lambda *_: 500 if ("DELETE", "old") in policy_cluster.changes else 0
    with pytest.raises(_errors.ClusterError, match=r"Taking back failed as well: 3 of 3 policies could not be put back: x/old .*, x/web "):
        policy_apply.transact(api, planned, False, manner=QUICK)


def test_a_policy_that_was_changed_meanwhile_is_nobody_s_to_overwrite(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.add(policy(named("a"), name="web", ingress=[]))
    with pytest.raises(_errors.ClusterError, match=r"NetworkPolicy x/web: it was changed while this was planned\. Run this again"):
        policy_apply.transact(api, planned, False)
    assert policy_cluster.changes == []


def test_a_deletion_of_what_was_changed_meanwhile(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.add(OLD)
    with pytest.raises(_errors.ClusterError, match=r"NetworkPolicy x/old: it was changed while this was planned"):
        policy_apply.transact(api, planned, False)


def test_a_deletion_of_what_is_gone(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    del policy_cluster.objects["/apis/networking.k8s.io/v1/namespaces/x/networkpolicies/old"]
    assert policy_apply.transact(api, planned, False).done == planned


def test_others_fields(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.add(policy(named("b"), name="web", ingress=[FROM_B], policyTypes=["Ingress"]), manager="helm")
    with pytest.raises(_errors.ClusterError) as error:
        policy_apply.transact(api, steps(api, WEB), False)
    assert str(error.value) == (
        "NetworkPolicy x/web: others set these fields to another value: helm owns spec.podSelector. "
        "Set force_conflicts to take them over, or let only one of both have them."
    )
    policy_apply.transact(api, steps(api, WEB), False, manner=policy_apply.Manner("default", force=True))
    assert steps(api, WEB) == ()


# --- Verdicts ---


def test_a_good_verdict_stands(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    records = []

    def verify() -> t.Sequence[str]:
        records.append(policy_cluster.objects[RECORD]["metadata"]["labels"])
        return ()

    assert policy_apply.transact(api, planned, False, verify).done == planned
    assert records == [{"app.kubernetes.io/managed-by": "podnet.cni", "podnet.io/policy-set": "default"}]
    assert RECORD not in policy_cluster.objects
    # The record was there before anything else, and goes last.
    assert (policy_cluster.changes[0], policy_cluster.changes[-1]) == (("POST", "configmaps"), ("DELETE", "podnet-policies.default"))


def test_a_bad_verdict_takes_all_back_in_the_reverse_order(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    before = policy_cluster.contents()
    outcome = policy_apply.transact(api, planned, False, lambda: BAD)
    assert (outcome.done, outcome.rolled_back, outcome.problems) == ((), True, BAD)
    assert policy_cluster.contents() == before
    assert RECORD not in policy_cluster.objects
    back = policy_cluster.changes[4:-1]
    # Each with its owners, as else the next run would be in conflict with ours.
    assert back == [("POST", "networkpolicies"), ("PUT", "old"), ("PUT", "web"), ("PUT", "web"), ("DELETE", "new")]
    assert steps(api, *BEFORE) == ()
    assert policy_apply.transact(api, steps(api, *AFTER), False).rolled_back is False


def test_a_verification_that_cannot_be_made_takes_all_back(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    before = policy_cluster.contents()

    def verify() -> t.Sequence[str]:
        raise _errors.ClusterError("no pod can be made", "namespace podnet", "Give the right to.")

    with pytest.raises(
        _errors.ClusterError, match=r"the verification could not be made, and all was taken back: no pod can be made\. Give"
    ):
        policy_apply.transact(api, planned, False, verify)
    assert policy_cluster.contents() == before
    assert RECORD not in policy_cluster.objects


def test_without_steps_there_is_nothing_to_verify(api: Api, policy_cluster: t.Any) -> None:
    def verify() -> t.Sequence[str]:
        raise AssertionError

    assert policy_apply.transact(api, (), False, verify) == policy_apply.Outcome()
    assert policy_cluster.changes == []


def test_what_is_no_record(api: Api, policy_cluster: t.Any) -> None:
    policy_cluster.put(
        RECORD, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "kube-system", "name": "podnet-policies.default"}}
    )
    with pytest.raises(_errors.ClusterError, match=r"ConfigMap kube-system/podnet-policies\.default: it is no record"):
        policy_apply.transact(api, (), False)


def test_who_may_not_see_records_can_do_without(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.before = lambda _method, path: 403 if "/configmaps" in path else 0
    with pytest.raises(_errors.ClusterError, match="forbids it"):
        policy_apply.transact(api, planned, False, lambda: ())
    assert policy_cluster.changes == []
    assert policy_apply.transact(api, planned, False).done == planned


def test_another_run_at_the_same_time(api: Api, policy_cluster: t.Any, planned: t.Any) -> None:
    policy_cluster.before = lambda method, path: 409 if method == "POST" and path.endswith("/configmaps") else 0
    with pytest.raises(_errors.ClusterError, match="another run changes this set of policies right now"):
        policy_apply.transact(api, planned, False, lambda: ())
    assert [change for change in policy_cluster.changes if change[0] != "POST"] == []


# --- Killed ---


def kill_at(cluster: t.Any, request: int, hook: str, wanted: Path, verdict: str) -> bool:
    """Runs a change that is killed at its so-many-th write, before or after that is carried out; False if it ends before."""
    cluster.changes.clear()
    running: list[subprocess.Popen[bytes]] = []

    def kill(method: str, _path: str) -> int:
        if method != "GET" and len(cluster.changes) == request:
            running[0].kill()
            running[0].wait(10)
            return 500 if hook == "before" else 0
        return 0

    setattr(cluster, hook, kill)
    arguments = [sys.executable, killed_policies.__file__, cluster.url, str(wanted), verdict]
    running.append(subprocess.Popen(arguments, stdout=subprocess.DEVNULL))
    ended = running[0].wait(60)
    setattr(cluster, hook, lambda *_: 0)
    assert ended in (0, -9)
    return ended != 0


@pytest.mark.parametrize(("write", "hook"), [*itertools.product((1, 2, 4, 5, 6, 7, 8, 9), ("before", "after")), (10, "before")])
@pytest.mark.usefixtures("planned")
def test_killed_at_any_write_the_next_run_goes_back_to_how_it_was(policy_cluster: t.Any, tmp_path: Path, write: int, hook: str) -> None:
    """1 is the record, 2 to 4 are steps, the verdict is bad, 5 to 9 take back, 10 removes the record."""
    before = policy_cluster.contents()
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps(AFTER))
    assert kill_at(policy_cluster, write, hook, wanted, "bad")
    recorded = RECORD in policy_cluster.objects
    assert recorded is not ((write, hook) == (1, "before"))
    outcome = killed_policies.change(policy_cluster.url, AFTER, BAD)
    assert (outcome.rolled_back, bool(outcome.earlier)) == (True, recorded)
    assert policy_cluster.contents() == before
    assert RECORD not in policy_cluster.objects


def test_killed_before_the_verdict_a_run_with_nothing_to_do_goes_back(
    api: Api, policy_cluster: t.Any, planned: t.Any, tmp_path: Path
) -> None:
    before = policy_cluster.contents()
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps(AFTER))
    assert kill_at(policy_cluster, 1 + len(planned), "after", wanted, "good")
    assert steps(api, *AFTER) == ()
    outcome = policy_apply.transact(api, (), False, lambda: BAD)
    assert outcome.rolled_back
    assert sorted("/".join(key) for key in outcome.earlier) == ["x/new", "x/old", "x/web"]
    assert policy_cluster.contents() == before


def test_killed_and_then_accepted(api: Api, policy_cluster: t.Any, planned: t.Any, tmp_path: Path) -> None:
    """A run that verifies nothing takes the record away and tells what it held."""
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps(AFTER))
    assert kill_at(policy_cluster, 1 + len(planned), "after", wanted, "good")
    outcome = policy_apply.transact(api, (), False)
    previous = policy_apply.previous((), outcome.earlier)
    assert [one["metadata"]["name"] for one in previous] == ["web", "old"]
    assert set(previous[0]["metadata"]) == {"namespace", "name", "labels"}
    assert RECORD not in policy_cluster.objects


def test_a_record_of_an_earlier_run_outlives_a_step_that_fails(api: Api, policy_cluster: t.Any, planned: t.Any, tmp_path: Path) -> None:
    wanted = tmp_path / "wanted.json"
    wanted.write_text(json.dumps(AFTER))
    assert kill_at(policy_cluster, 1 + len(planned), "after", wanted, "good")
    kept = policy_cluster.objects[RECORD]["binaryData"]
    more = policy(named("c"), name="more", ingress=[FROM_B])
    late = steps(api, *AFTER, more)
    policy_cluster.changes.clear()
    policy_cluster.before = lambda method, path: (
        422 if (method, path.rpartition("/")[2]) == ("PATCH", "more") and policy_cluster.changes[-1:] == [("PATCH", "more")] else 0
    )
    with pytest.raises(_errors.ClusterError, match=r"create NetworkPolicy x/more failed, nothing was changed"):
        policy_apply.transact(api, late, False, lambda: ())
    assert policy_cluster.objects[RECORD]["binaryData"] == kept
