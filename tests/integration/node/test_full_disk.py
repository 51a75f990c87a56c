# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A disk without a free byte, a real one: one message that says which file, and what was there before is still there."""

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
NO_ROOM = "No space left on device"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not all(map(shutil.which, ("unshare", "ip", "mount"))), reason="not installed: unshare, ip or mount"),
]

#: What every driver begins with: a small disk that can be filled, and what an attempt says.
START = """
import json, os, pathlib, subprocess, sys
from ansible_collections.podnet.cni.plugins.module_utils._errors import PodnetError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files
from ansible_collections.podnet.cni.plugins.modules import cni_coexistence, cni_conflist

disk = pathlib.Path(sys.argv[1]) / "disk"
disk.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "small", str(disk)], check=True)

def fill():
    with open(disk / "filler", "wb", buffering=0) as filler:
        try:
            while True:
                filler.write(bytes(4096))
        except OSError:
            return

def said(act, *options):
    try:
        act(*options)
    except PodnetError as error:
        return str(error)
    return ""

def there():
    return sorted(path.name for path in disk.iterdir() if path.name != "filler")
"""

#: Strict filters are on record when the disk is full and flannel's bridge appears, which is to be on record too.
RECORD = """
conf = pathlib.Path("/proc/sys/net/ipv4/conf")
def ip(*commands):
    subprocess.run(["ip", "-batch", "-"], input="\\n".join(commands), text=True, check=True)

ip("link add flannel.1 type vxlan id 1 dstport 8472 local 127.0.0.1 dev lo nolearning")
(conf / "all/rp_filter").write_text("1")
options = {"record": f"{disk}/record.json", "boot_file": f"{disk}/boot.conf"}
seen = [said(cni_coexistence.establish, options, collect.collect(), False), there()]
ip("link add cni0 type bridge", "address add 10.244.1.1/24 dev cni0")
fill()
seen += [said(cni_coexistence.establish, options, collect.collect(), False), there(), json.loads((disk / "record.json").read_text())]
(disk / "filler").unlink()
seen += [said(cni_coexistence.establish, options, collect.collect(), False), (conf / "cni0/proxy_arp").read_text()]
seen += [said(cni_coexistence.put_back, options, collect.collect(), False), there()]
print(json.dumps([*seen, (conf / "all/rp_filter").read_text(), (conf / "cni0/proxy_arp").read_text()]))
"""

BACKUP = """
conflist = pathlib.Path(sys.argv[1]) / "net.d" / "10-flannel.conflist"
conflist.parent.mkdir()
conflist.write_text(json.dumps({"name": "cbr0", "cniVersion": "0.3.1", "plugins": [{"type": "flannel"}]}))
plugin = conflist.with_name("plugin")
plugin.write_bytes(os.urandom(1 << 20))
options = {"state": "absent", "cni": "flannel", "names": [], "conf_dir": str(conflist.parent), "backup_dir": str(disk)}
seen = [said(files.store_backup, str(disk), "flannel", {"removals.txt": b"x"}, [str(plugin)]), there()]
fill()
seen += [said(cni_conflist.run, options, False), conflist.exists()]
(disk / "filler").unlink()
seen += [said(cni_conflist.run, options, False), conflist.exists()]
print(json.dumps(seen))
"""


def run(scratch: Path, driver: str) -> list[t.Any]:
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "collections")}
    argv = ["unshare", "--net", "--mount", sys.executable, "-c", START + driver, str(scratch)]
    done = subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return t.cast("list[t.Any]", json.loads(done.stdout))


def test_the_record_of_old_settings_outlives_it(tmp_path: Path) -> None:
    """Were it lost, nobody would know any more that the filters had been strict."""
    first, made, full, kept, record, second, proxy, last, left, *put_back = run(tmp_path, RECORD)
    assert (first, second, last) == ("", "", "")
    assert full == f"{tmp_path}/disk/record.json: the file cannot be written: {NO_ROOM}."
    assert made == kept == ["boot.conf", "record.json"]
    assert record == {"net.ipv4.conf.all.rp_filter": "1"}
    assert proxy == "1\n"
    assert left == []
    assert put_back == ["1\n", "0\n"]


def test_nothing_is_removed_without_a_backup(tmp_path: Path) -> None:
    large, left_of_it, full, kept, later, left = run(tmp_path, BACKUP)
    problem = f"the backup cannot be written: {NO_ROOM}. Nothing was removed. Make room or choose another backup_dir."
    assert large == full == f"{tmp_path}/disk: {problem}"
    assert left_of_it == []
    assert kept is True
    assert (later, left) == ("", False)
