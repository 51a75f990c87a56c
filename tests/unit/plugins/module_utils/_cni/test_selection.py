# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import selection
from ansible_collections.podnet.cni.plugins.module_utils._cni.selection import LabelPatch


def node(name: str, value: str | None = None) -> dict[str, t.Any]:
    return {"metadata": {"name": name, "labels": {} if value is None else {"podnet.io/calico": value}}}


NODES = [node("n3", "true"), node("n1"), node("n2", "false")]


def test_only_the_value_true_counts() -> None:
    assert selection.selected(NODES) == ("n3",)
    assert selection.selected([{"metadata": {"name": "bare"}}]) == ()


def test_labels_those_that_lack_it() -> None:
    assert selection.select(NODES, ["n3", "n2", "n2"]) == (LabelPatch("n2", "true"),)


@pytest.mark.parametrize(("names", "patches"), [((), (LabelPatch("n3", None),)), (("n1",), ()), (("n3",), (LabelPatch("n3", None),))])
def test_takes_the_label(names: tuple[str, ...], patches: tuple[LabelPatch, ...]) -> None:
    assert selection.deselect(NODES, names) == patches
    assert all(patch.body == {"metadata": {"labels": {"podnet.io/calico": None}}} for patch in patches)


def pod(name: str, node_name: str, owner: str, deleting: bool = False) -> dict[str, t.Any]:
    owners = [{"kind": "DaemonSet", "name": owner, "controller": True}]
    gone = {"deletionTimestamp": "now"} if deleting else {}
    return {"metadata": {"name": name, "ownerReferences": owners, **gone}, "spec": {"nodeName": node_name}}


def test_a_pod_on_its_way_out_is_no_agent() -> None:
    pods = [pod("a", "n1", "calico-node"), pod("b", "n2", "calico-node", deleting=True), pod("c", "n3", "kube-proxy")]
    assert list(selection.agents(pods, {"metadata": {"name": "calico-node"}})) == ["n1"]
