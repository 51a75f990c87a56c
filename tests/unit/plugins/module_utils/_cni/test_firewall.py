# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import firewall
from ansible_collections.podnet.cni.plugins.module_utils._cni.firewall import CLOSED, OPEN, UNSURE
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain, Condition, FilterChain, FilterRule, NodeSnapshot, Rule

PACKET = firewall.Packet("udp", 4789, "192.0.2.12", "192.0.2.11", "eth0")


def chain(name: str, *rules: str, policy: str = "-", owner: str = "host") -> Chain:
    return Chain("nft", 4, "filter", name, policy, tuple(Rule(text, "host") for text in rules), owner)


def answer(*chains: Chain | FilterChain, packet: firewall.Packet = PACKET) -> str:
    """What becomes of the packet with these chains."""
    node = NodeSnapshot(
        "n1",
        chains=tuple(item for item in chains if isinstance(item, Chain)),
        input_chains=tuple(item for item in chains if isinstance(item, FilterChain)),
    )
    verdicts = firewall.judge(firewall.filters(node), packet)
    assert len(verdicts) < 2
    return verdicts[0].answer if verdicts else OPEN


@pytest.mark.parametrize(
    ("rules", "policy", "expected"),
    [
        ((), "ACCEPT", OPEN),
        ((), "DROP", CLOSED),
        (("-p udp -m udp --dport 4789 -j ACCEPT",), "DROP", OPEN),
        (("-p udp -m udp --dport 4789 -j DROP",), "ACCEPT", CLOSED),
        (("-p udp -m udp --dport 8472 -j ACCEPT",), "DROP", CLOSED),
        (("-p tcp -m tcp --dport 4789 -j ACCEPT",), "DROP", CLOSED),
        (("-p udp -m multiport --dports 53,4789,8472 -j ACCEPT",), "DROP", OPEN),
        (("-p udp -m multiport --dports 4000:5000 -j ACCEPT",), "DROP", OPEN),
        (("-p udp -m udp ! --dport 4789 -j DROP",), "ACCEPT", OPEN),
        (("-s 192.0.2.0/24 -j ACCEPT",), "DROP", OPEN),
        (("-s 198.51.100.7/32 -j ACCEPT",), "DROP", CLOSED),
        (("! -s 192.0.2.0/24 -j DROP",), "ACCEPT", OPEN),
        (("-d 127.0.0.0/8 -j DROP",), "ACCEPT", OPEN),
        (("-i lo -j ACCEPT",), "DROP", CLOSED),
        (("-i eth+ -j ACCEPT",), "DROP", OPEN),
        (("-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",), "DROP", CLOSED),
        (("-m conntrack --ctstate INVALID -j DROP",), "ACCEPT", OPEN),
        (("-m conntrack --ctstate NEW -j DROP",), "ACCEPT", CLOSED),
        (("-m mark --mark 0x8000/0x8000 -j DROP",), "ACCEPT", OPEN),
        (("-m addrtype --dst-type LOCAL -j ACCEPT",), "DROP", OPEN),
        (("-j REJECT --reject-with icmp-host-prohibited",), "ACCEPT", CLOSED),
        (('-m comment --comment "let - them -j DROP in" -j ACCEPT',), "DROP", OPEN),
        (("-j LOG --log-prefix x", "-j ACCEPT"), "DROP", OPEN),
        (("-m limit --limit 3/min -j LOG",), "ACCEPT", OPEN),
        # Nobody knows what is in the set: both may happen.
        (("-m set --match-set friends src -j ACCEPT",), "DROP", UNSURE),
        (("-m set --match-set friends src -j ACCEPT",), "ACCEPT", OPEN),
        (("-m set --match-set enemies src -j DROP",), "DROP", CLOSED),
        (("-m limit --limit 3/min -j ACCEPT", "-j DROP"), "ACCEPT", UNSURE),
        (("-m recent --rcheck",), "DROP", CLOSED),
        (("-p udp -j RETURN", "-j ACCEPT"), "DROP", CLOSED),
    ],
)
def test_a_chain_of_iptables(rules: tuple[str, ...], policy: str, expected: str) -> None:
    assert answer(chain("INPUT", *rules, policy=policy)) == expected


def test_jumps_come_back_and_gotos_do_not() -> None:
    inner = chain("inner", "-p tcp -j DROP")
    assert answer(chain("INPUT", "-j inner", "-j ACCEPT", policy="DROP"), inner) == OPEN
    assert answer(chain("INPUT", "-g inner", "-j ACCEPT", policy="DROP"), inner) == CLOSED
    assert answer(chain("INPUT", "-j outer", "-j ACCEPT", policy="DROP"), chain("outer", "-g inner", "-j DROP"), inner) == OPEN


def test_chains_of_others_are_passed_over() -> None:
    assert answer(chain("INPUT", "-j cali-INPUT", policy="DROP"), chain("cali-INPUT", "-j ACCEPT", owner="calico")) == CLOSED
    assert answer(chain("INPUT", "-j KUBE-FIREWALL", policy="ACCEPT"), chain("KUBE-FIREWALL", "-j DROP", owner="kube-proxy")) == OPEN


def test_only_what_comes_in_by_ipv4_counts() -> None:
    assert answer(dataclasses.replace(chain("INPUT", policy="DROP"), family=6)) == OPEN
    assert answer(dataclasses.replace(chain("INPUT", policy="DROP"), table="mangle")) == OPEN
    assert answer(chain("FORWARD", policy="DROP")) == OPEN


def test_each_filter_has_its_own_verdict() -> None:
    legacy = dataclasses.replace(chain("INPUT", policy="DROP"), backend="legacy")
    native = FilterChain("inet", "filter", "input", "input", "drop", (FilterRule((Condition("?", ("x",)),), "accept"),))
    node = NodeSnapshot("n1", chains=(chain("INPUT", "-j ACCEPT", policy="DROP"), legacy), input_chains=(native,))
    assert firewall.judge(firewall.filters(node), PACKET) == (
        firewall.Verdict(CLOSED, "iptables (legacy) chain INPUT", False),
        firewall.Verdict(UNSURE, "nftables table inet filter chain input", True),
    )


def native(*rules: FilterRule, policy: str = "accept") -> FilterChain:
    return FilterChain("inet", "firewalld", "in", "input", policy, rules)


def accept(key: str, *values: str, negated: bool = False) -> FilterRule:
    return FilterRule((Condition(key, values, negated),), "accept")


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (accept("udp dport", "4789"), OPEN),
        (accept("tcp dport", "4789"), CLOSED),
        (accept("th dport", "4000-5000"), OPEN),
        (accept("device", "eth*"), OPEN),
        (accept("device", "lo"), CLOSED),
        (accept("source", "192.0.2.12"), OPEN),
        (accept("source", "@friends"), UNSURE),
        (accept("source", "192.0.2.0/24", negated=True), CLOSED),
        (accept("family", "ipv6"), CLOSED),
        (accept("status", "dnat"), CLOSED),
        (accept("meta skuid", "0"), UNSURE),
        (accept("mark", "x/y"), UNSURE),
        (FilterRule((), ""), CLOSED),
    ],
)
def test_a_native_chain(rule: FilterRule, expected: str) -> None:
    assert answer(native(rule, policy="drop")) == expected


def test_a_source_that_is_not_known() -> None:
    nobody = dataclasses.replace(PACKET, source="")
    assert answer(native(accept("source", "192.0.2.0/24"), policy="drop"), packet=nobody) == UNSURE


def test_a_chain_without_a_hook_is_only_entered_by_a_jump() -> None:
    zone = FilterChain("inet", "firewalld", "zone", "", "", (FilterRule((), "drop"),))
    assert answer(native(), zone) == OPEN
    assert answer(native(FilterRule((), "jump", "zone")), zone) == CLOSED


@pytest.mark.parametrize(
    ("sources", "expected"),
    [
        ((), [UNSURE]),
        (("192.0.2.12", "192.0.2.13"), []),
        (("192.0.2.12", "198.51.100.7", "198.51.100.8"), [CLOSED]),
    ],
)
def test_sources_are_tried_where_rules_look_at_them(sources: tuple[str, ...], expected: list[str]) -> None:
    node = NodeSnapshot("n1", input_chains=(native(accept("source", "192.0.2.0/24"), policy="drop"),))
    verdicts = firewall.judge(firewall.filters(node), dataclasses.replace(PACKET, source=""), sources)
    assert [verdict.answer for verdict in verdicts] == expected
