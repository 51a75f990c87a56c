# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import typing as t
from html.parser import HTMLParser

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build
from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Check, Path
from ansible_collections.podnet.cni.plugins.module_utils._report import html

#: Elements that have no end tag.
VOID = {"meta", "link", "br", "rect", "circle", "path"}
#: Attributes by which a page loads or links something.
LOADING = {"src", "href", "srcset", "data", "action", "poster", "xlink:href", "formaction"}


class Page(HTMLParser):
    """What a browser finds: that tags match, the words between them, and what would be loaded."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.loaded: list[str] = []
        self.words: list[str] = []
        self.handlers: list[str] = []
        self.feed(text)
        assert self.open == [], f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [value or "" for name, value in attrs if name in LOADING]
        self.handlers += [name for name, _value in attrs if name.startswith("on")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def render(raw: dict[str, t.Any], **options: t.Any) -> str:
    return html.render(build.build(build.Inputs(**raw), **options))


def test_a_whole_page(report_cases: t.Any) -> None:
    page = Page(render(report_cases.inputs()))
    for words in (
        "From flannel to Calico",
        "2026-11-24 12:00:00 UTC \N{MIDDLE DOT} side by side \N{MIDDLE DOT} Kubernetes v1.33.13 \N{MIDDLE DOT} 2 nodes",
        "Requests lost 0 of 8,000 on 8 ways",
        "Longest outage 0.3 s n2 \N{RIGHTWARDS ARROW} n1, during move-pods",
        "Wall time 60 s 2 steps",
        "Checks passed 1 of 1",
        "Left of flannel nothing",
        "calico-node n1, n2 15 s both",
        "longest outage 0.3 s",
        "10-flannel.conflist 10-calico.conflist",
        "After the change: 1 passed, 1 skipped.",
        "Before the change: 1 passed, 1 warning",
        "demo/debug Next: Look at it.",
        "Nothing of flannel is left",
    ):
        assert words in page.text


def test_the_same_report_gives_the_same_page(report_cases: t.Any) -> None:
    assert render(report_cases.inputs()) == render(report_cases.inputs())


def test_it_loads_nothing_and_runs_nothing(report_cases: t.Any) -> None:
    text = render(report_cases.inputs())
    page = Page(text)
    assert page.loaded == ["data:,"], "only the empty icon"
    assert not {"script", "iframe", "img", "object", "embed", "base", "form"} & set(page.tags)
    assert page.handlers == []
    assert re.findall(r"url\(|@import|https?://", text) == []
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text


def test_what_a_cluster_says_is_no_markup(report_cases: t.Any) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=y>'
    raw = report_cases.inputs(
        journal=report_cases.journal(report_cases.step(evil, 0, 9, "failed", detail=evil, nodes=[evil]), source=evil, strategy=evil),
        connectivity=report_cases.connectivity(
            paths=[report_cases.path("pod-to-pod", evil, evil), report_cases.path(evil, evil, evil)],
            gaps=[report_cases.gap(evil, evil, evil, 1, 1, step=evil, reason=evil)],
            problems=[evil],
        ),
        checks_after=[
            report_cases.check(evil, evil, seen=evil, where=evil),
            report_cases.check("x", "failed", details=[evil], next_step=evil),
        ],
    )
    page = Page(render(raw, title=evil))
    assert not {"script", "img"} & set(page.tags)
    assert evil.split('"', maxsplit=1)[0] in page.text


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"cluster_before": {}, "cluster_after": {}, "snapshots_before": {}, "snapshots_after": {}},
        {"checks_before": [], "checks_after": []},
        {"checks_after": []},
        {"connectivity": {}},
    ],
    ids=["all", "nothing was read", "no checks", "no checks after", "not measured"],
)
def test_what_is_not_there_leaves_no_hole(report_cases: t.Any, change: dict[str, t.Any]) -> None:
    page = Page(render(report_cases.inputs(**change)))
    assert "None" not in page.text
    assert ("Nothing was measured during this run." in page.text) is (change.get("connectivity") == {})


def test_a_page_of_an_empty_journal() -> None:
    page = Page(render({"journal": {}}))
    assert "Change of the pod network to Calico" in page.text
    assert "None" not in page.text


def test_a_run_that_was_stopped_and_gone_on_with(report_cases: t.Any) -> None:
    steps = [
        report_cases.step("canary", 0, 40),
        report_cases.step("move-pods", 40, 90000, "interrupted"),
        report_cases.step("move-pods", 90000, 90050),
        report_cases.step("x", 90050, None, "started"),
    ]
    page = Page(render({"journal": report_cases.journal(*steps, finished=None, unfinished=True, phase="pods")}))
    assert "Idle times are drawn short." in page.text
    assert "the run was stopped in it" in page.text
    assert "11-24 12:00" in page.text
    assert "11-25 13:00" in page.text
    assert "Not finished" in page.text
    assert "open" in page.text
    assert re.search(r"Wall time 25 h 0 min 4 steps, at work for \d+ s", page.text)


def test_failures_are_told_at_the_top(report_cases: t.Any) -> None:
    raw = report_cases.inputs(
        checks_after=[report_cases.check("pod-to-pod", "failed", where="n1", next_step="Look.", details=["n1 to n2"], fix="kubectl x")]
    )
    page = Page(render(raw))
    assert page.text.index("check pod-to-pod failed") < page.text.index("Requests lost")
    assert "pod-to-pod was seen [n1] n1 to n2 Next: Look. Fix: kubectl x" in page.text
    assert "Needs attention" in page.text


def test_long_lists_are_folded(report_cases: t.Any) -> None:
    gaps = [report_cases.gap("pod-to-pod", "n1", "n2", number, 0.3) for number in range(14)]
    links = [{"name": f"flannel.{number}", "owner": "flannel-vxlan"} for number in range(20)]
    many = report_cases.cluster("calico")
    many["nodes"] = [{"name": f"n{number:03}", "ready": True} for number in range(140)]
    page = Page(
        render(
            report_cases.inputs(
                connectivity=report_cases.connectivity(gaps=gaps),
                snapshots_after=report_cases.snapshots("calico", links=links),
                cluster_after=many,
            )
        )
    )
    assert "4 more" in page.text
    assert "8 more" in page.text
    assert "130 more nodes, of them 42 only in report.json" in page.text


@pytest.mark.parametrize(
    ("sent", "failed", "outage", "colour"),
    [(1000, 0, None, 0), (1000, 0, 0.5, 0), (1000, 0, 0.6, 1), (10000, 9, 0.2, 2), (1000, 9, 0.2, 3), (1000, 10, 0.2, 4), (0, 5, None, 4)],
)
def test_the_colour_of_a_field(sent: int, failed: int, outage: float | None, colour: int) -> None:
    assert html.heat(Path("pod-to-pod", "a", "b", sent, failed, 0, outage, outage)) == colour


def test_totals() -> None:
    checks = [Check("a", "passed"), Check("b", "passed"), Check("c", "failed"), Check("d", "warning")]
    assert html.totals(checks) == "2 passed, 1 failed, 1 warning"


def test_a_thousand_nodes_are_still_a_page(report_cases: t.Any) -> None:
    names = [f"node-{number:04}" for number in range(1000)]
    mesh = [report_cases.path("pod-to-pod", one, names[(place + hop) % 1000]) for place, one in enumerate(names) for hop in (1, 2)]
    text = render({"journal": report_cases.journal(report_cases.step("x", 0, 5, nodes=names)), "connectivity": {"paths": mesh, "gaps": []}})
    assert "and 994 more" in text
    assert len(text) < 200_000
