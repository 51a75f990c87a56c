# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The typed snapshot of a cluster: what the API server says about nodes, pods and the CNIs that run.

Pure: no I/O. ``_kube.collect`` fills it; preflight, plans and verification read it.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _records


@dataclasses.dataclass(frozen=True)
class ObjectRef:
    """Names one API object; ``namespace`` is empty for cluster-wide kinds."""

    api_version: str
    kind: str
    name: str
    namespace: str = ""


@dataclasses.dataclass(frozen=True)
class Node:
    """A Node object. ``annotations`` holds only those of a CNI and our own note about it, ``labels`` only ours."""

    name: str
    ready: bool = False
    control_plane: bool = False
    unschedulable: bool = False
    internal_ips: t.Tuple[str, ...] = ()
    pod_cidrs: t.Tuple[str, ...] = ()
    architecture: str = ""
    operating_system: str = ""
    runtime: str = ""
    kubelet_version: str = ""
    annotations: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    labels: t.Dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Pod:
    """A Pod object. ``owner_kind`` is the controller's kind (ReplicaSet, DaemonSet, Node for static pods ...) or ``""`` for a bare pod.

    ``empty_dirs`` are its volumes that end with it, ``claims`` the PersistentVolumeClaims it mounts; ``trouble`` is why a
    container does not run, in the cluster's word (CrashLoopBackOff, Unschedulable ...). ``of_calico``: Calico's plugin made its network.
    ``started`` is when the oldest of its containers that run was started, in seconds since the epoch; 0 if none runs.
    """

    namespace: str
    name: str
    uid: str = ""
    node: str = ""
    ips: t.Tuple[str, ...] = ()
    host_network: bool = False
    phase: str = ""
    ready: bool = False
    deleting: bool = False
    owner_kind: str = ""
    owner_name: str = ""
    labels: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    restart_policy: str = ""
    empty_dirs: t.Tuple[str, ...] = ()
    claims: t.Tuple[str, ...] = ()
    trouble: str = ""
    of_calico: bool = False
    started: float = 0.0


@dataclasses.dataclass(frozen=True)
class Webhook:
    """An admission webhook that the API server must not go without (failurePolicy Fail) and that a Service answers.

    ``stops`` are the kinds a change of CNI writes that it is asked about; ``selective`` is whether it is asked about some
    objects only; ``endpoints`` counts the Service's ready addresses.
    """

    kind: str
    configuration: str
    name: str
    service: str
    stops: t.Tuple[str, ...] = ()
    selective: bool = False
    endpoints: int = 0


@dataclasses.dataclass(frozen=True)
class Budget:
    """A PodDisruptionBudget: how many of its pods may go now, how many are healthy, and how many it speaks of."""

    namespace: str
    name: str
    allowed: int = 0
    healthy: int = 0
    expected: int = 0


@dataclasses.dataclass(frozen=True)
class Keeper:
    """An object by which a tool keeps others as they are (an Application, a Kustomization, a HelmChart), and those of a CNI it keeps."""

    tool: str
    name: str
    keeps: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Flannel:
    """One flannel installation, found by image and command and not by name.

    Upstream once shipped a DaemonSet for each architecture: they share namespace, service account and ConfigMap, never meet on
    a node, and are one installation. ``daemonsets`` holds them all, ``daemonset`` the first; ``desired`` and ``ready`` are their sums.

    ``net_conf`` is the text of net-conf.json with secrets hidden, ``objects`` are all objects that belong to it in the order to
    delete them, ``managed_by`` names a tool that knows it and may bring it back (Helm, Argo CD, Flux, addon manager) or is empty.
    """

    daemonset: ObjectRef
    daemonsets: t.Tuple[ObjectRef, ...] = ()
    image: str = ""
    config_map: t.Optional[ObjectRef] = None
    net_conf: str = ""
    network: str = ""
    backend: str = ""
    desired: int = 0
    ready: int = 0
    managed_by: str = ""
    objects: t.Tuple[ObjectRef, ...] = ()


@dataclasses.dataclass(frozen=True)
class IPPool:
    """A Calico IPPool; modes are Always, CrossSubnet or Never."""

    name: str
    cidr: str
    vxlan_mode: str = "Never"
    ipip_mode: str = "Never"
    block_size: int = 26
    nat_outgoing: bool = False
    disabled: bool = False


@dataclasses.dataclass(frozen=True)
class IPAMBlock:
    """A Calico IPAM block: the node it belongs to, and who has its addresses.

    ``pods`` says of an address which pod it was given to (``namespace/name``); ``others`` are addresses given to something else,
    such as a node's end of a tunnel; ``borrowed`` says of an address which other node than the block's the pod with it runs on.
    """

    cidr: str
    node: str = ""
    pods: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    others: t.Tuple[str, ...] = ()
    borrowed: t.Dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Calico:
    """Calico as it runs: its DaemonSet (absent when only CRDs or pools are there), pools and IPAM blocks.

    ``objects`` are those of Calico's own kinds that hold its settings, and ``policies`` those that people made for it alone: both
    would go with the definitions of these kinds. A ``vxlan_mtu`` of 0 is what the network below leaves for pods.
    """

    daemonset: t.Optional[ObjectRef] = None
    image: str = ""
    desired: int = 0
    ready: int = 0
    operator: bool = False
    managed_by: str = ""
    pools: t.Tuple[IPPool, ...] = ()
    blocks: t.Tuple[IPAMBlock, ...] = ()
    objects: t.Tuple[ObjectRef, ...] = ()
    policies: t.Tuple[ObjectRef, ...] = ()
    vxlan_vni: int = 4096
    vxlan_port: int = 4789
    vxlan_mtu: int = 0


@dataclasses.dataclass(frozen=True)
class ClusterSnapshot:
    """One cluster at one moment. CIDR tuples are empty when the cluster does not tell them.

    ``searched`` says where flannel was looked for; ``local_claims`` (namespace/name) are PersistentVolumeClaims whose volume is on
    one node only; ``keepers`` would bring flannel back.
    """

    version: str = ""
    nodes: t.Tuple[Node, ...] = ()
    pods: t.Tuple[Pod, ...] = ()
    flannel: t.Tuple[Flannel, ...] = ()
    calico: t.Optional[Calico] = None
    other_cnis: t.Tuple[str, ...] = ()
    service_cidrs: t.Tuple[str, ...] = ()
    cluster_cidrs: t.Tuple[str, ...] = ()
    kube_proxy_mode: str = ""
    searched: t.Tuple[str, ...] = ()
    webhooks: t.Tuple[Webhook, ...] = ()
    budgets: t.Tuple[Budget, ...] = ()
    local_claims: t.Tuple[str, ...] = ()
    keepers: t.Tuple[Keeper, ...] = ()


def to_dict(snapshot: ClusterSnapshot) -> t.Dict[str, t.Any]:
    """The snapshot as plain dictionaries and lists, ready for JSON."""
    return t.cast("t.Dict[str, t.Any]", _records.plain(snapshot))


def from_dict(data: t.Mapping[str, t.Any]) -> ClusterSnapshot:
    """The inverse of `to_dict`."""
    return _records.build(ClusterSnapshot, data, _NESTED)


def from_option(data: t.Mapping[str, t.Any]) -> ClusterSnapshot:
    """What a module's option ``cluster`` holds."""
    with _records.in_option("cluster", "cni_cluster_info"):
        return from_dict(data)


def summary(snapshot: ClusterSnapshot) -> t.List[str]:
    """A few lines a person reads: nodes, ranges, and each CNI that runs."""
    ready = sum(1 for node in snapshot.nodes if node.ready)
    lines = [
        f"Kubernetes {snapshot.version or 'of unknown version'}: {ready} of {len(snapshot.nodes)} nodes Ready, {len(snapshot.pods)} pods",
        f"pod network {_words(snapshot.cluster_cidrs)}, Services {_words(snapshot.service_cidrs)}, "
        f"kube-proxy {snapshot.kube_proxy_mode or 'not found'}",
    ]
    lines += [_flannel_line(flannel) for flannel in snapshot.flannel]
    if snapshot.calico is not None:
        lines.append(_calico_line(snapshot.calico))
    lines += [f"other CNI: {name}" for name in snapshot.other_cnis]
    if not snapshot.flannel and not snapshot.other_cnis and snapshot.calico is None:
        lines.append("no CNI found: looked in " + "; ".join(snapshot.searched))
    return lines


def _flannel_line(flannel: Flannel) -> str:
    owner = f", managed by {flannel.managed_by}" if flannel.managed_by else ""
    names = ", ".join(f"{reference.namespace}/{reference.name}" for reference in flannel.daemonsets or (flannel.daemonset,))
    return (
        f"flannel {names}: {flannel.ready} of {flannel.desired} ready, backend {flannel.backend or 'unknown'}, "
        f"Network {flannel.network or 'unknown'}, {flannel.image}{owner}"
    )


def _calico_line(calico: Calico) -> str:
    pools = _words([pool.cidr for pool in calico.pools])
    if calico.daemonset is None:
        return f"Calico does not run, but its API objects are there: pools {pools}, {len(calico.blocks)} IPAM blocks"
    name = f"{calico.daemonset.namespace}/{calico.daemonset.name}"
    return f"Calico {name}: {calico.ready} of {calico.desired} ready, pools {pools}, {len(calico.blocks)} IPAM blocks, {calico.image}"


def _words(values: t.Iterable[str]) -> str:
    return ", ".join(values) or "unknown"


_NESTED: _records.Nesting = {
    (Flannel, "daemonset"): ObjectRef,
    (Flannel, "daemonsets"): ObjectRef,
    (Flannel, "config_map"): ObjectRef,
    (Flannel, "objects"): ObjectRef,
    (Calico, "daemonset"): ObjectRef,
    (Calico, "pools"): IPPool,
    (Calico, "blocks"): IPAMBlock,
    (Calico, "objects"): ObjectRef,
    (Calico, "policies"): ObjectRef,
    (ClusterSnapshot, "nodes"): Node,
    (ClusterSnapshot, "pods"): Pod,
    (ClusterSnapshot, "flannel"): Flannel,
    (ClusterSnapshot, "calico"): Calico,
    (ClusterSnapshot, "webhooks"): Webhook,
    (ClusterSnapshot, "budgets"): Budget,
    (ClusterSnapshot, "keepers"): Keeper,
}
