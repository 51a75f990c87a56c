# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A scene of three nodes where all is well, and what is said of it: what the tests of the verification share."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import REACHED, SILENT, Probe, Reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import probing, proof
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.policy import PolicyReadings
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import CNIS, Cni, Place, Port, Scene, Service

CALICO, FLANNEL = CNIS["calico"], CNIS["flannel"]
NODES = ("n1", "n2", "n3")
CANARIES = tuple(Place(node, f"canary-{node}", f"10.9.{number}.1") for number, node in enumerate(NODES, 1))
HOSTS = tuple(Place(node, f"host-{node}", f"192.0.2.{number}") for number, node in enumerate(NODES, 1))
SCENE = Scene(
    canaries=CANARIES,
    hosts=HOSTS,
    sentinel=Place("n1", "sentinel", "10.9.1.2"),
    service=Service("ns", "canary", "10.96.0.9", (Port(8080, 30080),)),
    external=Service("ns", "canary-external", "10.96.0.10", (Port(18080),), ("192.0.2.1",)),
    node_addresses={host.node: host.address for host in HOSTS},
)
ONE_NODE = dataclasses.replace(SCENE, canaries=CANARIES[:1], hosts=HOSTS[:1], node_addresses={"n1": "192.0.2.1"})
BLOCKS = tuple(
    cluster.IPAMBlock(f"10.9.{number}.0/26", node, {f"10.9.{number}.1": f"ns/canary-{node}"}, (f"10.9.{number}.0",))
    for number, node in enumerate(NODES, 1)
)
AGENT = cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system")
CLUSTER = cluster.ClusterSnapshot(
    nodes=tuple(cluster.Node(node, ready=True, pod_cidrs=(f"10.9.{number}.0/24",)) for number, node in enumerate(NODES, 1)),
    calico=cluster.Calico(AGENT, desired=3, ready=3, blocks=BLOCKS),
)


def good(probe: Probe) -> Reading:
    """What the probe sees where all is well."""
    if probe.kind == probes.ROUTE:
        return Reading(probe, REACHED, "cali0123456789a")
    if probe.target.endswith("/clientip"):
        return Reading(probe, REACHED, f"{probe.wanted}:40000")
    return Reading(probe, REACHED, "canary-n1" if probe.kind == probes.HTTP else "")


def judge(scene: Scene, cni: Cni = CALICO, spoil: t.Callable[[Reading], Reading] = lambda reading: reading) -> dict[str, t.Any]:
    readings = [spoil(good(probe)) for probe in probing.plan(scene, cni)]
    checks = proof.canary_checks(scene, CLUSTER, cni, readings, policy(scene))
    return {check.id: check for check in checks}


def policy(scene: Scene, *words: str) -> PolicyReadings:
    before, denied, after = words or (REACHED, SILENT, REACHED)
    asked = probing.policy_probes(scene)
    return PolicyReadings(*(tuple(Reading(probe, word) for probe in asked) for word in (before, denied, after)))
