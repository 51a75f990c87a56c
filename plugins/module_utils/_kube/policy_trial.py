# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures until what was seen settles: whatever is not as policies say is asked again, until it is or the time is over.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol import UNDEFINED
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection

#: How often what is not as policies say is seen before it is believed, however little time there is.
_CONFIRMATIONS = 3
#: Seconds between two looks, growing.
_SHORTEST, _LONGEST = 0.1, 1.0

Readings = t.Dict[Connection, agent.Reading]
Expected = t.Mapping[Connection, str]


class Asked(t.Protocol):
    """Pods that can be let ask each other: `policy_probe.Field`."""

    def ask(self, connections: t.Sequence[Connection]) -> Readings: ...

    def restore(self, deadline: Deadline) -> t.Tuple[str, ...]: ...


@dataclasses.dataclass(frozen=True)
class Settled:
    """The last reading of every connection; ``after``: seconds until all were as policies say, None if they never were.

    ``seconds``: what all of it took. ``made_anew``: pods of ours that somebody had deleted meanwhile.
    """

    readings: Readings
    after: t.Optional[float]
    seconds: float
    made_anew: t.Tuple[str, ...] = ()


def settle(
    field: Asked, connections: t.Sequence[Connection], expected: Expected, seconds: float, clock: t.Optional[Clock] = None
) -> Settled:
    """Asks all, then again what differs, for at most ``seconds``; and all once more if it took more than one look.

    So a measurement that agrees is one in which everything did at once.
    """
    clock = clock or Clock()
    began, deadline = clock.now(), Deadline(seconds, clock)
    readings = field.ask(connections)
    made_anew: t.List[str] = []
    looks, pause, whole = 1, _SHORTEST, True
    after: t.Optional[float] = None
    while True:
        differing = _differing(readings, expected)
        if not differing:
            after = clock.now() - began if after is None else after
            if whole:
                break
            # Everything agrees, seen at different times.
            readings, whole = field.ask(connections), True
            continue
        after = None
        if deadline.passed and looks >= _CONFIRMATIONS:
            break
        if any(readings[one].word == agent.UNREAD for one in differing):
            made_anew += field.restore(deadline)
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST)
        readings.update(field.ask(differing))
        looks, whole = looks + 1, False
    return Settled(readings, after, clock.now() - began, tuple(made_anew))


def _differing(readings: Readings, expected: Expected) -> t.List[Connection]:
    """What is worth another look, with what each destination says to itself: it may only have come up."""
    controls = {(one.target, one.port): one for one in readings if one.is_control}
    found: t.Dict[Connection, None] = {}
    for connection, reading in readings.items():
        control = controls.get((connection.target, connection.port))
        said = readings[control].word if control is not None else ""
        if connection.is_control:
            agrees = reading.word == agent.ANSWERED or not connection.says
        else:
            agrees = expected[connection] in (UNDEFINED, trial.told(reading, said, connection)[0])
        if not agrees:
            found[connection] = None
            if control is not None and said != agent.ANSWERED:
                found[control] = None
    return list(found)
