# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flannel's backends, each to each, on one lab: what the kernel has afterwards, and what the probe lost meanwhile."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from lab import nodes
from lab.settings import from_environment
from tests.support.faults import KUBECONFIG, JournaledRun, locks, plain
from tests.support.lab_commands import ROOT, changes, kill_when, lab, on_nodes, run

pytestmark = pytest.mark.long

VXLAN: dict[str, t.Any] = {"flannel_backend_type": "vxlan"}
DIRECT = {**VXLAN, "flannel_backend_options": {"DirectRouting": True}}
OTHER_VNI = {**VXLAN, "flannel_backend_options": {"VNI": 7}}
HOST_GW = {"flannel_backend_type": "host-gw"}
UDP = {"flannel_backend_type": "udp", "flannel_backend_allow_udp": True}
NAMES = {"vxlan": VXLAN, "DirectRouting": DIRECT, "VNI 7": OTHER_VNI, "host-gw": HOST_GW, "udp": UDP}

KUBECTL = ("kubectl", "--kubeconfig", KUBECONFIG)

#: Every ordered pair of four backends once, and another VNI and back. Each begins where the one before ended; the lab begins on vxlan.
TOUR = [
    *("DirectRouting", "vxlan", "host-gw", "vxlan", "udp", "DirectRouting", "host-gw", "DirectRouting", "udp", "host-gw", "udp", "vxlan"),
    *("VNI 7", "vxlan"),
]

#: Devices of flannel's but for the bridge, and the first words of a route to another node's pods.
KERNEL = {
    "vxlan": ("flannel.1", "dev flannel.1 onlink"),
    "DirectRouting": ("flannel.1", "dev eth0|dev host0"),
    "VNI 7": ("flannel.7", "dev flannel.7 onlink"),
    "host-gw": ("", "dev eth0|dev host0"),
    "udp": ("flannel0", ""),
}


def switch(backend: dict[str, t.Any], *arguments: str, report: Path | None = None, inventory: str = "inventories/lab") -> list[str]:
    variables = {**backend, "flannel_switch_probe": report is not None, "flannel_report_dir": str(report or ""), "flannel_journal_file": ""}
    return [
        "ansible-playbook",
        "--inventory",
        inventory,
        str(ROOT / "playbooks" / "switch_flannel_backend.yml"),
        "--extra-vars",
        json.dumps(variables),
        *arguments,
    ]


def inspect(directory: Path, inventory: str = "inventories/lab") -> list[str]:
    """Foretells the usual ways, sends packets on them, and captures these."""
    variables = {"network_inspection_dir": str(directory), "network_inspection_capture": True}
    playbook = str(ROOT / "playbooks" / "inspect_network.yml")
    return ["ansible-playbook", "--inventory", inventory, playbook, "--extra-vars", json.dumps(variables)]


@pytest.fixture(scope="module", autouse=True)
def fresh() -> None:
    """The lab on flannel with vxlan. Each test leaves it so."""
    run(lab("reset"))


def assert_kernel_has(name: str) -> None:
    """By the kernel's own words: the one device, and every route to other nodes' pods by it."""
    device, way = KERNEL[name]
    devices = on_nodes("ip -o link | grep -o 'flannel[^:@]*' | sort -u | xargs echo x", may_fail=True)
    assert devices == {f"x {device}".strip()}
    routes = on_nodes("ip route | grep -E '^10[.]244[.][0-9]+[.]0/24 via' | tr '\\n' ';'; echo x", may_fail=True)
    found = [route.strip() for line in routes for route in line.replace("\\n", ";").split(";") if route.strip() not in ("", "x")]
    if way:
        assert len(found) >= 2, routes
        assert [route for route in found if not any(part in route for part in way.split("|"))] == []
    else:
        assert found == []
    assert on_nodes("ls /var/lib/podnet.cni/coexistence.json 2>/dev/null; echo x", may_fail=True) == {"x"}


def test_each_backend_to_each(tmp_path: Path, record_property: t.Callable[[str, object], None]) -> None:
    before = "vxlan"
    outages: dict[str, float] = {}
    for number, name in enumerate(TOUR):
        report = tmp_path / str(number)
        said = run(switch(NAMES[name], report=report))
        seen = json.loads((report / "report.json").read_text())
        outages[f"{before} to {name}"] = seen["connectivity"]["longest_outage"]
        assert seen["verdict"] == "passed", said[-3000:]
        assert_kernel_has(name)
        assert "packets came as foretold" in run(inspect(report / "network"))
        before = name
    assert changes(run(switch(VXLAN))) == {0}
    record_property("longest outages in seconds", json.dumps(outages))


def test_killed_between_the_phases() -> None:
    for task, after in (
        ("Change the configuration, and start flanneld anew with it", 0.7),
        ("Wait until this node has what the new backend needs", 0.3),
        ("Remove what leads packets the old way", 0.3),
        ("Remove what else the backend before left", 0.3),
        ("Put the kernel's settings back", 0.3),
    ):
        kill_when(switch(HOST_GW), task, after)
    assert "host-to-nodeport" in run(switch(HOST_GW))
    assert_kernel_has("host-gw")
    assert changes(run(switch(HOST_GW))) == {0}
    run(switch(VXLAN))
    assert_kernel_has("vxlan")


def test_drift_is_told_and_healed(tmp_path: Path) -> None:
    """Routes are taken by hand; flannel brings them when it starts anew. Until then the watch tells, and packets are lost as foretold."""
    watch = ["ansible-playbook", "--inventory", "inventories/lab", "playbooks/watch_drift.yml"]
    assert "3 nodes have what flannel has to have" in run(watch)
    on_nodes("ip route flush dev flannel.1", hosts="n1")
    told = refused(watch)
    assert "n1: missing route 10.244." in told
    lost = refused(inspect(tmp_path))
    assert "does not work" in lost
    assert "not foretold" not in lost
    assert "not seen" not in lost
    on_nodes("ip link add flannel.9 type vxlan id 9 dstport 4790", hosts="n2")
    told = refused(watch)
    assert "n2: extra link flannel.9: vxlan" in told
    run([*KUBECTL, "--namespace", "kube-flannel", "rollout", "restart", "daemonset"])
    run(switch(VXLAN))
    assert "3 nodes have what flannel has to have" in run(watch)


def in_background(folder: Path, backend: dict[str, t.Any]) -> JournaledRun:
    folder.mkdir()
    return JournaledRun(folder, lambda journal: switch({**backend, "flannel_timeout": 40}, "-e", f"flannel_journal_file={journal}"))


def test_a_node_goes_down_during_a_switch(tmp_path: Path) -> None:
    """The barrier holds: nothing of old goes anywhere before every node has the new. Once the node is back, the same command goes on."""
    settings = from_environment()
    node = next(node for node in settings.nodes if node.name == "n3")
    switching = in_background(tmp_path / "run", HOST_GW)
    switching.wait_for("restart-flannel")
    nodes.shut_down(settings, node)
    assert switching.end() != 0
    assert "n3" in plain(switching.said)
    assert "Traceback" not in switching.said
    assert on_nodes("ip -o link show flannel.1 | wc -l", hosts="n1:n2") == {"1"}
    assert locks() == []

    nodes.boot(settings, node)
    run([*KUBECTL, "wait", "--for=condition=Ready", "nodes", "--all", "--timeout=300s"])
    assert "host-to-nodeport" in run(switch(HOST_GW))
    assert_kernel_has("host-gw")
    run(switch(VXLAN))
    assert_kernel_has("vxlan")


def test_two_switches_at_once(tmp_path: Path) -> None:
    first = in_background(tmp_path / "first", HOST_GW)
    first.wait_for("restart-flannel")
    assert "another run changes this cluster's CNI" in plain(refused(switch(DIRECT)))
    assert first.end() == 0, first.said[-4000:]
    assert_kernel_has("host-gw")
    run(switch(VXLAN))
    assert_kernel_has("vxlan")


def test_nodes_behind_a_router(tmp_path: Path) -> None:
    """host-gw is refused by the nodes' names; DirectRouting has plain routes inside a subnet and VXLAN across, which a capture proves."""
    shape = {"LAB_NODES": "4", "LAB_FAR_NODES": "2"}
    run(lab("reset"), **shape)
    far = "build/inventory"
    said = plain(refused(switch(HOST_GW, inventory=far)))
    assert "backend host-gw needs all nodes in one subnet: 4 nodes cannot reach all others" in said
    assert "n1: n3, n4 behind a router" in said
    run(switch(DIRECT, inventory=far))
    ways = on_nodes("ip route | grep -E '^10[.]244[.][0-9]+[.]0/24 via' | grep -c flannel.1", inventory=far)
    assert ways == {"2"}  # to the two of the other subnet
    assert "came as foretold" in run(inspect(tmp_path, inventory=far))
    assert changes(run(switch(DIRECT, inventory=far))) == {0}


def refused(argv: list[str]) -> str:
    with pytest.raises(AssertionError) as failed:
        run(argv)
    return str(failed.value)
