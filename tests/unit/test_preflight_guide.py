# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide lists every question of the preflight by its id, and no other."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
QUESTIONS = ROOT / "plugins" / "module_utils" / "_cni" / "preflight"
GUIDE = ROOT / "docs" / "guides" / "preflight.md"
#: Where an id stands in the source: first in an answer, second in what answers for several.
ID = re.compile(
    r'(?:checks\.(?:passed|noted|warned|failed|skipped)\(|answer\(|_each_node\(\s*at,|_port\(\s*at,|_listed\(\s*\w+,)\s*f?"([^"]+)"'
)
#: Ids that end with what is wanted.
VARIANTS = {"already-{at.wanted.target}": {"already-calico", "already-flannel"}, "kernel-{kind}": {"kernel-vxlan", "kernel-ipip"}}


def asked() -> set[str]:
    found = {name for path in QUESTIONS.glob("*.py") for name in ID.findall(path.read_text())}
    assert set(VARIANTS) <= found
    return {one for name in found for one in VARIANTS.get(name, {name})}


def described() -> list[str]:
    rows = [line.split("|")[1] for line in GUIDE.read_text().partition("## Questions")[2].splitlines() if line.startswith("| `")]
    return [name for row in rows for name in re.findall(r"`([^`]+)`", row)]


def test_the_guide_describes_each_question_once() -> None:
    assert sorted(described()) == sorted(asked())
