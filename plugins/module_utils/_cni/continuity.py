# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the connectivity probe's records say: for each path how much was asked and lost, and when nothing came through, and why.

Pure: no I/O, no clock. All times are seconds since 1970 on the clock of the control machine.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import math
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.probe_records import Run, Second, Track, parse, shifted

#: Kinds of paths, in the order they are told in. A path of the first kind goes to the pod of another node.
POD_TO_POD = "pod-to-pod"
POD_TO_SERVICE = "pod-to-service"
POD_TO_DNS = "pod-to-dns"
HOST_TO_NODEPORT = "host-to-nodeport"
POD_TO_APP = "pod-to-app"
HOST_TO_APP = "host-to-app"
KINDS = (POD_TO_POD, POD_TO_SERVICE, POD_TO_DNS, HOST_TO_NODEPORT, POD_TO_APP, HOST_TO_APP)

#: Why a gap is one: the pod that asks was made anew, or a pod that answers was, or the processor was too busy to run the probe. Without
#: a cause it is the network's.
OWN_RESTART = "own restart"
TARGET_RESTART = "target restart"
UNMEASURED = "not measured"

#: A prober writes once a second; one that has not for so many seconds is not running.
_SILENCE = 3.0
#: Seconds within which two nodes' records of the same event may differ.
_SLACK = 1.0
#: A probe that gets no answer counts as lost after this many seconds.
_PATIENCE = 1.2
#: Seconds after a pod's start in which its first probe, or the first probe to its new address, ought to be answered. What a restart
#: takes longer is not the restart's doing.
_OWN_START = 1.0
_TARGET_START = 3.0
#: Gaps up to this many intervals are the probe's own rhythm.
_RHYTHM = 2.5


@dataclasses.dataclass(frozen=True)
class Reading:
    """What a node's pod printed, and when the control machine began to ask and had it all; ``problem`` is why it may not be all."""

    node: str
    text: str
    asked: float
    answered: float
    problem: str = ""


@dataclasses.dataclass(frozen=True)
class Clock:
    """By how many seconds a node's clock is ahead, and how wrong that may be."""

    node: str
    ahead: float
    uncertainty: float

    @property
    def shift(self) -> float:
        """What to add to the node's times. A difference within the uncertainty is none."""
        return -self.ahead if abs(self.ahead) > self.uncertainty else 0.0


@dataclasses.dataclass(frozen=True)
class Step:
    """Something that was done meanwhile; ``finished`` is None while it goes on."""

    name: str
    started: float
    finished: t.Optional[float] = None


@dataclasses.dataclass(frozen=True)
class Gap:
    """A time without an answered probe, from one that was to the next. ``ongoing`` when there was no next one yet."""

    started: float
    finished: float
    cause: str = ""
    reason: str = ""
    steps: t.Tuple[str, ...] = ()
    ongoing: bool = False

    @property
    def seconds(self) -> float:
        return self.finished - self.started


@dataclasses.dataclass(frozen=True)
class Path:
    """One way from a node to a target. ``failed_explained`` is how many of ``failed`` fell into gaps that have a cause.

    ``gaps`` are those over the rhythm of the probe, ``longest`` is the longest time between two answered probes of all, and ``outage``
    the longest one without a cause.
    """

    kind: str
    source: str
    target: str
    sent: int
    failed: int
    failed_explained: int
    longest: t.Optional[Gap]
    outage: t.Optional[Gap]
    gaps: t.Tuple[Gap, ...]


@dataclasses.dataclass(frozen=True)
class Continuity:
    """All paths, the clocks they were seen by, and what could not be read, in words by node."""

    paths: t.Tuple[Path, ...]
    clocks: t.Tuple[Clock, ...]
    problems: t.Tuple[t.Tuple[str, str], ...]
    started: t.Optional[float]
    finished: t.Optional[float]


def steps_from_option(value: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[Step, ...]:
    """The option ``steps``: entries of the journal, of which more keys may come along."""
    try:
        steps = [(str(item["name"]), float(item["started"]), item.get("finished")) for item in value]
        return tuple(Step(name, started, None if finished in (None, "") else float(finished)) for name, started, finished in steps)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _errors.BadInputError(
            f"an entry is no step: {error!r}", "option steps", "Each needs a name and the seconds since 1970 when it started and finished."
        ) from error


def analyse(
    readings: t.Sequence[Reading], since: t.Optional[float] = None, until: t.Optional[float] = None, steps: t.Sequence[Step] = ()
) -> Continuity:
    """Everything that is known about the time from ``since`` to ``until``; a gap counts when it overlaps that time."""
    window = (-math.inf if since is None else since, math.inf if until is None else until)
    clocks: t.List[Clock] = []
    problems: t.List[t.Tuple[str, str]] = []
    runs: t.List[Run] = []
    ends: t.Dict[str, float] = {}
    for reading in readings:
        now, found = parse(reading.text)
        if not now:
            problems.append((reading.node, reading.problem or "the pod printed no readings"))
            continue
        clock = _clock(reading, now)
        clocks.append(clock)
        ends[reading.node] = now[-1] + clock.shift
        runs += [shifted(run, clock.shift) for run in found]
        problems += _complaints(reading, found, now[-1])
    paths = tuple(_paths(runs, ends, window, steps))
    seen = [run for run in runs if run.last >= window[0] and run.started <= window[1]]
    return Continuity(
        paths,
        tuple(clocks),
        tuple(problems),
        max(window[0], min(run.started for run in seen)) if seen else None,
        min(window[1], max(run.last for run in seen)) if seen else None,
    )


def _clock(reading: Reading, now: t.Sequence[float]) -> Clock:
    """The first time was printed after the question, the last one before the answer was complete; in between it was busy printing."""
    most, least = now[0] - reading.asked, now[-1] - reading.answered
    return Clock(reading.node, (most + least) / 2, (most - least) / 2)


def _complaints(reading: Reading, runs: t.Sequence[Run], now: float) -> t.Iterator[t.Tuple[str, str]]:
    if reading.problem:
        yield reading.node, reading.problem
    for role in ("pod", "host"):
        last = max((run for run in runs if run.role == role), key=lambda run: run.last, default=None)
        if last is None:
            yield reading.node, f"the {role} prober has written nothing"
        elif last.ended == "full":
            yield reading.node, f"the {role} prober stopped: its readings have reached the size they may have"
        elif not last.ended and now - last.last > _SILENCE:
            yield reading.node, f"the {role} prober has written nothing for {now - last.last:.0f} s"


def _paths(runs: t.Sequence[Run], ends: t.Mapping[str, float], window: t.Tuple[float, float], steps: t.Sequence[Step]) -> t.Iterator[Path]:
    lives = _lives(runs)
    found: t.Dict[t.Tuple[int, str, str], t.List[Run]] = {}
    for run in runs:
        for key in run.tracks:
            kind, _colon, target = key.partition(":")
            found.setdefault((KINDS.index(kind), run.node, target), []).append(run)
    for order, source, target in sorted(found):
        kind = KINDS[order]
        key = _key(kind, target)
        own = sorted(found[order, source, target], key=lambda run: run.started)
        gaps = [
            _explained(part, [run.tracks[key] for run in own], steps)
            for gap in _gaps(own, key, _over(own[-1], key, lives, ends[source]))
            for part in _blamed(gap, own, key, lives)
            if part.finished > window[0] and part.started < window[1]
        ]
        yield _path((kind, source, target), _counted(own, key, lives), gaps, window, steps)


def _counted(runs: t.Sequence[Run], key: str, lives: t.Mapping[t.Tuple[str, str], t.Sequence[Run]]) -> t.Sequence[Track]:
    """What counts of the tracks of a path. Until a new probe has met its peers it fails, which says nothing if it does not last."""
    tracks = [run.tracks[key] for run in runs]
    early = tracks[0]
    if runs[0] is not lives[runs[0].role, runs[0].node][0] or early.first is None:
        return tracks
    met = [second for second in early.seconds if second.age is not None]
    return [dataclasses.replace(early, seconds=met), *tracks[1:]]


def _key(kind: str, target: str) -> str:
    """What the records call the path."""
    return f"{kind}:{target}" if target else kind


def _lives(runs: t.Sequence[Run]) -> t.Mapping[t.Tuple[str, str], t.Tuple[Run, ...]]:
    """The runs of each prober in order, by role and node."""
    lives: t.Dict[t.Tuple[str, str], t.List[Run]] = {}
    for run in sorted(runs, key=lambda run: run.started):
        lives.setdefault((run.role, run.node), []).append(run)
    return {place: tuple(own) for place, own in lives.items()}


def _gaps(runs: t.Sequence[Run], key: str, over: t.Optional[float]) -> t.Iterator[Gap]:
    """Between the times in which probes were answered, of all runs together, and from the last of them to ``over``."""
    times = sorted(time for run in runs for time in _good_times(run, run.tracks[key]))
    if not times:
        return
    rhythm = _RHYTHM * runs[-1].interval
    reached = times[0][1]
    for start, end in times[1:]:
        if start - reached > rhythm:
            yield Gap(reached, start)
        reached = max(reached, end)
    if over is not None and over - reached > rhythm + _SLACK:
        yield Gap(reached, over, ongoing=True)


def _over(run: Run, key: str, lives: t.Mapping[t.Tuple[str, str], t.Sequence[Run]], now: float) -> t.Optional[float]:
    """Until when the path was to be asked; None when the prober gave it up, as the other node has left the cluster."""
    if run is not lives[run.role, run.node][-1] or not _is_asked(run, run.tracks[key]):
        return None
    return run.last if run.ended or now - run.last < _SILENCE else now


def _is_asked(run: Run, track: Track) -> bool:
    """Whether the path was asked until the end of the run."""
    return bool(track.seconds) and track.seconds[-1].when == run.figures


def _good_times(run: Run, track: Track) -> t.Iterator[t.Tuple[float, float]]:
    if track.first is None:
        return
    start = track.first
    for last, again in sorted(track.gaps):
        yield start, last
        start = again
    known = [second.when - second.age for second in track.seconds[-1:] if second.age is not None]
    if _is_asked(run, track) and run.quiet > run.figures:
        known.append(run.quiet - run.interval)
    yield start, max([start, *known])


def _blamed(gap: Gap, runs: t.Sequence[Run], key: str, lives: t.Mapping[t.Tuple[str, str], t.Sequence[Run]]) -> t.Tuple[Gap, ...]:
    """The gap with its cause; in two when it went on long after the pod that caused it was there again."""
    own = _restart(gap, lives[runs[0].role, runs[0].node], 0.0)
    if own is not None:
        return _divided(gap, OWN_RESTART, own + _OWN_START)
    late = sum(max(0.0, min(end, gap.finished) - max(start, gap.started)) for run in runs for start, end in run.late)
    if gap.seconds - late <= _RHYTHM * runs[-1].interval:
        return (dataclasses.replace(gap, cause=UNMEASURED),)
    kind, _colon, target = key.partition(":")
    others: t.List[t.Sequence[Run]] = []
    if kind == POD_TO_POD:
        others = [lives.get(("pod", target), ())]
    elif kind in (POD_TO_SERVICE, HOST_TO_NODEPORT):
        # Any of the probing pods may have been the one that was to answer.
        others = [own for (role, _node), own in lives.items() if role == "pod"]
    starts = [start for start in (_restart(gap, own, _SLACK) for own in others) if start is not None]
    return _divided(gap, TARGET_RESTART, max(starts) + _TARGET_START) if starts else (gap,)


def _divided(gap: Gap, cause: str, over: float) -> t.Tuple[Gap, ...]:
    if gap.finished <= over:
        return (dataclasses.replace(gap, cause=cause),)
    return dataclasses.replace(gap, finished=over, cause=cause, ongoing=False), dataclasses.replace(gap, started=over)


def _restart(gap: Gap, lives: t.Sequence[Run], slack: float) -> t.Optional[float]:
    """When the last life began that began in the gap; its end, when the last life ended in it and nothing followed."""
    began = [run.started for run in lives[1:] if gap.started - slack <= run.started <= gap.finished + slack]
    if began:
        return max(began)
    stopped = bool(lives) and gap.ongoing and not lives[-1].ended and gap.finished - lives[-1].last > _SILENCE
    return gap.finished if stopped else None


def _explained(gap: Gap, tracks: t.Sequence[Track], steps: t.Sequence[Step]) -> Gap:
    # Of losses, one a second is written down, so that of a short gap may be one from just before it.
    reasons = [why for track in tracks for when, why in track.bad if gap.started - _SLACK <= when <= gap.finished]
    return dataclasses.replace(gap, reason=reasons[-1] if reasons else "", steps=_during(gap.started, gap.finished, steps))


def _during(started: float, finished: float, steps: t.Sequence[Step]) -> t.Tuple[str, ...]:
    """The steps that ran then, in their order, each once."""
    running = [step.name for step in steps if step.started <= finished and (step.finished is None or step.finished >= started)]
    return tuple(dict.fromkeys(running))


def _path(
    name: t.Tuple[str, str, str],
    tracks: t.Sequence[Track],
    gaps: t.Sequence[Gap],
    window: t.Tuple[float, float],
    steps: t.Sequence[Step],
) -> Path:
    seconds = [second for track in tracks for second in track.seconds if window[0] <= second.when <= window[1]]
    restarts = [gap for gap in gaps if gap.cause]
    quiet = [second for second in seconds if not _concerned(second, restarts)]
    widest = max(quiet, key=lambda second: second.widest, default=None)
    ordinary = [_ordinary(widest, steps)] if widest and widest.widest else []
    failed = sum(second.lost for second in seconds)
    outage = _longest([*(gap for gap in gaps if not gap.cause), *ordinary])
    return Path(
        *name,
        sent=failed + sum(second.answered for second in seconds),
        failed=failed,
        failed_explained=failed - sum(second.lost for second in quiet),
        longest=_longest([*gaps, *([outage] if outage else [])]),
        outage=outage,
        gaps=tuple(gaps),
    )


def _longest(gaps: t.Sequence[Gap]) -> t.Optional[Gap]:
    return max(gaps, key=lambda gap: gap.seconds, default=None)


def _concerned(second: Second, gaps: t.Sequence[Gap]) -> bool:
    """Whether the second may be about probes of one of the gaps. What is lost is told up to a second after the patience is over."""
    return any(gap.started <= second.when <= gap.finished + _PATIENCE + _SLACK for gap in gaps)


def _ordinary(second: Second, steps: t.Sequence[Step]) -> Gap:
    """The widest gap of a second that was not worth a record of its own; where it was in that second is not known."""
    started = second.when - second.widest
    return Gap(started, second.when, steps=_during(started, second.when, steps))
