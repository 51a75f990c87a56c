# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where things lie in a drawing."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import drawing
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from tests.support import path_cases

WORLD = path_cases.flannel({"Type": "vxlan"})


def drawn(source: str, target: str, world: World = WORLD) -> drawing.Drawing:
    (found,) = account.accounts(world, path_cases.SERVICES, [{"source": source, "target": target}])
    return drawing.draw(world, found.journeys[0].there)


@pytest.mark.parametrize(
    ("source", "target", "columns", "texts"),
    [
        pytest.param(
            "pod/default/a",
            "pod/default/b",
            ["n1", "n2"],
            ["a", "veth-a", "cni0", "route · filter", "flannel.1", "eth0", "eth0", "flannel.1", "route · filter", "cni0", "veth-b", "b"],
            id="across nodes",
        ),
        pytest.param("pod/default/a", "pod/default/a2", ["n1"], ["a", "veth-a", "cni0", "filter", "veth-a2", "a2"], id="on one node"),
        pytest.param(
            "pod/default/a",
            "address/198.51.100.7",
            ["n1", ""],
            ["a", "veth-a", "cni0", "route · filter · source", "eth0", "198.51.100.7"],
            id="to the outside",
        ),
        pytest.param("outside/198.51.100.7", "node/n1:22", ["", "n1"], ["198.51.100.7", "eth0", "the node itself"], id="from outside"),
        pytest.param("node/n1", "node/n1:22", ["n1"], ["the node itself", "the node itself"], id="to itself"),
    ],
)
def test_what_is_drawn(source: str, target: str, columns: list[str], texts: list[str]) -> None:
    found = drawn(source, target)
    assert [column.name for column in found.columns] == columns
    assert [place.text for place in found.places] == texts
    assert not found.lost


@pytest.mark.parametrize(
    ("source", "target"), [("pod/default/a", "pod/default/b"), ("pod/default/a", "pod/default/a2"), ("outside", "nodeport/n1/default/web")]
)
def test_nothing_lies_on_anything_else(source: str, target: str) -> None:
    found = drawn(source, target)
    places = [(place.x, place.y) for place in found.places]
    assert len(set(places)) == len(places)
    assert all(0 < x < found.width and 0 < y < found.height for x, y in places)
    for column, after in itertools.pairwise(found.columns):
        assert column.left + column.width < after.left


def test_a_lost_packet() -> None:
    astray = path_cases.flannel({"Type": "vxlan"}, n2=path_cases.filtering(FORWARD=["-j DROP"]))
    found = drawn("pod/default/a", "pod/default/b", astray)
    assert (found.lost, found.places[-1].kind) == (True, "lost")
