# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import collections
import dataclasses

from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import probing
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Place, Port, Service
from tests.support.verification_cases import CALICO, ONE_NODE, SCENE


def test_what_is_asked_on_three_nodes() -> None:
    asked = collections.Counter(probe.check for probe in probing.plan(SCENE, CALICO))
    assert asked == {
        "pod-to-pod": 6,
        "pod-to-service": 3,
        "pod-to-dns-name": 3,
        "canary-veth": 3,
        "host-to-nodeport": 9,
        "host-to-externalip": 3,
    }
    assert {probe.target for probe in probing.plan(SCENE, CALICO) if probe.check == "pod-to-dns-name"} == {"canary.ns.svc:8080/hostname"}


def test_in_a_large_cluster_each_node_asks_as_many_and_is_asked_by_as_many() -> None:
    nodes = [f"n{number:03}" for number in range(3 * probing.PEERS)]
    large = dataclasses.replace(
        SCENE,
        canaries=tuple(Place(node, f"canary-{node}", f"10.9.1.{number}") for number, node in enumerate(nodes)),
        hosts=tuple(Place(node, f"host-{node}", f"192.0.2.{number}") for number, node in enumerate(nodes)),
        node_addresses={node: f"192.0.2.{number}" for number, node in enumerate(nodes)},
    )
    for check, count in (("pod-to-pod", probing.PEERS), ("host-to-nodeport", probing.PEERS + 1)):
        asked = [probe for probe in probing.plan(large, CALICO) if probe.check == check]
        assert set(collections.Counter(probe.source for probe in asked).values()) == {count}
        assert set(collections.Counter(probe.target for probe in asked).values()) == {count}
        assert len(asked) == len(nodes) * count


def test_each_probe_is_asked_once() -> None:
    user = dataclasses.replace(SCENE, user_service=Service("demo", "app", "10.96.0.50", (Port(80, 30000),), ("192.0.2.9",), ("192.0.2.8",)))
    asked = probing.plan(user, CALICO)
    assert len(set(asked)) == len(asked)


def test_the_sentinel_is_asked_from_its_own_node_and_from_another() -> None:
    assert [probe.label for probe in probing.policy_probes(SCENE)] == ["n1 (same node) -> n1", "n2 (another node) -> n1"]
    assert [probe.label for probe in probing.policy_probes(ONE_NODE)] == ["n1 (same node) -> n1"]
    assert probing.policy_probes(dataclasses.replace(SCENE, sentinel=None)) == ()
