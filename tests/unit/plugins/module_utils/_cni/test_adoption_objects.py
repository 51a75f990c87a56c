# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import adoption_objects, calico
from ansible_collections.podnet.cni.plugins.module_utils._cni.adoption import Block, Plan
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import IPAMBlock

BLOCK = Block("n1", "10.244.1.192/26")
PLAN = Plan("10.244.0.0/16", "vxlan", 26, claimed=(BLOCK,), reserved=("10.244.1.255",))


@pytest.mark.parametrize(("encapsulation", "mode"), [("vxlan", "Always"), ("vxlan_cross_subnet", "CrossSubnet")])
def test_the_pool_is_flannels_network(encapsulation: str, mode: str) -> None:
    pool = adoption_objects.pool(dataclasses.replace(PLAN, encapsulation=encapsulation))
    assert pool["metadata"]["name"] == "default-ipv4-ippool"
    assert (pool["spec"]["cidr"], pool["spec"]["blockSize"], pool["spec"]["vxlanMode"]) == ("10.244.0.0/16", 26, mode)


def test_nodes_take_nothing_by_themselves() -> None:
    spec = adoption_objects.ipam_config(PLAN)["spec"]
    assert spec == {"strictAffinity": True, "autoAllocateBlocks": False, "maxBlocksPerHost": 1}


def test_a_block_reads_back_as_an_empty_one_of_its_node() -> None:
    block = adoption_objects.empty_block(BLOCK)
    assert block["metadata"]["name"] == "10-244-1-192-26"
    assert len(block["spec"]["allocations"]) == len(block["spec"]["unallocated"]) == 64
    assert calico.ipam_blocks([block]) == (IPAMBlock("10.244.1.192/26", "n1"),)


def test_an_affinity_is_named_after_node_and_block() -> None:
    affinity = adoption_objects.affinity(BLOCK)
    assert affinity["metadata"]["name"] == "n1-10-244-1-192-26"
    assert affinity["spec"] == {"cidr": "10.244.1.192/26", "node": "n1", "state": "confirmed", "type": "host", "deleted": "false"}


def test_felix_is_only_told_what_differs() -> None:
    assert adoption_objects.felix_configuration(PLAN) is None
    other = adoption_objects.felix_configuration(dataclasses.replace(PLAN, vni=4097))
    assert other is not None
    assert other["spec"] == {"vxlanVNI": 4097}


def test_addresses_are_reserved_one_by_one() -> None:
    assert adoption_objects.reservation(PLAN)["spec"] == {"reservedCIDRs": ["10.244.1.255/32"]}
