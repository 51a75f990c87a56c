# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was seen of packets on the wire, held against what was foretold.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import model
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.journey import Journey
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Hop, Path


@dataclasses.dataclass(frozen=True)
class Sight:
    """A packet on a device: its ends, and those of the tunnel's packet around it (empty: none)."""

    node: str
    device: str
    source: str
    target: str
    outer_source: str = ""
    outer_target: str = ""
    outer_port: int = 0
    vni: int = 0

    def __str__(self) -> str:
        outer = f" in {self.outer_source} -> {self.outer_target} port {self.outer_port}" if self.outer_source else ""
        return f"{self.node}:{self.device} {self.source} -> {self.target}{outer}"


@dataclasses.dataclass(frozen=True)
class Proof:
    """Of one flow: how many of the packets ``sent`` were seen just as foretold, and what was not. ``answered`` counts answers seen so."""

    flow: str
    sent: int
    proved: int = 0
    answered: int = 0
    problems: t.Tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return bool(self.sent) and self.proved == self.sent and not self.problems

    def __str__(self) -> str:
        answers = f", {self.answered} answers too" if self.answered else ""
        told = f"{self.flow}: {self.proved} of {self.sent} packets came as foretold{answers}"
        return "; ".join((told, *self.problems))


def sight(node: str, seen: t.Mapping[str, t.Any]) -> Sight:
    """A sighting as ``packet_trace`` returns it."""
    outer = seen.get("outer") or {}
    return Sight(
        node,
        seen["device"],
        seen["source"],
        seen["target"],
        outer.get("source", ""),
        outer.get("target", ""),
        outer.get("port", 0),
        outer.get("vni", 0),
    )


def sight_of(hop: Hop) -> Sight:
    """What somebody sees who listens on the hop's device."""
    outer = (hop.outer.source, hop.outer.target, hop.outer.port, hop.outer.vni) if hop.outer else ()
    return Sight(hop.node, hop.device, hop.packet.source, hop.packet.target, *outer)


def foretold(path: t.Optional[Path]) -> t.Tuple[Sight, ...]:
    """Where somebody who listens on all devices sees the packet."""
    return tuple(sight_of(hop) for hop in (path.hops if path else ()) if hop.is_sighting and hop.node)


@dataclasses.dataclass(frozen=True)
class Capture:
    """What was sent of one flow and when, what was seen of it on each node, and when each node listened; seconds since the epoch."""

    sent: t.Sequence[float]
    sightings: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]
    listened: t.Mapping[str, t.Tuple[float, float]]


#: Seconds that a packet may take, and that clocks of nodes may differ.
_LEEWAY = 0.3

#: Packets of one number: what was seen of it, and of its answer.
_Seen = t.Dict[int, t.Tuple[t.Set[Sight], t.Set[Sight]]]


def judge(account: Account, capture: Capture) -> Proof:
    """Of the packets that were sent while all nodes on their way listened."""
    spans = [capture.listened[node] for node in account.nodes if node in capture.listened]
    counted = [number for number, moment in enumerate(capture.sent) if all(_is_in(moment, span) for span in spans)]
    seen = _by_number(capture.sightings)
    proved = answered = 0
    problems: t.Dict[str, None] = {}
    for number in counted:
        there, back = seen[number]
        if not there:
            problems["a packet was seen nowhere"] = None
            continue
        journey = _nearest(account.journeys, there)
        problem = _problem(journey.there, there)
        proved += not problem
        wrong_answer = _problem(journey.back, back) if back and not problem else ""
        answered += bool(back) and not problem and not wrong_answer
        problems.update(dict.fromkeys(filter(None, (problem, wrong_answer and f"of the answer: {wrong_answer}"))))
    if not counted:
        problems["no packet was sent while all nodes on its way listened: have them listen longer"] = None
    return Proof(account.flow.name, len(counted), proved, answered, tuple(problems))


def _is_in(moment: float, span: t.Tuple[float, float]) -> bool:
    began, ended = span
    return began + _LEEWAY <= moment <= ended - _LEEWAY


def _by_number(sightings: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]) -> _Seen:
    seen: _Seen = collections.defaultdict(lambda: (set(), set()))
    for node, items in sightings.items():
        for item in items:
            seen[item["number"]][bool(item["answer"])].add(sight(node, item))
    return seen


def _nearest(journeys: t.Sequence[Journey], seen: t.Set[Sight]) -> Journey:
    """The journey with the fewest differences; of equals the likeliest."""
    return min(journeys, key=lambda journey: len(set(foretold(journey.there)) ^ seen))


def _problem(path: t.Optional[Path], seen: t.Set[Sight]) -> str:
    """What differs. A bridge that has forgotten a pod floods, so more may be seen of a packet than foretold, unless it was to be lost."""
    expected = foretold(path)
    missing = [item for item in expected if item not in seen]
    if missing:
        return f"not seen: {missing[0]}"
    strange = sorted(map(str, seen - set(expected)))
    if strange and (path is None or path.outcome == model.LOST):
        return f"not foretold: {strange[0]}"
    return ""
