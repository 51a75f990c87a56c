# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Decides how each pod that is not on its CNI gets there, and in which order.

Pure: no I/O. ``_kube.rollouts`` makes the moves. Private: may change at any time.
"""

from __future__ import annotations

import collections
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import connectivity
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Left, Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import (
    EVICT,
    IN_PLACE,
    LEAVE,
    ROLLING,
    ROLLOUT,
    WAYS,
    WISH,
    Member,
    Move,
    Plan,
    Policy,
    Scene,
    Tier,
    Workload,
)

PROBE, DNS, WEBHOOKS, REST, AILING = "probe", "dns", "webhooks", "rest", "not ready before"
TIERS = (PROBE, DNS, WEBHOOKS, REST, AILING)

#: A cluster of so many nodes may have no room for a second pod beside the first.
_FEW_NODES = 2

#: Owners whose pods work once: a second one would repeat the work.
_JOBS = ("Job", "CronJob")

_STATIC = "a static pod: kubelet keeps it until its manifest on the node changes"
_NEVER = "its containers are never restarted (restartPolicy Never): let it finish, or delete and create it by hand"
_NO_NODE = "its node {node} is not Ready: repair the node, then run this again"
_NOBODY = "nobody would make it anew by a rollout: ask for in-place or evict"
_ASKED = "asked for by {by}"

#: A unit is what moves by one decision: the pods of one workload, or a bare pod.
_Unit = t.Tuple[Owner, t.List[Member]]


def plan(scene: Scene, fit: Fit, policy: Policy, namespaces: t.Collection[str] = ()) -> Plan:
    """What to do so that no pod is left off its CNI; only in ``namespaces``, if there are any."""
    if scene.misspelt:
        raise _errors.BadInputError(
            "; ".join(scene.misspelt), f"{WISH} annotation or label", f"It may be {', '.join(reversed(WAYS))}. Nothing was changed."
        )
    planner = _Planner(scene, fit, policy)
    tiers: t.Dict[str, t.List[Move]] = {name: [] for name in TIERS}
    left: t.List[Left] = []
    for owner, members in planner.units(namespaces):
        foreign = [member for member in members if fit.is_foreign(member.pod) and not member.pod.deleting]
        for move in planner.moves(owner, members, foreign) if foreign else ():
            if move.way == LEAVE:
                left += [Left(member.pod, "; ".join(move.notes)) for member in move.members]
            else:
                tiers[planner.tier(members, foreign)].append(move)
    # What measures the network depends on nobody and nobody on it.
    return Plan(tuple(Tier(name, tuple(moves), holds=name != PROBE) for name, moves in tiers.items() if moves), tuple(left))


class _Planner:
    def __init__(self, scene: Scene, fit: Fit, policy: Policy) -> None:
        self._scene, self._fit, self._policy = scene, fit, policy
        self._broken = {node.name for node in scene.nodes if not node.ready}
        self._hooks: t.Dict[str, t.List[t.Mapping[str, str]]] = collections.defaultdict(list)
        for hook in scene.hooks:
            self._hooks[hook.namespace].append(hook.labels)

    def units(self, namespaces: t.Collection[str]) -> t.List[_Unit]:
        units: t.Dict[Owner, t.List[Member]] = collections.defaultdict(list)
        for member in self._scene.members:
            if not namespaces or member.pod.namespace in namespaces:
                unit = self._scene.workload_of(member) or Owner(member.pod.namespace, "Pod", member.pod.name)
                units[unit].append(member)
        return sorted(units.items(), key=lambda unit: (unit[0].namespace, unit[0].name, unit[0].kind))

    def tier(self, members: t.Sequence[Member], foreign: t.Sequence[Member]) -> str:
        if all(connectivity.is_probe(member.pod.labels) for member in members):
            return PROBE
        if any(_is_dns(member.pod) for member in members):
            return DNS
        if any(self._is_hook(member.pod) for member in members):
            return WEBHOOKS
        return REST if all(member.pod.ready for member in foreign) else AILING

    def moves(self, owner: Owner, members: t.Sequence[Member], foreign: t.Sequence[Member]) -> t.Iterator[Move]:
        """One move, or where the pods of a unit cannot all go the same way, one for each way."""
        way, by = self._wanted(owner, foreign)
        why = _ASKED.format(by=by) if by else ""
        way, held = self._as_possible(owner, way, members)
        if way == ROLLOUT:
            notes = tuple(filter(None, [why, _loss(foreign)]))
            yield Move(owner, ROLLOUT, tuple(foreign), notes, self._scene.workloads[owner].rolling)
            return
        ways = [(member, *self._pod_way(member, way)) for member in foreign]
        for chosen, reason in dict.fromkeys((chosen, reason) for _member, chosen, reason in ways):
            same = tuple(member for member, *decision in ways if decision == [chosen, reason])
            yield Move(owner, chosen, same, tuple(filter(None, [why, held, reason])))

    def _wanted(self, owner: Owner, foreign: t.Sequence[Member]) -> t.Tuple[str, str]:
        """The way, and who asked for it; nobody when it is the policy's. The closer to the pod, the more a wish counts."""
        wishes = {member.wish for member in foreign if member.wish}
        workload = self._scene.workloads.get(owner)
        asked = (
            (next((way for way in WAYS if way in wishes), ""), f"{WISH} of the pod"),
            (workload.wish if workload else "", f"{WISH} of the {owner.kind}"),
            (self._policy.namespaces.get(owner.namespace, ""), f"the policy for namespace {owner.namespace}"),
            (self._scene.namespaces.get(owner.namespace, ""), f"{WISH} of namespace {owner.namespace}"),
        )
        return next(((way, by) for way, by in asked if way), (self._usual(owner, foreign), ""))

    def _usual(self, owner: Owner, foreign: t.Sequence[Member]) -> str:
        if owner.kind == "Pod":
            return self._policy.bare
        if owner.kind in _JOBS:
            return self._policy.job
        if any(f"{owner.namespace}/{claim}" in self._scene.local_claims for member in foreign for claim in member.pod.claims):
            return self._policy.local_volume
        if owner.kind not in ROLLING or owner not in self._scene.workloads:
            return self._policy.other
        alone = owner.kind != "DaemonSet" and self._scene.workloads[owner].replicas == 1
        return self._policy.small_cluster if alone and len(self._scene.nodes) <= _FEW_NODES else self._policy.default

    def _as_possible(self, owner: Owner, way: str, members: t.Sequence[Member]) -> t.Tuple[str, str]:
        """The way as far as the workload can go it, and what keeps it from the one that was wanted."""
        workload = self._scene.workloads.get(owner)
        if way != ROLLOUT:
            return way, ""
        if owner.kind in ("Pod", *_JOBS):
            return LEAVE, _NOBODY
        if owner.kind not in ROLLING or workload is None:
            return EVICT, f"a {owner.kind} has no rollout"
        return _rollable(workload, [member.pod.ready for member in members])

    def _pod_way(self, member: Member, way: str) -> t.Tuple[str, str]:
        """The way of one pod that is not moved by a rollout, and why it is another one than wanted."""
        if member.pod.owner_kind == "Node":
            return LEAVE, _STATIC
        if way == LEAVE:
            return LEAVE, ""
        if member.pod.node in self._broken:
            return LEAVE, _NO_NODE.format(node=member.pod.node)
        keeps = way == EVICT and member.scratch and not self._policy.scratch
        if way == EVICT and not keeps:
            return EVICT, _loss([member])
        reason = f"an eviction would lose {_volumes(member)}" if keeps else ""
        return (LEAVE, _NEVER) if member.pod.restart_policy == "Never" else (IN_PLACE, reason)

    def _is_hook(self, pod: Pod) -> bool:
        wanted = self._hooks.get(pod.namespace, ())
        return any(labels and labels.items() <= pod.labels.items() for labels in wanted)


def _rollable(workload: Workload, ready: t.Collection[bool]) -> t.Tuple[str, str]:
    """The way of a workload that has rollouts: one, if it would end."""
    if workload.ordered and not workload.rolling and not all(ready):
        # It waits for that pod before it makes any other one, also in place of one that was evicted.
        return IN_PLACE, "one of its pods is not ready, so it would replace none"
    if workload.held:
        return EVICT, f"{workload.held}, so its pods are evicted one by one"
    if not any(ready):
        # A rollout would only add a pod that does not get ready to the one that does not.
        return EVICT, "none of its pods is ready, so no rollout of it would end"
    return ROLLOUT, ""


def _is_dns(pod: Pod) -> bool:
    return pod.namespace == "kube-system" and pod.labels.get("k8s-app") == "kube-dns"


def _loss(members: t.Iterable[Member]) -> str:
    """What goes with the pods, as with any restart of them."""
    volumes = list(dict.fromkeys(_volumes(member) for member in members if member.scratch))
    return f"what is in {', '.join(volumes)} goes with the pod" if volumes else ""


def _volumes(member: Member) -> str:
    return f"emptyDir {', '.join(member.scratch)}"
