# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a cluster stands, and which pod network it has.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, network, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import (
    CALICO,
    FLANNEL,
    MIGRATING,
    NONE,
    OTHER,
    Journal,
    Wanted,
)


def state_of(seen: cluster.ClusterSnapshot, snapshots: t.Mapping[str, snapshot.NodeSnapshot], journal: Journal) -> str:
    """One of `situation.STATES`. Flannel beside Calico is an interrupted migration only when a journal says so."""
    calico_runs = _calico_runs(seen)
    if seen.flannel:
        return MIGRATING if calico_runs and journal.unfinished else FLANNEL
    if journal.unfinished or any(map(flannel_leftovers, snapshots.values())):
        return MIGRATING
    if calico_runs:
        return CALICO
    return OTHER if seen.other_cnis else NONE


def flannel_leftovers(node: snapshot.NodeSnapshot) -> t.Tuple[str, ...]:
    """What of flannel is on the node's kernel and configuration. Its binary alone tells nothing: packages of plugins bring one."""
    found = [link.name for link in node.links if _of_flannel(link.owner) or link.name.startswith("flannel")]
    found += [conflist.path for conflist in node.conflists if _of_flannel(conflist.owner)]
    found += [f"{chain.table} chain {chain.name}" for chain in node.chains if any(map(_of_flannel, _owners(chain)))]
    if node.subnet_env:
        found.append("subnet.env")
    return tuple(dict.fromkeys(found))


def resolve_network(
    seen: cluster.ClusterSnapshot, snapshots: t.Mapping[str, snapshot.NodeSnapshot], wanted: Wanted, journal: Journal, state: str
) -> str:
    """The pod network: the wanted one, else the journal's, flannel's, what flannel left on the nodes, Calico's pool, the cluster's."""
    noted = journal.network if state == MIGRATING else ""
    runs = seen.flannel[0].network if seen.flannel else ""
    left = sorted({node.subnet_env["FLANNEL_NETWORK"] for node in snapshots.values() if node.subnet_env.get("FLANNEL_NETWORK")})
    # Two nodes that disagree settle nothing, and a wrong pool is worse than a question.
    settled = left[0] if len(left) == 1 else ""
    pools = [pool.cidr for pool in (seen.calico.pools if seen.calico else ()) if not pool.disabled and network.is_ipv4(pool.cidr)]
    ranges = [cidr for cidr in seen.cluster_cidrs if network.is_ipv4(cidr)] if state == NONE else []
    return next(filter(None, [wanted.network, noted, runs, settled, *pools, *ranges]), "")


def _calico_runs(seen: cluster.ClusterSnapshot) -> bool:
    return seen.calico is not None and seen.calico.daemonset is not None


def _of_flannel(owner: str) -> bool:
    return snapshot.cni_of(owner) == FLANNEL


def _owners(chain: snapshot.Chain) -> t.Tuple[str, ...]:
    """Whose the chain is, and whose its rules are: old flannels wrote theirs into built-in chains."""
    return (chain.owner, *(rule.owner for rule in chain.rules))
