# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is shown of a network."""

from __future__ import annotations

import dataclasses

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import inspect
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from tests.support import path_cases

REFERENCE = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
FLANNEL = cluster.Flannel(REFERENCE, net_conf='{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}')


def world(*flannels: cluster.Flannel, **changes: path_cases.Change) -> World:
    made = path_cases.flannel({"Type": "vxlan"}, **changes)
    seen = dataclasses.replace(made.cluster, flannel=flannels)
    return World(seen, {name: host.seen for name, host in made.hosts.items()})


def test_flannel_is_judged() -> None:
    found = inspect.inspect(world(FLANNEL), (), ())
    assert (found.carrier, found.expects, found.reasons) == ("flannel, vxlan", "flannel", ())
    assert found.about.startswith("A node wraps")
    assert [(node.name, node.pods) for node in found.nodes] == [("n1", 2), ("n2", 1), ("n3", 1)]


def test_what_differs_is_a_reason() -> None:
    found = inspect.inspect(world(FLANNEL, n2=path_cases.without("fdb", lambda item: not item.destination)), (), ())
    assert found.reasons[0].startswith("n2: missing fdb")


@pytest.mark.parametrize("flannels", [(), (FLANNEL, FLANNEL), (dataclasses.replace(FLANNEL, net_conf="{"),)])
def test_what_nobody_knows_is_not_judged(flannels: tuple[cluster.Flannel, ...]) -> None:
    found = inspect.inspect(world(*flannels), (), ())
    assert (found.expects, found.reasons) == ("", ())


def test_calico_with_vxlan_is_judged() -> None:
    found = inspect.inspect(path_cases.calico(), (), ())
    assert (found.carrier, found.expects) == ("Calico, VXLAN", "Calico")


def test_a_node_without_its_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a large cluster only nodes that packets come by have their tables told, and all have what differs."""
    monkeypatch.setattr(inspect, "MOST_TOLD", 2)
    seen = world(FLANNEL, n3=path_cases.without("addresses", lambda item: item.device != "eth0"))
    accounts = account.accounts(seen, path_cases.SERVICES, [{"source": "pod/default/a", "target": "pod/default/b"}])
    found = inspect.inspect(seen, accounts, ())
    assert [bool(node.tables) for node in found.nodes] == [True, True, False]
    assert "no device has an address of the node" in found.nodes[2].unknown
