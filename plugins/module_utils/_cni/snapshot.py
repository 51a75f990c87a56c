# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The typed snapshot of one node's network: what the kernel, the files and the runtime say.

Pure: no I/O. ``_node.collect`` fills it, ``_cni.ownership`` names the owner of each item, and
everything that decides (preflight, clean-up, verification, plans) reads it.
Private: may change at any time.

Every item carries ``owner``, one of `OWNERS`. MTUs are bytes, counts are plain integers, families are 4 or 6.
Sysctls are named as sysctl(8) prints them: ``net.ipv4.conf.flannel/1.rp_filter``.
"""

from __future__ import annotations

import dataclasses
import posixpath
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _records

#: Who put an item on the node. ``flannel`` alone marks what all its backends share (bridge, chains, files).
OWNERS = (
    "flannel",
    "flannel-vxlan",
    "flannel-host-gw",
    "flannel-udp",
    "flannel-wireguard",
    "flannel-ipip",
    "calico",
    "kube-proxy",
    "kubelet",
    "runtime",
    "host",
    "unknown",
)

#: The CNIs that the collection can tell from everything else, each with the processes that keep it alive, as the kernel names them.
DAEMONS: t.Mapping[str, t.Tuple[str, ...]] = {"flannel": ("flanneld",), "calico": ("calico-node", "calico-felix")}


def cni_of(owner: str) -> str:
    """The CNI behind an owner: ``flannel-vxlan`` -> ``flannel``; other owners are returned unchanged."""
    return "flannel" if owner.startswith("flannel") else owner


@dataclasses.dataclass(frozen=True)
class Vxlan:
    """What only a VXLAN link has: identifier, UDP port, outer source address, underlying device."""

    vni: int
    port: int
    local: str = ""
    device: str = ""
    learning: bool = False


@dataclasses.dataclass(frozen=True)
class Link:
    """One network device. ``kind`` is the kernel's (vxlan, bridge, veth, tun ...) or ``""`` for a physical one."""

    name: str
    kind: str = ""
    mtu: int = 0
    state: str = "UNKNOWN"
    up: bool = False
    mac: str = ""
    master: str = ""
    vxlan: t.Optional[Vxlan] = None
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Address:
    """An address on a device; ``address`` has no prefix length."""

    device: str
    address: str
    prefix_length: int
    family: int = 4
    scope: str = "global"
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Route:
    """One route of any table. ``destination`` is a CIDR (``0.0.0.0/0`` for the default); ``kind`` is unicast, blackhole ..."""

    destination: str
    gateway: str = ""
    device: str = ""
    protocol: str = ""
    kind: str = "unicast"
    scope: str = ""
    metric: int = 0
    table: str = "main"
    family: int = 4
    onlink: bool = False
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Neighbour:
    """An ARP or NDP entry."""

    address: str
    device: str
    mac: str = ""
    state: str = ""
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class FdbEntry:
    """A forwarding database entry; ``destination`` is the outer address of a VXLAN peer, or ``""``."""

    mac: str
    device: str
    destination: str = ""
    state: str = ""
    flags: t.Tuple[str, ...] = ()
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Rule:
    """One rule of a chain as ``iptables-save`` prints it, without ``-A CHAIN``. A jump in a built-in chain has an owner too."""

    text: str
    owner: str = "unknown"

    @property
    def target(self) -> str:
        """Where the rule jumps or goes to, a chain's name or a verdict like ACCEPT; what a comment says of jumps does not count."""
        found = _TARGET.search(_QUOTED.sub("", self.text))
        return found.group(1) if found else ""


_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"')
_TARGET = re.compile(r"(?:^| )(?:-j|--jump|-g|--goto) (\S+)")


@dataclasses.dataclass(frozen=True)
class Chain:
    """An iptables chain. ``backend`` is legacy or nft: the two hold separate rule sets of the same names."""

    backend: str
    family: int
    table: str
    name: str
    policy: str = "-"
    rules: t.Tuple[Rule, ...] = ()
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class NftTable:
    """A native nftables table (not one that iptables-nft keeps)."""

    family: str
    name: str
    chains: t.Tuple[str, ...] = ()
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Ipset:
    """A kernel IP set and its number of entries; ``members`` as ipset prints them, nothing where nobody asked for them."""

    name: str
    type: str = ""
    entries: int = 0
    owner: str = "unknown"
    members: t.Optional[t.Tuple[str, ...]] = None


@dataclasses.dataclass(frozen=True)
class Conflist:
    """A file of the CNI configuration directory, in lexical order of ``path``.

    ``problem`` is why the runtime cannot use it (``""`` when it can); ``wins`` marks the one the runtime is to load by its
    rule (first valid file in lexical order) and ``reason`` says why this file wins or loses, in words.
    """

    path: str
    network: str = ""
    cni_version: str = ""
    plugins: t.Tuple[str, ...] = ()
    problem: str = ""
    wins: bool = False
    reason: str = ""
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class File:
    """A file or directory a CNI uses: ``kind`` is binary, state or config. ``entries`` counts what a directory holds."""

    path: str
    kind: str
    entries: int = 0
    owner: str = "unknown"


@dataclasses.dataclass(frozen=True)
class Runtime:
    """The container runtime as its CRI socket answers. ``loaded`` are the files or network names of the CNI configuration it holds now.

    ``registry_dir`` is where containerd reads how to speak with registries, where it tells.
    ``reload_status`` is the runtime's own word on its last attempt to load a configuration (``OK`` or an error).
    Both stay empty for CRI-O, which does not tell them; ``default_network`` is its ``cni_default_network``.
    """

    name: str = ""
    version: str = ""
    socket: str = ""
    network_ready: bool = False
    network_message: str = ""
    loaded: t.Tuple[str, ...] = ()
    reload_status: str = ""
    conf_dir: str = "/etc/cni/net.d"
    bin_dir: str = "/opt/cni/bin"
    default_network: str = ""
    registry_dir: str = ""
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Unit:
    """A systemd unit's state; ``since`` is microseconds of the monotonic clock at which it became active."""

    name: str
    active_state: str = ""
    sub_state: str = ""
    main_pid: int = 0
    since: int = 0


@dataclasses.dataclass(frozen=True)
class LinkRule:
    """What one file tells a manager of network devices, see `_cni.link_policy`: the devices it speaks of, and what becomes of them.

    ``names`` and ``types`` are what the manager compares, as its file has them (empty: any); ``leaves`` is whether it lets go of
    those devices.
    """

    path: str
    names: t.Tuple[str, ...] = ()
    types: t.Tuple[str, ...] = ()
    leaves: bool = False


@dataclasses.dataclass(frozen=True)
class LinkManager:
    """A program that takes care of network devices by itself; of its rules the first that fits a device decides."""

    name: str
    active: bool = False
    rules: t.Tuple[LinkRule, ...] = ()


@dataclasses.dataclass(frozen=True)
class Condition:
    """What a packet must be for a rule to apply: ``key`` (``udp dport``) is one of the values, or none of them."""

    key: str
    values: t.Tuple[str, ...] = ()
    negated: bool = False


@dataclasses.dataclass(frozen=True)
class FilterRule:
    """A rule of a packet filter, reduced to what decides: ``verdict`` is accept, drop, return, jump or goto; empty does nothing."""

    conditions: t.Tuple[Condition, ...] = ()
    verdict: str = ""
    target: str = ""


@dataclasses.dataclass(frozen=True)
class FilterChain:
    """A chain of a native nftables table that filters what comes in; ``hook`` is ``input`` where packets enter, else empty."""

    family: str
    table: str
    name: str
    hook: str = ""
    policy: str = ""
    rules: t.Tuple[FilterRule, ...] = ()


@dataclasses.dataclass(frozen=True)
class Listener:
    """A UDP port on which something listens, the kernel for a VXLAN device among them; ``address`` is empty for any."""

    port: int
    address: str = ""


@dataclasses.dataclass(frozen=True)
class RealServer:
    """One of those among which IPVS chooses; a ``weight`` of 0 gets no new connections."""

    address: str
    port: int
    weight: int = 1


@dataclasses.dataclass(frozen=True)
class VirtualServer:
    """An address and a port that IPVS answers for. ``scheduler`` is the kernel's word (rr, wrr, lc, sh ...)."""

    protocol: str
    address: str
    port: int
    scheduler: str = ""
    servers: t.Tuple[RealServer, ...] = ()


@dataclasses.dataclass(frozen=True)
class Disk:
    """Room below a path, in bytes and in files (inodes; 0 total where the file system has no limit)."""

    path: str
    total: int = 0
    free: int = 0
    inodes: int = 0
    inodes_free: int = 0


@dataclasses.dataclass(frozen=True)
class NodeSnapshot:
    """One node's network at one moment. ``missing`` lists the tools that were not there, with what is unknown because of it.

    ``last_reserved`` is the last address that the plugin host-local gave out, by the name of the CNI network: it goes on behind it.
    ``firewalls`` are the services that manage a packet filter and run now, ``input_chains`` the native nftables chains they
    and administrators filter incoming packets with (no CNI's, not kube-proxy's). ``nft_chains`` are the nftables tables of
    kube-proxy and flannel in the words of iptables, where somebody asked for them.
    """

    hostname: str
    architecture: str = ""
    kernel: str = ""
    links: t.Tuple[Link, ...] = ()
    addresses: t.Tuple[Address, ...] = ()
    routes: t.Tuple[Route, ...] = ()
    neighbours: t.Tuple[Neighbour, ...] = ()
    fdb: t.Tuple[FdbEntry, ...] = ()
    chains: t.Tuple[Chain, ...] = ()
    nft_tables: t.Tuple[NftTable, ...] = ()
    ipsets: t.Tuple[Ipset, ...] = ()
    conflists: t.Tuple[Conflist, ...] = ()
    files: t.Tuple[File, ...] = ()
    subnet_env: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    sysctls: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    last_reserved: t.Dict[str, str] = dataclasses.field(default_factory=dict)
    runtime: Runtime = Runtime()
    kubelet: Unit = Unit("kubelet")
    processes: t.Tuple[str, ...] = ()
    link_managers: t.Tuple[LinkManager, ...] = ()
    firewalls: t.Tuple[str, ...] = ()
    input_chains: t.Tuple[FilterChain, ...] = ()
    listeners: t.Tuple[Listener, ...] = ()
    virtual_servers: t.Tuple[VirtualServer, ...] = ()
    nft_chains: t.Tuple[Chain, ...] = ()
    disks: t.Tuple[Disk, ...] = ()
    missing: t.Tuple[str, ...] = ()


def gap(tool: str, problem: str, unknown: str) -> str:
    """A line of `NodeSnapshot.missing`: ``tool`` gave no answer because of ``problem``, hence nobody knows what ``unknown`` says."""
    return f"{tool}: {problem}; unknown: {unknown}"


#: The two gaps that clean-up must not work with, see `blind_spots`.
NOT_ROOT = gap("root", "not running as root", "packet filters, the runtime, and files only root may read")
LINKS_AND_ADDRESSES = "links and addresses"


def blind_spots(snapshot: NodeSnapshot) -> t.Tuple[str, ...]:
    """The gaps because of which nobody can say whether a CNI is alive. Others only leave something unseen."""
    unseen = f"unknown: {LINKS_AND_ADDRESSES}"
    return tuple(line for line in snapshot.missing if line == NOT_ROOT or line.endswith(unseen))


def daemons(snapshot: NodeSnapshot, cni: str) -> t.Tuple[str, ...]:
    """The processes by which ``cni`` lives on the node now."""
    return tuple(name for name in snapshot.processes if name in DAEMONS[cni])


def to_dict(snapshot: NodeSnapshot) -> t.Dict[str, t.Any]:
    """The snapshot as plain dictionaries and lists, ready for JSON."""
    return t.cast("t.Dict[str, t.Any]", _records.plain(snapshot))


def owned_by(snapshot: NodeSnapshot, cni: str) -> t.Dict[str, int]:
    """How many items of each field a CNI has on the node; fields without any are left out.

    ``rules`` counts those in built-in chains only: the others come and go with their chain.
    """
    fields: t.Dict[str, t.Iterable[t.Any]] = {name: getattr(snapshot, name) for name in _OWNED}
    fields["rules"] = [rule for chain in snapshot.chains if chain.owner == "host" for rule in chain.rules]
    counts = {name: sum(cni_of(item.owner) == cni for item in items) for name, items in fields.items()}
    return {name: count for name, count in counts.items() if count}


def summary(snapshot: NodeSnapshot) -> t.List[str]:
    """The snapshot in a few lines, as a person reads it."""
    return [
        _node_line(snapshot),
        _conflist_line(snapshot),
        *(_cni_line(snapshot, cni) for cni in DAEMONS),
        *(f"not seen: {missing}" for missing in snapshot.missing),
    ]


def _node_line(snapshot: NodeSnapshot) -> str:
    runtime = snapshot.runtime
    network = "pod network ready" if runtime.network_ready else f"pod network not ready ({runtime.network_message or 'no reason given'})"
    told = f"{runtime.name} {runtime.version}, {network}" if runtime.name else f"container runtime unknown ({runtime.problem})"
    return f"{snapshot.hostname}: {snapshot.architecture}, kernel {snapshot.kernel}, {told}"


def _conflist_line(snapshot: NodeSnapshot) -> str:
    winners = [f"{posixpath.basename(item.path)} ({item.owner}) wins" for item in snapshot.conflists if item.wins]
    held = f"the runtime holds {', '.join(snapshot.runtime.loaded) or 'none, or does not tell'}"
    return f"CNI configuration: {winners[0] if winners else 'none is usable'}, of {len(snapshot.conflists)}; {held}"


def _cni_line(snapshot: NodeSnapshot, cni: str) -> str:
    items = ", ".join(f"{count} {name}" for name, count in owned_by(snapshot, cni).items())
    running = ", ".join(daemons(snapshot, cni))
    return f"{cni}: {items or 'nothing'}; {'runs: ' + running if running else 'does not run'}"


def from_dict(data: t.Mapping[str, t.Any]) -> NodeSnapshot:
    """The inverse of `to_dict`; unknown keys are an error, absent ones take their defaults."""
    return _records.build(NodeSnapshot, data, _NESTED)


def from_option(data: t.Mapping[str, t.Any]) -> t.Dict[str, NodeSnapshot]:
    """What a module's option ``snapshots`` holds: a snapshot for each node's name."""
    with _records.in_option("snapshots", "cni_info"):
        return {name: from_dict(item) for name, item in data.items()}


_OWNED = ("links", "addresses", "routes", "neighbours", "fdb", "chains", "nft_tables", "ipsets", "conflists", "files")

_NESTED: _records.Nesting = {
    (Link, "vxlan"): Vxlan,
    (Chain, "rules"): Rule,
    (NodeSnapshot, "links"): Link,
    (NodeSnapshot, "addresses"): Address,
    (NodeSnapshot, "routes"): Route,
    (NodeSnapshot, "neighbours"): Neighbour,
    (NodeSnapshot, "fdb"): FdbEntry,
    (NodeSnapshot, "chains"): Chain,
    (NodeSnapshot, "nft_tables"): NftTable,
    (NodeSnapshot, "ipsets"): Ipset,
    (NodeSnapshot, "conflists"): Conflist,
    (NodeSnapshot, "files"): File,
    (NodeSnapshot, "runtime"): Runtime,
    (NodeSnapshot, "kubelet"): Unit,
    (NodeSnapshot, "link_managers"): LinkManager,
    (LinkManager, "rules"): LinkRule,
    (NodeSnapshot, "input_chains"): FilterChain,
    (FilterChain, "rules"): FilterRule,
    (FilterRule, "conditions"): Condition,
    (NodeSnapshot, "listeners"): Listener,
    (NodeSnapshot, "virtual_servers"): VirtualServer,
    (NodeSnapshot, "nft_chains"): Chain,
    (VirtualServer, "servers"): RealServer,
    (NodeSnapshot, "disks"): Disk,
}
