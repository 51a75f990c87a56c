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

#: Other nodes that each node asks. In a larger cluster they are spread evenly, and each node is asked by as many: to ask all of them
#: would grow with the square, to two million ways between a thousand nodes.
PEERS = 64


def plan(scene: Scene, cni: Cni) -> t.Tuple[probes.Probe, ...]:
    """Every probe but those of the policy, which come in phases."""
    asked = _asked(scene)
    return (*_pod_probes(scene, asked), *_host_probes(scene, cni, asked), *_user_probes(scene, asked))


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


#: The nodes that a node asks, itself among them.
_Asked = t.Mapping[str, t.FrozenSet[str]]


def _asked(scene: Scene) -> _Asked:
    """The nodes stand in a ring, and each asks nodes at the same distances."""
    places = [place.node for place in (*scene.canaries, *scene.hosts)]
    ring = sorted({*places, *scene.node_addresses})
    others = len(ring) - 1
    count = min(PEERS, others)
    distances = [0, *(1 + turn * others // count for turn in range(count))]
    return {node: frozenset(ring[(own + distance) % len(ring)] for distance in distances) for own, node in enumerate(ring)}


def _pod_probes(scene: Scene, asked: _Asked) -> t.Iterator[probes.Probe]:
    port = _canary_port(scene)
    for source in scene.canaries:
        for target in scene.canaries:
            if source.node != target.node and target.node in asked[source.node]:
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


def _host_probes(scene: Scene, cni: Cni, asked: _Asked) -> t.Iterator[probes.Probe]:
    canary_of = {canary.node: canary for canary in scene.canaries}
    for source in scene.hosts:
        canary = canary_of.get(source.node)
        if canary is not None and cni.device_prefix:
            label = f"{source.node} -> {canary.address}"
            yield probes.Probe(questions.CANARY_VETH, source.pod, probes.ROUTE, canary.address, label, cni.device_prefix)
        for check, address in [*_node_port_targets(scene, scene.service, asked[source.node]), *_external_targets(scene.external)]:
            yield probes.Probe(check, source.pod, probes.HTTP, f"{address}/hostname", f"{source.node} -> {address}")


def _node_port_targets(scene: Scene, service: t.Optional[Service], asked: t.AbstractSet[str]) -> t.Iterator[t.Tuple[str, str]]:
    for port in service.ports if service else ():
        if port.node_port:
            yield from ((questions.HOST_TO_NODEPORT, probes.host_port(address, port.node_port)) for address in _addresses(scene, asked))


def _external_targets(service: t.Optional[Service]) -> t.Iterator[t.Tuple[str, str]]:
    if service is None:
        return
    for port in service.ports:
        yield from ((questions.HOST_TO_EXTERNALIP, probes.host_port(address, port.port)) for address in service.external_ips)


def _addresses(scene: Scene, asked: t.AbstractSet[str]) -> t.List[str]:
    return [address for node, address in scene.node_addresses.items() if node in asked]


def _user_probes(scene: Scene, asked: _Asked) -> t.Iterator[probes.Probe]:
    service = scene.user_service or Service("", "")
    for port in service.ports:
        for source in scene.canaries:
            yield from (_connection(questions.USER_CLUSTERIP, source, address, port.port) for address in _filled(service.cluster_ip))
        for source in scene.hosts:
            node_addresses = _addresses(scene, asked[source.node]) if port.node_port else ()
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
