# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._control import trace


def test_lines_are_added_to_a_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "new" / "deep" / "journal.jsonl"
    trace.append(str(path), "one\n")
    trace.append(str(path), "two\n")
    assert path.read_text() == "one\ntwo\n"
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_file_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text("one\n")
    path.chmod(0o644)
    trace.append(str(path), "two\n")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_line_that_was_cut_short_does_not_spoil_the_next(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_text('{"at": 1')
    trace.append(str(path), "two\n")
    assert path.read_text().splitlines() == ['{"at": 1', "two"]


def test_a_file_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(_errors.BadInputError, match=r"file/journal.jsonl: the journal's file cannot be written: \w") as caught:
        trace.append(str(tmp_path / "file" / "journal.jsonl"), "one\n")
    assert "Nothing was changed" in caught.value.next_step
