# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build, model


def report(raw: dict[str, t.Any], **options: t.Any) -> model.Report:
    return build.build(build.Inputs(**raw), **options)


def test_a_migration_without_a_flaw(report_cases: t.Any) -> None:
    done = report(report_cases.inputs(), gap_limit=0.5)
    assert (done.verdict, done.reasons) == (model.PASSED, ())
    assert build.lines(done) == [
        "From flannel to Calico: done; no request lost of 8,000, longest outage 0.3 s",
        "2 steps in 60 s",
        "left of flannel: nothing",
    ]
    assert [(step.name, step.seconds, step.outage) for step in done.steps] == [("calico-node", 15.0, None), ("move-pods", 24.0, 0.3)]


def test_only_the_journal_is_needed(report_cases: t.Any) -> None:
    done = report({"journal": report_cases.journal()})
    assert (done.verdict, done.connectivity.sent, done.leftovers) == (model.PASSED, 0, None)
    assert build.lines(done) == ["From flannel to Calico: done", "0 steps in 60 s"]


def test_a_journal_of_nothing_is_no_error() -> None:
    done = report({"journal": {}}, target="flannel")
    assert (done.title, done.started, done.seconds) == ("Change of the pod network to flannel", None, None)


def test_times_come_from_the_steps_where_the_journal_has_none(report_cases: t.Any) -> None:
    raw = report_cases.journal(report_cases.step("a", 5, 20), report_cases.step("b", 21, None, "started"), started=None, finished=None)
    done = report({"journal": raw})
    assert (done.started, done.finished) == (report_cases.NOON + 5, report_cases.NOON + 20)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda c: {"checks_after": [c.check("pod-to-pod", "failed")]}, "check pod-to-pod failed: pod-to-pod was seen"),
        (lambda c: {"journal": c.journal(c.step("canary", 0, 9, "failed", detail="no image"))}, "step canary failed: no image"),
        (lambda c: {"snapshots_after": c.snapshots("flannel")}, "left of flannel: process flanneld, "),
        (
            lambda c: {"connectivity": c.connectivity(paths=[c.path("pod-to-pod", "n1", "n2", 0.7)])},
            "the longest outage was 0.7 s (n1 \N{RIGHTWARDS ARROW} n2), over 0.5 s",
        ),
    ],
)
def test_what_makes_a_failure(report_cases: t.Any, change: t.Any, reason: str) -> None:
    done = report(report_cases.inputs(**change(report_cases)), gap_limit=0.5)
    assert done.verdict == model.FAILED
    assert len(done.reasons) == 1
    assert done.reasons[0].startswith(reason)
    assert "not as it should be" in build.headline(done)


@pytest.mark.parametrize(
    "change",
    [
        lambda c: {"checks_before": [c.check("x", "failed")]},
        lambda c: {"checks_after": [c.check("x", "warning"), c.check("y", "skipped"), c.check("z", "info")]},
        lambda c: {"journal": c.journal(c.step("canary", 0, 9, "failed"), c.step("canary", 10, 19))},
        lambda c: {"journal": c.journal(c.step("canary", 0, 9, "interrupted"))},
        lambda c: {"connectivity": c.connectivity(paths=[c.path("pod-to-pod", "n1", "n2", 0.4, failed=3)])},
    ],
)
def test_what_makes_none(report_cases: t.Any, change: t.Any) -> None:
    assert report(report_cases.inputs(**change(report_cases)), gap_limit=0.5).verdict == model.PASSED


def test_without_a_limit_no_outage_is_too_long(report_cases: t.Any) -> None:
    long = report_cases.connectivity(paths=[report_cases.path("pod-to-pod", "n1", "n2", 70)])
    assert report(report_cases.inputs(connectivity=long)).verdict == model.PASSED


def test_lost_requests_are_told(report_cases: t.Any) -> None:
    lossy = report_cases.connectivity(paths=[report_cases.path("pod-to-pod", "n1", "n2", 0.4, failed=17, failed_explained=14)])
    assert "3 of 1,000 requests lost" in build.headline(report(report_cases.inputs(connectivity=lossy)))


def test_a_migration_under_way_is_not_blamed_for_what_is_still_there(report_cases: t.Any) -> None:
    raw = report_cases.inputs(
        journal=report_cases.journal(phase="canary", unfinished=True), snapshots_after=report_cases.snapshots("flannel")
    )
    done = report(raw)
    assert (done.verdict, done.reasons) == (model.UNFINISHED, ("the journal is at phase canary",))
    assert "not finished" in build.headline(done)


def test_many_leftovers_are_counted(report_cases: t.Any) -> None:
    links = [{"name": f"flannel.{number}", "owner": "flannel-vxlan"} for number in range(9)]
    done = report(report_cases.inputs(snapshots_after=report_cases.snapshots("calico", links=links)))
    assert done.reasons == ("left of flannel: 9 things on n1; 9 things on n2",)


def test_checks_of_a_newer_release_are_read(report_cases: t.Any) -> None:
    done = report(report_cases.inputs(checks_after=[{**report_cases.check("x"), "fix": "kubectl", "severity": "info"}]))
    assert done.checks_after[0].id == "x"


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({"connectivity": {"paths": [{"source": "n1"}]}}, "connectivity"),
        ({"connectivity": {"paths": [5]}}, "connectivity"),
        ({"journal": {"steps": [{"state": "finished"}]}}, "journal"),
        ({"checks_after": [{"result": "failed"}]}, "checks_after"),
        ({"cluster_after": {"colour": "red"}}, "cluster_after"),
        ({"snapshots_before": {"n1": {"colour": "red"}}}, "snapshots_before"),
    ],
)
def test_what_is_not_what_was_expected_is_named(report_cases: t.Any, options: dict[str, t.Any], name: str) -> None:
    with pytest.raises(_errors.BadInputError, match=f"option {name}: ") as caught:
        report(report_cases.inputs(**options))
    assert "Pass what podnet.cni." in caught.value.next_step


def test_as_a_dictionary(report_cases: t.Any) -> None:
    plain = build.to_dict(report(report_cases.inputs()))
    assert json.loads(json.dumps(plain)) == plain
    assert (plain["schema"], plain["verdict"], plain["network"]) == (1, "passed", "10.244.0.0/16")
    assert plain["connectivity"]["paths"][0]["sent"] == 1000


def test_a_change_that_was_taken_back_is_judged_by_what_it_had_brought() -> None:
    done = build.build(build.Inputs(journal={"source": "flannel", "phase": "done"}), "flannel")
    assert (done.title, done.source, done.target) == ("Back to flannel", "calico", "flannel")
