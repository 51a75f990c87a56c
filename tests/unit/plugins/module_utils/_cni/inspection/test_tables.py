# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's tables beside what has to be there."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import tables
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from tests.support import backend_cases, path_cases


def lines(world: World, expected: bool = True) -> dict[str, list[tuple[str, str, str]]]:
    """(state, text, why) of n1, by table."""
    wanted = backend_cases.expectation(backend_cases.mesh({"Type": "vxlan"}), 1) if expected else None
    return {
        table.name: [(line.state, line.text, line.why) for line in table.lines] for table in tables.tables(world, world.hosts["n1"], wanted)
    }


def test_all_is_right() -> None:
    found = lines(path_cases.flannel({"Type": "vxlan"}))
    assert ("right", "10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink", "pods of node n2") in found["Routes"]
    assert ("right", f"10.244.2.0 dev flannel.1 lladdr {backend_cases.mac(2)} PERMANENT", "flannel.1 of node n2") in found["Neighbours"]
    assert ("right", f"{backend_cases.mac(2)} dev flannel.1 dst 192.168.50.12 permanent", "flannel.1 of node n2") in found[
        "Forwarding entries"
    ]
    assert ("other", "10.244.1.5 dev cni0 lladdr 0a:00:00:00:01:00", "pod default/a") in [
        (state, text.strip(), why) for state, text, why in found["Neighbours"]
    ]
    assert ("right", "FLANNEL_MTU=1450", "the MTU of new pods") in found["subnet.env"]
    assert {state for items in found.values() for state, *_rest in items} == {"right", "other"}


@pytest.mark.parametrize(
    ("change", "table", "state", "text"),
    [
        pytest.param(
            path_cases.without("routes", lambda route: route.destination != "10.244.2.0/24"),
            "Routes",
            "missing",
            "10.244.2.0/24 via",
            id="route",
        ),
        pytest.param(
            path_cases.without("neighbours", lambda _item: False), "Neighbours", "missing", "10.244.2.0 dev flannel.1", id="neighbour"
        ),
        pytest.param(path_cases.without("fdb", lambda _item: False), "Forwarding entries", "missing", backend_cases.mac(2), id="fdb"),
        pytest.param(path_cases.without("links", lambda link: not link.vxlan), "Devices", "missing", "flannel.1", id="device"),
        pytest.param(
            path_cases.without("addresses", lambda item: item.device != "flannel.1"), "Addresses", "missing", "10.244.1.0/32", id="address"
        ),
        pytest.param(
            lambda seen: ownership.attribute(
                path_cases.more("routes", model.Route("10.244.2.0/25", gateway="192.168.50.12", device="eth0"))(seen)
            ),
            "Routes",
            "extra",
            "10.244.2.0/25 via 192.168.50.12",
            id="route of old",
        ),
        pytest.param(lambda seen: dataclasses.replace(seen, subnet_env={}), "subnet.env", "missing", "FLANNEL_MTU=1450", id="subnet.env"),
        pytest.param(
            lambda seen: dataclasses.replace(seen, subnet_env={**seen.subnet_env, "FLANNEL_MTU": "1500"}),
            "subnet.env",
            "extra",
            "FLANNEL_MTU=1500",
            id="MTU",
        ),
    ],
)
def test_what_differs(change: path_cases.Change, table: str, state: str, text: str) -> None:
    found = lines(path_cases.flannel({"Type": "vxlan"}, n1=change))[table]
    assert [line for line in found if line[0] == state and line[1].startswith(text)]


def test_calico_s_tables_are_told_without_a_verdict() -> None:
    found = lines(path_cases.calico(), expected=False)
    assert ("other", "blackhole 10.244.1.0/26", "addresses of the node's own block that no pod has") in found["Routes"] or (
        "other",
        "blackhole 10.244.1.0/26",
        "pods of node n1 (a block of Calico's)",
    ) in found["Routes"]
    assert ("other", "10.244.2.0/26 via 10.244.2.0 dev vxlan.calico onlink", "pods of node n2 (a block of Calico's)") in found["Routes"]
    assert ("other", "10.244.1.5/32 dev cali-a", "pod default/a") in found["Routes"]
    assert {state for items in found.values() for state, *_rest in items} == {"other"}
