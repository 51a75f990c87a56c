# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._control import run as own_run
from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import migration_journal

Run = t.Callable[..., dict[str, t.Any]]
CONFIG_MAP = "/api/v1/namespaces/kube-system/configmaps/podnet-cni-migration"
LEASE = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/podnet-cni-migration"
FLANNEL = {"strategy": "side_by_side", "source": "flannel", "network": "10.244.0.0/16"}


@pytest.fixture(name="run")
def _run(object_store: t.Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    # The task's own process stands for the ansible-playbook that a test does not have.
    monkeypatch.setattr(own_run, "_ANSIBLE", own_run.re.compile(r".*(python|pytest).*"))

    def run(state: str, **options: t.Any) -> dict[str, t.Any]:
        arguments = {"host": object_store.url, "api_key": "secret", "patience": 5, "state": state, **options}
        with patch_module_args(arguments), pytest.raises(SystemExit):
            migration_journal.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def lines(path: Path) -> list[dict[str, t.Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_whole_migration(run: Run, object_store: t.Any, tmp_path: Path) -> None:
    file = tmp_path / "state" / "journal.jsonl"

    def tell(state: str, **options: t.Any) -> dict[str, t.Any]:
        return run(state, file=str(file), **options)

    assert tell("locked")["journal"]["lock"]["state"] == "ours"
    begun = tell("begun", data=FLANNEL, backups={"flannel.yaml": "kind: DaemonSet"})
    assert begun["journal"]["phase"] == "prepared"
    started = tell("step_started", step="canary", nodes=["n2"], data={"phase": "canary"}, settings={"n2": {"proxy_arp": 0}})
    assert started["journal"]["current_step"]["nodes"] == ["n2"]
    finished = tell("step_finished", step="canary", detail="4 pods")
    assert finished["journal"]["current_step"] is None
    assert finished["diff"]["after"].splitlines()[1].startswith("finished ")
    assert tell("ended")["journal"]["unfinished"] is False
    assert tell("ended")["changed"] is False
    assert tell("unlocked")["journal"]["lock"]["state"] == "free"

    seen = run("read")["journal"]
    assert seen["phase"] == "done"
    assert seen["settings"] == {"n2": {"proxy_arp": 0}}
    assert [(step["name"], step["state"], step["detail"]) for step in seen["steps"]] == [("canary", "finished", "4 pods")]
    assert list(object_store.objects) == [CONFIG_MAP]
    assert [line["event"] for line in lines(file)] == [
        *("locked", "begun", "step_started", "step_finished", "ended", "ended", "unlocked"),
    ]


def test_read_writes_nothing_and_tells_of_nothing(run: Run, object_store: t.Any, tmp_path: Path) -> None:
    result = run("read", file=str(tmp_path / "journal.jsonl"))
    assert (result["changed"], result["journal"]["data"], result["journal"]["lock"]["state"]) == (False, {}, "free")
    assert result["summary"] == ["no journal: no migration was begun"]
    assert object_store.writes == []
    assert not (tmp_path / "journal.jsonl").exists()


@pytest.mark.parametrize("state", ["locked", "begun", "noted", "step_started"])
def test_check_mode_predicts_and_writes_nothing(run: Run, object_store: t.Any, tmp_path: Path, state: str) -> None:
    options = {"step": "canary"} if state == "step_started" else {}
    file = tmp_path / "journal.jsonl"
    predicted = run(state, data=FLANNEL, file=str(file), **options, _ansible_check_mode=True)
    assert predicted["changed"] is True
    assert object_store.objects == {}
    assert not file.exists()
    done = run(state, data=FLANNEL, file=str(file), **options)
    assert done["changed"] is True
    assert predicted["journal"]["data"].keys() == done["journal"]["data"].keys()
    assert predicted["summary"][0][:30] == done["summary"][0][:30]


def test_backups_are_in_no_output(run: Run, object_store: t.Any, tmp_path: Path) -> None:
    file = tmp_path / "journal.jsonl"
    written = run("begun", data=FLANNEL, backups={"flannel.yaml": "PrivateKey: wireguard-key"}, file=str(file), _ansible_diff=True)
    assert object_store.objects[CONFIG_MAP]["data"]["flannel.yaml"] == "PrivateKey: wireguard-key"
    assert "wireguard-key" not in json.dumps(written) + json.dumps(run("read")) + file.read_text()
    assert run("read", with_backups=True)["journal"]["data"]["flannel.yaml"] == "PrivateKey: wireguard-key"


def test_an_api_server_that_is_away_for_a_while_gets_the_entry_once(run: Run, object_store: t.Any) -> None:
    run("begun", data=FLANNEL)
    away = iter([503, 500, 503])
    object_store.before = lambda _method, path: next(away, 0) if path == CONFIG_MAP else 0
    result = run("step_started", step="canary")
    assert [step["name"] for step in result["journal"]["steps"]] == ["canary"]
    assert next(away, None) is None


def test_an_answer_that_was_lost_does_not_double_the_entry(run: Run, object_store: t.Any) -> None:
    run("begun", data=FLANNEL)
    lost = iter([504])
    object_store.after = lambda method, path: next(lost, 0) if (method, path) == ("PUT", CONFIG_MAP) else 0
    assert [step["state"] for step in run("step_started", step="canary")["journal"]["steps"]] == ["started"]
    assert next(lost, None) is None


def test_an_api_server_that_stays_away_leaves_a_trace_in_the_file(run: Run, object_store: t.Any, tmp_path: Path) -> None:
    object_store.before = lambda _method, _path: 503
    result = run("step_failed", step="canary", file=str(tmp_path / "journal.jsonl"), patience=0)
    assert "answered 503" in result["msg"]
    entry, failure = lines(tmp_path / "journal.jsonl")
    assert (entry["event"], entry["step"]) == ("step_failed", "canary")
    assert (failure["event"], "answered 503" in failure["problem"]) == ("not_written", True)


def test_a_second_run_is_refused(run: Run) -> None:
    run("locked", holder="pipeline 17")
    run("begun", holder="pipeline 17", data=FLANNEL)
    run("step_started", holder="pipeline 17", step="move-pods")
    refused = run("locked")
    assert refused["failed"] is True
    assert "pipeline 17 since " in refused["msg"]
    assert "at step move-pods" in refused["msg"]
    assert "the lock is not this run's" in run("noted", data={"x": "y"})["msg"]
    assert run("unlocked")["changed"] is False
    assert run("read")["journal"]["lock"]["state"] == "held"
    taken = run("locked", break_lock=True)
    assert taken["taken_over"] == "pipeline 17: break_lock was set"
    assert "the lock is not this run's" in run("ended", holder="pipeline 17")["msg"]


def test_the_lock_of_a_process_that_is_gone_is_taken_at_once(run: Run, object_store: t.Any) -> None:
    mine = run("locked")["journal"]["lock"]["holder"]
    gone = mine.replace(f"pid {mine.split(' pid ')[1].split()[0]} ", "pid 4194305 ")
    object_store.objects[LEASE]["spec"]["holderIdentity"] = gone
    assert run("read")["journal"]["lock"]["state"] == "dead"
    assert run("locked")["taken_over"].endswith("its process is gone")


def test_the_lock_names_a_living_process(run: Run) -> None:
    assert own_run.alive(run("locked")["journal"]["lock"]["holder"]) is True


def test_without_a_run_to_name_there_is_no_lock(run: Run, object_store: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_run, "own_run", lambda: None)
    assert "option holder: no ansible-playbook is among the parents" in run("locked")["msg"]
    assert run("locked", holder="pipeline 17")["changed"] is True
    assert "the lock is not this run's" in run("begun", data=FLANNEL)["msg"]
    assert object_store.writes == [("POST", "leases")]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"state": "step_started"}, "step"),
        ({"state": "noted", "data": {"flannel.yaml": "x"}}, "Keys that end in .yaml go into backups"),
        ({"state": "noted", "data": {"objects": [1]}}, "cannot be kept: objects"),
        ({"state": "paused"}, "value of state must be one of"),
    ],
)
def test_bad_input_changes_nothing(run: Run, object_store: t.Any, options: dict[str, t.Any], why: str) -> None:
    result = run(**options)
    assert result["failed"] is True
    assert why in result["msg"]
    assert object_store.log == []
