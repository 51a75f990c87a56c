# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Says who put each item of a node's network there: flannel and by which backend, Calico, kube-proxy, kubelet, the runtime or the host.

Clean-up removes what this module gives to a CNI, so it names one only on evidence; everything else is ``unknown``.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import posixpath
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import (
    Address,
    Chain,
    Conflist,
    FdbEntry,
    File,
    Ipset,
    Link,
    Neighbour,
    NftTable,
    NodeSnapshot,
    Route,
    Rule,
    cni_of,
)

Network = t.Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
_Pattern = t.Tuple[t.Pattern[str], str]

UNKNOWN = "unknown"

#: Devices known by name and kernel kind alone (a kind of "" here means any).
_LINKS = (
    (re.compile(r"flannel(-v6)?\.\d+"), "vxlan", "flannel-vxlan"),
    (re.compile(r"flannel\.ipip"), "", "flannel-ipip"),
    (re.compile(r"flannel-wg(-v6)?"), "", "flannel-wireguard"),
    (re.compile(r"flannel\d+"), "tun", "flannel-udp"),
    (re.compile(r"cali[0-9a-f]{11}"), "", "calico"),
    (re.compile(r"vxlan(-v6)?\.calico|(wireguard|wg-v6|bpfin|bpfout)\.cali|egress\.calico"), "", "calico"),
    (re.compile(r"kube-ipvs0"), "", "kube-proxy"),
    (re.compile(r"docker0|cni-podman\d+|podman\d+"), "bridge", "runtime"),
    (re.compile(r"br-[0-9a-f]{12}"), "bridge", "runtime"),
    (re.compile(r"lo"), "", "host"),
    # The kernel makes these when a tunnel module is loaded and nobody can delete them; Calico may borrow the first.
    (re.compile(r"tunl0|gre0|gretap0|erspan0|sit0|ip6tnl0|ip6gre0|ip_vti0|ip6_vti0"), "", "host"),
)

#: Kinds of device that administrators stack on their network cards.
_HOST_KINDS = ("", "bond", "team", "vlan")

#: Kinds that stand for a network card inside a container.
_CARD_KINDS = ("veth", "macvlan", "ipvlan")

_FLANNEL_BRIDGE = "cni0"
_CALICO_IPIP = "tunl0"

#: By the start of a chain's name; the first that fits counts.
_CHAINS = (
    (re.compile(r"FLANNEL-"), "flannel"),
    (re.compile(r"cali-|felix-"), "calico"),
    (re.compile(r"KUBE-(KUBELET-CANARY|FIREWALL|IPTABLES-HINT|MARK-DROP)$"), "kubelet"),
    (re.compile(r"KUBE-(ROUTER|NWPLCY|POD-FW)"), UNKNOWN),
    (re.compile(r"KUBE-"), "kube-proxy"),
    (re.compile(r"CNI-|DOCKER"), "runtime"),
    (re.compile(r"(PREROUTING|INPUT|FORWARD|OUTPUT|POSTROUTING)$"), "host"),
)

#: Tags that a CNI's own rules carry in a built-in chain without a jump to a chain of its own.
_COMMENTS = (
    (re.compile(r"--comment \"?flanneld (masq|forward)"), "flannel"),
    (re.compile(r"--comment \"?cali:"), "calico"),
)

#: ACCEPT, MASQUERADE ..., or no target at all.
_PLAIN_TARGET = re.compile(r"[A-Z0-9]*")

_NFT_TABLES = (
    (re.compile(r"flannel-ipv[46]$"), "flannel"),
    (re.compile(r"calico$"), "calico"),
    (re.compile(r"kube-proxy$"), "kube-proxy"),
    (re.compile(r"cni_"), "runtime"),
    (re.compile(r"(firewalld|filter|nat)$"), "host"),
)

_IPSETS = (
    (re.compile(r"cali[46]|felix-"), "calico"),
    (re.compile(r"KUBE-"), "kube-proxy"),
)

#: The plugins that the runtimes' packages bring, and Calico's image with them.
_STOCK_BINARIES = re.compile(
    "bandwidth|bridge|dhcp|dummy|firewall|host-device|host-local|ipvlan|loopback|macvlan|portmap|ptp|sbr|static|tap|tuning|vlan|vrf"
)

#: Calico's init container copies each of its plugins to NAME.tmp first, which stays where the copy did not end.
_CALICOS_BINARIES = {f"{name}{end}": "calico" for name in ("calico", "calico-ipam") for end in ("", ".tmp")}

_FILES = (
    (re.compile(r"/run/flannel(/|$)"), "flannel"),
    (re.compile(r"/var/lib/cni/flannel(/|$)"), "flannel"),
    (re.compile(r"/(run|var/run|var/lib|var/log)/calico(/|$)"), "calico"),
)

#: What flannel's and Calico's own manifests have called their networks; host-local keeps its leases by that name.
_NETWORK_NAMES = {"cbr0": "flannel", "k8s-pod-network": "calico"}

#: Where the CNI library keeps what the plugins answered, one file for each interface of a pod; it moved once.
_RESULTS = ("/var/lib/cni/results", "/var/lib/cni/cache/results")

#: What Felix writes its routes with.
_FELIX_PROTOCOLS = ("80",)

#: What BIRD writes its routes with, Calico's or the host's own: 12, which iproute2 calls bird.
_BIRD_PROTOCOLS = ("bird", "12")
_BIRDS = ("bird", "bird6")

#: Routes that the kernel and the host's own network tools keep. flannel's carry boot too, and are found before these.
_HOST_PROTOCOLS = ("kernel", "boot", "static", "dhcp", "ra", "redirect")


def attribute(snapshot: NodeSnapshot) -> NodeSnapshot:
    """The same snapshot with the owner of every item filled in."""
    conflists = tuple(_owned(item, conflist.owner_of(item.path, item.plugins)) for item in snapshot.conflists)
    known = dataclasses.replace(snapshot, conflists=conflists)
    evidence = _Evidence.of(known)
    device_owner = _device_owners(known, evidence)
    files = _FileOwners.of(known, evidence)
    return dataclasses.replace(
        known,
        links=tuple(_owned(item, device_owner[item.name]) for item in known.links),
        addresses=tuple(_owned(item, device_owner.get(item.device, UNKNOWN)) for item in known.addresses),
        routes=tuple(_owned(item, _route_owner(item, device_owner, evidence)) for item in known.routes),
        neighbours=tuple(_owned(item, device_owner.get(item.device, UNKNOWN)) for item in known.neighbours),
        fdb=tuple(_owned(item, device_owner.get(item.device, UNKNOWN)) for item in known.fdb),
        chains=tuple(_owned_chain(item, evidence) for item in known.chains),
        nft_tables=tuple(_owned(item, _matching(item.name, _NFT_TABLES)) for item in known.nft_tables),
        ipsets=tuple(_owned(item, _matching(item.name, _IPSETS)) for item in known.ipsets),
        files=tuple(_owned(item, files.owner(item.path, item.kind)) for item in known.files),
    )


def of_nft_table(name: str) -> str:
    """The owner of a native nftables table, by its name."""
    return _matching(name, _NFT_TABLES) or "unknown"


_Item = t.TypeVar("_Item", Link, Address, Route, Neighbour, FdbEntry, Rule, NftTable, Ipset, Conflist, File)


def _owned(item: _Item, owner: str) -> _Item:
    return dataclasses.replace(item, owner=owner)


def _matching(text: str, patterns: t.Iterable[_Pattern]) -> str:
    return next((owner for pattern, owner in patterns if pattern.match(text)), UNKNOWN)


# --- What the whole snapshot tells about the CNIs --------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Evidence:
    """Facts that single items are judged by.

    ``networks`` are flannel's, ``subnets`` this node's part of them; both may be empty after a reboot without flanneld.
    ``bridged`` says that a configuration other than flannel's makes bridges, ``foreign_bird`` that a BIRD runs which is not Calico's.
    """

    networks: t.Tuple[Network, ...]
    subnets: t.Tuple[Network, ...]
    flannel: bool
    calico: bool
    bridged: bool
    foreign_bird: bool

    @classmethod
    def of(cls, snapshot: NodeSnapshot) -> _Evidence:
        networks = _environment(snapshot, "FLANNEL_NETWORK", "FLANNEL_IPV6_NETWORK") or _networks_of_chains(snapshot.chains)
        return cls(
            networks=networks,
            subnets=_environment(snapshot, "FLANNEL_SUBNET", "FLANNEL_IPV6_SUBNET"),
            flannel=bool(networks) or _has(snapshot, "flannel"),
            calico=_has(snapshot, "calico"),
            bridged=any("bridge" in item.plugins for item in snapshot.conflists),
            # Calico's BIRD is a part of calico-node and ends with it.
            foreign_bird=not model.daemons(snapshot, "calico") and any(name in snapshot.processes for name in _BIRDS),
        )

    def in_flannel(self, text: str) -> bool:
        """Whether an address or a smaller network lies inside flannel's."""
        inner = _network(text)
        return inner is not None and any(_inside(inner, outer) for outer in self.networks)

    def subnet_lengths(self) -> t.Dict[int, int]:
        """How long this node's flannel subnet is, by family: the other nodes' are the same length."""
        return {subnet.version: subnet.prefixlen for subnet in self.subnets}


def _environment(snapshot: NodeSnapshot, *keys: str) -> t.Tuple[Network, ...]:
    texts = [text for key in keys for text in snapshot.subnet_env.get(key, "").split(",") if text]
    return tuple(network for network in map(_network, texts) if network)


def _networks_of_chains(chains: t.Iterable[Chain]) -> t.Tuple[Network, ...]:
    """flannel's networks out of the rules that forward for them; they outlive subnet.env."""
    texts = (
        match.group(1)
        for chain in chains
        for rule in chain.rules
        if chain.name == "FLANNEL-FWD" or _matching_comment(rule) == "flannel"
        for match in [re.match(r"-s (\S+) .*-j ACCEPT", rule.text)]
        if match
    )
    return tuple(network for network in map(_network, dict.fromkeys(texts)) if network)


def _has(snapshot: NodeSnapshot, cni: str) -> bool:
    """Whether anything that names itself speaks for this CNI on the node. A binary does not: it lies there for nothing."""
    return (
        any(cni_of(_named_link(link)) == cni for link in snapshot.links)
        or any(item.owner == cni for item in snapshot.conflists)
        or any(_matching(chain.name, _CHAINS) == cni for chain in snapshot.chains)
        or any(_matching(table.name, _NFT_TABLES) == cni for table in snapshot.nft_tables)
        or any(_matching(file.path, _FILES) == cni for file in snapshot.files)
    )


def _network(text: str) -> t.Optional[Network]:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _inside(inner: Network, outer: Network) -> bool:
    # The versions are compared first, so the two are of one kind.
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]


# --- Devices and what hangs on them ----------------------------------------------------------------------------------


def _device_owners(snapshot: NodeSnapshot, evidence: _Evidence) -> t.Dict[str, str]:
    """The owner of each device, ports of a bridge after the bridge itself."""
    owners = {link.name: _link_owner(link, snapshot.addresses, evidence) for link in snapshot.links}
    for link in snapshot.links:
        if link.kind == "veth" and cni_of(owners.get(link.master, UNKNOWN)) in ("flannel", "runtime"):
            owners[link.name] = owners[link.master]
    uplinks = _uplinks(snapshot) | {link.master for link in snapshot.links if owners[link.name] == "host" and link.master}
    return {name: "host" if owner == UNKNOWN and name in uplinks else owner for name, owner in owners.items()}


def _uplinks(snapshot: NodeSnapshot) -> t.Set[str]:
    """Devices by which the node reaches others, whatever their kind: a node that is itself a container has a veth for a network card.

    Told by the default route, or by an address with neighbours on it (a CNI gives a pod's veth no address, or one of a single host).
    """
    routed = {route.device for route in snapshot.routes if route.table == "main" and route.destination in ("0.0.0.0/0", "::/0")}
    cards = {link.name for link in snapshot.links if link.kind in _CARD_KINDS and not link.master}
    addressed = {
        item.device for item in snapshot.addresses if item.scope == "global" and item.prefix_length < (32 if item.family == 4 else 128)
    }
    return routed | cards & addressed


def _link_owner(link: Link, addresses: t.Iterable[Address], evidence: _Evidence) -> str:
    own = [address.address for address in addresses if address.device == link.name and address.scope == "global"]
    if link.name == _FLANNEL_BRIDGE and link.kind == "bridge":
        return _bridge_owner(own, evidence)
    if link.name == _CALICO_IPIP and own and evidence.calico:
        return "calico"
    return _named_link(link)


def _bridge_owner(addresses: t.Sequence[str], evidence: _Evidence) -> str:
    """cni0 is flannel's bridge, but also the one in the examples that runtimes ship: its address decides."""
    if not evidence.flannel:
        return "runtime"
    if addresses and evidence.networks:
        return "flannel" if any(map(evidence.in_flannel, addresses)) else UNKNOWN
    # An address that can be compared with nothing: flannel's, unless somebody else makes bridges here too.
    return UNKNOWN if evidence.bridged else "flannel"


def _named_link(link: Link) -> str:
    named = (owner for pattern, kind, owner in _LINKS if pattern.fullmatch(link.name) and kind in ("", link.kind))
    return next(named, "host" if link.kind in _HOST_KINDS else UNKNOWN)


def _route_owner(route: Route, device_owner: t.Mapping[str, str], evidence: _Evidence) -> str:
    on_device = device_owner.get(route.device, UNKNOWN)
    if on_device not in ("host", UNKNOWN):
        return on_device
    if evidence.calico and _is_calico(route, evidence):
        return "calico"
    # The uplink may be of any kind: on nodes that are containers it is a veth.
    if route.device and _is_host_gw(route, evidence):
        return "flannel-host-gw"
    if (on_device == "host" or not route.device) and route.protocol in _HOST_PROTOCOLS:
        return "host"
    return UNKNOWN


def _is_calico(route: Route, evidence: _Evidence) -> bool:
    return route.protocol in _FELIX_PROTOCOLS or (route.protocol in _BIRD_PROTOCOLS and not evidence.foreign_bird)


def _is_host_gw(route: Route, evidence: _Evidence) -> bool:
    """Another node's subnet by way of that node itself: host-gw, or the direct routes of vxlan, ipip and wireguard."""
    destination = _network(route.destination)
    if destination is None or not route.gateway or route.protocol != "boot" or route.kind != "unicast" or route.table != "main":
        return False
    length = evidence.subnet_lengths().get(destination.version, destination.prefixlen)
    return (
        destination.prefixlen == length
        and destination not in evidence.networks
        and destination not in evidence.subnets
        and evidence.in_flannel(route.destination)
        and not evidence.in_flannel(route.gateway)
    )


# --- Packet filters --------------------------------------------------------------------------------------------------


def _owned_chain(chain: Chain, evidence: _Evidence) -> Chain:
    owner = _matching(chain.name, _CHAINS)
    if owner != "host":
        return dataclasses.replace(chain, owner=owner, rules=tuple(_owned(rule, owner) for rule in chain.rules))
    old_style = _untagged_flannel_rules(evidence).get((chain.table, chain.name), frozenset())
    rules = tuple(_owned(rule, "flannel" if rule.text in old_style else _rule_owner(rule)) for rule in chain.rules)
    return dataclasses.replace(chain, owner=owner, rules=rules)


def _rule_owner(rule: Rule) -> str:
    """Of a rule in a built-in chain: by its tag, then by the chain it jumps to. An administrator's rule is the host's."""
    tagged = _matching_comment(rule)
    if tagged != UNKNOWN:
        return tagged
    owner = _matching(rule.target, _CHAINS)
    return "host" if owner == UNKNOWN and _PLAIN_TARGET.fullmatch(rule.target) else owner


def _matching_comment(rule: Rule) -> str:
    return next((owner for pattern, owner in _COMMENTS if pattern.search(rule.text)), UNKNOWN)


def _untagged_flannel_rules(evidence: _Evidence) -> t.Dict[t.Tuple[str, str], t.FrozenSet[str]]:
    """The rules of flannel before 0.16, which had neither chains of their own nor comments, word for word as iptables-save has them."""
    masquerade = ("-j MASQUERADE", "-j MASQUERADE --random-fully")
    postrouting: t.List[str] = []
    forward: t.List[str] = []
    for network in evidence.networks:
        multicast = "224.0.0.0/4" if network.version == 4 else "ff00::/8"
        postrouting.append(f"-s {network} -d {network} -j RETURN")
        postrouting += [f"! -s {network} -d {subnet} -j RETURN" for subnet in evidence.subnets]
        postrouting += [f"-s {network} ! -d {multicast} {target}" for target in masquerade]
        postrouting += [f"! -s {network} -d {network} {target}" for target in masquerade]
        forward += [f"-s {network} -j ACCEPT", f"-d {network} -j ACCEPT"]
    return {("nat", "POSTROUTING"): frozenset(postrouting), ("filter", "FORWARD"): frozenset(forward)}


# --- Files -----------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _FileOwners:
    """``networks`` says whose network a name is: by the configuration that carries it, else by custom.

    ``flannel_plugin`` is whose the program flannel is: Calico's image brings one too, and puts it back whenever calico-node starts.
    """

    networks: t.Mapping[str, str]
    flannel_plugin: str

    @classmethod
    def of(cls, snapshot: NodeSnapshot, evidence: _Evidence) -> _FileOwners:
        return cls(
            networks={**_NETWORK_NAMES, **{item.network: item.owner for item in snapshot.conflists if item.network}},
            flannel_plugin="runtime" if evidence.calico and not evidence.flannel else "flannel",
        )

    def owner(self, path: str, kind: str) -> str:
        name = posixpath.basename(path)
        if kind == "binary":
            return self._binary(name)
        if kind == "config":
            return conflist.owner_of(path)
        if posixpath.dirname(path) == "/var/lib/cni/networks":
            return self.networks.get(name, UNKNOWN)
        if posixpath.dirname(path) in _RESULTS:
            return self._result(name)
        by_path = _matching(path, _FILES)
        return "runtime" if by_path == UNKNOWN and path.startswith("/var/lib/cni") else by_path

    def _result(self, name: str) -> str:
        """Results are called NETWORK-CONTAINER-INTERFACE; of two networks that fit, the longer name is meant."""
        fitting = [network for network in self.networks if name.startswith(f"{network}-")]
        return self.networks[max(fitting, key=len)] if fitting else UNKNOWN

    def _binary(self, name: str) -> str:
        if _STOCK_BINARIES.fullmatch(name):
            return "runtime"
        return {"flannel": self.flannel_plugin, **_CALICOS_BINARIES}.get(name, UNKNOWN)
