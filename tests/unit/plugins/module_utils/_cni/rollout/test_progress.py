# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Calico, IPAMBlock, Pod
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import progress
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.fit import Fit
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.model import Member
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.progress import Status

DONE = {"updatedReplicas": 3, "replicas": 3, "availableReplicas": 3}
GAVE_UP = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "ReplicaSet x has timed out."}
NO_QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota"}


def raw(status: dict[str, t.Any], replicas: int | None = 3, generation: int = 2, observed: int = 2) -> dict[str, t.Any]:
    spec = {} if replicas is None else {"replicas": replicas}
    return {"metadata": {"generation": generation}, "spec": spec, "status": {"observedGeneration": observed, **status}}


@pytest.mark.parametrize(
    ("resource", "expected"),
    [
        pytest.param(raw(DONE), Status(True, False, True, score=6), id="done"),
        pytest.param(raw(DONE, observed=1), Status(False, True, False), id="not seen by its controller"),
        pytest.param(raw({}, replicas=3), Status(True, True, False, score=0), id="nothing yet"),
        pytest.param(raw({**DONE, "replicas": 4}), Status(True, True, False, score=6), id="an old pod is still there"),
        pytest.param(raw({**DONE, "updatedReplicas": 1}), Status(True, True, False, score=4), id="half way"),
        pytest.param(raw({**DONE, "availableReplicas": 2}), Status(True, False, False, score=5), id="one is not available"),
        pytest.param(
            raw({"updatedReplicas": 1, "replicas": 1, "availableReplicas": 1}, replicas=None),
            Status(True, False, True, score=2),
            id="default",
        ),
        pytest.param(raw({}, replicas=0), Status(True, False, True), id="scaled to nothing"),
        pytest.param(
            raw({**DONE, "updatedReplicas": 1, "conditions": [GAVE_UP, NO_QUOTA]}),
            Status(True, True, False, "ReplicaSet x has timed out. exceeded quota", 4),
            id="gave up",
        ),
        pytest.param(raw({**DONE, "updatedReplicas": 1, "conditions": [NO_QUOTA]}), Status(True, True, False, score=4), id="may pass"),
        pytest.param(raw({"conditions": [GAVE_UP]}, observed=1), Status(False, True, False), id="gave up on an earlier template"),
    ],
)
def test_a_deployment(resource: dict[str, t.Any], expected: Status) -> None:
    assert progress.status("Deployment", resource) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"readyReplicas": 3, "updateRevision": "b", "currentRevision": "b", "updatedReplicas": 3}, Status(True, False, True, score=6)),
        # As it is after the update in some versions.
        ({"readyReplicas": 3, "updateRevision": "b", "currentRevision": "b"}, Status(True, False, True, score=6)),
        ({"readyReplicas": 3, "updateRevision": "b", "currentRevision": "a", "updatedReplicas": 3}, Status(True, True, False, score=6)),
        ({"readyReplicas": 2, "updateRevision": "b", "currentRevision": "a", "updatedReplicas": 1}, Status(True, True, False, score=3)),
        ({"readyReplicas": 2, "updateRevision": "b", "currentRevision": "b", "updatedReplicas": 3}, Status(True, False, False, score=5)),
    ],
)
def test_a_stateful_set(told: dict[str, t.Any], expected: Status) -> None:
    assert progress.status("StatefulSet", raw(told)) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 3}, Status(True, False, True, score=6)),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 1, "numberAvailable": 2}, Status(True, True, False, score=3)),
        ({"desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}, Status(True, False, False, score=5)),
        ({}, Status(True, False, True)),
    ],
)
def test_a_daemon_set(told: dict[str, t.Any], expected: Status) -> None:
    assert progress.status("DaemonSet", raw(told)) == expected


@pytest.mark.parametrize(
    ("kind", "resource", "expected"),
    [
        ("ReplicaSet", raw({}, replicas=2), 2),
        ("StatefulSet", raw({}, replicas=None), 1),
        ("ReplicationController", raw({}, replicas=0), 0),
        ("DaemonSet", raw({"desiredNumberScheduled": 4}), 4),
        ("Job", raw({}), None),
        ("ReplicaSet", None, 0),
    ],
)
def test_how_many_pods_are_wanted(kind: str, resource: dict[str, t.Any] | None, expected: int | None) -> None:
    assert progress.wish(kind, resource) == expected


# --- pods --------------------------------------------------------------------------------------------------------------

FIT = Fit.of("calico", Calico(blocks=(IPAMBlock("10.9.0.0/26", "n1", {"10.9.0.5": "demo/new", "10.9.0.6": "demo/also"}),)))


def pod(name: str, address: str = "10.244.1.5", **more: t.Any) -> Member:
    fields = {"ready": True, "phase": "Running", "owner_kind": "ReplicaSet", "owner_name": "web-1", "uid": f"uid-{name}", **more}
    return Member(Pod("demo", name, ips=(address,) if address else (), **fields))


OLD, NEW = pod("old"), pod("new", "10.9.0.5")


@pytest.mark.parametrize(
    ("members", "foreign", "unready"),
    [
        ([NEW], [], []),
        ([OLD, NEW], ["old"], []),
        ([pod("new", "10.9.0.5", ready=False)], [], ["new"]),
        ([pod("new", "", ready=False)], [], ["new"]),
        ([pod("old", deleting=True), NEW], [], []),
        ([pod("done", phase="Succeeded", ready=False), NEW], [], []),
    ],
)
def test_pods_in_the_way(members: list[Member], foreign: list[str], unready: list[str]) -> None:
    found = progress.pods(members, FIT)
    assert ([each.pod.name for each in found.foreign], [each.pod.name for each in found.unready]) == (foreign, unready)


@pytest.mark.parametrize(
    ("after", "wish", "expected"),
    [
        pytest.param([OLD], None, None, id="still there"),
        pytest.param([pod("old", deleting=True), NEW], None, None, id="not gone"),
        pytest.param([], None, None, id="not replaced"),
        pytest.param([], 0, ([], []), id="no longer wanted"),
        pytest.param([NEW], None, ([], []), id="replaced"),
        pytest.param([pod("new", "", ready=False)], 1, ([], ["new"]), id="no address yet"),
        pytest.param([pod("new", "10.244.1.9")], 1, (["new"], []), id="off its CNI again"),
        pytest.param([pod("new", "10.9.0.5", owner_name="other")], 1, None, id="another owner's pod"),
    ],
)
def test_a_vacancy(after: list[Member], wish: int | None, expected: tuple[list[str], list[str]] | None) -> None:
    state = progress.Vacancy.of(OLD, [OLD]).state(after, FIT, wish)
    found = None if state is None else ([each.pod.name for each in state.foreign], [each.pod.name for each in state.unready])
    assert found == expected


def test_siblings_that_were_there_do_not_count() -> None:
    sibling = pod("sibling", "10.244.1.7", ready=False)
    assert progress.Vacancy.of(OLD, [OLD, sibling]).state([sibling], FIT, 2) is None
    assert progress.Vacancy.of(OLD, [OLD, sibling]).state([sibling, NEW], FIT, 2) == progress.Pods((), ())


def test_nobody_replaces_a_bare_pod() -> None:
    bare = pod("old", owner_kind="", owner_name="")
    other = pod("other", owner_kind="", owner_name="", ready=False)
    assert progress.Vacancy.of(bare, [bare, other]).state([other], FIT, None) == progress.Pods((), ())
