# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
import typing as t

testinfra_hosts = ["ansible://k8s_cluster"]


def test_vxlan_device_is_calicos(links: dict[str, t.Any]) -> None:
    data = links["vxlan.calico"]["linkinfo"]["info_data"]
    assert (data["id"], data["port"]) == (4096, 4789)


def test_every_pod_of_this_node_has_a_cali_device_and_a_route(host: t.Any, core: t.Any, links: dict[str, t.Any]) -> None:
    here = host.check_output("hostname")
    routes = {route["dst"]: route.get("dev", "") for route in json.loads(host.check_output("ip -j route"))}
    pods = [pod for pod in core.list_pod_for_all_namespaces().items if pod.spec.node_name == here and not pod.spec.host_network]
    running = [pod for pod in pods if pod.status.phase == "Running" and pod.metadata.deletion_timestamp is None]
    for pod in running:
        assert routes[pod.status.pod_ip].startswith("cali")
        assert routes[pod.status.pod_ip] in links


def test_pool_is_flannels_network_by_vxlan(custom: t.Any) -> None:
    pools = custom.list_cluster_custom_object("crd.projectcalico.org", "v1", "ippools")["items"]
    wanted = [pool["spec"] for pool in pools if pool["spec"]["cidr"] == "10.244.0.0/16"]
    assert [(spec["vxlanMode"], spec["ipipMode"]) for spec in wanted] == [("Always", "Never")]


def test_every_pod_address_is_allocated_in_a_block(core: t.Any, custom: t.Any) -> None:
    blocks = custom.list_cluster_custom_object("crd.projectcalico.org", "v1", "ipamblocks")["items"]
    allocated = {
        str(ipaddress.ip_network(block["spec"]["cidr"])[index])
        for block in blocks
        for index, slot in enumerate(block["spec"]["allocations"])
        if slot is not None
    }
    pods = [pod for pod in core.list_pod_for_all_namespaces().items if not pod.spec.host_network and pod.status.phase == "Running"]
    assert {pod.status.pod_ip for pod in pods} <= allocated


def test_calico_node_is_ready_everywhere(apps: t.Any, core: t.Any) -> None:
    status = apps.read_namespaced_daemon_set("calico-node", "kube-system").status
    assert status.number_ready == len(core.list_node().items)
