# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import coexistence
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Link, NodeSnapshot

ALL = "net.ipv4.conf.all.rp_filter"
ARP = "net.ipv4.conf.cni0.proxy_arp"
BRIDGE = Link("cni0", "bridge", owner="flannel")


def node(*links: Link, **sysctls: str) -> NodeSnapshot:
    return NodeSnapshot("n1", links=links, sysctls={f"net.ipv4.conf.{name.replace('__', '.')}": value for name, value in sysctls.items()})


@pytest.mark.parametrize(
    ("seen", "settings"),
    [
        (node(), {}),
        (node(BRIDGE, cni0__proxy_arp="0", all__rp_filter="0"), {ARP: "1"}),
        (node(BRIDGE, cni0__proxy_arp="1", all__rp_filter="2"), {}),
        (node(all__rp_filter="1"), {ALL: "2"}),
        (node(all__rp_filter="0", eth0__rp_filter="1"), {ALL: "2"}),
        (node(all__rp_filter="0", default__rp_filter="1"), {ALL: "2"}),
        # Felix keeps its pods' ends strict, and the ends of flannel's pods hang on the bridge.
        (node(all__rp_filter="0", cali12__rp_filter="1", veth3__rp_filter="1", lo__rp_filter="1"), {}),
        # Somebody else's bridge is none of our business.
        (node(Link("docker0", "bridge", owner="runtime"), docker0__proxy_arp="0"), {}),
    ],
)
def test_what_a_node_needs(seen: NodeSnapshot, settings: dict[str, str]) -> None:
    assert coexistence.to_write(seen, {}) == settings


def test_a_filter_that_was_loosened_stays_loose() -> None:
    assert coexistence.to_write(node(all__rp_filter="0"), {ALL: "1"}) == {ALL: "2"}


def test_the_oldest_value_is_the_one_that_is_kept() -> None:
    first = coexistence.recorded(node(BRIDGE, cni0__proxy_arp="0"), {}, {ARP: "1"})
    assert first == {ARP: "0"}
    assert coexistence.recorded(node(BRIDGE, cni0__proxy_arp="1", all__rp_filter="1"), first, {ALL: "2"}) == {ARP: "0", ALL: "1"}


def test_restores_what_is_still_there() -> None:
    record = {ARP: "0", ALL: "1"}
    assert coexistence.to_restore(node(all__rp_filter="2"), record) == {ALL: "1"}
    assert coexistence.to_restore(node(BRIDGE, all__rp_filter="1", cni0__proxy_arp="0"), record) == {}


@pytest.mark.parametrize(
    ("seen", "record", "lines"),
    [
        (node(), {}, ["-net.ipv4.conf.cni0.proxy_arp = 1"]),
        (node(Link("cni.1", "bridge", owner="flannel")), {}, ["-net.ipv4.conf.cni/1.proxy_arp = 1"]),
        (node(BRIDGE, all__rp_filter="1"), {}, ["-net.ipv4.conf.cni0.proxy_arp = 1", f"{ALL} = 2"]),
        (node(BRIDGE, all__rp_filter="2"), {ALL: "1"}, ["-net.ipv4.conf.cni0.proxy_arp = 1", f"{ALL} = 2"]),
    ],
)
def test_a_restart_of_the_node_finds_the_settings(seen: NodeSnapshot, record: dict[str, str], lines: list[str]) -> None:
    text = coexistence.at_boot(seen, record)
    assert [line for line in text.splitlines() if not line.startswith("#")] == lines
