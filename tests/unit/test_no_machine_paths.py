# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Nothing in the repository knows the machine it was written on: no path of its own, no package index it fetches from."""

from __future__ import annotations

import re
import shutil
import subprocess
import typing as t
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
# A checkout, a home directory, a folder of interpreters. Nodes have a home too, so what every Linux keeps in root's is allowed.
MACHINE_PATHS = re.compile(
    r"(?<![\w.$}/-])/(?:work/\w|home/[a-z]\w*/|root/(?!\.(?:kube|ssh|docker)\b)\w*|opt/wheels\b|opt/hostedtoolcache\b|Users/\w|\S*/\.pyenv/)"
)
# Options and variables that choose an index. A build takes the index that its machine is set up for.
INDEX_CHOICE = re.compile(
    r"--(?:extra-)?index-url|--find-links|\bPIP_(?:EXTRA_)?INDEX_URL|\bGOPROXY\s*[=:]\s*[\"']?https?:|\bregistry\s*=\s*https?:"
)
HOST = re.compile(r"https?://([^/\s,|\"']+)")
APT_SOURCES = Path("/etc/apt")
THIS_FILE = Path(__file__).resolve()


def _repository_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    paths = [ROOT / name for name in listed.stdout.split("\0") if name]
    return [path for path in paths if path.is_file() and not path.is_symlink() and path != THIS_FILE]


def _lines() -> t.Iterator[tuple[str, str]]:
    for path in _repository_files():
        text = path.read_bytes().decode(errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            yield f"{path.relative_to(ROOT)}:{number}", line


def _index_hosts() -> set[str]:
    """The hosts this machine fetches packages from, asked of the package tools themselves."""
    settings = [path.read_text() for path in (APT_SOURCES.rglob("*.sources") if APT_SOURCES.is_dir() else [])]
    questions = (["go", "env", "GOPROXY"], ["pip", "config", "get", "global.index-url"])
    installed = [question for question in questions if shutil.which(question[0])]
    settings += [subprocess.run(question, capture_output=True, text=True, check=False).stdout for question in installed]
    hosts = {urlsplit(f"//{place}").hostname for setting in settings for place in HOST.findall(setting)}
    return {host for host in hosts if host}


def test_no_path_of_a_machine() -> None:
    found = [f"{place}: {line.strip()[:120]}" for place, line in _lines() if MACHINE_PATHS.search(line) or str(ROOT) in line]
    assert found == []


def test_no_index_is_chosen() -> None:
    assert [f"{place}: {line.strip()[:120]}" for place, line in _lines() if INDEX_CHOICE.search(line)] == []


def test_no_package_index_is_named() -> None:
    hosts = _index_hosts()
    if not hosts:
        pytest.skip("this machine's package tools name no index")
    named = re.compile("|".join(re.escape(host) for host in sorted(hosts)))
    assert [place for place, line in _lines() if named.search(line)] == []


@pytest.mark.parametrize("line", ["cd /work/main", "x: /home/ann/src", "'/root/src'", "=/opt/wheels", "/usr/me/.pyenv/versions"])
def test_a_machine_path_is_seen(line: str) -> None:
    assert MACHINE_PATHS.search(line)


@pytest.mark.parametrize(
    "line", ["/root/.kube/config", "/var/lib/kubelet", "../shared/upstream", "https://x.example/home/ann/", "/network/x"]
)
def test_an_ordinary_path_is_not(line: str) -> None:
    assert not MACHINE_PATHS.search(line)


@pytest.mark.parametrize("line", ["pip install --index-url x", "GOPROXY=https://x.example", "--find-links x"])
def test_an_index_choice_is_seen(line: str) -> None:
    assert INDEX_CHOICE.search(line)
