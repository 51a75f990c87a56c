# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import reservations
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Conflist, NodeSnapshot

HERE = "/networks/cbr0"


@pytest.mark.parametrize(
    ("ranges", "addresses"),
    [
        pytest.param(["10.244.1.192/30"], ["10.244.1.192", "10.244.1.193", "10.244.1.194", "10.244.1.195"], id="a block of this node"),
        pytest.param(["10.244.2.192/30"], [], id="another node's"),
        pytest.param(["10.244.1.252/30", "10.244.1.252/31"], [f"10.244.1.{last}" for last in (252, 253, 254, 255)], id="one in another"),
        pytest.param([], [], id="none"),
    ],
)
def test_what_of_the_ranges_is_this_nodes_is_reserved(ranges: list[str], addresses: list[str]) -> None:
    plan = reservations.reserve({}, HERE, "10.244.1.0/24", ranges)
    assert plan.write == tuple(f"{HERE}/{address}" for address in addresses)
    assert plan.addresses == tuple(addresses)
    assert plan.remove == ()


def test_a_range_around_the_nodes_own_reserves_all_of_that() -> None:
    assert len(reservations.reserve({}, HERE, "10.244.1.0/24", ["10.244.0.0/16"]).write) == 256


def test_what_has_a_file_keeps_it_and_only_ours_are_released() -> None:
    files = {
        f"{HERE}/10.244.1.192": b"0a1b2c\r\neth0",
        f"{HERE}/10.244.1.193": reservations.CONTENT,
        f"{HERE}/last_reserved_ip.0": b"10.244.1.192",
        f"{HERE}/lock": b"",
    }
    plan = reservations.reserve(files, HERE, "10.244.1.0/24", ["10.244.1.192/30"])
    assert plan.taken == ("10.244.1.192",)
    assert plan.addresses == ("10.244.1.194", "10.244.1.195")
    assert reservations.release(files) == reservations.Plan(remove=(f"{HERE}/10.244.1.193",))
    assert reservations.release({}) == reservations.Plan()


@pytest.mark.parametrize(
    ("subnet", "ranges", "words"),
    [
        ("10.244.1.0/240", [], "subnet: '10.244.1.0/240' is no IPv4 network"),
        ("10.244.1.0/24", ["fd00::/64"], "ranges: 'fd00::/64' is no IPv4 network"),
        ("10.0.0.0/8", ["10.0.0.0/8"], "ranges: that would reserve 16,777,216 addresses"),
    ],
)
def test_bad_input_is_refused(subnet: str, ranges: list[str], words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        reservations.reserve({}, HERE, subnet, ranges)


@pytest.mark.parametrize(
    ("conflists", "name"),
    [
        ((), "cbr0"),
        ((Conflist("/a", network="k8s-pod-network", owner="calico"), Conflist("/b", network="mine", owner="flannel")), "mine"),
    ],
)
def test_the_network_is_called_as_flannels_configuration_calls_it(conflists: tuple[Conflist, ...], name: str) -> None:
    assert reservations.network_name(NodeSnapshot("n1", conflists=conflists)) == name


def test_addresses_of_sandboxes_that_are_gone_are_stale() -> None:
    files = {
        f"{HERE}/10.244.1.2": b"living\r\neth0",
        f"{HERE}/10.244.1.3": b"gone\r\neth0",
        f"{HERE}/10.244.1.4": b"gone-too",  # as host-local wrote it before it noted the interface
        f"{HERE}/10.244.1.5": b"",  # just being written
        f"{HERE}/10.244.1.192": reservations.CONTENT,
        f"{HERE}/last_reserved_ip.0": b"10.244.1.4",
        f"{HERE}/lock": b"",
    }
    assert reservations.stale(files, {"living"}).addresses == ("10.244.1.3", "10.244.1.4")


@pytest.mark.parametrize(("owner", "wins", "may"), [("calico", True, True), ("flannel", True, False), ("calico", False, False)])
def test_only_where_another_cni_wins_a_lease_without_a_sandbox_is_stale(owner: str, wins: bool, may: bool) -> None:
    assert reservations.may_be_stale(NodeSnapshot("n1", conflists=(Conflist("/a", wins=wins, owner=owner),))) is may
