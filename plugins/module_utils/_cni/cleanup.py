# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to go from a node once a CNI is dead, and in which order.

Pure: no I/O. Private: may change at any time.

A removal needs an owner: only what `ownership` gave to the CNI is planned. What is attributed by other items goes before the
items that are its evidence: routes before links, the bridge before devices that name their CNI, the kernel before files, and
subnet.env at the very end. So a run that is killed half way still finds, the next time, what it did not reach.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import in_place
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model

#: Devices of a kernel module, not of the CNI: they cannot be deleted, only stripped of their addresses and taken down.
FALLBACK_LINKS = frozenset({"tunl0"})

#: A veth in one of these states has no pod at its other end any more.
_NO_CARRIER = frozenset({"DOWN", "LOWERLAYERDOWN", "NOTPRESENT"})

#: A tun device is there as long as the program that made it.
_ENDS_WITH_DAEMON = "tun"

#: The evidence for everything else, so the last to go.
_LAST_PATHS = ("/run/flannel", "/var/run/flannel")

_PATH_ORDER = {"binary": 0, "state": 1, "config": 2, "conflist": 3}


@dataclasses.dataclass(frozen=True)
class Removal:
    """One item that goes; ``kind`` is link, address, route, neighbour, fdb, rule, chain, nft-table, ipset, file or conflist."""

    kind: str
    name: str


@dataclasses.dataclass(frozen=True)
class Command:
    """One program run that removes ``removals``, all of them or (iptables, nft) none; ``stdin`` is its batch."""

    argv: t.Tuple[str, ...]
    stdin: str
    removals: t.Tuple[Removal, ...]


@dataclasses.dataclass(frozen=True)
class CleanupPlan:
    """Either ``refusals``, in words, or what to do: ``commands`` in order, then ``paths`` in order."""

    refusals: t.Tuple[str, ...] = ()
    commands: t.Tuple[Command, ...] = ()
    paths: t.Tuple[Removal, ...] = ()

    @property
    def removals(self) -> t.Tuple[Removal, ...]:
        """Everything that goes, in order."""
        return tuple(removal for command in self.commands for removal in command.removals) + self.paths


def plan(snapshot: model.NodeSnapshot, cni: str) -> CleanupPlan:
    """The removals that leave nothing of ``cni`` on this node, or the reasons why it must not be touched."""
    refusals = (*model.blind_spots(snapshot), *alive(snapshot, cni), *_foreign_ports(snapshot, cni))
    if refusals:
        return CleanupPlan(refusals=refusals)
    commands = (*network_commands(snapshot, cni), *_iptables(snapshot, cni), *_nft_tables(snapshot, cni), *_ipsets(snapshot, cni))
    return CleanupPlan(commands=commands, paths=_paths(snapshot, cni))


def alive(snapshot: model.NodeSnapshot, cni: str) -> t.Tuple[str, ...]:
    """The evidence that ``cni`` still works on this node: its daemon, and the links of its pods."""
    reasons = [f"process {name} runs" for name in model.daemons(snapshot, cni)]
    pods = sorted(link.name for link in _pod_links(snapshot, cni))
    if pods:
        reasons.append(f"{len(pods)} pod link(s) still hang on it: {', '.join(pods)}")
    return tuple(reasons)


def has_pod_links(snapshot: model.NodeSnapshot, cni: str) -> bool:
    """Whether links of pods are there, so that it is worth to ask the runtime for the pods behind them."""
    return bool(_pod_links(snapshot, cni))


def behind_pod_links(snapshot: model.NodeSnapshot, cni: str, sandboxes: t.Iterable[in_place.Sandbox]) -> str:
    """Words for the sandboxes whose addresses lead to the pod links: whom an operator has to ask why they are still there."""
    links, bridges = {link.name for link in _pod_links(snapshot, cni)}, _bridges(snapshot, cni)
    networks = [ipaddress.ip_network(route.destination) for route in snapshot.routes if route.device in links]
    networks += [
        ipaddress.ip_interface(f"{item.address}/{item.prefix_length}").network for item in snapshot.addresses if item.device in bridges
    ]
    found = [
        f"{sandbox.pod} ({', '.join(sandbox.addresses)}{'' if sandbox.ready else ', ended'})"
        for sandbox in sandboxes
        if any(ipaddress.ip_address(address) in network for address in sandbox.addresses for network in networks)
    ]
    if not found:
        return "no sandbox of the container runtime has an address there, so a process holds the network namespace of one that is gone"
    return f"by the container runtime they are of {', '.join(sorted(found))}"


def assume_dead(snapshot: model.NodeSnapshot, cni: str) -> model.NodeSnapshot:
    """The node as it will be when the daemon of ``cni`` has ended and its pods are recreated elsewhere.

    Whatever ends with them is gone: processes, the pods' links, flannel's tun device, and what the kernel keeps on those. All else,
    the pods' leases among it, is left behind. Owners stay as they are: a living CNI is the best evidence of what is its own.
    """
    gone = {link.name for link in _pod_links(snapshot, cni)}
    gone.update(link.name for link in snapshot.links if link.kind == _ENDS_WITH_DAEMON and _owned(link.owner, cni))
    daemons = model.daemons(snapshot, cni)
    return dataclasses.replace(
        snapshot,
        processes=tuple(name for name in snapshot.processes if name not in daemons),
        links=tuple(link for link in snapshot.links if link.name not in gone),
        addresses=tuple(item for item in snapshot.addresses if item.device not in gone),
        routes=tuple(item for item in snapshot.routes if item.device not in gone),
        neighbours=tuple(item for item in snapshot.neighbours if item.device not in gone),
        fdb=tuple(item for item in snapshot.fdb if item.device not in gone),
    )


def _bridges(snapshot: model.NodeSnapshot, cni: str) -> t.FrozenSet[str]:
    return frozenset(link.name for link in snapshot.links if link.kind == "bridge" and _owned(link.owner, cni))


def _pod_links(snapshot: model.NodeSnapshot, cni: str) -> t.Tuple[model.Link, ...]:
    """The node's ends of the links to pods that still run."""
    bridges = _bridges(snapshot, cni)
    veths = (link for link in snapshot.links if link.kind == "veth" and link.state not in _NO_CARRIER)
    return tuple(link for link in veths if link.master in bridges or _owned(link.owner, cni))


def _foreign_ports(snapshot: model.NodeSnapshot, cni: str) -> t.Tuple[str, ...]:
    """Somebody put a device of his own, a network card at worst, into the CNI's bridge: without the bridge it has no network."""
    bridges = _bridges(snapshot, cni)
    ports = [link for link in snapshot.links if link.master in bridges and link.kind != "veth" and not _owned(link.owner, cni)]
    return tuple(f"{port.name} is a port of {port.master}, but not {cni}'s; take it out of there" for port in ports)


def _owned(owner: str, cni: str) -> bool:
    return model.cni_of(owner) == cni


# Links, and what would outlive them

#: A line for a tool's batch mode, and what it removes.
_Step = t.Tuple[str, Removal]

_OnDevice = t.TypeVar("_OnDevice", model.Address, model.Route, model.Neighbour, model.FdbEntry)


def network_commands(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[Command]:
    """What removes the links of a CNI, and all that is its own on links that stay."""
    links = [link for link in snapshot.links if _owned(link.owner, cni)]
    doomed = frozenset(link.name for link in links if link.name not in FALLBACK_LINKS)

    def staying(items: t.Iterable[_OnDevice]) -> t.List[_OnDevice]:
        """The CNI's things on devices that stay; all else goes with its device."""
        return [item for item in items if _owned(item.owner, cni) and item.device not in doomed]

    yield from _batched("bridge", [_fdb_step(entry) for entry in staying(snapshot.fdb)])
    steps = [_route_step(route) for route in staying(snapshot.routes) if not _ends_with_its_address(route)]
    steps += [_neighbour_step(entry) for entry in staying(snapshot.neighbours)]
    steps += [_down_step(link) for link in links if link.name in FALLBACK_LINKS and link.up]
    steps += [_address_step(address) for address in staying(snapshot.addresses) if address.scope != "link"]
    steps += [_link_step(link) for link in sorted(links, key=lambda link: link.kind != "bridge") if link.name in doomed]
    yield from _batched("ip", steps)


def _batched(tool: str, steps: t.Sequence[_Step]) -> t.Iterator[Command]:
    if steps:
        # -force: a line that fails, as its item went by itself, does not stop the lines after it.
        yield Command((tool, "-force", "-batch", "-"), _batch(line for line, _ in steps), tuple(removal for _, removal in steps))


def _fdb_step(entry: model.FdbEntry) -> _Step:
    name = f"{entry.mac} dev {entry.device}" + (f" dst {entry.destination}" if entry.destination else "")
    place = next((f" {flag}" for flag in ("self", "master") if flag in entry.flags), "")
    return f"fdb del {name}{place}", Removal("fdb", name)


def _neighbour_step(entry: model.Neighbour) -> _Step:
    name = f"{entry.address} dev {entry.device}"
    return f"neighbour del {name}", Removal("neighbour", name)


def _address_step(address: model.Address) -> _Step:
    name = f"{address.address}/{address.prefix_length} dev {address.device}"
    return f"address del {name}", Removal("address", name)


def _link_step(link: model.Link) -> _Step:
    return f"link del dev {link.name}", Removal("link", link.name)


def _down_step(link: model.Link) -> _Step:
    return f"link set dev {link.name} down", Removal("link", f"{link.name} (only taken down: the kernel keeps it)")


def _route_step(route: model.Route) -> _Step:
    kind = "" if route.kind in ("", "unicast") else f"{route.kind} "
    table = route.table or "main"
    words = [f"{kind}{route.destination}"]
    if route.gateway:
        words.append(f"via {route.gateway}")
    if route.device and not kind:
        words.append(f"dev {route.device}")
    name = " ".join(words)
    if route.protocol:
        words.append(f"proto {route.protocol}")
    if route.metric:
        words.append(f"metric {route.metric}")
    return f"route del {' '.join(words)} table {table}", Removal("route", name if table == "main" else f"{name} table {table}")


def _ends_with_its_address(route: model.Route) -> bool:
    """The kernel makes such a route for an address, and removes it with that."""
    return route.protocol == "kernel" or route.table == "local"


# iptables: one atomic restore per backend, family and table


def _iptables(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[Command]:
    tables = dict.fromkeys((chain.backend, chain.family, chain.table) for chain in snapshot.chains)
    # The filter table tells flannel's network, by which untagged rules in the others are known.
    for backend, family, table in sorted(tables, key=lambda place: place[2] == "filter"):
        chains = [chain for chain in snapshot.chains if (chain.backend, chain.family, chain.table) == (backend, family, table)]
        command = _restore(backend, family, table, chains, cni)
        if command.removals:
            yield command


def _restore(backend: str, family: int, table: str, chains: t.Sequence[model.Chain], cni: str) -> Command:
    place = f"{backend} ipv{family} {table}"
    doomed = [chain.name for chain in chains if chain.policy == "-" and _owned(chain.owner, cni)]
    # A chain cannot be deleted while a rule of anybody names it.
    rules = [
        (chain.name, rule.text)
        for chain in chains
        if chain.name not in doomed
        for rule in chain.rules
        if _owned(rule.owner, cni) or rule.target in doomed
    ]
    lines = [
        f"*{table}",
        *(f"-D {name} {text}" for name, text in rules),
        *(f"-F {name}" for name in doomed),
        *(f"-X {name}" for name in doomed),
        "COMMIT",
    ]
    removals = (
        *(Removal("rule", f"{place} {name} {text}") for name, text in rules),
        *(Removal("chain", f"{place} {name}") for name in doomed),
    )
    program = "iptables" if family == 4 else "ip6tables"
    return Command((f"{program}-{backend}-restore", "--noflush", "--wait=10"), _batch(lines), removals)


def _nft_tables(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[Command]:
    names = [f"{table.family} {table.name}" for table in snapshot.nft_tables if _owned(table.owner, cni)]
    if names:
        yield Command(("nft", "-f", "-"), _batch(f"delete table {name}" for name in names), _removals("nft-table", names))


def _ipsets(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[Command]:
    # A set of sets refers to its members, so it goes first.
    owned = sorted((ipset for ipset in snapshot.ipsets if _owned(ipset.owner, cni)), key=lambda ipset: ipset.type != "list:set")
    names = [ipset.name for ipset in owned]
    if names:
        yield Command(("ipset", "restore"), _batch(f"destroy {name}" for name in names), _removals("ipset", names))


# Files


def _paths(snapshot: model.NodeSnapshot, cni: str) -> t.Tuple[Removal, ...]:
    items = [(file.path, file.kind, file.owner) for file in snapshot.files]
    items += [(conflist.path, "conflist", conflist.owner) for conflist in snapshot.conflists]
    foreign = [path for path, _, owner in items if not _owned(owner, cni)]
    owned = {
        path: kind
        for path, kind, owner in sorted(items, key=lambda item: _PATH_ORDER[item[1]])
        if _owned(owner, cni) and not any(_inside(other, path) for other in foreign)
    }
    tops = [path for path in owned if not any(_inside(path, other) for other in owned)]
    tops.sort(key=lambda path: (path.startswith(_LAST_PATHS), _PATH_ORDER[owned[path]], path))
    return tuple(Removal("conflist" if owned[path] == "conflist" else "file", path) for path in tops)


def _inside(path: str, directory: str) -> bool:
    return path.startswith(directory.rstrip("/") + "/")


def _removals(kind: str, names: t.Iterable[str]) -> t.Tuple[Removal, ...]:
    return tuple(Removal(kind, name) for name in names)


def _batch(lines: t.Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
