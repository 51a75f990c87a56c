# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
import typing as t

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

testinfra_hosts = ["ansible://k8s_cluster"]


def test_calicos_devices_are_gone(links: dict[str, t.Any]) -> None:
    assert [name for name in links if "cali" in name] == []


def test_calicos_rules_and_sets_are_gone(host: t.Any, firewall: str) -> None:
    assert [line for line in firewall.splitlines() if "cali" in line.lower()] == []
    assert "cali" not in host.check_output("ipset list -n")


def test_no_route_is_calicos(host: t.Any) -> None:
    routes = json.loads(host.check_output("ip -j route show table all"))
    assert [route for route in routes if "cali" in route.get("dev", "") or route.get("protocol") == "80"] == []


@pytest.mark.parametrize("path", ["/var/lib/calico", "/var/run/calico", "/opt/cni/bin/calico", "/opt/cni/bin/calico-ipam"])
def test_calicos_files_are_gone(host: t.Any, path: str) -> None:
    assert not host.file(path).exists


def test_the_conflist_is_flannels_alone(host: t.Any) -> None:
    assert host.file("/etc/cni/net.d").listdir() == ["10-flannel.conflist"]


def test_flannel_may_give_all_of_its_addresses(host: t.Any) -> None:
    assert host.run("grep --recursive --files-with-matches podnet.cni /var/lib/cni/networks").stdout == ""


def test_the_settings_of_the_mixed_phase_are_put_back(host: t.Any) -> None:
    assert not host.file("/etc/sysctl.d/99-zz-podnet-cni.conf").exists
    assert host.check_output("cat /proc/sys/net/ipv4/conf/cni0/proxy_arp 2>/dev/null || echo 0") == "0"


def test_calico_is_gone_from_the_api_server(core: t.Any, apps: t.Any) -> None:
    with pytest.raises(ApiException, match="Not Found"):
        apps.read_namespaced_daemon_set("calico-node", "kube-system")
    definitions = client.ApiextensionsV1Api(core.api_client).list_custom_resource_definition().items
    assert [item.metadata.name for item in definitions if "projectcalico" in item.metadata.name] == []


def test_nodes_tell_of_flannel_alone(core: t.Any) -> None:
    nodes = core.list_node().items
    names = [key for node in nodes for key in (*node.metadata.annotations, *node.metadata.labels)]
    assert [name for name in names if "projectcalico" in name or name == "podnet.io/calico"] == []
    reasons = {item.reason for node in nodes for item in node.status.conditions if item.type == "NetworkUnavailable"}
    assert reasons == {"FlannelIsUp"}


def test_every_pod_has_an_address_of_its_nodes_range(core: t.Any) -> None:
    ranges = {node.metadata.name: ipaddress.ip_network(node.spec.pod_cidr) for node in core.list_node().items}
    pods = [pod for pod in core.list_pod_for_all_namespaces().items if not pod.spec.host_network and pod.status.phase == "Running"]
    assert [pod.metadata.name for pod in pods if ipaddress.ip_address(pod.status.pod_ip) not in ranges[pod.spec.node_name]] == []
    addresses = [pod.status.pod_ip for pod in pods]
    assert len(addresses) == len(set(addresses))


def test_the_demo_application_survived(core: t.Any, host: t.Any) -> None:
    address = core.read_namespaced_service("myapp", "default").spec.cluster_ip
    assert "Hello MyApp" in host.check_output(f"curl --silent --fail --max-time 5 http://{address}/")
