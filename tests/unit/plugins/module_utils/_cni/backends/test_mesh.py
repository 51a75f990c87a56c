# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each backend has to have on node n1 of three: n2 is in its subnet, n3 is behind a router."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from tests.support import backend_cases as cases

VIA_TUNNEL = {("10.244.2.0/24", "10.244.2.0", "flannel.1", True), ("10.244.3.0/24", "10.244.3.0", "flannel.1", True)}
NEIGHBOURS = {("10.244.2.0", "flannel.1", cases.mac(2)), ("10.244.3.0", "flannel.1", cases.mac(3))}
FDB = {(cases.mac(2), "flannel.1", "192.168.50.12"), (cases.mac(3), "flannel.1", "192.168.60.13")}
DIRECT = {("10.244.2.0/24", "192.168.50.12", "eth0", False)}


def vxlan(number: int = 1, port: int = 8472, mtu: int = 1450, learning: bool = False) -> model.Link:
    tunnel = model.Vxlan(number, port, "192.168.50.11", "eth0", learning)
    return model.Link(f"flannel.{number}", "vxlan", mtu, up=True, mac=cases.mac(1), vxlan=tunnel)


@dataclasses.dataclass
class Wanted:
    mtu: int
    links: tuple[model.Link, ...] = ()
    routes: t.AbstractSet[t.Any] = frozenset()
    neighbours: t.AbstractSet[t.Any] = frozenset()
    fdb: t.AbstractSet[t.Any] = frozenset()
    listeners: tuple[model.Listener, ...] = ()


IPIP = model.Link("flannel.ipip", "ipip", 1480, up=True)


@pytest.mark.parametrize(
    ("backend", "wanted"),
    [
        pytest.param({"Type": "vxlan"}, Wanted(1450, (vxlan(),), VIA_TUNNEL, NEIGHBOURS, FDB, (model.Listener(8472),)), id="vxlan"),
        pytest.param(
            {"Type": "vxlan", "VNI": 7, "Port": 4789, "MTU": 1400, "Learning": True},
            Wanted(
                1350,
                (vxlan(7, 4789, 1350, learning=True),),
                {(cidr, via, "flannel.7", True) for cidr, via, _device, _onlink in VIA_TUNNEL},
                {(address, "flannel.7", mac) for address, _device, mac in NEIGHBOURS},
                {(mac, "flannel.7", outer) for mac, _device, outer in FDB},
                (model.Listener(4789),),
            ),
            id="vxlan with other values",
        ),
        pytest.param(
            {"Type": "vxlan", "DirectRouting": True},
            Wanted(
                1450,
                (vxlan(),),
                DIRECT | {("10.244.3.0/24", "10.244.3.0", "flannel.1", True)},
                {("10.244.3.0", "flannel.1", cases.mac(3))},
                {(cases.mac(3), "flannel.1", "192.168.60.13")},
                (model.Listener(8472),),
            ),
            id="vxlan with DirectRouting",
        ),
        pytest.param({"Type": "host-gw"}, Wanted(1500, routes=DIRECT | {("10.244.3.0/24", "192.168.60.13", "eth0", False)}), id="host-gw"),
        pytest.param(
            {"Type": "udp"},
            Wanted(1472, (model.Link("flannel0", "tun", 1472, up=True),), listeners=(model.Listener(8285, "192.168.50.11"),)),
            id="udp",
        ),
        pytest.param(
            {"Type": "wireguard"},
            Wanted(1420, (model.Link("flannel-wg", "wireguard", 1420, up=True),), listeners=(model.Listener(51820),)),
            id="wireguard",
        ),
        pytest.param(
            {"Type": "ipip"},
            Wanted(
                1480,
                (IPIP,),
                {("10.244.2.0/24", "192.168.50.12", "flannel.ipip", True), ("10.244.3.0/24", "192.168.60.13", "flannel.ipip", True)},
            ),
            id="ipip",
        ),
        pytest.param(
            {"Type": "ipip", "DirectRouting": True},
            Wanted(
                1480,
                (IPIP,),
                {("10.244.2.0/24", "192.168.50.12", "eth0", True), ("10.244.3.0/24", "192.168.60.13", "flannel.ipip", True)},
            ),
            id="ipip with DirectRouting",
        ),
    ],
)
def test_what_a_node_has_to_have(backend: dict[str, t.Any], wanted: Wanted) -> None:
    found = cases.expectation(cases.mesh(backend), 1)
    assert Wanted(found.mtu, found.own.links, found.routes, found.neighbours, found.fdb, found.own.listeners) == wanted
    assert found.own.addresses == tuple((link.name, "10.244.1.0", 32) for link in wanted.links)
    assert found.subnet_env == {"FLANNEL_MTU": str(wanted.mtu), "FLANNEL_NETWORK": "10.244.0.0/16", "FLANNEL_SUBNET": "10.244.1.1/24"}


@pytest.mark.parametrize(("backend", "device"), [("udp", "flannel0"), ("wireguard", "flannel-wg")])
def test_one_route_for_the_whole_network(backend: str, device: str) -> None:
    assert cases.expectation(cases.mesh({"Type": backend}), 1).own.routes == (("10.244.0.0/16", "", device, False),)


def test_dual_stack() -> None:
    expected = cases.expectation(cases.mesh({"Type": "vxlan"}, dual=True), 1)
    assert [link.name for link in expected.own.links] == ["flannel.1", "flannel-v6.1"]
    assert expected.own.links[1].vxlan == model.Vxlan(1, 8472, "fd00:50::11", "eth0")
    assert expected.own.addresses == (("flannel.1", "10.244.1.0", 32), ("flannel-v6.1", "fd00:10:0:1::", 128))
    assert ("fd00:10:0:2::/64", "fd00:10:0:2::", "flannel-v6.1", True) in expected.routes
    assert ("bb:00:00:00:00:02", "flannel-v6.1", "fd00:50::12") in expected.fdb
    assert expected.subnet_env["FLANNEL_IPV6_SUBNET"] == "fd00:10:0:1::1/64"
    assert {("fd00:10:0:2::/64", "fd00:50::12", "eth0", False), *DIRECT} <= cases.expectation(
        cases.mesh({"Type": "host-gw"}, dual=True), 1
    ).routes


def test_wireguard_has_a_device_for_each_family_or_one_for_both() -> None:
    separate = cases.expectation(cases.mesh({"Type": "wireguard"}, dual=True), 1).own
    assert [link.name for link in separate.links] == ["flannel-wg", "flannel-wg-v6"]
    assert separate.listeners == (model.Listener(51820), model.Listener(51821))
    both = cases.expectation(cases.mesh({"Type": "wireguard", "Mode": "auto"}, dual=True), 1).own
    assert [link.name for link in both.links] == ["flannel-wg"]
    assert both.listeners == (model.Listener(51820),)
    assert both.routes == (("10.244.0.0/16", "", "flannel-wg", False), ("fd00:10::/56", "", "flannel-wg", False))


@pytest.mark.parametrize(
    ("backend", "known"),
    [({"Type": "vxlan"}, {"10.244.2.0/24"}), ({"Type": "host-gw"}, {"10.244.2.0/24"}), ({"Type": "udp"}, set())],
)
def test_a_peer_that_announces_another_backend_is_not_heard(backend: dict[str, t.Any], known: set[str]) -> None:
    whole = cases.mesh(backend, n3="wireguard")
    assert {destination for destination, *_rest in cases.expectation(whole, 1).routes} == known
    assert ("n3" in [peer.name for peer in whole.heard]) is (backend["Type"] == "udp")


def test_a_node_that_flanneld_never_announced_has_no_ways() -> None:
    silent = nodes.peer(dataclasses.replace(cases.node(3), annotations={}))
    assert not silent.announced
    whole = cases.mesh({"Type": "vxlan"})
    members = [*(peer for peer in whole.peers.values() if peer.name != "n3"), silent]
    assert {route[0] for route in cases.expectation(type(whole)(whole.settings, members), 1).routes} == {"10.244.2.0/24"}


def test_the_device_below_has_an_address_of_the_node() -> None:
    below = nodes.underlay(cases.node(1), cases.bare(1))
    assert below == nodes.Underlay("eth0", 1500, "192.168.50.11", "fd00:50::11")


def test_behind_a_nat_the_node_s_own_address_counts() -> None:
    announced = cases.node(1, **{nodes.ADDRESS: "203.0.113.1"})
    assert nodes.underlay(announced, cases.bare(1)).address == "192.168.50.11"


def test_a_node_without_any_of_its_addresses() -> None:
    with pytest.raises(NodeError, match=r"node n2: no device has an address of the node \(192.168.50.12, 192.168.50.12\)"):
        nodes.underlay(cases.node(2), cases.bare(1))


def test_who_is_near_is_asked_of_the_network_below_alone() -> None:
    """A route that flannel made itself says nothing."""
    whole = cases.mesh({"Type": "vxlan"})
    seen = cases.bare(1)
    odd = (model.Route("10.244.0.0/16", device="eth0"), model.Route("192.168.60.13/32", gateway="192.168.50.1", device="eth0"))
    seen = dataclasses.replace(seen, routes=(*seen.routes, *odd))
    assert nodes.near(whole.peers.values(), seen, whole.settings.networks) == {"n1", "n2"}
