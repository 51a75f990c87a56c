# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads native nftables chains as ``nft -j`` prints them, reduced to what decides about an incoming packet.

Pure: text in, records out. Private: may change at any time.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Condition, FilterChain, FilterRule

Json = t.Dict[str, t.Any]

#: Families whose filters see IPv4 packets that come in.
_FAMILIES = ("inet", "ip")

#: How `_cni.firewall` names what rules look at.
_FACTS = {
    "meta l4proto": "protocol",
    "meta iifname": "device",
    "meta iif": "device",
    "meta nfproto": "family",
    "meta mark": "mark",
    "ct state": "state",
    "ct status": "status",
    "ip saddr": "source",
    "ip daddr": "destination",
    "ip protocol": "protocol",
}

#: Statements that end a rule, and those that do not decide.
_VERDICTS = ("accept", "drop", "reject", "return")
_JUMPS = ("jump", "goto")

#: What an entry that cannot be read may do.
_ANY_VERDICTS: t.Tuple[Json, ...] = ({"accept": None}, {"drop": None})


def filtering_tables(chains: str) -> t.Tuple[t.Tuple[str, str], ...]:
    """Of ``nft -j list chains``: family and name of each table that filters what comes in."""
    found = [
        (chain["family"], chain["table"])
        for chain in objects(chains, "chain")
        if chain.get("hook") == "input" and chain.get("type") == "filter" and chain["family"] in _FAMILIES
    ]
    return tuple(dict.fromkeys(found))


def chains(text: str) -> t.Tuple[FilterChain, ...]:
    """Of ``nft -j list table``: its chains with their rules; without those that hook in elsewhere."""
    rules: t.Dict[str, t.List[FilterRule]] = {}
    for rule in objects(text, "rule"):
        rules.setdefault(rule["chain"], []).extend(_rules(rule.get("expr") or ()))
    found = [chain for chain in objects(text, "chain") if chain.get("hook") in (None, "input")]
    return tuple(
        FilterChain(
            family=chain["family"],
            table=chain["table"],
            name=chain["name"],
            hook=chain.get("hook") or "",
            policy=chain.get("policy") or "",
            rules=tuple(rules.get(chain["name"], ())),
        )
        for chain in found
    )


def all_chains(text: str) -> t.Tuple[Json, ...]:
    """Of ``nft -j list chains``: all of them."""
    return tuple(objects(text, "chain"))


def objects(text: str, kind: str) -> t.List[Json]:
    """The objects of a kind in what ``nft -j`` printed."""
    document = json.loads(text) if text.strip() else {}
    return [item[kind] for item in document.get("nftables", ()) if kind in item]


def _rules(expressions: t.Sequence[Json]) -> t.List[FilterRule]:
    """One rule, or one for each entry of a verdict map."""
    conditions: t.List[Condition] = []
    for expression in expressions:
        ((name, value),) = expression.items()
        if name == "match":
            conditions.append(_condition(value))
        elif name == "vmap":
            return [_mapped(conditions, value["key"], entry) for entry in _elements(value.get("data"))]
        elif name in _VERDICTS:
            return [FilterRule(tuple(conditions), "drop" if name == "reject" else name)]
        elif name in _JUMPS:
            return [FilterRule(tuple(conditions), name, value["target"])]
        elif name == "limit":
            conditions.append(Condition("?"))
    return []


def _mapped(conditions: t.Sequence[Condition], key: t.Any, entry: t.Any) -> FilterRule:
    value, verdict = entry if isinstance(entry, list) and len(entry) == 2 else ("?", _ANY_VERDICTS[0])
    ((name, argument),) = verdict.items()
    applies = (*conditions, _condition({"op": "==", "left": key, "right": value}))
    target = str(argument["target"]) if name in _JUMPS and isinstance(argument, dict) else ""
    return FilterRule(applies, name if name in (*_VERDICTS, *_JUMPS) else "", target)


def _elements(data: t.Any) -> t.List[t.Any]:
    """What a verdict map holds; one that has a name keeps it elsewhere, so anything may be in it."""
    if isinstance(data, dict) and isinstance(data.get("set"), list):
        return list(data["set"])
    return [["?", verdict] for verdict in _ANY_VERDICTS]


def _condition(match: Json) -> Condition:
    key = _key(match.get("left"))
    protocol = key.partition(" ")[0]
    if protocol in ("ip6", "icmpv6"):
        return Condition("family", ("ipv6",))
    if protocol == "icmp":
        return Condition("protocol", ("icmp",))
    if match.get("op") not in ("==", "!=", "in"):
        return Condition("?")
    return Condition(key, tuple(_values(match.get("right"))), match.get("op") == "!=")


def _key(left: t.Any) -> str:
    if not isinstance(left, dict) or len(left) != 1:
        return "?"
    ((kind, value),) = left.items()
    if kind == "payload" and "protocol" in value:
        name = f"{value['protocol']} {value['field']}"
    elif kind in ("meta", "ct") and "key" in value:
        name = f"{kind} {value['key']}"
    elif kind == "fib":
        return "local" if value.get("result") == "type" and "daddr" in value.get("flags", ()) else "?"
    else:
        return "?"
    return _FACTS.get(name, name)


def _values(right: t.Any) -> t.List[str]:
    """The values of a rule as words: a range with a dash, a prefix with a slash, a question mark for what cannot be told."""
    if isinstance(right, dict) and "set" in right:
        right = right["set"]
    if isinstance(right, list):
        return [word for item in right for word in _values(item)]
    if isinstance(right, dict) and "range" in right:
        return ["-".join(str(end) for end in right["range"])]
    if isinstance(right, dict) and "prefix" in right:
        return [f"{right['prefix']['addr']}/{right['prefix']['len']}"]
    return ["?"] if isinstance(right, dict) else [str(right)]
