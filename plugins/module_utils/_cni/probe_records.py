# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The records of the connectivity probe, as `prober.PROBER` writes them, read back: the lives of the probers and what each saw.

Pure: no I/O, no clock. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

_MICRO = 1e6

Words = t.List[str]


class Second(t.NamedTuple):
    """A second of probes that got a result, or ten when none was lost. ``age`` is how long ago the last answered one was sent."""

    when: float
    answered: int
    lost: int
    widest: float
    age: t.Optional[float]


@dataclasses.dataclass
class Track:
    """What one run of a prober wrote about one path."""

    first: t.Optional[float] = None
    gaps: t.List[t.Tuple[float, float]] = dataclasses.field(default_factory=list)
    bad: t.List[t.Tuple[float, str]] = dataclasses.field(default_factory=list)
    seconds: t.List[Second] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Run:
    """One life of a prober. ``last`` is when it last wrote, ``figures`` when it last gave those of all paths, ``quiet`` when it last said
    that nothing is lost. ``late`` are times in which it was not run, since the processor was busy.
    """

    role: str
    node: str
    pod: str
    started: float
    interval: float
    last: float
    ended: str = ""
    figures: float = 0.0
    quiet: float = 0.0
    late: t.List[t.Tuple[float, float]] = dataclasses.field(default_factory=list)
    tracks: t.Dict[str, Track] = dataclasses.field(default_factory=dict)


def parse(text: str) -> t.Tuple[t.Tuple[float, ...], t.Tuple[Run, ...]]:
    """The node's clock before and after it was read, and what its probers wrote. Lines that are not whole are passed over."""
    now: t.List[float] = []
    runs: t.List[Run] = []
    names: t.Dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2:
            continue
        try:
            if words[0] == "now":
                now.append(_seconds(words[1]))
            elif words[0] == "run":
                runs.append(_run(words))
                names = {}
            elif words[0] == "path":
                names[words[1]] = words[2]
            elif runs:
                _RECORDS[words[0]](runs[-1], names, words)
        except (KeyError, IndexError, ValueError):
            # Power that failed while a line was written leaves half of it, or zeros.
            continue
    return tuple(now), tuple(runs)


def _run(words: Words) -> Run:
    started = _seconds(words[1])
    return Run(words[2], words[3], words[4], started, float(words[5]) / _MICRO, started)


def _up(run: Run, names: t.Mapping[str, str], words: Words) -> None:
    _track(run, names[words[2]]).first = _seconds(words[1])


def _bad(run: Run, names: t.Mapping[str, str], words: Words) -> None:
    _track(run, names[words[2]]).bad.append((_seconds(words[1]), words[3]))


def _gap(run: Run, names: t.Mapping[str, str], words: Words) -> None:
    _track(run, names[words[2]]).gaps.append((_seconds(words[3]), _seconds(words[1])))


def _sec(run: Run, names: t.Mapping[str, str], words: Words) -> None:
    when = _seconds(words[1])
    for word in words[2:]:
        number, _equals, figures = word.partition("=")
        answered, lost, widest, age = figures.split("/")
        since = None if age == "-" else float(age) / 1000
        _track(run, names[number]).seconds.append(Second(when, int(answered), int(lost), float(widest) / 1000, since))
    run.last, run.figures = max(run.last, when), when


def _ok(run: Run, _names: t.Mapping[str, str], words: Words) -> None:
    run.last = run.quiet = _seconds(words[1])


def _late(run: Run, _names: t.Mapping[str, str], words: Words) -> None:
    run.late.append((_seconds(words[2]), _seconds(words[1])))


def _end(run: Run, _names: t.Mapping[str, str], words: Words) -> None:
    run.last, run.ended = max(run.last, _seconds(words[1])), words[2]


def _ignore(_run: Run, _names: t.Mapping[str, str], _words: Words) -> None:
    """For a person who reads the file."""


_RECORDS: t.Mapping[str, t.Callable[[Run, t.Mapping[str, str], Words], None]] = {
    "up": _up,
    "bad": _bad,
    "gap": _gap,
    "sec": _sec,
    "ok": _ok,
    "late": _late,
    "end": _end,
    "at": _ignore,
}


def _seconds(micro: str) -> float:
    return int(micro) / _MICRO


def _track(run: Run, key: str) -> Track:
    return run.tracks.setdefault(key, Track())


def shifted(run: Run, shift: float) -> Run:
    """The same with all times moved by ``shift`` seconds."""
    if not shift:
        return run
    tracks = {
        key: Track(
            None if track.first is None else track.first + shift,
            [(start + shift, end + shift) for start, end in track.gaps],
            [(when + shift, why) for when, why in track.bad],
            [second._replace(when=second.when + shift) for second in track.seconds],
        )
        for key, track in run.tracks.items()
    }
    late = [(start + shift, end + shift) for start, end in run.late]
    times = {name: getattr(run, name) + shift for name in ("started", "last", "figures", "quiet")}
    return dataclasses.replace(run, **times, late=late, tracks=tracks)
