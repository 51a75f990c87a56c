# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Three nodes on VXLAN, n3 behind a router, and a switch that is asked for."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import nodes, readiness, switch
from tests.support import backend_cases as cases

VXLAN = {"Type": "vxlan"}
HOST_GW = {"Type": "host-gw"}
MEMBERS = [cases.node(number) for number in (1, 2, 3)]
NEAR = MEMBERS[:2]


def planned(after: dict[str, t.Any], before: dict[str, t.Any] | None = None) -> switch.Switch:
    text = json.dumps({"Network": cases.NETWORK, "Backend": before or VXLAN})
    return switch.plan(text, after, "net-conf.json", allow_udp=True)


def seen(members: t.Iterable[cluster.Node], **changes: t.Any) -> dict[str, model.NodeSnapshot]:
    return {member.name: dataclasses.replace(cases.bare(int(member.name[1:])), **changes) for member in members}


def failed(
    after: dict[str, t.Any], members: list[cluster.Node], snapshots: dict[str, model.NodeSnapshot] | None = None
) -> dict[str, checks.Check]:
    found = readiness.judge(planned(after), members, seen(members) if snapshots is None else snapshots)
    return {check.id: check for check in checks.failures(found)}


@pytest.mark.parametrize("after", [VXLAN, {"Type": "vxlan", "DirectRouting": True}, {"Type": "udp"}, {"Type": "wireguard"}], ids=str)
def test_nodes_of_several_subnets_can_carry_it(after: dict[str, t.Any]) -> None:
    assert failed(after, MEMBERS) == {}


def test_host_gw_needs_one_subnet() -> None:
    assert failed(HOST_GW, NEAR) == {}
    (check,) = failed(HOST_GW, MEMBERS).values()
    assert check.id == "one-subnet"
    assert check.details == ("n1: n3 behind a router", "n2: n3 behind a router", "n3: n1, n2 behind a router")
    assert "vxlan, with DirectRouting" in check.next_step


def test_host_gw_needs_addresses_that_are_the_nodes_own() -> None:
    translated = cases.node(1, **{nodes.ADDRESS: "203.0.113.1"})
    assert "n1: it announces 203.0.113.1, which is not its own (a NAT)" in failed(HOST_GW, [translated, MEMBERS[1]])["one-subnet"].details


def test_udp_is_of_amd64() -> None:
    arm = [dataclasses.replace(member, architecture=kind) for member, kind in zip(MEMBERS, ("amd64", "arm64", "amd64"), strict=True)]
    assert failed({"Type": "udp"}, arm)["udp-architecture"].details == ("n2: arm64",)


DROP = model.FilterRule((model.Condition("udp dport", ("4789",)),), "drop")
SHUT = model.FilterChain("inet", "filter", "input", "input", "accept", (DROP,))


@pytest.mark.parametrize(("port", "shut"), [(4789, True), (0, False), (8472, False)])
def test_a_port_that_the_new_backend_needs(port: int, shut: bool) -> None:
    snapshots = seen(MEMBERS, input_chains=(SHUT,))
    found = failed({"Type": "vxlan", "Port": port, "VNI": 7}, MEMBERS, snapshots)
    assert ("firewall-ports" in found) is shut


@pytest.mark.parametrize(
    ("members", "check", "details"),
    [
        ([MEMBERS[0], dataclasses.replace(MEMBERS[1], pod_cidrs=())], "pod-ranges", ("n2: it has no podCIDR",)),
        (
            [MEMBERS[0], dataclasses.replace(MEMBERS[1], pod_cidrs=("10.244.0.0/22",))],
            "pod-ranges",
            ("n1: its 10.244.1.0/24 overlaps 10.244.0.0/22 of n2",),
        ),
        (
            [MEMBERS[0], dataclasses.replace(MEMBERS[1], internal_ips=("192.0.2.9",), annotations={})],
            "device-below",
            ("n2: no device has an address of the node (192.0.2.9)",),
        ),
    ],
)
def test_what_is_wrong_with_a_node(members: list[cluster.Node], check: str, details: tuple[str, ...]) -> None:
    assert failed(VXLAN, members)[check].details == details


def test_a_node_that_could_not_be_read() -> None:
    assert failed(VXLAN, MEMBERS, seen(NEAR))["nodes-read"].where == "n3"


@pytest.mark.parametrize(
    ("after", "before", "result", "words"),
    [
        (HOST_GW, VXLAN, checks.PASSED, "1450 becomes 1500"),
        (VXLAN, HOST_GW, checks.WARNING, "1500 becomes 1450"),
        ({"Type": "vxlan", "VNI": 7}, VXLAN, checks.PASSED, "1450 stays"),
    ],
)
def test_the_size_of_packets(after: dict[str, t.Any], before: dict[str, t.Any], result: str, words: str) -> None:
    found = {check.id: check for check in readiness.judge(planned(after, before), NEAR, seen(NEAR))}
    assert found["pod-mtu"].result == result
    assert words in found["pod-mtu"].seen


@pytest.mark.parametrize(
    ("after", "devices"),
    [(HOST_GW, ("flannel.1",)), ({"Type": "vxlan", "VNI": 7}, ("flannel.1",)), ({"Type": "vxlan", "DirectRouting": True}, ())],
    ids=str,
)
def test_devices_that_go(after: dict[str, t.Any], devices: tuple[str, ...]) -> None:
    whole = cases.mesh(VXLAN)
    snapshots = {f"n{number}": cases.healthy(cases.expectation(whole, number)) for number in (1, 2)}
    expected = dict.fromkeys(snapshots, devices) if devices else {}
    assert readiness.leaving(planned(after), MEMBERS, snapshots) == expected
