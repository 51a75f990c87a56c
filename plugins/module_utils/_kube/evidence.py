# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Gathers the evidence for a verification: sets the scene, asks the probes until their answers settle, and clears the scene away.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import canaries, cluster, objects, probes, unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import findings, probing
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.policy import PolicyReadings
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni, Scene, Service
from ansible_collections.podnet.cni.plugins.module_utils._kube import canary, collect, execute
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline


@dataclasses.dataclass(frozen=True)
class Patience:
    """Seconds until the canaries must be ready, and seconds in which rules (of Services, of policies) must reach every node.

    ``removal`` is whether to wait at the end until all is gone.
    """

    ready: float
    settle: float
    removal: bool = True


@dataclasses.dataclass(frozen=True)
class Evidence:
    """All that was seen; ``cluster`` was read while the canaries ran."""

    cluster: cluster.ClusterSnapshot
    scene: Scene
    readings: t.Tuple[probes.Reading, ...]
    policy: PolicyReadings


def gather(
    client: t.Any,
    settings: canaries.Settings,
    cni: Cni,
    user_service: t.Optional[Service],
    patience: Patience,
) -> Evidence:
    """Leaves nothing behind, whatever happens; what a killed run left is removed first."""
    nodes = _linux_nodes(client)
    if not nodes:
        raise _errors.ClusterError("there is no Linux node to put a canary on", "nodes")
    canary.remove(client, settings)
    try:
        scene = dataclasses.replace(_set(client, settings, nodes, patience), user_service=user_service)
        names = scene.canary_pods
        readings = _ask(client, settings, probing.plan(scene, cni), lambda reading: findings.is_good(reading, names), patience)
        policy = _try_policy(client, settings, cni, scene, patience)
        return Evidence(collect.collect(client), scene, readings, policy)
    finally:
        canary.remove(client, settings, patience.removal)


def _set(client: t.Any, settings: canaries.Settings, nodes: t.Sequence[cluster.Node], patience: Patience) -> Scene:
    # Any ready node will do for the sentinel; a worker is the more usual place for a pod.
    stage = min(nodes, key=lambda node: (not node.ready, node.control_plane, node.name))
    service = canary.create(client, settings, stage.name)
    addresses = {node.name: node.internal_ips[0] for node in nodes if node.internal_ips}
    external, refused = canary.expose(client, settings, addresses[stage.name]) if stage.name in addresses else (None, "")
    names = [node.name for node in nodes]
    pods = Deadline(patience.ready).poll(lambda: canary.pods(client, settings), lambda seen: not _absent(seen, names))
    return Scene(
        canaries=canary.places(pods, canaries.CANARY),
        hosts=canary.places(pods, canaries.HOST),
        sentinel=next(iter(canary.places(pods, canaries.SENTINEL)), None),
        service=service,
        external=external,
        external_refused=refused,
        node_addresses=addresses,
        absent=_explained(client, settings, pods, names),
    )


def _linux_nodes(client: t.Any) -> t.Tuple[cluster.Node, ...]:
    nodes = map(objects.node, Api(client).items("/api/v1/nodes") or ())
    return tuple(node for node in nodes if node.operating_system in ("linux", ""))


def _absent(pods: t.Sequence[objects.Raw], nodes: t.Sequence[str]) -> t.Tuple[t.Tuple[str, str], ...]:
    """(component, node) of what is not ready yet; the sentinel has one node, named ``""`` here."""
    missing = [
        (component, node)
        for component in (canaries.CANARY, canaries.HOST)
        for node in sorted(set(nodes) - {place.node for place in canary.places(pods, component)})
    ]
    return (*missing, *([] if canary.places(pods, canaries.SENTINEL) else [(canaries.SENTINEL, "")]))


def _explained(client: t.Any, settings: canaries.Settings, pods: t.Sequence[objects.Raw], nodes: t.Sequence[str]) -> t.Tuple[str, ...]:
    absent = _absent(pods, nodes)
    if not absent:
        return ()
    events = Api(client).items(f"/api/v1/namespaces/{settings.namespace}/events") or ()
    return tuple(f"{component}{f' on {node}' if node else ''}: {_why(component, node, pods, events)}" for component, node in absent)


def _why(component: str, node: str, pods: t.Sequence[objects.Raw], events: t.Sequence[objects.Raw]) -> str:
    for raw in pods:
        pod = objects.pod(raw)
        if pod.labels.get(canaries.COMPONENT) == component and node in ("", pod.node):
            return unreadiness.reason(raw, unreadiness.warnings_about(pod.name, events))
    told = unreadiness.warnings_about(component, events)
    return f"no pod was created there{f' ({told[-1]})' if told else ''}"


def _try_policy(client: t.Any, settings: canaries.Settings, cni: Cni, scene: Scene, patience: Patience) -> PolicyReadings:
    """Reached, denied, reached again. A phase that fails ends the test: the next one would prove nothing."""
    wanted = probing.policy_probes(scene) if cni.enforces_policies else ()
    before = _ask(client, settings, wanted, _reached, patience)
    if not before or not all(map(_reached, before)):
        return PolicyReadings(before)
    canary.deny(client, settings)
    denied = _ask(client, settings, wanted, lambda reading: reading.word in (probes.SILENT, probes.REFUSED), patience)
    canary.allow(client, settings)
    return PolicyReadings(before, denied, _ask(client, settings, wanted, _reached, patience))


def _reached(reading: probes.Reading) -> bool:
    return reading.reached


def _ask(
    client: t.Any,
    settings: canaries.Settings,
    wanted: t.Sequence[probes.Probe],
    good: t.Callable[[probes.Reading], bool],
    patience: Patience,
) -> t.Tuple[probes.Reading, ...]:
    """Asks all probes, then again those without a good answer, until all are good or the rules had time to settle."""
    answers: t.Dict[probes.Probe, probes.Reading] = {}

    def _round() -> t.List[probes.Probe]:
        open_probes = [probe for probe in wanted if probe not in answers or not good(answers[probe])]
        answers.update((reading.probe, reading) for reading in execute.run_probes(client, settings.namespace, open_probes))
        return [probe for probe in open_probes if not good(answers[probe])]

    Deadline(patience.settle).poll(_round, lambda still_open: not still_open)
    return tuple(answers[probe] for probe in wanted)
