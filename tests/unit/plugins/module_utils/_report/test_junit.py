# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t
from xml.etree import ElementTree as ET

from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build
from ansible_collections.podnet.cni.plugins.module_utils._report import junit


def render(raw: dict[str, t.Any], **options: t.Any) -> ET.Element:
    text = junit.render(build.build(build.Inputs(**raw), **options))
    assert text.startswith('<?xml version="1.0" encoding="UTF-8"?>\n')
    return ET.fromstring(text)  # noqa: S314 - our own text


def suites(root: ET.Element) -> dict[str, tuple[str | None, ...]]:
    return {suite.get("name", ""): tuple(suite.get(key) for key in ("tests", "failures", "skipped")) for suite in root}


def failures(root: ET.Element) -> list[tuple[str | None, str | None]]:
    return [(case.get("name"), failure.get("message")) for case in root.iter("testcase") for failure in case.iter("failure")]


def test_a_migration_without_a_flaw(report_cases: t.Any) -> None:
    root = render(report_cases.inputs())
    assert suites(root) == {
        "preflight": ("2", "0", "0"),
        "steps": ("2", "0", "0"),
        "connectivity": ("8", "0", "0"),
        "verification": ("2", "0", "1"),
        "leftovers": ("3", "0", "0"),
    }
    assert root[0].get("timestamp") == "2026-11-24T12:00:00"
    (case, _other) = root[1]
    assert (case.get("classname"), case.get("name"), case.get("time")) == ("podnet.steps", "calico-node on n1, n2", "15.000")


def test_only_what_there_is(report_cases: t.Any) -> None:
    assert suites(render({"journal": report_cases.journal()})) == {}


def test_what_failed(report_cases: t.Any) -> None:
    arrow = "\N{RIGHTWARDS ARROW}"
    steps = [
        report_cases.step("canary", 0, 9, "failed", detail="no image"),
        report_cases.step("batch", 9, 10, "failed"),
        report_cases.step("batch", 10, 11),
        report_cases.step("pods", 11, 12, "interrupted"),
        report_cases.step("rest", 13, None, "started"),
    ]
    paths = [report_cases.path("pod-to-pod", "n1", "n2", failed=2), report_cases.path("pod-to-pod", "n2", "n1", 0.7)]
    root = render(
        report_cases.inputs(
            journal=report_cases.journal(*steps),
            connectivity=report_cases.connectivity(paths=paths),
            checks_after=[report_cases.check("pod-to-pod", "failed", details=["n1 to n2"], next_step="Look.")],
            snapshots_after=report_cases.snapshots("calico", links=[{"name": "flannel.1", "owner": "flannel-vxlan"}]),
        ),
        gap_limit=0.5,
    )
    assert failures(root) == [
        ("canary", "no image"),
        (f"pod-to-pod: n1 {arrow} n2", "1000 sent, 2 lost, longest outage 0.2 s"),
        (f"pod-to-pod: n2 {arrow} n1", "1000 sent, 0 lost, longest outage 0.7 s"),
        ("pod-to-pod", "pod-to-pod was seen"),
        ("nothing of flannel on n1", "device flannel.1"),
        ("nothing of flannel on n2", "device flannel.1"),
    ]
    assert suites(root)["steps"] == ("5", "1", "2")
    assert next(root.iter("failure")).text == "no image"
    assert "pod-to-pod was seen\nn1 to n2\nNext: Look." in [failure.text for failure in root.iter("failure")]


def test_what_xml_cannot_hold_is_replaced(report_cases: t.Any) -> None:
    evil = "a\x00b\x1b[31m<&>\"'\ud800"
    root = render({"journal": report_cases.journal(report_cases.step(evil, 0, 1, "failed", detail=evil))})
    replaced = "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}[31m<&>\"'\N{REPLACEMENT CHARACTER}"
    assert failures(root) == [(replaced, replaced)]
