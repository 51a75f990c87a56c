# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three nodes with pods and kube-proxy's rules, for packets to travel in: each backend of flannel, and Calico."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.services import Port, Service
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from tests.support import backend_cases as cases

#: Pod -> (node, address). The Service has b and c behind it.
PODS = {"a": (1, "10.244.1.5"), "a2": (1, "10.244.1.6"), "b": (2, "10.244.2.5"), "c": (3, "10.244.3.5")}
SERVICE, NODE_PORT, EXTERNAL = "10.96.0.9", 30080, "192.168.50.11"
SERVICES = (Service("default", "web", (SERVICE,), (EXTERNAL,), (Port("http", 80, "tcp", NODE_PORT),)),)

Change = t.Callable[[model.NodeSnapshot], model.NodeSnapshot]

NAT = {
    "PREROUTING": ["-j KUBE-SERVICES"],
    "OUTPUT": ["-j KUBE-SERVICES"],
    "POSTROUTING": ["-j KUBE-POSTROUTING", "-j FLANNEL-POSTRTG"],
    "KUBE-SERVICES": [
        f"-d {SERVICE}/32 -p tcp -m tcp --dport 80 -j KUBE-SVC-WEB",
        f"-d {EXTERNAL}/32 -p tcp -m tcp --dport 80 -j KUBE-EXT-WEB",
        "-m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    ],
    "KUBE-NODEPORTS": [f"-p tcp -m tcp --dport {NODE_PORT} -j KUBE-EXT-WEB"],
    "KUBE-EXT-WEB": ["-j KUBE-MARK-MASQ", "-j KUBE-SVC-WEB"],
    "KUBE-SVC-WEB": [
        f"! -s 10.244.0.0/16 -d {SERVICE}/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ",
        "-m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-B",
        "-j KUBE-SEP-C",
    ],
    "KUBE-SEP-B": ["-s 10.244.2.5/32 -j KUBE-MARK-MASQ", "-p tcp -m tcp -j DNAT --to-destination 10.244.2.5:8080"],
    "KUBE-SEP-C": ["-s 10.244.3.5/32 -j KUBE-MARK-MASQ", "-p tcp -m tcp -j DNAT --to-destination 10.244.3.5:8080"],
    "KUBE-MARK-MASQ": ["-j MARK --set-xmark 0x4000/0x4000"],
    "KUBE-POSTROUTING": ["-m mark ! --mark 0x4000/0x4000 -j RETURN", "-j MARK --set-xmark 0x4000/0x0", "-j MASQUERADE --random-fully"],
    "FLANNEL-POSTRTG": [
        "-s 10.244.0.0/16 -d 10.244.0.0/16 -j RETURN",
        "-s 10.244.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully",
    ],
}
FILTER = {
    "INPUT": [],
    "OUTPUT": [],
    "FORWARD": ["-j KUBE-FORWARD", "-j FLANNEL-FWD"],
    "KUBE-FORWARD": ["-m mark --mark 0x4000/0x4000 -j ACCEPT", "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"],
    "FLANNEL-FWD": ["-s 10.244.0.0/16 -j ACCEPT", "-d 10.244.0.0/16 -j ACCEPT"],
}
BUILT_IN = ("PREROUTING", "INPUT", "OUTPUT", "FORWARD", "POSTROUTING")


def chains(table: str, rules: t.Mapping[str, t.Sequence[str]]) -> tuple[model.Chain, ...]:
    return tuple(
        model.Chain("legacy", 4, table, name, "ACCEPT" if name in BUILT_IN else "-", tuple(map(model.Rule, texts)))
        for name, texts in rules.items()
    )


def local(address: str, device: str) -> model.Route:
    return model.Route(f"{address}/32", device=device, kind="local", table="local")


def with_pods(seen: model.NodeSnapshot, number: int) -> model.NodeSnapshot:
    """The pods of the node on its bridge, which knows them, and the rules of kube-proxy and flannel."""
    mine = {name: address for name, (node, address) in PODS.items() if node == number}
    macs = {name: f"0a:00:00:00:0{number}:{place:02x}" for place, name in enumerate(mine)}
    return dataclasses.replace(
        seen,
        links=(*seen.links, *(model.Link(f"veth-{name}", "veth", 1450, up=True, master="cni0") for name in mine)),
        routes=(
            *seen.routes,
            local(f"10.244.{number}.1", "cni0"),
            *(local(item.address, item.device) for item in seen.addresses if item.device.startswith("flannel")),
        ),
        neighbours=(*seen.neighbours, *(model.Neighbour(address, "cni0", macs[name]) for name, address in mine.items())),
        fdb=(*seen.fdb, *(model.FdbEntry(macs[name], f"veth-{name}") for name in mine)),
        chains=(*chains("nat", NAT), *chains("filter", FILTER)),
        sysctls={"net.ipv4.ip_forward": "1", "net.bridge.bridge-nf-call-iptables": "1"},
    )


def pod(which: str, /, **changes: t.Any) -> cluster.Pod:
    number, address = PODS[which]
    return dataclasses.replace(
        cluster.Pod("default", which, uid=f"uid-{which}", node=f"n{number}", ips=(address,), phase="Running", ready=True), **changes
    )


def flannel(backend: dict[str, t.Any], *pods: cluster.Pod, **changes: Change) -> World:
    """A cluster with that backend; ``changes`` are by the node's name, what is put wrong there."""
    mesh = cases.mesh(backend)
    snapshots = {}
    for number in (1, 2, 3):
        seen = with_pods(cases.healthy(cases.expectation(mesh, number)), number)
        changed = changes[f"n{number}"](seen) if f"n{number}" in changes else seen
        snapshots[f"n{number}"] = ownership.attribute(changed)
    kind = "" if backend["Type"] == "udp" else backend["Type"]
    members = tuple(cases.node(number, kind) for number in (1, 2, 3))
    return World(cluster.ClusterSnapshot(nodes=members, pods=(*map(pod, PODS), *pods)), snapshots)


def without(field: str, keep: t.Callable[[t.Any], bool]) -> Change:
    """Only those items of a snapshot that are to be kept."""
    return lambda seen: dataclasses.replace(seen, **{field: tuple(item for item in getattr(seen, field) if keep(item))})


def more(field: str, *items: t.Any) -> Change:
    """Items more than there should be."""
    return lambda seen: dataclasses.replace(seen, **{field: (*getattr(seen, field), *items)})


def both(one: Change, other: Change) -> Change:
    return lambda seen: other(one(seen))


def sysctl(name: str, value: str) -> Change:
    return lambda seen: dataclasses.replace(seen, sysctls={**seen.sysctls, name: value})


def filtering(**rules: t.Sequence[str]) -> Change:
    """Other rules in chains of the table filter."""
    return lambda seen: dataclasses.replace(seen, chains=(*chains("nat", NAT), *chains("filter", {**FILTER, **rules})))


def calico(**changes: Change) -> World:
    """Calico with VXLAN on two nodes: a route for each pod, a block for each node, and a tunnel device."""

    def node(number: int, other: int) -> model.NodeSnapshot:
        name = next(name for name, (place, _address) in PODS.items() if place == number)
        tunnel = model.Vxlan(4096, 4789, cases.address(number), "eth0")
        bare = cases.bare(number)
        return dataclasses.replace(
            bare,
            links=(
                *bare.links,
                model.Link("vxlan.calico", "vxlan", 1450, up=True, mac=cases.mac(number), vxlan=tunnel),
                model.Link(f"cali-{name}", "veth", 1450, up=True),
            ),
            addresses=(*bare.addresses, model.Address("vxlan.calico", f"10.244.{number}.0", 32)),
            routes=(
                *bare.routes,
                local(f"10.244.{number}.0", "vxlan.calico"),
                model.Route(f"10.244.{other}.0/26", gateway=f"10.244.{other}.0", device="vxlan.calico", onlink=True, owner="calico"),
                model.Route(f"10.244.{number}.0/26", kind="blackhole", owner="calico"),
                model.Route(f"{PODS[name][1]}/32", device=f"cali-{name}", scope="link", owner="calico"),
            ),
            neighbours=(model.Neighbour(f"10.244.{other}.0", "vxlan.calico", cases.mac(other), "PERMANENT"),),
            fdb=(model.FdbEntry(cases.mac(other), "vxlan.calico", cases.address(other)),),
            chains=(
                *chains(
                    "nat",
                    {
                        "POSTROUTING": [
                            "-m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE"
                        ]
                    },
                ),
                *chains(
                    "filter", {"FORWARD": ["-i cali+ -j cali-from", "-j ACCEPT"], "cali-from": ["-m set --match-set cali40s:x src -j DROP"]}
                ),
            ),
            sysctls={"net.ipv4.ip_forward": "1"},
        )

    pools = (cluster.IPPool("default", "10.244.0.0/16", vxlan_mode="Always", nat_outgoing=True),)
    blocks = tuple(cluster.IPAMBlock(f"10.244.{number}.0/26", f"n{number}") for number in (1, 2))
    seen = cluster.ClusterSnapshot(
        nodes=tuple(cases.node(number) for number in (1, 2)),
        pods=(pod("a"), pod("b")),
        calico=cluster.Calico(pools=pools, blocks=blocks),
    )
    snapshots = {"n1": node(1, 2), "n2": node(2, 1)}
    return World(seen, {name: changes[name](found) if name in changes else found for name, found in snapshots.items()})
