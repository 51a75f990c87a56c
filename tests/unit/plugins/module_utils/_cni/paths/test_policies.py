# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Packets that policies allow and deny, by rules as Calico's agent makes them."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account, rules
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Packet
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.policies import Policies
from tests.support import path_cases

ALLOW, PASSED = 0x10000, 0x20000

#: On the node of pod b, whose only link is cali-b: two NetworkPolicies in a group, and a global one of Calico's own behind them.
RULES = {
    "INPUT": [],
    "OUTPUT": [],
    "FORWARD": ["-j cali-FORWARD", f"-m mark --mark {ALLOW:#x}/{ALLOW:#x} -j ACCEPT", "-j DROP"],
    "cali-FORWARD": ["-j MARK --set-xmark 0x0/0x1a0000", "-o cali+ -j cali-to-wl-dispatch"],
    "cali-to-wl-dispatch": ["-o cali-b -g cali-tw-b", "-j DROP"],
    "cali-tw-b": [
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
        "-j MARK --set-xmark 0x0/0x30000",
        f"-m mark --mark 0x0/{PASSED:#x} -j cali-gi-b",
        f'-m comment --comment "Return if policy accepted" -m mark --mark {ALLOW:#x}/{ALLOW:#x} -j RETURN',
        f"-m mark --mark 0x0/{PASSED:#x} -j cali-pi-own",
        f"-m mark --mark {ALLOW:#x}/{ALLOW:#x} -j RETURN",
        f'-m comment --comment "End of tier default. Drop if no policies passed packet" -m mark --mark 0x0/{PASSED:#x} -j DROP',
    ],
    "cali-gi-b": ["-j cali-pi-web", "-m mark --mark 0x0/0x30000 -j cali-pi-dns"],
    "cali-pi-web": [
        '-p tcp -m comment --comment "cali:x" -m comment --comment "Policy default/knp.default.web ingress"'
        f" -m set --match-set cali40s:clients src -m multiport --dports 80 -j MARK --set-xmark {ALLOW:#x}/{ALLOW:#x}"
    ],
    "cali-pi-dns": [
        '-m comment --comment "Policy kube-system/knp.default.dns ingress"'
        f" -m set --match-set cali40s:ports dst,dst -j MARK --set-xmark {ALLOW:#x}/{ALLOW:#x}"
    ],
    "cali-pi-own": ['-m comment --comment "Policy everywhere ingress"'],
}
WEB, DNS, OWN = "NetworkPolicy default/web (ingress)", "NetworkPolicy kube-system/dns (ingress)", "Calico's policy everywhere (ingress)"


def rules_of(seen: model.NodeSnapshot, *clients: str) -> model.NodeSnapshot:
    sets = (
        model.Ipset("cali40s:clients", "hash:net", members=clients),
        model.Ipset("cali40s:ports", "hash:ip,port", members=("10.244.2.5,udp:53",)),
    )
    return dataclasses.replace(seen, chains=path_cases.chains("filter", RULES), ipsets=sets)


@pytest.mark.parametrize(
    ("clients", "target", "protocol", "outcome", "why"),
    [
        pytest.param(("10.244.1.5",), "80", "tcp", "delivered", f"FORWARD lets it pass: {WEB}", id="by its address"),
        pytest.param(("10.244.1.0/24",), "80", "tcp", "delivered", f"FORWARD lets it pass: {WEB}", id="by its network"),
        pytest.param(("10.244.1.5",), "81", "tcp", "lost", f"filter FORWARD: not allowed by {WEB}, {DNS}, {OWN}", id="another port"),
        pytest.param((), "80", "tcp", "lost", f"filter FORWARD: not allowed by {WEB}, {DNS}, {OWN}", id="another client"),
        pytest.param((), "53", "udp", "delivered", f"FORWARD lets it pass: {DNS}", id="by port and address"),
    ],
)
def test_a_verdict(clients: tuple[str, ...], target: str, protocol: str, outcome: str, why: str) -> None:
    world = path_cases.calico(n2=lambda seen: rules_of(seen, *clients))
    question = {"source": "pod/default/a", "target": f"pod/default/b:{target}", "protocol": protocol}
    (found,) = account.accounts(world, path_cases.SERVICES, [question])
    (journey,) = found.journeys
    assert journey.there.outcome == outcome
    assert why in [hop.why for hop in journey.there.hops if hop.node == "n2"]
    assert not [doubt for doubt in journey.there.doubts if doubt.startswith("n2")]


def test_a_policy_that_allows_what_was_marked_as_allowed_before() -> None:
    """As between two pods of one node: the sender's side has marked the packet, and the target's marks it the same way once more."""
    sender = ["-j MARK --set-xmark 0x0/0x1a0000", f"-j MARK --set-xmark {ALLOW:#x}/{ALLOW:#x}", "-o cali+ -j cali-to-wl-dispatch"]
    chains = path_cases.chains("filter", {**RULES, "cali-FORWARD": sender})
    (rules_of_filter,) = rules.rulesets(chains, "filter", 4)
    packet = Packet("10.244.1.5", "10.244.2.5", "tcp", 0, 80)
    facts = {"out device": "cali-b", "protocol": "tcp", "tcp dport": "80", "state": "new", "set cali40s:clients src": "yes"}
    (outcome,) = rules_of_filter.follow("FORWARD", packet, lambda seen: {**facts, "mark": str(seen.mark)})
    assert outcome.verdict == rules.ACCEPT
    assert [str(policy) for policy in Policies(chains).allowed_by(outcome.passed)] == [WEB]


def test_the_policies_of_a_pod() -> None:
    known = Policies(path_cases.chains("filter", RULES))
    assert [str(policy) for policy in known.asked_by("cali-tw-b")] == [WEB, DNS, OWN]
    assert known.asked_by("cali-to-wl-dispatch") == known.asked_by("no chain") == ()
