# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import unreadiness


def container(name: str, ready: bool = False, **state: t.Any) -> dict[str, t.Any]:
    return {"name": name, "ready": ready, "state": state}


CREATING = container("app", waiting={"reason": "ContainerCreating"})


@pytest.mark.parametrize(
    ("pod", "reason"),
    [
        ({"status": {"phase": "Pending"}}, "phase Pending"),
        ({}, "phase unknown"),
        ({"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}, "still going since 2026-01-01T00:00:00Z"),
        ({"status": {"containerStatuses": [CREATING]}}, "container app waiting, ContainerCreating"),
        (
            {"status": {"containerStatuses": [container("app", waiting={"reason": "ErrImagePull", "message": "not found"})]}},
            "container app waiting, ErrImagePull: not found",
        ),
        ({"status": {"containerStatuses": [container("app", terminated={"reason": "Error"})]}}, "container app terminated, Error"),
        ({"status": {"containerStatuses": [container("app", running={})]}}, "container app runs but is not ready"),
        (
            {
                "status": {
                    "initContainerStatuses": [container("done", True), container("init", waiting={"reason": "CrashLoopBackOff"})],
                    "containerStatuses": [container("app", waiting={"reason": "PodInitializing"})],
                }
            },
            "container init waiting, CrashLoopBackOff",
        ),
        (
            {"status": {"phase": "Pending", "conditions": [{"status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}},
            "Unschedulable: 0/1 nodes",
        ),
    ],
)
def test_reason(pod: dict[str, t.Any], reason: str) -> None:
    assert unreadiness.reason(pod) == reason


def test_the_last_warning_completes_it() -> None:
    def event(name: str, kind: str, time: str, message: str) -> dict[str, t.Any]:
        return {"involvedObject": {"name": name}, "type": kind, "lastTimestamp": time, "reason": "Failed", "message": message}

    events = [
        event("a", "Warning", "2026-01-01T00:00:02Z", "no network"),
        event("a", "Warning", "2026-01-01T00:00:01Z", "earlier"),
        event("a", "Normal", "2026-01-01T00:00:03Z", "scheduled"),
        event("b", "Warning", "2026-01-01T00:00:04Z", "another pod"),
        {**event("a", "Warning", "", "without a time"), "lastTimestamp": None},
    ]
    warnings = unreadiness.warnings_about("a", events)
    assert warnings == ("Failed: without a time", "Failed: earlier", "Failed: no network")
    told = unreadiness.reason({"status": {"containerStatuses": [CREATING]}}, warnings)
    assert told == "container app waiting, ContainerCreating (Failed: no network)"
