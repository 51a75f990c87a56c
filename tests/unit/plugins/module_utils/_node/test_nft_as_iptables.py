# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tables of kube-proxy and flannel in the words of iptables. How nft prints them: tests/integration/node/test_nft_as_iptables.py."""

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._node import nft_as_iptables

DADDR = {"payload": {"protocol": "ip", "field": "daddr"}}
SADDR = {"payload": {"protocol": "ip", "field": "saddr"}}
PORT = {"payload": {"protocol": "th", "field": "dport"}}
L4 = {"meta": {"key": "l4proto"}}
MARK = {"meta": {"key": "mark"}}
MAP = {"map": {"name": "service-ips", "elem": [[{"concat": ["10.96.0.9", "tcp", 80]}, {"goto": {"target": "service-A"}}]]}}
SET = {"set": {"name": "cluster-ips", "elem": ["10.96.0.9", "10.96.0.10"]}}


def match(left: t.Any, right: t.Any, op: str = "==") -> dict[str, t.Any]:
    return {"match": {"op": op, "left": left, "right": right}}


def read(*expressions: dict[str, t.Any]) -> list[str]:
    chain = {"chain": {"family": "ip", "table": "kube-proxy", "name": "x"}}
    rule = {"rule": {"family": "ip", "table": "kube-proxy", "chain": "x", "expr": list(expressions)}}
    found = nft_as_iptables.chains(json.dumps({"nftables": [chain, MAP, SET, rule]}))
    assert {chain.table for chain in found} == {"nat", "filter"}
    return [rule.text for rule in found[0].rules]


@pytest.mark.parametrize(
    ("expressions", "expected"),
    [
        pytest.param([{"accept": None}], ["-j ACCEPT"], id="verdict"),
        pytest.param([match(SADDR, "10.0.0.1"), {"counter": {}}, {"jump": {"target": "y"}}], ["-s 10.0.0.1 -j y"], id="jump, counter"),
        pytest.param(
            [match(DADDR, {"prefix": {"addr": "10.0.0.0", "len": 8}}, "!="), {"drop": None}],
            ["! -d 10.0.0.0/8 -j DROP"],
            id="none of a range",
        ),
        pytest.param([match(DADDR, "@cluster-ips"), {"reject": None}], ["-d 10.96.0.9 -j REJECT", "-d 10.96.0.10 -j REJECT"], id="a set"),
        pytest.param(
            [{"vmap": {"key": {"concat": [DADDR, L4, PORT]}, "data": "@service-ips"}}],
            ["-d 10.96.0.9 -p tcp --dport 80 -g service-A"],
            id="a verdict map",
        ),
        pytest.param(
            [
                {
                    "vmap": {
                        "key": {"numgen": {"mode": "random", "mod": 3}},
                        "data": {"set": [[n, {"goto": {"target": f"e{n}"}}] for n in range(3)]},
                    }
                }
            ],
            [
                "-m statistic --mode random --probability 0.33333333333 -g e0",
                "-m statistic --mode random --probability 0.50000000000 -g e1",
                "-g e2",
            ],
            id="by chance",
        ),
        pytest.param([{"mangle": {"key": MARK, "value": {"|": [MARK, 16384]}}}], ["-j MARK --set-xmark 0x4000/0x4000"], id="mark or"),
        pytest.param([{"mangle": {"key": MARK, "value": {"^": [MARK, 16384]}}}], ["-j MARK --set-xmark 0x4000/0x0"], id="mark xor"),
        pytest.param([match({"&": [MARK, 16384]}, 0), {"return": None}], ["-m mark --mark 0x0/0x4000 -j RETURN"], id="mark and"),
        pytest.param([match(MARK, 16384), {"return": None}], ["-m mark --mark 0x4000/0xffffffff -j RETURN"], id="mark"),
        pytest.param([{"masquerade": {"flags": "fully-random"}}], ["-j MASQUERADE"], id="masquerade"),
        pytest.param(
            [match(L4, "udp"), {"dnat": {"addr": "10.1.0.1", "port": 53}}], ["-p udp -j DNAT --to-destination 10.1.0.1:53"], id="dnat"
        ),
        pytest.param([{"dnat": {"addr": "fd00::1", "port": 53}}], ["-j DNAT --to-destination [fd00::1]:53"], id="dnat to IPv6"),
        pytest.param([match(SADDR, "@affinity-x"), {"goto": {"target": "e0"}}], [], id="a set without elements"),
        pytest.param([match({"osf": {}}, "Linux"), {"drop": None}], ["--unknown ? -j DROP"], id="what iptables has no word for"),
    ],
)
def test_a_rule(expressions: list[dict[str, t.Any]], expected: list[str]) -> None:
    assert read(*expressions) == expected


def test_no_table() -> None:
    assert nft_as_iptables.chains("") == ()
