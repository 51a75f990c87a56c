# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://k8s_cluster"]
NODE_ADDRESSES = ("172.30.0.11", "172.30.0.12", "172.30.0.13")


def service(core: t.Any) -> t.Any:
    return core.read_namespaced_service("myapp", "default")


def fetch(host: t.Any, address: str, port: int, path: str = "/") -> str:
    return t.cast(str, host.check_output(f"curl --silent --show-error --fail --max-time 5 http://{address}:{port}{path}"))


def test_two_replicas_on_two_nodes_are_ready(core: t.Any) -> None:
    pods = core.list_namespaced_pod("default", label_selector="app.kubernetes.io/name=myapp").items
    ready = [pod for pod in pods if any(c.type == "Ready" and c.status == "True" for c in pod.status.conditions)]
    assert len(ready) == 2
    assert len({pod.spec.node_name for pod in ready}) == 2


def test_cluster_address_answers_from_every_node(host: t.Any, core: t.Any) -> None:
    assert "Hello MyApp | Version: v1" in fetch(host, service(core).spec.cluster_ip, 80)


def test_every_node_port_answers_from_every_node(host: t.Any, core: t.Any) -> None:
    port = service(core).spec.ports[0].node_port
    for address in NODE_ADDRESSES:
        assert fetch(host, address, port, "/hostname.html").startswith("myapp-")


def test_external_address_answers_from_every_node(host: t.Any, core: t.Any) -> None:
    (address,) = core.api_client.sanitize_for_serialization(service(core))["spec"]["externalIPs"]
    assert fetch(host, address, 80, "/hostname.html").startswith("myapp-")


def test_service_is_a_load_balancer(core: t.Any) -> None:
    assert service(core).spec.type == "LoadBalancer"
