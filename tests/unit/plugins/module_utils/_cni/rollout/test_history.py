# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import history
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout.history import RESTARTED_AT, Before

Raw = dict[str, t.Any]
POD = {"containers": [{"name": "web", "image": "web:1"}]}


def template(restarted_at: str = "", **more: t.Any) -> Raw:
    metadata: Raw = {"labels": {"app": "web"}, "creationTimestamp": None}
    if restarted_at:
        metadata["annotations"] = {RESTARTED_AT: restarted_at}
    return {"metadata": metadata, "spec": POD, **more}


def deployment(its: Raw, uid: str = "d1") -> Raw:
    return {"metadata": {"uid": uid, "resourceVersion": "77"}, "spec": {"template": its}}


def replica_set(revision: int, its: Raw, owner: str = "d1") -> Raw:
    labels = {**its["metadata"]["labels"], "pod-template-hash": f"h{revision}"}
    metadata = {"ownerReferences": [{"uid": owner}], "annotations": {"deployment.kubernetes.io/revision": str(revision)}}
    return {"metadata": metadata, "spec": {"template": {**its, "metadata": {**its["metadata"], "labels": labels}}}}


def controller_revision(revision: int, its: Raw) -> Raw:
    data = {"spec": {"template": {**its, "$patch": "replace"}}}
    return {"metadata": {"ownerReferences": [{"uid": "d1"}]}, "revision": revision, "data": data}


NOW, EARLIER = template("2026-11-24T12:00:00Z"), template("2026-01-01T00:00:00Z")
OTHER_IMAGE = template(spec={"containers": [{"name": "web", "image": "web:2"}]})


@pytest.mark.parametrize(
    ("current", "earlier", "expected"),
    [
        pytest.param(NOW, [template()], Before(None), id="never restarted before"),
        pytest.param(NOW, [template(), EARLIER], Before("2026-01-01T00:00:00Z"), id="restarted before"),
        pytest.param(NOW, [OTHER_IMAGE, template()], Before(None), id="the newest counts"),
        pytest.param(NOW, [template(), OTHER_IMAGE], None, id="more than a restart"),
        pytest.param(OTHER_IMAGE, [template()], None, id="no restart at all"),
        pytest.param(NOW, [], None, id="no history"),
    ],
)
@pytest.mark.parametrize("revision", [replica_set, controller_revision])
def test_what_a_restart_started_from(
    revision: t.Callable[[int, Raw], Raw], current: Raw, earlier: list[Raw], expected: Before | None
) -> None:
    revisions = [revision(number, each) for number, each in enumerate([*earlier, current], 9)]
    assert history.before(deployment(current), revisions) == expected
    assert history.before(deployment(current), revisions[::-1]) == expected


def test_revisions_of_another_workload_do_not_count() -> None:
    assert history.before(deployment(NOW), [replica_set(1, template(), owner="d2"), replica_set(2, NOW)]) is None


@pytest.mark.parametrize("value", [None, "2026-01-01T00:00:00Z"])
def test_undoing_gives_back_the_annotation_unless_somebody_was_faster(value: str | None) -> None:
    assert history.undo(Before(value), deployment(NOW)) == {
        "metadata": {"resourceVersion": "77"},
        "spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: value}}}},
    }


def test_a_restart_is_one_annotation() -> None:
    assert history.restart("now") == {"spec": {"template": {"metadata": {"annotations": {RESTARTED_AT: "now"}}}}}
