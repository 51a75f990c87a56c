# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module on a real directory; this machine's own runtime is not asked."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.modules import cni_conflist

FLANNEL = {"cniVersion": "0.3.1", "name": "cbr0", "plugins": [{"type": "flannel"}]}
CALICO = {"cniVersion": "0.3.1", "name": "k8s-pod-network", "plugins": [{"type": "calico"}]}


class Directory:
    """A configuration directory beside its backups, and the module run on it."""

    def __init__(self, root: Path, capfd: pytest.CaptureFixture[str]) -> None:
        self.path = root / "net.d"
        self.backups = root / "backups"
        self._capfd = capfd
        self.path.mkdir()
        (self.path / "10-flannel.conflist").write_text(json.dumps(FLANNEL))
        (self.path / "10-calico.conflist").write_text(json.dumps(CALICO))
        (self.path / "calico-kubeconfig").write_text("token: s3cr3t")

    def names(self) -> list[str]:
        return sorted(item.name for item in self.path.iterdir())

    def run(self, **options: t.Any) -> dict[str, t.Any]:
        places = {"conf_dir": str(self.path), "backup_dir": str(self.backups), "_ansible_diff": True}
        with patch_module_args({**places, **options}), pytest.raises(SystemExit):
            cni_conflist.main()
        text = self._capfd.readouterr().out
        assert "s3cr3t" not in text
        return t.cast("dict[str, t.Any]", json.loads(text))


@pytest.fixture
def directory(tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Directory:
    monkeypatch.setattr(cni_conflist.collect, "runtime", lambda: Runtime(name="containerd", conf_dir=str(tmp_path / "net.d")))
    return Directory(tmp_path, capfd)


@pytest.mark.parametrize(
    ("options", "left", "winner"),
    [
        ({"state": "only", "cni": "calico"}, ["10-calico.conflist", "calico-kubeconfig"], "10-calico.conflist"),
        ({"state": "only", "cni": "flannel"}, ["10-flannel.conflist"], "10-flannel.conflist"),
        ({"state": "absent", "cni": "calico"}, ["10-flannel.conflist"], "10-flannel.conflist"),
        ({"state": "absent", "names": ["10-calico.conflist"]}, ["10-flannel.conflist", "calico-kubeconfig"], "10-flannel.conflist"),
    ],
)
def test_predicts_removes_and_is_done(directory: Directory, options: dict[str, t.Any], left: list[str], winner: str) -> None:
    before = directory.names()
    inode = directory.path.stat().st_ino
    predicted = directory.run(**options, _ansible_check_mode=True)
    assert (predicted["changed"], predicted["backup"], directory.names()) == (True, "", before)
    assert not directory.backups.exists()

    done = directory.run(**options)
    assert directory.names() == left
    assert directory.path.stat().st_ino == inode
    assert {key: done[key] for key in ("removed", "winner", "diff", "conflists")} == {
        key: predicted[key] for key in ("removed", "winner", "diff", "conflists")
    }
    assert done["winner"] == str(directory.path / winner)
    assert sorted(item.name for item in Path(done["backup"]).iterdir()) == sorted(Path(path).name for path in done["removed"])

    again = directory.run(**options)
    assert (again["changed"], again["removed"], again["backup"]) == (False, [], "")


def test_present_writes_in_place_and_keeps_the_old(directory: Directory) -> None:
    path = directory.path / "10-flannel.conflist"
    inode = path.stat().st_ino
    wanted = {**FLANNEL, "cniVersion": "1.0.0"}
    done = directory.run(name=path.name, content=wanted)
    assert done["changed"] is True
    assert path.stat().st_ino == inode
    assert json.loads(path.read_text()) == wanted
    assert json.loads((Path(done["backup"]) / path.name).read_text()) == FLANNEL
    assert '+  "cniVersion": "1.0.0"' not in done["diff"]["before"]
    assert directory.run(name=path.name, content=json.dumps(wanted))["changed"] is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"state": "only", "names": ["absent.conflist"]}, "would have no CNI configuration left"),
        ({"state": "absent"}, "state absent needs cni or names"),
        ({"name": "../x.conflist", "content": "{}"}, "must be a file name without a directory"),
        ({"name": "x.conflist", "content": "{"}, "not JSON"),
        ({"name": "x.conflist"}, "missing: content"),
    ],
)
def test_bad_input_changes_nothing(directory: Directory, options: dict[str, t.Any], message: str) -> None:
    before = directory.names()
    result = directory.run(**options)
    assert result["failed"] is True
    assert message in result["msg"]
    assert directory.names() == before


def test_a_directory_written_otherwise_is_the_same(directory: Directory) -> None:
    odd = f"{directory.path.parent}//net.d/"
    assert directory.run(name="10-flannel.conflist", content=FLANNEL, conf_dir=odd)["changed"] is False


def test_a_relative_directory_is_refused(directory: Directory) -> None:
    assert "conf_dir net.d: must be an absolute path" in directory.run(state="only", cni="calico", conf_dir="net.d")["msg"]


def test_a_backup_among_the_configurations_is_refused(directory: Directory) -> None:
    assert "must be outside" in directory.run(state="only", cni="calico", backup_dir=str(directory.path / "old"))["msg"]
