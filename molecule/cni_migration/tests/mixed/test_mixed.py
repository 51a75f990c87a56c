# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Behind the canary: on each node a pod of flannel's, beside it one of Calico's on the canary and one more of flannel's elsewhere."""

from __future__ import annotations

import typing as t

from tests.support import mesh

testinfra_hosts = ["local://"]


def test_every_pair_of_pods_talks_with_its_own_addresses(core: t.Any) -> None:
    answers = mesh.ask_all(core)
    assert len(answers) == (2 * len(core.list_node().items)) ** 2
    assert [str(answer) for answer in answers if not (answer.reached and answer.kept)] == []


def test_every_pod_reaches_a_service_and_its_port_on_every_node(core: t.Any) -> None:
    assert mesh.deaf_to_the_service(core) == []


def test_the_canary_alone_has_calico(core: t.Any) -> None:
    agents = core.list_namespaced_pod("kube-system", label_selector="k8s-app=calico-node").items
    selected = core.list_node(label_selector="podnet.io/calico=true").items
    assert [pod.spec.node_name for pod in agents] == [node.metadata.name for node in selected]
    assert len(selected) == 1


def test_a_new_pod_on_the_canary_is_calicos(core: t.Any, custom: t.Any) -> None:
    blocks = custom.list_cluster_custom_object("crd.projectcalico.org", "v1", "ipamblocks")["items"]
    given = {attribute["secondary"].get("pod") for block in blocks for attribute in block["spec"]["attributes"]}
    canary = core.list_node(label_selector="podnet.io/calico=true").items[0].metadata.name
    after = {member.node: member.name for member in mesh.members(core) if member.mesh == "after"}
    assert [node for node, name in after.items() if name in given] == [canary]


def test_the_journal_says_that_it_pauses(core: t.Any) -> None:
    journal = core.read_namespaced_config_map("podnet-cni-migration", "kube-system").data
    assert journal["phase"] == "paused"
