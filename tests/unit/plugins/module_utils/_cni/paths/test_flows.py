# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The words of a person, and the packets that they mean."""

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import flows, services
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.services import Port, Service
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError
from tests.support import backend_cases, path_cases

WORLD = path_cases.flannel(
    {"Type": "vxlan"}, path_cases.pod("c", name="stuck", phase="Pending"), path_cases.pod("b", name="host", host_network=True)
)
SERVICES = (*path_cases.SERVICES, Service("default", "headless", ports=(Port("", 53, "udp"),)))


@pytest.mark.parametrize(
    ("source", "target", "protocol", "packet"),
    [
        ("pod/default/a", "pod/default/b:8080", "udp", Packet("10.244.1.5", "10.244.2.5", "udp", 0, 8080)),
        ("pod/default/a", "pod/default/b", "", Packet("10.244.1.5", "10.244.2.5", "tcp", 0, 80)),
        ("pod/default/a", "service/default/web", "udp", Packet("10.244.1.5", path_cases.SERVICE, "tcp", 0, 80)),
        ("pod/default/a", "service/default/web:http", "", Packet("10.244.1.5", path_cases.SERVICE, "tcp", 0, 80)),
        ("node/n1", "node/n2:22", "", Packet("", backend_cases.address(2), "tcp", 0, 22)),
        ("pod/default/host", "pod/default/a:80", "", Packet("", "10.244.1.5", "tcp", 0, 80)),
        ("outside", "nodeport/n3/default/web", "", Packet(flows.STRANGER, backend_cases.address(3), "tcp", 0, path_cases.NODE_PORT)),
        ("outside/198.51.100.1", "external/default/web:80", "", Packet("198.51.100.1", path_cases.EXTERNAL, "tcp", 0, 80)),
        ("outside", "address/[2001:db8::7]:443", "", Packet(flows.STRANGER_V6, "2001:db8::7", "tcp", 0, 443)),
    ],
)
def test_what_is_meant(source: str, target: str, protocol: str, packet: Packet) -> None:
    assert flows.flow(WORLD, SERVICES, source, target, protocol).packet == packet


@pytest.mark.parametrize(
    ("source", "target", "problem"),
    [
        ("service/default/web", "pod/default/a", "begins with none of pod, node, outside"),
        ("pod/default/a", "internet", "begins with none of pod, node, service"),
        ("pod/a", "pod/default/b", "does not have 2 parts after pod/"),
        ("pod/default/x", "pod/default/b", "there is no pod default/x"),
        ("pod/default/stuck", "pod/default/b", "pod default/stuck does not run (Pending)"),
        ("node/n9", "pod/default/b", "nothing was read of a node n9. There are n1, n2, n3"),
        ("pod/default/a", "service/default/x:80", "there is no Service default/x"),
        ("pod/default/a", "service/default/web:81", "has no port 81. It has 80"),
        ("pod/default/a", "service/default/headless:53", "has no address of its own"),
        ("pod/default/a", "nodeport/n1/default/headless:53", "has no node port"),
        ("pod/default/a", "address/10.0.0.300:80", "10.0.0.300"),
        ("pod/default/a", "pod/default/b:http", "'http' is no port"),
        ("pod/default/a", "pod/default/b:99999", "'99999' is no port"),
        ("pod/default/a", "address/2001:db8::7", "has no address of IPv6"),
        ("outside/nobody", "node/n1:80", "nobody"),
    ],
)
def test_what_nobody_can_mean(source: str, target: str, problem: str) -> None:
    with pytest.raises(BadInputError) as raised:
        flows.flow(WORLD, SERVICES, source, target)
    assert problem in str(raised.value)


def test_a_service_as_the_api_server_has_it() -> None:
    resource = {
        "metadata": {"namespace": "default", "name": "web"},
        "spec": {
            "clusterIP": "10.96.0.9",
            "clusterIPs": ["10.96.0.9", "fd00::9"],
            "externalIPs": ["192.0.2.1"],
            "ports": [{"name": "http", "port": 80, "nodePort": 30080}, {"port": 53, "protocol": "UDP"}],
        },
        "status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.2"}, {"hostname": "web.example.com"}]}},
    }
    assert services.read(resource) == Service(
        "default", "web", ("10.96.0.9", "fd00::9"), ("192.0.2.1", "192.0.2.2"), (Port("http", 80, "tcp", 30080), Port("", 53, "udp"))
    )
    assert services.read({"metadata": {"name": "x"}, "spec": {"clusterIP": "None"}}) == Service("", "x")
