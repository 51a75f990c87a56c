# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that are foretold and captured where kube-proxy and flannel work with nftables."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import pytest

from tests.support.faults import KUBECONFIG
from tests.support.lab_commands import ROOT, lab, on_nodes, run

pytestmark = pytest.mark.long

KUBECTL = ("kubectl", "--kubeconfig", KUBECONFIG)


@pytest.fixture(scope="module", autouse=True)
def fresh() -> None:
    """The lab with all of its parts on iptables."""
    run(lab("reset"))


def config_map(namespace: str, name: str) -> dict[str, str]:
    return t.cast(
        "dict[str, str]", json.loads(run([*KUBECTL, "--namespace", namespace, "get", "configmap", name, "--output", "json"]))["data"]
    )


def configure(namespace: str, daemonset: str, configmap: str, data: dict[str, str]) -> None:
    kubectl = [*KUBECTL, "--namespace", namespace]
    run([*kubectl, "patch", "configmap", configmap, "--patch", json.dumps({"data": data})])
    run([*kubectl, "rollout", "restart", f"daemonset/{daemonset}"])
    run([*kubectl, "rollout", "status", f"daemonset/{daemonset}", "--timeout=180s"])


def inspect(directory: Path) -> dict[str, t.Any]:
    """The usual packets, sent, captured, and all as foretold."""
    variables = {"network_inspection_dir": str(directory), "network_inspection_capture": True, "network_inspection_fail": False}
    playbook = str(ROOT / "playbooks" / "inspect_network.yml")
    run(["ansible-playbook", "--inventory", "inventories/lab", playbook, "--extra-vars", json.dumps(variables)])
    told = t.cast("dict[str, t.Any]", json.loads((directory / "network.json").read_text()))
    proofs = told["proofs"].values()
    assert len(proofs) >= 3
    assert [proof for proof in proofs if not 0 < proof["proved"] == proof["sent"] or proof["problems"]] == []
    return told


def test_kube_proxy_with_nftables(tmp_path: Path) -> None:
    lines = config_map("kube-system", "kube-proxy")["config.conf"].splitlines()
    changed = "\n".join("mode: nftables" if line.startswith("mode:") else line for line in lines)
    assert "mode: nftables" in changed
    configure("kube-system", "kube-proxy", "kube-proxy", {"config.conf": changed})
    assert on_nodes("nft list table ip kube-proxy | grep -c numgen | xargs test 0 -lt && echo x") == {"x"}
    told = inspect(tmp_path)
    service = next(account for account in told["accounts"] if account["flow"]["target"].startswith("service/"))
    rules = [rule for hop in service["journeys"][0]["there"]["hops"] for rule in hop["rules"]]
    assert any("service-ips" in rule or "endpoint-" in rule for rule in rules), rules


def test_flannel_with_nftables(tmp_path: Path) -> None:
    """What it keeps in nftables is followed; what it has left in iptables, and does not remove, is told."""
    conf = json.loads(config_map("kube-flannel", "kube-flannel-cfg")["net-conf.json"])
    configure("kube-flannel", "kube-flannel-ds", "kube-flannel-cfg", {"net-conf.json": json.dumps({**conf, "EnableNFTables": True})})
    assert on_nodes("nft list table ip flannel-ipv4 | grep -c masquerade | xargs test 0 -lt && echo x") == {"x"}
    told = inspect(tmp_path)
    differences = {str(item) for node in told["nodes"] for item in node["differences"]}
    assert differences
    assert all("nobody keeps any more" in item for item in differences)
