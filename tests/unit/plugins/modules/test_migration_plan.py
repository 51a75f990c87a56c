# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import migration_plan

FILES = ["plan.json", "plan.md"]
CHECK = {"_ansible_check_mode": True}

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args(options), pytest.raises(SystemExit):
            migration_plan.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


@pytest.fixture(name="dest")
def _dest(tmp_path: Path) -> Path:
    return tmp_path / "plans"


def contents(dest: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(dest.iterdir())}


def test_two_files_and_the_second_time_none(run: Run, plan_cases: t.Any, dest: Path) -> None:
    predicted = run(dest=str(dest), **plan_cases.options(), **CHECK)
    assert not dest.exists()
    done = run(dest=str(dest), **plan_cases.options())
    assert done == predicted
    assert done["changed"] is True
    assert done["files"] == [str(dest / name) for name in FILES]
    written = contents(dest)
    assert list(written) == FILES
    assert written["plan.md"].decode().splitlines() == done["document"]
    assert json.loads(written["plan.json"])["hash"] == done["hash"]
    assert run(dest=str(dest), **plan_cases.options())["changed"] is False
    assert contents(dest) == written


def test_check_mode_writes_where_it_is_asked_to(run: Run, plan_cases: t.Any, dest: Path) -> None:
    run(dest=str(dest), write_in_check_mode=True, **plan_cases.options(), **CHECK)
    assert list(contents(dest)) == FILES


@pytest.mark.parametrize("options", ["options", "cutover"])
def test_a_cluster_that_is_the_plans_may_be_changed(run: Run, plan_cases: t.Any, dest: Path, options: str) -> None:
    made = run(dest=str(dest), **getattr(plan_cases, options)())
    bound = run(plan=str(dest / "plan.json"), **getattr(plan_cases, options)())
    assert (bound["changed"], bound["hash"], bound["files"]) == (False, made["hash"], [])


def test_another_cluster_is_refused_with_what_differs_and_nothing_is_written(run: Run, plan_cases: t.Any, dest: Path) -> None:
    run(dest=str(dest), **plan_cases.options())
    before = contents(dest)
    now = plan_cases.options(rollout=plan_cases.rollout(plan_cases.move("Deployment", "new")), strategy="cutover")
    refused = run(plan=str(dest / "plan.json"), dest=str(dest), **now)
    assert refused["failed"] is True
    assert [difference["part"] for difference in refused["differences"]] == ["strategy", "workloads"]
    assert (
        "- workloads: Deployment demo/new was not in the plan; Deployment demo/web is in the plan and not there any more" in refused["msg"]
    )
    assert refused["msg"].endswith("Nothing was changed. Run with --check for a new plan, have it reviewed, and bind the run to that one.")
    assert contents(dest) == before


@pytest.mark.parametrize(
    ("text", "why"),
    [(None, "the plan cannot be read"), (b"\xff", "the plan cannot be read"), (b"{}", "this is no plan of a migration")],
)
def test_a_plan_that_is_none_is_refused(run: Run, plan_cases: t.Any, tmp_path: Path, text: bytes | None, why: str) -> None:
    path = tmp_path / "plan.json"
    if text is not None:
        path.write_bytes(text)
    assert why in run(plan=str(path), **plan_cases.options())["msg"]


def test_bad_input_writes_nothing(run: Run, plan_cases: t.Any, dest: Path) -> None:
    result = run(dest=str(dest), **plan_cases.options(cleanup={"n1": {"skipped": True}}))
    assert "option cleanup: does not hold what was expected" in result["msg"]
    assert not dest.exists()


def test_it_has_to_do_something(run: Run, plan_cases: t.Any) -> None:
    assert "one of the following is required: dest, plan" in run(**plan_cases.options())["msg"]
