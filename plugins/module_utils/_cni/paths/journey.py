# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a packet travels through a cluster, hop by hop, and how its answer comes back.

It follows what the kernel does, in its order: translation (nat PREROUTING or OUTPUT), route, filter, another source (nat POSTROUTING),
device. The tables raw and mangle are not followed, nor routes of tables beyond `routing.TABLES`. Pure: no I/O. Private: may change at
any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import devices, filters, model, routing
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet, Path
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.state import Ended, State, Step
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import Host, World
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Route, VirtualServer

#: Nodes that a packet may pass before it is taken for one that goes round in circles.
_MOST_NODES = 8
_STRICT, _LOOSE = 1, 2


@dataclasses.dataclass(frozen=True)
class Journey:
    """A packet's way there, and its answer's way back where it arrived."""

    there: Path
    back: t.Optional[Path] = None

    @property
    def works(self) -> bool:
        return self.there.outcome != model.LOST and (self.back is None or self.back.outcome != model.LOST)


def from_pod(world: World, packet: Packet) -> t.Tuple[Journey, ...]:
    """The journeys of a packet that the pod with its source address sends, the likeliest first."""
    return _journeys(world, _followed(world, _leave_pod(world, State(packet))))


def from_node(world: World, node: str, packet: Packet) -> t.Tuple[Journey, ...]:
    """The journeys of a packet that a program of the node itself, or of a pod in its network, sends; the kernel chooses the source."""
    seen = world.hosts[node].seen
    route = routing.choose(seen, packet.target)
    if route is None:
        return (Journey(State(packet, node).lost("no route leads to it").path),)
    family = ipaddress.ip_address(packet.target).version
    source = packet.source or (packet.target if route.table == "local" else routing.source(seen, route.device, family))
    state = State(dataclasses.replace(packet, source=source), node).hop("leaves", "", "a program on the node sends it")
    return _journeys(world, _followed(world, _pass(world, state)))


def from_outside(world: World, packet: Packet) -> t.Tuple[Journey, ...]:
    """The journeys of a packet that comes from outside of the cluster to the node with its target address."""
    host = world.host_with(packet.target)
    if host is None:
        lost = State(packet).lost("no node has this address: what leads packets to the cluster has to know one")
        return (Journey(lost.path),)
    device = host.addresses[packet.target]
    return _journeys(world, _followed(world, [State(packet, host.name, device).hop("arrives", device, "the node has this address")]))


def _followed(world: World, steps: t.Iterable[Step]) -> t.List[Ended]:
    """To the end of each way."""
    ended: t.List[Ended] = []
    waiting = list(steps)
    while waiting:
        step = waiting.pop(0)
        if isinstance(step, Ended):
            ended.append(step)
        else:
            waiting += _enter(world, step)
    return ended


def _then(steps: t.Iterable[Step], go_on: t.Callable[[State], t.List[Step]]) -> t.List[Step]:
    """What is under way goes on; what has ended stays so."""
    return [step for item in steps for step in ([item] if isinstance(item, Ended) else go_on(item))]


def _journeys(world: World, ended: t.Iterable[Ended]) -> t.Tuple[Journey, ...]:
    ordered = sorted(ended, key=lambda item: -item.state.probability)
    return tuple(Journey(item.path, _back(world, item)) for item in ordered)


def _back(world: World, there: Ended) -> t.Optional[Path]:
    """The answer's way, which no rule translates anew: each node does with it the reverse of what it did with the first packet."""
    if there.outcome != model.DELIVERED:
        return None
    waited_for = there.state.hops[0].packet.answer
    answer = State(there.state.packet.unmarked.answer, kept=there.state.kept, answers=True)
    if answer.packet.source in world.pods:
        steps = _leave_pod(world, answer)
    else:
        steps = _pass(world, answer.at(there.state.node).hop("leaves", "", "a program on the node answers"))
    likeliest = max(_followed(world, steps), key=lambda item: item.state.probability)
    if likeliest.outcome != model.LOST and likeliest.state.packet.unmarked != waited_for:
        return likeliest.state.lost(f"who asked waits for {waited_for}, and takes no other answer").path
    return likeliest.path


# A pod


def _leave_pod(world: World, state: State) -> t.List[Step]:
    pod = world.pods.get(state.packet.source)
    if pod is None or pod.node not in world.hosts:
        return [state.lost("no running pod has this address" if pod is None else f"nothing was read of node {pod.node}")]
    host = world.hosts[pod.node]
    link = host.pod_link(state.packet.source)
    left = state.at(host.name).hop("leaves", link.device, f"pod {pod.namespace}/{pod.name}")
    if not link.bridge:
        return [left.at(host.name, link.device)]
    left = left.at(host.name, link.bridge)
    if not host.bridges_through_iptables(left.packet.target):
        return _along_bridge(world, host, left)
    # With br_netfilter the bridge's ports ask nat, before the bridge decides whether it is for one of them.
    return _then(
        filters.translated(world, host, left), lambda item: _along_bridge(world, host, dataclasses.replace(item, came=left.packet))
    )


def _along_bridge(world: World, host: Host, state: State) -> t.List[Step]:
    """To another pod on the bridge by its MAC address, or to the bridge itself, which routes."""
    redirected = state.came is not None and state.came.target != state.packet.target
    if not redirected and not host.is_neighbour(state.device, state.packet.target):
        return [state.hop("bridged", state.device, "the bridge is the pod's gateway")]
    route = routing.choose(host.seen, state.packet.target)
    if route is not None and (route.table, route.device) == ("main", state.device):
        return _switched(world, host, state)
    if redirected:
        return [state.hop("bridged", state.device, "the bridge is the pod's gateway")]
    if not host.setting("proxy_arp", state.device):
        return [state.lost(f"the pod asks its neighbours for this address, and nobody on {state.device} answers", state.device)]
    return [state.hop("bridged", state.device, "the bridge answers for an address that is behind it (proxy_arp)")]


def _switched(world: World, host: Host, state: State) -> t.List[Step]:
    """From one port of the bridge to another: the bridge's own device sees nothing of it."""
    bridge = state.device
    switched = state.hop("switched", bridge, "the target is on the same bridge: by its MAC address, no route is asked")
    if not host.bridges_through_iptables(state.packet.target):
        return [devices.to_pod(world, host, switched, bridge)]

    def go_on(item: State) -> t.List[Step]:
        leaving = filters.masqueraded(world, host, item, bridge)
        return [devices.to_pod(world, host, filters.remembered(left), bridge) for left in leaving]

    return _then(filters.filtered(world, host, switched, "FORWARD", bridge), go_on)


# A node


def _enter(world: World, state: State) -> t.List[Step]:
    """A packet that came to a node by a device."""
    host = world.hosts[state.node]
    refused = "it goes round in circles" if state.passed >= _MOST_NODES else _reverse_path(host, state)
    if refused:
        return [state.lost(refused, state.device)]
    return _pass(world, dataclasses.replace(state, passed=state.passed + 1))


def _reverse_path(host: Host, state: State) -> str:
    """Why the kernel drops the packet for its source, if it does; of IPv6 it asks nothing. Source: ip-sysctl, rp_filter."""
    value = host.setting("rp_filter", state.device)
    if value not in (_STRICT, _LOOSE) or ":" in state.packet.source:
        return ""
    route = routing.choose(host.seen, state.packet.source)
    if route is None or route.kind not in ("unicast", "local"):
        return f"rp_filter: no route leads back to {state.packet.source}"
    if value == _STRICT and route.device != state.device:
        return f"rp_filter is strict, and the way back to {state.packet.source} is {routing.words(route)}"
    return ""


def _pass(world: World, state: State) -> t.List[Step]:
    """Translation, route, filter, source, device."""
    host = world.hosts[state.node]
    if state.came is not None:  # the bridge's port has asked nat
        return _routed(world, host, state)
    return _then(filters.translated(world, host, state), lambda item: _routed(world, host, dataclasses.replace(item, came=state.packet)))


def _routed(world: World, host: Host, state: State) -> t.List[Step]:
    route = routing.choose(host.seen, state.packet.target)
    if route is None:
        return [state.lost("no route leads to it")]
    if route.table == "local":
        return _to_node(world, host, state)
    if route.kind != "unicast":
        return [state.lost(f"the route that wins is {routing.words(route)}")]
    forwarding = "net.ipv6.conf.all.forwarding" if ":" in state.packet.target else "net.ipv4.ip_forward"
    if state.device and host.seen.sysctls.get(forwarding, "1") == "0":
        return [state.lost(f"{forwarding} is 0")]
    routed = state.hop("routed", "", _why(host, route, state.packet.target))
    passed = filters.filtered(world, host, routed, "FORWARD" if state.device else "OUTPUT", route.device)
    return _then(passed, lambda item: _leave(world, host, item, route))


def _leave(world: World, host: Host, state: State, route: Route) -> t.List[Step]:
    leaving = filters.masqueraded(world, host, state, route.device)
    return [devices.transmit(world, host, filters.remembered(left), route) for left in leaving]


def _why(host: Host, route: Route, target: str) -> str:
    wider = routing.beaten(host.seen, route, target)
    return routing.words(route) + (f"; narrower than {', '.join(map(routing.words, wider))}" if wider else "")


def _to_node(world: World, host: Host, state: State) -> t.List[Step]:
    """For a program of the node, or of a pod in its network; or for IPVS, which takes it on its way there."""
    steps = filters.filtered(world, host, state, "INPUT") if state.device else [state]
    server = None if state.answers else host.virtual_server(state.packet)
    if server is not None:
        return _then(steps, lambda item: _balanced(world, host, item, server))
    return _then(steps, lambda item: [filters.settled(item).delivered("", "an address of the node itself")])


def _balanced(world: World, host: Host, state: State, server: VirtualServer) -> t.List[Step]:
    """By IPVS to one of its servers, and on as if the node itself had sent it."""
    total = sum(real.weight for real in server.servers)
    if not total:
        return [state.lost(f"IPVS has no server for {server.address}:{server.port}")]
    steps: t.List[Step] = []
    for real in server.servers:
        if not real.weight:
            continue
        share = real.weight / total
        told = f"IPVS, scheduler {server.scheduler}" + (f", for {share:.0%} of connections" if share < 1 else "")
        packet = dataclasses.replace(state.packet, target=real.address, target_port=real.port)
        chosen = dataclasses.replace(state.carrying(packet), device="", probability=state.probability * share)
        steps += _routed(world, host, chosen.hop("translated", "", told))
    return steps
