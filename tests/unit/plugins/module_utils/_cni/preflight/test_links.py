# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import links
from tests.support.preflight_cases import (
    FLANNEL_NODE,
    Bad,
    assert_bad,
    assert_warned,
    both,
    can_fail,
    can_warn,
    examine,
    flannel,
    names,
    node,
    the,
    with_changes,
)


def on(number: int = 1, mtu: int = 1500, **changes: t.Any) -> snapshot.NodeSnapshot:
    """A node on flannel with its own network card."""
    return dataclasses.replace(
        FLANNEL_NODE,
        links=(*FLANNEL_NODE.links, snapshot.Link("eth0", mtu=mtu)),
        addresses=(snapshot.Address("eth0", f"192.0.2.{10 + number}", 24),),
        **changes,
    )


def rule(verdict: str, *conditions: tuple[str, str]) -> snapshot.FilterRule:
    return snapshot.FilterRule(tuple(snapshot.Condition(key, (value,)) for key, value in conditions), verdict)


def native(*rules: snapshot.FilterRule, policy: str = "accept", **changes: t.Any) -> snapshot.NodeSnapshot:
    chain = snapshot.FilterChain("inet", "firewalld", "filter_INPUT", "input", policy, rules)
    return on(input_chains=(chain,), **changes)


def iptables(*rules: str, policy: str = "ACCEPT", **changes: t.Any) -> snapshot.NodeSnapshot:
    chain = snapshot.Chain("nft", 4, "filter", "INPUT", policy, tuple(snapshot.Rule(text, "host") for text in rules), "host")
    return on(chains=(chain,), **changes)


ALL = snapshot.LinkRule("/etc/systemd/network/99-all.network", ("*",))
NETWORKD = on(link_managers=(snapshot.LinkManager("systemd-networkd", True, (ALL,)),))
NETWORK_MANAGER = on(link_managers=(snapshot.LinkManager("NetworkManager", True),))
PERSISTENT = snapshot.LinkRule("/usr/lib/systemd/network/99-default.link", ("*",))
UDEV = on(link_managers=(snapshot.LinkManager("systemd-udevd", True, (PERSISTENT,)),))
LEFT_ALONE = on(link_managers=(snapshot.LinkManager("NetworkManager", True, (snapshot.LinkRule("/x", ("*",), leaves=True),)),))
SHUT = native(rule("drop", ("udp dport", "4789")), firewalls=("firewalld",))

BAD: list[Bad] = [
    ("overlay-port-open", "n2", "n2: nftables table inet firewalld chain filter_INPUT", {"nodes": both(on(), SHUT)}),
    ("overlay-port-open", "n1, n2", "firewall-cmd --add-port=4789/udp", {"nodes": both(SHUT)}),
    ("overlay-port-open", "n1, n2", "UDP 4789 from other nodes is dropped on 2", {"nodes": both(native(policy="drop"))}),
    (
        "overlay-port-open",
        "n2",
        "dropped on 1",
        {"nodes": both(on(), native(rule("accept", ("source", "192.0.2.99")), policy="drop"))},
    ),
    ("mtu-fits", "n2", "MTU 1500 is more than fits: n2 has 1400, less 50", {"nodes": both(on(), on(2, 1400)), "mtu": 1500}),
]

WARNED: list[Bad] = [
    ("link-managers", "n2", "n2: systemd-networkd takes flannel.1, cni0, cali", {"nodes": both(on(), NETWORKD)}),
    ("link-managers", "n1, n2", "(/etc/systemd/network/99-all.network)", {"nodes": both(NETWORKD)}),
    ("link-managers", "n1", "NetworkManager takes flannel.1", {"nodes": both(NETWORK_MANAGER, LEFT_ALONE)}),
    (
        "overlay-port-open",
        "n1",
        "ufw allow 4789/udp",
        {"nodes": both(iptables("-p udp -m udp --dport 4789 -j DROP", firewalls=("ufw",)), on(2))},
    ),
    ("flannel-port-open", "n1, n2", "UDP 8472 from other nodes is dropped", {"nodes": both(native(rule("drop", ("udp dport", "8472"))))}),
    (
        "mtu-fits",
        "n1, n2",
        "1500 now and get 1450",
        {"nodes": both(on(subnet_env={"FLANNEL_MTU": "1500"}), on(2, subnet_env={"FLANNEL_MTU": "1500"}))},
    ),
    ("mtu-fits", "n2", "the least is 1400 on n2, the most 1500", {"nodes": both(on(), on(2, 1400))}),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


@pytest.mark.parametrize(("name", "where", "words", "changes"), WARNED, ids=names(WARNED))
def test_what_somebody_should_look_at(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_warned(name, where, words, changes)


def test_every_check_is_in_a_table() -> None:
    # Of the two ports, the one that is to be used fails, the one that is used now warns.
    assert can_fail(links) | {"overlay-port-open"} == {name for name, _where, _words, _changes in BAD}
    assert can_warn(links) | {"flannel-port-open", "overlay-port-open"} == {name for name, _where, _words, _changes in WARNED}


@pytest.mark.parametrize(
    ("changes", "name", "result", "words"),
    [
        ({"nodes": both(LEFT_ALONE)}, "link-managers", "passed", "NetworkManager leave them alone"),
        ({"nodes": both(on())}, "link-managers", "passed", "none runs"),
        ({"nodes": both(on(), UDEV)}, "link-managers", "info", "udev would change MAC addresses that the kernel chose"),
        ({"nodes": both(NETWORKD, UDEV)}, "link-managers", "warning", "a program would take a CNI's network devices on 2 nodes"),
        ({"nodes": both(on())}, "overlay-port-open", "passed", "UDP 4789: no rule of 2 nodes stands in the way"),
        # Rules that know the nodes' addresses are tried with these.
        (
            {"nodes": both(native(rule("accept", ("source", "192.0.2.0/24")), policy="drop"))},
            "overlay-port-open",
            "passed",
            "UDP 4789",
        ),
        ({"nodes": both(native(rule("accept", ("?", "x")), policy="drop"))}, "overlay-port-open", "info", "depends on more"),
        ({"nodes": both(on()), "encapsulation": "ipip"}, "flannel-port-open", "passed", "UDP 8472"),
        ({"nodes": both(on())}, "mtu-fits", "passed", "nodes have 1500, pods get 1450"),
        ({"nodes": both(on()), "encapsulation": "ipip"}, "mtu-fits", "passed", "pods get 1480"),
        ({"nodes": both(on()), "encapsulation": "none"}, "mtu-fits", "passed", "pods get 1500"),
        ({"nodes": both(on()), "mtu": 1400}, "mtu-fits", "passed", "pods get 1400"),
        ({"nodes": both(on(subnet_env={"FLANNEL_MTU": "1450"}))}, "mtu-fits", "passed", "pods get 1450, 1450 with flannel"),
        ({"nodes": both(on(sysctls={"net.ipv4.conf.all.rp_filter": "1"}))}, "reverse-path-filter", "info", "strict on n1, n2"),
        (
            {"nodes": both(on(), on(sysctls={"net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.flannel/1.rp_filter": "1"}))},
            "reverse-path-filter",
            "info",
            "strict on n2",
        ),
        (
            {"nodes": both(on(sysctls={"net.ipv4.conf.all.rp_filter": "2", "net.ipv4.conf.eth0.rp_filter": "1"}))},
            "reverse-path-filter",
            "passed",
            "strict on no node",
        ),
    ],
)
def test_other_answers(changes: dict[str, t.Any], name: str, result: str, words: str) -> None:
    check = the(examine(**changes), name)
    assert check.result == result
    assert words in check.seen


def test_ports_follow_what_is_wanted() -> None:
    no_vxlan = with_changes(flannel=(flannel(backend="host-gw"),))
    asked = {check.id for check in examine(no_vxlan, both(on()), encapsulation="none").checks}
    assert asked.isdisjoint({"overlay-port-open", "flannel-port-open"})


def test_a_network_that_is_not_known_is_not_judged() -> None:
    assert "mtu-fits" not in {check.id for check in examine().checks}


def test_many_peers_do_not_take_long() -> None:
    # A thousand nodes must not be asked about each other a million times: rules that name the peers are tried with some of them.
    nodes = tuple(node(f"n{number}", number % 200) for number in range(1000))
    inspected = {item.name: native(rule("accept", ("source", "192.0.2.0/24")), policy="drop") for item in nodes}
    verdict = examine(with_changes(nodes=nodes), inspected)
    assert the(verdict, "overlay-port-open").result == checks.PASSED
