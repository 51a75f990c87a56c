# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import build, document, reading

Cases = t.Any
DIGEST = "0123456789abcdef" * 4


def text(options: dict[str, t.Any]) -> str:
    return document.render(build.build(reading.facts(options)), DIGEST)


def test_the_same_facts_make_the_same_bytes(plan_cases: Cases) -> None:
    assert text(plan_cases.options()) == text(plan_cases.options())


def test_everything_a_reviewer_asks_has_its_section(plan_cases: Cases) -> None:
    stays = [plan_cases.left("once", node="")]
    lines = text(plan_cases.options(rollout=plan_cases.rollout(plan_cases.move("Deployment", "web"), left=stays))).splitlines()
    assert [line for line in lines if line.startswith("## ")] == [
        "## Warnings",
        "## Steps",
        "## Pods that move (2 pods of 1 workload)",
        "## Pods that stay",
        "## Images",
        "## To run exactly this",
    ]
    assert f"- Hash `{DIGEST}`" in lines
    assert "- disk: disk was seen. Look at it." in lines
    assert "| 3 | enable-canary | n2 | 5 written, 0 deleted | 25 s |" in lines
    assert "| rest | Deployment demo/web | 2 | rollout restart | n2, n3 |  |" in lines
    assert "- demo/once on no node: its containers are never restarted" in lines
    assert "- calico/kube-controllers:v3.31.7: a node that the scheduler chooses" in lines
    assert "### 8. clean-nodes" in lines
    assert "Deleted on every node:" in lines
    assert "Written on n2:" in lines


def test_what_there_is_nothing_of_has_no_section(plan_cases: Cases) -> None:
    options = plan_cases.options(rollout={"plan": [], "left": []}, settings=plan_cases.settings(agnhost_image=""))
    options["verdict"]["checks"] = []
    options["manifest"] = plan_cases.manifest(resources=[plan_cases.resource("ConfigMap", "calico-config")])
    assert [line for line in text(options).splitlines() if line.startswith("## ")] == ["## Steps", "## To run exactly this"]


def test_a_run_says_it_in_a_few_lines(plan_cases: Cases) -> None:
    lines = document.summary(build.build(reading.facts(plan_cases.options())), DIGEST)
    assert lines[0].startswith("plan 0123456789ab: 10 steps on 3 nodes, about ")
    assert lines[1:3] == ["3 pods of 2 workloads, 0 pods stay where they are", "warning: disk: disk was seen. Look at it."]
    assert lines[5] == "3. enable-canary on n2: 5 written, 0 deleted"
