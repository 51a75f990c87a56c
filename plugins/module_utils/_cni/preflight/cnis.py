# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Questions about the CNIs that the cluster has: which ones run, who manages them, whose configuration wins.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import CALICO, FLANNEL, MIGRATING, Situation

_BRINGS_BACK = ("Argo CD", "Flux", "addon manager", "Rancher deploy controller", "Fleet", "kapp")

_TAKE_OUT = "Take flannel out of what it applies (without deleting the objects), then start again."


def calico_found(at: Situation) -> t.Iterator[checks.Check]:
    """The way to flannel starts where Calico is."""
    if at.wanted.strategy == "install" or at.wanted.target != FLANNEL or at.state == FLANNEL:
        return
    found = at.cluster.calico
    if found is not None and found.daemonset is not None:
        place = f"{found.daemonset.namespace}/{found.daemonset.name}"
        yield checks.passed("calico-found", f"{place}, {found.ready} of {found.desired} ready")
    elif at.state == MIGRATING:
        yield checks.skipped("calico-found", f"calico-node is gone, state is {at.state}")
    else:
        yield checks.failed(
            "calico-found",
            f"no Calico found, the cluster's state is {at.state}",
            "DaemonSets of all namespaces",
            "Use the kubeconfig of the cluster to migrate; where no CNI is installed, run install_flannel.yml instead.",
        )


def calico_not_managed(at: Situation) -> t.Iterator[checks.Check]:
    found = at.cluster.calico
    if at.wanted.target != FLANNEL or at.wanted.strategy == "install" or found is None or found.daemonset is None:
        return
    place = f"{found.daemonset.namespace}/{found.daemonset.name}"
    if found.managed_by in _BRINGS_BACK:
        advice = "Take Calico out of what it applies (without deleting the objects), then start again."
        yield checks.failed("calico-not-managed", f"{found.managed_by} manages Calico and would bring it back", place, advice)
    elif found.managed_by:
        advice = "Forget the release before its next upgrade, which would bring Calico back."
        yield checks.warned("calico-not-managed", f"{found.managed_by} installed it and does nothing by itself", place, advice)
    else:
        yield checks.passed("calico-not-managed", "no tool claims Calico", place)


def policies_kept(at: Situation) -> t.Iterator[checks.Check]:
    """Objects of Calico's own kinds go with Calico, and nobody could tell flannel what they say."""
    if at.wanted.target != FLANNEL or at.wanted.strategy == "install" or at.cluster.calico is None:
        return
    found = [
        f"{item.kind} {item.namespace}/{item.name}" if item.namespace else f"{item.kind} {item.name}" for item in at.cluster.calico.policies
    ]
    if not found:
        yield checks.passed("calico-policies", "nobody made objects for Calico alone")
        return
    answer = checks.warned if at.wanted.drop_policies else checks.failed
    yield answer(
        "calico-policies",
        f"{len(found)} objects that only Calico knows go with it, and what they forbid is allowed then",
        checks.shortened(found),
        "Keep a copy and delete them, or allow it with cni_migration_calico_policies=delete; the journal keeps a copy.",
        found,
    )


def flannel_found(at: Situation) -> t.Iterator[checks.Check]:
    if at.wanted.strategy == "install" or at.wanted.target != CALICO:
        return
    if at.cluster.flannel:
        yield checks.passed("flannel-found", "; ".join(map(_describe, at.cluster.flannel)))
    elif at.state in (MIGRATING, CALICO):
        yield checks.skipped("flannel-found", f"flannel is gone, state is {at.state}")
    else:
        others = f"; other CNIs: {', '.join(at.cluster.other_cnis)}" if at.cluster.other_cnis else ""
        searched = "; ".join(at.cluster.searched) or "nothing"
        yield checks.failed(
            "flannel-found",
            f"no flannel found, looked at: {searched}{others}",
            "DaemonSets of all namespaces",
            "Use the kubeconfig of the cluster to migrate; where no CNI is installed, run install_calico.yml instead.",
        )


def one_flannel(at: Situation) -> t.Iterator[checks.Check]:
    found = [f"{item.daemonset.namespace}/{item.daemonset.name}" for item in at.cluster.flannel]
    if len(found) > 1:
        yield checks.failed(
            "one-flannel",
            f"{len(found)} flannel DaemonSets: {', '.join(found)}",
            ", ".join(found),
            "They fight over the same devices: delete the one that is left over, check the nodes, then start again.",
        )
    elif found:
        yield checks.passed("one-flannel", found[0])


def calico_absent(at: Situation) -> t.Iterator[checks.Check]:
    if at.state != FLANNEL:
        return
    if at.cluster.calico is not None and at.cluster.calico.daemonset is not None:
        place = f"{at.cluster.calico.daemonset.namespace}/{at.cluster.calico.daemonset.name}"
        yield checks.failed(
            "calico-absent",
            f"Calico runs beside flannel ({place}) and no migration of ours began it",
            place,
            "Remove one of the two first (Canal, which is both, is not supported).",
        )
    else:
        yield checks.passed("calico-absent", "no Calico runs")


def operator_absent(at: Situation) -> t.Iterator[checks.Check]:
    """In every state: the manifest would be a second Calico beside the operator's own, and what is removed would come back."""
    if at.cluster.calico is None or not at.cluster.calico.operator:
        return
    advice = {
        CALICO: "Let the operator manage Calico, or delete the Installation: it would fight the manifest.",
        FLANNEL: "The operator would bring Calico back: delete the Installation and the operator, and install Calico's manifest first.",
    }
    yield checks.failed("operator-absent", "Calico's operator has an Installation", "Installation", advice[at.wanted.target])


def no_other_cni(at: Situation) -> t.Iterator[checks.Check]:
    if at.cluster.other_cnis:
        yield checks.failed(
            "no-other-cni",
            f"other CNIs run: {', '.join(at.cluster.other_cnis)}",
            ", ".join(at.cluster.other_cnis),
            "Only flannel and Calico are known here: remove the other one or leave this cluster as it is.",
        )
    else:
        yield checks.passed("no-other-cni", "none")


def not_managed(at: Situation) -> t.Iterator[checks.Check]:
    for item in at.cluster.flannel:
        place = f"{item.daemonset.namespace}/{item.daemonset.name}"
        if item.managed_by in _BRINGS_BACK:
            yield checks.failed("not-managed-by-gitops", f"{item.managed_by} manages flannel and would bring it back", place, _TAKE_OUT)
        elif item.managed_by:
            yield checks.warned(
                "not-managed-by-gitops",
                f"{item.managed_by} installed it and does nothing by itself",
                place,
                "Forget the release before its next upgrade, which would bring flannel back.",
            )
        elif not at.cluster.keepers:
            yield checks.passed("not-managed-by-gitops", "no tool claims flannel", place)


def not_kept(at: Situation) -> t.Iterator[checks.Check]:
    """Objects of a tool that hold a list of what it applies; flannel's own labels need not tell of them."""
    for keeper in at.cluster.keepers:
        kept = f" ({', '.join(keeper.keeps)})" if keeper.keeps else ""
        yield checks.failed(
            "not-kept-by-a-tool", f"{keeper.tool} keeps flannel by {keeper.name}{kept} and would bring it back", keeper.name, _TAKE_OUT
        )


def conflist_winner(at: Situation) -> t.Iterator[checks.Check]:
    if at.state not in (FLANNEL, CALICO):
        yield checks.skipped("conflist-winner", f"state is {at.state}")
        return
    wrong = False
    for name, node in sorted(at.snapshots.items()):
        winner = next((conflist for conflist in node.conflists if conflist.wins), None)
        if winner is not None and snapshot.cni_of(winner.owner) == at.state:
            continue
        wrong = True
        seen = f"{winner.path} of {winner.owner} wins ({winner.reason})" if winner else f"no valid file in {node.runtime.conf_dir}"
        yield checks.failed(
            "conflist-winner",
            f"{seen}, not {at.state}'s",
            name,
            f"New pods on this node do not get {at.state}'s network: move the other files out of {node.runtime.conf_dir}.",
        )
    if not wrong:
        yield checks.passed("conflist-winner", f"{at.state}'s file wins on {len(at.snapshots)} nodes")


def _describe(item: cluster.Flannel) -> str:
    """A flannel installation in a few words."""
    names = ", ".join(f"{reference.namespace}/{reference.name}" for reference in item.daemonsets or (item.daemonset,))
    return f"{names}, {item.ready} of {item.desired} ready, backend {item.backend or 'unknown'}, Network {item.network or 'unknown'}"
