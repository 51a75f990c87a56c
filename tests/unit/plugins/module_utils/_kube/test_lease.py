# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A holder that speaks is waited for, a silent one is not; how late its clock is does not matter."""

from __future__ import annotations

import threading
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline

Raw = dict[str, t.Any]
#: A renewal for the test, seconds apart.
SOON, PATIENCE = 0.01, 20


class World:
    """Namespaces and their Leases over time, as an `api.Api` tells of them. ``words``: what a Lease says by a second, from then on."""

    def __init__(
        self, words: t.Mapping[str, t.Mapping[int, str]], until: t.Mapping[str, float] | None = None, alive: bool | None = None
    ) -> None:
        self.time = 0.0
        self._words = words
        self._until = until or {}
        self._alive = alive

    def held(self) -> list[Raw]:
        there = [name for name in self._words if self.time < self._until.get(name, 1e9)]
        return [{"metadata": {"name": name, "uid": f"uid of {name}"}} for name in there]

    def item(self, path: str) -> Raw | None:
        words = self._words[path.split("/")[5]]
        said = [word for second, word in words.items() if second <= self.time]
        return {"spec": {"renewTime": said[-1], "holderIdentity": "ci@host pid 7 started 1 in x"}} if said else None

    def wait(self, seconds: float) -> tuple[Raw, ...]:
        clock = Clock(lambda: self.time, self._sleep)
        holder = lease.Holder("me", lambda _name: self._alive)
        return lease.await_silence(t.cast("t.Any", self), holder, self.held, Deadline(seconds, clock), clock)

    def _sleep(self, seconds: float) -> None:
        self.time += seconds


def names(found: t.Iterable[t.Mapping[str, t.Any]]) -> list[str]:
    return [one["metadata"]["name"] for one in found]


def test_nobody_is_not_waited_for() -> None:
    world = World({})
    assert (world.wait(60), world.time) == ((), 0.0)


@pytest.mark.parametrize("words", [{}, {0: "an hour ago"}, {0: "in an hour"}])
@pytest.mark.parametrize("alive", [None, True])
def test_who_says_nothing_more_is_dead(words: dict[int, str], alive: bool | None) -> None:
    """Also where its process goes on: the part that measures is dead."""
    world = World({"a": words}, alive=alive)
    assert names(world.wait(60)) == ["a"]
    assert lease.LASTS <= world.time < lease.LASTS + 2


def test_whose_run_is_gone_is_dead_sooner() -> None:
    world = World({"a": {0: "just now"}}, alive=False)
    assert names(world.wait(60)) == ["a"]
    assert lease.SHORT <= world.time < lease.SHORT + 2


def test_a_part_that_outlives_its_run_is_waited_for() -> None:
    world = World({"a": {second: f"word {second}" for second in range(0, 200, 2)}}, until={"a": 31}, alive=False)
    assert world.wait(60) == ()


def test_one_that_ends_is_waited_for_no_longer() -> None:
    world = World({"a": {second: f"word {second}" for second in range(0, 200, 2)}}, until={"a": 31})
    assert world.wait(60) == ()
    assert 31 <= world.time < 33


def test_a_silent_one_is_told_when_the_other_has_ended() -> None:
    world = World({"a": {second: f"word {second}" for second in range(0, 200, 2)}, "b": {}}, until={"a": 31})
    assert names(world.wait(60)) == ["b"]


def test_one_that_goes_on_is_named() -> None:
    world = World({"a": {second: f"word {second}" for second in range(0, 200, 2)}})
    with pytest.raises(_errors.ClusterError, match=r"namespace a: another measurement has gone on for 60 s: ci@host \(process 7\)"):
        world.wait(60)


def test_one_that_is_going_holds_nothing() -> None:
    world = World({})
    going = {"metadata": {"name": "a", "uid": "1", "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    holder = lease.Holder("me", lambda _name: True)
    assert names(lease.await_silence(t.cast("t.Any", world), holder, lambda: [going], Deadline(0))) == ["a"]


class Server:
    """An `api.Api` that keeps what it is told; ``answers``: of each renewal, the last one of all further ones. An error is raised."""

    def __init__(self, *answers: bool | Exception) -> None:
        self.made: list[t.Any] = []
        self.renewed: list[tuple[ObjectRef, t.Any]] = []
        self.twice = threading.Event()
        self._answers = list(answers)

    def create(self, definition: Raw) -> Raw:
        self.made.append(definition)
        return definition

    def patch(self, target: ObjectRef, change: Raw) -> bool:
        self.renewed.append((target, change))
        if len(self.renewed) > 1:
            self.twice.set()
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.mark.parametrize("answers", [(True,), (_errors.UnavailableError("busy", "api", "wait"), True)])
def test_it_is_renewed_until_its_end_whatever_a_renewal_comes_to(answers: tuple[bool | Exception, ...]) -> None:
    server = Server(*answers)
    held = lease.Lease(t.cast("t.Any", server), "n", "me", SOON)
    held.begin()
    assert server.twice.wait(PATIENCE)
    held.end()
    count = len(server.renewed)
    (made,) = server.made
    assert (made["kind"], made["metadata"]) == ("Lease", {"name": "podnet", "namespace": "n"})
    assert made["spec"]["holderIdentity"] == "me"
    assert set(made["spec"]) == {"holderIdentity", "leaseDurationSeconds", "acquireTime", "renewTime"}
    target, change = server.renewed[-1]
    assert (target.kind, target.name, target.namespace) == ("Lease", "podnet", "n")
    assert change["spec"]["renewTime"] > made["spec"]["renewTime"]
    assert len(server.renewed) == count


def test_a_lease_that_is_gone_is_renewed_no_more() -> None:
    server = Server(False)
    held = lease.Lease(t.cast("t.Any", server), "n", "me", SOON)
    held.begin()
    for thread in threading.enumerate():
        if thread.name == "lease of n":
            thread.join(PATIENCE)
            assert not thread.is_alive()
    assert len(server.renewed) == 1
    held.end()


def test_the_end_of_one_that_never_began() -> None:
    lease.Lease(t.cast("t.Any", Server(True)), "n", "me").end()
