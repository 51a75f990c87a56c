# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from lab import programs


@pytest.mark.parametrize("module", sorted({program.module for program in programs.PROGRAMS}))
def test_every_module_pins_what_it_builds(module: str) -> None:
    folder = programs.GO_ROOT / module
    assert (folder / "go.mod").exists()
    assert (folder / "go.sum").exists() or "require" not in (folder / "go.mod").read_text()


def test_names_are_different() -> None:
    names = [program.name for program in programs.PROGRAMS]
    assert len(names) == len(set(names))
