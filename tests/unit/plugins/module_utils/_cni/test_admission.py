# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import admission

SERVICE = {"service": {"namespace": "guard", "name": "guard"}}
PODS = {"apiGroups": [""], "resources": ["pods"], "operations": ["CREATE"]}

EVERYTHING = ("pods", "configmaps", "daemonsets", "deployments", "statefulsets", "customresourcedefinitions")


def found(*hooks: dict[str, t.Any]) -> list[tuple[str, tuple[str, ...], bool, int]]:
    configuration = {
        "metadata": {"name": "guard"},
        "webhooks": [{"name": "h", "clientConfig": SERVICE, "rules": [PODS], **hook} for hook in hooks],
    }
    return [(hook.name, hook.stops, hook.selective, hook.endpoints) for hook in admission.webhooks("X", [configuration], [])]


@pytest.mark.parametrize(
    ("rule", "stops"),
    [
        (PODS, ("pods",)),
        ({"apiGroups": ["*"], "resources": ["*"], "operations": ["*"]}, EVERYTHING),
        ({"apiGroups": ["apps"], "resources": ["daemonsets", "deployments"], "operations": ["UPDATE"]}, ("daemonsets", "deployments")),
        ({"apiGroups": [""], "resources": ["*/*"], "operations": ["CREATE"]}, ("pods", "configmaps")),
    ],
)
def test_what_a_webhook_is_asked_about(rule: dict[str, t.Any], stops: tuple[str, ...]) -> None:
    assert found({"rules": [rule]}) == [("h", stops, False, 0)]


@pytest.mark.parametrize(
    "hook",
    [
        {"failurePolicy": "Ignore"},
        {"clientConfig": {"url": "https://guard.example"}},
        {"rules": [{**PODS, "operations": ["DELETE"]}]},
        {"rules": [{**PODS, "resources": ["secrets"]}]},
        {"rules": [{**PODS, "apiGroups": ["apps"]}]},
        {"rules": None},
    ],
)
def test_webhooks_that_stop_nothing(hook: dict[str, t.Any]) -> None:
    assert found(hook) == []


@pytest.mark.parametrize("selector", ["namespaceSelector", "objectSelector", "matchConditions"])
def test_some_are_asked_about_some_objects(selector: str) -> None:
    assert found({selector: {"matchLabels": {"a": "b"}}}, {selector: {}}) == [("h", ("pods",), True, 0), ("h", ("pods",), False, 0)]


def test_whether_anybody_has_to_know_endpoints() -> None:
    assert admission.needed([{"webhooks": [{"clientConfig": SERVICE}]}])
    assert not admission.needed([{"webhooks": [{"clientConfig": {"url": "x"}}, {"clientConfig": SERVICE, "failurePolicy": "Ignore"}]}, {}])


def test_ready_endpoints_of_all_slices_of_a_service() -> None:
    def part(name: str | None, *ready: bool | None) -> dict[str, t.Any]:
        labels = {"kubernetes.io/service-name": name} if name else {}
        endpoints = [{"conditions": {} if one is None else {"ready": one}} for one in ready]
        return {"metadata": {"namespace": "a", "labels": labels}, "endpoints": endpoints}

    slices = [part("web", True, False), part("web", None), part("none", False), part(None, True), {"metadata": {}, "endpoints": None}]
    assert admission.ready_endpoints(slices) == {"a/web": 2, "a/none": 0}
