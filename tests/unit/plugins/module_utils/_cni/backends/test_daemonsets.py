# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import daemonsets
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.daemonsets import MARK, RAISED

NOW = "2026-11-29T12:00:00Z"


def daemonset(wanted: str = "", has: str = "", raised: str = "", privileged: bool = False) -> dict[str, t.Any]:
    notes = {key: value for key, value in ((MARK, wanted), (RAISED, raised)) if value}
    flanneld = {"name": "kube-flannel", "command": ["/opt/bin/flanneld"], "securityContext": {"privileged": privileged}}
    template = {"metadata": {"annotations": {MARK: has} if has else {}}, "spec": {"containers": [flanneld, {"name": "side", "image": "x"}]}}
    return {"metadata": {"name": "kube-flannel-ds", "uid": "u1", "annotations": notes}, "spec": {"template": template}}


@pytest.mark.parametrize(("wanted", "has", "under_way"), [("", "", False), ("a", "", True), ("a", "a", False), ("b", "a", True)])
def test_two_marks_tell_how_far_a_switch_came(wanted: str, has: str, under_way: bool) -> None:
    assert daemonsets.is_under_way(daemonset(wanted, has)) is under_way


@pytest.mark.parametrize(
    ("before", "backend", "containers", "raised"),
    [
        pytest.param(daemonset(), "vxlan", None, "stays", id="nothing to do with rights"),
        pytest.param(
            daemonset(), "udp", [{"name": "kube-flannel", "securityContext": {"privileged": True}}], "kube-flannel", id="udp needs them"
        ),
        pytest.param(daemonset(privileged=True), "udp", None, "stays", id="it had them anyway"),
        pytest.param(
            daemonset(raised="kube-flannel", privileged=True),
            "vxlan",
            [{"name": "kube-flannel", "securityContext": {"privileged": False}}],
            None,
            id="what was raised is lowered",
        ),
        pytest.param(daemonset(privileged=True), "vxlan", None, "stays", id="what was not raised by a switch is left alone"),
        pytest.param(daemonset(raised="kube-flannel", privileged=True), "udp", None, "stays", id="udp again"),
    ],
)
def test_a_restart(before: dict[str, t.Any], backend: str, containers: list[t.Any] | None, raised: str | None) -> None:
    change = daemonsets.restart(before, "b", backend, NOW)
    template = change["spec"]["template"]
    assert template["metadata"]["annotations"][MARK] == change["metadata"]["annotations"][MARK] == "b"
    assert (template.get("spec") or {}).get("containers") == containers
    assert change["metadata"]["annotations"].get(RAISED, "stays") == raised


def test_whose_a_pod_is_and_what_it_was_started_with() -> None:
    owner = {"controller": True, "uid": "u1"}
    pod = {"metadata": {"ownerReferences": [owner], "annotations": {MARK: "a"}}}
    assert daemonsets.belongs(pod, daemonset())
    assert not daemonsets.belongs({"metadata": {"ownerReferences": [{**owner, "uid": "u2"}]}}, daemonset())
    assert not daemonsets.belongs({"metadata": {}}, daemonset())
    assert (daemonsets.is_current(pod, "a"), daemonsets.is_current(pod, "b")) == (True, False)
