# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of a node, on a real file system."""

from __future__ import annotations

import pathlib
import socket
import stat
import tarfile

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import files


def mode(path: str) -> int:
    return stat.S_IMODE(pathlib.Path(path).stat().st_mode)


@pytest.mark.parametrize(
    ("backup_dir", "problem"),
    [
        ("{root}/backups", ""),
        ("{root}/net.d.backup", ""),
        ("{root}/net.d", "backup must be outside"),
        ("{root}/net.d/backup", "backup must be outside"),
        ("{root}/x/../net.d//backup/", "backup must be outside"),
        ("{root}/link/backup", "backup must be outside"),
        ("backups", "must be an absolute path"),
    ],
)
def test_demand_apart(tmp_path: pathlib.Path, backup_dir: str, problem: str) -> None:
    (tmp_path / "net.d").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "net.d")
    directories = (backup_dir.format(root=tmp_path), str(tmp_path / "net.d"))
    if not problem:
        files.demand_apart(*directories)
        return
    with pytest.raises(BadInputError, match=problem):
        files.demand_apart(*directories)


def test_read_directory_reads_files_only(tmp_path: pathlib.Path) -> None:
    (tmp_path / "b.conf").write_bytes(b"\xff")
    (tmp_path / "a.conf").write_text("{}")
    (tmp_path / "sub").mkdir()
    assert list(files.read_directory(str(tmp_path)).items()) == [(f"{tmp_path}/a.conf", b"{}"), (f"{tmp_path}/b.conf", b"\xff")]


def test_no_directory_no_files(tmp_path: pathlib.Path) -> None:
    assert files.read_directory(str(tmp_path / "absent")) == {}


def test_write_keeps_the_very_file_and_its_mode(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "10-x.conflist"
    path.write_text("a long old content")
    path.chmod(0o644)
    before = path.stat()
    files.write_in_place(str(path), b"new")
    after = path.stat()
    assert (after.st_ino, after.st_mode, path.read_bytes()) == (before.st_ino, before.st_mode, b"new")
    assert [item.name for item in tmp_path.iterdir()] == ["10-x.conflist"]


def test_a_new_file_is_private_and_its_directory_is_made(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "net.d" / "10-x.conflist"
    files.write_in_place(str(path), b"new")
    assert (mode(str(path)), mode(str(path.parent))) == (0o600, 0o755)


def test_write_failure_names_the_file(tmp_path: pathlib.Path) -> None:
    with pytest.raises(NodeError, match="the file cannot be written"):
        files.write_in_place(str(tmp_path), b"")


def test_a_new_file_is_made_and_one_that_is_there_is_left(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "networks" / "cbr0" / "10.244.1.7"
    assert files.create(str(path), b"new") is True
    assert files.create(str(path), b"newer") is False
    assert (path.read_bytes(), mode(str(path))) == (b"new", 0o600)
    assert [item.name for item in path.parent.iterdir()] == ["10.244.1.7"]
    with pytest.raises(NodeError, match=r"10\.244\.1\.7/below"):
        files.create(str(path / "below"), b"")


def test_delete(tmp_path: pathlib.Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("x")
    gone = tmp_path / "gone"
    (gone / "deep").mkdir(parents=True)
    (gone / "deep" / "file").write_text("x")
    (gone / "link").symlink_to(kept)
    link = tmp_path / "link"
    link.symlink_to(tmp_path)
    for path in (gone, link, tmp_path / "absent"):
        files.delete(str(path))
    assert [item.name for item in tmp_path.iterdir()] == ["kept"]


@pytest.mark.parametrize("path", ["/", "/etc/cni/net.d", "/etc/cni/net.d/", "/var/lib/cni/../cni", "relative", ""])
def test_shared_directories_are_never_deleted(path: str) -> None:
    with pytest.raises(NodeError, match="must not be deleted"):
        files.delete(path)


def test_mount_points() -> None:
    mounts = "sysfs /sys sysfs rw 0 0\ntmpfs /run/ca\\040li\\134co tmpfs rw 0 0\ntmpfs /srv/gr\u00f6\u00dfe tmpfs rw 0 0\n"
    assert files.mount_points(mounts) == ["/sys", "/run/ca li\\co", "/srv/gr\u00f6\u00dfe"]


def test_backup(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "calico"
    (source / "deep").mkdir(parents=True)
    (source / "deep" / "kubeconfig").write_text("token")
    (source / "link").symlink_to("/etc/passwd")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "bird.ctl"))
    where = tmp_path / "backups" / "podnet"
    backup = files.store_backup(str(where), "calico", {"rules": b"*filter\n"}, [str(source), str(tmp_path / "absent")])
    assert sorted(item.name for item in pathlib.Path(backup).iterdir()) == ["files.tar.gz", "rules"]
    assert [mode(path) for path in (str(where), backup, f"{backup}/rules", f"{backup}/files.tar.gz")] == [0o700, 0o700, 0o600, 0o600]
    with tarfile.open(f"{backup}/files.tar.gz") as tar:
        names = [name.rsplit("calico", 1)[1] for name in tar.getnames()]
    assert names == ["", "/deep", "/deep/kubeconfig", "/link"]


def test_equal_content_is_kept_once_and_a_torn_attempt_is_cleared(tmp_path: pathlib.Path) -> None:
    source = tmp_path / "file"
    source.write_text("x")
    torn = tmp_path / "backups" / ".x.incomplete"
    torn.mkdir(parents=True)
    (torn / "half").write_text("")
    where = str(tmp_path / "backups")
    first = files.store_backup(where, "x", {"a": b"1"}, [str(source)])
    assert files.store_backup(where, "x", {"a": b"1"}, [str(source)]) == first
    assert files.store_backup(where, "x", {"a": b"2"}, [str(source)]) != first
    assert len(list(torn.parent.iterdir())) == 2


def test_a_backup_that_fails_says_that_nothing_was_removed(tmp_path: pathlib.Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NodeError, match="Nothing was removed"):
        files.store_backup(str(tmp_path / "file"), "x", {})
