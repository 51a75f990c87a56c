# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""kube-proxy's and flannel's own nftables tables, put into the words of iptables, so that one reader serves both of their modes.

Their chains do nothing that iptables cannot say: verdict maps become a rule for each element, and a random number among verdicts becomes
rules that apply by chance. What cannot be put into these words becomes an option that no reader knows, and so a condition that nobody can
judge. Source: Kubernetes, ``pkg/proxy/nftables``; flannel, ``pkg/trafficmngr/nftables``. Pure: text in, records out. Private: may change
at any time.
"""

from __future__ import annotations

import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain, Rule
from ansible_collections.podnet.cni.plugins.module_utils._node.nftables import Json, objects

#: Tables that are read, by family and name, and who keeps them.
OWNERS = {
    ("ip", "kube-proxy"): "kube-proxy",
    ("ip6", "kube-proxy"): "kube-proxy",
    ("ip", "flannel-ipv4"): "flannel",
    ("ip6", "flannel-ipv6"): "flannel",
}
_FAMILIES = {"ip": 4, "ip6": 6}
_TABLES = ("nat", "filter")
_HOOKS = {"prerouting": "PREROUTING", "input": "INPUT", "forward": "FORWARD", "output": "OUTPUT", "postrouting": "POSTROUTING"}
_VERDICTS = {"accept": "ACCEPT", "drop": "DROP", "reject": "REJECT", "return": "RETURN"}
_UNKNOWN = ["--unknown", "?"]

#: Words that all have to hold, and one such list for each way in which a rule may apply.
_Words = t.List[str]
_Ways = t.List[_Words]


def chains(text: str) -> t.Tuple[Chain, ...]:
    """Of ``nft -j list table``: chains that hook in under the names of iptables' own, the others in each table under theirs.

    Their backend is the name of the nftables table, for each of these stands beside the others.
    """
    elements = {item["name"]: item.get("elem") or [] for kind in ("set", "map") for item in objects(text, kind)}
    texts: t.Dict[str, t.List[str]] = {}
    for rule in objects(text, "rule"):
        texts.setdefault(rule["chain"], []).extend(_rule(rule.get("expr") or (), elements))
    found: t.Dict[t.Tuple[str, str], t.List[str]] = {}
    for chain in objects(text, "chain"):
        for place in _places(chain):
            found.setdefault(place, []).extend(texts.get(chain["name"], ()))
    whose = {(chain["family"], chain["table"]) for chain in objects(text, "chain")} & set(OWNERS)
    return tuple(
        Chain(backend, _FAMILIES[family], table, name, _policy(name), tuple(map(Rule, lines)), OWNERS[family, backend])
        for family, backend in sorted(whose)
        for (table, name), lines in found.items()
    )


def _policy(chain: str) -> str:
    return "ACCEPT" if chain in _HOOKS.values() else "-"


def _places(chain: Json) -> t.List[t.Tuple[str, str]]:
    hook = str(chain.get("hook") or "")
    if hook:
        return [(str(chain.get("type") or "filter"), _HOOKS.get(hook, hook))]
    return [(table, chain["name"]) for table in _TABLES]


def _rule(expressions: t.Sequence[Json], elements: t.Mapping[str, t.List[t.Any]]) -> t.Iterator[str]:
    """The rules that one rule comes to."""
    ways: _Ways = [[]]
    for expression in expressions:
        ((kind, value),) = expression.items()
        if kind == "match":
            ways = [[*way, *more] for way in ways for more in _match(value, elements)]
        elif kind == "vmap":
            yield from (" ".join([*way, *more]) for way in ways for more in _mapped(value, elements))
            return
        else:
            action = _action(kind, value)
            yield from (" ".join([*way, *action]) for way in ways if action)


def _match(match: Json, elements: t.Mapping[str, t.List[t.Any]]) -> _Ways:
    left, right, negated = match.get("left"), match.get("right"), match.get("op") == "!="
    if isinstance(right, str) and right.startswith("@"):
        right = {"set": elements.get(right[1:], [])}
    values = right["set"] if isinstance(right, dict) and "set" in right else right if isinstance(right, list) else [right]
    words = [_words(left, value) for value in values]
    if not negated:
        return words
    # That it is none of several is one condition after the other.
    return [[part for one in words for part in (["!", *one] if one[0] == "-s" or one[0] == "-d" else _UNKNOWN)]]


def _words(left: t.Any, value: t.Any) -> _Words:
    """That what is on the left is this value."""
    if not isinstance(left, dict):
        return _UNKNOWN
    ((kind, what),) = left.items()
    read = _READERS.get(kind)
    return read(what, value) if read else _UNKNOWN


def _concatenated(keys: t.Any, value: t.Any) -> _Words:
    values = value["concat"] if isinstance(value, dict) else [value]
    return [part for key, one in zip(keys, values) for part in _words(key, one)]


def _payload(what: t.Any, value: t.Any) -> _Words:
    text = f"{value['prefix']['addr']}/{value['prefix']['len']}" if isinstance(value, dict) and "prefix" in value else str(value)
    option = {"saddr": "-s", "daddr": "-d", "dport": "--dport"}.get(what.get("field", ""))
    protocol = ["-p", what["protocol"]] if what.get("protocol") in ("tcp", "udp", "sctp") else []
    return [*protocol, option, text] if option else _UNKNOWN


def _meta(what: t.Any, value: t.Any) -> _Words:
    if what.get("key") == "mark":
        return ["-m", "mark", "--mark", f"{int(value):#x}/0xffffffff"]
    return ["-p", str(value)] if what.get("key") == "l4proto" else _UNKNOWN


def _state(what: t.Any, value: t.Any) -> _Words:
    return ["-m", "conntrack", "--ctstate", str(value).upper()] if what.get("key") == "state" else _UNKNOWN


def _address_type(_what: t.Any, value: t.Any) -> _Words:
    return ["-m", "addrtype", "--dst-type", str(value).upper()]


def _masked(operands: t.Any, value: t.Any) -> _Words:
    if operands[0] != {"meta": {"key": "mark"}}:
        return _UNKNOWN
    return ["-m", "mark", "--mark", f"{int(value):#x}/{int(operands[1]):#x}"]


_READERS: t.Mapping[str, t.Callable[[t.Any, t.Any], _Words]] = {
    "concat": _concatenated,
    "payload": _payload,
    "meta": _meta,
    "ct": _state,
    "fib": _address_type,
    "&": _masked,
}


def _mapped(value: Json, elements: t.Mapping[str, t.List[t.Any]]) -> _Ways:
    """A rule for each entry of a verdict map."""
    key, data = value.get("key"), value.get("data")
    entries = elements.get(data[1:], []) if isinstance(data, str) else (data or {}).get("set", [])
    if isinstance(key, dict) and "numgen" in key:
        return _by_chance([verdict for _number, verdict in entries])
    return [[*_words(key, entry), *_action(*next(iter(verdict.items())))] for entry, verdict in entries]


def _by_chance(verdicts: t.Sequence[Json]) -> _Ways:
    """One of them: each rule applies to its share of what the rules before it have left."""
    found = []
    for left, verdict in zip(itertools.count(len(verdicts), -1), verdicts):
        chance = ["-m", "statistic", "--mode", "random", "--probability", f"{1 / left:.11f}"] if left > 1 else []
        found.append([*chance, *_action(*next(iter(verdict.items())))])
    return found


def _action(kind: str, value: t.Any) -> _Words:
    """What a rule does; nothing for a counter, or for what only remembers."""
    if kind in _VERDICTS:
        return ["-j", _VERDICTS[kind]]
    if kind in ("jump", "goto"):
        return ["-j" if kind == "jump" else "-g", value["target"]]
    if kind == "masquerade":
        return ["-j", "MASQUERADE"]
    if kind == "dnat":
        address = f"[{value['addr']}]" if ":" in value["addr"] else value["addr"]
        return ["-j", "DNAT", "--to-destination", f"{address}:{value['port']}" if "port" in value else address]
    return _marked(value) if kind == "mangle" else []


def _marked(value: Json) -> _Words:
    """``mark set mark or N`` sets bits, ``mark set mark xor N`` turns them over."""
    change = value.get("value")
    if value.get("key") != {"meta": {"key": "mark"}} or not isinstance(change, dict):
        return []
    ((operator, operands),) = change.items()
    bits = int(operands[1])
    masks = {"|": bits, "^": 0}
    return ["-j", "MARK", "--set-xmark", f"{bits:#x}/{masks[operator]:#x}"] if operator in masks else []
