# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module makes of a plan. Removing from a real kernel is tested in tests/integration/node."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import cni_cleanup


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> t.Callable[..., dict[str, t.Any]]:
    """Runs the module with a look at the node that the test gives; never with the default backup_dir, which is this machine's."""

    def run_it(look: t.Callable[[], model.NodeSnapshot], **options: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(cni_cleanup.collect, "collect", lambda _conf_dir, **_parts: look())
        with (
            patch_module_args({"cni": "flannel", "backup_dir": str(tmp_path / "backups"), "_ansible_diff": True, **options}),
            pytest.raises(SystemExit),
        ):
            cni_cleanup.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run_it


@pytest.mark.parametrize("check_mode", [True, False])
def test_reports_what_goes(run: t.Callable[..., dict[str, t.Any]], tmp_path: Path, check_mode: bool) -> None:
    victim = tmp_path / "subnet.env"
    victim.write_text("FLANNEL_MTU=1450")

    def look() -> model.NodeSnapshot:
        return model.NodeSnapshot("n1", files=(model.File(str(victim), "state", owner="flannel"),) if victim.exists() else ())

    result = run(look, _ansible_check_mode=check_mode)
    assert result["removed"] == [{"kind": "file", "name": str(victim)}]
    assert result["diff"] == {"before": f"file {victim}\n", "after": ""}
    assert bool(result["backup"]) is not check_mode
    assert victim.exists() is check_mode
    assert run(look, _ansible_check_mode=True)["changed"] is check_mode


@pytest.mark.parametrize(
    ("snapshot", "message"),
    [
        (
            model.NodeSnapshot("n1", processes=("flanneld",)),
            "it is not safe to clean up flannel here: process flanneld runs. Nothing was changed.",
        ),
        (model.NodeSnapshot("n1", missing=(model.gap("ip", "not found", model.LINKS_AND_ADDRESSES),)), "ip: not found"),
    ],
)
def test_refuses(run: t.Callable[..., dict[str, t.Any]], snapshot: model.NodeSnapshot, message: str) -> None:
    result = run(lambda: snapshot)
    assert result["failed"] is True
    assert message in result["msg"]


LIVING = model.NodeSnapshot(
    "n1",
    processes=("flanneld",),
    links=(
        model.Link("cni0", "bridge", up=True, owner="flannel"),
        model.Link("veth1", "veth", state="UP", master="cni0", owner="flannel"),
    ),
)


def test_a_refusal_says_why_nobody_knows_whose_a_pod_link_is(run: t.Callable[..., dict[str, t.Any]], tmp_path: Path) -> None:
    socket = tmp_path / "containerd.sock"
    said = run(lambda: dataclasses.replace(LIVING, runtime=model.Runtime(socket=str(socket))))["msg"]
    assert "1 pod link(s) still hang on it: veth1; whose they are is not known, because " in said
    assert str(socket) in said


def test_a_living_cni_can_be_assumed_dead_in_check_mode(run: t.Callable[..., dict[str, t.Any]]) -> None:
    predicted = run(lambda: LIVING, assume_dead=True, _ansible_check_mode=True)
    assert (predicted["changed"], predicted["removed"]) == (True, [{"kind": "link", "name": "cni0"}])


def test_nothing_is_removed_on_an_assumption(run: t.Callable[..., dict[str, t.Any]]) -> None:
    result = run(lambda: pytest.fail("the node is not even looked at"), assume_dead=True)
    assert (result["failed"], result["msg"]) == (True, "assume_dead: only predicts, so it needs check mode. Nothing was changed.")


def test_a_cni_on_its_way_out_has_time_to_be_gone(run: t.Callable[..., dict[str, t.Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)
    looks = iter([LIVING, LIVING, model.NodeSnapshot("n1")])
    result = run(lambda: next(looks, model.NodeSnapshot("n1")), timeout=5)
    assert result["changed"] is False, result
    assert next(looks, None) is None


def test_a_backup_among_the_configurations_is_refused(run: t.Callable[..., dict[str, t.Any]]) -> None:
    assert "must be outside" in run(lambda: model.NodeSnapshot("n1"), backup_dir="/etc/cni/net.d/old")["msg"]
