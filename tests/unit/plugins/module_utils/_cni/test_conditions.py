# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import conditions


def node(name: str, status: str = "", reason: str = "") -> dict[str, t.Any]:
    told = [{"type": "Ready", "status": "True"}]
    told += [{"type": "NetworkUnavailable", "status": status, "reason": reason}] if status else []
    return {"metadata": {"name": name}, "status": {"conditions": told}}


@pytest.mark.parametrize(
    ("status", "reason", "seen"),
    [
        ("True", "CalicoIsDown", "True (CalicoIsDown)"),
        ("False", "CalicoIsUp", "False (CalicoIsUp)"),
        ("True", "FlannelIsUp", "True (FlannelIsUp)"),
        ("Unknown", "", "Unknown (no reason)"),
    ],
)
def test_a_served_node_that_says_something_else_is_corrected(status: str, reason: str, seen: str) -> None:
    (correction,) = conditions.plan([node("n1", status, reason)], "flannel", {"n1"})
    assert (correction.node, correction.seen) == ("n1", seen)
    (condition,) = correction.body("2026-11-24T12:00:00Z")["status"]["conditions"]
    assert condition == {
        "type": "NetworkUnavailable",
        "status": "False",
        "reason": "FlannelIsUp",
        "message": "Flannel is running on this node",
        "lastTransitionTime": "2026-11-24T12:00:00Z",
        "lastHeartbeatTime": "2026-11-24T12:00:00Z",
    }


@pytest.mark.parametrize(
    ("item", "served"),
    [
        pytest.param(node("n1", "True", "CalicoIsDown"), set(), id="no agent is ready there"),
        pytest.param(node("n1", "False", "FlannelIsUp"), {"n1"}, id="it says so already"),
        pytest.param(node("n1"), {"n1"}, id="nobody writes the condition"),
    ],
)
def test_others_are_left_alone(item: dict[str, t.Any], served: set[str]) -> None:
    assert conditions.plan([item], "flannel", served) == ()


def test_nodes_come_in_order_and_each_cni_has_its_own_words() -> None:
    nodes = [node("n2", "True", "x"), node("n1", "True", "x")]
    found = conditions.plan(nodes, "calico", {"n1", "n2"})
    assert [(item.node, item.words.reason) for item in found] == [("n1", "CalicoIsUp"), ("n2", "CalicoIsUp")]
