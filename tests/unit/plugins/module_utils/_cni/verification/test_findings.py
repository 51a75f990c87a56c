# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import BROKEN, REACHED, REFUSED, SILENT, UNREAD, Reading
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import probing
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Place
from tests.support.verification_cases import CALICO, SCENE, judge


@pytest.mark.parametrize(
    ("check", "word", "text", "seen"),
    [
        ("pod-to-pod", SILENT, "timed out", "n1 -> n2: timeout (timed out)"),
        ("pod-to-service", REACHED, "stranger", "answered by 'stranger', which is no canary"),
        ("pod-to-dns-name", probes.UNRESOLVED, "", "n1 -> canary.ns.svc:8080: no DNS answer"),
        ("host-to-nodeport", REFUSED, "", "n1 -> 192.0.2.1:30080: refused"),
        ("host-to-externalip", BROKEN, "no route to host", "n1 -> 192.0.2.1:18080: failed (no route to host)"),
        ("canary-veth", REACHED, "flannel.1", "n1 -> 10.9.1.1: routed to flannel.1"),
        ("canary-veth", UNREAD, "it broke", "n1 -> 10.9.1.1: not measured (it broke)"),
    ],
)
def test_one_bad_reading_fails_its_check_alone(check: str, word: str, text: str, seen: str) -> None:
    def spoil(reading: Reading) -> Reading:
        first = reading.probe == next(probe for probe in probing.plan(SCENE, CALICO) if probe.check == check)
        return Reading(reading.probe, word, text) if first else reading

    checks = judge(SCENE, spoil=spoil)
    assert [name for name, one in checks.items() if one.result == "failed"] == [check]
    assert checks[check].seen.startswith("1 of ")
    assert checks[check].seen.endswith(" ways fail")
    assert len(checks[check].details) == 1
    assert seen in checks[check].details[0]
    assert checks[check].next_step


@pytest.mark.parametrize(("text", "seen"), [("192.0.2.1:4000", "10.9.1.1 arrived as 192.0.2.1"), ("nonsense", "arrived as 'nonsense'")])
def test_a_rewritten_source_fails_its_own_check(text: str, seen: str) -> None:
    def spoil(reading: Reading) -> Reading:
        return Reading(reading.probe, REACHED, text) if reading.probe.check == "pod-to-pod" else reading

    checks = judge(SCENE, spoil=spoil)
    assert [name for name, one in checks.items() if one.result == "failed"] == ["source-address"]
    assert seen in checks["source-address"].details[0]


def test_a_wall_between_nodes_is_told_in_full_and_in_few_lines() -> None:
    def spoil(reading: Reading) -> Reading:
        message = f"curl: (28) timed out after {2000 + len(reading.probe.target)} milliseconds"
        return Reading(reading.probe, SILENT, message) if reading.probe.check == "pod-to-pod" else reading

    many = dataclasses.replace(SCENE, canaries=tuple(Place(f"n{number}", f"c{number}", f"10.9.0.{number}") for number in range(1, 41)))
    check = judge(many, spoil=spoil)["pod-to-pod"]
    assert check.seen == "1560 of 1560 ways fail"
    assert len(check.details) == 40
    assert check.details[0].startswith("n1 -> n2, n3, n4, ")
    assert check.details[0].endswith(", n39, n40: timeout (curl: (28) timed out after 2022 milliseconds)")


def test_rewritten_sources_are_not_lumped_together() -> None:
    def spoil(reading: Reading) -> Reading:
        return (
            Reading(reading.probe, REACHED, f"192.0.2.{reading.probe.target[5]}:4000") if reading.probe.check == "pod-to-pod" else reading
        )

    assert judge(SCENE, spoil=spoil)["source-address"].details[:2] == (
        "n1 -> n2: 10.9.1.1 arrived as 192.0.2.2",
        "n1 -> n3: 10.9.1.1 arrived as 192.0.2.3",
    )


def test_long_evidence_is_cut() -> None:
    many = tuple(Place(f"n{number}", f"c{number}", f"10.9.0.{number}") for number in range(1, 40))
    scene = dataclasses.replace(SCENE, canaries=many)
    checks = judge(scene)
    assert checks["canary-ready"].seen == "on 39 nodes (n1, n2, n3, n4, n5, n6, n7, n8, n9, n10, n11, n12 and 27 more)"
    assert checks["pod-to-pod"].seen == "1482 of 1482 ways (n1 -> n2, n1 -> n3 and 1480 more)"
    assert all(len(check.seen) < 120 for check in checks.values() if check.result == "passed")
