# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads raw API objects into a scene: what decides how pods can be moved.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, flannel, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.recreation import Owner
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import progress
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import ROLLING, WAYS, WISH, Member, Scene, Selector, Workload

Raws = t.Sequence[objects.Raw]


@dataclasses.dataclass(frozen=True)
class Lists:
    """What the API server lists; a kind by kind copy of its answers. ``controllers`` maps a kind to its objects."""

    nodes: Raws = ()
    pods: Raws = ()
    namespaces: Raws = ()
    controllers: t.Mapping[str, Raws] = dataclasses.field(default_factory=dict)
    volumes: Raws = ()
    services: Raws = ()
    webhooks: Raws = ()


def scene(lists: Lists, calico: t.Optional[cluster.Calico]) -> Scene:
    """The scene that the lists tell."""
    controllers = [(kind, item) for kind, items in lists.controllers.items() for item in items]
    wishing = [*(("Namespace", item) for item in lists.namespaces), *controllers, *(("Pod", item) for item in lists.pods)]
    return Scene(
        nodes=tuple(map(objects.node, lists.nodes)),
        members=tuple(map(member, lists.pods)),
        workloads={_owner(kind, item): workload(kind, item) for kind, item in controllers},
        parents=dict(itertools.chain.from_iterable(parents(kind, items) for kind, items in lists.controllers.items())),
        namespaces={objects.metadata(item)["name"]: wish(item) for item in lists.namespaces if wish(item)},
        local_claims=frozenset(objects.local_claims(lists.volumes)),
        hooks=hooks(lists.webhooks, lists.services),
        misspelt=tuple(_misspelling(kind, item) for kind, item in wishing if wish(item) not in ("", *WAYS)),
        calico=calico,
        agents=agents(lists.pods),
    )


def agents(pods: Raws) -> t.Dict[str, float]:
    """When flanneld was started on each node, in seconds since the epoch."""
    running = [objects.pod(item) for item in pods if any(map(flannel.runs_flanneld, (item.get("spec") or {}).get("containers") or ()))]
    return {pod.node: pod.started for pod in running if pod.node and pod.started and not pod.deleting}


def wish(resource: objects.Raw) -> str:
    """What the object's annotation, or else its label, says about moving."""
    metadata = objects.metadata(resource)
    annotations, labels = metadata.get("annotations") or {}, metadata.get("labels") or {}
    return str(annotations.get(WISH) or labels.get(WISH) or "")


def member(resource: objects.Raw) -> Member:
    """A Pod object as a member of the scene."""
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    volumes = spec.get("volumes") or ()
    states = status.get("containerStatuses") or ()
    return Member(
        pod=objects.pod(resource),
        # The claim of an ephemeral volume is deleted with its pod, like an emptyDir.
        scratch=tuple(volume["name"] for volume in volumes if "emptyDir" in volume or "ephemeral" in volume),
        running=tuple(state["name"] for state in states if "running" in (state.get("state") or {})),
        wish=wish(resource),
        grace=objects.metadata(resource).get("deletionGracePeriodSeconds"),
    )


def workload(kind: str, resource: objects.Raw) -> Workload:
    """A controller of pods as a record."""
    spec = resource.get("spec") or {}
    replicas = spec.get("replicas")
    return Workload(
        ref=_owner(kind, resource),
        replicas=1 if replicas is None else int(replicas),
        wish=wish(resource),
        held=_held(spec),
        rolling=kind in ROLLING and progress.status(kind, resource).rolling,
        ordered=kind == "StatefulSet" and spec.get("podManagementPolicy") != "Parallel",
    )


def hooks(webhooks: t.Iterable[objects.Raw], services: t.Iterable[objects.Raw]) -> t.Tuple[Selector, ...]:
    """The pods behind the Services that admission webhooks call."""
    clients = [hook.get("clientConfig") or {} for config in webhooks for hook in config.get("webhooks") or ()]
    named = {(service.get("namespace"), service.get("name")) for service in (client.get("service") or {} for client in clients)}
    called = [item for item in services if (objects.metadata(item).get("namespace"), objects.metadata(item)["name"]) in named]
    return tuple(Selector(objects.metadata(item)["namespace"], (item.get("spec") or {}).get("selector") or {}) for item in called)


def _owner(kind: str, resource: objects.Raw) -> Owner:
    return Owner(objects.metadata(resource).get("namespace", ""), kind, objects.metadata(resource)["name"])


def parents(kind: str, resources: t.Iterable[objects.Raw]) -> t.Iterator[t.Tuple[Owner, Owner]]:
    """The controllers that have a controller, and that one."""
    for resource in resources:
        for owner in objects.metadata(resource).get("ownerReferences") or ():
            if owner.get("controller"):
                this = _owner(kind, resource)
                yield this, Owner(this.namespace, owner.get("kind", ""), owner.get("name", ""))


def _held(spec: objects.Raw) -> str:
    """Deployment: paused; StatefulSet and DaemonSet: pods that their controller does not replace by itself."""
    strategy = spec.get("updateStrategy") or {}
    if spec.get("paused"):
        return "it is paused"
    if strategy.get("type") == "OnDelete":
        return "its update strategy is OnDelete"
    partition = (strategy.get("rollingUpdate") or {}).get("partition")
    return f"its rolling update has partition {partition}" if partition else ""


def _misspelling(kind: str, resource: objects.Raw) -> str:
    metadata = objects.metadata(resource)
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{kind} {place}{metadata.get('name', '')} says {wish(resource)!r}"
