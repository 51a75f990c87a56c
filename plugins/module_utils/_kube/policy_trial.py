# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures until what was seen settles: whatever is not as policies say is asked again, until it is or the time is over.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects as records
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease, policy_probe, policy_rights, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol import PROFILES, World, expectations
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, evidence, kinds, objects, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection

#: How often what is not as policies say is seen before it is believed, however little time there is.
_CONFIRMATIONS = 3
#: Looks at everything at once that are begun after the time is over.
_LATE = 2
#: Seconds between two looks, growing.
_SHORTEST, _LONGEST = 0.1, 1.0

#: The options of a module that measures.
OPTIONS: t.Mapping[str, t.Any] = {
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "clients": {"type": "str", "choices": [kinds.SHADOW, kinds.EPHEMERAL], "default": kinds.SHADOW},
    "ports": {"type": "list", "elements": "str", "default": []},
    "allow_unenforced": {"type": "bool", "default": False},
    "image": {"type": "str", "default": "registry.k8s.io/e2e-test-images/agnhost:2.53"},
    "namespace": {"type": "str", "default": "podnet-policy-probe"},
    "max_kinds": {"type": "int", "default": 40},
    "start_timeout": {"type": "int", "default": 120},
    "settle_timeout": {"type": "int", "default": 30},
}

Readings = t.Dict[Connection, agent.Reading]
Expected = t.Mapping[Connection, str]


class Asked(t.Protocol):
    """Pods that can be let ask each other: `policy_probe.Field`."""

    def ask(self, connections: t.Sequence[Connection]) -> Readings: ...

    def restore(self) -> t.Tuple[str, ...]: ...


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

    So a measurement that agrees is one in which everything did at once. After the time there are two such looks at most, for what agrees
    alone and differs among many would be asked for ever.
    """
    clock = clock or Clock()
    began, deadline = clock.now(), Deadline(seconds, clock)
    readings = field.ask(connections)
    made_anew: t.List[str] = []
    looks, pause, whole, late = 1, _SHORTEST, True, 0
    after: t.Optional[float] = None
    while True:
        differing = trial.worth_another_look(readings, expected)
        if not differing:
            after = clock.now() - began if after is None else after
            if whole:
                break
            # Everything agrees, seen at different times. What differs now is new, and needs to be confirmed.
            late += deadline.passed
            readings, whole, looks = field.ask(connections), True, 1
            continue
        after = None
        if deadline.passed and (looks >= _CONFIRMATIONS or late >= _LATE):
            break
        if any(readings[one].word == agent.UNREAD for one in differing):
            made_anew += field.restore()
        clock.sleep(pause)
        pause = min(2 * pause, _LONGEST)
        readings.update(field.ask(differing))
        looks, whole = looks + 1, False
    return Settled(readings, after, clock.now() - began, tuple(made_anew))


# --- A session --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Request:
    """What to measure, and with what. ``ports``: empty for what `plan.probe_ports` finds. ``start`` and ``settle`` in seconds."""

    wanted: kinds.Wanted
    settings: objects.Settings
    ports: t.Tuple[str, ...] = ()
    expected: t.Tuple[Expectation, ...] = ()
    start: float = 120
    settle: float = 30
    allow_unenforced: bool = False


def request(params: t.Mapping[str, t.Any], expected: t.Tuple[Expectation, ...]) -> Request:
    """From the options of a module. Raises BadInputError."""
    for name in ("max_kinds", "start_timeout", "settle_timeout"):
        if params[name] < 1:
            raise _errors.BadInputError(f"{params[name]} is too small", f"option {name}", "It must be 1 or more.")
    wanted = kinds.Wanted(tuple(params["namespaces"]), params["clients"], params["max_kinds"])
    # The pods outlive both times, and what removes them.
    settings = objects.Settings(params["namespace"], params["image"], 2 * (params["start_timeout"] + params["settle_timeout"]) + 300)
    times = params["start_timeout"], params["settle_timeout"]
    return Request(wanted, settings, tuple(params["ports"]), expected, *times, params["allow_unenforced"])


class Session:
    """One measurement or several with the same pods, which are there from `opened` on, to its end."""

    def __init__(self, client: t.Any, request: Request, cni: str, holder: lease.Holder) -> None:
        self._client = client
        self._request = request
        self._cni = cni
        self._field = policy_probe.Field(client, request.settings, holder)
        self._ephemeral = request.wanted.clients == kinds.EPHEMERAL
        self._ports: t.Tuple[Port, ...] = ()
        self._listened: t.Tuple[Port, ...] = ()
        self._casting: evidence.Casting = {}
        self.stands: t.Tuple[plan.Stand, ...] = ()
        self.left_out: t.Tuple[str, ...] = ()

    def prepare(self, world: World, raw: t.Sequence[records.Raw]) -> None:
        """Chooses the pods (`stands`) and what cannot be measured (`left_out`), and asks for the rights to have them; makes nothing.

        ``world``: what policies are to tell apart, those of before and after where there is a change to come. ``raw``: its objects. Raises
        BadInputError for an expectation about somebody who is not there and for a namespace that is somebody else's, UnmeasurableError
        where there is nothing to measure, or too much, and ClusterError for rights that are missing.
        """
        expectations.check(world.matrix(()), self._request.expected)
        nodes, down = plan.ready_nodes(raw)
        found = kinds.of(world, self._request.wanted, evidence.senders(self._request.expected, world))
        namespace = self._request.settings.namespace
        self.stands, why = plan.chosen(found, nodes, self._request.wanted, raw, namespace)
        self.left_out = (*(f"node {name} is not ready" for name in down), *why)
        self._ports = plan.probe_ports(world, self._request.ports)
        self._casting = evidence.casting(self._request.expected, world, self.stands)
        setting = evidence.Setting(world, self.stands, self._casting, says=True)
        asked = evidence.questions(self._request.expected, setting, self._ports)
        self._listened = tuple(dict.fromkeys(one.port for one in asked.connections if one.place != plan.OUT))
        self._field.check()
        policy_rights.demand(Api(self._client), namespace, sorted({stand.namespace for stand in self.stands}), self._ephemeral)

    def wait(self) -> None:
        """Waits until no other run measures. What is read afterwards is not what that one is about to take back."""
        self._field.wait(self._patience())

    def _patience(self) -> Deadline:
        # One that was killed is found out only by its silence.
        return Deadline(max(self._request.start, 2 * lease.LASTS))

    @contextlib.contextmanager
    def opened(self) -> t.Iterator[t.Tuple[str, ...]]:
        """The pods are there meanwhile, and gone afterwards, whatever happens. Yields the names of those that a killed run had left."""
        try:
            yield self._open()
        except BaseException:
            # What went wrong first is what to tell; the next run clears away what this one could not.
            with contextlib.suppress(_errors.PodnetError):
                self._close()
            raise
        self._close()

    def _open(self) -> t.Tuple[str, ...]:
        if self._ephemeral:
            removed = self._field.clear(self._patience())
            self._field.attach(self.stands, f"{objects.CONTAINER}-{time.time_ns() // 1_000_000:x}", Deadline(self._request.start))
        else:
            removed = self._field.claim(self._patience())
            self._field.place(self.stands, self._listened, Deadline(self._request.start))
        return removed

    def measure(self) -> trial.Trial:
        """Reads the cluster as it is now, and measures it. Raises ClusterError when no pod is left to measure with."""
        seen, made_anew = self._read()
        world, not_computed = seen.computed(kinds.profile(self._cni))
        stands = plan.still_there(tuple(self._field.stands.values()), seen.objects)
        if not stands:
            raise _errors.ClusterError("none of them is there any more", "pods that measure", "Run this again.")
        matrix = world.matrix(map(str, self._ports))
        setting = evidence.Setting(world, stands, self._casting, not self._ephemeral, matrix)
        asked = evidence.questions(self._request.expected, setting, self._ports)
        by_name = {stand.reference: stand for stand in stands}
        judged = {one: plan.judged(one, by_name) for one in asked.connections if not one.is_control}
        expected = {one: matrix.verdict(one.source, end, one.port) for one, end in judged.items()}
        enforces = PROFILES[self._cni].enforces
        settled = settle(self._field, asked.connections, expected, self._request.settle if enforces else 0)
        missing, readings = trial.without_unsupported(settled.readings)
        measured = trial.judge(readings, lambda one: matrix.explain(one.source, judged[one], one.port), expected)
        return trial.Trial(
            cni="" if self._cni == "generic" else self._cni,
            enforces=enforces,
            # One that was made anew meanwhile has another address.
            stands=tuple(self._field.stands.get(stand.reference, stand) for stand in stands),
            measured=measured,
            tested=asked.tested(measured),
            settled_after=settled.after,
            seconds=settled.seconds,
            left_out=(*self.left_out, *not_computed, *missing, *plan.became(self.stands, stands, (*made_anew, *settled.made_anew))),
            lost_nodes=self._lost_nodes(readings, stands),
        )

    def _read(self) -> t.Tuple[policy_world.Seen, t.List[str]]:
        """The cluster with all shadows in it, and the names of those that somebody had deleted."""
        made_anew: t.List[str] = []
        for _ in range(_CONFIRMATIONS):
            seen = policy_world.read(Api(self._client))
            deleted = self._field.restore()
            made_anew += deleted
            if not deleted:
                break
        return seen, made_anew

    def _lost_nodes(self, readings: Readings, stands: t.Sequence[plan.Stand]) -> t.Tuple[str, ...]:
        """The nodes of ``stands`` that are not ready now, where something could not be read."""
        if all(reading.word != agent.UNREAD for reading in readings.values()):
            return ()
        down = plan.ready_nodes(policy_world.nodes(Api(self._client)))[1]
        return tuple(name for name in down if any(stand.node == name for stand in stands))

    def _close(self) -> None:
        if self._ephemeral:
            self._field.detach()
        else:
            self._field.release()
