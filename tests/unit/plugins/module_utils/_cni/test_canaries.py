# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import canaries

SETTINGS = canaries.Settings("podnet-verification", "registry.example/agnhost:1", 18080)
WORKLOADS = canaries.workloads(SETTINGS, "n1")
SERVICES = (canaries.service(SETTINGS), canaries.external_service(SETTINGS, "192.0.2.1"))
ALL = (canaries.namespace(SETTINGS), *WORKLOADS, *SERVICES, canaries.deny_policy(SETTINGS))


def name_of(item: dict[str, t.Any]) -> str:
    return f"{item['kind']}-{item['metadata']['name']}"


def pod_specs() -> dict[str, dict[str, t.Any]]:
    templates = {name_of(item): item["spec"].get("template", item) for item in WORKLOADS}
    return {name: template["spec"] for name, template in templates.items()}


@pytest.mark.parametrize("item", ALL, ids=name_of)
def test_everything_is_labelled_and_in_the_namespace(item: dict[str, t.Any]) -> None:
    assert item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "podnet.cni"
    assert item["metadata"].get("namespace", item["metadata"]["name"]) == "podnet-verification"


def test_the_namespace_lets_host_pods_in() -> None:
    assert ALL[0]["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "privileged"


@pytest.mark.parametrize("name", pod_specs())
def test_pods_run_on_every_linux_node(name: str) -> None:
    spec = pod_specs()[name]
    assert spec["tolerations"] == [{"operator": "Exists"}]
    assert spec["nodeSelector"] == {"kubernetes.io/os": "linux"}
    assert spec["containers"][0]["image"] == "registry.example/agnhost:1"


def test_a_host_pod_listens_nowhere() -> None:
    spec = pod_specs()["DaemonSet-host"]
    assert spec["hostNetwork"] is True
    assert spec["containers"][0]["command"] == ["/agnhost", "pause"]
    assert "ports" not in spec["containers"][0]


def test_selectors_find_their_own_pods_alone() -> None:
    labels = {item["metadata"]["name"]: item["spec"]["template"]["metadata"]["labels"] for item in WORKLOADS if item["kind"] == "DaemonSet"}
    for item in WORKLOADS[:2]:
        wanted = item["spec"]["selector"]["matchLabels"].items()
        assert [name for name, own in labels.items() if wanted <= own.items()] == [item["metadata"]["name"]]
    assert {str(service["spec"]["selector"]) for service in SERVICES} == {str({canaries.COMPONENT: "canary"})}


def test_the_policy_denies_the_sentinel_alone() -> None:
    spec = canaries.deny_policy(SETTINGS)["spec"]
    assert spec == {"podSelector": {"matchLabels": {canaries.COMPONENT: "sentinel"}}, "policyTypes": ["Ingress"]}


def test_the_external_service() -> None:
    spec = canaries.external_service(SETTINGS, "192.0.2.1")["spec"]
    assert spec["externalIPs"] == ["192.0.2.1"]
    assert spec["ports"] == [{"name": "http", "port": 18080, "targetPort": 8080}]
