# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who has which address: nodes with their devices, pods with the end of their link.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import ip_sets, matching, net_conf
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes, udp, wireguard
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.model import Backend, Peer
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ClusterSnapshot, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import routing
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.policies import Policies
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Link, NodeSnapshot, VirtualServer


@dataclasses.dataclass(frozen=True)
class PodLink:
    """The node's end of a pod's link: ``device`` is empty where the bridge did not hear of the pod yet, ``bridge`` where there is none."""

    device: str = ""
    bridge: str = ""


class Host:
    """A node as packets meet it."""

    def __init__(self, name: str, seen: NodeSnapshot) -> None:
        self.name = name
        self.seen = seen
        self.links: t.Mapping[str, Link] = {link.name: link for link in seen.links}
        self.addresses: t.Mapping[str, str] = {item.address: item.device for item in seen.addresses if item.scope == "global"}
        self.sets = ip_sets.Sets(seen.ipsets)
        self._policies: t.Dict[int, Policies] = {}
        self._local = frozenset(item.address for item in seen.addresses)

    def policies(self, family: int) -> Policies:
        """The policies that its packet filter knows, of IPv4 or of IPv6."""
        if family not in self._policies:
            self._policies[family] = Policies(chain for chain in self.seen.chains if (chain.table, chain.family) == ("filter", family))
        return self._policies[family]

    def is_own(self, address: str) -> bool:
        return address in self._local or ipaddress.ip_address(address).is_loopback

    def kind(self, device: str) -> str:
        return self.links[device].kind if device in self.links else ""

    def setting(self, name: str, device: str) -> int:
        """A setting of a device, for which the kernel takes the larger of its own and that of ``all``."""
        own, every = (self.seen.sysctls.get(f"net.ipv4.conf.{part}.{name}", "0") for part in (device.replace(".", "/"), "all"))
        return max(int(own or 0), int(every or 0))

    def pod_link(self, address: str) -> PodLink:
        """Calico has a route for each pod, flannel's pods are on a bridge that learns their MAC addresses."""
        route = routing.choose(self.seen, address)
        if route is None:
            return PodLink()
        if self.kind(route.device) != "bridge":
            return PodLink(route.device)
        macs = [item.mac for item in self.seen.neighbours if (item.address, item.device) == (address, route.device) and item.mac]
        ports = [entry.device for entry in self.seen.fdb if entry.mac in macs and self._is_port(entry.device, route.device)]
        return PodLink(ports[0] if ports else "", route.device)

    def is_neighbour(self, bridge: str, address: str) -> bool:
        """Whether a pod on the bridge takes the address for a neighbour's: it is in the bridge's subnet, and not the bridge's."""
        subnets = [ipaddress.ip_interface(f"{i.address}/{i.prefix_length}").network for i in self.seen.addresses if i.device == bridge]
        return any(_has(str(subnet), ipaddress.ip_address(address)) for subnet in subnets) and not self.is_own(address)

    def virtual_server(self, packet: Packet) -> t.Optional[VirtualServer]:
        """The one of IPVS that answers for the packet's target."""
        wanted = (packet.protocol, packet.target, packet.target_port)
        return next((item for item in self.seen.virtual_servers if (item.protocol, item.address, item.port) == wanted), None)

    def bridges_through_iptables(self, address: str) -> bool:
        """Whether what a bridge switches passes iptables and connection tracking. Without it a Service's answers arrive as they are."""
        family = "ip6" if ":" in address else "ip"
        return self.seen.sysctls.get(f"net.bridge.bridge-nf-call-{family}tables", "0") == "1"

    def _is_port(self, device: str, bridge: str) -> bool:
        return device in self.links and self.links[device].master == bridge


class World:
    """A cluster with the snapshots of its nodes by their names."""

    def __init__(self, cluster: ClusterSnapshot, snapshots: t.Mapping[str, NodeSnapshot]) -> None:
        self.cluster = cluster
        self.hosts = {name: Host(name, seen) for name, seen in snapshots.items()}
        self.peers: t.Mapping[str, Peer] = {node.name: nodes.peer(node) for node in cluster.nodes}
        self.pods: t.Mapping[str, Pod] = {
            address: pod for pod in cluster.pods if not pod.host_network and pod.phase == "Running" for address in pod.ips
        }
        #: Backends of flannel whose table of peers is not in the kernel: the kind of their device, and their UDP port.
        self.tunnel_ports = {"tun": _port(cluster, udp, "Port"), "wireguard": _port(cluster, wireguard, "ListenPort")}
        self._sets = _sets(cluster)

    def host_with(self, address: str) -> t.Optional[Host]:
        """The node that has an address of its own, which is no loopback."""
        return next((host for host in self.hosts.values() if address in host.addresses), None)

    def peer_for(self, address: str) -> t.Optional[Peer]:
        """The node whose range of pods has the address, as flannel's backends know it that keep no table in the kernel."""
        goal = ipaddress.ip_address(address)
        return next((peer for peer in self.peers.values() if any(_has(part, goal) for part in (peer.subnet, peer.subnet_v6))), None)

    def facts(self, host: Host, packet: Packet, *, entered: str, leaves: str = "", states: t.Tuple[str, ...] = ("new",)) -> matching.Facts:
        """All that rules of iptables may ask about a packet on that node. Of what is not here nothing is known."""
        other = "tcp" if packet.protocol == "udp" else "udp"
        to, of = str(packet.target_port) if packet.target_port else None, str(packet.source_port) if packet.source_port else None
        facts: t.Dict[str, matching.Fact] = {
            "source": packet.source,
            "destination": packet.target,
            "protocol": packet.protocol,
            f"{packet.protocol} dport": to,
            f"{packet.protocol} sport": of,
            f"{other} dport": "-",
            f"{other} sport": "-",
            "th dport": to,
            "th sport": of,
            "device": entered or "-",
            "out device": leaves or "-",
            "state": states,
            "mark": str(packet.mark),
            "local": "local" if host.is_own(packet.target) else "unicast",
            "source type": "local" if host.is_own(packet.source) else "unicast",
            **self._membership(host, packet),
            **_balanced(host, packet),
        }
        return ip_sets.Known(facts, host.sets)

    def _membership(self, host: Host, packet: Packet) -> t.Dict[str, str]:
        """For sets that nobody read: whether source and target are in those of Calico's that follow from its pools and the nodes."""
        known = {**self._sets, "cali40this-host": (*host.addresses, "127.0.0.0/8")}
        ends = {"src": packet.source, "dst": packet.target}
        return {
            f"set {name} {flag}": "yes" if any(_has(member, ipaddress.ip_address(address)) for member in members) else "no"
            for name, members in known.items()
            for flag, address in ends.items()
        }


#: Devices on which kube-proxy keeps the addresses of Services for IPVS.
_IPVS_DEVICE = "kube-ipvs0"


def _balanced(host: Host, packet: Packet) -> t.Dict[str, str]:
    """Whether the target is in kube-proxy's sets, which with IPVS say for whom a packet is given another source."""
    if not host.seen.virtual_servers:
        return {}
    is_virtual = host.virtual_server(packet) is not None
    of_service = host.addresses.get(packet.target) == _IPVS_DEVICE
    return {
        "set KUBE-CLUSTER-IP dst,dst": "yes" if is_virtual and of_service else "no",
        f"set KUBE-NODE-PORT-{packet.protocol.upper()} dst": "yes" if is_virtual and not of_service else "no",
    }


def _port(cluster: ClusterSnapshot, backend: Backend, option: str) -> int:
    """As net-conf.json has it, or the backend's own; flanneld does not run with a configuration that it cannot read."""
    for item in cluster.flannel:
        with contextlib.suppress(_errors.BadInputError):
            conf = net_conf.parse(item.net_conf, "net-conf.json")
            if conf.backend == backend.NAME and option in conf.options:
                return int(conf.options[option])
    return int(backend.OPTIONS[option].default)


def _sets(cluster: ClusterSnapshot) -> t.Dict[str, t.Tuple[str, ...]]:
    pools = [pool for pool in (cluster.calico.pools if cluster.calico else ()) if not pool.disabled]
    hosts = tuple(address for node in cluster.nodes for address in node.internal_ips)
    return {
        "cali40all-ipam-pools": tuple(pool.cidr for pool in pools),
        "cali40masq-ipam-pools": tuple(pool.cidr for pool in pools if pool.nat_outgoing),
        "cali40all-hosts-net": hosts,
        "cali40all-vxlan-net": hosts,
    }


def _has(member: str, goal: t.Union[ipaddress.IPv4Address, ipaddress.IPv6Address]) -> bool:
    if not member:
        return False
    network = ipaddress.ip_network(member, strict=False)
    return network.version == goal.version and goal in network
