# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide's commands that need no cluster say what stands below them, run as they stand from the top of the repository."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "guides" / "network-policies.md").read_text()
SHOWN = re.findall(r"```console\n(ansible-playbook docs/[^\n]+)\n```\n\n```text\n(.+?)```", GUIDE, re.DOTALL)


def in_one_line(text: str) -> str:
    """Without what depends on the width of a terminal."""
    return " ".join(text.replace("*", "").split())


def test_there_are_such_commands() -> None:
    assert len(SHOWN) == GUIDE.count("check.yml") == 2


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_command_says_what_is_shown(command: str, shown: str) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    argv = [sys.executable, "-m", "ansible.cli.playbook", *shlex.split(command)[1:]]
    done = subprocess.run(argv, cwd=ROOT, env={**environment, "ANSIBLE_NOCOLOR": "1"}, capture_output=True, text=True, check=False)
    assert in_one_line(shown) in in_one_line(done.stdout + done.stderr)
