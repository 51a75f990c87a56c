# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cases of a public conformance suite on the live cluster: every connection does what the suite's own oracle says.

A sample for a scenario: ``pytest -m sample tests/integration/conformance``; all of them: ``-m 'long and lab'``.
"""

from __future__ import annotations

import json
import os
import random
import re
import time
import typing as t

import pytest

from tests.support import conformance
from tests.support.faults import KUBECONFIG
from tests.support.lab_commands import lab, migrate, run
from tests.support.live_conformance import Cluster, Outcome, summary

pytestmark = [pytest.mark.lab, pytest.mark.skipif(conformance.FOLDER is None, reason=conformance.WHY_NOT)]

_SAMPLE, _SEED = 30, 7


def _cases() -> dict[str, list[conformance.Step]]:
    """The steps of each case. Descriptions may be there twice, so its number is part of its name."""
    found: dict[str, list[conformance.Step]] = {}
    number = -1
    for step in conformance.steps():
        number += step.number == 0
        found.setdefault(f"{number:03} {step.case}", []).append(step)
    return found


def _sample() -> list[str]:
    """Cases in an order of a fixed seed: first each that brings a tag that none before it had, then others up to the number."""
    assert conformance.FOLDER is not None
    tags = [set(one["Tags"]) for one in json.loads((conformance.FOLDER / "cyclonus_cases.json").read_text())]
    order = list(enumerate(_cases()))
    random.Random(_SEED).shuffle(order)  # noqa: S311 - no secret
    seen: set[str] = set()
    chosen: list[str] = []
    others: list[str] = []
    for number, name in order:
        (chosen if tags[number] - seen else others).append(name)
        seen |= tags[number]
    return sorted([*chosen, *others][: max(_SAMPLE, len(chosen))])


def _play(names: t.Iterable[str], cases: dict[str, list[conformance.Step]]) -> list[Outcome]:
    cluster = Cluster(os.environ.get("KUBECONFIG", KUBECONFIG))
    began, outcomes = time.monotonic(), []
    try:
        cluster.open(next(iter(cases.values()))[0])
        for name in names:
            outcomes += [cluster.play(step) for step in cases[name]]
    finally:
        cluster.close()
        if outcomes:
            print("", *summary(outcomes, time.monotonic() - began, cluster.unsupported), sep="\n")  # noqa: T201 - what was measured
    return outcomes


def _judge(outcomes: t.Sequence[Outcome]) -> None:
    assert [f"{one.step}: {text}" for one in outcomes for text in one.differing] == []


@pytest.mark.sample
def test_sample() -> None:
    names = _sample()
    assert len(names) == _SAMPLE
    _judge(_play(names, _cases()))


@pytest.fixture
def calico() -> None:
    """The lab, on Calico; both commands leave alone what is there already."""
    run(lab("up"))
    run(migrate())


@pytest.mark.long
@pytest.mark.usefixtures("calico")
def test_all() -> None:
    """All cases, or those whose names match the expression in PODNET_CONFORMANCE_CASES."""
    cases = _cases()
    wanted = re.compile(os.environ.get("PODNET_CONFORMANCE_CASES", ""))
    names = [name for name in cases if wanted.search(name)]
    assert names
    _judge(_play(names, cases))
