# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the readings of the probes say.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, probes
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.scene import Cni, Scene

#: Characters of examples behind the number of ways that work: with it they fit on a line of a terminal.
_ROOM_FOR_WAYS = 24

_NUMBER = re.compile(r"\d+")


def is_good(reading: probes.Reading, canary_pods: t.AbstractSet[str]) -> bool:
    """Whether the reading already shows what it should; anything else may still settle and is asked again."""
    return not _problem(reading, canary_pods) and (reading.probe.check != questions.POD_TO_POD or _keeps_source(reading))


def measured(check: str, readings: t.Sequence[probes.Reading], scene: Scene, cni: Cni) -> checks.Check:
    """The answer of the readings that were taken for this check."""
    own = [reading for reading in readings if reading.probe.check == check]
    if not own:
        return checks.skipped(check, _why_not_asked(check, scene, cni))
    names = scene.canary_pods
    problems = [(reading, _problem(reading, names)) for reading in own]
    return _judged(check, own, [(reading, problem) for reading, problem in problems if problem])


def source_address(readings: t.Sequence[probes.Reading], scene: Scene, cni: Cni) -> checks.Check:
    """Whether the canaries that were reached saw the client's own address."""
    own = [reading for reading in readings if reading.probe.check == questions.POD_TO_POD and reading.reached]
    if not own:
        return checks.skipped(questions.SOURCE_ADDRESS, _why_not_asked(questions.POD_TO_POD, scene, cni))
    rewritten = [(reading, f"{reading.probe.wanted} arrived as {_source(reading)}") for reading in own if not _keeps_source(reading)]
    return _judged(questions.SOURCE_ADDRESS, own, rewritten)


def _judged(check: str, asked: t.Sequence[probes.Reading], bad: t.Sequence[t.Tuple[probes.Reading, str]]) -> checks.Check:
    """A check out of all its readings and of the ``bad`` ones, each with its problem."""
    if bad:
        return questions.fault(check, f"{len(bad)} of {len(asked)} ways fail", _by_source(bad))
    return checks.passed(
        check, f"{len(asked)} of {len(asked)} ways ({checks.shortened([_evidence(reading) for reading in asked], _ROOM_FOR_WAYS)})"
    )


def _problem(reading: probes.Reading, canary_pods: t.AbstractSet[str]) -> str:
    """What is wrong with a reading, in words, or ``""``."""
    probe = reading.probe
    if not reading.reached:
        return reading.word
    if probe.kind == probes.ROUTE and not reading.text.startswith(probe.wanted):
        return f"routed to {reading.text}"
    if probe.target.endswith("/hostname") and reading.text not in canary_pods:
        return f"answered by {reading.text!r}, which is no canary"
    return ""


def _by_source(bad: t.Iterable[t.Tuple[probes.Reading, str]]) -> t.List[str]:
    """All the bad ways, those of one source with the same problem in one line, with what the tool said the first time."""
    goals: t.Dict[t.Tuple[str, str, str], t.List[str]] = {}
    said: t.Dict[t.Tuple[str, str, str], str] = {}
    for reading, problem in bad:
        source, _arrow, goal = reading.probe.label.partition(" -> ")
        message = "" if reading.reached else reading.text
        # Milliseconds and addresses make each message another one.
        key = (source, problem, _NUMBER.sub("", message))
        goals.setdefault(key, []).append(goal)
        said.setdefault(key, f" ({message})" if message else "")
    return [f"{key[0]} -> {', '.join(names)}: {key[1]}{said[key]}" for key, names in goals.items()]


def _evidence(reading: probes.Reading) -> str:
    return f"{reading.probe.label} dev {reading.text}" if reading.probe.kind == probes.ROUTE else reading.probe.label


def _source(reading: probes.Reading) -> str:
    return probes.host_of(reading.text) or repr(reading.text)


def _keeps_source(reading: probes.Reading) -> bool:
    return _same_address(probes.host_of(reading.text), reading.probe.wanted)


def _same_address(seen: str, wanted: str) -> bool:
    if seen == wanted:
        return True  # as good as always, and much faster
    try:
        return ipaddress.ip_address(seen) == ipaddress.ip_address(wanted)
    except ValueError:
        return False


def _why_not_asked(check: str, scene: Scene, cni: Cni) -> str:
    if not scene.canaries:
        return "no canary runs"
    if check == questions.CANARY_VETH and not cni.device_prefix:
        return f"{cni.name} has no route per pod"
    if check == questions.POD_TO_POD:
        return "only one node has a canary that answers: no pair across nodes" if len(scene.canaries) == 1 else "no canary answered another"
    if check == questions.HOST_TO_EXTERNALIP and scene.external_refused:
        return f"no Service with an external address could be made: {scene.external_refused}"
    if check in questions.USER_CHECKS:
        return "the Service has none"
    return "no pod to ask from, or nothing to ask for"
