# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carrying out a plan: order, proof and errors. The real kernel is in tests/integration/node."""

from __future__ import annotations

import pathlib
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.cleanup import CleanupPlan, Command, Removal
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError, StillAliveError
from ansible_collections.podnet.cni.plugins.module_utils._node import remove

NOTHING = CleanupPlan()


def shell(script: str, *names: str) -> Command:
    return Command(("sh",), script, tuple(Removal("link", name) for name in names))


def looks(*plans: CleanupPlan) -> t.Callable[[], CleanupPlan]:
    """What the node shows, one look after the other."""
    return iter(plans).__next__


def test_commands_then_files_and_the_backup_has_them(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    seen = tmp_path / "seen"
    plan = CleanupPlan(commands=(shell(f"cp {victim} {seen}", "l1"),), paths=(Removal("file", str(victim)),))
    backup = pathlib.Path(remove.apply(plan, "flannel", str(tmp_path / "backups"), looks(NOTHING)))
    assert seen.exists()
    assert not victim.exists()
    assert backup.name.startswith("flannel-")
    assert (backup / "removals.txt").read_text() == f"link l1\nfile {victim}\n"
    assert (backup / "files.tar.gz").exists()


def test_a_complaint_about_what_went_by_itself_is_no_failure(tmp_path: pathlib.Path) -> None:
    plan = CleanupPlan(commands=(shell("echo gone >&2; exit 1", "l1"),))
    assert remove.apply(plan, "flannel", str(tmp_path), looks(NOTHING, NOTHING))


def test_what_stays_in_the_kernel_keeps_the_files(tmp_path: pathlib.Path) -> None:
    victim = tmp_path / "victim"
    victim.write_text("x")
    plan = CleanupPlan(commands=(shell("echo device busy >&2; exit 1", "l1"),), paths=(Removal("file", str(victim)),))
    with pytest.raises(NodeError, match=r"1 item\(s\) of flannel are still there .* link l1\. The tools said: sh: device busy"):
        remove.apply(plan, "flannel", str(tmp_path / "backups"), looks(plan))
    assert victim.exists()


def test_success_is_what_the_second_look_says(tmp_path: pathlib.Path) -> None:
    plan = CleanupPlan(commands=(shell("exit 0", "l1"),))
    with pytest.raises(NodeError, match="still there"):
        remove.apply(plan, "flannel", str(tmp_path), looks(plan))


def test_a_cni_that_comes_back_is_an_error(tmp_path: pathlib.Path) -> None:
    plan = CleanupPlan(commands=(shell("exit 0", "l1"),))
    with pytest.raises(StillAliveError, match="came back during the clean-up: process flanneld runs"):
        remove.apply(plan, "flannel", str(tmp_path), looks(CleanupPlan(refusals=("process flanneld runs",))))


def test_no_backup_no_removal(tmp_path: pathlib.Path) -> None:
    touched = tmp_path / "touched"
    plan = CleanupPlan(commands=(Command(("podnet-absent-restore",), "", ()), shell(f"touch {touched}", "l1")))
    with pytest.raises(NodeError, match="cannot be backed up, podnet-absent-save: not found"):
        remove.apply(plan, "flannel", str(tmp_path), looks(NOTHING))
    assert not touched.exists()


def test_one_iptables_without_a_backend_in_its_name_serves_both(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, script in (("podnettables-restore", f"cat >{tmp_path}/fed"), ("podnettables-save", "echo ':X - [7:8]'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    plan = CleanupPlan(commands=(Command(("podnettables-nft-restore",), "*nat\nCOMMIT\n", (Removal("chain", "X"),)),))
    backup = pathlib.Path(remove.apply(plan, "flannel", str(tmp_path / "backups"), looks(NOTHING)))
    assert (tmp_path / "fed").read_text() == "*nat\nCOMMIT\n"
    assert (backup / "podnettables-nft-save").read_text() == ":X - [0:0]\n"
