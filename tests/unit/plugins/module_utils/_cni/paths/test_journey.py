# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How packets travel: with each backend, through each kind of Service, and where they are lost."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account, flows
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Path
from tests.support import backend_cases, path_cases

VXLAN = {"Type": "vxlan"}
DIRECT = {"Type": "vxlan", "DirectRouting": True}
HOST_GW = {"Type": "host-gw"}
UDP = {"Type": "udp"}
WIREGUARD = {"Type": "wireguard"}
IPIP = {"Type": "ipip"}


def follow(world: t.Any, source: str, target: str) -> Account:
    (found,) = account.accounts(world, path_cases.SERVICES, [{"source": source, "target": target}])
    return found


def places(path: Path) -> list[str]:
    """Where the packet is seen, with the other end of the tunnel if it is in one."""
    return [
        f"{hop.node}:{hop.device}" + (f">{hop.outer.target}:{hop.outer.port}" if hop.outer else "") for hop in path.hops if hop.is_sighting
    ]


N2, N3 = backend_cases.address(2), backend_cases.address(3)
OUT, IN = ["n1:veth-a", "n1:cni0"], ["n2:cni0", "n2:veth-b"]


@pytest.mark.parametrize(
    ("backend", "between"),
    [
        pytest.param(VXLAN, ["n1:flannel.1", f"n1:eth0>{N2}:8472", f"n2:eth0>{N2}:8472", "n2:flannel.1"], id="vxlan"),
        pytest.param(
            {**VXLAN, "VNI": 7, "Port": 4789}, ["n1:flannel.7", f"n1:eth0>{N2}:4789", f"n2:eth0>{N2}:4789", "n2:flannel.7"], id="VNI"
        ),
        pytest.param(DIRECT, ["n1:eth0", "n2:eth0"], id="DirectRouting"),
        pytest.param(HOST_GW, ["n1:eth0", "n2:eth0"], id="host-gw"),
        pytest.param(UDP, ["n1:flannel0", f"n1:eth0>{N2}:8285", f"n2:eth0>{N2}:8285", "n2:flannel0"], id="udp"),
        pytest.param(WIREGUARD, ["n1:flannel-wg", f"n1:eth0>{N2}:51820", f"n2:eth0>{N2}:51820", "n2:flannel-wg"], id="wireguard"),
        pytest.param(IPIP, ["n1:flannel.ipip", f"n1:eth0>{N2}:0", f"n2:eth0>{N2}:0", "n2:flannel.ipip"], id="ipip"),
    ],
)
def test_from_node_to_node(backend: dict[str, t.Any], between: list[str]) -> None:
    found = follow(path_cases.flannel(backend), "pod/default/a", "pod/default/b:80")
    (journey,) = found.journeys
    assert places(journey.there) == [*OUT, *between, *IN]
    assert (journey.there.outcome, journey.there.probability, journey.there.doubts) == ("delivered", 1.0, ())
    assert journey.back is not None
    assert (journey.back.outcome, journey.back.last.packet.target) == ("delivered", "10.244.1.5")
    assert found.works


def test_beyond_a_router_direct_routing_wraps() -> None:
    (journey,) = follow(path_cases.flannel(DIRECT), "pod/default/a", "pod/default/c:80").journeys
    assert f"n1:eth0>{N3}:8472" in places(journey.there)


def test_on_one_node_the_bridge_switches() -> None:
    (journey,) = follow(path_cases.flannel(VXLAN), "pod/default/a", "pod/default/a2:80").journeys
    assert places(journey.there) == ["n1:veth-a", "n1:veth-a2"]  # as the lab's capture showed: nothing on cni0 itself
    assert not any(hop.what == "routed" for hop in journey.there.hops)


# Services


def test_a_service_divides_connections() -> None:
    found = follow(path_cases.flannel(VXLAN), "pod/default/a", "service/default/web:80")
    assert [(journey.there.probability, journey.there.last.packet.target) for journey in found.journeys] == [
        (0.5, "10.244.2.5"),
        (0.5, "10.244.3.5"),
    ]
    for journey in found.journeys:
        assert journey.there.last.packet.source == "10.244.1.5"  # not masqueraded
        assert journey.back is not None
        assert (journey.back.last.packet.source, journey.back.last.packet.target) == (path_cases.SERVICE, "10.244.1.5")


@pytest.mark.parametrize(
    ("source", "target", "masqueraded"),
    [
        pytest.param("node/n1", "service/default/web:80", "10.244.1.0", id="a node to a Service"),
        pytest.param("outside", "nodeport/n1/default/web:80", "10.244.1.0", id="from outside to a node port"),
        pytest.param("outside", "external/default/web:80", "10.244.1.0", id="from outside to an external address"),
        pytest.param("pod/default/a", "nodeport/n2/default/web:80", "10.244.2.0", id="a pod to another node's port"),
    ],
)
def test_who_is_not_a_pod_is_masqueraded(source: str, target: str, masqueraded: str) -> None:
    found = follow(path_cases.flannel(VXLAN), source, target)
    beyond_a_router = next(journey for journey in found.journeys if journey.there.last.node == "n3")
    assert beyond_a_router.there.last.packet.source == masqueraded
    assert all(journey.works for journey in found.journeys)


@pytest.mark.parametrize(("netfilter", "seen_on_bridge"), [("1", "10.244.2.5"), ("0", path_cases.SERVICE)])
def test_with_br_netfilter_the_bridge_sees_the_pod_that_was_chosen(netfilter: str, seen_on_bridge: str) -> None:
    world = path_cases.flannel(VXLAN, n1=path_cases.sysctl("net.bridge.bridge-nf-call-iptables", netfilter))
    journey = follow(world, "pod/default/a", "service/default/web:80").journeys[0]
    assert next(hop.packet.target for hop in journey.there.hops if hop.device == "cni0") == seen_on_bridge


def test_a_pod_of_the_service_that_reaches_itself_is_masqueraded() -> None:
    found = follow(path_cases.flannel(VXLAN), "pod/default/b", "service/default/web:80")
    itself = next(journey for journey in found.journeys if journey.there.last.packet.target == "10.244.2.5")
    assert (itself.there.last.packet.source, itself.works) == ("10.244.2.1", True)


def test_without_br_netfilter_a_neighbour_s_answer_arrives_as_it_is() -> None:
    """The well-known fault: a pod asks a Service, and the pod that answers is on the same bridge."""
    near = path_cases.pod("b", name="near", ips=("10.244.2.6",))
    world = path_cases.flannel(VXLAN, near, n2=path_cases.sysctl("net.bridge.bridge-nf-call-iptables", "0"))
    found = follow(world, "pod/default/near", "service/default/web:80")
    same_node = next(journey for journey in found.journeys if journey.there.last.node == "n2")
    assert same_node.back is not None
    assert "takes no other answer" in same_node.back.last.why
    assert not same_node.works


# IPVS, as kube-proxy sets it up; from its documentation, for the lab's kernel has none


#: The rules of kube-proxy's that have a say where IPVS chooses.
IPVS_NAT = {
    "PREROUTING": ["-j KUBE-SERVICES"],
    "OUTPUT": ["-j KUBE-SERVICES"],
    "POSTROUTING": ["-j KUBE-POSTROUTING"],
    "KUBE-SERVICES": [
        "! -s 10.244.0.0/16 -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ",
        "-m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
        "-m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT",
    ],
    "KUBE-NODE-PORT": ["-p tcp -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ"],
    "KUBE-MARK-MASQ": path_cases.NAT["KUBE-MARK-MASQ"],
    "KUBE-POSTROUTING": path_cases.NAT["KUBE-POSTROUTING"],
}


def with_ipvs(seen: model.NodeSnapshot) -> model.NodeSnapshot:
    servers = (model.RealServer("10.244.2.5", 8080, 1), model.RealServer("10.244.3.5", 8080, 3), model.RealServer("10.244.3.6", 8080, 0))
    own = next(item.address for item in seen.addresses if item.device == "eth0")
    places = ((path_cases.SERVICE, 80), (own, path_cases.NODE_PORT))
    return dataclasses.replace(
        seen,
        addresses=(*seen.addresses, model.Address("kube-ipvs0", path_cases.SERVICE, 32)),
        routes=(*seen.routes, path_cases.local(path_cases.SERVICE, "kube-ipvs0")),
        chains=(*path_cases.chains("nat", IPVS_NAT), *path_cases.chains("filter", path_cases.FILTER)),
        virtual_servers=tuple(model.VirtualServer("tcp", address, port, "wrr", servers) for address, port in places),
    )


IPVS = path_cases.flannel(VXLAN, n1=with_ipvs, n2=with_ipvs, n3=with_ipvs)


def test_ipvs_divides_connections_by_weight() -> None:
    found = follow(IPVS, "pod/default/a", "service/default/web:80")
    ends = [(journey.there.probability, journey.there.last.packet.target, journey.there.last.packet.source) for journey in found.journeys]
    assert ends == [(0.75, "10.244.3.5", "10.244.1.5"), (0.25, "10.244.2.5", "10.244.1.5")]
    assert "IPVS, scheduler wrr, for 75% of connections" in next(h.why for h in found.journeys[0].there.hops if h.what == "translated")
    assert found.works


@pytest.mark.parametrize(("source", "target"), [("node/n1", "service/default/web:80"), ("outside", "nodeport/n1/default/web:80")])
def test_with_ipvs_too_who_is_not_a_pod_is_masqueraded(source: str, target: str) -> None:
    found = follow(IPVS, source, target)
    assert {journey.there.last.packet.source for journey in found.journeys} == {"10.244.1.0"}
    assert found.works


def test_a_service_without_a_pod_has_no_server() -> None:
    empty = path_cases.flannel(
        VXLAN,
        n1=lambda seen: dataclasses.replace(with_ipvs(seen), virtual_servers=(model.VirtualServer("tcp", path_cases.SERVICE, 80, "rr"),)),
    )
    (journey,) = follow(empty, "pod/default/a", "service/default/web:80").journeys
    assert (journey.there.outcome, journey.there.last.why) == ("lost", f"IPVS has no server for {path_cases.SERVICE}:80")


# Where packets are lost


def gone(device: str) -> path_cases.Change:
    return path_cases.without("links", lambda link: link.name != device)


def wrong_mac(seen: model.NodeSnapshot) -> model.NodeSnapshot:
    links = tuple(dataclasses.replace(link, mac="de:ad:00:00:00:01") if link.vxlan else link for link in seen.links)
    return dataclasses.replace(seen, links=links)


def old_route(seen: model.NodeSnapshot) -> model.NodeSnapshot:
    """As host-gw leaves it: narrower than what leads into the tunnel, by a gateway that is no node."""
    return path_cases.more("routes", model.Route("10.244.2.0/25", gateway="192.168.50.99", device="eth0"))(seen)


LOST = [
    pytest.param(
        VXLAN, "n1", path_cases.without("neighbours", lambda item: item.device == "cni0"), "no neighbour entry", id="no neighbour"
    ),
    pytest.param(
        VXLAN, "n1", path_cases.without("fdb", lambda item: not item.destination), "no forwarding entry", id="no forwarding entry"
    ),
    pytest.param(VXLAN, "n2", wrong_mac, "the kernel drops it without a word", id="another MAC address than announced"),
    pytest.param(VXLAN, "n2", gone("flannel.1"), "no device there takes vxlan 1 on port 8472", id="no tunnel there"),
    pytest.param(VXLAN, "n1", gone("flannel.1"), "device flannel.1 is not there", id="no tunnel here"),
    pytest.param(VXLAN, "n1", path_cases.sysctl("net.ipv4.ip_forward", "0"), "ip_forward is 0", id="no forwarding"),
    pytest.param(
        VXLAN, "n1", path_cases.more("routes", model.Route("10.244.2.5/32", kind="blackhole")), "blackhole 10.244.2.5/32", id="blackhole"
    ),
    pytest.param(
        VXLAN,
        "n2",
        path_cases.filtering(FORWARD=["-d 10.244.2.5/32 -j DROP"]),
        "filter FORWARD: FORWARD: -d 10.244.2.5/32 -j DROP",
        id="rule",
    ),
    pytest.param(
        HOST_GW,
        "n2",
        path_cases.both(
            path_cases.sysctl("net.ipv4.conf.all.rp_filter", "1"),
            path_cases.more("routes", model.Route("10.244.1.0/25", device="flannel.1")),
        ),
        "rp_filter is strict, and the way back to 10.244.1.5 is 10.244.1.0/25 dev flannel.1",
        id="strict reverse path",
    ),
]


@pytest.mark.parametrize(("backend", "node", "fault", "why"), LOST)
def test_lost_on_the_way(backend: dict[str, t.Any], node: str, fault: path_cases.Change, why: str) -> None:
    found = follow(path_cases.flannel(backend, **{node: fault}), "pod/default/a", "pod/default/b:80")
    (journey,) = found.journeys
    assert journey.there.outcome == "lost"
    assert why in journey.there.last.why
    assert not found.works
    assert why in account.lines(found)[0]


def test_a_pod_of_which_the_bridge_has_not_heard_lately_is_found() -> None:
    quiet = path_cases.flannel(VXLAN, n2=path_cases.without("fdb", lambda item: bool(item.destination)))
    (journey,) = follow(quiet, "pod/default/a", "pod/default/b:80").journeys
    assert (journey.there.outcome, journey.there.last.device) == ("delivered", "")


def test_an_address_without_a_pod_is_not_found() -> None:
    (journey,) = follow(path_cases.flannel(VXLAN), "pod/default/a", "address/10.244.2.9:80").journeys
    assert (journey.there.outcome, journey.there.last.why) == ("lost", "no pod with this address is on the bridge")


def test_a_narrower_route_of_old_leads_out_of_the_cluster() -> None:
    (journey,) = follow(path_cases.flannel(VXLAN, n1=old_route), "pod/default/a", "pod/default/b:80").journeys
    assert journey.there.outcome == "lost"
    assert "it leaves the cluster by 192.168.50.99, and pod default/b on n2 has this address" in journey.there.last.why
    assert "10.244.2.0/25 via 192.168.50.99 dev eth0; narrower than 10.244.2.0/24" in next(
        h.why for h in journey.there.hops if h.what == "routed"
    )


def test_two_nodes_that_send_to_each_other_are_noticed() -> None:
    astray = path_cases.more("routes", model.Route("10.244.2.5/32", gateway=backend_cases.address(1), device="eth0"))
    (journey,) = follow(path_cases.flannel(HOST_GW, n2=astray), "pod/default/a", "pod/default/b:80").journeys
    assert (journey.there.outcome, journey.there.last.why) == ("lost", "it goes round in circles")


def test_the_world_outside_is_reached_with_the_node_s_address() -> None:
    (journey,) = follow(path_cases.flannel(VXLAN), "pod/default/a", "address/198.51.100.7:443").journeys
    assert (journey.there.outcome, journey.there.last.packet.source) == ("left", backend_cases.address(1))


def test_a_neighbour_that_is_none_needs_proxy_arp() -> None:
    """As in the mixed phase of a migration: a pod of Calico's has an address of flannel's subnet."""
    behind = path_cases.more("routes", model.Route("10.244.1.6/32", device="veth-a2"))
    (journey,) = follow(path_cases.flannel(VXLAN, n1=behind), "pod/default/a", "pod/default/a2:80").journeys
    assert "nobody on cni0 answers" in journey.there.last.why
    answered = path_cases.both(behind, path_cases.sysctl("net.ipv4.conf.cni0.proxy_arp", "1"))
    (journey,) = follow(path_cases.flannel(VXLAN, n1=answered), "pod/default/a", "pod/default/a2:80").journeys
    assert journey.there.outcome == "delivered"


# Calico


def test_calico_s_vxlan() -> None:
    (journey,) = follow(path_cases.calico(), "pod/default/a", "pod/default/b:80").journeys
    assert places(journey.there) == [
        "n1:cali-a",
        "n1:vxlan.calico",
        f"n1:eth0>{N2}:4789",
        f"n2:eth0>{N2}:4789",
        "n2:vxlan.calico",
        "n2:cali-b",
    ]
    assert journey.works


def test_a_set_that_nobody_read_is_a_doubt() -> None:
    (journey,) = follow(path_cases.calico(), "pod/default/a", "pod/default/b:80").journeys
    assert journey.there.doubts == ("n1: cali-from: -m set --match-set cali40s:x src -j DROP",)


def test_calico_masquerades_what_leaves_its_pools() -> None:
    (journey,) = follow(path_cases.calico(), "pod/default/a", "address/198.51.100.7:443").journeys
    assert journey.there.last.packet.source == backend_cases.address(1)


def test_what_a_node_sends_to_a_pod_of_its_own_has_the_node_s_first_address() -> None:
    """The link of a pod of Calico's has none."""
    (journey,) = follow(path_cases.calico(), "node/n1", "pod/default/a:80").journeys
    assert (journey.there.last.packet.source, journey.works) == (backend_cases.address(1), True)


def test_an_address_that_no_pod_has_is_dropped_on_its_node() -> None:
    (journey,) = follow(path_cases.calico(), "pod/default/a", "address/10.244.2.9:80").journeys
    assert "blackhole 10.244.2.0/26" in journey.there.last.why


# Examples


def test_a_newcomer_s_questions() -> None:
    assert flows.examples(path_cases.flannel(VXLAN), path_cases.SERVICES) == [
        ("pod/default/a", "pod/default/a2"),
        ("pod/default/a", "pod/default/b"),
        ("pod/default/a", "service/default/web:80"),
        ("outside", "nodeport/n1/default/web:80"),
    ]
