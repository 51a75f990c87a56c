# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock that keeps two runs from changing one cluster's CNI at once: who has it, and who may take it.

Pure: no I/O. ``_kube.journal`` keeps it as a Lease, ``_control.run`` says whether a holder lives.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _moments

# What a lock is to a run.
FREE = "free"
OURS = "ours"
#: The holder's process is gone: it may be taken at once.
DEAD = "dead"
#: Nobody can see whether the holder lives, and it gave no sign for longer than it promised.
EXPIRED = "expired"
HELD = "held"

_IDENTITY = re.compile(r"(?P<user>.*)@(?P<host>[^@]*) pid (?P<pid>\d+) started (?P<start>\d+) in (?P<place>\w+)")


@dataclasses.dataclass(frozen=True)
class Run:
    """A run of Ansible. ``start`` is its process's start (numbers of processes are used again), ``place`` the kernel that numbers them.

    Host names are not enough: two machines may have the same, and a container its host's.
    """

    user: str
    host: str
    pid: int
    start: int
    place: str

    @property
    def identity(self) -> str:
        """As the Lease's holderIdentity has it."""
        return f"{self.user}@{self.host} pid {self.pid} started {self.start} in {self.place}"


def parse(identity: str) -> t.Optional[Run]:
    """The inverse of `Run.identity`; None for a holder that was named by hand."""
    found = _IDENTITY.fullmatch(identity)
    return Run(found["user"], found["host"], int(found["pid"]), int(found["start"]), found["place"]) if found else None


@dataclasses.dataclass(frozen=True)
class Lease:
    """Who holds the lock, since when, when it was last heard of, and for how many seconds of silence it is to be respected."""

    holder: str
    since: float
    renewed: float
    duration: int


def judge(lease: t.Optional[Lease], me: str, at: float, alive: t.Optional[bool]) -> str:
    """What the lock is to ``me``. ``alive`` says whether the holder's process lives, None when that cannot be seen from here."""
    if lease is None or not lease.holder:
        return FREE
    if lease.holder == me:
        return OURS
    if alive is not None:
        return HELD if alive else DEAD
    return EXPIRED if at - lease.renewed > lease.duration else HELD


def taken(me: str, at: float, duration: int) -> Lease:
    """The lock of one who takes it now."""
    return Lease(me, at, at, duration)


def refusal(lease: Lease, at: float, step: str) -> _errors.ClusterError:
    """Why a second run may not start: who, since when, doing what, and how to go on."""
    doing = f", and is at step {step}" if step else ""
    silence = _moments.length(max(0.0, at - lease.renewed))
    return _errors.ClusterError(
        f"another run changes this cluster's CNI: {who(lease.holder)} since {_moments.text(lease.since)}"
        f"{doing}; its last sign of life was {silence} ago",
        "lock",
        "Nothing was changed. Wait until that run ends. If it is dead, its lock is taken over at once on its own machine, elsewhere "
        f"after {_moments.text(lease.renewed + lease.duration)}, or now with break_lock: true.",
    )


def lost(lease: Lease) -> _errors.ClusterError:
    """Why a run may not write any more."""
    return _errors.ClusterError(
        f"the lock is not this run's, but of {who(lease.holder)} since {_moments.text(lease.since)}",
        "lock",
        "Nothing was written. Stop this run; when the other one has ended, start it again: it goes on from where the cluster stands.",
    )


_WHY_TAKEN = {
    DEAD: "its process is gone",
    EXPIRED: "it gave no sign of life for longer than it promised",
    HELD: "break_lock was set",
}


def taken_over(lease: t.Optional[Lease], state: str) -> str:
    """Whom a lock in that state was taken from, and why; empty when it was nobody's or ours."""
    return f"{who(lease.holder)}: {_WHY_TAKEN[state]}" if lease is not None and state in _WHY_TAKEN else ""


def who(identity: str) -> str:
    """The holder as a person wants it."""
    run = parse(identity)
    return f"{run.user}@{run.host} (process {run.pid})" if run else identity


def describe(lease: t.Optional[Lease], state: str) -> t.Dict[str, t.Any]:
    """The lock as a plain dictionary."""
    if lease is None:
        return {"state": state, "holder": "", "since": None, "renewed": None, "duration": None}
    return {"state": state, **dataclasses.asdict(lease)}
