# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._control import files


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "deep"
    contents = {"a": "1\n", "b": "\N{RIGHTWARDS ARROW}\n"}
    assert files.differing(str(folder), contents) == ("a", "b")
    files.write(str(folder), contents)
    assert files.differing(str(folder), contents) == ()
    assert files.differing(str(folder), {**contents, "b": "2\n"}) == ("b",)
    assert sorted(path.name for path in folder.iterdir()) == ["a", "b"], "nothing half-written stays"
    assert (folder / "a").stat().st_mode & 0o777 == 0o644


def test_a_file_in_the_place_of_the_directory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(_errors.BadInputError, match="it cannot be read: Not a directory"):
        files.differing(str(tmp_path / "file"), {"a": "1"})
    with pytest.raises(_errors.BadInputError, match="it cannot be written: "):
        files.write(str(tmp_path / "file"), {"a": "1"})


def test_a_directory_in_the_place_of_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(_errors.BadInputError, match="it cannot be written: "):
        files.write(str(tmp_path), {"a": "1"})
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
