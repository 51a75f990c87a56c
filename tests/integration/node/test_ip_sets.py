# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is in the kernel's sets, as the kernel itself says: sets by chance, read back, and asked for packets by chance."""

from __future__ import annotations

import os
import random
import shutil
import subprocess

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.ip_sets import Sets
from ansible_collections.podnet.cni.plugins.module_utils._node import parse

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="a network namespace needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("unshare", "ipset"))), reason="not installed: unshare or ipset"),
]

#: Types, and the ends of a packet that a rule asks their parts for.
KINDS = {
    "hash:ip": ("src",),
    "hash:net": ("dst",),
    "hash:ip,port": ("src", "dst"),
    "hash:net,port": ("dst", "dst"),
    "hash:net,net": ("src", "dst"),
    "hash:ip,port,net": ("src", "dst", "dst"),
}
MEMBERS, QUESTIONS = 14, 200
BREAK = "-- read --"


class Chance:
    """Few enough addresses and ports for members and packets to meet often."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - the same each time

    def part(self, kind: str) -> str:
        if kind == "port":
            return f"{self._random.choice(('tcp', 'udp'))}:{self._random.randrange(80, 82)}"
        address = f"10.{self._random.randrange(2)}.0.{self._random.randrange(4)}"
        return address if kind == "ip" else f"{address}/{self._random.choice((7, 15, 24, 31, 32))}"

    def member(self, kind: str) -> str:
        parts = kind.partition(":")[2].split(",")
        exception = " nomatch" if "net" in parts and self._random.random() < 0.3 else ""
        return ",".join(map(self.part, parts)) + exception


def question(chance: Chance, kind: str) -> tuple[dict[str, str], str]:
    """A packet, and the element of the set that the kernel is to be asked for."""
    protocol, _, port = chance.part("port").partition(":")
    facts = {"source": chance.part("ip"), "destination": chance.part("ip"), "protocol": protocol, "th dport": port}
    ends = {"src": facts["source"], "dst": facts["destination"]}
    parts = kind.partition(":")[2].split(",")
    element = ",".join(f"{protocol}:{port}" if part == "port" else ends[end] for part, end in zip(parts, KINDS[kind], strict=True))
    return facts, element


@pytest.mark.parametrize("kind", KINDS)
def test_every_answer_is_the_kernel_s(kind: str) -> None:
    chance = Chance(len(kind))
    setup = [f"ipset create s {kind}", *(f"ipset -exist add s {chance.member(kind)}" for _ in range(MEMBERS))]
    asked = [question(chance, kind) for _ in range(QUESTIONS)]
    tests = [f"ipset -quiet test s {element} && echo yes || echo no" for _facts, element in asked]
    script = "\n".join(["set -eu", *setup, "ipset list", f"echo '{BREAK}'", *tests])
    done = subprocess.run(["unshare", "--net", "sh"], input=script, capture_output=True, text=True, check=False, timeout=120)
    if "set type not supported" in done.stderr:
        pytest.skip(f"this kernel has no sets of type {kind}")
    assert done.returncode == 0, done.stderr
    listed, _, answers = done.stdout.partition(BREAK)

    sets = Sets(parse.ipsets(listed))
    theirs = [answer == "yes" for answer in answers.split()]
    found = [(element, sets.has(f"set s {','.join(KINDS[kind])}", facts)) for facts, element in asked]
    assert [element for (element, ours), answer in zip(found, theirs, strict=True) if ours is not answer] == []
    assert set(theirs) == {True, False}
