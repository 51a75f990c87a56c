# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import bundle, cluster, snapshot
from ansible_collections.podnet.cni.plugins.modules import cni_preflight, support_bundle
from tests.support.preflight_cases import FLANNEL_NODE, ON_FLANNEL, both

SNAPSHOTS = {name: snapshot.to_dict(node) for name, node in both(FLANNEL_NODE).items()}
READ = {"cluster": cluster.to_dict(ON_FLANNEL), "snapshots": SNAPSHOTS, "hosts": ["n1", "n2"]}


def run(capfd: pytest.CaptureFixture[str], module: t.Any = support_bundle, **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args(options), pytest.raises(SystemExit):
        module.main()
    return json.loads(capfd.readouterr().out)


def test_it_is_written_once(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "new" / "bundle.tar.gz"
    result = run(capfd, dest=str(target), **READ)
    assert result["changed"] is True
    assert result["size"] == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert "podnet-cni-bundle/nodes/0001-n2.json" in result["files"]
    assert run(capfd, dest=str(target), **READ)["changed"] is False
    assert run(capfd, dest=str(target), captured="now", **READ)["changed"] is True


def test_check_mode_predicts_and_writes_nothing(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    predicted = run(capfd, dest=str(target), _ansible_check_mode=True, **READ)
    assert not target.exists()
    done = run(capfd, dest=str(target), **READ)
    same = ("changed", "dest", "files", "size", "missing", "diff")
    assert {key: predicted[key] for key in same} == {key: done[key] for key in same}
    assert predicted["diff"]["before"] == ""
    assert "cluster.json" in predicted["diff"]["after"]


def test_a_node_that_was_not_read_is_named(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capfd, dest=str(tmp_path / "x"), cluster=READ["cluster"], snapshots={"n1": SNAPSHOTS["n1"]}, hosts=["n1", "n2"])
    assert result["missing"] == ["n2"]


def test_something_else_in_its_place(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "bundle.tar.gz"
    target.write_bytes(b"words")
    result = run(capfd, dest=str(target), **READ)
    assert result["diff"]["before"] == "5 bytes that are no bundle\n"
    assert bundle.unpack(target.read_bytes(), "x").hosts == ("n1", "n2")


def test_a_place_that_cannot_be_written(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capfd, dest=str(tmp_path), **READ)
    assert result["failed"] is True
    assert f"dest {tmp_path}: cannot be written: Is a directory." in result["msg"]


@pytest.mark.parametrize("options", [{}, {"target": "flannel"}, {"strategy": "install"}, {"network": "10.1.0.0/16"}])
def test_the_verdict_on_a_bundle_is_that_on_the_cluster(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, options: dict[str, t.Any]
) -> None:
    target = tmp_path / "bundle.tar.gz"
    journal = {"source": "flannel", "phase": "prepared", "network": "10.244.0.0/16"}
    run(capfd, dest=str(target), journal=journal, **READ)
    live = run(capfd, cni_preflight, journal=journal, fail=False, **READ, **options)
    replayed = run(capfd, cni_preflight, bundle=str(target), fail=False, **options)
    assert len(live["checks"]) > 10
    assert {key: replayed[key] for key in ("checks", "state", "network", "passed", "summary")} == {
        key: live[key] for key in ("checks", "state", "network", "passed", "summary")
    }
