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
import re
import shlex
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model

#: The processes whose presence means that a CNI is alive, by the name the kernel gives them.
DAEMONS: t.Mapping[str, t.FrozenSet[str]] = {
    "flannel": frozenset({"flanneld"}),
    "calico": frozenset({"calico-node", "calico-felix"}),
}

#: Devices of a kernel module, not of the CNI: they cannot be deleted, only stripped of their addresses and taken down.
FALLBACK_LINKS = frozenset({"tunl0"})

#: Routes the kernel makes for an address and removes with it.
_KERNEL_ROUTES = frozenset({"kernel"})

#: A veth in one of these states has no pod at its other end any more.
_NO_CARRIER = frozenset({"DOWN", "LOWERLAYERDOWN", "NOTPRESENT"})

#: Without these looks at the node nobody can say whether a CNI is alive; other gaps only leave something behind.
_BLIND = re.compile(r"root: |.*unknown: links and addresses$")

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
    refusals = (*filter(_BLIND.match, snapshot.missing), *alive(snapshot, cni))
    if refusals:
        return CleanupPlan(refusals=refusals)
    commands = (*_network(snapshot, cni), *_iptables(snapshot, cni), *_nft_tables(snapshot, cni), *_ipsets(snapshot, cni))
    return CleanupPlan(commands=commands, paths=_paths(snapshot, cni))


def alive(snapshot: model.NodeSnapshot, cni: str) -> t.Tuple[str, ...]:
    """The evidence that ``cni`` still works on this node: its daemon, and the links of its pods."""
    daemons = sorted(set(snapshot.processes) & DAEMONS[cni])
    pods = sorted(link.name for link in snapshot.links if _is_pod_link(link, _bridges(snapshot, cni), cni))
    reasons = [f"process {name} runs" for name in daemons]
    if pods:
        reasons.append(f"{len(pods)} pod link(s) still hang on it: {', '.join(pods)}")
    return tuple(reasons)


def _bridges(snapshot: model.NodeSnapshot, cni: str) -> t.FrozenSet[str]:
    return frozenset(link.name for link in snapshot.links if link.kind == "bridge" and _owned(link.owner, cni))


def _is_pod_link(link: model.Link, bridges: t.FrozenSet[str], cni: str) -> bool:
    if link.kind != "veth" or link.state in _NO_CARRIER:
        return False
    return link.master in bridges or _owned(link.owner, cni)


def _owned(owner: str, cni: str) -> bool:
    return model.cni_of(owner) == cni


# Links, and what would outlive them


def _network(snapshot: model.NodeSnapshot, cni: str) -> t.Iterator[Command]:
    links = [link for link in snapshot.links if _owned(link.owner, cni)]
    doomed = frozenset(link.name for link in links if link.name not in FALLBACK_LINKS)
    fdb = [entry for entry in snapshot.fdb if _owned(entry.owner, cni) and entry.device not in doomed]
    if fdb:
        yield Command(("bridge", "-force", "-batch", "-"), _batch(map(_fdb_line, fdb)), tuple(map(_fdb_removal, fdb)))
    steps = (
        *((_route_line(route), _route_removal(route)) for route in snapshot.routes if _outlives_links(route, doomed, cni)),
        *(
            (f"neighbour del {entry.address} dev {entry.device}", Removal("neighbour", f"{entry.address} dev {entry.device}"))
            for entry in snapshot.neighbours
            if _owned(entry.owner, cni) and entry.device not in doomed
        ),
        *(_down_step(link) for link in links if link.name in FALLBACK_LINKS and link.up),
        *(
            (f"address del {_cidr(address)} dev {address.device}", Removal("address", f"{_cidr(address)} dev {address.device}"))
            for address in snapshot.addresses
            if _owned(address.owner, cni) and address.device not in doomed and address.scope != "link"
        ),
        *(
            (f"link del dev {link.name}", Removal("link", link.name))
            for link in sorted(links, key=lambda link: link.kind != "bridge")
            if link.name in doomed
        ),
    )
    if steps:
        yield Command(("ip", "-force", "-batch", "-"), _batch(line for line, _ in steps), tuple(removal for _, removal in steps))


def _down_step(link: model.Link) -> t.Tuple[str, Removal]:
    return f"link set dev {link.name} down", Removal("link", f"{link.name} (only taken down: the kernel keeps it)")


def _outlives_links(route: model.Route, doomed: t.FrozenSet[str], cni: str) -> bool:
    if not _owned(route.owner, cni) or route.device in doomed:
        return False
    return route.protocol not in _KERNEL_ROUTES and route.table != "local"


def _route_line(route: model.Route) -> str:
    words = ["route del"]
    if route.kind and route.kind != "unicast":
        words.append(route.kind)
    words.append(_route_name(route))
    if route.protocol:
        words.append(f"proto {route.protocol}")
    if route.metric:
        words.append(f"metric {route.metric}")
    words.append(f"table {route.table or 'main'}")
    return " ".join(words)


def _route_name(route: model.Route) -> str:
    words = [route.destination]
    if route.gateway:
        words.append(f"via {route.gateway}")
    if route.device and route.kind in ("", "unicast"):
        words.append(f"dev {route.device}")
    return " ".join(words)


def _route_removal(route: model.Route) -> Removal:
    kind = "" if route.kind in ("", "unicast") else f"{route.kind} "
    table = "" if route.table in ("", "main") else f" table {route.table}"
    return Removal("route", f"{kind}{_route_name(route)}{table}")


def _fdb_line(entry: model.FdbEntry) -> str:
    destination = f" dst {entry.destination}" if entry.destination else ""
    where = " self" if "self" in entry.flags else " master" if "master" in entry.flags else ""
    return f"fdb del {entry.mac} dev {entry.device}{destination}{where}"


def _fdb_removal(entry: model.FdbEntry) -> Removal:
    destination = f" dst {entry.destination}" if entry.destination else ""
    return Removal("fdb", f"{entry.mac} dev {entry.device}{destination}")


def _cidr(address: model.Address) -> str:
    return f"{address.address}/{address.prefix_length}"


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
    rules = [
        (chain.name, rule.text)
        for chain in chains
        if chain.name not in doomed
        for rule in chain.rules
        if _owned(rule.owner, cni) or _target(rule.text) in doomed
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


def _target(rule: str) -> str:
    """Where a rule jumps or goes to; a chain cannot be deleted while a rule of anybody names it."""
    words = shlex.split(rule)
    for flag in ("-j", "-g"):
        if flag in words[:-1]:
            return words[words.index(flag) + 1]
    return ""


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
