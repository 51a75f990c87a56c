# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""NetworkPolicy evaluated word by word as the API documents it, one pair at a time, on the raw objects.

It shares no code with the engine, knows no classes and no bitsets, and is as slow as it is plain: what the engine says is held against it.
What is unknown (the address and the node of a workload's pods, what a CNI makes of pods on their node's network) is tried out one by one;
verdicts that differ make ``undefined``. It leaves Services out.
"""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import itertools
import typing as t

Raw = t.Mapping[str, t.Any]
WORKLOADS = ("Deployment", "StatefulSet")

# Reading them again and again would be most of the time.
_address = functools.lru_cache(ipaddress.ip_address)
_network = functools.lru_cache(functools.partial(ipaddress.ip_network, strict=False))


@dataclasses.dataclass(frozen=True)
class Actor:
    """One way to see one end: its address (None: it has none yet), and the pod it is, if policies see a pod."""

    address: str | None
    pod: Raw | None
    node: str
    is_node: bool


class Naive:
    """A world of raw objects."""

    def __init__(self, objects: t.Iterable[Raw], pod_cidrs: t.Sequence[str] = ()) -> None:
        self.objects = list(objects)
        self.namespaces = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in self._of("Namespace")}
        self.policies = self._of("NetworkPolicy")
        self.pods = {f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in self._of("Pod")}
        self.workloads = {f"{one['metadata']['namespace']}/{one['kind']}/{one['metadata']['name']}": one for one in self._of(*WORKLOADS)}
        self.nodes = {one["metadata"]["name"]: [a["address"] for a in one["status"]["addresses"]] for one in self._of("Node")}
        self.ranges = pod_cidrs

    def _of(self, *kinds: str) -> list[Raw]:
        return [one for one in self.objects if one["kind"] in kinds]

    def verdict(self, source: str, destination: str, protocol: str, port: int) -> str:
        """allow, deny or undefined."""
        if self.pod_at(source) is not None and self.pod_at(source) is self.pod_at(destination):
            return "allow"
        found = set()
        for one, other in itertools.product(self.actors(source), self.actors(destination)):
            if one.address and other.address and _address(one.address).version != _address(other.address).version:
                continue
            found.add(self.connects(one, other, protocol, port))
        return found.pop() if len(found) == 1 else "undefined"

    # --- Ends ---

    def pod_at(self, end: str) -> Raw | None:
        """The pod with this name or, unless it uses its node's, this address."""
        if end in self.pods:
            return self.pods[end]
        return next((pod for pod in self.pods.values() if not pod["spec"].get("hostNetwork") and end in self.addresses(pod)), None)

    def actors(self, end: str) -> list[Actor]:
        """All ways to see an end."""
        if end in self.workloads:
            template = self.workloads[end]["spec"]["template"]
            pod = {"metadata": {**template["metadata"], "namespace": end.split("/", maxsplit=1)[0]}, "spec": template["spec"]}
            if pod["spec"].get("hostNetwork"):
                places = [(address, node) for node, addresses in self.nodes.items() for address in addresses]
                return [Actor(*place) for address, node in places for place in ((address, pod, node, False), (address, None, node, True))]
            addresses = [str(address) for cidr in self.ranges for address in _network(cidr)]
            return [Actor(address, pod, node, False) for address in addresses for node in self.nodes]
        if end in self.pods:
            return self.of_pod(self.pods[end])
        pod = self.pod_at(end)
        if pod is not None:
            return [Actor(end, pod, pod["spec"]["nodeName"], False)]
        node = next((name for name, addresses in self.nodes.items() if end in addresses), "")
        return [Actor(end, None, node, bool(node))]

    def of_pod(self, pod: Raw) -> list[Actor]:
        node = pod["spec"]["nodeName"]
        addresses = self.addresses(pod) or [None]
        seen = [Actor(address, pod, node, False) for address in addresses]
        # The concept page permits two behaviours: as any pod, or as traffic of the node.
        return seen + [Actor(address, None, node, True) for address in addresses] if pod["spec"].get("hostNetwork") else seen

    @staticmethod
    def addresses(pod: Raw) -> list[str]:
        return [item["ip"] for item in pod.get("status", {}).get("podIPs", [])]

    # --- Connections ---

    def connects(self, source: Actor, destination: Actor, protocol: str, port: int) -> str:
        """Both the policies of the source and those of the destination have to allow it."""
        sides = [self.permits("egress", source, destination, protocol, port), self.permits("ingress", destination, source, protocol, port)]
        if "deny" in sides:
            return "deny"
        return "undefined" if "undefined" in sides else "allow"

    def permits(self, direction: str, subject: Actor, peer: Actor, protocol: str, port: int) -> str:
        if subject.pod is None:
            return "allow"
        if peer.is_node and peer.node == subject.node:
            return "allow"
        isolating = [policy for policy in self.policies if self.isolates(policy, direction, subject.pod)]
        if not isolating:
            return "allow"
        if protocol not in ("TCP", "UDP", "SCTP"):
            return "undefined"
        destination = subject if direction == "ingress" else peer
        for policy in isolating:
            for rule in policy["spec"].get(direction) or []:
                peers = rule.get("from" if direction == "ingress" else "to")
                fitting = not peers or any(self.is_peer(item, policy, peer) for item in peers)
                if fitting and self.on_port(rule.get("ports"), destination, protocol, port):
                    return "allow"
        return "deny"

    def isolates(self, policy: Raw, direction: str, pod: Raw) -> bool:
        spec = policy["spec"]
        types = spec.get("policyTypes")
        if not types:
            types = ["Ingress"] + (["Egress"] if spec.get("egress") else [])
        if direction.capitalize() not in types or policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
            return False
        return self.selects(spec.get("podSelector") or {}, pod["metadata"].get("labels") or {})

    def is_peer(self, item: Raw, policy: Raw, peer: Actor) -> bool:
        if item.get("ipBlock"):
            if peer.address is None:
                return False
            address = _address(peer.address)
            inside = address in _network(item["ipBlock"]["cidr"])
            return inside and not any(address in _network(hole) for hole in item["ipBlock"].get("except") or [])
        if peer.pod is None:
            return False
        namespace = peer.pod["metadata"]["namespace"]
        if item.get("namespaceSelector") is None:
            here = namespace == policy["metadata"]["namespace"]
        else:
            own = {**self.namespaces.get(namespace, {}), "kubernetes.io/metadata.name": namespace}
            here = self.selects(item["namespaceSelector"], own)
        return here and self.selects(item.get("podSelector") or {}, peer.pod["metadata"].get("labels") or {})

    @staticmethod
    def selects(selector: Raw, labels: t.Mapping[str, str]) -> bool:
        for key, value in (selector.get("matchLabels") or {}).items():
            if labels.get(key) != value:
                return False
        for item in selector.get("matchExpressions") or []:
            key, operator = item["key"], item["operator"]
            fulfilled = {
                "In": labels.get(key) in item.get("values", []),
                "NotIn": labels.get(key) not in item.get("values", []),
                "Exists": key in labels,
                "DoesNotExist": key not in labels,
            }
            if not fulfilled[operator]:
                return False
        return True

    def on_port(self, ports: t.Sequence[Raw] | None, destination: Actor, protocol: str, port: int) -> bool:
        if not ports:
            return True
        return any(self.is_port(item, destination, protocol, port) for item in ports)

    @staticmethod
    def is_port(item: Raw, destination: Actor, protocol: str, port: int) -> bool:
        if (item.get("protocol") or "TCP") != protocol:
            return False
        wanted = item.get("port")
        if wanted is None:
            return True
        if isinstance(wanted, int):
            return wanted <= port <= item.get("endPort", wanted)
        containers = destination.pod["spec"].get("containers", []) if destination.pod else []
        offered = [own for container in containers for own in container.get("ports", [])]
        return any((own.get("name"), own.get("protocol") or "TCP", own["containerPort"]) == (wanted, protocol, port) for own in offered)
