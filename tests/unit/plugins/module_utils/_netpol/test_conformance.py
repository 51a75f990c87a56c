# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every step of every conformance case has the verdicts of the oracle."""

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from tests.support import conformance

if conformance.FOLDER is None:
    pytest.skip(conformance.WHY_NOT, allow_module_level=True)

STEPS = conformance.steps()


def test_all_cases_are_here() -> None:
    assert sum(step.number == 0 for step in STEPS) == 230


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_denied_pairs(step: conformance.Step) -> None:
    matrix = load(step.objects).matrix(conformance.PORTS)
    pairs = [(one, other, port) for one in step.pods for other in step.pods if one != other for port in conformance.PORTS]
    verdicts = {f"{one}>{other}:{port}": matrix.verdict(one, other, port) for one, other, port in pairs}
    assert {pair for pair, verdict in verdicts.items() if verdict == "deny"} == step.denied
    assert set(verdicts.values()) <= {"allow", "deny"}
