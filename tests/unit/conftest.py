# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What several unit tests read, gathered once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def module_docs() -> dict[str, dict[str, t.Any]]:
    """What ansible-doc says about every module of the collection, by short name; a module it cannot read has only the key ``error``."""
    command = [sys.executable, "-m", "ansible.cli.doc", "--metadata-dump", "--no-fail-on-errors", "--type", "module", "podnet.cni"]
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"), "ANSIBLE_NOCOLOR": "1"}
    finished = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    assert finished.returncode == 0, finished.stderr
    dumped = json.loads(finished.stdout)["all"].get("module", {})
    return {name.rsplit(".", 1)[-1]: docs for name, docs in dumped.items()}
