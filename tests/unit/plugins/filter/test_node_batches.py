# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.filter.node_batches import node_batches

NODES = [{"name": "n1", "control_plane": True}, {"name": "n2", "labels": {}}, {"name": "n3"}]


def test_takes_and_gives_plain_dictionaries() -> None:
    assert node_batches(NODES, size=1) == [  # a number in YAML is a number
        {"name": "canary", "nodes": ["n2"], "enabled": False},
        {"name": "workers", "nodes": ["n3"], "enabled": False},
        {"name": "control planes", "nodes": ["n1"], "enabled": False},
    ]


def test_an_error_of_the_plan_is_one_of_the_filter() -> None:
    with pytest.raises(AnsibleFilterError, match="no node n9"):
        node_batches(NODES, canary="n9")
