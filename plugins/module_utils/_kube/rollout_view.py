# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a move of pods looks at: the whole cluster once to plan, and then only the workloads that move.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, cluster, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import budgets, progress, reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member, Scene
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.collect import CALICO

#: Where the API serves a kind of controller.
_GROUPS = {
    "Deployment": "/apis/apps/v1",
    "ReplicaSet": "/apis/apps/v1",
    "StatefulSet": "/apis/apps/v1",
    "DaemonSet": "/apis/apps/v1",
    "Job": "/apis/batch/v1",
    "ReplicationController": "/api/v1",
}
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1"


def scene(client: t.Any) -> Scene:
    """All that decides how pods move: a fixed number of list calls."""
    api = Api(client)
    # Pods before Calico's blocks: an address given in between then counts as given.
    pods = api.items("/api/v1/pods") or []
    lists = reading.Lists(
        nodes=api.items("/api/v1/nodes") or [],
        pods=pods,
        namespaces=api.items("/api/v1/namespaces") or [],
        controllers={kind: api.items(f"{group}/{kind.lower()}s") or [] for kind, group in _GROUPS.items()},
        volumes=api.items("/api/v1/persistentvolumes") or [],
        services=api.items("/api/v1/services") or [],
        webhooks=[
            item
            for plural in ("validatingwebhookconfigurations", "mutatingwebhookconfigurations")
            for item in api.items(f"{_WEBHOOKS}/{plural}") or []
        ],
    )
    return reading.scene(lists, _ipam(api))


def _ipam(api: Api) -> t.Optional[cluster.Calico]:
    blocks = api.items(f"{CALICO}/ipamblocks")
    return None if blocks is None else cluster.Calico(blocks=calico.ipam_blocks(blocks))


@dataclasses.dataclass(frozen=True)
class Target:
    """The CNI that pods are to be on, and the nodes it is about; none means all.

    With ``renew``, pods are to be younger than the CNI's agent on their node.
    """

    cni: str
    nodes: t.Tuple[str, ...] = ()
    renew: bool = False

    def fit(self, seen: Scene) -> Fit:
        """The question whether a pod of the scene is there."""
        return Fit.of(self.cni, seen.calico, seen.nodes, self.nodes, seen.agents if self.renew else {})


class View:
    """One look at some workloads and their pods. Each thing is asked for once, so all that use it see the same moment."""

    def __init__(self, client: t.Any, target: Target) -> None:
        self._api = Api(client)
        self._target = target
        self._answers: t.Dict[str, t.Any] = {}

    def item(self, owner: Owner) -> t.Optional[objects.Raw]:
        """The controller, or nothing when it is gone or of a kind that is not known here."""
        path = _path(owner)
        return self._once(path, lambda: self._api.item(path)) if path else None

    def wish(self, owner: t.Optional[Owner]) -> t.Optional[int]:
        """How many pods the controller wants now; None when it does not tell."""
        return progress.wish(owner.kind, self.item(owner)) if owner and _path(owner) else None

    def members(self, namespace: str) -> t.List[Member]:
        """All pods of a namespace."""
        return [reading.member(item) for item in self._list(f"/api/v1/namespaces/{namespace}/pods")]

    def team(self, owner: Owner) -> t.List[Member]:
        """The pods of a workload, those of a Deployment's ReplicaSets included."""
        parents = dict(reading.parents("ReplicaSet", self._replica_sets(owner.namespace))) if owner.kind == "Deployment" else {}
        return [member for member in self.members(owner.namespace) if member.owner and parents.get(member.owner, member.owner) == owner]

    def revisions(self, owner: Owner) -> t.List[objects.Raw]:
        """Where the workload keeps its earlier templates."""
        if owner.kind == "Deployment":
            return self._replica_sets(owner.namespace)
        return self._list(f"/apis/apps/v1/namespaces/{owner.namespace}/controllerrevisions")

    def fit(self) -> Fit:
        """The question whether a pod is on its CNI. To be asked for after the pods, as an address is given before a pod tells it."""
        found: Fit = self._once("fit", self._fit)
        return found

    def budgets(self, member: Member) -> t.Tuple[str, ...]:
        """The disruption budgets over a pod, in words."""
        return budgets.over(member.pod.labels, self._list(f"/apis/policy/v1/namespaces/{member.pod.namespace}/poddisruptionbudgets"))

    def _fit(self) -> Fit:
        nodes = tuple(map(objects.node, self._list("/api/v1/nodes")))
        agents = reading.agents(self._list("/api/v1/pods")) if self._target.renew else {}
        return self._target.fit(Scene(nodes=nodes, calico=_ipam(self._api), agents=agents))

    def _replica_sets(self, namespace: str) -> t.List[objects.Raw]:
        return self._list(f"/apis/apps/v1/namespaces/{namespace}/replicasets")

    def _list(self, path: str) -> t.List[objects.Raw]:
        found: t.List[objects.Raw] = self._once(path, lambda: self._api.items(path) or [])
        return found

    def _once(self, key: str, ask: t.Callable[[], t.Any]) -> t.Any:
        if key not in self._answers:
            self._answers[key] = ask()
        return self._answers[key]


def _path(owner: Owner) -> str:
    group = _GROUPS.get(owner.kind)
    return f"{group}/namespaces/{owner.namespace}/{owner.kind.lower()}s/{owner.name}" if group else ""
