# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import cni_node_condition


def node(name: str, reason: str) -> dict[str, t.Any]:
    told = [{"type": "Ready", "status": "True"}, {"type": "NetworkUnavailable", "status": str(reason == "CalicoIsDown"), "reason": reason}]
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}, "spec": {}, "status": {"conditions": told}}


def agent(name: str, ready: bool) -> dict[str, t.Any]:
    owner = {"kind": "DaemonSet", "name": "kube-flannel-ds", "controller": True}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"namespace": "kube-flannel", "name": f"flannel-{name}", "uid": name, "ownerReferences": [owner]},
        "spec": {"nodeName": name, "hostNetwork": True},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": str(ready)}]},
    }


def run(capfd: pytest.CaptureFixture[str], kubeconfig: Path, **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"kubeconfig": str(kubeconfig), "cni": "flannel", **options}), pytest.raises(SystemExit):
        cni_node_condition.main()
    return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))


def test_predicts_corrects_and_is_done(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    daemonset = {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"namespace": "kube-flannel", "name": "kube-flannel-ds"},
        "spec": {"template": {"spec": {"containers": [{"name": "kube-flannel", "image": "flannel", "command": ["/opt/bin/flanneld"]}]}}},
    }
    reasons = {"n1": "CalicoIsDown", "n2": "FlannelIsUp", "n3": "CalicoIsDown"}
    nodes = {name: node(name, reason) for name, reason in reasons.items()}
    api_server.add(daemonset, *nodes.values(), agent("n1", ready=True), agent("n2", ready=True), agent("n3", ready=False))

    predicted = run(capfd, kubeconfig, _ansible_check_mode=True, _ansible_diff=True)
    assert (predicted["changed"], predicted["corrected"]) == (True, {"n1": "True (CalicoIsDown)"})
    assert predicted["diff"]["after"] == {"n1": "False (FlannelIsUp)"}
    assert nodes["n1"]["status"]["conditions"][1]["status"] == "True"

    done = run(capfd, kubeconfig)
    assert (done["changed"], done["corrected"]) == (True, {"n1": "True (CalicoIsDown)"})
    assert [item["type"] for item in nodes["n1"]["status"]["conditions"]] == ["Ready", "NetworkUnavailable"]
    assert nodes["n1"]["status"]["conditions"][1]["status"] == "False"
    assert nodes["n3"]["status"]["conditions"][1]["reason"] == "CalicoIsDown"

    again = run(capfd, kubeconfig)
    assert (again["changed"], again["corrected"]) == (False, {})


def test_a_failure_is_told(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    api_server.refuse["*"] = 403
    result = run(capfd, kubeconfig)
    assert result["failed"] is True
    assert "exception" not in result
