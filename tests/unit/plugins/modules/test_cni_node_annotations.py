# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.modules import cni_node_annotations

FLANNEL = "flannel.alpha.coreos.com/public-ip"


def node(name: str) -> dict[str, t.Any]:
    metadata = {"name": name, "annotations": {FLANNEL: "192.0.2.1", "projectcalico.org/IPv4Address": "192.0.2.1/24", "kept": "1"}}
    return {"apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {}, "status": {}}


def run(capfd: pytest.CaptureFixture[str], kubeconfig: Path, **options: t.Any) -> dict[str, t.Any]:
    with patch_module_args({"kubeconfig": str(kubeconfig), "cni": "flannel", **options}), pytest.raises(SystemExit):
        cni_node_annotations.main()
    return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))


def test_predicts_removes_and_is_done(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    nodes = [node("n1"), node("n2")]
    api_server.add(*nodes)
    removed = {"n1": [FLANNEL], "n2": [FLANNEL]}

    predicted = run(capfd, kubeconfig, _ansible_check_mode=True, _ansible_diff=True)
    assert (predicted["changed"], predicted["removed"]) == (True, removed)
    assert predicted["diff"]["before"] == {"n1": {FLANNEL: "192.0.2.1"}, "n2": {FLANNEL: "192.0.2.1"}}
    assert all(FLANNEL in item["metadata"]["annotations"] for item in nodes)

    done = run(capfd, kubeconfig)
    assert (done["changed"], done["removed"]) == (True, removed)
    assert all(set(item["metadata"]["annotations"]) == {"projectcalico.org/IPv4Address", "kept"} for item in nodes)

    again = run(capfd, kubeconfig)
    assert (again["changed"], again["removed"]) == (False, {})


def test_refuses_while_flannel_runs(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    api_server.add_fixture("flannel_cluster")
    result = run(capfd, kubeconfig)
    assert result["failed"] is True
    assert result["msg"].startswith("flannel still runs from DaemonSet kube-flannel/kube-flannel-ds. Nothing was changed.")
    assert "exception" not in result


def test_predicts_for_a_living_flannel_in_check_mode_only(api_server: t.Any, kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    api_server.add_fixture("flannel_cluster")
    predicted = run(capfd, kubeconfig, assume_dead=True, _ansible_check_mode=True)
    assert predicted["changed"] is True
    refused = run(capfd, kubeconfig, assume_dead=True)
    assert refused["msg"].startswith("assume_dead: assume_dead is only for check mode.")
