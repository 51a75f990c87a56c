# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import build, model, reading

Cases = t.Any
Raw = dict[str, t.Any]

SIDE_BY_SIDE = [
    "begin-journal",
    "stage-calico",
    "enable-canary",
    "enable-workers",
    "enable-control-planes",
    "move-pods",
    "remove-flannel",
    "clean-nodes",
    "release-calico",
    "verify",
]
CUTOVER = ["begin-journal", "remove-flannel", "apply-calico", "restart-kubelets", "recreate-pods", "clean-nodes", "verify"]


def plan(options: Raw) -> model.Plan:
    return build.build(reading.facts(options))


def step(options: Raw, name: str) -> model.Step:
    return next(step for step in plan(options).steps if step.name == name)


def items(changes: t.Iterable[model.Change], node: str = "") -> list[str]:
    """What is written or deleted on this node, or in the API server."""
    return [item for change in changes if (node in change.nodes if node else not change.nodes) for item in change.items]


def test_steps_are_named_as_in_the_journal_and_add_up(plan_cases: Cases) -> None:
    made = plan(plan_cases.options())
    assert [step.name for step in made.steps] == SIDE_BY_SIDE
    assert made.seconds == sum(step.seconds for step in made.steps)
    assert [step.name for step in plan(plan_cases.cutover()).steps] == CUTOVER


def test_a_flannel_that_is_gone_needs_no_calico_beside_it(plan_cases: Cases) -> None:
    made = plan(plan_cases.options(cluster=plan_cases.cluster(flannel=[])))
    assert [step.name for step in made.steps] == [SIDE_BY_SIDE[0], *SIDE_BY_SIDE[5:]]
    assert made.source == "flannel, gone already"


def test_nodes_are_prepared_before_calico_is_staged(plan_cases: Cases) -> None:
    policy = {"n1": {"files": ["/etc/NetworkManager/conf.d/90-podnet-cni.conf"]}, "n2": {"files": []}, "n3": {"files": []}}
    staged = step(plan_cases.options(link_policy=policy), "stage-calico")
    assert items(staged.written, "n1")[:2] == [
        "file /etc/NetworkManager/conf.d/90-podnet-cni.conf",
        "sysctl net.ipv4.conf.cni0.proxy_arp = 1",
    ]
    assert [change.nodes for change in staged.written if change.nodes] == [("n1",), ("n2", "n3")]
    assert items(staged.written) == ["ConfigMap kube-system/calico-config", "DaemonSet kube-system/calico-node"]


def test_a_batch_writes_its_own_blocks_and_labels_and_the_first_the_pool(plan_cases: Cases) -> None:
    canary, workers = (step(plan_cases.options(), name) for name in ("enable-canary", "enable-workers"))
    assert items(canary.written) == [
        "create IPPool default-ipv4-ippool",
        "create BlockAffinity n2-10-244-1-192-26",
        "create IPAMBlock 10-244-1-192-26",
        "label podnet.io/calico=true on Node n2",
    ]
    assert items(workers.written)[:2] == ["create BlockAffinity n3-10-244-2-192-26", "create IPAMBlock 10-244-2-192-26"]
    assert canary.notes == ("Canary pods prove afterwards that every node reaches every other.",)
    assert canary.seconds > workers.seconds
    assert (canary.nodes, workers.nodes) == (("n2",), ("n3",))


def test_nodes_that_have_calico_get_nothing(plan_cases: Cases) -> None:
    batches = [{"name": "nodes that have Calico", "nodes": ["n2"], "enabled": True}]
    again = step(plan_cases.options(batches=batches, adoption={}), "enable-nodes-that-have-calico")
    assert (again.written, again.notes) == ((), ("They have Calico from an earlier run, and are only looked at again.",))


def test_pods_move_by_their_ways(plan_cases: Cases) -> None:
    moves = [
        plan_cases.move("Deployment", "web"),
        plan_cases.move("StatefulSet", "db", "evict"),
        plan_cases.move("Pod", "debug", "in-place"),
    ]
    moved = step(plan_cases.options(rollout=plan_cases.rollout(*moves)), "move-pods")
    assert items(moved.written) == ["template of Deployment demo/web (restart)"]
    assert items(moved.deleted) == ["2 pods of StatefulSet demo/db (eviction)"]
    assert moved.notes == ("Tier rest: 3 workloads.", "Restarted in place on their nodes: Pod demo/debug")


def test_what_leaves_the_nodes_is_told_together_where_it_is_the_same(plan_cases: Cases) -> None:
    names = {"n1": plan_cases.cleanup(("link", "odd")), "n2": plan_cases.cleanup(), "n3": plan_cases.cleanup()}
    cleaned = step(plan_cases.options(cleanup=names), "clean-nodes")
    assert "link odd" in items(cleaned.deleted, "n1")
    assert "file /var/lib/cni/results/cbr0-*-eth0" in items(cleaned.deleted, "n3")
    assert [change.nodes for change in cleaned.deleted] == [("n1",), ("n2", "n3"), (), ("n1", "n2", "n3")]
    assert items(cleaned.deleted) == [f"annotations flannel.alpha.coreos.com/* on Node {name}" for name in ("n1", "n2", "n3")]
    assert items(cleaned.written, "n1") == ["backup of it in /var/backups/podnet.cni"]


def test_flannel_goes_object_by_object(plan_cases: Cases) -> None:
    gone = step(plan_cases.options(), "remove-flannel")
    assert items(gone.deleted) == ["DaemonSet kube-flannel/kube-flannel-ds", "ClusterRole flannel"]
    assert items(gone.written) == ["DaemonSet kube-system/calico-node (no node selector)"]


def test_cutover_removes_the_configuration_first_and_once(plan_cases: Cases) -> None:
    options = plan_cases.cutover()
    conflist = "conflist /etc/cni/net.d/10-flannel.conflist"
    assert items(step(options, "remove-flannel").deleted, "n1") == [conflist]
    assert conflist not in items(step(options, "clean-nodes").deleted, "n1")
    assert items(step(options, "recreate-pods").deleted) == ["2 pods of Deployment demo/web"]


def test_images_and_the_nodes_that_run_them(plan_cases: Cases) -> None:
    nodes = ("n1", "n2", "n3")
    assert [(image.name, image.nodes) for image in plan(plan_cases.options()).images] == [
        ("agnhost:2.53", nodes),
        ("calico/node:v3.31.7", nodes),
        ("calico/kube-controllers:v3.31.7", ()),
    ]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"pause_after": 1}, "stops after 1 batch(es)"),
        ({"pause_before": "remove-flannel"}, "stops before remove-flannel"),
        ({"deadline": "2026-11-24T22:00:00Z"}, "until 2026-11-24T22:00:00Z"),
    ],
)
def test_a_run_that_will_stop_is_a_warning(plan_cases: Cases, more: Raw, words: str) -> None:
    assert words in plan(plan_cases.options(settings=plan_cases.settings(**more))).warnings[-1]


def test_without_the_probe_none_is_written(plan_cases: Cases) -> None:
    quiet = step(plan_cases.options(settings=plan_cases.settings(probe=False)), "begin-journal")
    assert [item for item in items(quiet.written) if "podnet-connectivity" in item] == []


def test_kubelets_that_always_restart_are_noted(plan_cases: Cases) -> None:
    always = step(plan_cases.options(settings=plan_cases.settings(kubelet_restart="always")), "verify")
    assert always.notes == ("kubelet is restarted on every node.",)
