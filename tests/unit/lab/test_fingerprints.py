# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

from lab import fingerprints


def test_a_folder_counts_by_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = fingerprints.of(tmp_path)
    assert fingerprints.of(tmp_path) == before
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.pyc").write_text("noise")
    assert fingerprints.of(tmp_path) == before
    (tmp_path / "a").rename(tmp_path / "b")
    assert fingerprints.of(tmp_path) != before


def test_parts_do_not_run_into_each_other() -> None:
    assert fingerprints.of("ab", "c") != fingerprints.of("a", "bc")
