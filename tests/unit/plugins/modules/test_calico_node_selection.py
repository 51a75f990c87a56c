# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import calico_node_selection

LABEL = "podnet.io/calico"


def node(name: str) -> dict[str, t.Any]:
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": {"kept": "1"}}, "spec": {}, "status": {}}


def daemonset() -> dict[str, t.Any]:
    containers = [{"name": "calico-node", "image": "quay.io/calico/node:v3.31.0"}]
    metadata = {"name": "calico-node", "namespace": "kube-system"}
    return {"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": metadata, "spec": {"template": {"spec": {"containers": containers}}}}


def agent(name: str, ready: bool) -> dict[str, t.Any]:
    owners = [{"kind": "DaemonSet", "name": "calico-node", "controller": True}]
    waiting = {"name": "calico-node", "ready": ready, "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "kube-system", "name": f"calico-node-{name}", "ownerReferences": owners},
        "spec": {"nodeName": name, "hostNetwork": True},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}], "containerStatuses": [waiting]},
    }


@pytest.fixture(name="run")
def _run(kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> t.Callable[..., dict[str, t.Any]]:
    def run(**options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({"kubeconfig": str(kubeconfig), "timeout": 1, **options}), pytest.raises(SystemExit):
            calico_node_selection.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run


def test_predicts_labels_waits_and_is_done(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    nodes = [node("n1"), node("n2")]
    api_server.add(*nodes, daemonset(), agent("n2", ready=True))

    predicted = run(nodes=["n2"], _ansible_check_mode=True)
    assert (predicted["changed"], predicted["nodes"], predicted["selected"]) == (True, ["n2"], ["n2"])
    assert LABEL not in nodes[1]["metadata"]["labels"]

    assert run(nodes=["n2"])["changed"] is True
    assert nodes[1]["metadata"]["labels"] == {"kept": "1", LABEL: "true"}
    assert LABEL not in nodes[0]["metadata"]["labels"]
    assert run(nodes=["n2"])["changed"] is False

    taken = run(state="absent", wait=False)
    assert (taken["nodes"], taken["selected"]) == (["n2"], [])
    assert nodes[1]["metadata"]["labels"] == {"kept": "1"}
    assert run(state="absent")["changed"] is False


def test_a_calico_node_that_does_not_get_ready_is_named_with_its_reason(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any) -> None:
    api_server.add(node("n1"), node("n2"), daemonset(), agent("n1", ready=True), agent("n2", ready=False))
    message = run(nodes=["n1", "n2"])["msg"]
    assert "calico-node is not ready within 1 s on 1 of 2 nodes: n2: " in message
    assert "ImagePullBackOff: no such image" in message


@pytest.mark.parametrize(
    ("options", "words"), [({}, "there is no node to choose"), ({"nodes": ["n9"]}, "no node n9"), ({"nodes": ["n1"]}, "no DaemonSet")]
)
def test_bad_input_is_told(run: t.Callable[..., dict[str, t.Any]], api_server: t.Any, options: dict[str, t.Any], words: str) -> None:
    api_server.add(node("n1"))
    assert words in run(**options)["msg"]
