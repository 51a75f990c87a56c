# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import workloads
from tests.support.preflight_cases import (
    BARE_NODE,
    BEGUN,
    ON_NOTHING,
    Bad,
    assert_bad,
    assert_warned,
    both,
    can_warn,
    examine,
    failed,
    names,
    the,
    with_changes,
)


def pod(name: str = "web-x", **changes: t.Any) -> cluster.Pod:
    healthy = cluster.Pod(
        "shop", name, node="n1", phase="Running", ready=True, owner_kind="ReplicaSet", owner_name="web", restart_policy="Always"
    )
    return dataclasses.replace(healthy, **changes)


HOOK = cluster.Webhook("ValidatingWebhookConfiguration", "guard", "pods.guard.example", "guard/guard", ("pods", "daemonsets"))
BARE = pod("tool", owner_kind="", owner_name="", empty_dirs=("scratch",))
DATABASE = pod("db-0", owner_kind="StatefulSet", owner_name="db", claims=("data-db-0",))

BAD: list[Bad] = [
    (
        "webhooks-answer",
        "ValidatingWebhookConfiguration guard",
        "pods.guard.example of Service guard/guard is asked about all pods, daemonsets",
        {"seen": with_changes(webhooks=(HOOK,))},
    ),
    (
        "webhooks-answer",
        "ValidatingWebhookConfiguration guard",
        "asked about some pods",
        {"seen": with_changes(webhooks=(dataclasses.replace(HOOK, selective=True), dataclasses.replace(HOOK, endpoints=1)))},
    ),
]

ANSWERED = dataclasses.replace(HOOK, endpoints=2)

WARNED: list[Bad] = [
    (
        "webhooks-answer",
        "ValidatingWebhookConfiguration guard",
        "a cutover takes all pods away together",
        {"seen": with_changes(webhooks=(ANSWERED,)), "strategy": "cutover"},
    ),
    ("budgets-allow", "shop/web", "2 of 2 pods healthy", {"seen": with_changes(budgets=(cluster.Budget("shop", "web", 0, 2, 2),))}),
    ("bare-pods", "shop", "shop/tool on n1 (emptyDir scratch)", {"seen": with_changes(pods=(BARE, pod()))}),
    (
        "pods-restartable",
        "shop",
        "shop/load on n1",
        {"seen": with_changes(pods=(pod("load", owner_kind="Job", restart_policy="Never"),))},
    ),
    (
        "local-volumes",
        "shop",
        "shop/db-0 on n1 (claim data-db-0)",
        {"seen": with_changes(pods=(DATABASE,), local_claims=("shop/data-db-0", "other/data-db-0"))},
    ),
]


@pytest.mark.parametrize(("name", "where", "words", "changes"), BAD, ids=names(BAD))
def test_bad_input_fails_one_check_that_says_what_where_and_what_next(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_bad(name, where, words, changes)


@pytest.mark.parametrize(("name", "where", "words", "changes"), WARNED, ids=names(WARNED))
def test_what_somebody_should_look_at(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    assert_warned(name, where, words, changes)


def test_every_check_that_can_warn_is_in_the_table() -> None:
    listed = {"bare-pods", "pods-restartable", "local-volumes"}
    assert can_warn(workloads) | listed == {name for name, _where, _words, _changes in WARNED}


def test_an_interrupted_migration_is_not_stopped_by_a_webhook_without_a_network() -> None:
    verdict = examine(dataclasses.replace(ON_NOTHING, webhooks=(HOOK,)), both(BARE_NODE), BEGUN)
    assert failed(verdict) == []
    assert the(verdict, "webhooks-answer").result == "warning"


@pytest.mark.parametrize(
    "harmless",
    [
        pytest.param(pod("static", owner_kind="Node", restart_policy="Never"), id="static"),
        pytest.param(pod("host", owner_kind="", host_network=True), id="host network"),
        pytest.param(pod("done", owner_kind="", phase="Succeeded", ready=False, restart_policy="Never"), id="finished"),
        pytest.param(pod("going", owner_kind="", deleting=True, ready=False), id="on its way out"),
    ],
)
def test_pods_that_do_not_have_to_move(harmless: cluster.Pod) -> None:
    verdict = examine(with_changes(pods=(harmless,)))
    assert {the(verdict, name).result for name in ("bare-pods", "pods-restartable", "pods-ready-before")} == {"passed"}


@pytest.mark.parametrize(
    ("changes", "name", "result", "words"),
    [
        ({"webhooks": (dataclasses.replace(ANSWERED, selective=True),)}, "webhooks-answer", "passed", "1 webhook must answer"),
        ({"webhooks": (dataclasses.replace(ANSWERED, stops=("daemonsets",)),)}, "webhooks-answer", "passed", "1 webhook must answer"),
        (
            {"budgets": (cluster.Budget("shop", "web", 1, 2, 2), cluster.Budget("shop", "old"))},
            "budgets-allow",
            "passed",
            "2 PodDisruptionBudgets, none",
        ),
        ({"pods": (pod(empty_dirs=("cache",)),)}, "empty-dirs", "info", "an emptyDir ends with 1 pod when they are replaced: shop/web-x"),
        ({"pods": (BARE,)}, "empty-dirs", "passed", "no pod"),
        ({"pods": (DATABASE,)}, "local-volumes", "passed", "no pod has one"),
        ({"pods": (pod(), pod("b", ready=False, trouble="CrashLoopBackOff"))}, "pods-ready-before", "info", "1 of 2 pods"),
    ],
)
def test_other_answers(changes: dict[str, t.Any], name: str, result: str, words: str) -> None:
    check = the(examine(with_changes(**changes)), name)
    assert check.result == result
    assert words in check.seen


@pytest.mark.parametrize(
    ("sick", "words"),
    [
        (pod(ready=False, trouble="ImagePullBackOff"), "shop/web-x: ImagePullBackOff"),
        (pod(ready=False, phase="Pending"), "shop/web-x: Pending"),
        (pod(ready=False, phase=""), "shop/web-x: not ready"),
    ],
)
def test_why_a_pod_was_not_ready(sick: cluster.Pod, words: str) -> None:
    assert the(examine(with_changes(pods=(sick,))), "pods-ready-before").details == (words,)
