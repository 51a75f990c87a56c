# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes to compare every node of a large cluster with what flannel has to have there. Nobody holds all nodes at once."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import json
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

import measure  # noqa: E402  # the path comes first
import synthetic_cluster as synthetic  # noqa: E402  # the path comes first

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, net_conf, snapshot  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import comparison, nodes, table  # noqa: E402  # the same
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import Mesh  # noqa: E402  # the same

BACKENDS: dict[str, dict[str, t.Any]] = {
    "vxlan": {"Type": "vxlan"},
    "DirectRouting": {"Type": "vxlan", "DirectRouting": True},
    "host-gw": {"Type": "host-gw"},
}
#: Nodes, and the goal in seconds. 1 GiB is that of the memory.
SIZES = {250: 0.0, 500: 0.0, 1000: 5.0, 5000: 30.0}
BYTES = 2**30
PROCESSES = 2


@dataclasses.dataclass(frozen=True)
class Whole:
    """A cluster, and what all of its nodes together have for each other: a node has all of it but for its own part."""

    mesh: Mesh
    members: tuple[cluster.Node, ...]
    routes: tuple[snapshot.Route, ...]
    neighbours: tuple[snapshot.Neighbour, ...]
    fdb: tuple[snapshot.FdbEntry, ...]


def whole(count: int, backend: dict[str, t.Any]) -> Whole:
    members = tuple(_announced(synthetic.node(number), number, backend["Type"]) for number in range(count))
    text = json.dumps({"Network": synthetic.NETWORK, "Backend": backend})
    mesh = Mesh(table.settings(net_conf.parse(text, "net-conf.json"), "net-conf.json"), map(nodes.peer, members))
    below = nodes.Underlay("eth0", 1500)
    near = bool(backend.get("DirectRouting"))
    ways = [mesh.settings.backend.way(mesh.settings, mesh.peers[member.name], below, near) for member in members]
    return Whole(
        mesh,
        members,
        tuple(snapshot.Route(*key[:3], onlink=key[3]) for way in ways for key in way.routes),
        tuple(snapshot.Neighbour(*key, state="PERMANENT") for way in ways for key in way.neighbours),
        tuple(snapshot.FdbEntry(*key, flags=("self",)) for way in ways for key in way.fdb),
    )


def _announced(node: cluster.Node, number: int, kind: str) -> cluster.Node:
    mac = f"aa:00:{number >> 24 & 255:02x}:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"
    data = json.dumps({"VNI": 1, "VtepMAC": mac}) if kind == "vxlan" else "null"
    said = {nodes.MANAGED: "true", nodes.KIND: kind, nodes.DATA: data, nodes.ADDRESS: node.internal_ips[0]}
    return dataclasses.replace(node, annotations={f"{nodes.PREFIX}{key}": value for key, value in said.items()})


def _seen(made: Whole, place: int) -> snapshot.NodeSnapshot:
    """The node as it is to be: the whole but for its own part, and what it has of itself."""
    member = made.members[place]
    below = nodes.Underlay("eth0", 1500, member.internal_ips[0])
    own = made.mesh.settings.backend.own(made.mesh.settings, made.mesh.peers[member.name], below)
    card = snapshot.Link("eth0", mtu=1500, up=True)
    return snapshot.NodeSnapshot(
        member.name,
        links=(card, *own.links),
        addresses=(snapshot.Address("eth0", member.internal_ips[0], 16), *(snapshot.Address(*item) for item in own.addresses)),
        routes=(snapshot.Route("172.30.0.0/16", device="eth0"), *made.routes[:place], *made.routes[place + 1 :]),
        neighbours=made.neighbours[:place] + made.neighbours[place + 1 :],
        fdb=made.fdb[:place] + made.fdb[place + 1 :],
        chains=(snapshot.Chain("nft", 4, "nat", "FLANNEL-POSTRTG", owner="flannel"),),
        conflists=(snapshot.Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", wins=True, owner="flannel"),),
        listeners=own.listeners,
    )


def compare(count: int, kind: str, part: int) -> float:
    """Seconds for every node of one part of the cluster; what makes their snapshots is not counted."""
    made = whole(count, BACKENDS[kind])
    spent = 0.0
    for place in range(part, count, PROCESSES):
        seen, member = _seen(made, place), made.members[place]
        began = time.perf_counter()
        below = nodes.underlay(member, seen)
        near = nodes.near(made.mesh.peers.values(), seen, made.mesh.settings.networks) if kind == "DirectRouting" else frozenset[str]()
        found = comparison.compare(made.mesh.expectation(member.name, below, near), seen)
        spent += time.perf_counter() - began
        if {item.item for item in found} - {"subnet-env"}:
            raise RuntimeError(f"the node that is right differs: {found[:3]}")
    return spent


def main() -> None:
    """Prints a line for each size and backend."""
    print(
        f"\nEvery node compared with what flannel has to have there, by {PROCESSES} processes (goals: 5 s for 1,000, 30 s for 5,000; 1 GiB)"
    )
    for kind in BACKENDS:
        for count, goal in SIZES.items():
            run = measure.run_process([sys.executable, __file__, str(count), kind])
            seconds, size = json.loads(run.output), run.peak_bytes / 2**20
            verdict = "" if not goal else "goal met" if seconds < goal and run.peak_bytes < BYTES else "goal MISSED"
            print(f"  {kind:<14} {count:5,} nodes {count * (count - 1):11,} routes {seconds:7.2f} s {size:6.0f} MiB   {verdict}")


if __name__ == "__main__":
    if len(sys.argv) == 3:
        with concurrent.futures.ProcessPoolExecutor(PROCESSES) as pool:
            print(max(pool.map(compare, *zip(*((int(sys.argv[1]), sys.argv[2], part) for part in range(PROCESSES)), strict=True))))
    else:
        main()
