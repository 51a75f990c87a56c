# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the probes say of a NetworkPolicy: they run before, while and after it denies them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni, Scene


@dataclasses.dataclass(frozen=True)
class PolicyReadings:
    """What reached the sentinel before, while and after it was denied; a phase that was not run is empty."""

    before: t.Tuple[probes.Reading, ...] = ()
    denied: t.Tuple[probes.Reading, ...] = ()
    after: t.Tuple[probes.Reading, ...] = ()


def enforced(policy: PolicyReadings, scene: Scene, cni: Cni) -> checks.Check:
    """Whether the policy dropped what it denied, and only then."""
    if not cni.enforces_policies:
        return checks.skipped(questions.POLICY_ENFORCED, f"{cni.name} does not enforce NetworkPolicies")
    if not policy.before:
        return checks.skipped(questions.POLICY_ENFORCED, "no sentinel, or no canary beside it")
    problem = _problem(policy)
    if problem:
        return questions.fault(questions.POLICY_ENFORCED, problem)
    ways = ", ".join(reading.probe.label for reading in policy.denied)
    one_node = len({canary.node for canary in scene.canaries}) == 1
    note = "; one node, so no way from another one" if one_node else ""
    return checks.passed(questions.POLICY_ENFORCED, f"reached before, timeout while denied, reached after ({ways}{note})")


def _problem(policy: PolicyReadings) -> str:
    """Only a timeout proves a drop: a refusal means that nobody listened, and then the test proves nothing."""
    before = [reading for reading in policy.before if not reading.reached]
    if before:
        return f"before the policy the sentinel did not answer, so a denial would prove nothing: {_words(before)}"
    refused = [reading for reading in policy.denied if reading.word == probes.REFUSED]
    if refused:
        return f"refused and not dropped, so the sentinel had no listener and the test proves nothing: {_words(refused)}"
    passed = [reading for reading in policy.denied if reading.word != probes.SILENT]
    if passed:
        return f"the policy did not make these time out: {_words(passed)}"
    after = [reading for reading in policy.after if not reading.reached]
    return f"after the policy was removed the sentinel did not answer: {_words(after)}" if after else ""


def _words(readings: t.Iterable[probes.Reading]) -> str:
    return ", ".join(f"{reading.probe.label}: {reading.word}" for reading in readings)
