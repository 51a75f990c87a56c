# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.filter.host_results import host_results

HOSTVARS: dict[str, dict[str, t.Any]] = {
    "n1": {"node": {"snapshot": {"hostname": "n1"}}},
    "n2": {"node": {"unreachable": True}},
    "n3": {},
    "n4": {"node": "no mapping"},
    "n5": {"node": {"snapshot": None}},
}


@pytest.mark.parametrize(
    ("hosts", "path", "found"),
    [
        (["n1", "n2", "n3", "n4", "n5"], "node.snapshot", {"n1": {"hostname": "n1"}, "n5": None}),
        (["n2", "n1"], "node.snapshot.hostname", {"n1": "n1"}),
        (["n4"], "node", {"n4": "no mapping"}),
        ([], "node", {}),
    ],
)
def test_values_of_the_hosts_that_have_one(hosts: list[str], path: str, found: dict[str, t.Any]) -> None:
    assert host_results(hosts, HOSTVARS, path) == found


def test_a_default_stands_for_hosts_that_have_none() -> None:
    found = host_results(["n1", "n3"], HOSTVARS, "node.snapshot.hostname", default="no answer")
    assert found == {"n1": "n1", "n3": "no answer"}
