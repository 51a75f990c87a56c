# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Condition, FilterChain, FilterRule
from ansible_collections.podnet.cni.plugins.module_utils._node import nftables

PAYLOAD = {"payload": {"protocol": "udp", "field": "dport"}}


def printed(*objects: dict[str, t.Any]) -> str:
    return json.dumps({"nftables": [{"metainfo": {"version": "1.0.6"}}, *objects]})


def rules(*expressions: dict[str, t.Any]) -> tuple[FilterRule, ...]:
    """The rules of one chain with one rule."""
    chain = {"chain": {"family": "inet", "table": "x", "name": "in"}}
    (found,) = nftables.chains(printed(chain, {"rule": {"family": "inet", "table": "x", "chain": "in", "expr": list(expressions)}}))
    return found.rules


def match(left: dict[str, t.Any], right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def test_tables_that_filter_what_comes_in() -> None:
    def chain(family: str, table: str, **more: t.Any) -> dict[str, t.Any]:
        return {"chain": {"family": family, "table": table, "name": "x", **more}}

    text = printed(
        chain("inet", "firewalld", type="filter", hook="input", prio=10, policy="accept"),
        chain("inet", "firewalld", type="filter", hook="input", prio=0, policy="accept"),
        chain("inet", "firewalld"),
        chain("ip", "nat", type="nat", hook="input"),
        chain("ip6", "six", type="filter", hook="input"),
        chain("inet", "out", type="filter", hook="output"),
    )
    assert nftables.filtering_tables(text) == (("inet", "firewalld"),)
    assert nftables.filtering_tables("") == ()


def test_chains_of_a_table() -> None:
    text = printed(
        {"table": {"family": "inet", "name": "x"}},
        {"chain": {"family": "inet", "table": "x", "name": "in", "type": "filter", "hook": "input", "policy": "drop"}},
        {"chain": {"family": "inet", "table": "x", "name": "zone"}},
        {"chain": {"family": "inet", "table": "x", "name": "out", "type": "filter", "hook": "output", "policy": "accept"}},
        {"rule": {"chain": "in", "expr": [{"counter": {}}, {"jump": {"target": "zone"}}]}},
        {"rule": {"chain": "zone", "expr": [match(PAYLOAD, 4789), {"accept": None}]}},
    )
    assert nftables.chains(text) == (
        FilterChain("inet", "x", "in", "input", "drop", (FilterRule((), "jump", "zone"),)),
        FilterChain("inet", "x", "zone", "", "", (FilterRule((Condition("udp dport", ("4789",)),), "accept"),)),
    )
    assert nftables.chains("") == ()


@pytest.mark.parametrize(
    ("left", "right", "op", "expected"),
    [
        (PAYLOAD, 4789, "==", Condition("udp dport", ("4789",))),
        (PAYLOAD, {"set": [53, {"range": [4000, 5000]}]}, "==", Condition("udp dport", ("53", "4000-5000"))),
        (PAYLOAD, 53, "!=", Condition("udp dport", ("53",), True)),
        (PAYLOAD, 53, ">", Condition("?")),
        ({"meta": {"key": "l4proto"}}, "udp", "==", Condition("protocol", ("udp",))),
        ({"meta": {"key": "iifname"}}, "eth0", "==", Condition("device", ("eth0",))),
        ({"meta": {"key": "nfproto"}}, "ipv4", "==", Condition("family", ("ipv4",))),
        ({"meta": {"key": "skuid"}}, 0, "==", Condition("meta skuid", ("0",))),
        ({"ct": {"key": "state"}}, ["established", "related"], "in", Condition("state", ("established", "related"))),
        ({"ct": {"key": "status"}}, "dnat", "in", Condition("status", ("dnat",))),
        (
            {"payload": {"protocol": "ip", "field": "saddr"}},
            {"prefix": {"addr": "192.0.2.0", "len": 24}},
            "==",
            Condition("source", ("192.0.2.0/24",)),
        ),
        ({"payload": {"protocol": "ip", "field": "saddr"}}, "@friends", "==", Condition("source", ("@friends",))),
        ({"payload": {"protocol": "ip6", "field": "saddr"}}, "fe80::1", "==", Condition("family", ("ipv6",))),
        ({"payload": {"protocol": "icmp", "field": "type"}}, "echo-request", "==", Condition("protocol", ("icmp",))),
        ({"fib": {"result": "type", "flags": ["daddr"]}}, "local", "==", Condition("local", ("local",))),
        ({"fib": {"result": "oif", "flags": ["saddr", "iif"]}}, False, "==", Condition("?", ("False",))),
        ({"&": [{"meta": {"key": "mark"}}, 1]}, 1, "==", Condition("?", ("1",))),
        ({"payload": {"base": "nh", "offset": 8, "len": 8}}, 1, "==", Condition("?", ("1",))),
        (PAYLOAD, {"concat": [1]}, "==", Condition("udp dport", ("?",))),
    ],
)
def test_conditions(left: dict[str, t.Any], right: t.Any, op: str, expected: Condition) -> None:
    assert rules(match(left, right, op), {"accept": None}) == (FilterRule((expected,), "accept"),)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ({"drop": None}, (FilterRule((), "drop"),)),
        ({"reject": {"type": "icmpx", "expr": "admin-prohibited"}}, (FilterRule((), "drop"),)),
        ({"return": None}, (FilterRule((), "return"),)),
        ({"goto": {"target": "zone"}}, (FilterRule((), "goto", "zone"),)),
        ({"log": {}}, ()),
    ],
)
def test_verdicts(expression: dict[str, t.Any], expected: tuple[FilterRule, ...]) -> None:
    assert rules(expression) == expected


def test_a_limit_makes_the_rule_apply_sometimes() -> None:
    assert rules({"limit": {"rate": 3}}, {"accept": None}) == (FilterRule((Condition("?"),), "accept"),)


def test_a_verdict_map_is_a_rule_for_each_entry() -> None:
    state = {"ct": {"key": "state"}}
    entries = [
        ["established", {"accept": None}],
        ["invalid", {"drop": None}],
        ["new", {"jump": {"target": "zone"}}],
        ["x", {"continue": None}],
    ]
    assert rules({"vmap": {"key": state, "data": {"set": entries}}}) == (
        FilterRule((Condition("state", ("established",)),), "accept"),
        FilterRule((Condition("state", ("invalid",)),), "drop"),
        FilterRule((Condition("state", ("new",)),), "jump", "zone"),
        FilterRule((Condition("state", ("x",)),), ""),
    )


@pytest.mark.parametrize("data", ["@zones", {"set": [{"elem": {"val": 1}}]}])
def test_a_verdict_map_that_cannot_be_read_may_do_anything(data: t.Any) -> None:
    found = rules({"vmap": {"key": {"meta": {"key": "iifname"}}, "data": data}})
    assert {rule.verdict for rule in found} <= {"accept", "drop"}
    assert [rule.conditions for rule in found] == [(Condition("device", ("?",)),)] * len(found)
    assert found
