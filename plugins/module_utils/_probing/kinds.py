# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods policies do not tell apart: these are one kind, and one pod for all of them will do.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import MANAGED_BY, MANAGER
from ansible_collections.podnet.cni.plugins.module_utils._netpol import PROFILES, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

SHADOW, EPHEMERAL = "shadow", "ephemeral"
#: Namespaces that are the cluster's own, and those that CNIs make; nothing is put into them unless they are asked for.
_SYSTEM = (
    *("kube-system", "kube-public", "kube-node-lease"),
    *("kube-flannel", "tigera-operator", "calico-system", "calico-apiserver", "cilium", "cilium-secrets", "cilium-spire"),
)


@dataclasses.dataclass(frozen=True)
class Kind:
    """Pods that no policy tells apart. ``pods``: the first is the one that is imitated. ``ours``: it is the `outsider`, nobody's pod."""

    number: int
    pods: t.Tuple[model.Pod, ...]
    ours: bool = False

    @property
    def model(self) -> model.Pod:
        return self.pods[0]

    @property
    def name(self) -> str:
        more = len(self.pods) - 1
        return self.model.reference + (f" and {more} more" if more else "")


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be measured. ``namespaces``: of these only; empty: of all but the cluster's own. ``most``: kinds."""

    namespaces: t.Tuple[str, ...] = ()
    clients: str = SHADOW
    most: int = 40


def profile(cni: str) -> str:
    """The profile by which policies are judged: of a CNI that does nothing, what any other would do."""
    return cni if PROFILES[cni].enforces else "generic"


def of(world: World, wanted: Wanted, named: t.Iterable[str] = ()) -> t.Tuple[Kind, ...]:
    """The kinds of pods in the wanted namespaces, and of the pods ``named`` wherever they are, which come first in theirs.

    Raises BadInputError, and UnmeasurableError where there are none, or too many.
    """
    unknown = [name for name in wanted.namespaces if name not in world.namespaces]
    if unknown:
        raise _errors.BadInputError(f"there is no namespace {unknown[0]}", "option namespaces", "Name those whose pods are to be probed.")
    extra = {number for reference in named for number in world.members.get(reference, ())}
    told = _Namespaces(world)
    words = Vocabulary.of(world.policies, (tier.pods for tier in world.tiers))
    grouped: t.Dict[t.Tuple[t.Any, ...], t.List[model.Pod]] = {}
    for number, pod in enumerate(world.pods):
        if pod.host_network or pod.is_template or not (number in extra or _is_wanted(pod.namespace, world, wanted)):
            continue
        key = told.key(pod.namespace), words.labels(pod.labels), words.ports(pod.ports)
        grouped.setdefault(key, []).append(pod)
    if not grouped:
        raise _errors.UnmeasurableError(
            "no pod is there that policies are about", "option namespaces", "Name namespaces with running pods."
        )
    if len(grouped) > wanted.most:
        raise _errors.UnmeasurableError(
            f"policies tell {len(grouped)} kinds of pods apart, and at most {wanted.most} are probed at once",
            "option namespaces",
            "Probe some namespaces at a time, or raise max_kinds: the connections grow with its square.",
        )
    first = {world.pods[number].reference for number in extra}
    return tuple(Kind(number, tuple(sorted(pods, key=_unfit(first)))) for number, pods in enumerate(grouped.values()))


def _unfit(first: t.AbstractSet[str]) -> t.Callable[[model.Pod], t.Tuple[bool, bool, bool]]:
    """The one that is imitated, or asks, should be one that runs, and stays; and one of ``first``, if there is any."""
    return lambda pod: (pod.terminating, not pod.addresses, pod.reference not in first)


def _is_wanted(namespace: str, world: World, wanted: Wanted) -> bool:
    if wanted.namespaces:
        return namespace in wanted.namespaces
    return namespace not in _SYSTEM and world.namespaces[namespace].get(MANAGED_BY) != MANAGER


def outsider(namespace: str, found: t.Sequence[Kind]) -> Kind:
    """One more kind, beside ``found``: a pod of ours without labels in our own ``namespace``, which no policy of a user's selects.

    What policies allow it is what shows that the network works at all.
    """
    return Kind(1 + max(kind.number for kind in found), (model.Pod(namespace, "outsider"),), ours=True)


class _Namespaces:
    """What policies see of a namespace: itself where it has some, else those of its labels that some policy mentions."""

    def __init__(self, world: World) -> None:
        self._labels = world.namespaces
        self._own = {policy.namespace for policy in world.policies}
        rules = [rule for policy in world.policies for rule in (*(policy.ingress or ()), *(policy.egress or ()))]
        mentioned = [peer.namespaces for rule in rules for peer in rule.peers if peer.namespaces]
        self._selectors = dict.fromkeys([*mentioned, *(tier.namespaces for tier in world.tiers)])

    def key(self, namespace: str) -> t.Tuple[t.Any, ...]:
        if namespace in self._own:
            return (namespace,)
        labels = self._labels.get(namespace, {})
        return ("", *(selector.matches(labels) for selector in self._selectors))
