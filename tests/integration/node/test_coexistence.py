# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The settings of the mixed phase in a real kernel: set, looked at again, and put back to what they were."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[3]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for a network namespace"),
    pytest.mark.skipif(not all(map(shutil.which, ("unshare", "ip"))), reason="not installed: unshare or ip"),
]

SETUP = """
link add cni0 type bridge
address add 10.244.1.1/24 dev cni0
link add flannel.1 type vxlan id 1 dstport 8472 local 127.0.0.1 dev lo nolearning
"""

#: Runs inside the namespace: each line of the script is what to do, and every state that is seen is printed.
DRIVER = """
import json, pathlib, sys
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
from ansible_collections.podnet.cni.plugins.modules import cni_coexistence

CONF = pathlib.Path("/proc/sys/net/ipv4/conf")
FILES = ("all/rp_filter", "cni0/proxy_arp")
options = {"record": sys.argv[1] + "/record.json", "boot_file": sys.argv[1] + "/boot.conf"}
(CONF / "all/rp_filter").write_text("1")
seen = []
for word in sys.argv[2].split():
    if word == "reboot":
        (CONF / "all/rp_filter").write_text("1")
        (CONF / "cni0/proxy_arp").write_text("0")
        continue
    act = cni_coexistence.put_back if word.endswith("absent") else cni_coexistence.establish
    changed = act(options, collect.collect(), word.startswith("check-"))["changed"]
    seen.append([word, changed, *((CONF / name).read_text().strip() for name in FILES)])
print(json.dumps(seen))
"""


def run(scratch: Path, words: str) -> list[list[t.Any]]:
    script = f"ip -batch - <<'EOF'\n{SETUP}EOF\nexec {sys.executable} -c '{DRIVER}' {scratch} '{words}'\n"
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "collections")}
    result = subprocess.run(["unshare", "--net", "sh", "-eu"], input=script, capture_output=True, text=True, check=False, env=environment)
    assert result.returncode == 0, result.stderr
    return t.cast("list[list[t.Any]]", json.loads(result.stdout))


def test_sets_what_is_needed_and_puts_it_back(tmp_path: Path) -> None:
    seen = run(tmp_path, "check-present present present check-absent absent absent")
    assert seen == [
        ["check-present", True, "1", "0"],
        ["present", True, "2", "1"],
        ["present", False, "2", "1"],
        ["check-absent", True, "2", "1"],
        ["absent", True, "1", "0"],
        ["absent", False, "1", "0"],
    ]
    assert list(tmp_path.iterdir()) == []


def test_a_restart_of_the_node_does_not_spoil_the_record(tmp_path: Path) -> None:
    seen = run(tmp_path, "present reboot present")
    assert [line[1:] for line in seen] == [[True, "2", "1"], [True, "2", "1"]]
    assert json.loads((tmp_path / "record.json").read_text()) == {"net.ipv4.conf.all.rp_filter": "1", "net.ipv4.conf.cni0.proxy_arp": "0"}
    assert "net.ipv4.conf.all.rp_filter = 2" in (tmp_path / "boot.conf").read_text()
