# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Turns what a node's tools print and its files hold into the snapshot's records. Nobody else parses `ip`.

Pure: text in, records out. Empty text gives no records. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import re
import sys
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import (
    Address,
    Chain,
    FdbEntry,
    Ipset,
    Link,
    Listener,
    Neighbour,
    NftTable,
    RealServer,
    Route,
    Rule,
    Unit,
    VirtualServer,
    Vxlan,
)
from ansible_collections.podnet.cni.plugins.module_utils._node import nftables

Json = t.Dict[str, t.Any]

#: Kernel names of address families, as ``ip -j`` prints them, that the snapshot knows.
_FAMILIES = {"inet": 4, "inet6": 6}

_CRIO_SETTING = re.compile(r"^\s*(cni_default_network|network_dir|plugin_dirs)\s*=\s*\[?\s*\"([^\"]*)\"", re.MULTILINE)

_SERVICE = ".service"

_ANYWHERE = {4: "0.0.0.0/0", 6: "::/0"}
_HOST_BITS = {4: 32, 6: 128}

#: The tables of iptables; iptables-nft keeps them as nftables tables of the same names.
_IPTABLES_TABLES = ("filter", "nat", "mangle", "raw", "security")


def links(text: str) -> t.Tuple[Link, ...]:
    """Of ``ip -j -d addr`` or ``ip -j -d link``."""
    return tuple(_link(item) for item in _items(text))


def _link(item: Json) -> Link:
    info = item.get("linkinfo") or {}
    kind = info.get("info_kind", "")
    return Link(
        name=item["ifname"],
        kind=kind,
        mtu=item.get("mtu", 0),
        state=item.get("operstate", "UNKNOWN"),
        up="UP" in item.get("flags", ()),
        mac=item.get("address", "") if item.get("link_type") == "ether" else "",
        master=item.get("master", ""),
        vxlan=_vxlan(info.get("info_data") or {}) if kind == "vxlan" else None,
    )


def _vxlan(data: Json) -> Vxlan:
    return Vxlan(
        vni=data.get("id", 0),
        port=data.get("port", 0),
        local=data.get("local") or data.get("local6") or "",
        device=data.get("link", ""),
        learning=bool(data.get("learning", False)),
    )


def addresses(text: str) -> t.Tuple[Address, ...]:
    """Of ``ip -j -d addr``."""
    return tuple(
        Address(
            device=item["ifname"],
            address=info["local"],
            prefix_length=info.get("prefixlen", 0),
            family=_FAMILIES[info["family"]],
            scope=info.get("scope", "global"),
        )
        for item in _items(text)
        for info in item.get("addr_info", ())
        if info.get("family") in _FAMILIES and "local" in info
    )


def routes(text: str, family: int) -> t.Tuple[Route, ...]:
    """Of ``ip -j route show table all`` (``ip -6 -j`` for family 6). A route of several next hops gives one record for each."""
    return tuple(_route(item, hop, family) for item in _items(text) for hop in _hops(item))


def _hops(item: Json) -> t.List[Json]:
    """What each next hop says; a route with one says it itself."""
    return item.get("nexthops") or [{}]


def _route(item: Json, hop: Json, family: int) -> Route:
    where = {**item, **hop}
    return Route(
        destination=_destination(item["dst"], family),
        gateway=where.get("gateway") or (where.get("via") or {}).get("host", ""),
        device=where.get("dev", ""),
        # ip leaves out what it holds for usual: protocol boot, type unicast, table main.
        protocol=str(item.get("protocol", "boot")),
        kind=item.get("type", "unicast"),
        scope=str(item.get("scope", "")),
        metric=item.get("metric", 0),
        table=str(item.get("table", "main")),
        family=family,
        onlink="onlink" in where.get("flags", ()),
    )


def _destination(text: str, family: int) -> str:
    if text == "default":
        return _ANYWHERE[family]
    return text if "/" in text else f"{text}/{_HOST_BITS[family]}"


def neighbours(text: str) -> t.Tuple[Neighbour, ...]:
    """Of ``ip -j neigh``, both families."""
    return tuple(
        Neighbour(
            address=item["dst"],
            device=item.get("dev", ""),
            mac=item.get("lladdr", ""),
            state=",".join(item.get("state", ())),
        )
        for item in _items(text)
    )


def fdb(text: str) -> t.Tuple[FdbEntry, ...]:
    """Of ``bridge -j fdb show``."""
    return tuple(
        FdbEntry(
            mac=item["mac"],
            device=item.get("ifname") or item.get("dev", ""),
            destination=item.get("dst", ""),
            state=item.get("state", ""),
            flags=tuple(item.get("flags", ())),
        )
        for item in _items(text)
    )


def chains(text: str, backend: str, family: int) -> t.Tuple[Chain, ...]:
    """Of one ``iptables-save``."""
    policies: t.Dict[t.Tuple[str, str], str] = {}
    rules: t.Dict[t.Tuple[str, str], t.List[Rule]] = {}
    table = ""
    for line in text.splitlines():
        if line.startswith("*"):
            table = line[1:].strip()
        elif line.startswith(":"):
            name, policy = line[1:].split()[:2]
            policies[table, name] = policy
        elif line.startswith("-A "):
            _, name, rule = (line + " ").split(" ", 2)
            rules.setdefault((table, name), []).append(Rule(rule.strip()))
    return tuple(
        Chain(backend=backend, family=family, table=table, name=name, policy=policy, rules=tuple(rules.get((table, name), ())))
        for (table, name), policy in policies.items()
    )


def backend_of(text: str) -> str:
    """Whose rules a plain ``iptables-save`` printed; its first line tells."""
    return "nft" if "nf_tables" in text.partition("\n")[0] else "legacy"


def nft_tables(tables: str, chains: str) -> t.Tuple[NftTable, ...]:
    """Of ``nft -j list tables`` and ``nft -j list chains``, without the tables that iptables-nft keeps."""
    inside: t.Dict[t.Tuple[str, str], t.List[str]] = {}
    for chain in nftables.objects(chains, "chain"):
        inside.setdefault((chain["family"], chain["table"]), []).append(chain["name"])
    found = [(table["family"], table["name"]) for table in nftables.objects(tables, "table")]
    return tuple(NftTable(family, name, tuple(inside.get((family, name), ()))) for family, name in found if not is_iptables(family, name))


def is_iptables(family: str, name: str) -> bool:
    """Whether iptables-nft keeps the table."""
    return family in ("ip", "ip6") and name in _IPTABLES_TABLES


def ipsets(text: str) -> t.Tuple[Ipset, ...]:
    """Of ``ipset list``, with members, or of ``ipset list -t``, without."""
    return tuple(map(_ipset, re.findall(r"^Name: .+(?:\n.+)*", text, re.MULTILINE)))


def _ipset(block: str) -> Ipset:
    header, has_members, members = block.partition("\nMembers:")
    told = dict(_pair(line, ":") for line in header.splitlines())
    listed = tuple(members.strip().splitlines()) if has_members else None
    return Ipset(told["Name"], told.get("Type", ""), int(told.get("Number of entries", "0")), members=listed)


def active_units(text: str) -> t.Tuple[str, ...]:
    """Of ``systemctl show --property=Id,ActiveState``: the services that run, without their suffix."""
    blocks = [assignments(block) for block in re.split(r"\n\s*\n", text)]
    running = [block.get("Id", "") for block in blocks if block.get("ActiveState") in ("active", "reloading")]
    return tuple(name[: -len(_SERVICE)] for name in running if name.endswith(_SERVICE))


def unit(name: str, text: str) -> Unit:
    """Of ``systemctl show NAME``; a unit that does not exist shows as inactive."""
    values = assignments(text)
    return Unit(
        name=name,
        active_state=values.get("ActiveState", ""),
        sub_state=values.get("SubState", ""),
        main_pid=_number(values.get("MainPID", "")),
        since=_number(values.get("ActiveEnterTimestampMonotonic", "")),
    )


def udp_listeners(text: str) -> t.Tuple[Listener, ...]:
    """Of /proc/net/udp or udp6: the sockets that are open to anybody. A connected one is some program's own question."""
    rows = (line.split() for line in text.splitlines()[1:])
    return tuple(_listener(row[1]) for row in rows if len(row) > 2 and row[2].endswith(":0000"))


def _listener(local: str) -> Listener:
    """Of ``0B32A8C0:205D``: the address in words of 32 bits as the machine keeps them, and the port."""
    words, _colon, port = local.partition(":")
    packed = b"".join(int(words[start : start + 8], 16).to_bytes(4, sys.byteorder) for start in range(0, len(words), 8))
    return Listener(int(port, 16), str(ipaddress.ip_address(packed)) if any(packed) else "")


def assignments(text: str) -> t.Dict[str, str]:
    """Lines of ``KEY=value``, as in subnet.env and the output of systemctl; quotes around a value are dropped."""
    pairs = (_pair(line, "=") for line in text.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {key: value.strip("\"'") for key, value in pairs}


def kubelet_endpoints(flags_env: str, config: str) -> t.Tuple[str, ...]:
    """Socket paths kubelet is told to use: a flag in kubeadm-flags.env, or ``containerRuntimeEndpoint`` in its configuration."""
    found = re.findall(r"--container-runtime-endpoint[= ]\"?(?:unix://)?(/[^\s\"]+)", flags_env)
    found += re.findall(r"^containerRuntimeEndpoint:\s*[\"']?(?:unix://)?(/[^\s\"']+)", config, re.MULTILINE)
    return tuple(dict.fromkeys(found))


def crio_settings(files: t.Iterable[str]) -> t.Dict[str, str]:
    """CRI-O's CNI settings out of its TOML files, in the order it reads them; a list's first entry stands for the list."""
    return {key: value for text in files for key, value in _CRIO_SETTING.findall(text)}


def _pair(line: str, separator: str) -> t.Tuple[str, str]:
    key, _, value = line.partition(separator)
    return key.strip(), value.strip()


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def _items(text: str) -> t.List[Json]:
    """The objects of a JSON list. Old iproute2 leaves empty objects where a filter dropped a device."""
    return [item for item in json.loads(text) if item] if text.strip() else []


def virtual_servers(text: str) -> t.Tuple[VirtualServer, ...]:
    """Of /proc/net/ip_vs, which is not there without the kernel's module. Those that go by a firewall's mark have no address."""
    found: t.List[VirtualServer] = []
    named = False
    for words in map(str.split, text.splitlines()):
        if words[:1] != ["->"]:
            named = words[:1] in (["TCP"], ["UDP"], ["SCTP"])
            if named:
                found.append(VirtualServer(words[0].lower(), *_hexadecimal(words[1]), words[2]))
        elif named:
            server = RealServer(*_hexadecimal(words[1]), int(words[3]))
            found[-1] = dataclasses.replace(found[-1], servers=(*found[-1].servers, server))
    return tuple(found)


def _hexadecimal(text: str) -> t.Tuple[str, int]:
    """``0A600001:01BB``, or ``[fd00:0000:...:0001]:01BB``: the kernel writes IPv4 as one number, IPv6 in words."""
    address, _, port = text.rpartition(":")
    if address.startswith("["):
        return str(ipaddress.ip_address(address.strip("[]"))), int(port, 16)
    return str(ipaddress.ip_address(int(address, 16))), int(port, 16)
