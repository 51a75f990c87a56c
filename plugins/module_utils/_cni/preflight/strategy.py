# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about the change that is wanted: whether a way leads from where the cluster stands to the target.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import (
    CALICO,
    FLANNEL,
    MIGRATING,
    NONE,
    OTHER,
    ROLLBACK,
    SWITCH,
    Situation,
)

TARGETS = (CALICO, FLANNEL)

_UNDO = "Take it back with rollback_migration.yml as long as flannel lives, or finish it first."

_ANY = frozenset({FLANNEL, MIGRATING, CALICO})

#: strategy -> target -> the states it may start from. ``install`` puts a CNI where none is, ``rollback`` undoes a migration half way.
STRATEGIES: t.Mapping[str, t.Mapping[str, t.FrozenSet[str]]] = {
    "side_by_side": dict.fromkeys(TARGETS, _ANY),
    "cutover": {CALICO: _ANY},
    ROLLBACK: {FLANNEL: frozenset({FLANNEL, MIGRATING})},
    "install": {CALICO: frozenset({NONE, CALICO}), FLANNEL: frozenset({NONE, FLANNEL})},
}


def known(at: Situation) -> t.Iterator[checks.Check]:
    targets = STRATEGIES.get(at.wanted.strategy)
    if targets is None:
        yield checks.failed(
            "strategy-known", f"unknown strategy {at.wanted.strategy!r}", "strategy", f"Choose one of {', '.join(STRATEGIES)}."
        )
    elif at.wanted.target not in targets:
        yield checks.failed(
            "strategy-known",
            f"strategy {at.wanted.strategy} does not lead to {at.wanted.target}",
            "strategy",
            f"It leads to {', '.join(targets)}.",
        )
    else:
        yield checks.passed("strategy-known", f"{at.wanted.strategy} to {at.wanted.target}")


def already_there(at: Situation) -> t.Iterator[checks.Check]:
    if at.state == at.wanted.target:
        yield checks.passed(f"already-{at.wanted.target}", f"the cluster runs {at.wanted.target}: nothing to change")


def cni_absent(at: Situation) -> t.Iterator[checks.Check]:
    """Asked of an installation alone: a migration meets no state that no other question speaks about."""
    if at.wanted.strategy != "install" or at.state in STRATEGIES["install"].get(at.wanted.target, frozenset()) or at.state == OTHER:
        return
    if at.wanted.target == CALICO:
        advice = "Run migrate_to_calico.yml."
    elif at.state == CALICO:
        advice = "Run migrate_to_flannel.yml, or remove Calico first: docs/guides/install.md says how."
    else:
        advice = "Run clean_cni.yml with cni_cleanup_cni=flannel first: leftovers of a flannel that is gone are on the nodes."
    yield checks.failed("cni-absent", f"the cluster is not without a CNI, its state is {at.state}", "cluster", advice)


def unchanged(at: Situation) -> t.Iterator[checks.Check]:
    """A way that was begun is gone to its end: another one would not know what the first has set up."""
    begun = at.journal.strategy
    if at.journal.unfinished and begun == SWITCH:
        yield checks.failed(
            "strategy-unchanged",
            f"a switch of flannel's backend is under way (phase {at.journal.phase or 'unknown'})",
            "ConfigMap kube-system/podnet-cni-migration",
            "Finish it first: run switch_flannel_backend.yml with the same backend again.",
        )
        return
    if not at.journal.unfinished or not begun or at.wanted.strategy == ROLLBACK or at.journal.undoing:
        return
    if begun == at.wanted.strategy:
        yield checks.passed("strategy-unchanged", f"{begun}, as it was begun")
    else:
        yield checks.failed(
            "strategy-unchanged",
            f"a migration by {begun} is under way (phase {at.journal.phase or 'unknown'}), not by {at.wanted.strategy}",
            "ConfigMap kube-system/podnet-cni-migration",
            f"Go on with -e cni_migration_strategy={begun}, or take it back with rollback_migration.yml.",
        )


def no_opposite_migration(at: Situation) -> t.Iterator[checks.Check]:
    if at.journal.unfinished and at.journal.undoing and at.wanted.target != at.journal.source:
        yield checks.failed(
            "no-opposite-migration",
            f"the migration from {at.journal.source} is being rolled back (phase {at.journal.phase or 'unknown'})",
            "ConfigMap kube-system/podnet-cni-migration",
            "Finish that with rollback_migration.yml; then the migration can begin anew.",
        )
    if at.journal.unfinished and at.journal.source == at.wanted.target:
        yield checks.failed(
            "no-opposite-migration",
            f"a migration away from {at.wanted.target} is under way (phase {at.journal.phase or 'unknown'})",
            "ConfigMap kube-system/podnet-cni-migration",
            _UNDO if at.wanted.target == FLANNEL else "Finish that one first.",
        )
