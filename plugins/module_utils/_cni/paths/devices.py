# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a packet leaves a node by a device: to a pod, as it is to another node, or wrapped in a tunnel's packet.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import routing
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Outer
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.state import State, Step
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import Host, World
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Link, Route, Vxlan


@dataclasses.dataclass(frozen=True)
class _Tunnel:
    """The way into a tunnel: ``mac`` is for whom the frame inside is, of VXLAN."""

    link: Link
    outer: Outer
    why: str
    mac: str = ""


def transmit(world: World, host: Host, state: State, route: Route) -> Step:
    """By the route's device; what comes to another node is there, and not entered yet."""
    link = host.links.get(route.device)
    if link is None or not link.up:
        return state.lost(f"device {route.device} is {'not there' if link is None else 'down'}", route.device)
    if link.kind == "bridge":
        return to_pod(world, host, state.hop("bridged", link.name, "the bridge of the node's pods"), link.name)
    tunnel = _tunnel(world, host, state, route, link)
    if isinstance(tunnel, _Tunnel):
        return _through(world, host, state, tunnel)
    if tunnel:
        return state.lost(tunnel, link.name)
    pod = world.pods.get(state.packet.target)
    if pod is not None and pod.node == host.name and not route.gateway:
        return state.delivered(link.name, "the pod's link")
    return _by_card(world, state, route, link)


def to_pod(world: World, host: Host, state: State, device: str) -> Step:
    """From the bridge to the pod that is behind one of its ports. A bridge that has not heard of a pod lately asks at all of them."""
    link = host.pod_link(state.packet.target)
    if not link.bridge or link.device:
        return state.delivered(link.device, "the pod's link")
    pod = world.pods.get(state.packet.target)
    if pod is None or pod.node != host.name:
        return state.lost("no pod with this address is on the bridge", device)
    return state.delivered("", "the pod's link, which the bridge has to find first")


def _by_card(world: World, state: State, route: Route, link: Link) -> Step:
    """Not wrapped, to a gateway or to who has the address."""
    next_hop = route.gateway or state.packet.target
    sent = state.hop("sent", link.name, f"to {'gateway ' if route.gateway else ''}{next_hop}, as it is")
    receiver = world.host_with(next_hop)
    pod = world.pods.get(state.packet.target)
    if receiver is None and pod is not None:
        return sent.lost(f"it leaves the cluster by {next_hop}, and pod {pod.namespace}/{pod.name} on {pod.node} has this address")
    if receiver is None:
        return sent.left(f"it leaves the cluster by {next_hop}")
    card = receiver.addresses[next_hop]
    return sent.at(receiver.name, card).hop("arrives", card, "as it is")


def _tunnel(world: World, host: Host, state: State, route: Route, link: Link) -> t.Union[_Tunnel, str]:
    """How the device wraps; or why it cannot; or ``""`` for a device that does not."""
    if link.vxlan is not None:
        return _vxlan(host, route.gateway or state.packet.target, link, link.vxlan)
    if link.kind in world.tunnel_ports:
        return _known_to_flanneld(world, host, state.packet.target, link)
    if link.kind == "ipip":
        return _Tunnel(link, Outer("", route.gateway, 0, "ipip"), f"the gateway is {route.gateway}")
    return ""


def _vxlan(host: Host, next_hop: str, link: Link, tunnel: Vxlan) -> t.Union[_Tunnel, str]:
    """The neighbour's MAC address says for whom to wrap, the forwarding entry of that address where to send."""
    mac = next((item.mac for item in host.seen.neighbours if (item.address, item.device) == (next_hop, link.name) and item.mac), "")
    if not mac:
        return f"no neighbour entry on {link.name} says which MAC address {next_hop} has"
    to = next((item.destination for item in host.seen.fdb if (item.mac, item.device) == (mac, link.name) and item.destination), "")
    if not to:
        return f"no forwarding entry on {link.name} says to which node {mac} belongs"
    why = f"neighbour {next_hop} is {mac}, and {mac} is at {to}"
    return _Tunnel(link, Outer(tunnel.local, to, tunnel.port, "vxlan", tunnel.vni), why, mac)


def _known_to_flanneld(world: World, host: Host, target: str, link: Link) -> t.Union[_Tunnel, str]:
    peer = world.peer_for(target)
    if peer is None or not peer.address:
        return "no node's range of pods has this address"
    kind = "flannel udp" if link.kind == "tun" else link.kind
    outer = Outer(world.peers[host.name].address, peer.address, world.tunnel_ports[link.kind], kind)
    return _Tunnel(link, outer, f"{peer.subnet} is node {peer.name}'s, as its Node object announces")


def _through(world: World, host: Host, state: State, tunnel: _Tunnel) -> Step:
    wrapped = state.hop("wrapped", tunnel.link.name, tunnel.why)
    below = routing.choose(host.seen, tunnel.outer.target)
    if below is None:
        return wrapped.lost(f"no route leads to {tunnel.outer.target}", tunnel.link.name)
    source = tunnel.outer.source or routing.source(host.seen, below.device, 4)
    outer = dataclasses.replace(tunnel.outer, source=source)
    sent = wrapped.hop("sent", below.device, routing.words(below), outer=outer)
    receiver = world.host_with(outer.target)
    if receiver is None:
        return sent.lost(f"no node has {outer.target}", below.device)
    card = receiver.addresses[outer.target]
    return _unwrapped(receiver, sent.at(receiver.name, card).hop("arrives", card, "for this node's tunnel", outer=outer), tunnel)


def _unwrapped(receiver: Host, state: State, tunnel: _Tunnel) -> Step:
    """By the device of the same kind and, of VXLAN, the same number and port, which takes only what is for its own MAC address."""
    outer = tunnel.outer
    fitting = [link for link in receiver.links.values() if link.kind == tunnel.link.kind and link.up]
    if tunnel.link.vxlan is not None:
        fitting = [link for link in fitting if link.vxlan and (link.vxlan.vni, link.vxlan.port) == (outer.vni, outer.port)]
    if not fitting:
        return state.lost(f"no device there takes {outer.kind}{f' {outer.vni}' if outer.vni else ''} on port {outer.port}", state.device)
    device = fitting[0]
    if tunnel.mac and device.mac != tunnel.mac:
        return state.lost(f"it is for {tunnel.mac}, and {device.name} has {device.mac}: the kernel drops it without a word", device.name)
    return state.at(receiver.name, device.name).hop("unwrapped", device.name, f"{device.name} takes it")
