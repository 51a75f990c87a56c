# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An adoption as Calico's own API objects, as libcalico-go keeps them in the Kubernetes API.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.adoption import Block, Plan

API_VERSION = "crd.projectcalico.org/v1"

RESERVATION = "podnet-cni-migration"

#: The modes of an IPPool for each encapsulation that can live beside a flannel.
ENCAPSULATIONS: t.Mapping[str, str] = {"vxlan": "Always", "vxlan_cross_subnet": "CrossSubnet"}

#: The resource definitions that an adoption needs, by the plural of their kind.
KINDS = ("blockaffinities", "felixconfigurations", "ipamblocks", "ipamconfigs", "ippools", "ipreservations")

#: What Calico assumes when nobody set limits; also how its record looks once they are lifted.
UNLIMITED = {"strictAffinity": False, "autoAllocateBlocks": True, "maxBlocksPerHost": 0}

Object = t.Dict[str, t.Any]


def pool(plan: Plan) -> Object:
    """Flannel's whole network as one pool."""
    spec = {
        "cidr": plan.network,
        "blockSize": plan.block_size,
        "ipipMode": "Never",
        "vxlanMode": ENCAPSULATIONS[plan.encapsulation],
        "natOutgoing": True,
        "nodeSelector": "all()",
        "allowedUses": ["Workload", "Tunnel"],
    }
    return _object("IPPool", plan.pool, spec)


def ipam_config(plan: Plan) -> Object:
    """Nodes give addresses out of their own blocks only, and take no block that the plan did not give them."""
    return _object("IPAMConfig", "default", {"strictAffinity": True, "autoAllocateBlocks": False, "maxBlocksPerHost": plan.most_blocks})


def unlimited_ipam_config() -> Object:
    """Calico's own rules, for the time when flannel is gone."""
    return _object("IPAMConfig", "default", dict(UNLIMITED))


def felix_configuration(plan: Plan) -> t.Optional[Object]:
    """Only where flannel's tunnel has the identity that Calico's would get."""
    return _object("FelixConfiguration", "default", {"vxlanVNI": plan.vni}) if plan.vni else None


def reservation(plan: Plan) -> Object:
    """The broadcast addresses of flannel's bridges: the kernel of the node would not forward to them."""
    return _object("IPReservation", RESERVATION, {"reservedCIDRs": [f"{address}/32" for address in plan.reserved]})


def affinity(block: Block) -> Object:
    """That the block is the node's."""
    spec = {"cidr": block.cidr, "node": block.node, "state": "confirmed", "type": "host", "deleted": "false"}
    return _object("BlockAffinity", f"{block.node}-{_name(block)}", spec)


def empty_block(block: Block) -> Object:
    """The block with all its addresses free."""
    size = ipaddress.ip_network(block.cidr).num_addresses
    spec = {
        "cidr": block.cidr,
        "affinity": f"host:{block.node}",
        "allocations": [None] * size,
        "unallocated": list(range(size)),
        "attributes": [],
        "sequenceNumber": 0,
        "sequenceNumberForAllocation": {},
        "deleted": False,
        "strictAffinity": True,
    }
    return _object("IPAMBlock", _name(block), spec)


def _name(block: Block) -> str:
    return block.cidr.replace(".", "-").replace("/", "-")


def _object(kind: str, name: str, spec: Object) -> Object:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
