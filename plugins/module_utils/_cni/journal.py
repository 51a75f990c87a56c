# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal of a change of CNI: what it is, what it did and when, and what was there before.

Pure: no I/O and no clock. ``_kube.journal`` keeps it in a ConfigMap, ``_control.trace`` in a file.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _moments, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import DONE

# What can be said to the journal.
BEGUN = "begun"
NOTED = "noted"
STEP_STARTED = "step_started"
STEP_FINISHED = "step_finished"
STEP_FAILED = "step_failed"
ENDED = "ended"
EVENTS = (BEGUN, NOTED, STEP_STARTED, STEP_FINISHED, STEP_FAILED, ENDED)
STEP_EVENTS = (STEP_STARTED, STEP_FINISHED, STEP_FAILED)

# States of a step.
STARTED = "started"
FINISHED = "finished"
FAILED = "failed"
#: It was under way when its run was killed; the run after that found it so.
INTERRUPTED = "interrupted"

#: The phase of a journal that was just begun.
PREPARED = "prepared"

# Keys of the ConfigMap that hold JSON of ours. All others are plain text.
_STEPS = "steps"
_SETTINGS = "settings"
#: Keys with whole objects in them: flannel's configuration may hold a key of WireGuard or IPsec, so they are told to nobody unasked.
_BACKUP = ".yaml"
_KEY = re.compile(r"[-._a-zA-Z0-9]{1,253}")

#: Kubernetes allows 1 MiB of data in a ConfigMap. The steps get a part of it, so that there is always room for the rest.
MOST_BYTES = 1024 * 1024
STEPS_BYTES = 256 * 1024
LONGEST_DETAIL = 2000
_EARLIER = "earlier steps"
_LEFT_OUT = "left out for lack of room; the file on the control machine has them"


@dataclasses.dataclass(frozen=True)
class Step:
    """One step. Times are seconds since the epoch; ``nodes`` is empty when it concerns no node alone."""

    name: str
    state: str
    started: t.Optional[float] = None
    finished: t.Optional[float] = None
    nodes: t.Tuple[str, ...] = ()
    detail: str = ""

    @property
    def is_open(self) -> bool:
        return self.state == STARTED


@dataclasses.dataclass(frozen=True)
class Entry:
    """What is said to the journal at one moment: one of `EVENTS`, the step it is about, and what to keep.

    A step that is started ``alone`` finishes all that were open before it.
    """

    event: str
    at: float
    step: str = ""
    nodes: t.Tuple[str, ...] = ()
    detail: str = ""
    data: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    alone: bool = False


@dataclasses.dataclass(frozen=True)
class Journal:
    """``data`` are the ConfigMap's plain keys, backups among them; ``settings`` is what was changed for the time of the migration."""

    data: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    settings: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)
    steps: t.Tuple[Step, ...] = ()

    @property
    def phase(self) -> str:
        return self.data.get("phase", "")

    @property
    def unfinished(self) -> bool:
        """Whether a migration was begun and not ended."""
        return bool(self.data) and self.phase != DONE

    @property
    def current(self) -> t.Optional[Step]:
        """The step under way that was started last."""
        return next((step for step in reversed(self.steps) if step.is_open), None)


def from_data(data: t.Mapping[str, str]) -> Journal:
    """The journal that a ConfigMap's data holds; one without steps was written by a release that knew none."""
    try:
        steps = tuple(_records.build(Step, item, {}) for item in json.loads(data.get(_STEPS) or "[]"))
        settings = dict(json.loads(data.get(_SETTINGS) or "{}"))
    except (ValueError, TypeError, AttributeError) as error:
        raise _errors.BadInputError(
            f"its steps or settings are not what this release writes: {error}",
            "journal",
            "Somebody edited it. Correct or remove these two keys; the other keys are enough to go on.",
        ) from error
    return Journal({key: value for key, value in data.items() if key not in (_STEPS, _SETTINGS)}, settings, steps)


def to_data(journal: Journal) -> t.Dict[str, str]:
    """The inverse of `from_data`, within what a ConfigMap may hold."""
    data = dict(journal.data)
    if journal.settings:
        data[_SETTINGS] = json.dumps(journal.settings, sort_keys=True)
    if journal.steps:
        data[_STEPS] = json.dumps(_records.plain(compacted(journal.steps)))
    sizes = {key: len(value.encode()) for key, value in data.items()}
    if sum(sizes.values()) > MOST_BYTES:
        biggest = max(sizes, key=lambda key: sizes[key])
        raise _errors.BadInputError(
            f"with this it would have {sum(sizes.values()):,} bytes, and a ConfigMap holds {MOST_BYTES:,}; "
            f"the biggest key is {biggest} with {sizes[biggest]:,}",
            "journal",
            "Nothing was written. Keep that elsewhere and leave it out of the journal.",
        )
    return data


def texts(data: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """The values as a ConfigMap keeps them; a number or a truth value is written as in JSON."""
    wrong = [key for key, value in data.items() if not _KEY.fullmatch(key) or not isinstance(value, (str, int, float))]
    if wrong:
        raise _errors.BadInputError(
            f"these cannot be kept: {', '.join(wrong)}",
            "option data or backups",
            "Keys are of letters, digits, -, _ and .; values are text, so filter a structure with to_json.",
        )
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in data.items()}


def kept(data: t.Mapping[str, t.Any], backups: t.Mapping[str, t.Any]) -> t.Dict[str, str]:
    """What an entry keeps, of the two options it comes by: what may be shown, and what may not."""
    shown = [key for key in data if key in (_STEPS, _SETTINGS) or key.endswith(_BACKUP)]
    if shown:
        raise _errors.BadInputError(
            f"not for this option: {', '.join(shown)}",
            "option data",
            "Keys that end in .yaml go into backups; steps and settings are its own.",
        )
    hidden = [key for key in backups if not key.endswith(_BACKUP)]
    if hidden:
        raise _errors.BadInputError(f"these keys do not end in {_BACKUP}: {', '.join(hidden)}", "option backups", "Rename them.")
    return {**texts(data), **texts(backups)}


def noted(journal: Journal, entry: Entry) -> Journal:
    """The journal with the entry in it. To say the same entry again changes nothing, so a write whose answer was lost can be repeated."""
    if entry.event == BEGUN:
        return _begun(journal, entry)
    if entry.event == ENDED:
        return _ended(journal, entry)
    new = _with(journal, entry)
    if entry.event == STEP_STARTED:
        return dataclasses.replace(new, steps=_step_started(_finished(new.steps, entry) if entry.alone else new.steps, entry))
    if entry.event in STEP_EVENTS:
        return dataclasses.replace(new, steps=_step_ended(new.steps, entry))
    return new


def compacted(steps: t.Sequence[Step], room: int = STEPS_BYTES) -> t.Tuple[Step, ...]:
    """The steps within so many bytes of JSON: the oldest lose their details first, then their nodes, then themselves."""
    rest = list(steps)
    excess = sum(map(_size, rest)) - room
    for lighten in (_without_detail, _without_nodes):
        for place, step in enumerate(rest):
            if excess > 0 and not step.is_open:
                rest[place] = lighten(step)
                excess -= _size(step) - _size(rest[place])
    return tuple(rest) if excess <= 0 else _without_oldest(rest, excess + _size(_summed(rest)))


def describe(journal: Journal, with_backups: bool = False) -> t.Dict[str, t.Any]:
    """The journal as a plain dictionary for people and modules."""
    return {
        "strategy": journal.data.get("strategy", ""),
        "source": journal.data.get("source", ""),
        "phase": journal.phase,
        "unfinished": journal.unfinished,
        "started": _moments.parse(journal.data.get("started", "")),
        "finished": _moments.parse(journal.data.get("finished", "")),
        "data": {key: value for key, value in sorted(journal.data.items()) if with_backups or not key.endswith(_BACKUP)},
        "settings": journal.settings,
        "steps": _records.plain(journal.steps),
        "current_step": _records.plain(journal.current),
    }


def line(entry: Entry, run: str) -> str:
    """The entry as a line of the file. Of backups only the size is told."""
    fields = {**_records.plain(entry), "run": run, "time": _moments.text(entry.at)}
    fields["data"] = {key: f"{len(value)} characters" if key.endswith(_BACKUP) else value for key, value in entry.data.items()}
    return json.dumps({key: value for key, value in fields.items() if value not in ("", [], {}, False)}, sort_keys=True) + "\n"


def failure_line(at: float, problem: str, run: str) -> str:
    """The line of the file that says why the entry before it is not in the cluster."""
    return json.dumps({"at": at, "event": "not_written", "problem": problem, "run": run, "time": _moments.text(at)}, sort_keys=True) + "\n"


def summary(journal: Journal) -> t.List[str]:
    """What a person wants to know of it."""
    if not journal.data and not journal.steps:
        return ["no journal: no migration was begun"]
    data = journal.data
    head = f"{data.get('strategy', 'migration')} from {data.get('source', 'unknown')}, phase {journal.phase or 'unknown'}"
    began = f", begun {data['started']}" if data.get("started") else ""
    return [head + began, *(_told(step) for step in journal.steps)]


def _told(step: Step) -> str:
    nodes = f" on {', '.join(step.nodes[:5])}{' ...' if len(step.nodes) > 5 else ''}" if step.nodes else ""
    took = f", {_moments.length(step.finished - step.started)}" if step.started is not None and step.finished is not None else ""
    began = f" {_moments.clock(step.started)}" if step.started is not None else ""
    return f"{step.state:<11}{began} {step.name}{nodes}{took}{': ' + step.detail if step.detail else ''}"


def _begun(journal: Journal, entry: Entry) -> Journal:
    """A new journal; or the unfinished one, whose word on what was there before stands."""
    if journal.unfinished:
        open_steps = [dataclasses.replace(step, state=INTERRUPTED, finished=entry.at) if step.is_open else step for step in journal.steps]
        return Journal({**entry.data, **journal.data}, _merged(entry.settings, journal.settings), tuple(open_steps))
    return Journal({"phase": PREPARED, **entry.data, "started": _moments.text(entry.at)}, dict(entry.settings))


def _ended(journal: Journal, entry: Entry) -> Journal:
    if not journal.unfinished:
        return journal
    new = _with(journal, entry)
    data = {**new.data, "phase": DONE, "finished": _moments.text(entry.at)}
    return dataclasses.replace(new, data=data, steps=_finished(new.steps, entry))


def _with(journal: Journal, entry: Entry) -> Journal:
    return dataclasses.replace(journal, data={**journal.data, **entry.data}, settings=_merged(journal.settings, entry.settings))


def _merged(old: t.Mapping[str, t.Any], new: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    """``new`` over ``old``, mapping by mapping."""
    deeper = {key: _merged(old[key], value) for key, value in new.items() if _are_mappings(old.get(key), value)}
    return {**old, **new, **deeper}


def _are_mappings(*values: t.Any) -> bool:
    return all(isinstance(value, t.Mapping) for value in values)


def _finished(steps: t.Tuple[Step, ...], entry: Entry) -> t.Tuple[Step, ...]:
    """The steps, with an end for those under way, unless it is the entry's own one that is said again."""
    own = Step(entry.step, STARTED, entry.at, None, entry.nodes, _cut(entry.detail))
    return tuple(_closed(step, FINISHED, entry.at) if step.is_open and step != own else step for step in steps)


def _step_started(steps: t.Tuple[Step, ...], entry: Entry) -> t.Tuple[Step, ...]:
    """An open step of the same name and nodes is that of a run that was killed in it."""
    new = Step(entry.step, STARTED, entry.at, None, entry.nodes, _cut(entry.detail))
    if new in steps:
        return steps
    before = [_closed(step, INTERRUPTED, new.started) if _is_same(step, entry) and step.nodes == entry.nodes else step for step in steps]
    return (*before, new)


def _step_ended(steps: t.Tuple[Step, ...], entry: Entry) -> t.Tuple[Step, ...]:
    """The newest open step of that name and nodes gets its end. Without one, it was noted already, or its start never was."""
    state = FINISHED if entry.event == STEP_FINISHED else FAILED
    place = next((place for place in reversed(range(len(steps))) if _is_same(steps[place], entry)), None)
    if place is not None:
        ended = _closed(steps[place], state, entry.at, entry.detail)
        return (*steps[:place], ended, *steps[place + 1 :])
    if any(step.name == entry.step and step.state == state and entry.nodes in ((), step.nodes) for step in steps):
        return steps
    return (*steps, Step(entry.step, state, entry.at, entry.at, entry.nodes, _cut(entry.detail)))


def _is_same(step: Step, entry: Entry) -> bool:
    """Whether the entry is about this open step; one that names no nodes is about any of that name."""
    return step.is_open and step.name == entry.step and entry.nodes in ((), step.nodes)


def _closed(step: Step, state: str, at: t.Optional[float], detail: str = "") -> Step:
    return dataclasses.replace(step, state=state, finished=at, detail=_cut(detail) or step.detail)


def _cut(detail: str) -> str:
    return detail if len(detail) <= LONGEST_DETAIL else f"{detail[: LONGEST_DETAIL - 4]} ..."


def _size(step: Step) -> int:
    return len(json.dumps(_records.plain(step))) + 2


def _without_detail(step: Step) -> Step:
    return dataclasses.replace(step, detail="")


def _without_nodes(step: Step) -> Step:
    return dataclasses.replace(step, nodes=())


def _without_oldest(steps: t.List[Step], excess: int) -> t.Tuple[Step, ...]:
    """One entry in the place of as many of the oldest ended steps as it takes."""
    gone: t.List[Step] = []
    for step in steps:
        if excess <= 0:
            break
        if not step.is_open:
            gone.append(step)
            excess -= _size(step)
    return (_summed(gone), *(step for step in steps if step not in gone))


def _summed(steps: t.Sequence[Step]) -> Step:
    started = min((step.started for step in steps if step.started is not None), default=None)
    finished = max((step.finished for step in steps if step.finished is not None), default=None)
    return Step(_EARLIER, FINISHED, started, finished, (), _LEFT_OUT)
