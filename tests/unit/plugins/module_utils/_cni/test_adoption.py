# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import adoption
from ansible_collections.podnet.cni.plugins.module_utils._cni.adoption import Block, Wish
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import (
    Calico,
    ClusterSnapshot,
    Flannel,
    IPAMBlock,
    IPPool,
    Node,
    ObjectRef,
    Pod,
)
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Address, Link, NodeSnapshot, Vxlan

WISH = Wish("10.244.0.0/16")
N1 = Node("n1", internal_ips=("192.0.2.1",), pod_cidrs=("10.244.1.0/24",))
N2 = Node("n2", internal_ips=("192.0.2.2",), pod_cidrs=("10.244.2.0/24",))


def pod(address: str, node: str = "n1", **fields: t.Any) -> Pod:
    return Pod("demo", f"p-{address}", node=node, ips=(address,), phase="Running", **fields)


def cluster(
    *pods: Pod, blocks: tuple[IPAMBlock, ...] = (), pools: tuple[IPPool, ...] = (), nodes: tuple[Node, ...] = (N1,)
) -> ClusterSnapshot:
    return ClusterSnapshot(nodes=nodes, pods=pods, calico=Calico(blocks=blocks, pools=pools) if blocks or pools else None)


def claimed(seen: ClusterSnapshot, wish: Wish = WISH, snapshots: adoption.Snapshots | None = None) -> list[str]:
    return [block.cidr for block in adoption.plan(seen, snapshots or {}, wish).claimed]


@pytest.mark.parametrize(
    ("pods", "last", "blocks"),
    [
        # Nobody is there: the block that flannel reaches last.
        ((), "", ["10.244.1.192/26"]),
        ((pod("10.244.1.2"), pod("10.244.1.9")), "", ["10.244.1.192/26"]),
        # Flannel is about to walk into the last block: the one behind it in the ring is the first, which holds the bridge.
        ((pod("10.244.1.190"),), "10.244.1.191", ["10.244.1.64/26"]),
        ((pod("10.244.1.70"),), "10.244.1.70", ["10.244.1.192/26"]),
        # A pod in the last block.
        ((pod("10.244.1.200"),), "10.244.1.200", ["10.244.1.128/26"]),
        # Pods on the host's network, and those that have ended, have no address of the range.
        ((pod("10.244.1.200", host_network=True),), "", ["10.244.1.192/26"]),
        ((dataclasses.replace(pod("10.244.1.200"), phase="Succeeded"),), "", ["10.244.1.192/26"]),
    ],
)
def test_claims_the_free_block_that_flannel_reaches_last(pods: tuple[Pod, ...], last: str, blocks: list[str]) -> None:
    snapshots = {"n1": NodeSnapshot("n1", last_reserved={"cbr0": last} if last else {})}
    assert claimed(cluster(*pods), snapshots=snapshots) == blocks


def test_an_address_is_in_the_way_where_it_is_and_not_where_its_pod_is() -> None:
    stray = cluster(pod("10.244.2.200", node="n1"), pod("10.244.3.200", node="n2"), nodes=(N1, N2))
    assert claimed(stray) == ["10.244.1.192/26", "10.244.2.128/26"]


def test_a_dense_node_makes_the_blocks_smaller_on_all_nodes() -> None:
    scattered = [pod(f"10.244.1.{last}") for last in range(2, 255, 50)]
    plan = adoption.plan(cluster(*scattered, nodes=(N1, N2)), {}, WISH)
    assert plan.block_size == 27
    assert {ipaddress.ip_network(block.cidr).prefixlen for block in plan.claimed} == {27}
    assert plan.obstacles == ()


def test_a_node_with_many_pods_gets_several_blocks() -> None:
    many = [pod(f"10.244.1.{last}") for last in range(2, 92)]
    plan = adoption.plan(cluster(*many), {}, WISH)
    assert [block.cidr for block in plan.claimed] == ["10.244.1.192/26", "10.244.1.128/26"]
    assert plan.most_blocks == 2


def test_the_size_suits_nodes_whose_turn_comes_later() -> None:
    scattered = [pod(f"10.244.1.{last}") for last in range(2, 255, 50)]
    plan = adoption.plan(cluster(*scattered, nodes=(N1, N2)), {}, dataclasses.replace(WISH, nodes=("n2",)))
    assert plan.block_size == 27
    assert {block.node for block in plan.claimed} == {"n2"}


def test_no_room_names_node_addresses_and_ways_out() -> None:
    full = [pod(f"10.244.1.{last}") for last in range(3, 255, 8)]
    plan = adoption.plan(cluster(*full), {}, WISH)
    assert plan.obstacles[0].node == "n1"
    with pytest.raises(
        _errors.BadInputError, match=r"n1: 40 addresses needed, 0 in free blocks .*10\.244\.1\.3 \(demo/p-10\.244\.1\.3\).*cutover"
    ):
        adoption.demand_room(plan)


def test_a_node_without_a_range_is_an_obstacle() -> None:
    plan = adoption.plan(cluster(nodes=(Node("n1"),)), {}, WISH)
    with pytest.raises(_errors.BadInputError, match="no podCIDR"):
        adoption.demand_room(plan)


def test_what_is_there_is_kept_and_enough() -> None:
    own = IPAMBlock("10.244.1.64/26", "n1", {"10.244.1.65": "demo/p-10.244.1.65"}, ("10.244.1.64",))
    plan = adoption.plan(cluster(pod("10.244.1.65"), blocks=(own,)), {}, WISH)
    assert (plan.kept, plan.claimed, plan.returned) == ((Block("n1", "10.244.1.64/26"),), (), ())


def test_an_empty_block_that_flannel_walked_into_is_returned() -> None:
    invaded = IPAMBlock("10.244.1.192/26", "n1")
    plan = adoption.plan(cluster(pod("10.244.1.193"), blocks=(invaded,)), {}, WISH)
    assert plan.returned == (Block("n1", "10.244.1.192/26"),)
    assert [block.cidr for block in plan.claimed] == ["10.244.1.128/26"]


def test_a_block_in_use_is_never_returned_and_its_intruder_is_named() -> None:
    used = IPAMBlock("10.244.1.192/26", "n1", {"10.244.1.200": "demo/moved"})
    seen = cluster(pod("10.244.1.193"), blocks=(used,))
    assert adoption.plan(seen, {}, WISH).returned == ()
    assert adoption.intruders(seen) == {"10.244.1.193": "demo/p-10.244.1.193"}


@pytest.mark.parametrize(
    ("fields", "others"),
    [
        pytest.param({"deleting": True, "of_calico": True}, {"10.244.1.200": "demo/moved"}, id="beside another pod of Calico's"),
        pytest.param({"deleting": True, "of_calico": True}, {}, id="the last one of the block"),
    ],
)
def test_a_pod_of_calicos_that_has_lost_its_address_is_no_intruder(fields: dict[str, bool], others: dict[str, str]) -> None:
    seen = cluster(pod("10.244.1.193", **fields), blocks=(IPAMBlock("10.244.1.192/26", "n1", others),))
    plan = adoption.plan(seen, {}, WISH)
    assert (plan.returned, [block.cidr for block in plan.kept]) == ((), ["10.244.1.192/26"])
    adoption.demand_peace(seen, plan)


@pytest.mark.parametrize("fields", [{"deleting": True}, {"of_calico": True}])
def test_a_pod_of_flannels_on_its_way_out_and_one_that_calico_does_not_know_are_intruders(fields: dict[str, bool]) -> None:
    seen = cluster(pod("10.244.1.193", **fields), blocks=(IPAMBlock("10.244.1.192/26", "n1"),))
    assert adoption.plan(seen, {}, WISH).returned == (Block("n1", "10.244.1.192/26"),)


def test_an_intruder_in_a_block_in_use_is_an_error_and_one_in_an_empty_block_is_not() -> None:
    used = cluster(pod("10.244.1.193"), blocks=(IPAMBlock("10.244.1.192/26", "n1", {"10.244.1.200": "demo/moved"}),))
    with pytest.raises(_errors.ClusterError, match=r"demo/p-10\.244\.1\.193 \(10\.244\.1\.193\)"):
        adoption.demand_peace(used, adoption.plan(used, {}, WISH))
    empty = cluster(pod("10.244.1.193"), blocks=(IPAMBlock("10.244.1.192/26", "n1"),))
    adoption.demand_peace(empty, adoption.plan(empty, {}, WISH))


@pytest.mark.parametrize(
    ("seen", "beside"),
    [
        (cluster(pod("10.244.1.7")), True),
        (cluster(pod("10.244.1.7", host_network=True)), False),
        (cluster(pod("192.0.2.7")), False),
        (cluster(), False),
        (dataclasses.replace(cluster(), flannel=(Flannel(ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")),)), True),
        (cluster(pod("10.244.1.200"), blocks=(IPAMBlock("10.244.1.192/26", "n1", pods={"10.244.1.200": "demo/p-10.244.1.200"}),)), False),
    ],
)
def test_pods_of_a_flannel_that_is_gone_are_still_something_to_live_beside(seen: ClusterSnapshot, beside: bool) -> None:
    assert adoption.lives_beside(seen) is beside


def test_a_moved_pod_is_no_intruder() -> None:
    used = IPAMBlock("10.244.1.192/26", "n1", {"10.244.1.200": "demo/p-10.244.1.200"})
    assert adoption.intruders(cluster(pod("10.244.1.200"), pod("10.244.1.3"), blocks=(used,))) == {}


def test_the_pool_that_is_there_decides() -> None:
    pools = (IPPool("mine", "10.244.0.0/16", block_size=28),)
    plan = adoption.plan(cluster(pools=pools), {}, dataclasses.replace(WISH, block_size=26))
    assert (plan.pool, plan.block_size) == ("mine", 28)


def test_a_wanted_size_is_taken() -> None:
    assert claimed(cluster(), dataclasses.replace(WISH, block_size=25)) == ["10.244.1.128/25"]


def test_the_broadcast_address_of_every_bridge_is_reserved() -> None:
    plan = adoption.plan(cluster(nodes=(N1, N2)), {}, dataclasses.replace(WISH, nodes=("n2",)))
    assert plan.reserved == ("10.244.1.255", "10.244.2.255")


def uplink(mtu: int, flannel_mtu: str) -> NodeSnapshot:
    return NodeSnapshot(
        "n1",
        links=(Link("eth0", mtu=mtu), Link("lo", mtu=65536)),
        addresses=(Address("eth0", "192.0.2.1", 24), Address("lo", "127.0.0.1", 8)),
        subnet_env={"FLANNEL_MTU": flannel_mtu} if flannel_mtu else {},
    )


@pytest.mark.parametrize(
    ("mtu", "flannel_mtu", "wanted"),
    [
        (1500, "1450", 0),  # what Calico finds too
        (1500, "1500", 0),  # host-gw: Calico's own is smaller
        (1500, "1400", 1400),
        (9000, "1450", 1450),
        (1500, "", 0),
    ],
)
def test_an_mtu_is_wanted_only_where_flannels_is_less_than_calico_would_take(mtu: int, flannel_mtu: str, wanted: int) -> None:
    assert adoption.plan(cluster(), {"n1": uplink(mtu, flannel_mtu)}, WISH).mtu == wanted


@pytest.mark.parametrize(("vxlan", "vni"), [(Vxlan(1, 8472), 0), (Vxlan(4096, 8472), 0), (Vxlan(4096, 4789), 4097)])
def test_another_identity_where_flannels_tunnel_has_calicos(vxlan: Vxlan, vni: int) -> None:
    node = NodeSnapshot("n1", links=(Link("flannel.x", "vxlan", vxlan=vxlan, owner="flannel-vxlan"),))
    assert adoption.plan(cluster(), {"n1": node}, WISH).vni == vni


@given(st.sets(st.integers(2, 254), max_size=110), st.integers(2, 254))
def test_no_claimed_block_ever_holds_an_address_of_flannels(lasts: set[int], last_given: int) -> None:
    seen = cluster(*(pod(f"10.244.1.{last}") for last in lasts))
    plan = adoption.plan(seen, {"n1": NodeSnapshot("n1", last_reserved={"cbr0": f"10.244.1.{last_given}"})}, WISH)
    blocks = [ipaddress.ip_network(block.cidr) for block in plan.claimed]
    taken = [ipaddress.ip_address(f"10.244.1.{last}") for last in (0, 1, *lasts)]
    assert not any(address in block for address in taken for block in blocks)
    assert len(set(blocks)) == len(blocks)
    assert plan.obstacles or sum(block.num_addresses for block in blocks) >= len(lasts)
