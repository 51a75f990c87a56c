# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the probe saw of a run in a few numbers, and how they compare. Pure: no I/O, no clock."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import continuity

HOST_CLIENT, POD_CLIENT, MESH = "host-to-app", "pod-to-app", "pod-to-pod"

#: A client that has to wait longer than that for its Service notices it.
NOTICED = 0.5

_Record = t.Mapping[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Clients:
    """The clients of the workload's Service, one on every node. ``failed_alone`` and ``outage`` are without the client's own restart.

    ``dark`` is the sum of the noticed gaps of the client that has most of them.
    """

    sent: int
    failed: int
    failed_alone: int
    longest_gap: float
    outage: float
    dark: float


@dataclasses.dataclass(frozen=True)
class Pair:
    """What a node's pod saw of another's. ``failed_alone`` and ``outage`` are without restarts of the two."""

    source: str
    target: str
    sent: int
    failed_alone: int
    outage: float
    longest_gap: float


@dataclasses.dataclass(frozen=True)
class Sequel:
    """The same command again, its seconds and changes, and for how many seconds pods were ``away`` that were restarted in place."""

    seconds: float
    changed: int
    away: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """One strategy with one workload, in seconds and requests. ``command`` is ``change`` with all looks before and after."""

    strategy: str
    workload: str
    change: float
    command: float
    hosts: Clients
    pods: Clients
    mesh: tuple[Pair, ...]
    left: tuple[str, ...]
    notes: tuple[str, ...] = ()
    sequel: Sequel | None = None

    @property
    def failed(self) -> int:
        """Requests to the Service that no client's own restart explains."""
        return self.hosts.failed + self.pods.failed_alone

    @property
    def service_gap(self) -> float:
        """The longest that any client waited for the Service while it was there itself."""
        return max(self.hosts.outage, self.pods.outage)

    @property
    def mesh_gap(self) -> float:
        return max((pair.outage for pair in self.mesh), default=0.0)

    def plain(self) -> dict[str, t.Any]:
        """As JSON knows it."""
        derived = {"failed": self.failed, "service_gap": self.service_gap, "mesh_gap": self.mesh_gap}
        return {**dataclasses.asdict(self), **derived}

    @classmethod
    def from_plain(cls, plain: _Record) -> Outcome:
        known = {field.name: plain[field.name] for field in dataclasses.fields(cls)}
        known["hosts"], known["pods"] = Clients(**plain["hosts"]), Clients(**plain["pods"])
        known["mesh"] = tuple(Pair(**pair) for pair in plain["mesh"])
        known["left"], known["notes"] = tuple(plain["left"]), tuple(plain["notes"])
        if plain["sequel"]:
            known["sequel"] = Sequel(**{**plain["sequel"], "away": tuple(plain["sequel"]["away"])})
        return cls(**known)


def clients(seen: _Record, kind: str) -> Clients:
    """The clients of one kind out of what connectivity_probe_info returned. Nothing measured is an error, not a zero."""
    paths = [path for path in seen["paths"] if path["kind"] == kind]
    if not paths or any(path["longest_gap"] is None for path in paths):
        raise ValueError(f"{kind}: a client was never answered twice, or none measured")
    return Clients(
        sum(path["sent"] for path in paths),
        sum(path["failed"] for path in paths),
        sum(path["failed"] - path["failed_explained"] for path in paths),
        max(path["longest_gap"] for path in paths),
        max(path["longest_outage"] or 0.0 for path in paths),
        max(_dark(seen, kind, path["source"]) for path in paths),
    )


def mesh(seen: _Record) -> tuple[Pair, ...]:
    """Every ordered pair of nodes."""
    paths = [path for path in seen["paths"] if path["kind"] == MESH]
    return tuple(
        Pair(
            path["source"],
            path["target"],
            path["sent"],
            path["failed"] - path["failed_explained"],
            path["longest_outage"] or 0.0,
            path["longest_gap"] or 0.0,
        )
        for path in paths
    )


def _dark(seen: _Record, kind: str, source: str) -> float:
    """Where the processor was too busy to ask, nobody waited."""
    own = (gap for gap in seen["gaps"] if (gap["kind"], gap["source"]) == (kind, source))
    return float(sum(gap["seconds"] for gap in own if gap["cause"] != continuity.UNMEASURED))


@dataclasses.dataclass(frozen=True)
class Goal:
    """One goal of the comparison; ``met`` is None where what it needs was not measured."""

    text: str
    measured: str
    met: bool | None


_Table = t.Mapping[str, Outcome]


def goals(outcomes: _Table) -> list[Goal]:
    """The goals, for the outcomes of one workload by strategy."""
    return [*_side_by_side(outcomes), _cutover(outcomes), *_sequel(outcomes), *_tidiness(outcomes)]


def _side_by_side(outcomes: _Table) -> list[Goal]:
    mine = outcomes.get("side_by_side")
    unnoticed = f"side by side: no failed request, no gap over {NOTICED} s for a client of the Service"
    seen = f"{mine.failed} failed, {mine.service_gap:.2f} s" if mine else ""
    return [
        Goal(unnoticed, seen, mine.failed == 0 and mine.service_gap <= NOTICED if mine else None),
        _wall("side by side: at most 0.5 x the controller's time", mine, outcomes.get("controller"), 0.5),
        _wall("side by side: at most 1.3 x the manual way's time", mine, outcomes.get("manual"), 1.3),
    ]


def _wall(text: str, mine: Outcome | None, other: Outcome | None, limit: float) -> Goal:
    if mine is None or other is None:
        return Goal(text, "", None)
    ratio = mine.change / other.change
    return Goal(text, f"{mine.change:.0f} s / {other.change:.0f} s = {ratio:.2f}", ratio <= limit)


def _cutover(outcomes: _Table) -> Goal:
    text = "cutover: dark at most half as long as the manual way"
    mine, other = outcomes.get("cutover"), outcomes.get("manual")
    if mine is None or other is None or not other.pods.dark:
        return Goal(text, "", None)
    ratio = mine.pods.dark / other.pods.dark
    return Goal(text, f"{mine.pods.dark:.1f} s / {other.pods.dark:.1f} s = {ratio:.2f}", ratio <= 0.5)


def _sequel(outcomes: _Table) -> list[Goal]:
    mine = outcomes.get("side_by_side")
    found = mine.sequel if mine else None
    away = max(found.away, default=None) if found else None
    return [
        Goal(
            "again: no change, in less than 60 s",
            f"{found.changed} changes, {found.seconds:.0f} s" if found else "",
            found.changed == 0 and found.seconds < 60 if found else None,
        ),
        Goal("in place: a pod is away at most 5 s", "" if away is None else f"{away:.1f} s", None if away is None else away <= 5),
    ]


def _tidiness(outcomes: _Table) -> list[Goal]:
    return [
        Goal(f"{name}: nothing is left behind", f"{len(outcomes[name].left)} things", outcomes[name].left == ())
        for name in ("side_by_side", "cutover")
        if name in outcomes
    ]


def table(outcomes: t.Sequence[Outcome]) -> list[str]:
    """The outcomes of one workload side by side, the ratios of their times, and the goals."""
    by_name = {outcome.strategy: outcome for outcome in outcomes}
    lines = [_row("", [outcome.strategy for outcome in outcomes])]
    lines += [_row(name, [show(outcome) for outcome in outcomes]) for name, show in _ROWS]
    for base in ("manual", "controller"):
        if base in by_name:
            lines.append(_row(f"change : {base}'s", [f"{outcome.change / by_name[base].change:.2f}" for outcome in outcomes]))
    words = {True: "met", False: "NOT MET", None: "not measured"}
    return [*lines, *(f"  goal {words[goal.met]:<12} {goal.text}: {goal.measured}" for goal in goals(by_name))]


_ROWS: tuple[tuple[str, t.Callable[[Outcome], str]], ...] = (
    ("the change, seconds", lambda outcome: f"{outcome.change:.0f}"),
    ("the whole command, seconds", lambda outcome: f"{outcome.command:.0f}"),
    ("hosts' requests, failed", lambda outcome: f"{outcome.hosts.failed} of {outcome.hosts.sent:,}"),
    ("  longest gap, seconds", lambda outcome: f"{outcome.hosts.longest_gap:.2f}"),
    ("pods' requests, failed", lambda outcome: f"{outcome.pods.failed} of {outcome.pods.sent:,}"),
    ("  but for its own restart", lambda outcome: str(outcome.pods.failed_alone)),
    ("  longest gap, seconds", lambda outcome: f"{outcome.pods.longest_gap:.2f}"),
    ("  but for its own restart", lambda outcome: f"{outcome.pods.outage:.2f}"),
    (f"  all gaps over {NOTICED} s", lambda outcome: f"{outcome.pods.dark:.1f}"),
    ("pod pairs, failed", lambda outcome: str(sum(pair.failed_alone for pair in outcome.mesh))),
    ("  longest gap, seconds", lambda outcome: f"{outcome.mesh_gap:.2f}"),
    ("left behind", lambda outcome: str(len(outcome.left))),
)


def _row(name: str, columns: t.Sequence[str]) -> str:
    return f"  {name:<29}" + "".join(f"{column:>15}" for column in columns)
