# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What iptables makes of a packet."""

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import matching
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import rules
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Chain, Rule

PACKET = Packet("10.0.0.1", "10.0.0.2", "tcp", 1000, 80)


def facts(packet: Packet) -> matching.Facts:
    return {"source": packet.source, "destination": packet.target, "protocol": packet.protocol, "tcp dport": "80", "mark": str(packet.mark)}


def follow(policy: str = "ACCEPT", **chains: list[str]) -> list[tuple[str, float, int]]:
    """(verdict, share in percent, mark), of chain X and those that it calls."""
    made = {
        name: Chain("nft", 4, "filter", name, policy if name == "X" else "-", tuple(map(Rule, texts))) for name, texts in chains.items()
    }
    found = rules.Ruleset("nft", made).follow("X", PACKET, facts)
    return [(item.verdict, round(item.probability * 100), item.packet.mark) for item in found]


@pytest.mark.parametrize(
    ("chains", "expected"),
    [
        pytest.param({"X": []}, [("ACCEPT", 100, 0)], id="policy"),
        pytest.param({"X": ["-s 10.0.0.1/32 -j DROP"]}, [("DROP", 100, 0)], id="applies"),
        pytest.param({"X": ["-s 10.0.0.9/32 -j DROP"]}, [("ACCEPT", 100, 0)], id="does not apply"),
        pytest.param({"X": ["-j Y", "-j DROP"], "Y": ["-j RETURN", "-j ACCEPT"]}, [("DROP", 100, 0)], id="return goes on"),
        pytest.param({"X": ["-g Y", "-j DROP"], "Y": ["-j MARK --set-xmark 0x1/0x1"]}, [("ACCEPT", 100, 1)], id="goto does not"),
        pytest.param({"X": ["-j Y", "-j DROP"], "Y": ["-g Z", "-j ACCEPT"], "Z": []}, [("DROP", 100, 0)], id="goto in a jump"),
        pytest.param(
            {"X": ["-m statistic --mode random --probability 0.25 -j DROP", "-m statistic --mode random --probability 0.5 -j REJECT"]},
            [("DROP", 25, 0), ("REJECT", 38, 0), ("ACCEPT", 38, 0)],
            id="by chance",
        ),
        pytest.param(
            {"X": ["-j MARK --set-xmark 0xf0/0xff", "-j MARK --set-xmark 0x0/0x30", "-m mark --mark 0xc0/0xf0 -j DROP"]},
            [("DROP", 100, 0xC0)],
            id="marks",
        ),
        pytest.param(
            {"X": ["-j LOG --log-prefix x", "-j Z"]}, [("ACCEPT", 100, 0)], id="targets that only count, chains that are not there"
        ),
        pytest.param({"X": ["-m set --match-set s src -j DROP"]}, [("ACCEPT", 100, 0)], id="unknown"),
    ],
)
def test_a_chain(chains: dict[str, list[str]], expected: list[tuple[str, float, int]]) -> None:
    assert follow(**chains) == expected


def test_a_policy_that_drops() -> None:
    assert follow("DROP", X=["-j Y"], Y=["-j RETURN"]) == [("DROP", 100, 0)]


def test_what_cannot_be_judged_is_a_doubt_only_if_it_decides() -> None:
    texts = ("-m set --match-set s src -j DROP", "-m set --match-set s src -j LOG", "-m rpfilter --invert -j Y")
    made = {"X": Chain("nft", 4, "filter", "X", "ACCEPT", tuple(map(Rule, texts))), "Y": Chain("nft", 4, "filter", "Y")}
    (found,) = rules.Ruleset("nft", made).follow("X", PACKET, facts)
    assert found.doubts == (f"X: {texts[0]}", f"X: {texts[2]}")


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("10.1.1.1:8080", ("10.1.1.1", 8080)),
        ("10.1.1.1", ("10.1.1.1", 80)),
        ("[fd00::1]:53", ("fd00::1", 53)),
        ("fd00::1", ("fd00::1", 80)),
    ],
)
def test_where_a_service_leads(destination: str, expected: tuple[str, int]) -> None:
    made = {"X": Chain("nft", 4, "nat", "X", "ACCEPT", (Rule(f"-p tcp -j DNAT --to-destination {destination} --random"),))}
    (found,) = rules.Ruleset("nft", made).follow("X", PACKET, facts)
    assert (found.packet.target, found.packet.target_port) == expected


def test_rules_passed_in_vain_are_not_told() -> None:
    made = {
        name: Chain("nft", 4, "filter", name, "ACCEPT", tuple(map(Rule, texts)))
        for name, texts in {"X": ["-j Y", "-j Z"], "Y": ["-j RETURN"], "Z": ["-j ACCEPT"]}.items()
    }
    (found,) = rules.Ruleset("nft", made).follow("X", PACKET, facts)
    assert list(map(str, found.passed)) == ["X: -j Z", "Z: -j ACCEPT"]
