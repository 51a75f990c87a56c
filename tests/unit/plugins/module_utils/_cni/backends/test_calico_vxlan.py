# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Calico with VXLAN has to have. The node that is right is one of the lab's, as its kernel told it."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico as calico_objects
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import calico_vxlan, comparison
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.calico_vxlan import CalicoMesh
from tests.support.path_cases import more, without

MACS = {"n1": "66:40:b3:ea:b6:3f", "n2": "66:40:24:34:76:fc", "n3": "66:26:c2:ce:28:d0"}
BLOCKS = {"n1": "10.244.0.192/26", "n2": "10.244.2.192/26", "n3": "10.244.1.192/26"}
POOL = cluster.IPPool("default", "10.244.0.0/16", vxlan_mode="Always")


def node(name: str, **said: str) -> cluster.Node:
    own = {calico_vxlan.ADDRESS: f"172.30.0.1{name[1]}/24", calico_vxlan.TUNNEL: BLOCKS[name].partition("/")[0], **said}
    annotations = {f"{calico_vxlan.PREFIX}{key}": value for key, value in own.items() if value}
    return cluster.Node(name, internal_ips=(f"172.30.0.1{name[1]}",), annotations=annotations)


NODES = tuple(map(node, BLOCKS))
CALICO = cluster.Calico(pools=(POOL,), blocks=tuple(cluster.IPAMBlock(cidr, name) for name, cidr in BLOCKS.items()))
RIGHT = ownership.attribute(
    model.NodeSnapshot(
        "n1",
        links=(
            model.Link("eth0", mtu=1500, up=True),
            model.Link("vxlan.calico", "vxlan", 1450, up=True, mac=MACS["n1"], vxlan=model.Vxlan(4096, 4789, "172.30.0.11", "eth0")),
            model.Link("cali1645ce027d5", "veth", 1450, up=True, mac="ee:ee:ee:ee:ee:ee"),
        ),
        addresses=(model.Address("eth0", "172.30.0.11", 24), model.Address("vxlan.calico", "10.244.0.192", 32)),
        routes=(
            model.Route("0.0.0.0/0", gateway="172.30.0.1", device="eth0"),
            model.Route("172.30.0.0/24", device="eth0", protocol="kernel", scope="link"),
            model.Route("fe80::/64", device="vxlan.calico", protocol="kernel", family=6),
            model.Route("10.244.0.192/26", protocol="80", kind="blackhole"),
            model.Route("10.244.0.193/32", device="cali1645ce027d5", protocol="80", scope="link"),
            model.Route("10.244.1.192/32", device="vxlan.calico", protocol="80", scope="link"),
            model.Route("10.244.1.192/26", gateway="10.244.1.192", device="vxlan.calico", protocol="80", onlink=True),
            model.Route("10.244.2.192/32", device="vxlan.calico", protocol="80", scope="link"),
            model.Route("10.244.2.192/26", gateway="10.244.2.192", device="vxlan.calico", protocol="80", onlink=True),
        ),
        neighbours=tuple(model.Neighbour(BLOCKS[name].partition("/")[0], "vxlan.calico", MACS[name], "PERMANENT") for name in ("n2", "n3")),
        fdb=tuple(model.FdbEntry(MACS[name], "vxlan.calico", f"172.30.0.1{name[1]}", "permanent") for name in ("n2", "n3")),
        conflists=(model.Conflist("/etc/cni/net.d/10-calico.conflist", "k8s-pod-network", plugins=("calico", "portmap"), wins=True),),
        listeners=(model.Listener(4789),),
    )
)


def told(seen: model.NodeSnapshot, calico: cluster.Calico = CALICO, nodes: t.Sequence[cluster.Node] = NODES) -> list[str]:
    expected = CalicoMesh(calico, nodes).expected(nodes[0], ownership.attribute(seen))
    return [f"{item.kind} {item.item} {item.name}" for item in comparison.compare(expected, ownership.attribute(seen))]


def test_a_node_of_the_lab_has_all_of_it() -> None:
    assert told(RIGHT) == []


@pytest.mark.parametrize(("name", "expected"), MACS.items())
def test_the_tunnel_s_mac_follows_from_the_node_s_name(name: str, expected: str) -> None:
    assert calico_vxlan.mac(name) == expected


def test_older_versions_have_no_route_to_the_tunnel_s_other_end() -> None:
    assert told(without("routes", lambda route: route.scope != "link" or route.device != "vxlan.calico")(RIGHT)) == []


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        pytest.param(without("routes", lambda route: route.destination != BLOCKS["n2"]), "missing route 10.244.2.192/26", id="route"),
        pytest.param(without("routes", lambda route: route.kind != "blackhole"), "missing route 10.244.0.192/26", id="own block"),
        pytest.param(without("neighbours", lambda item: item.mac != MACS["n3"]), "missing neighbour 10.244.1.192", id="neighbour"),
        pytest.param(without("fdb", lambda item: item.mac != MACS["n3"]), f"missing fdb {MACS['n3']}", id="forwarding entry"),
        pytest.param(without("listeners", lambda _item: False), "missing listener UDP 4789", id="listener"),
        pytest.param(without("addresses", lambda item: item.device == "eth0"), "missing address 10.244.0.192/32", id="address"),
        pytest.param(
            more("routes", model.Route("10.244.9.0/26", gateway="10.244.9.0", device="vxlan.calico", protocol="80", onlink=True)),
            "extra route 10.244.9.0/26",
            id="a block of a node that is gone",
        ),
        pytest.param(more("links", model.Link("wireguard.cali", "wireguard", up=True)), "extra link wireguard.cali", id="another carrier"),
        pytest.param(
            lambda seen: dataclasses.replace(seen, links=tuple(dataclasses.replace(link, mtu=1500) for link in seen.links)),
            "different link vxlan.calico MTU",
            id="MTU",
        ),
        pytest.param(lambda seen: dataclasses.replace(seen, conflists=()), "different conflist the one that wins", id="conflist"),
    ],
)
def test_what_differs(change: t.Callable[[model.NodeSnapshot], model.NodeSnapshot], expected: str) -> None:
    assert told(change(RIGHT)) == [expected]


def test_in_one_subnet_cross_subnet_goes_by_the_node_itself() -> None:
    calico = dataclasses.replace(CALICO, pools=(dataclasses.replace(POOL, vxlan_mode="CrossSubnet"),))
    plain = [model.Route(BLOCKS[name], gateway=f"172.30.0.1{name[1]}", device="eth0", protocol="80") for name in ("n2", "n3")]
    kept = tuple(route for route in RIGHT.routes if not route.onlink)
    assert told(dataclasses.replace(RIGHT, routes=(*kept, *plain)), calico) == []
    assert "missing route 10.244.2.192/26" in told(RIGHT, calico)


def test_a_pod_with_an_address_of_another_node_s_block_has_its_own_route() -> None:
    blocks = tuple(dataclasses.replace(block, borrowed={"10.244.2.200": "n3"}) if block.node == "n2" else block for block in CALICO.blocks)
    calico = dataclasses.replace(CALICO, blocks=blocks)
    assert told(RIGHT, calico) == ["missing route 10.244.2.200/32"]
    route = model.Route("10.244.2.200/32", gateway="10.244.1.192", device="vxlan.calico", protocol="80", onlink=True)
    assert told(more("routes", route)(RIGHT), calico) == []


def test_felix_s_settings_of_the_tunnel() -> None:
    felix = {"metadata": {"name": "default"}, "spec": {"vxlanVNI": 5, "vxlanPort": 4790, "vxlanMTU": 1400}}
    found = calico_objects.discover(
        [], [], [], kept={"FelixConfiguration": [felix, {"metadata": {"name": "node.n1"}, "spec": {"vxlanVNI": 6}}]}
    )
    assert found is not None
    assert (found.vxlan_vni, found.vxlan_port, found.vxlan_mtu) == (5, 4790, 1400)
    calico = dataclasses.replace(CALICO, vxlan_vni=5, vxlan_port=4790, vxlan_mtu=1400)
    assert told(RIGHT, calico) == [
        "different link vxlan.calico MTU",
        "different link vxlan.calico VNI",
        "different link vxlan.calico port",
        "missing listener UDP 4790",
    ]


def test_a_mac_that_somebody_chose() -> None:
    chosen = (NODES[0], node("n2", **{calico_vxlan.MAC: "66:00:00:00:00:01"}), NODES[2])
    assert "missing fdb 66:00:00:00:00:01" in told(RIGHT, nodes=chosen)


def test_a_node_on_which_calico_has_not_started_is_not_waited_for() -> None:
    young = (NODES[0], NODES[1], node("n3", **{calico_vxlan.TUNNEL: ""}))
    assert {line.split()[0] for line in told(RIGHT, nodes=young)} == {"extra"}


@pytest.mark.parametrize(
    ("pools", "expected"),
    [
        ((POOL,), True),
        ((dataclasses.replace(POOL, vxlan_mode="CrossSubnet"),), True),
        ((POOL, cluster.IPPool("b", "10.9.0.0/16", ipip_mode="Always")), False),
        ((POOL, cluster.IPPool("b", "10.9.0.0/16", disabled=True)), True),
        ((POOL, cluster.IPPool("b", "fd00::/64", vxlan_mode="Always")), False),
        ((), False),
    ],
)
def test_where_that_is_known(pools: tuple[cluster.IPPool, ...], expected: bool) -> None:
    assert calico_vxlan.is_carried(cluster.Calico(pools=pools)) is expected
