# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What flannel has to have, against a real kernel: a network namespace that was given just that by hand, and what is put wrong in it."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest

from tests.support import backend_cases as cases

ROOT = Path(__file__).parents[3]
_ABSENT = [tool for tool in ("ip", "bridge") if not shutil.which(tool)]

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root for namespaces"),
    pytest.mark.skipif(bool(_ABSENT), reason=f"not installed: {', '.join(_ABSENT)}"),
]

#: Runs inside. What comes out of files of the machine, and not out of the kernel's namespace, is another test's matter.
DRIVER = """
import json, sys
from ansible_collections.podnet.cni.plugins.modules import cni_state

params = json.loads(sys.argv[1])
kinds = ("link", "address", "route", "neighbour", "fdb", "listener")
lacking = cni_state.Sight.lacking  # awaited is made of it
cni_state.Sight.lacking = property(lambda sight: [item for item in lacking.fget(sight) if item.item in kinds])
result = cni_state.run({"timeout": 0, "remove": "none", "fail": "never", "conf_dir": None, **params}, False)
told = [f"{item['kind']} {item['item']} {item['name']}" for item in result["differences"] if item["item"] in kinds]
print(json.dumps({"differences": told, "removed": [f"{item['kind']} {item['name']}" for item in result["removed"]]}))
"""

VXLAN = f"""
link add flannel.1 type vxlan id 1 dev eth0 local {cases.address(1)} dstport 8472 nolearning
link set flannel.1 address {cases.mac(1)} mtu 1450 up
address add 10.244.1.0/32 dev flannel.1
route add 10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink
route add 10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink
neighbour add 10.244.2.0 lladdr {cases.mac(2)} dev flannel.1 nud permanent
neighbour add 10.244.3.0 lladdr {cases.mac(3)} dev flannel.1 nud permanent
"""
CARD = f"""
link add eth0 type veth peer name far
link set far up
link set eth0 up
link set lo up
address add {cases.address(1)}/24 dev eth0
route add default via 192.168.50.1 dev eth0
"""


class Node:
    """A network namespace that stands for node n1."""

    def __init__(self, name: str) -> None:
        self.name = name

    def run(self, *argv: str, stdin: str = "") -> str:
        enter = ["ip", "netns", "exec", self.name, *argv]
        done = subprocess.run(enter, input=stdin, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def state(self, backend: dict[str, t.Any], backups: Path, **options: t.Any) -> dict[str, list[str]]:
        net_conf = json.dumps({"Network": cases.NETWORK, "Backend": backend})
        members = [dataclasses.asdict(cases.node(number, backend["Type"])) for number in (1, 2, 3)]
        given = {"net_conf": net_conf, "nodes": members, "node": "n1", "backup_dir": str(backups), **options}
        # ip netns exec gives the namespace a /sys of its own, and its /proc/net is that of whoever looks.
        answer = self.run("env", f"PYTHONPATH={ROOT / 'collections'}", sys.executable, "-c", DRIVER, json.dumps(given))
        return t.cast("dict[str, list[str]]", json.loads(answer))


@pytest.fixture
def node() -> t.Iterator[Node]:
    namespace = Node(f"podnet-state-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", namespace.name], check=True, timeout=60)
    try:
        namespace.run("ip", "-batch", "-", stdin=CARD + VXLAN)
        for number in (2, 3):
            namespace.run("bridge", "fdb", "add", cases.mac(number), "dev", "flannel.1", "dst", cases.address(number))
        yield namespace
    finally:
        subprocess.run(["ip", "netns", "delete", namespace.name], check=True, timeout=60)


def test_the_kernel_tells_what_the_rules_expect(node: Node, tmp_path: Path) -> None:
    assert node.state({"Type": "vxlan"}, tmp_path)["differences"] == []


@pytest.mark.parametrize(
    ("commands", "found"),
    [
        (
            ["ip link set flannel.1 down"],
            [
                "different link flannel.1 state",
                *(f"missing route 10.244.{number}.0/24" for number in (2, 3)),
                *(f"missing neighbour 10.244.{number}.0" for number in (2, 3)),
                "missing listener UDP 8472",
            ],
        ),
        (["ip route del 10.244.2.0/24"], ["missing route 10.244.2.0/24"]),
        (["ip neighbour del 10.244.2.0 dev flannel.1"], ["missing neighbour 10.244.2.0"]),
        ([f"bridge fdb del {cases.mac(2)} dev flannel.1 dst {cases.address(2)}"], [f"missing fdb {cases.mac(2)}"]),
        (["ip route add 10.244.9.0/24 via 192.168.50.12"], ["extra route 10.244.9.0/24"]),
        (["ip link set flannel.1 mtu 1400"], ["different link flannel.1 MTU"]),
        (
            ["ip link add flannel.7 type vxlan id 7 dev eth0 dstport 8472", "ip link set flannel.7 up"],
            ["extra link flannel.7"],
        ),
    ],
)
def test_what_is_put_wrong_is_told(node: Node, tmp_path: Path, commands: list[str], found: list[str]) -> None:
    for command in commands:
        node.run(*command.split())
    assert node.state({"Type": "vxlan"}, tmp_path)["differences"] == found


def test_what_vxlan_left_goes_in_two_phases(node: Node, tmp_path: Path) -> None:
    host_gw = {"Type": "host-gw"}
    node.run("ip", "route", "replace", "10.244.2.0/24", "via", cases.address(2), "dev", "eth0")
    node.run("ip", "route", "replace", "10.244.3.0/24", "via", cases.address(3), "dev", "eth0", "onlink")
    before = node.state(host_gw, tmp_path)["differences"]
    assert "extra link flannel.1" in before
    node.run("ip", "route", "del", "10.244.3.0/24")
    node.run("ip", "address", "add", "192.168.60.1/24", "dev", "eth0")
    node.run("ip", "route", "add", "10.244.3.0/24", "via", cases.address(3), "dev", "eth0")
    node.run("ip", "route", "add", "10.244.8.0/24", "via", "10.244.8.0", "dev", "flannel.1", "onlink")
    assert node.state(host_gw, tmp_path, remove="routes") == {
        "removed": ["route 10.244.8.0/24 via 10.244.8.0 dev flannel.1"],
        "differences": ["extra link flannel.1"],
    }
    assert node.state(host_gw, tmp_path, remove="all") == {"removed": ["link flannel.1"], "differences": []}
    assert node.state(host_gw, tmp_path, remove="all")["removed"] == []
