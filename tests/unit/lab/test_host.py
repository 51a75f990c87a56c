# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shutil
import typing as t
from pathlib import Path

import pytest

from lab import host, processes, programs, settings


class Usage(t.NamedTuple):
    """What shutil.disk_usage returns."""

    total: int
    used: int
    free: int


@pytest.fixture
def made(tmp_path: Path) -> settings.Settings:
    return settings.Settings(nodes=settings.plan_nodes(3, 0), cache=tmp_path / "cache", state=tmp_path / "state")


def test_not_root(made: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host.os, "geteuid", lambda: 1000)
    with pytest.raises(settings.LabError, match=r"needs root.*run make as root"):
        host.check(made)


def test_no_disk(made: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: Usage(10**11, 10**11, 10**9))
    with pytest.raises(settings.LabError, match=r"1\.0 GB are free .* 25 GB are needed: free some, or set LAB_CACHE"):
        host.check_disk(made)


def test_no_control_groups(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(processes, "CGROUP_ROOT", tmp_path / "nowhere")
    with pytest.raises(settings.LabError, match=r"is not mounted or not writable"):
        host.check_control_groups()


def test_no_go(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    programs.go_version_text.cache_clear()
    with pytest.raises(settings.LabError, match=r"Go is needed .* install Go and put it on PATH"):
        programs.go_version()


def test_old_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "go_version_text", lambda: "go1.21.3")
    with pytest.raises(settings.LabError, match=r"Go 1.21.3 is too old: install Go 1.25"):
        programs.go_version()
