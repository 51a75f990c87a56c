# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that are sent and captured by a real kernel: two network namespaces with a link between them, and a tunnel on it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(not shutil.which("ip"), reason="not installed: ip"),
]

#: Listens on the near side, and sends from it or from the namespace of another process.
DRIVER = """
import dataclasses, json, sys
from ansible_collections.podnet.cni.plugins.module_utils._node import frames, trace

target, protocol, process = sys.argv[1], sys.argv[2], int(sys.argv[3])
marks = {"one": trace.Mark("test 0"), "other": trace.Mark("test 1")}
sender = trace.Sender(sys.argv[4], target, protocol, 8080, process)
found = trace.run(marks, {"one": sender}, frames.TUNNELS, trace.Pace(seconds=1.2, count=3, lead=0.2, rest=0.5))
print(json.dumps([dataclasses.asdict(item) for item in found.sightings]))
"""
NEAR = """
link add eth0 type veth peer name eth0 netns {far}
address add 192.0.2.1/24 dev eth0
link set eth0 up
link set lo up
link add vxlan7 type vxlan id 7 dev eth0 remote 192.0.2.2 dstport 8472
address add 10.9.0.1/24 dev vxlan7
link set vxlan7 up
"""
FAR = """
address add 192.0.2.2/24 dev eth0
link set eth0 up
link set lo up
link add vxlan7 type vxlan id 7 dev eth0 remote 192.0.2.1 dstport 8472
address add 10.9.0.2/24 dev vxlan7
link set vxlan7 up
"""


@pytest.fixture
def namespaces() -> t.Iterator[tuple[str, str]]:
    near, far = f"podnet-near-{os.getpid()}", f"podnet-far-{os.getpid()}"
    for name in (near, far):
        subprocess.run(["ip", "netns", "add", name], check=True)
    try:
        for name, commands in ((near, NEAR.format(far=far)), (far, FAR)):
            subprocess.run(["ip", "-n", name, "-batch", "-"], input=commands.strip(), text=True, check=True)
        yield near, far
    finally:
        for name in (near, far):
            subprocess.run(["ip", "netns", "delete", name], check=True)


def traced(near: str, target: str, protocol: str, source: str, process: int = 0) -> list[dict[str, t.Any]]:
    argv = ["ip", "netns", "exec", near, sys.executable, "-c", DRIVER, target, protocol, str(process), source]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "collections")}
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=True, env=environment)
    return t.cast("list[dict[str, t.Any]]", json.loads(done.stdout))


def told(sightings: list[dict[str, t.Any]]) -> set[tuple[str, bool, str, str]]:
    return {(item["device"], item["answer"], item["source"], (item["outer"] or {}).get("target", "")) for item in sightings}


@pytest.mark.parametrize("protocol", ["tcp", "udp"])
def test_as_it_is(namespaces: tuple[str, str], protocol: str) -> None:
    seen = traced(namespaces[0], "192.0.2.2", protocol, "192.0.2.1")
    answers = {("eth0", True, "192.0.2.2", "")} if protocol == "tcp" else set()  # nothing listens: a reset
    assert told(seen) == {("eth0", False, "192.0.2.1", ""), *answers}
    assert {item["number"] for item in seen} == {0, 1, 2}
    assert {(item["trace"], item["target_port"]) for item in seen if not item["answer"]} == {("one", 8080)}


def test_in_a_tunnel(namespaces: tuple[str, str]) -> None:
    seen = traced(namespaces[0], "10.9.0.2", "tcp", "10.9.0.1")
    assert told(seen) == {
        ("vxlan7", False, "10.9.0.1", ""),
        ("eth0", False, "10.9.0.1", "192.0.2.2"),
        ("vxlan7", True, "10.9.0.2", ""),
        ("eth0", True, "10.9.0.2", "192.0.2.1"),
    }
    assert {item["outer"]["vni"] for item in seen if item["outer"]} == {7}


def test_from_the_network_of_another_process(namespaces: tuple[str, str]) -> None:
    near, far = namespaces
    with subprocess.Popen(["ip", "netns", "exec", far, "sleep", "60"]) as pod:
        try:
            seen = traced(near, "192.0.2.1", "udp", "192.0.2.2", pod.pid)
        finally:
            pod.kill()
    assert told(seen) == {("eth0", False, "192.0.2.2", "")}
    assert not any(item["leaving"] for item in seen)


def test_a_network_that_cannot_be_entered(namespaces: tuple[str, str]) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        traced(namespaces[0], "192.0.2.2", "tcp", "192.0.2.1", 2**22 - 1)
    assert "No such file or directory" in raised.value.stderr
