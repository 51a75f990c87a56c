# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that are foretold and captured where kube-proxy runs in its other mode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.faults import KUBECONFIG
from tests.support.lab_commands import ROOT, lab, on_nodes, run

pytestmark = pytest.mark.long

KUBECTL = ("kubectl", "--kubeconfig", KUBECONFIG, "--namespace", "kube-system")


def test_kube_proxy_with_nftables(tmp_path: Path) -> None:
    run(lab("reset"))
    found = json.loads(run([*KUBECTL, "get", "configmap", "kube-proxy", "--output", "json"]))
    lines = found["data"]["config.conf"].splitlines()
    changed = "\n".join("mode: nftables" if line.startswith("mode:") else line for line in lines)
    assert "mode: nftables" in changed
    run([*KUBECTL, "patch", "configmap", "kube-proxy", "--patch", json.dumps({"data": {"config.conf": changed}})])
    run([*KUBECTL, "rollout", "restart", "daemonset/kube-proxy"])
    run([*KUBECTL, "rollout", "status", "daemonset/kube-proxy", "--timeout=180s"])
    assert on_nodes("nft list table ip kube-proxy | grep -c numgen | xargs test 0 -lt && echo x") == {"x"}
    variables = {"network_inspection_dir": str(tmp_path), "network_inspection_capture": True}
    playbook = str(ROOT / "playbooks" / "inspect_network.yml")
    said = run(["ansible-playbook", "--inventory", "inventories/lab", playbook, "--extra-vars", json.dumps(variables)])
    assert "packets came as foretold" in said
    told = json.loads((tmp_path / "network.json").read_text())
    service = next(account for account in told["accounts"] if account["flow"]["target"].startswith("service/"))
    assert any("numgen" in rule or "statistic" in rule for hop in service["journeys"][0]["there"]["hops"] for rule in hop["rules"])
