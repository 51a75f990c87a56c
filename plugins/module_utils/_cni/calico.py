# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds Calico among a cluster's objects: its DaemonSet, pools and IPAM blocks.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, objects

#: docker.io/calico/node, quay.io/calico/calico, or a mirror's calico-node.
_NODE_IMAGE = re.compile(r"calico[/-](?:node|calico)(?:[:@]|$)")


def runs_calico_node(container: objects.Raw) -> bool:
    """Whether the container is calico-node, by upstream's container name or by its image."""
    return container.get("name") == "calico-node" or bool(_NODE_IMAGE.search(container.get("image", "")))


def find_daemonset(daemonsets: t.Iterable[objects.Raw]) -> t.Optional[objects.Raw]:
    """The DaemonSet that runs calico-node."""
    return next((daemonset for daemonset in daemonsets if any(map(runs_calico_node, objects.containers(daemonset)))), None)


def discover(
    daemonsets: t.Iterable[objects.Raw],
    pools: t.Optional[t.Iterable[objects.Raw]],
    blocks: t.Optional[t.Iterable[objects.Raw]],
    installations: t.Iterable[objects.Raw] = (),
) -> t.Optional[cluster.Calico]:
    """Calico, or nothing when neither a DaemonSet nor its API is there. A kind the API does not serve is None."""
    daemonset = find_daemonset(daemonsets)
    operators = list(installations)
    if daemonset is None and pools is None and not operators:
        return None
    found = daemonset or {}
    desired, ready = objects.counts(found)
    return cluster.Calico(
        daemonset=objects.reference(daemonset, "apps/v1", "DaemonSet") if daemonset else None,
        image=next((item.get("image", "") for item in objects.containers(found) if runs_calico_node(item)), ""),
        desired=desired,
        ready=ready,
        operator=bool(operators),
        managed_by=objects.managed_by(found),
        pools=tuple(_pool(item) for item in pools or ()),
        blocks=tuple(_block(item) for item in blocks or () if not _deleted(item)),
    )


def _pool(resource: objects.Raw) -> cluster.IPPool:
    spec = resource.get("spec") or {}
    return cluster.IPPool(
        name=objects.metadata(resource).get("name", ""),
        cidr=spec.get("cidr", ""),
        vxlan_mode=spec.get("vxlanMode") or "Never",
        ipip_mode=spec.get("ipipMode") or "Never",
        block_size=int(spec.get("blockSize") or 26),
        nat_outgoing=bool(spec.get("natOutgoing")),
        disabled=bool(spec.get("disabled")),
    )


def _block(resource: objects.Raw) -> cluster.IPAMBlock:
    """A block; ``allocations`` holds one entry an address, null where it is free."""
    spec = resource.get("spec") or {}
    first = ipaddress.ip_network(spec["cidr"]).network_address
    taken = [ordinal for ordinal, attribute in enumerate(spec.get("allocations") or ()) if attribute is not None]
    affinity = spec.get("affinity") or ""
    return cluster.IPAMBlock(
        cidr=spec["cidr"],
        node=affinity[len("host:") :] if affinity.startswith("host:") else "",
        allocated=tuple(str(first + ordinal) for ordinal in taken),
    )


def _deleted(resource: objects.Raw) -> bool:
    return bool((resource.get("spec") or {}).get("deleted"))
