# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides, before anything is changed, where a cluster stands and whether the wanted change can be made.

`examine` names the state, resolves the pod network, and asks the questions of the tables below.
A question is a function in the file of its subject: it looks at a `Situation` and yields its answers, none where it does not apply.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import (
    capabilities,
    cnis,
    links,
    nodes,
    ranges,
    rollback,
    strategy,
    workloads,
)
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import ROLLBACK, Journal, Situation, Wanted
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.state import resolve_network, state_of

_Question = t.Callable[[Situation], t.Iterator[checks.Check]]

# A question stands in one of these tables; its answers come in their order.
ALWAYS: t.Tuple[_Question, ...] = (
    strategy.known,
    nodes.found,
    nodes.inventory_matches,
    nodes.reachable,
    nodes.ready,
    strategy.already_there,
    cnis.flannel_found,
    cnis.calico_found,
    cnis.policies_kept,
    cnis.one_flannel,
    cnis.calico_absent,
    cnis.operator_absent,
    cnis.no_other_cni,
    strategy.cni_absent,
    strategy.no_opposite_migration,
    strategy.unchanged,
)
# Of no node at all, anything is true.
OF_INSPECTED_NODES: t.Tuple[_Question, ...] = (
    cnis.conflist_winner,
    capabilities.one_iptables_backend,
)
OF_INSPECTED_NODES_BEFORE_A_CHANGE: t.Tuple[_Question, ...] = (
    links.managers,
    links.ports,
    links.mtu,
    nodes.disks,
)
BEFORE_A_CHANGE: t.Tuple[_Question, ...] = (
    cnis.not_managed,
    cnis.not_kept,
    cnis.calico_not_managed,
    ranges.network_known,
    ranges.pool_unchanged,
    ranges.pool_inside,
    ranges.pool_apart_from_services,
    ranges.pool_apart_from_nodes,
    ranges.pool_big_enough,
    ranges.podcidr_inside,
    ranges.room_for_flannel,
    ranges.cluster_cidr_matches,
    ranges.ipv4_only,
    capabilities.architecture,
    capabilities.operating_system,
    capabilities.runtime,
    capabilities.kernel,
    capabilities.kube_proxy,
    nodes.cordoned,
    workloads.webhooks,
)
BEFORE_PODS_MOVE: t.Tuple[_Question, ...] = (
    links.return_paths,
    workloads.budgets,
    workloads.bare_pods,
    workloads.unrestarted,
    workloads.local_volumes,
    workloads.empty_dirs,
    workloads.unwell,
)
# The way back changes nothing about the network that flannel has had all the time: it only asks whether it is there.
OF_A_ROLLBACK: t.Tuple[_Question, ...] = (
    strategy.known,
    nodes.found,
    nodes.inventory_matches,
    nodes.reachable,
    nodes.ready,
    cnis.no_other_cni,
    rollback.migration_to_undo,
    rollback.flannel_alive,
    rollback.flannel_configured,
    ranges.room_for_flannel,
    cnis.policies_kept,
)


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The outcome: where the cluster stands, the pod network, and each question's answer."""

    state: str
    network: str
    checks: t.Tuple[checks.Check, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing speaks against the change."""
        return not checks.failures(self.checks)


def examine(
    seen: cluster.ClusterSnapshot,
    snapshots: t.Mapping[str, snapshot.NodeSnapshot],
    wanted: Wanted,
    journal: Journal,
) -> Verdict:
    """Where the cluster stands and whether the wanted change can be made."""
    names = {node.name for node in seen.nodes}
    inspected = {name: node for name, node in snapshots.items() if name in names}
    state = state_of(seen, inspected, journal)
    pods_network = resolve_network(seen, inspected, wanted, journal, state)
    situation = Situation(seen, inspected, snapshots, wanted, journal, state, pods_network)
    answers = tuple(check for question in _asked(situation) for check in question(situation))
    return Verdict(state, situation.network, answers)


def _asked(at: Situation) -> t.Tuple[_Question, ...]:
    if at.wanted.strategy == ROLLBACK:
        return OF_A_ROLLBACK
    tables = (
        (True, ALWAYS),
        (bool(at.snapshots), OF_INSPECTED_NODES),
        (at.changes, BEFORE_A_CHANGE),
        (at.changes and bool(at.snapshots), OF_INSPECTED_NODES_BEFORE_A_CHANGE),
        (at.moves, BEFORE_PODS_MOVE),
    )
    return tuple(question for applies, table in tables if applies for question in table)


def failure_message(verdict: Verdict) -> str:
    """All failed checks in one text: what was found, where, and what to do next."""
    lines = checks.failure_lines(verdict.checks)
    count = f"{len(lines)} of {len(verdict.checks)} answers speak against it"
    return "\n".join([f"Preflight failed, nothing was changed (state: {verdict.state}). {count}:", *lines])
