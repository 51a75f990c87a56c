# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was measured, held against what policies say: connection by connection, and what that tells about the cluster.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, UNDEFINED, matrix
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import MET, MISSED, Expectation
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import OUT, Connection, Stand

#: Lines of one kind in a message.
_MOST_TOLD = 10
#: What was measured where no verdict follows from it.
UNKNOWN = "unknown"
#: How a measurement is to what policies say; `UNDEFINED` and `UNKNOWN` are the others.
AGREES, DIFFERS = "agrees", "differs"
#: What the cluster does with policies: all that should be denied is; some of it; none of it; or nothing measured should be.
ENFORCED, PARTLY, NOT_ENFORCED, UNTESTED = "enforced", "partly", "not enforced", "nothing to enforce"
#: Some should be denied, and of none of them anything can be said.
NOT_KNOWN = "not known"


@dataclasses.dataclass(frozen=True)
class Measured:
    """A connection: what policies say (``expected``) and why, what it did (``verdict``), and what was seen (``seen``, in words).

    ``tells``: whether a verdict can be had of it at all, see `silence_tells`.
    """

    connection: Connection
    expected: str
    verdict: str
    seen: str
    milliseconds: int
    why: t.Tuple[str, ...] = ()
    tells: bool = True

    @property
    def result(self) -> str:
        if self.expected == UNDEFINED or self.verdict == UNKNOWN:
            return UNDEFINED if self.expected == UNDEFINED else UNKNOWN
        return AGREES if self.expected == self.verdict else DIFFERS

    def __str__(self) -> str:
        why = f" ({'; '.join(self.why)})" if self.why else ""
        return f"{self.connection}: {self.seen}, where policies say {self.expected}{why}"


@dataclasses.dataclass(frozen=True)
class Tested:
    """An expectation, and what the connections did that are evidence for it. ``note``: why there are none, or none that count."""

    expectation: Expectation
    measured: t.Tuple[Measured, ...]
    note: str = ""

    @property
    def counting(self) -> t.Tuple[Measured, ...]:
        """The connections of which policies say something: what they leave to the CNI may be either way."""
        return tuple(one for one in self.measured if one.expected != UNDEFINED)

    @property
    def against(self) -> t.Tuple[Measured, ...]:
        """The connections for which it is not met."""
        return tuple(one for one in self.counting if one.verdict != self.expectation.verdict)

    @property
    def verdict(self) -> str:
        """The one verdict of all its connections that count; unknown where they differ, or there are none."""
        verdicts = {one.verdict for one in self.counting}
        return verdicts.pop() if len(verdicts) == 1 else UNKNOWN

    @property
    def result(self) -> str:
        """``met``, ``missed``, or ``unknown``; missed also where only some of the connections did what has to be."""
        if not self.counting or any(one.verdict == UNKNOWN for one in self.counting):
            return UNKNOWN
        return MET if self.verdict == self.expectation.verdict else MISSED

    def __str__(self) -> str:
        told = "; ".join(f"{one.connection}: {one.seen}" for one in self.against[:3]) or self.note
        return f"{self.expectation}: {self.result}" + (f" ({told})" if told and self.result != MET else "")


@dataclasses.dataclass(frozen=True)
class Trial:
    """One measurement of a cluster.

    ``cni``: what runs there, "" if that is not known. ``enforces``: False where that is known to enforce nothing. ``settled_after``:
    seconds until everything was as policies say, None if it never was. ``left_out``: what was not measured, and why. ``lost_nodes``: those
    that went down meanwhile.
    """

    cni: str
    enforces: bool
    stands: t.Tuple[Stand, ...]
    measured: t.Tuple[Measured, ...]
    tested: t.Tuple[Tested, ...] = ()
    settled_after: t.Optional[float] = None
    seconds: float = 0.0
    left_out: t.Tuple[str, ...] = ()
    lost_nodes: t.Tuple[str, ...] = ()

    @functools.cached_property
    def differing(self) -> t.Tuple[Measured, ...]:
        return self.having(DIFFERS)

    def having(self, result: str) -> t.Tuple[Measured, ...]:
        return tuple(one for one in self.measured if one.result == result)

    @property
    def missed(self) -> t.Tuple[Tested, ...]:
        return tuple(one for one in self.tested if one.result == MISSED)

    @property
    def enforcement(self) -> str:
        """Whether connections that policies deny were denied."""
        denied = [one.verdict for one in self.measured if one.expected == DENY]
        verdicts = {verdict for verdict in denied if verdict != UNKNOWN}
        if not verdicts:
            return NOT_KNOWN if denied else UNTESTED
        if verdicts == {DENY}:
            return ENFORCED
        return PARTLY if DENY in verdicts else NOT_ENFORCED

    @property
    def why_not_enforced(self) -> str:
        """The reason, in words, where nothing is enforced."""
        if not self.enforces:
            return f"{self.cni} enforces no NetworkPolicies"
        if self.cni:
            return f"{self.cni} runs here and should enforce them: see whether its agents are ready"
        return "no CNI that is known to enforce them runs here"

    def faults(self, allow_unenforced: bool) -> t.List[str]:
        """What is wrong, in words; nothing, if all is as it has to be. What is undefined is no fault."""
        unenforced = self.enforcement == NOT_ENFORCED
        denied = sum(one.expected == DENY for one in self.measured)
        whole = f"Not enforced: all of {denied} connections that policies deny were possible, for {self.why_not_enforced}."
        differing = [one for one in self.differing if not (unenforced and one.expected == DENY)]
        unknown = [one for one in self.having(UNKNOWN) if one.tells]
        missed = [one for one in self.missed if not (unenforced and allow_unenforced and one.expectation.verdict == DENY)]
        return [
            *(f"Node {name} went down meanwhile, so nothing is proved of it." for name in self.lost_nodes),
            *([whole] if unenforced and not allow_unenforced else []),
            *_some(differing, "connections do otherwise"),
            *_some(unknown, "connections could not be measured"),
            *_some(missed, "expectations are not met"),
        ]

    def summary(self) -> t.List[str]:
        """A line on each thing that was found out."""
        counts = collections.Counter(one.result for one in self.measured)
        denied = [one for one in self.measured if one.expected == DENY]
        kinds = len({stand.kind.number for stand in self.stands if not stand.kind.ours})
        lines = [
            f"{len(self.measured)} connections between {len(self.stands)} pods for {kinds} kinds of pods: "
            + ", ".join(f"{counts[name]} {word}" for name, word in _COUNTED if counts[name] or name in (AGREES, DIFFERS)),
            f"policies: {self.enforcement}"
            + (f", {sum(one.verdict == DENY for one in denied)} of {len(denied)} connections that they deny were denied" if denied else "")
            + (f" ({self.why_not_enforced})" if self.enforcement == NOT_ENFORCED else ""),
        ]
        if self.settled_after is not None:
            lines.append(f"as policies say after {self.settled_after:.1f} s")
        if self.tested:
            results = collections.Counter(one.result for one in self.tested)
            lines.append("expectations: " + ", ".join(f"{results[name]} {name}" for name in (MET, MISSED, UNKNOWN)))
        return lines


def _some(several: t.Sequence[t.Any], what: str) -> t.List[str]:
    more = len(several) - _MOST_TOLD
    return [*map(str, several[:_MOST_TOLD]), *([f"... and {more} more {what}"] if more > 0 else [])]


_COUNTED = ((AGREES, "as policies say"), (DIFFERS, "otherwise"), (UNDEFINED, "left to the CNI"), (UNKNOWN, "not known"))


# --- From words to verdicts -------------------------------------------------------------------------------------------


def judge(
    readings: t.Mapping[Connection, agent.Reading],
    explain: t.Callable[[Connection], matrix.Explanation],
    expected: t.Mapping[Connection, str],
) -> t.Tuple[Measured, ...]:
    """Every connection but the controls, measured against ``expected``; ``explain`` is asked only where both differ."""
    controls = {(one.target, one.port, one.family): reading.word for one, reading in readings.items() if one.is_control}
    found = []
    for connection, reading in readings.items():
        if connection.is_control:
            continue
        control = controls.get((connection.target, connection.port, connection.family), "")
        verdict, seen = told(reading, control, connection, expected[connection])
        tells = _tells(reading, connection, control)
        one = Measured(connection, expected[connection], verdict, seen, reading.milliseconds, tells=tells)
        if one.result == DIFFERS:
            one = dataclasses.replace(one, why=tuple(reason.text for reason in explain(connection).reasons))
        found.append(one)
    return tuple(found)


def _tells(reading: agent.Reading, connection: Connection, control: str) -> bool:
    """Whether a verdict can be had where none is yet."""
    return silence_tells(connection, control) or (connection.place != OUT and reading.word in _NO_DENIAL)


def silence_tells(connection: Connection, control: str) -> bool:
    """Whether something would surely be heard if packets came through.

    Of an address outside nobody can say. And where nothing listens for UDP, only the kernel's refusal tells of it, which it holds back
    after six to one address, and gives one more each second (icmp(7), icmp_ratelimit).
    """
    return connection.place != OUT and not (connection.port.protocol == "UDP" and control == agent.REFUSED)


#: Nobody answered, and yet it is no denial: packets came through, or never left.
_NO_DENIAL = {
    agent.MUTE: (UNKNOWN, "connected, and nothing was said"),
    agent.UNROUTABLE: (UNKNOWN, "the source has no route there"),
}
#: What needs no control.
_BY_ITSELF = {
    agent.ANSWERED: (ALLOW, "answered"),
    agent.WRONG: (UNKNOWN, "{who} answered, who is not {target}"),
    agent.UNREAD: (UNKNOWN, "not measured{detail}"),
    **_NO_DENIAL,
}


def told(reading: agent.Reading, control: str, connection: Connection, expected: str = "") -> t.Tuple[str, str]:
    """The verdict on a connection, and what was seen in words. Silence of somebody else's address is no denial where it may be reached.

    ``control``: what the destination saw when it asked itself on that port: `agent.ANSWERED` if something listens, `agent.REFUSED` if
    nothing does, another word if that cannot be told; "" for a destination in which nobody could ask.
    """
    word, detail = reading.word, f" ({reading.text})" if reading.text else ""
    if word in _BY_ITSELF:
        verdict, seen = _BY_ITSELF[word]
        return verdict, seen.format(detail=detail, who=reading.text or "somebody else", target=connection.target)
    if word == agent.REFUSED and control == "" and connection.service:
        return UNKNOWN, "refused: by who was reached, or for want of a ready endpoint"
    if word == agent.REFUSED and control in ("", agent.REFUSED):
        return ALLOW, "refused: it was reached, and nothing listens there"
    # Packets that nobody answers may have come through.
    unheard = control == "" and (connection.port.protocol != "TCP" or expected == ALLOW)
    held_back = word == agent.SILENT and control == agent.REFUSED and not silence_tells(connection, control)
    if unheard or held_back or control not in ("", agent.ANSWERED, agent.REFUSED):
        return UNKNOWN, f"{word}{detail}, and no listener is known to answer there"
    return DENY, f"{'rejected' if word == agent.REFUSED else word}{detail}"


def worth_another_look(readings: t.Mapping[Connection, agent.Reading], expected: t.Mapping[Connection, str]) -> t.List[Connection]:
    """What is not as ``expected``, with what each destination says to itself: it may only have come up."""
    controls = {(one.target, one.port, one.family): one for one in readings if one.is_control}
    found: t.Dict[Connection, None] = {}
    for connection, reading in readings.items():
        if reading.word == agent.UNSUPPORTED:
            continue
        control = controls.get((connection.target, connection.port, connection.family))
        said = readings[control].word if control is not None else ""
        if connection.is_control:
            agrees = reading.word == agent.ANSWERED or not connection.says
        else:
            agrees = _agrees(connection, reading, said, expected[connection])
        if not agrees:
            found[connection] = None
            if control is not None:
                # Of the same moment: a listener that ended since refuses, and is no policy.
                found[control] = None
    return list(found)


def _agrees(connection: Connection, reading: agent.Reading, control: str, expected: str) -> bool:
    """Whether another look would tell no more: what is silent as it should be, or outside, may be so for ever."""
    verdict = told(reading, control, connection, expected)[0]
    in_vain = verdict == UNKNOWN and not _tells(reading, connection, control) and (expected == DENY or connection.place == OUT)
    return in_vain or expected in (UNDEFINED, verdict)


def without_unsupported(
    readings: t.Mapping[Connection, agent.Reading],
) -> t.Tuple[t.Tuple[str, ...], t.Dict[Connection, agent.Reading]]:
    """What the nodes' kernels cannot do, in words, and the readings without it. What listens is silent as well where the one end cannot."""
    lacking = {one.port.protocol for one, reading in readings.items() if reading.word == agent.UNSUPPORTED}
    told = tuple(f"{protocol}: not every node's kernel has it" for protocol in sorted(lacking))
    return told, {one: reading for one, reading in readings.items() if one.port.protocol not in lacking}
