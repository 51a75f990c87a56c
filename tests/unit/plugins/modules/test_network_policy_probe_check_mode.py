# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module that measures, up to its first pod: what it chooses, what it refuses, and what it tells where nothing can be measured."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import network_policy_probe
from tests.support.netpol_cases import block, ingress, namespace, pod, policy

Run = t.Callable[..., dict[str, t.Any]]


@pytest.fixture
def run(ready_policy_cluster: t.Any, capfd: pytest.CaptureFixture[str]) -> Run:
    def call(**options: t.Any) -> dict[str, t.Any]:
        with (
            patch_module_args({"host": ready_policy_cluster.url, "api_key": "secret", **options, "_ansible_check_mode": True}),
            pytest.raises(SystemExit),
        ):
            network_policy_probe.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return call


def test_what_it_would_measure_with(run: Run, ready_policy_cluster: t.Any) -> None:
    ready_policy_cluster.add(policy({}))
    result = run(namespaces=["x"])
    assert (result["changed"], result["left_out"]) == (False, [])
    assert {one["stands_for"] for one in result["pods"]} == {"x/a and 2 more", "podnet-policy-probe/outsider"}
    assert "measured" not in result
    assert ready_policy_cluster.changes == []


def test_a_namespace_of_somebody_else(run: Run, ready_policy_cluster: t.Any) -> None:
    ready_policy_cluster.add(policy({}), namespace("podnet-policy-probe"))
    assert "it is not ours to use and remove" in run()["msg"]


def test_rights_that_are_missing(run: Run, ready_policy_cluster: t.Any) -> None:
    ready_policy_cluster.add(policy({}))
    ready_policy_cluster.forbidden = {"create pods/exec"}
    assert "may not create pods/exec in podnet-policy-probe, create pods/exec in x" in run(namespaces=["x"])["msg"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"max_kinds": 1}, "policies tell 3 kinds of pods apart, and at most 1 are probed at once"),
        ({"namespaces": ["kube-public"]}, "no pod is there that policies are about"),
    ],
)
def test_what_cannot_be_measured_is_a_finding_where_findings_are_no_failure(
    run: Run, ready_policy_cluster: t.Any, options: dict[str, t.Any], words: str
) -> None:
    ready_policy_cluster.add(namespace("kube-public"), *(policy({}, place=name) for name in "xyz"))
    assert words in run(**options)["msg"]
    result = run(**options, fail=False)
    assert (result.get("failed", False), result["measured"], result["passed"], result["pods"]) == (False, False, False, [])
    assert words in result["faults"][0]
    assert result["summary"] == [f"Nothing was measured: {result['faults'][0]}"]


def test_a_wrong_option_is_a_failure_either_way(run: Run) -> None:
    assert "there is no namespace nowhere" in run(namespaces=["nowhere"], fail=False)["msg"]


def test_what_is_there_and_not_computed_is_left_out(run: Run, ready_policy_cluster: t.Any) -> None:
    ready_policy_cluster.add(policy({}), policy({}, name="old", ingress=[ingress(block("010.0.0.0/8"))]))
    ready_policy_cluster.serve("cilium.io/v2", "ciliumnetworkpolicies", {"metadata": {"name": "c", "namespace": "x"}})
    old, other = run(namespaces=["x"])["left_out"]
    assert old.startswith("NetworkPolicy x/old: spec.ingress[0].from[0].ipBlock.cidr")
    assert other.startswith("CiliumNetworkPolicy x/c: is a policy of another kind")


def test_pods_that_a_killed_run_left_are_nobodys(run: Run, ready_policy_cluster: t.Any) -> None:
    left = pod("x/podnet-probe-0", "10.0.0.99", labels={"podnet.io/policy-probe": "shadow"})
    ready_policy_cluster.add(policy({}), left)
    assert {one["stands_for"] for one in run(namespaces=["x"])["pods"]} == {"x/a and 2 more", "podnet-policy-probe/outsider"}
