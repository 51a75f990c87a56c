# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about the way back to a flannel that lives on: whether a migration is half way, and flannel still everywhere.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import CALICO, FLANNEL, MIGRATING, Situation

_JOURNAL = "ConfigMap kube-system/podnet-cni-migration"
_FULL_WAY = "The full way back from Calico is migrate_to_flannel.yml."
_NOT_OURS = "Only an unfinished migration of ours can be undone: look at the cluster, and at what put Calico beside flannel."
_FINISH = "Finish the migration with migrate_to_calico.yml; from there the full way back is migrate_to_flannel.yml."


def migration_to_undo(at: Situation) -> t.Iterator[checks.Check]:
    if at.journal.unfinished and at.journal.source != FLANNEL:
        yield checks.failed(
            "migration-to-undo",
            f"a migration away from {at.journal.source} is under way (phase {at.journal.phase or 'unknown'}), not one from flannel",
            _JOURNAL,
            "Finish it with the playbook that began it.",
        )
    elif at.journal.unfinished:
        yield checks.passed("migration-to-undo", f"a migration from flannel is under way, phase {at.journal.phase or 'unknown'}")
    elif at.state == FLANNEL and not _calico_runs(at):
        yield checks.passed("migration-to-undo", "none: the cluster runs flannel, there is nothing to roll back")
    else:
        advice = _FULL_WAY if at.state in (CALICO, MIGRATING) else _NOT_OURS
        yield checks.failed(
            "migration-to-undo", f"no unfinished migration from flannel is noted, the cluster's state is {at.state}", _JOURNAL, advice
        )


def flannel_alive(at: Situation) -> t.Iterator[checks.Check]:
    """flannel has to be on every node, or pods that leave Calico would have no network."""
    if not at.journal.unfinished:
        return
    if not at.cluster.flannel:
        yield checks.failed("flannel-alive", "flannel has no DaemonSet any more", "DaemonSets of all namespaces", _FINISH)
        return
    found = at.cluster.flannel[0]
    place = f"{found.daemonset.namespace}/{found.daemonset.name}"
    seen = f"{found.ready} of {found.desired} ready, {len(at.cluster.nodes)} nodes"
    if found.ready < max(found.desired, len(at.cluster.nodes)):
        yield checks.failed("flannel-alive", f"flannel is not ready on every node: {seen}", place, "Repair it, then start again.")
    else:
        yield checks.passed("flannel-alive", seen, place)


def flannel_configured(at: Situation) -> t.Iterator[checks.Check]:
    """Once Calico's configuration is away, the runtime takes flannel's."""
    if not at.journal.unfinished:
        return
    without = [name for name, node in sorted(at.snapshots.items()) if not any(map(_is_usable, node.conflists))]
    for name in without:
        yield checks.failed(
            "flannel-configured",
            "no usable CNI configuration of flannel is there",
            name,
            f"Delete flannel's pod of this node, so that it writes one; if flannel was being removed already: {_FINISH}",
        )
    if not without:
        yield checks.passed("flannel-configured", f"flannel's CNI configuration is on {len(at.snapshots)} nodes")


def _is_usable(conflist: snapshot.Conflist) -> bool:
    return snapshot.cni_of(conflist.owner) == FLANNEL and not conflist.problem


def _calico_runs(at: Situation) -> bool:
    return at.cluster.calico is not None and at.cluster.calico.daemonset is not None
