# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""From whom to whom: the words of a person become a packet.

``pod/NAMESPACE/NAME``, ``node/NAME``, ``outside`` and ``outside/ADDRESS`` send; ``pod/NAMESPACE/NAME:PORT``, ``node/NAME:PORT``,
``service/NAMESPACE/NAME:PORT``, ``nodeport/NODE/NAMESPACE/NAME:PORT``, ``external/NAMESPACE/NAME:PORT`` and ``address/ADDRESS:PORT``
receive. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import journey
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.services import Port, Service
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World

PROTOCOLS = ("tcp", "udp")
#: An address outside of the cluster that stands for any: of a range that is kept for documentation (RFC 5737, RFC 3849).
STRANGER, STRANGER_V6 = "203.0.113.1", "2001:db8::1"
_SENDERS = ("pod", "node", "outside")
_PARTS = {"pod": 2, "node": 1, "service": 2, "nodeport": 3, "external": 2, "address": 1}
#: Of a target that is no Service, where none is named.
_DEFAULT_PORT = 80


@dataclasses.dataclass(frozen=True)
class Flow:
    """A packet to follow. ``node`` is where it is sent, empty outside of the cluster; ``pod`` sends it, or nobody's but the node's own."""

    source: str
    target: str
    packet: Packet
    node: str = ""
    pod: t.Optional[Pod] = None

    @property
    def name(self) -> str:
        return f"{self.source} -> {self.target}"


def flow(world: World, services: t.Sequence[Service], source: str, target: str, protocol: str = "") -> Flow:
    """The packet that is meant. Raises BadInputError for what nobody can mean."""
    kind, parts, _port = _words(source, _SENDERS, "source")
    goal, port, wanted = _target(world, services, target, protocol)
    packet = Packet("", goal, wanted or PROTOCOLS[0], 0, port)
    version = ipaddress.ip_address(goal).version
    if kind == "outside":
        address = parts[0] if parts else (STRANGER if version == 4 else STRANGER_V6)
        return Flow(source, target, dataclasses.replace(packet, source=_address(address, "source")))
    if kind == "node":
        return Flow(source, target, packet, _node(world, parts[0], "source"))
    pod = _pod(world, parts, "source")
    if pod.host_network:
        return Flow(source, target, packet, pod.node)
    return Flow(source, target, dataclasses.replace(packet, source=_of_family(pod.ips, version, source)), pod.node, pod)


def follow(world: World, wanted: Flow) -> t.Tuple[journey.Journey, ...]:
    """Its journeys, the likeliest first."""
    if wanted.pod is not None:
        return journey.from_pod(world, wanted.packet)
    if wanted.node:
        return journey.from_node(world, wanted.node, wanted.packet)
    return journey.from_outside(world, wanted.packet)


def examples(world: World, services: t.Sequence[Service]) -> t.List[t.Tuple[str, str]]:
    """What a newcomer asks first: pod to pod on one node and across nodes, pod to Service, outside to Service; as far as there is any."""
    pods = sorted(world.pods.values(), key=lambda pod: (pod.node, pod.namespace, pod.name))
    pairs = [(one, other) for one in pods for other in pods if one is not other]
    near = next(((one, other) for one, other in pairs if one.node == other.node), None)
    far = next(((one, other) for one, other in pairs if one.node != other.node), None)
    found = [(_of(one), _of(other)) for one, other in filter(None, (near, far))]
    asked = next((item for item in services if item.addresses and item.ports and item.name != "kubernetes"), None)
    if asked is not None and pods:
        found.append((_of(pods[0]), f"service/{asked.namespace}/{asked.name}:{asked.ports[0].number}"))
    open_to_all = next(((item, port) for item in services for port in item.ports if port.node_port), None)
    if open_to_all is not None and world.hosts:
        service, port = open_to_all
        found.append(("outside", f"nodeport/{min(world.hosts)}/{service.namespace}/{service.name}:{port.number}"))
    return found


def _of(pod: Pod) -> str:
    return f"pod/{pod.namespace}/{pod.name}"


def _words(text: str, kinds: t.Sequence[str], option: str) -> t.Tuple[str, t.List[str], str]:
    """Kind, parts and port of what was written."""
    kind, _, rest = text.partition("/")
    if kind not in kinds:
        raise _errors.BadInputError(f"{text!r} begins with none of {', '.join(kinds)}", option, "Write pod/NAMESPACE/NAME, for example.")
    if kind == "outside":
        return kind, [rest] if rest else [], ""
    named, port = _split_port(rest)
    parts = named.split("/")
    if len(parts) != _PARTS[kind] or not all(parts):
        raise _errors.BadInputError(f"{text!r} does not have {_PARTS[kind]} parts after {kind}/", option)
    return kind, parts, port


def _split_port(text: str) -> t.Tuple[str, str]:
    """An address of IPv6 with a port has brackets."""
    if text.startswith("["):
        address, _, port = text[1:].partition("]")
        return address, port.lstrip(":")
    if text.count(":") > 1:
        return text, ""
    named, _, port = text.partition(":")
    return named, port


@dataclasses.dataclass(frozen=True)
class _Asked:
    """A target in a person's words: ``text`` is all of it."""

    world: World
    services: t.Sequence[Service]
    parts: t.Sequence[str]
    port: str
    text: str


#: Address, port, and the protocol where the target has one of its own.
_End = t.Tuple[str, int, str]


def _target(world: World, services: t.Sequence[Service], text: str, protocol: str) -> _End:
    """Address, port and protocol."""
    kind, parts, port = _words(text, tuple(_TARGETS), "target")
    address, number, own = _TARGETS[kind](_Asked(world, services, parts, port, text))
    return address, number, own or protocol


def _any_address(asked: _Asked) -> _End:
    return _address(asked.parts[0], "target"), _number(asked.port, asked.text), ""


def _of_node(asked: _Asked) -> _End:
    return _node_address(asked.world, _node(asked.world, asked.parts[0], "target")), _number(asked.port, asked.text), ""


def _of_pod(asked: _Asked) -> _End:
    return _of_family(_pod(asked.world, asked.parts, "target").ips, 0, asked.text), _number(asked.port, asked.text), ""


def _of_service(asked: _Asked) -> _End:
    service = _service(asked.services, asked.parts, asked.text)
    port = _service_port(service, asked.port, asked.text)
    if not service.addresses:
        raise _errors.BadInputError(f"Service {service.namespace}/{service.name} has no address of its own", asked.text)
    return service.addresses[0], port.number, port.protocol


def _of_external(asked: _Asked) -> _End:
    service = _service(asked.services, asked.parts, asked.text)
    port = _service_port(service, asked.port, asked.text)
    if not service.external:
        raise _errors.BadInputError(f"Service {service.namespace}/{service.name} has no external address", asked.text)
    return service.external[0], port.number, port.protocol


def _of_node_port(asked: _Asked) -> _End:
    node = _node(asked.world, asked.parts[0], "target")
    service = _service(asked.services, asked.parts[1:], asked.text)
    port = _service_port(service, asked.port, asked.text)
    if not port.node_port:
        raise _errors.BadInputError(f"port {port.number} of Service {service.namespace}/{service.name} has no node port", asked.text)
    return _node_address(asked.world, node), port.node_port, port.protocol


_TARGETS: t.Mapping[str, t.Callable[[_Asked], _End]] = {
    "pod": _of_pod,
    "node": _of_node,
    "service": _of_service,
    "nodeport": _of_node_port,
    "external": _of_external,
    "address": _any_address,
}


def _node_address(world: World, name: str) -> str:
    """The node's own, as its Node object has it, or else the first that was seen there."""
    known = [address for node in world.cluster.nodes if node.name == name for address in node.internal_ips]
    return next(iter((*known, *world.hosts[name].addresses)), "")


def _service(services: t.Sequence[Service], parts: t.Sequence[str], where: str) -> Service:
    found = next((item for item in services if [item.namespace, item.name] == list(parts)), None)
    if found is None:
        raise _errors.BadInputError(f"there is no Service {'/'.join(parts)}", where)
    return found


def _service_port(service: Service, port: str, where: str) -> Port:
    """By number or by name; the first if none is named."""
    found = next((item for item in service.ports if not port or port in (str(item.number), item.name)), None)
    if found is None:
        has = ", ".join(str(item.number) for item in service.ports) or "none"
        raise _errors.BadInputError(f"Service {service.namespace}/{service.name} has no port {port or 'at all'}", where, f"It has {has}.")
    return found


def _pod(world: World, parts: t.Sequence[str], option: str) -> Pod:
    found = next((pod for pod in world.cluster.pods if [pod.namespace, pod.name] == list(parts)), None)
    if found is None:
        raise _errors.BadInputError(f"there is no pod {'/'.join(parts)}", option, "See `kubectl get pods --all-namespaces`.")
    if found.phase != "Running" or not found.ips:
        raise _errors.BadInputError(f"pod {'/'.join(parts)} does not run ({found.phase or 'no phase'})", option)
    return found


def _node(world: World, name: str, option: str) -> str:
    if name not in world.hosts:
        raise _errors.BadInputError(f"nothing was read of a node {name}", option, f"There are {', '.join(world.hosts) or 'none'}.")
    return name


def _address(text: str, option: str) -> str:
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise _errors.BadInputError(str(error), option) from error


def _of_family(addresses: t.Sequence[str], version: int, where: str) -> str:
    """The first address of a family, 0 for any."""
    found = next((item for item in addresses if version in (0, ipaddress.ip_address(item).version)), "")
    if not found:
        raise _errors.BadInputError(f"{where} has no address of IPv{version}", where)
    return found


def _number(port: str, where: str) -> int:
    if not port:
        return _DEFAULT_PORT
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise _errors.BadInputError(f"{port!r} is no port", where, "Name a number from 1 to 65535.")
    return int(port)
