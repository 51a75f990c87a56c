# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._report import html
from ansible_collections.podnet.cni.plugins.modules import migration_report

FILES = ["report.html", "report.json", "report.junit.xml"]

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture(name="run")
def _run(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"dest": str(tmp_path / "reports"), **options}), pytest.raises(SystemExit):
            migration_report.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def test_three_files_and_the_second_time_none(run: Run, report_cases: t.Any, tmp_path: Path) -> None:
    predicted = run(**report_cases.inputs(), _ansible_check_mode=True)
    assert not (tmp_path / "reports").exists()
    done = run(**report_cases.inputs())
    assert done == predicted
    assert (done["changed"], done["verdict"], done["reasons"]) == (True, "passed", [])
    assert done["files"] == [str(tmp_path / "reports" / name) for name in FILES]
    assert done["diff"]["after"].splitlines() == [f"{name} is new or differs" for name in FILES]
    assert sorted(path.name for path in (tmp_path / "reports").iterdir()) == FILES
    assert json.loads((tmp_path / "reports" / "report.json").read_text())["verdict"] == "passed"
    assert run(**report_cases.inputs())["changed"] is False


def test_a_report_on_something_else_replaces_it(run: Run, report_cases: t.Any) -> None:
    run(**report_cases.inputs())
    assert run(**report_cases.inputs(), title="Another")["changed"] is True


def test_the_report_of_an_earlier_run_is_kept(run: Run, report_cases: t.Any, tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    run(**report_cases.inputs())
    first = (reports / "report.json").read_text()
    os.utime(reports / "report.json", (0, 4102444800))
    run(**report_cases.inputs(), title="Another")
    earlier = reports / "earlier" / "2100-01-01T00-00-00Z"
    assert sorted(path.name for path in earlier.iterdir()) == FILES
    assert (earlier / "report.json").read_text() == first
    assert sorted(path.name for path in reports.iterdir()) == ["earlier", *FILES]


def test_a_bad_verdict_is_no_failure_of_the_module(run: Run, report_cases: t.Any) -> None:
    result = run(**report_cases.inputs(checks_after=[report_cases.check("x", "failed")]))
    assert "failed" not in result
    assert (result["verdict"], result["reasons"]) == ("failed", ["check x failed: x was seen"])


def test_backups_of_the_journal_are_in_no_file(run: Run, report_cases: t.Any, tmp_path: Path) -> None:
    noted = report_cases.journal(data={"network": "10.244.0.0/16", "flannel.yaml": "PrivateKey: wireguard-key"})
    run(**report_cases.inputs(journal=noted))
    assert [name for name in FILES if "wireguard-key" in (tmp_path / "reports" / name).read_text()] == []


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"cluster_after": {"colour": "red"}}, "option cluster_after: does not hold a snapshot"),
        ({"connectivity": {"paths": [{}]}}, "option connectivity: does not hold what was expected"),
        ({"target": "weave"}, "value of target must be one of"),
    ],
)
def test_bad_input_writes_nothing(run: Run, report_cases: t.Any, tmp_path: Path, options: dict[str, t.Any], why: str) -> None:
    result = run(**{**report_cases.inputs(), **options})
    assert result["failed"] is True
    assert why in result["msg"]
    assert not (tmp_path / "reports").exists()


def test_without_jinja2_it_says_what_to_install(run: Run, report_cases: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(html, "JINJA2_IMPORT_ERROR", "ImportError")
    assert "jinja2" in run(**report_cases.inputs())["msg"]
