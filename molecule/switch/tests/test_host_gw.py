# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lab after its switch from vxlan to host-gw."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

testinfra_hosts = ["ansible://k8s_cluster"]


def routes(host: t.Any) -> dict[str, dict[str, t.Any]]:
    return {route["dst"]: route for route in json.loads(host.check_output("ip -j route"))}


def test_no_device_of_flannels_is_left(links: dict[str, t.Any]) -> None:
    assert [name for name in links if name.startswith("flannel")] == []


def test_every_peer_is_the_next_hop_to_its_own_pods(host: t.Any, core: t.Any) -> None:
    here, found = host.check_output("hostname"), routes(host)
    peers = [node for node in core.list_node().items if node.metadata.name != here]
    addresses = {node.spec.pod_cidr: node.status.addresses[0].address for node in peers}
    assert {cidr: found[cidr]["gateway"] for cidr in addresses} == addresses
    assert {found[cidr]["dev"] for cidr in addresses} == {"eth0"}


def test_the_nodes_announce_it(core: t.Any) -> None:
    said = {node.metadata.annotations["flannel.alpha.coreos.com/backend-type"] for node in core.list_node().items}
    assert said == {"host-gw"}


def test_nothing_of_the_window_is_left(host: t.Any) -> None:
    assert not host.file("/var/lib/podnet.cni/coexistence.json").exists
    assert not host.file("/etc/sysctl.d/99-zz-podnet-cni.conf").exists


def test_all_else_in_the_configuration_stayed(core: t.Any) -> None:
    net_conf = json.loads(core.read_namespaced_config_map("kube-flannel-cfg", "kube-flannel").data["net-conf.json"])
    assert net_conf.pop("Backend") == {"Type": "host-gw"}
    assert net_conf["Network"] == "10.244.0.0/16"


def test_the_report_tells_the_phases_and_what_was_lost() -> None:
    report = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "report" / "report.json").read_text())
    assert (report["verdict"], report["title"]) == ("passed", "flannel: vxlan to host-gw")
    phases = ["open-window", "restart-flannel", "verify-routes", "remove-routes", "remove-devices", "close-window", "verify"]
    assert [step["name"] for step in report["steps"]] == phases
    assert report["connectivity"]["sent"] > 0
