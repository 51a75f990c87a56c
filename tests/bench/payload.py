# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A module as Ansible sends it to a node: one file with everything the module imports inside."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def make(module: str, scratch: Path) -> Path:
    """The file for ``module`` without options, made by Ansible itself as it runs the module here once."""
    remote = scratch / module
    keep = {"ANSIBLE_KEEP_REMOTE_FILES": "1", "ANSIBLE_PIPELINING": "0", "ANSIBLE_REMOTE_TMP": str(remote)}
    ansible = Path(sys.executable).with_name("ansible")
    python = f"ansible_python_interpreter={sys.executable}"
    command = [ansible, "localhost", "--inventory", "localhost,", "--connection", "local", "--extra-vars", python, "--module-name", module]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **keep}, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise RuntimeError(f"{module} does not run here: {done.stdout}{done.stderr}")
    return next(remote.rglob("AnsiballZ_*.py"))
