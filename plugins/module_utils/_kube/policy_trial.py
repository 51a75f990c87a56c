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
from ansible_collections.podnet.cni.plugins.module_utils._netpol import PROFILES, World, expectations, load, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, evidence, objects, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection

#: How often what is not as policies say is seen before it is believed, however little time there is.
_CONFIRMATIONS = 3
#: Seconds between two looks, growing.
_SHORTEST, _LONGEST = 0.1, 1.0

#: The options of a module that measures.
OPTIONS: t.Mapping[str, t.Any] = {
    "namespaces": {"type": "list", "elements": "str", "default": []},
    "clients": {"type": "str", "choices": [plan.SHADOW, plan.EPHEMERAL], "default": plan.SHADOW},
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
        differing = trial.worth_another_look(readings, expected)
        if not differing:
            after = clock.now() - began if after is None else after
            if whole:
                break
            # Everything agrees, seen at different times. What differs now is new, and needs to be confirmed.
            readings, whole, looks = field.ask(connections), True, 1
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


# --- A session --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Request:
    """What to measure, and with what. ``ports``: empty for one of each range that rules tell apart. ``start`` and ``settle`` in seconds."""

    wanted: plan.Wanted
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
    wanted = plan.Wanted(tuple(params["namespaces"]), params["clients"], params["max_kinds"])
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
        self._ephemeral = request.wanted.clients == plan.EPHEMERAL
        self._ports: t.Tuple[Port, ...] = ()
        self._listened: t.Tuple[Port, ...] = ()
        self._casting: evidence.Casting = {}
        self.stands: t.Tuple[plan.Stand, ...] = ()
        self.left_out: t.Tuple[str, ...] = ()

    def prepare(self, world: World, raw: t.Sequence[records.Raw]) -> None:
        """Chooses the pods (`stands`) and what cannot be measured (`left_out`), and asks for the rights to have them; makes nothing.

        ``world``: what policies are to tell apart, those of before and after where there is a change to come. ``raw``: its objects. Raises
        BadInputError for an expectation about somebody who is not there, and ClusterError for rights that are missing.
        """
        expectations.check(world.matrix(()), self._request.expected)
        nodes, down = plan.ready_nodes(raw)
        found = plan.kinds(world, self._request.wanted, evidence.senders(self._request.expected, world))
        taken: t.Tuple[str, ...] = ()
        if not self._ephemeral:
            found, taken = plan.apart_from_services(found, raw)
        self.left_out = (*(f"node {name} is not ready" for name in down), *taken)
        self.stands = plan.chosen(found, nodes, self._request.wanted)
        self._ports = plan.probe_ports(study.columns([world], self._request.ports))
        self._casting = evidence.casting(self._request.expected, world, self.stands)
        setting = evidence.Setting(world, self.stands, self._casting, says=True)
        asked = evidence.questions(self._request.expected, setting, self._ports)
        self._listened = tuple(dict.fromkeys(one.port for one in asked.connections if one.place != plan.OUT))
        namespace = self._request.settings.namespace
        policy_rights.demand(Api(self._client), namespace, sorted({stand.namespace for stand in self.stands}), self._ephemeral)

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
        # One that was killed is found out only by its silence.
        patience = Deadline(max(self._request.start, 2 * lease.LASTS))
        if self._ephemeral:
            removed = self._field.clear(patience)
            self._field.attach(self.stands, f"{objects.CONTAINER}-{time.time_ns() // 1_000_000:x}", Deadline(self._request.start))
        else:
            removed = self._field.claim(patience)
            self._field.place(self.stands, self._listened, Deadline(self._request.start))
        return removed

    def measure(self) -> trial.Trial:
        """Reads the cluster as it is now, and measures it."""
        world = load(policy_world.objects(Api(self._client)), cni=plan.profile(self._cni))
        matrix = world.matrix(map(str, self._ports))
        stands = tuple(self._field.stands.values())
        setting = evidence.Setting(world, stands, self._casting, not self._ephemeral, matrix)
        asked = evidence.questions(self._request.expected, setting, self._ports)
        by_name = dict(self._field.stands)
        judged = {one: plan.judged(one, by_name) for one in asked.connections if not one.is_control}
        expected = {one: matrix.verdict(one.source, end, one.port) for one, end in judged.items()}
        enforces = PROFILES[self._cni].enforces
        settled = settle(self._field, asked.connections, expected, self._request.settle if enforces else 0)
        missing, readings = trial.without_unsupported(settled.readings)
        measured = trial.judge(readings, lambda one: matrix.explain(one.source, judged[one], one.port), expected)
        return trial.Trial(
            cni="" if self._cni == "generic" else self._cni,
            enforces=enforces,
            stands=stands,
            measured=measured,
            tested=asked.tested(measured),
            settled_after=settled.after,
            seconds=settled.seconds,
            left_out=(
                *self.left_out,
                *missing,
                *(f"{name} was deleted by somebody, and made anew" for name in settled.made_anew),
            ),
        )

    def _close(self) -> None:
        if self._ephemeral:
            self._field.detach()
        else:
            self._field.release()
