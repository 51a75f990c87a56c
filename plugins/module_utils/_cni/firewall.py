# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a node's packet filters let a packet in, as far as their rules tell.

A rule about something that is not known of the packet (a set, a rate) leaves both answers possible, so the verdict is one of
three. Chains of a CNI or of kube-proxy are passed over: they speak about their own traffic, and come and go with it.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import iptables, matching
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain, Condition, FilterChain, FilterRule, NodeSnapshot

OPEN = "open"
CLOSED = "closed"
UNSURE = "unsure"

_ACCEPT, _DROP, _END, _NEXT = "accept", "drop", "end", "next"
_VERDICTS = {_ACCEPT: _ACCEPT, _DROP: _DROP, "reject": _DROP, "return": _END}

#: Peers to try where a node's rules look at addresses: all of a thousand would say no more than these.
_PEERS = 20

#: Owners whose chains say nothing about packets between nodes.
_PASSED_OVER = frozenset({"calico", "kube-proxy", "kubelet", "runtime"})


@dataclasses.dataclass(frozen=True)
class Packet:
    """The first packet of a node to another one; an empty ``source`` is one that is not known."""

    protocol: str
    port: int
    source: str = ""
    destination: str = ""
    device: str = ""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the filters of a node do with a packet, and the chain that decides when it is dropped or in doubt.

    ``native`` tells a native nftables table from iptables: an accept in iptables does not help against the former.
    """

    answer: str
    where: str = ""
    native: bool = False


@dataclasses.dataclass(frozen=True)
class Filter:
    """A place where packets enter a filter: its chains by name, the first of them, and how a person finds it."""

    chains: t.Mapping[str, t.Tuple[FilterRule, ...]]
    first: str
    policy: str
    where: str
    native: bool


def filters(node: NodeSnapshot) -> t.Tuple[Filter, ...]:
    """All filters that a packet has to pass to come in."""
    return (*_iptables(node), *_native(node))


def between_nodes(node: NodeSnapshot, port: int, own: str, device: str, others: t.Iterable[str]) -> t.Tuple[Verdict, ...]:
    """What stops a tunnel's UDP packets of other nodes (``others`` are addresses of theirs) that come to this one."""
    return judge(filters(node), Packet("udp", port, "", own, device), tuple(itertools.islice(others, _PEERS)))


def judge(found: t.Iterable[Filter], packet: Packet, sources: t.Sequence[str] = ()) -> t.Tuple[Verdict, ...]:
    """The verdicts of filters that do not simply let the packet in; where rules look at its source, for each of the ``sources``."""
    verdicts = (verdict for entry in found for verdict in _verdicts(_pruned(entry, _facts(packet)), packet, sources))
    return tuple(dict.fromkeys(verdict for verdict in verdicts if verdict.answer != OPEN))


def _verdicts(entry: Filter, packet: Packet, sources: t.Sequence[str]) -> t.List[Verdict]:
    general = _verdict(entry, _facts(packet))
    if general.answer != UNSURE or not sources:
        return [general]
    return [_verdict(entry, {**_facts(packet), "source": source}) for source in sources]


def _pruned(entry: Filter, facts: matching.Facts) -> Filter:
    """Without the rules that cannot be about this packet, wherever it comes from: a long list is walked once and not for each source."""
    chains = {
        name: tuple(rule for rule in rules if matching.applies(rule.conditions, facts) is not False) for name, rules in entry.chains.items()
    }
    return dataclasses.replace(entry, chains=chains)


def _verdict(entry: Filter, facts: matching.Facts) -> Verdict:
    outcomes = {entry.policy if outcome in (_END, _NEXT) else outcome for outcome in _walk(entry, entry.first, facts)}
    if outcomes == {_ACCEPT}:
        return Verdict(OPEN)
    return Verdict(CLOSED if outcomes == {_DROP} else UNSURE, entry.where, entry.native)


def _walk(entry: Filter, chain: str, facts: matching.Facts) -> t.Set[str]:
    """All that may become of the packet in a chain: accept, drop, end (it returns by a goto), or next (it goes on behind the jump)."""
    outcomes: t.Set[str] = set()
    for rule in entry.chains.get(chain, ()):
        applies = matching.applies(rule.conditions, facts)
        if applies is False or not rule.verdict:
            continue
        reached = _reached(entry, rule, facts)
        outcomes |= reached - {_NEXT}
        if applies and _NEXT not in reached:
            return outcomes
    return outcomes | {_NEXT}


def _reached(entry: Filter, rule: FilterRule, facts: matching.Facts) -> t.Set[str]:
    """What comes of a rule that applies. A chain that is entered by goto does not come back to this one."""
    if rule.verdict in ("jump", "goto"):
        inside = _walk(entry, rule.target, facts)
        back = _NEXT if rule.verdict == "jump" else _END
        return {back if outcome in (_END, _NEXT) else outcome for outcome in inside}
    return {_VERDICTS[rule.verdict]}


def _facts(packet: Packet) -> t.Dict[str, matching.Fact]:
    """What is known of the packet, under the names that nftables has for it; ``udp dport`` implies the protocol."""
    other = "tcp" if packet.protocol == "udp" else "udp"
    port = str(packet.port)
    return {
        "protocol": packet.protocol,
        f"{packet.protocol} dport": port,
        f"{other} dport": "-",
        "th dport": port,
        "source": packet.source or None,
        "destination": packet.destination or None,
        "device": packet.device or None,
        "state": "new",
        "status": "none",
        "mark": "0",
        "family": "ipv4",
        "local": "local",
    }


def _iptables(node: NodeSnapshot) -> t.Iterator[Filter]:
    """The INPUT chain of each backend's filter table."""
    tables: t.Dict[str, t.Dict[str, Chain]] = {}
    for chain in node.chains:
        if (chain.family, chain.table) == (4, "filter"):
            tables.setdefault(chain.backend, {})[chain.name] = chain
    for backend, chains in tables.items():
        if "INPUT" in chains:
            ours = {name: tuple(_rules(chain)) for name, chain in chains.items() if chain.owner not in _PASSED_OVER}
            yield Filter(ours, "INPUT", chains["INPUT"].policy.lower(), f"iptables ({backend}) chain INPUT", False)


def _rules(chain: Chain) -> t.Iterator[FilterRule]:
    for rule in chain.rules:
        if rule.owner not in _PASSED_OVER:
            yield iptables_rule(rule.text)


def _native(node: NodeSnapshot) -> t.Iterator[Filter]:
    tables: t.Dict[t.Tuple[str, str], t.Dict[str, FilterChain]] = {}
    for chain in node.input_chains:
        tables.setdefault((chain.family, chain.table), {})[chain.name] = chain
    for (family, table), chains in tables.items():
        rules = {name: chain.rules for name, chain in chains.items()}
        for chain in chains.values():
            if chain.hook == "input":
                where = f"nftables table {family} {table} chain {chain.name}"
                yield Filter(rules, chain.name, chain.policy or _ACCEPT, where, True)


_BUILT_IN = {"ACCEPT": _ACCEPT, "DROP": _DROP, "REJECT": "reject", "RETURN": "return"}
#: Targets that let the packet go on to the next rule.
_GOES_ON = re.compile(r"(LOG|NFLOG|ULOG|MARK|CONNMARK|TRACE|CT|NOTRACK|SET|TOS|DSCP|CLASSIFY|AUDIT)$")


def iptables_rule(text: str) -> FilterRule:
    """A rule as ``iptables-save`` prints it, without its chain. What applies to some packets by chance is not certain."""
    rule = iptables.read(text)
    by_chance = () if rule.probability is None else (Condition("?"),)
    return FilterRule((*rule.conditions, *by_chance), *_target(rule.verb, rule.target))


def _target(verb: str, name: str) -> t.Tuple[str, str]:
    if name in _BUILT_IN:
        return _BUILT_IN[name], ""
    return ("", "") if not name or _GOES_ON.match(name) else (verb, name)
