# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Node n1 of three with all that it has to have, and one thing put wrong."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import comparison, difference, nodes
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import DIFFERENT, EXTRA, MISSING
from tests.support import backend_cases as cases

BACKENDS: list[dict[str, t.Any]] = [
    {"Type": "vxlan"},
    {"Type": "vxlan", "VNI": 7, "Port": 4789},
    {"Type": "vxlan", "DirectRouting": True},
    {"Type": "host-gw"},
    {"Type": "udp"},
    {"Type": "wireguard"},
    {"Type": "ipip"},
    {"Type": "ipip", "DirectRouting": True},
]


def differences(backend: dict[str, t.Any], wrong: t.Callable[[model.NodeSnapshot], model.NodeSnapshot], **more: t.Any) -> list[str]:
    """Kind, item and name of what differs on n1."""
    expected = cases.expectation(cases.mesh(backend, **more), 1)
    seen = ownership.attribute(wrong(cases.healthy(expected)))
    return [f"{found.kind} {found.item} {found.name}" for found in comparison.compare(expected, seen)]


def same(seen: model.NodeSnapshot) -> model.NodeSnapshot:
    return seen


def put(field: str, *items: t.Any) -> t.Callable[[model.NodeSnapshot], model.NodeSnapshot]:
    return lambda seen: dataclasses.replace(seen, **{field: (*getattr(seen, field), *items)})


def take(field: str, which: t.Callable[[t.Any], bool]) -> t.Callable[[model.NodeSnapshot], model.NodeSnapshot]:
    return lambda seen: dataclasses.replace(seen, **{field: tuple(item for item in getattr(seen, field) if not which(item))})


def change(field: str, which: t.Callable[[t.Any], bool], **values: t.Any) -> t.Callable[[model.NodeSnapshot], model.NodeSnapshot]:
    return lambda seen: dataclasses.replace(
        seen, **{field: tuple(dataclasses.replace(item, **values) if which(item) else item for item in getattr(seen, field))}
    )


def named(name: str) -> t.Callable[[t.Any], bool]:
    return lambda item: bool(item.name == name)


def to_n2(item: t.Any) -> bool:
    return "10.244.2." in getattr(item, "destination", "") + getattr(item, "address", "")


@pytest.mark.parametrize("backend", BACKENDS, ids=str)
@pytest.mark.parametrize("more", [{}, {"nftables": True}, {"dual": True}], ids=str)
def test_a_node_that_is_right(backend: dict[str, t.Any], more: dict[str, bool]) -> None:
    if "dual" in more and backend["Type"] in ("udp", "ipip"):
        return  # they carry IPv4 alone: test_table.py
    assert differences(backend, same, **more) == []


def veth(name: str) -> model.Link:
    return model.Link(name, "veth", 1450, state="UP", up=True)


VXLAN = {"Type": "vxlan"}
OTHER_TUNNEL = model.Link("flannel.7", "vxlan", 1450, up=True, vxlan=model.Vxlan(7, 8472, "192.168.50.11", "eth0"))


@pytest.mark.parametrize(
    ("backend", "wrong", "found"),
    [
        pytest.param(VXLAN, take("links", named("flannel.1")), ["missing link flannel.1"], id="no device"),
        pytest.param(VXLAN, change("links", named("flannel.1"), up=False), ["different link flannel.1 state"], id="down"),
        pytest.param(VXLAN, change("links", named("flannel.1"), mtu=1500), ["different link flannel.1 MTU"], id="MTU"),
        pytest.param(VXLAN, put("links", OTHER_TUNNEL), ["extra link flannel.7"], id="another number's device"),
        pytest.param(
            VXLAN,
            change("links", named("flannel.1"), vxlan=model.Vxlan(1, 4789, "192.168.50.99", "eth1", learning=True)),
            [
                "different link flannel.1 port",
                "different link flannel.1 local address",
                "different link flannel.1 device below",
                "different link flannel.1 learning",
            ],
            id="the tunnel's values",
        ),
        pytest.param(
            VXLAN,
            change("links", named("flannel.1"), mac="aa:00:00:00:00:99"),
            ["different annotation VtepMAC of flannel.1"],
            id="a MAC that is not the announced one",
        ),
        pytest.param(VXLAN, take("addresses", lambda item: item.device == "flannel.1"), ["missing address 10.244.1.0/32"], id="no address"),
        pytest.param(
            VXLAN, put("addresses", model.Address("flannel.1", "10.244.9.0", 32)), ["extra address 10.244.9.0/32"], id="an address of old"
        ),
        pytest.param(
            VXLAN,
            change("addresses", lambda item: item.device == "cni0", address="10.244.9.1"),
            ["different address cni0"],
            id="a bridge of another range",
        ),
        pytest.param(VXLAN, take("routes", to_n2), ["missing route 10.244.2.0/24"], id="no route"),
        pytest.param(
            VXLAN,
            change("routes", to_n2, gateway="192.168.50.12", device="eth0", onlink=False),
            ["missing route 10.244.2.0/24", "extra route 10.244.2.0/24"],
            id="another backend's route",
        ),
        pytest.param(
            VXLAN,
            put("routes", model.Route("10.244.9.0/24", gateway="10.244.9.0", device="flannel.1", onlink=True)),
            ["extra route 10.244.9.0/24"],
            id="a route to a node that is gone",
        ),
        pytest.param(
            {"Type": "udp"},
            put("routes", model.Route("10.244.2.0/24", gateway="192.168.50.12", device="eth0")),
            ["extra route 10.244.2.0/24"],
            id="a narrow route of old wins over udp's wide one",
        ),
        pytest.param(
            {"Type": "host-gw"},
            put("links", model.Link("flannel0", "tun", 1472, up=True)),
            ["extra link flannel0"],
            id="a device where there is to be none",
        ),
        pytest.param(VXLAN, take("neighbours", to_n2), ["missing neighbour 10.244.2.0"], id="no neighbour"),
        pytest.param(
            VXLAN, change("neighbours", to_n2, state="STALE"), ["missing neighbour 10.244.2.0"], id="a neighbour that does not stay"
        ),
        pytest.param(
            VXLAN,
            put("neighbours", model.Neighbour("10.244.9.0", "flannel.1", "aa:00:00:00:00:09", "PERMANENT")),
            ["extra neighbour 10.244.9.0"],
            id="a neighbour that is gone",
        ),
        pytest.param(VXLAN, take("fdb", lambda item: item.mac == cases.mac(2)), [f"missing fdb {cases.mac(2)}"], id="no entry"),
        pytest.param(
            VXLAN,
            put("fdb", model.FdbEntry(cases.mac(2), "flannel.1", "192.168.50.99", "permanent", ("self",))),
            [f"extra fdb {cases.mac(2)}"],
            id="an entry to two nodes",
        ),
        pytest.param(VXLAN, lambda seen: dataclasses.replace(seen, listeners=()), ["missing listener UDP 8472"], id="nobody listens"),
        pytest.param(
            {"Type": "udp"},
            lambda seen: dataclasses.replace(seen, listeners=(model.Listener(8285, "192.168.50.99"),)),
            ["missing listener UDP 8285"],
            id="it listens elsewhere",
        ),
        pytest.param(VXLAN, change("links", named("veth1"), mtu=1500), ["different pod-link veth1 MTU"], id="a pod of old"),
        pytest.param({"Type": "host-gw"}, change("links", named("veth1"), mtu=1450), [], id="a pod with a smaller MTU is no harm"),
        pytest.param(
            VXLAN, lambda seen: dataclasses.replace(seen, subnet_env={}), ["missing subnet-env /run/flannel/subnet.env"], id="no subnet.env"
        ),
        pytest.param(
            VXLAN,
            lambda seen: dataclasses.replace(seen, subnet_env={**seen.subnet_env, "FLANNEL_MTU": "1500"}),
            ["different subnet-env FLANNEL_MTU"],
            id="subnet.env of old",
        ),
        pytest.param(
            VXLAN,
            lambda seen: dataclasses.replace(seen, chains=()),
            ["missing rules iptables chain FLANNEL-POSTRTG"],
            id="no rules",
        ),
        pytest.param(
            VXLAN, put("nft_tables", model.NftTable("ip", "flannel-ipv4")), ["extra rules nftables table flannel-ipv4"], id="rules in both"
        ),
        pytest.param(
            VXLAN, lambda seen: dataclasses.replace(seen, conflists=()), ["different conflist the one that wins"], id="no configuration"
        ),
        pytest.param(
            VXLAN,
            lambda seen: put("routes", model.Route("10.244.1.77/32", device="cali0123456789a", protocol="80"))(
                put("links", veth("cali0123456789a"))(seen)
            ),
            [],
            id="a pod of Calico's on its way",
        ),
        pytest.param(VXLAN, put("routes", model.Route("10.0.0.0/8", gateway="192.168.50.1", device="eth0")), [], id="a wider route"),
    ],
)
def test_one_thing_is_wrong(
    backend: dict[str, t.Any], wrong: t.Callable[[model.NodeSnapshot], model.NodeSnapshot], found: list[str]
) -> None:
    assert differences(backend, wrong) == found


def test_nftables_and_what_its_predecessor_left() -> None:
    chain = model.Chain("legacy", 4, "filter", "FLANNEL-FWD")
    assert differences(VXLAN, put("chains", chain), nftables=True) == ["extra rules chain FLANNEL-FWD"]
    assert differences(VXLAN, lambda seen: dataclasses.replace(seen, nft_tables=()), nftables=True) == [
        "missing rules nftables table flannel-ipv4"
    ]


@pytest.mark.parametrize(
    ("backend", "announced", "found"),
    [
        (VXLAN, "host-gw", ["different annotation backend-type"]),
        ({"Type": "udp"}, "vxlan", ["different annotation backend-type"]),
        ({"Type": "udp"}, "", []),
    ],
)
def test_a_node_that_still_announces_another_backend(backend: dict[str, t.Any], announced: str, found: list[str]) -> None:
    assert differences(backend, same, n1=announced) == found


def test_a_node_that_announces_nothing() -> None:
    whole = cases.mesh(VXLAN)
    right = cases.expectation(whole, 1)
    silent = dataclasses.replace(right, peer=nodes.peer(dataclasses.replace(cases.node(1), annotations={})))
    assert [(found.kind, found.item) for found in comparison.compare(silent, cases.healthy(right))] == [(MISSING, "annotation")]


def test_a_node_whose_address_is_none() -> None:
    whole = cases.mesh(VXLAN)
    broken = nodes.peer(cases.node(1, **{nodes.ADDRESS: "192.168.50"}))
    seen = cases.expectation(whole, 1)
    found = comparison.compare(dataclasses.replace(seen, peer=broken), cases.healthy(seen))
    assert [str(item) for item in found] == [
        "n1: different annotation public-ip: 192.168.50 instead of an address "
        "(no other node has a way to this one's pods: see flannel's pod there)"
    ]
    others = type(whole)(whole.settings, [broken, *(peer for peer in whole.peers.values() if peer.name != "n1")])
    assert [route[0] for route in cases.expectation(others, 2).routes] == ["10.244.3.0/24"]


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (MISSING, "n1: missing route 10.244.2.0/24: via 10.244.2.0 dev flannel.1 (lost)"),
        (EXTRA, "n1: extra route 10.244.2.0/24: dev eth0 (lost)"),
        (DIFFERENT, "n1: different route 10.244.2.0/24: dev eth0 instead of via 10.244.2.0 dev flannel.1 (lost)"),
    ],
)
def test_in_words(kind: str, words: str) -> None:
    found = difference.Difference("n1", kind, "route", "10.244.2.0/24", "via 10.244.2.0 dev flannel.1", "dev eth0", "lost")
    assert str(found) == words
