# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which probes prove a pod network; ``_kube.evidence`` runs them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni, Place, Scene, Service


def plan(scene: Scene, cni: Cni) -> t.Tuple[probes.Probe, ...]:
    """Every probe but those of the policy, which come in phases."""
    return (*_pod_probes(scene), *_host_probes(scene, cni), *_user_probes(scene))


def policy_probes(scene: Scene) -> t.Tuple[probes.Probe, ...]:
    """From the sentinel's neighbour on its own node and from one canary of another node: two different ways into the sentinel."""
    sentinel = scene.sentinel
    if sentinel is None:
        return ()
    near = [canary for canary in scene.canaries if canary.node == sentinel.node]
    far = [canary for canary in scene.canaries if canary.node != sentinel.node]
    target = probes.host_port(sentinel.address, _canary_port(scene))
    return tuple(
        probes.Probe(questions.POLICY_ENFORCED, canary.pod, probes.CONNECT, target, f"{canary.node} ({way}) -> {sentinel.node}")
        for canary, way in [*((canary, "same node") for canary in near), *((canary, "another node") for canary in far[:1])]
    )


def _pod_probes(scene: Scene) -> t.Iterator[probes.Probe]:
    port = _canary_port(scene)
    for source in scene.canaries:
        for target in scene.canaries:
            if source.node != target.node:
                address = f"{probes.host_port(target.address, port)}/clientip"
                yield probes.Probe(
                    questions.POD_TO_POD, source.pod, probes.HTTP, address, f"{source.node} -> {target.node}", source.address
                )
        if scene.service is None:
            continue
        by_address = probes.host_port(scene.service.cluster_ip, port)
        by_name = f"{scene.service.name}.{scene.service.namespace}.svc:{port}"
        for check, address in ((questions.POD_TO_SERVICE, by_address), (questions.POD_TO_DNS_NAME, by_name)):
            yield probes.Probe(check, source.pod, probes.HTTP, f"{address}/hostname", f"{source.node} -> {address}")


def _host_probes(scene: Scene, cni: Cni) -> t.Iterator[probes.Probe]:
    canary_of = {canary.node: canary for canary in scene.canaries}
    for source in scene.hosts:
        canary = canary_of.get(source.node)
        if canary is not None and cni.device_prefix:
            label = f"{source.node} -> {canary.address}"
            yield probes.Probe(questions.CANARY_VETH, source.pod, probes.ROUTE, canary.address, label, cni.device_prefix)
        for check, address in [*_node_port_targets(scene, scene.service), *_external_targets(scene.external)]:
            yield probes.Probe(check, source.pod, probes.HTTP, f"{address}/hostname", f"{source.node} -> {address}")


def _node_port_targets(scene: Scene, service: t.Optional[Service]) -> t.Iterator[t.Tuple[str, str]]:
    for port in service.ports if service else ():
        if port.node_port:
            yield from (
                (questions.HOST_TO_NODEPORT, probes.host_port(address, port.node_port)) for address in scene.node_addresses.values()
            )


def _external_targets(service: t.Optional[Service]) -> t.Iterator[t.Tuple[str, str]]:
    if service is None:
        return
    for port in service.ports:
        yield from ((questions.HOST_TO_EXTERNALIP, probes.host_port(address, port.port)) for address in service.external_ips)


def _user_probes(scene: Scene) -> t.Iterator[probes.Probe]:
    service = scene.user_service or Service("", "")
    for port in service.ports:
        for source in scene.canaries:
            yield from (_connection(questions.USER_CLUSTERIP, source, address, port.port) for address in _filled(service.cluster_ip))
        for source in scene.hosts:
            node_addresses = scene.node_addresses.values() if port.node_port else ()
            yield from (_connection(questions.USER_NODEPORT, source, address, port.node_port) for address in node_addresses)
            yield from (_connection(questions.USER_EXTERNALIP, source, address, port.port) for address in service.external_ips)
            yield from (_connection(questions.USER_LOADBALANCER, source, address, port.port) for address in service.load_balancer)


def _filled(text: str) -> t.Tuple[str, ...]:
    return (text,) if text else ()


def _connection(check: str, source: Place, address: str, port: int) -> probes.Probe:
    target = probes.host_port(address, port)
    return probes.Probe(check, source.pod, probes.CONNECT, target, f"{source.node} -> {target}")


def _canary_port(scene: Scene) -> int:
    return scene.service.ports[0].port if scene.service and scene.service.ports else 8080
