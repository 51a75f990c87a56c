# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three nodes as flannel has them, with what is right and whatever a test puts wrong."""

from __future__ import annotations

import dataclasses
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, net_conf, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes, table
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import FlannelExpectation, Mesh

NETWORK, NETWORK_V6 = "10.244.0.0/16", "fd00:10::/56"
NAMES = ("n1", "n2", "n3")


def address(number: int) -> str:
    """n3 is behind a router."""
    return f"192.168.{60 if number == 3 else 50}.1{number}"


def mac(number: int) -> str:
    return f"aa:00:00:00:00:0{number}"


def node(number: int, kind: str = "vxlan", *, dual: bool = False, **annotations: str) -> cluster.Node:
    data = json.dumps({"VNI": 1, "VtepMAC": mac(number)}) if kind == "vxlan" else "null"
    said = {nodes.MANAGED: "true", nodes.KIND: kind, nodes.DATA: data, nodes.ADDRESS: address(number)}
    if dual:
        said |= {nodes.ADDRESS_V6: f"fd00:50::1{number}", nodes.DATA_V6: json.dumps({"VNI": 1, "VtepMAC": f"bb:00:00:00:00:0{number}"})}
    said |= annotations
    return cluster.Node(
        f"n{number}",
        ready=True,
        internal_ips=(address(number),),
        pod_cidrs=(f"10.244.{number}.0/24", *([f"fd00:10:0:{number}::/64"] if dual else [])),
        annotations={f"{nodes.PREFIX}{key}": value for key, value in said.items() if value},
    )


def settings(backend: dict[str, t.Any], *, dual: bool = False, nftables: bool = False) -> table.Settings:
    more = {"EnableIPv6": True, "IPv6Network": NETWORK_V6} if dual else {}
    text = json.dumps({"Network": NETWORK, "EnableNFTables": nftables, **more, "Backend": backend})
    return table.settings(net_conf.parse(text, "net-conf.json"), "net-conf.json")


def mesh(backend: dict[str, t.Any], *, dual: bool = False, nftables: bool = False, **kinds: str) -> Mesh:
    """Every node announces that backend, or the one of ``kinds`` for its name."""
    announced = "" if backend["Type"] == "udp" else backend["Type"]
    members = [nodes.peer(node(number, kinds.get(f"n{number}", announced), dual=dual)) for number in (1, 2, 3)]
    return Mesh(settings(backend, dual=dual, nftables=nftables), members)


def bare(number: int) -> model.NodeSnapshot:
    """The node below flannel: its card, its addresses, and a router to the other subnet."""
    subnet = address(number).rpartition(".")[0]
    return model.NodeSnapshot(
        f"n{number}",
        links=(model.Link("lo", up=True), model.Link("eth0", mtu=1500, up=True, mac="02:00:00:00:00:01")),
        addresses=(
            model.Address("lo", "127.0.0.1", 8, scope="host"),
            model.Address("eth0", address(number), 24),
            model.Address("eth0", f"fd00:50::1{number}", 64, 6),
        ),
        routes=(
            model.Route(f"{subnet}.0/24", device="eth0", protocol="kernel", scope="link"),
            model.Route("0.0.0.0/0", gateway=f"{subnet}.1", device="eth0"),
            model.Route(f"{address(number)}/32", device="eth0", kind="local", table="local", protocol="kernel"),
        ),
    )


def expectation(whole: Mesh, number: int) -> FlannelExpectation:
    """What one node of the mesh has to have."""
    seen = bare(number)
    below = nodes.underlay(node(number), seen)
    return whole.expectation(f"n{number}", below, nodes.near(whole.peers.values(), seen, whole.settings.networks))


def healthy(expected: FlannelExpectation) -> model.NodeSnapshot:
    """A node that has all of it, with two pods on it."""
    number = int(expected.peer.name[1:])
    seen = bare(number)
    subnet = expected.peer.subnet
    routes = [model.Route(*key[:3], onlink=key[3]) for key in sorted(expected.routes | set(expected.own.routes))]
    chains = [model.Chain("nft", 4, "nat", "FLANNEL-POSTRTG"), model.Chain("nft", 4, "filter", "FLANNEL-FWD")]
    tables = (model.NftTable("ip", "flannel-ipv4"),)
    nftables = expected.settings.nftables
    conflist = model.Conflist("/etc/cni/net.d/10-flannel.conflist", "cbr0", plugins=("flannel", "portmap"), wins=True)
    return ownership.attribute(
        dataclasses.replace(
            seen,
            links=(
                *seen.links,
                *expected.own.links,
                model.Link("cni0", "bridge", expected.mtu, up=True),
                model.Link("veth1", "veth", expected.mtu, up=True, master="cni0"),
            ),
            addresses=(
                *seen.addresses,
                *(model.Address(device, own, bits, 6 if ":" in own else 4) for device, own, bits in expected.own.addresses),
                model.Address("cni0", f"10.244.{number}.1", 24),
            ),
            routes=(*seen.routes, *routes, model.Route(subnet, device="cni0", protocol="kernel", scope="link")),
            neighbours=tuple(model.Neighbour(*key, state="PERMANENT") for key in sorted(expected.neighbours)),
            fdb=tuple(model.FdbEntry(*key, state="permanent", flags=("self",)) for key in sorted(expected.fdb)),
            chains=() if nftables else tuple(chains),
            nft_tables=tables if nftables else (),
            conflists=(conflist,),
            listeners=expected.own.listeners,
            subnet_env={**expected.subnet_env, "FLANNEL_IPMASQ": "true"},
        )
    )
