# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where each step and each gap lies on the timeline, in thousandths of its width.

A change that was stopped and gone on with the next day is two short busy times with a long idle one between: that one is drawn short.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.report.model import Gap, Step

WIDTH = 1000.0
#: Seconds up to which nobody notices that there was no answer.
SHORT = 0.5
#: A bar is never drawn narrower than this.
_NARROWEST = 4.0
#: An idle time is drawn as wide as this part of the busy time, once it is longer.
_IDLE = 0.04
_TICKS = 4

_Span = t.Tuple[float, float]


@dataclasses.dataclass(frozen=True)
class Bar:
    """From ``left``, so wide."""

    left: float
    width: float


@dataclasses.dataclass(frozen=True)
class Tick:
    """A moment named on the axis."""

    left: float
    moment: float


@dataclasses.dataclass(frozen=True)
class Row:
    """A step, its bar, and the gaps while it ran, long ones and short ones. A step whose start nobody knows has no bar."""

    step: Step
    bar: t.Optional[Bar]
    long: t.Tuple[Bar, ...] = ()
    short: t.Tuple[Bar, ...] = ()


@dataclasses.dataclass(frozen=True)
class Timeline:
    """``breaks`` are the idle times that are drawn short, ``busy`` the seconds in which a step was under way."""

    rows: t.Tuple[Row, ...] = ()
    ticks: t.Tuple[Tick, ...] = ()
    breaks: t.Tuple[Bar, ...] = ()
    busy: float = 0.0


def lay_out(steps: t.Sequence[Step], gaps: t.Sequence[Gap], end: t.Optional[float] = None) -> Timeline:
    """The timeline of the steps; a step still open lasts until ``end``, or the last thing that is known."""
    spans = _spans(steps, end)
    known = [span for span in spans if span is not None]
    if not known:
        return Timeline(tuple(Row(step, None) for step in steps))
    scale = _Scale(known)
    own = [gap for gap in gaps if not gap.cause]
    kinds = ([gap for gap in own if gap.seconds > SHORT], [gap for gap in own if gap.seconds <= SHORT])
    rows = tuple(_row(step, span, scale, kinds) for step, span in zip(steps, spans))
    return Timeline(rows, scale.ticks(), scale.breaks(), sum(end - start for start, end in _joined(known, 0.0)))


def _row(step: Step, span: t.Optional[_Span], scale: _Scale, kinds: t.Iterable[t.Sequence[Gap]]) -> Row:
    if span is None:
        return Row(step, None)
    long, short = (tuple(scale.bar(cut) for cut in _within(span, gaps)) for gaps in kinds)
    return Row(step, scale.bar(span), long, short)


class _Scale:
    """Maps moments to places, with idle times drawn short."""

    def __init__(self, spans: t.Sequence[_Span]) -> None:
        joined = _joined(spans, 0.0)
        busy = sum(end - start for start, end in joined) or 1.0
        #: Busy times, with the idle times between them that are too short to be worth a break.
        self.busy = _joined(spans, _IDLE * busy)
        length = sum(end - start for start, end in self.busy) or 1.0
        self._idle = _IDLE * WIDTH
        self._factor = (WIDTH - self._idle * (len(self.busy) - 1)) / length

    def place(self, moment: float) -> float:
        left = 0.0
        for start, end in self.busy:
            if moment <= end:
                return left + max(0.0, moment - start) * self._factor
            left += (end - start) * self._factor + self._idle
        return WIDTH

    def bar(self, span: _Span) -> Bar:
        left, right = self.place(span[0]), self.place(span[1])
        width = max(right - left, _NARROWEST)
        return Bar(round(min(left, WIDTH - width), 2), round(width, 2))

    def breaks(self) -> t.Tuple[Bar, ...]:
        ends = [self.place(end) for _start, end in self.busy[:-1]]
        return tuple(Bar(round(left, 2), round(self._idle, 2)) for left in ends)

    def ticks(self) -> t.Tuple[Tick, ...]:
        """Evenly over one busy time; else where each begins, as far as the texts do not meet."""
        (start, end), *more = self.busy
        moments = [begin for begin, _end in self.busy] if more else [start + (end - start) * part / _TICKS for part in range(_TICKS + 1)]
        ticks: t.List[Tick] = []
        for moment in moments:
            left = round(self.place(moment), 2)
            if not ticks or left - ticks[-1].left >= WIDTH / (_TICKS + 1):
                ticks.append(Tick(left, moment))
        return tuple(ticks)


def _spans(steps: t.Sequence[Step], end: t.Optional[float]) -> t.List[t.Optional[_Span]]:
    """From when to when each step is drawn."""
    events = [moment for step in steps for moment in (step.started, step.finished) if moment is not None]
    last = max([*events, *([end] if end is not None else [])], default=0.0)
    return [_span(step, events, last) for step in steps]


def _span(step: Step, events: t.Sequence[float], last: float) -> t.Optional[_Span]:
    if step.started is None:
        return None
    finished = last if step.finished is None else step.finished
    if step.state == "interrupted":
        # Its end is when the next run found it so; it was killed some time after the last thing that is known before that.
        finished = max((event for event in events if step.started <= event < finished), default=step.started)
    return (step.started, max(step.started, finished))


def _joined(spans: t.Sequence[_Span], bridge: float) -> t.List[_Span]:
    """The spans as few as possible, those that touch or lie no farther apart than ``bridge`` as one."""
    joined: t.List[_Span] = []
    for start, end in sorted(spans):
        if joined and start - joined[-1][1] <= bridge:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined


def _within(span: _Span, gaps: t.Iterable[Gap]) -> t.Tuple[_Span, ...]:
    """The parts of the gaps in the span; those that overlap as one."""
    cut = [(max(span[0], gap.started), min(span[1], gap.finished)) for gap in gaps if gap.started < span[1] and gap.finished > span[0]]
    return tuple(_joined(cut, 0.0))
