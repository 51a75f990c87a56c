# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about the nodes: whether all of them are there, known to the inventory, reached, Ready, open and with room.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import MIGRATING, NONE, Situation


def found(at: Situation) -> t.Iterator[checks.Check]:
    if at.cluster.nodes:
        yield checks.passed("nodes-found", f"{len(at.cluster.nodes)} nodes")
    else:
        yield checks.failed("nodes-found", "the cluster has no node", "Node objects", "Use the kubeconfig of the cluster to change.")


def inventory_matches(at: Situation) -> t.Iterator[checks.Check]:
    hosts, names = _hosts(at), _node_names(at)
    strangers = sorted(set(hosts) - set(names))
    absent = sorted(set(names) - set(hosts)) if at.wanted.hosts else []
    for host in strangers:
        seen = at.all_snapshots.get(host)
        alias = f"; its own name {seen.hostname} is one" if seen and seen.hostname in names else ""
        yield checks.failed(
            "inventory-matches-nodes",
            f"host {host} of the inventory is no node of the cluster{alias}",
            host,
            f"Name hosts as the nodes are named ({checks.shortened(names)}); the address goes into ansible_host.",
        )
    for name in absent:
        yield checks.failed(
            "inventory-matches-nodes",
            f"node {name} is not in the inventory",
            name,
            "Add it to group k8s_cluster and run without --limit: every node changes or none.",
        )
    if not strangers and not absent:
        yield checks.passed("inventory-matches-nodes", f"{len(hosts)} hosts, all of them nodes")


def reachable(at: Situation) -> t.Iterator[checks.Check]:
    # A node that the inventory does not know was never tried: the question before this one reports it.
    tried = set(at.wanted.hosts or _node_names(at)) & set(_node_names(at))
    silent = sorted(tried - set(at.snapshots))
    for name in silent:
        yield checks.failed(
            "nodes-reachable",
            f"node {name} could not be inspected",
            name,
            "It is unreachable or not in the inventory: make `ansible -m ping` succeed on it.",
        )
    if not silent:
        yield checks.passed("nodes-reachable", f"{len(tried)} nodes inspected")


def ready(at: Situation) -> t.Iterator[checks.Check]:
    lazy = [node.name for node in at.cluster.nodes if not node.ready]
    if lazy and at.state == MIGRATING:
        yield checks.skipped("nodes-ready", f"not Ready: {checks.shortened(lazy)}; the interrupted migration took their network")
        return
    # Where no CNI is yet, no node can be Ready: the network is what they wait for.
    if lazy and at.state == NONE:
        yield checks.skipped("nodes-ready", f"not Ready: {checks.shortened(lazy)}; they wait for a CNI")
        return
    for name in lazy:
        yield checks.failed(
            "nodes-ready", f"node {name} is not Ready", name, f"See `kubectl describe node {name}`; mend it or remove it first."
        )
    if not lazy:
        yield checks.passed("nodes-ready", f"{len(at.cluster.nodes)} of {len(at.cluster.nodes)} Ready")


def cordoned(at: Situation) -> t.Iterator[checks.Check]:
    closed = [node.name for node in at.cluster.nodes if node.unschedulable]
    if closed:
        yield checks.warned(
            "nodes-schedulable",
            f"cordoned: {checks.shortened(closed)}",
            checks.shortened(closed),
            "No new pod comes to them: pods that belong there wait until they are open again.",
            fix=f"kubectl uncordon {' '.join(closed)}",
        )
    else:
        yield checks.passed("nodes-schedulable", "no node is cordoned")


def disks(at: Situation) -> t.Iterator[checks.Check]:
    """Configuration that is cut off in the middle leaves a node without a network; images need much more room."""
    full = [line for name, node in sorted(at.snapshots.items()) for disk in node.disks for line in _full(name, disk)]
    tight = [line for name, node in sorted(at.snapshots.items()) for disk in node.disks for line in _tight(name, disk)]
    if full:
        yield checks.failed(
            "disk-space",
            f"no room on {checks.counted(len(checks.places(full)), 'node')}",
            checks.shortened(checks.places(full)),
            "Make room there first.",
            full,
            fix=_PRUNE,
        )
    elif tight:
        advice = "Calico's images need about 1 GiB, and kubelet deletes pods and images when a disk is nearly full: make room."
        yield checks.warned(
            "disk-space",
            f"little room on {checks.counted(len(checks.places(tight)), 'node')}",
            checks.shortened(checks.places(tight)),
            advice,
            tight,
            fix=_PRUNE,
        )
    elif any(node.disks for node in at.snapshots.values()):
        least = min((disk.free, name, disk.path) for name, node in at.snapshots.items() for disk in node.disks)
        yield checks.passed("disk-space", f"at least {_gib(least[0])} everywhere ({least[1]} {least[2]})")
    else:
        yield checks.skipped("disk-space", "no node told")


#: Removes images that no container uses.
_PRUNE = "crictl rmi --prune"

_MIB = 1 << 20
#: Below this a file of a few kilobytes may not fit any more, with what else is written meanwhile.
_FULL = 64 * _MIB
_FULL_INODES = 1000
#: What images need, and the share of free room below which kubelet begins to clear (imagefs.available, nodefs.available).
_IMAGES = 2048 * _MIB
_SHARE = {"/var/lib/containerd": 0.15, "/var/lib/containers": 0.15, "/var/lib/kubelet": 0.10}


def _full(name: str, disk: snapshot.Disk) -> t.Iterator[str]:
    if disk.free < _FULL:
        yield f"{name}: {_gib(disk.free)} free at {disk.path}"
    elif disk.inodes and disk.inodes_free < _FULL_INODES:
        yield f"{name}: {disk.inodes_free} files more at {disk.path}, then no other"


def _tight(name: str, disk: snapshot.Disk) -> t.Iterator[str]:
    share = _SHARE.get(disk.path)
    if share is not None and (disk.free < _IMAGES or disk.free < share * disk.total):
        yield f"{name}: {_gib(disk.free)} of {_gib(disk.total)} free at {disk.path}"


def _gib(size: int) -> str:
    return f"{size / 1024 / _MIB:.1f} GiB"


def _hosts(at: Situation) -> t.Tuple[str, ...]:
    return at.wanted.hosts or tuple(at.all_snapshots)


def _node_names(at: Situation) -> t.List[str]:
    return [node.name for node in at.cluster.nodes]
