# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a packet is in a set of IP addresses, networks and ports that rules of iptables ask for.

Source: ipset(8). Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import functools
import ipaddress
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import matching
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Ipset

#: The key of a condition that asks for a set: ``set NAME src,dst``.
PREFIX = "set "
_LIST = "list:set"
#: Which fact a part of a member is compared with, by what the part is and by the direction that the rule asks for.
_ENDS = {"src": "source", "dst": "destination"}
_DEVICES = {"src": "device", "dst": "out device"}
_PORTS = {"src": "sport", "dst": "dport"}
#: A set of sets holds no set of sets.
_DEEPEST = 2


class Sets:
    """A node's sets, of those whose members were read."""

    def __init__(self, sets: t.Iterable[Ipset]) -> None:
        self._sets = {item.name: item for item in sets if item.members is not None}

    def has(self, condition: str, facts: matching.Facts) -> t.Optional[bool]:
        """Whether a packet is in the set of a condition's key, ``set NAME src,dst``; nothing when that cannot be told."""
        name, _, directions = condition[len(PREFIX) :].rpartition(" ")
        return self._has(name, tuple(directions.split(",")), facts, _DEEPEST)

    def _has(self, name: str, directions: t.Tuple[str, ...], facts: matching.Facts, deep: int) -> t.Optional[bool]:
        found = self._sets.get(name)
        if found is None or not deep:
            return None
        if found.type == _LIST:
            answers = [self._has(inner, directions, facts, deep - 1) for inner in found.members or ()]
            return True if True in answers else None if None in answers else False
        return _read(found).has(directions, facts)


class Known:
    """Facts about a packet, and whether it is in a node's sets. For a set that was not read the facts have the last word."""

    def __init__(self, facts: matching.Facts, sets: Sets) -> None:
        self._facts = facts
        self._sets = sets

    def get(self, key: str) -> matching.Fact:
        answer = self._sets.has(key, self._facts) if key.startswith(PREFIX) else None
        return self._facts.get(key) if answer is None else _WORDS[answer]


#: As `iptables.read` asks for them.
_WORDS = {True: "yes", False: "no"}


class _Members:
    """The members of one set by what is asked for: the network that is narrowest comes first, and may say that it is none."""

    def __init__(self, kinds: t.Tuple[str, ...], lines: t.Iterable[str]) -> None:
        self._kinds = kinds
        self._members: t.Dict[t.Tuple[str, ...], bool] = {}
        for line in lines:
            words = line.split()
            self._members[tuple(words[0].split(","))] = "nomatch" not in words[1:]
        parts = list(zip(*self._members)) or [() for _ in kinds]
        self._lengths = [_prefix_lengths(part) for part in parts]

    def has(self, directions: t.Tuple[str, ...], facts: matching.Facts) -> t.Optional[bool]:
        if not self._members:
            return False
        if len(directions) < len(self._kinds) or len(self._lengths) != len(self._kinds):
            return None
        asked = [_spellings(kind, direction, facts, lengths) for kind, direction, lengths in zip(self._kinds, directions, self._lengths)]
        if None in asked:
            return None
        for key in itertools.product(*t.cast("t.List[t.List[str]]", asked)):
            if key in self._members:
                return self._members[key]
        return False


@functools.lru_cache(maxsize=4096)
def _read(found: Ipset) -> _Members:
    kinds = tuple(found.type.partition(":")[2].split(","))
    return _Members(kinds, found.members or ())


def _prefix_lengths(parts: t.Iterable[str]) -> t.Tuple[int, ...]:
    """The lengths of networks that occur, the narrowest first; addresses alone are not among them."""
    return tuple(sorted({int(length) for part in parts for length in (part.partition("/")[2],) if length.isdigit()}, reverse=True))


def _spellings(kind: str, direction: str, facts: matching.Facts, lengths: t.Tuple[int, ...]) -> t.Optional[t.List[str]]:
    """Every way in which a member may be written that holds this part of a packet, the narrowest first."""
    if kind in ("ip", "net"):
        return _networks(facts.get(_ENDS.get(direction, "")), lengths)
    if kind == "port":
        return _ports(_PORTS.get(direction, ""), facts)
    known = facts.get(_DEVICES.get(direction, "")) if kind == "iface" else None
    return [known] if isinstance(known, str) else None


def _networks(address: t.Union[str, t.Tuple[str, ...], None], lengths: t.Tuple[int, ...]) -> t.Optional[t.List[str]]:
    if not isinstance(address, str) or not address:
        return None
    whole = ipaddress.ip_address(address)
    fitting = [length for length in lengths if length <= whole.max_prefixlen]
    return [str(whole), *(str(ipaddress.ip_network(f"{address}/{length}", strict=False)) for length in fitting)]


def _ports(end: str, facts: matching.Facts) -> t.Optional[t.List[str]]:
    """``tcp:80``, and of sets of ports alone ``80``."""
    protocol, port = facts.get("protocol"), facts.get(f"th {end}")
    if not isinstance(protocol, str) or not isinstance(port, str):
        return None
    return [f"{protocol}:{port}", port]
