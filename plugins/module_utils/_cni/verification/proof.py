# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The proof: every check that rests on canaries.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, checks, probes
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster as clusters
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import findings, questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.policy import PolicyReadings, enforced
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni, Place, Scene


def canary_checks(
    scene: Scene, cluster: clusters.ClusterSnapshot, cni: Cni, readings: t.Sequence[probes.Reading], policy: PolicyReadings
) -> t.Tuple[checks.Check, ...]:
    """The checks that rest on canaries, in the order of `questions.QUESTIONS`, then those of the user's Service."""
    measured = [
        questions.CANARY_VETH,
        questions.POD_TO_POD,
        questions.POD_TO_SERVICE,
        questions.POD_TO_DNS_NAME,
        questions.HOST_TO_NODEPORT,
        questions.HOST_TO_EXTERNALIP,
    ]
    answers = {check: findings.measured(check, readings, scene, cni) for check in measured}
    answers[questions.CANARY_READY] = _canary_ready(scene)
    answers[questions.CANARY_ADDRESS] = _canary_address(scene, cluster, cni)
    answers[questions.SOURCE_ADDRESS] = findings.source_address(readings, scene, cni)
    answers[questions.POLICY_ENFORCED] = enforced(policy, scene, cni)
    asked = tuple(answers[check] for check in questions.QUESTIONS)
    return asked + tuple(findings.measured(check, readings, scene, cni) for check in questions.USER_CHECKS if scene.user_service)


def _canary_ready(scene: Scene) -> checks.Check:
    if scene.absent:
        return questions.fault(questions.CANARY_READY, f"{len(scene.absent)} pods are not ready", scene.absent)
    return checks.passed(questions.CANARY_READY, f"on {questions.all_of([canary.node for canary in scene.canaries])}")


def _canary_address(scene: Scene, cluster: clusters.ClusterSnapshot, cni: Cni) -> checks.Check:
    if not scene.canaries:
        return checks.skipped(questions.CANARY_ADDRESS, "no canary runs")
    # While both are there, Calico's blocks are inside the nodes' podCIDRs.
    given = _given_by_flannel(scene, cluster) if "flannel" in cni.parts else _given_by_calico(scene, cluster)
    foreign = [f"{canary.node} {canary.address}" for canary in scene.canaries if canary not in given]
    if foreign:
        return questions.fault(
            questions.CANARY_ADDRESS, f"{len(foreign)} of {len(scene.canaries)} addresses are not given by {cni.name}", foreign
        )
    return checks.passed(questions.CANARY_ADDRESS, questions.all_of([f"{canary.node} {canary.address}" for canary in scene.canaries]))


def _given_by_flannel(scene: Scene, cluster: clusters.ClusterSnapshot) -> t.Set[Place]:
    """Flannel keeps no list of addresses: those of a node come out of its podCIDR."""
    ranges = {node.name: [ipaddress.ip_network(cidr, strict=False) for cidr in node.pod_cidrs] for node in cluster.nodes}
    return {
        canary for canary in scene.canaries if any(ipaddress.ip_address(canary.address) in cidr for cidr in ranges.get(canary.node, ()))
    }


def _given_by_calico(scene: Scene, cluster: clusters.ClusterSnapshot) -> t.Set[Place]:
    given = calico.given_addresses(cluster.calico)
    return {canary for canary in scene.canaries if given.get(canary.address, "").rpartition("/")[2] == canary.pod}
