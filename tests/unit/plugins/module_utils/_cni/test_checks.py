# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks
from ansible_collections.podnet.cni.plugins.module_utils._cni.checks import FAILED, INFO, PASSED, SKIPPED, WARNING, Check

READY = Check("nodes-ready", PASSED, "3 of 3 Ready", "nodes")
UNPROVED = Check("kernel-vxlan", SKIPPED, "no device yet")
NOT_READY = Check("nodes-ready", FAILED, "node n2 is not Ready", "n2", "Mend it.")
SILENT = Check("pod-to-pod", FAILED, "2 of 6 ways fail", "overlay", "Look at the routes.", ("n1 -> n2: timeout", "n2 -> n1: timeout"))
TIGHT = Check("disk-space", WARNING, "1 node is nearly full", "n1", "Make room.", ("n1: 1.0 GiB in /var",), "crictl rmi --prune")
STRICT = Check("rp-filter", INFO, "strict on 2 nodes", "n1, n2")


def test_the_answers() -> None:
    assert checks.passed("nodes-ready", "3 of 3 Ready", "nodes") == READY
    assert checks.skipped("kernel-vxlan", "no device yet") == UNPROVED
    assert checks.failed("nodes-ready", "node n2 is not Ready", "n2", "Mend it.") == NOT_READY
    assert checks.failed("pod-to-pod", SILENT.seen, "overlay", "Look at the routes.", list(SILENT.details)) == SILENT
    assert checks.warned("disk-space", TIGHT.seen, "n1", "Make room.", list(TIGHT.details), fix=TIGHT.fix) == TIGHT
    assert checks.noted("rp-filter", "strict on 2 nodes", "n1, n2") == STRICT


@pytest.mark.parametrize(
    ("check", "severity"), [(READY, "info"), (UNPROVED, "info"), (STRICT, "info"), (TIGHT, "warning"), (SILENT, "error")]
)
def test_the_severity_follows_from_the_answer(check: Check, severity: str) -> None:
    assert check.severity == severity
    assert severity in checks.SEVERITIES


def test_a_summary_is_a_table_with_totals() -> None:
    assert checks.summary([READY, UNPROVED, SILENT]) == [
        "passed   nodes-ready   3 of 3 Ready",
        "skipped  kernel-vxlan  no device yet",
        "failed   pod-to-pod    2 of 6 ways fail [overlay]",
        "failed   pod-to-pod    n1 -> n2: timeout",
        "failed   pod-to-pod    n2 -> n1: timeout",
        "next     pod-to-pod    Look at the routes.",
        "1 passed, 1 failed, 1 skipped",
    ]


def test_warnings_are_told_with_their_next_step_and_do_not_fail() -> None:
    assert checks.summary([READY, TIGHT, STRICT]) == [
        "passed   nodes-ready  3 of 3 Ready",
        "warning  disk-space   1 node is nearly full [n1]",
        "warning  disk-space   n1: 1.0 GiB in /var",
        "next     disk-space   Make room.",
        "fix      disk-space   crictl rmi --prune",
        "info     rp-filter    strict on 2 nodes [n1, n2]",
        "1 passed, 1 warning, 1 for information, 0 failed, 0 skipped",
    ]
    assert checks.failures([READY, TIGHT, STRICT]) == ()


@pytest.mark.parametrize(("result", "lines"), [(FAILED, 100), (WARNING, 21), (INFO, 21)])
def test_only_failures_are_told_in_full_whatever_their_length(result: str, lines: int) -> None:
    told = checks.summary([Check("x", result, "seen", details=tuple(f"n{number}" for number in range(100)))])
    assert len(told) == 1 + lines + 1
    assert told[-2].endswith("n99" if lines == 100 else "and 80 more")


def test_a_place_that_was_named_is_not_named_again() -> None:
    assert checks.summary([NOT_READY])[0] == "failed   nodes-ready  node n2 is not Ready"


def test_no_check_at_all() -> None:
    assert checks.summary([]) == ["0 passed, 0 failed, 0 skipped"]


def test_failures_in_a_message() -> None:
    assert checks.failures([READY, NOT_READY, SILENT]) == (NOT_READY, SILENT)
    assert checks.failure_lines([READY, NOT_READY, SILENT]) == [
        "- nodes-ready: node n2 is not Ready. Next: Mend it.",
        "- pod-to-pod [overlay]: 2 of 6 ways fail; n1 -> n2: timeout; n2 -> n1: timeout. Next: Look at the routes.",
    ]
    assert checks.failure_lines([checks.failed("udp-port", "closed", "n1", "Open it.", fix="ufw allow 4789/udp")]) == [
        "- udp-port [n1]: closed. Next: Open it. Fix: ufw allow 4789/udp"
    ]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["n1", "n2", "n3"], "n1, n2, n3"),
        ([f"node-{number:03}" for number in range(100)], "node-000, node-001, node-002, node-003, node-004 and 95 more"),
        (["a" * 90, "b"], f"{'a' * 90} and 1 more"),
    ],
)
def test_long_lists_are_cut(names: list[str], text: str) -> None:
    assert checks.shortened(names) == text


def test_numbers_of_things() -> None:
    assert [checks.counted(number, "pod") for number in (0, 1, 2)] == ["0 pods", "1 pod", "2 pods"]


def test_the_places_that_details_are_about() -> None:
    assert checks.places(["n2: full", "n1: full", "n2: slow"]) == ["n2", "n1"]


def test_they_travel_as_json() -> None:
    (data,) = json.loads(json.dumps(checks.to_dicts([SILENT])))
    assert data == {
        "id": "pod-to-pod",
        "result": "failed",
        "seen": "2 of 6 ways fail",
        "where": "overlay",
        "next_step": "Look at the routes.",
        "details": ["n1 -> n2: timeout", "n2 -> n1: timeout"],
        "fix": "",
        "severity": "error",
    }
