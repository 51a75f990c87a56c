# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from lab import settings


def test_three_nodes_by_default_the_first_is_the_control_plane() -> None:
    made = settings.from_environment({"XDG_CACHE_HOME": "/cache"})
    assert [(node.name, node.address, node.control_plane) for node in made.nodes] == [
        ("n1", "172.30.0.11", True),
        ("n2", "172.30.0.12", False),
        ("n3", "172.30.0.13", False),
    ]
    assert made.cache == Path("/cache/podnet-lab")
    assert made.subnets == (0,)


def test_far_nodes_live_behind_the_router() -> None:
    made = settings.from_environment({"LAB_NODES": "4", "LAB_FAR_NODES": "2"})
    assert [node.address for node in made.nodes] == ["172.30.0.11", "172.30.0.12", "172.30.1.13", "172.30.1.14"]
    assert made.subnets == (0, 1)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"LAB_NODES": "0"}, "LAB_NODES=0 is out of range"),
        ({"LAB_NODES": "201"}, "LAB_NODES=201 is out of range"),
        ({"LAB_NODES": "many"}, "LAB_NODES=many is not a number"),
        ({"LAB_FAR_NODES": "3"}, "the control plane stays in the first subnet"),
        ({"LAB_FAR_NODES": "-1"}, "LAB_FAR_NODES=-1 is out of range"),
    ],
)
def test_nonsense_is_refused(environment: dict[str, str], message: str) -> None:
    with pytest.raises(settings.LabError, match=message):
        settings.from_environment(environment)
