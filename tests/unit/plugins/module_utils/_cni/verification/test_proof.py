# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Place, Port, Scene, Service
from tests.support.verification_cases import CANARIES, FLANNEL, ONE_NODE, SCENE, judge


def test_all_is_well() -> None:
    checks = judge(SCENE)
    assert list(checks) == list(questions.QUESTIONS)
    assert {check.result for check in checks.values()} == {"passed"}
    assert {check.next_step for check in checks.values()} == {""}


def test_one_node() -> None:
    checks = judge(ONE_NODE)
    skipped = {name for name, check in checks.items() if check.result == "skipped"}
    assert skipped == {"pod-to-pod", "source-address"}
    assert {check.result for check in checks.values()} == {"passed", "skipped"}


def test_no_canary_runs() -> None:
    checks = judge(Scene(absent=("canary on n1: phase Pending",)))
    assert checks["canary-ready"].result == "failed"
    assert {check.result for name, check in checks.items() if name != "canary-ready"} == {"skipped"}


def test_flannel_is_asked_what_it_can_do() -> None:
    checks = judge(SCENE, FLANNEL)
    assert {name for name, check in checks.items() if check.result == "skipped"} == {"canary-veth", "policy-enforced"}
    assert checks["canary-address"].result == "passed"


@pytest.mark.parametrize("address", ["10.244.0.7", "10.9.1.0", "10.9.2.1"], ids=["nobody's", "a tunnel's", "another pod's"])
def test_an_address_the_cni_did_not_give(address: str) -> None:
    scene = dataclasses.replace(SCENE, canaries=(Place("n1", "canary-n1", address), *CANARIES[1:]))
    check = judge(scene)["canary-address"]
    assert check.seen == "1 of 3 addresses are not given by calico"
    assert check.details == (f"n1 {address}",)


def test_an_address_outside_its_nodes_range_is_not_flannels() -> None:
    scene = dataclasses.replace(SCENE, canaries=(Place("n1", "canary-n1", "10.9.2.7"), *CANARIES[1:]))
    assert judge(scene, FLANNEL)["canary-address"].details == ("n1 10.9.2.7",)


def test_the_users_service() -> None:
    user = Service("demo", "app", "10.96.0.50", (Port(80, 30000), Port(443)), ("192.0.2.9",), ("lb.example",))
    checks = judge(dataclasses.replace(SCENE, user_service=user))
    assert {name: check.seen.partition(" ways")[0] for name, check in checks.items() if name.startswith("service-")} == {
        "service-clusterip": "6 of 6",
        "service-nodeport": "9 of 9",
        "service-externalip": "6 of 6",
        "service-loadbalancer": "6 of 6",
    }
    headless = judge(dataclasses.replace(SCENE, user_service=Service("demo", "app", "", (Port(80),))))
    assert {check.result for name, check in headless.items() if name.startswith("service-")} == {"skipped"}
