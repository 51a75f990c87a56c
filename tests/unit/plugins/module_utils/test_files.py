# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _files


def test_a_new_file_in_a_new_directory(tmp_path: Path) -> None:
    target = tmp_path / "a/b/file"
    _files.replace(target, b"text", 0o600)
    assert target.read_bytes() == b"text"
    assert target.stat().st_mode & 0o777 == 0o600
    assert list(target.parent.iterdir()) == [target]


def test_an_old_one_and_what_a_killed_run_left(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old and longer")
    (tmp_path / f".file{_files.HALF}").write_bytes(b"half of something else")
    _files.replace(target, b"new", 0o640)
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]


def test_the_old_file_stays_when_the_new_one_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        _files.replace(target, b"new", 0o600)
    assert target.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [target]
