# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about the nodes: whether all of them are there, known to the inventory, reached and Ready.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks
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


def _hosts(at: Situation) -> t.Tuple[str, ...]:
    return at.wanted.hosts or tuple(at.all_snapshots)


def _node_names(at: Situation) -> t.List[str]:
    return [node.name for node in at.cluster.nodes]
