# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking annotations from nodes, against a small API server."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.annotations import NodePatch
from ansible_collections.podnet.cni.plugins.module_utils._kube import annotations as node_annotations

FLANNEL = "flannel.alpha.coreos.com/public-ip"


def a_node() -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1", "annotations": {FLANNEL: "192.0.2.1", "kept": "1"}}}


@pytest.fixture(name="client")
def _client(kubeconfig: Path, connect: t.Callable[..., t.Any]) -> t.Any:
    return connect(kubeconfig=str(kubeconfig))


@pytest.mark.parametrize(("dry_run", "left"), [(False, {"kept": "1"}), (True, {FLANNEL: "192.0.2.1", "kept": "1"})])
def test_only_the_named_go_and_a_dry_run_changes_nothing(api_server: t.Any, client: t.Any, dry_run: bool, left: dict[str, str]) -> None:
    node = a_node()
    api_server.add(node)
    node_annotations.remove(client, (NodePatch("n1", (FLANNEL, "absent")),), dry_run=dry_run)
    assert node["metadata"]["annotations"] == left


def test_a_node_that_is_gone_is_no_error(api_server: t.Any, client: t.Any) -> None:
    node_annotations.remove(client, (NodePatch("n9", (FLANNEL,)),), dry_run=False)
    assert "/api/v1/nodes/n9" in api_server.paths


def test_a_refusal_names_the_node(api_server: t.Any, client: t.Any) -> None:
    api_server.refuse["/api/v1/nodes/n1"] = 403
    with pytest.raises(_errors.ClusterError, match="Node n1: the API server forbids it"):
        node_annotations.remove(client, (NodePatch("n1", (FLANNEL,)),), dry_run=False)
