# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The reports on policies: the same facts in every form, and a page that loads nothing."""

from __future__ import annotations

import json
import typing as t
from xml.etree import ElementTree as ET

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import difference, expectations, load, study
from ansible_collections.podnet.cni.plugins.module_utils._report import policies
from tests.support import html_page
from tests.support.netpol_cases import ingress, named, pod, policy, world

WEB = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])
DENY = policy(named("a"), name="web", policyTypes=["Ingress"])
EXPECTED = [
    {"name": "Fine", "source": "x/b", "destination": "x/a", "port": 80, "verdict": "allow"},
    {"source": "x/c", "destination": "x/a", "port": 80, "verdict": "allow"},
    {"source": "x/c", "destination": "x/a", "port": "ICMP", "verdict": "deny"},
]
#: What nobody but a test names a pod; a report has to tell it as it is.
HOSTILE = '<b>|"&*`'


def studied(*more: dict[str, t.Any]) -> study.Study:
    before, after = load(world(DENY)), load([*world(WEB), *more])
    columns = study.columns([before, after], [])
    matrix = after.matrix(str(column.port) for column in columns)
    return study.Study(
        matrix,
        columns,
        findings=after.findings(),
        difference=difference.between(before, after, [column.port for column in columns]),
        explanations=(matrix.explain("x/c", "x/a", "TCP/80"),),
        outcomes=expectations.check(matrix, expectations.parse(EXPECTED, lambda number: f"e.yaml, line {number + 1}")),
    )


@pytest.mark.parametrize("form", policies.FILES)
def test_the_same_study_gives_the_same_text(form: str) -> None:
    assert policies.render(studied(), form) == policies.render(studied(), form)


def test_text() -> None:
    sections = policies.render(studied(), "text").split("\n\n")
    titles = ["Summary", "Expectations", "What opens", "Explanations", "Who may reach whom"]
    assert [section.split("\n")[0] for section in sections] == titles
    assert sections[1].split("\n")[2:5] == [
        "x/c may reach x/a on TCP/80: missed",
        "x/c to x/a on TCP/80: deny",
        "      ingress: x/web isolates the pod and its rule does not match",
    ]
    assert sections[2].split("\n")[2:] == ["TCP/80: x/b to x/a"]
    table = sections[-1].rstrip("\n").split("\n")[2:]
    assert table[0].split() == ["from", "/", "to", *"1234567"]
    assert table[2].split() == ["2", "x/b", "TCP/80", *["yes"] * 6]
    assert table[3].split() == ["3", "x/c", ".", *["yes"] * 6]


def test_markdown_is_no_markup_of_others() -> None:
    text = policies.render(studied(pod(f"x/{HOSTILE}", "10.0.0.9")), "markdown")
    assert '## Only here, so not compared\n\n- x/\\<b\\>\\|"\\&\\*\\`\n' in text
    assert "| x/c and 1 more | . | yes |" in text
    assert "- x/c may reach x/a on TCP/80: missed\n  ```text\n  x/c to x/a on TCP/80: deny\n" in text


def test_json_has_all() -> None:
    told = json.loads(policies.render(studied(), "json"))
    (eighty,) = [port for port in told["ports"] if port["port"] == "TCP/80"]
    assert (eighty["allow"], eighty["deny"], eighty["lowest"]) == (26, 4, "TCP/80")
    names = [one["name"] for one in told["classes"]]
    target = names.index("x/a")

    def is_in(spans: list[list[int]], number: int) -> bool:
        return any(first <= number <= last for first, last in spans)

    to_it = [part["sources"] for part in eighty["allowed"] if is_in(part["destinations"], target)]
    reaching = [name for number, name in enumerate(names) if any(is_in(spans, number) for spans in to_it)]
    assert reaching == ["x/b"]
    assert [(one["result"], one["found"]) for one in told["expectations"]] == [
        ("met", "allow"),
        ("missed", "deny"),
        ("undefined", "undefined"),
    ]
    assert told["difference"]["opens"] == [
        {
            "port": "TCP/80",
            "kind": "opens",
            "sources": [{"name": "x/b", "members": ["x/b"]}],
            "destinations": [{"name": "x/a", "members": ["x/a"]}],
        }
    ]
    assert told["difference"]["closes"] == []
    assert told["explanations"][0]["verdict"] == "deny"


def test_junit_has_a_test_for_each_expectation() -> None:
    (suite,) = ET.fromstring(policies.render(studied(), "junit"))  # noqa: S314 - our own text
    assert [suite.get(name) for name in ("name", "tests", "failures", "skipped")] == ["network-policies", "3", "1", "1"]
    first, second, third = suite
    assert first.get("name") == "Fine: x/b may reach x/a on TCP/80"
    assert [(child.tag, child.get("message")) for child in second] == [("failure", "deny, expected allow")]
    assert (second[0].text or "").startswith("e.yaml, line 2\nx/c to x/a on TCP/80: deny\n")
    assert [child.tag for child in third] == ["skipped"]


def test_the_page_is_whole_loads_nothing_and_has_no_script() -> None:
    page = html_page.Page(policies.render(studied(), "html"))
    assert (page.open, page.loads) == ([], [])
    assert "script" not in page.tags


def test_every_field_of_the_page_has_its_reason() -> None:
    page = html_page.Page(policies.render(studied(), "html"))
    # All pairs of 6 pods and the world outside, but not from outside to outside.
    assert len(page.fields) == 48
    assert (
        "x/c to x/a\nTCP/1-79, TCP/80, TCP/81-65535, UDP/*, SCTP/*: deny (ingress: x/web isolates the pod and its rule does not match)"
        in dict(page.fields)
    )


def test_a_name_is_text_and_never_html() -> None:
    text = policies.render(studied(pod(f"x/{HOSTILE}", "10.0.0.9")), "html")
    assert "&lt;b&gt;" in text
    assert "<b>|" not in text


def test_a_finding_is_told_with_both_readings() -> None:
    either = policy(named("a"), name="or", ingress=[ingress({"namespaceSelector": {}}, {"podSelector": named("b")})])
    page = policies.render(studied(either), "html")
    assert "<code>or-versus-and</code>" in page
    assert page.count("<ol>") == 1
    assert "<li>as one item with both selectors: only pods with pod=b in all namespaces</li>" in page


def test_large_clusters_fold_and_say_so() -> None:
    # No two pods alike: a policy for each label.
    several = [pod(f"y/p{number}", f"10.1.0.{number}", labels={"pod": f"p{number}"}) for number in range(1, 51)]
    many = [policy(named(f"p{number}"), place="y", name=f"p{number}", ingress=[ingress()]) for number in range(1, 51)]
    found = load([*world(), *several, *many])
    columns = study.columns([found], ["TCP/80"])
    one = study.Study(found.matrix(["TCP/80"]), columns)
    classes = len(one.matrix.classes)
    assert f"{classes - 33} more classes are in network-policies.json" in policies.render(one, "html")
    assert f"{classes - 17} more classes are in network-policies.json" in policies.render(one, "text")
    assert len(json.loads(policies.render(one, "json"))["classes"]) == classes
