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

API_VERSION = "crd.projectcalico.org/v1"

#: Calico's kinds that hold how it is set up, and where they are served. Pools are read for themselves.
SETTINGS: t.Mapping[str, str] = {
    "FelixConfiguration": "felixconfigurations",
    "BGPConfiguration": "bgpconfigurations",
    "BGPPeer": "bgppeers",
    "BGPFilter": "bgpfilters",
    "IPReservation": "ipreservations",
    "KubeControllersConfiguration": "kubecontrollersconfigurations",
}
#: Those that hold what people allow and forbid.
POLICIES: t.Mapping[str, str] = {
    "GlobalNetworkPolicy": "globalnetworkpolicies",
    "NetworkPolicy": "networkpolicies",
    "GlobalNetworkSet": "globalnetworksets",
    "NetworkSet": "networksets",
    "HostEndpoint": "hostendpoints",
    "Tier": "tiers",
}

#: Tiers that calico-node makes.
_OWN_TIERS = ("default", "adminnetworkpolicy", "baselineadminnetworkpolicy")


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
    kept: t.Optional[t.Mapping[str, t.Iterable[objects.Raw]]] = None,
) -> t.Optional[cluster.Calico]:
    """Calico, or nothing when neither a DaemonSet nor its API is there. A kind the API does not serve is None.

    ``kept`` are objects by their kind, out of `SETTINGS` and `POLICIES`.
    """
    daemonset = find_daemonset(daemonsets)
    operators = list(installations)
    pools = None if pools is None else list(pools)
    by_kind = {"IPPool": pools or (), **(kept or {})}
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
        blocks=ipam_blocks(blocks or ()),
        objects=_references(by_kind, ("IPPool", *SETTINGS)),
        **_vxlan(by_kind.get("FelixConfiguration", ())),
        policies=tuple(item for item in _references(by_kind, POLICIES) if item.kind != "Tier" or item.name not in _OWN_TIERS),
    )


#: Felix's settings of the tunnel, and what a cluster snapshot calls them.
_VXLAN = {"vxlanVNI": "vxlan_vni", "vxlanPort": "vxlan_port", "vxlanMTU": "vxlan_mtu"}


def _vxlan(felix: t.Iterable[objects.Raw]) -> t.Dict[str, int]:
    """Those that the cluster's own FelixConfiguration has; one of a node's counts for that node alone."""
    spec = next((item.get("spec") or {} for item in felix if objects.metadata(item).get("name") == "default"), {})
    return {ours: int(spec[key]) for key, ours in _VXLAN.items() if spec.get(key)}


def _references(by_kind: t.Mapping[str, t.Iterable[objects.Raw]], kinds: t.Iterable[str]) -> t.Tuple[cluster.ObjectRef, ...]:
    return tuple(objects.reference(item, API_VERSION, kind) for kind in kinds for item in by_kind.get(kind, ()))


def ipam_blocks(resources: t.Iterable[objects.Raw]) -> t.Tuple[cluster.IPAMBlock, ...]:
    """The IPAM blocks that are not being deleted."""
    return tuple(_block(item) for item in resources if not _deleted(item))


def given_addresses(calico: t.Optional[cluster.Calico]) -> t.Dict[str, str]:
    """Each address that Calico's IPAM gave to a pod, with that pod's ``namespace/name``.

    The address alone proves nothing: Calico's pool may be flannel's network, and a pod of flannel's then has the very address
    that Calico gave to another pod or to a tunnel.
    """
    return {address: pod for block in (calico.blocks if calico else ()) for address, pod in block.pods.items()}


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
    """A block; ``allocations`` holds one entry an address, null where it is free, else the place of its owner in ``attributes``."""
    spec = resource.get("spec") or {}
    first = ipaddress.ip_network(spec["cidr"]).network_address
    attributes = spec.get("attributes") or ()
    owners = [_pod_name(attribute) for attribute in attributes]
    taken = {str(first + ordinal): place for ordinal, place in enumerate(spec.get("allocations") or ()) if place is not None}
    pods = {address: owners[place] for address, place in taken.items() if place < len(owners) and owners[place]}
    affinity = spec.get("affinity") or ""
    node = affinity[len("host:") :] if affinity.startswith("host:") else ""
    places = {address: (attributes[taken[address]].get("secondary") or {}).get("node", "") for address in pods}
    return cluster.IPAMBlock(
        cidr=spec["cidr"],
        node=node,
        borrowed={address: place for address, place in places.items() if place and place != node},
        pods=pods,
        others=tuple(address for address in taken if address not in pods),
    )


def _pod_name(attribute: objects.Raw) -> str:
    """The pod an allocation names as ``namespace/name``; a tunnel's names none."""
    named = attribute.get("secondary") or {}
    return f"{named.get('namespace', '')}/{named['pod']}" if named.get("pod") else ""


def _deleted(resource: objects.Raw) -> bool:
    return bool((resource.get("spec") or {}).get("deleted"))
