# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

testinfra_hosts = ["ansible://k8s_cluster"]


def test_vxlan_device_has_the_address_and_mtu_flannel_gives_it(links: dict[str, t.Any]) -> None:
    device = links["flannel.1"]
    assert device["linkinfo"]["info_data"]["port"] == 8472
    assert device["mtu"] == links["eth0"]["mtu"] - 50


def test_every_peer_has_a_route_through_the_tunnel(host: t.Any, core: t.Any) -> None:
    here = host.check_output("hostname")
    routes = {route["dst"]: route.get("dev") for route in json.loads(host.check_output("ip -j route"))}
    peers = {node.spec.pod_cidr for node in core.list_node().items if node.metadata.name != here}
    assert {routes[peer] for peer in peers} == {"flannel.1"}


def test_the_conflist_is_flannels_alone(host: t.Any) -> None:
    assert host.file("/etc/cni/net.d").listdir() == ["10-flannel.conflist"]


def test_the_daemonset_is_ready_everywhere(apps: t.Any, core: t.Any) -> None:
    status = apps.read_namespaced_daemon_set("kube-flannel-ds", "kube-flannel").status
    assert status.number_ready == len(core.list_node().items)


def test_backend_type_is_written_out(core: t.Any) -> None:
    net_conf = json.loads(core.read_namespaced_config_map("kube-flannel-cfg", "kube-flannel").data["net-conf.json"])
    assert net_conf["Backend"]["Type"] == "vxlan"
    assert net_conf["Network"] == "10.244.0.0/16"
