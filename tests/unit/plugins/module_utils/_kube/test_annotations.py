# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking annotations from nodes, against a small API server."""

from __future__ import annotations

import types
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import NodePatch
from ansible_collections.podnet.cni.plugins.module_utils._kube import annotations as node_annotations
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client

FLANNEL = "flannel.alpha.coreos.com/public-ip"


def a_node() -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": {FLANNEL: "192.0.2.1", "kept": "1"}}}


def connect(kubeconfig: Path) -> t.Any:
    return kube_client.get_client(types.SimpleNamespace(params={"kubeconfig": str(kubeconfig)}))  # type: ignore[arg-type]


@pytest.mark.parametrize(("dry_run", "left"), [(False, {"kept": "1"}), (True, {FLANNEL: "192.0.2.1", "kept": "1"})])
def test_only_the_named_go_and_a_dry_run_changes_nothing(api_server: t.Any, kubeconfig: Path, dry_run: bool, left: dict[str, str]) -> None:
    node = a_node()
    api_server.add(node)
    node_annotations.remove(connect(kubeconfig), (NodePatch("n1", (FLANNEL, "absent")),), dry_run=dry_run)
    assert node["metadata"]["annotations"] == left


def test_a_node_that_is_gone_is_no_error(api_server: t.Any, kubeconfig: Path) -> None:
    node_annotations.remove(connect(kubeconfig), (NodePatch("n9", (FLANNEL,)),), dry_run=False)
    assert "/api/v1/nodes/n9" in api_server.paths


def test_a_refusal_names_the_node(api_server: t.Any, kubeconfig: Path) -> None:
    api_server.refuse["/api/v1/nodes/n1"] = 403
    with pytest.raises(_errors.ClusterError, match="PATCH node n1: the API server forbids it"):
        node_annotations.remove(connect(kubeconfig), (NodePatch("n1", (FLANNEL,)),), dry_run=False)
