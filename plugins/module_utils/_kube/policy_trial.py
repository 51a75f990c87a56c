# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures until what was seen settles: whatever is not as policies say is asked again, until it is or the time is over.

A `Session` has its pods in the cluster for a while, and may measure several times. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects as records
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_probe, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol import DENY, PROFILES, UNDEFINED, World, load, study
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, evidence, objects, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection

#: How often what is not as policies say is seen before it is believed, however little time there is.
_CONFIRMATIONS = 3
#: Seconds between two looks, growing.
_SHORTEST, _LONGEST = 0.1, 1.0
_MOST_TOLD = 10

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
        differing = _differing(readings, expected)
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


def _differing(readings: Readings, expected: Expected) -> t.List[Connection]:
    """What is worth another look, with what each destination says to itself: it may only have come up."""
    controls = {(one.target, one.port): one for one in readings if one.is_control}
    found: t.Dict[Connection, None] = {}
    for connection, reading in readings.items():
        if reading.word == agent.UNSUPPORTED:
            continue
        control = controls.get((connection.target, connection.port))
        said = readings[control].word if control is not None else ""
        if connection.is_control:
            agrees = reading.word == agent.ANSWERED or not connection.says
        else:
            agrees = _agrees(connection, reading, said, expected[connection])
        if not agrees:
            found[connection] = None
            if control is not None and said != agent.ANSWERED:
                found[control] = None
    return list(found)


def _agrees(connection: Connection, reading: agent.Reading, control: str, expected: str) -> bool:
    """Whether another look would tell no more: what is nobody's of the pods may never answer."""
    verdict = trial.told(reading, control, connection, expected)[0]
    return expected in (UNDEFINED, verdict) or (verdict == trial.UNKNOWN and connection.place == plan.OUT)


def _unsupported(readings: Readings) -> t.Tuple[t.Tuple[str, ...], Readings]:
    """What the nodes' kernels cannot do, in words, and the readings without it. What listens is silent as well where the one end cannot."""
    lacking = {one.port.protocol for one, reading in readings.items() if reading.word == agent.UNSUPPORTED}
    told = tuple(f"{protocol}: not every node's kernel has it" for protocol in sorted(lacking))
    return told, {one: reading for one, reading in readings.items() if one.port.protocol not in lacking}


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


def faults(found: trial.Trial, allow_unenforced: bool) -> t.List[str]:
    """What is wrong, in words; nothing, if all is as it has to be. What is undefined is no fault."""
    unenforced = found.enforcement == trial.NOT_ENFORCED
    if unenforced and not allow_unenforced:
        denied = sum(one.expected == DENY for one in found.measured)
        told = [f"Not enforced: all of {denied} connections that policies deny were possible, for {found.why_not_enforced}."]
    else:
        told = []
    differing = [one for one in found.differing if not (unenforced and one.expected == DENY)]
    told += _some(differing, "connections do otherwise")
    # Of an address outside nobody can say whether it answers at all.
    unknown = [one for one in found.having(trial.UNKNOWN) if one.connection.place != plan.OUT]
    told += _some(unknown, "connections could not be measured")
    missed = [one for one in found.missed if not (unenforced and allow_unenforced and one.expectation.verdict == DENY)]
    return told + _some(missed, "expectations are not met")


def _some(several: t.Sequence[t.Any], what: str) -> t.List[str]:
    more = len(several) - _MOST_TOLD
    return [*map(str, several[:_MOST_TOLD]), *([f"... and {more} more {what}"] if more > 0 else [])]


def enforcing(cni: str) -> str:
    """The profile by which policies are judged: of a CNI that does nothing, what any other would do."""
    return cni if PROFILES[cni].enforces else "generic"


def without_probes(raw: t.Iterable[records.Raw]) -> t.List[records.Raw]:
    """The objects without the pods that a killed run has left."""
    return [item for item in raw if objects.LABEL not in (records.metadata(item).get("labels") or {})]


def ready_nodes(raw: t.Iterable[records.Raw]) -> t.Tuple[t.Tuple[str, ...], t.Tuple[str, ...]]:
    """The names of the Linux nodes among the objects that are ready, workers first, and of those that are not."""
    nodes = [node for node in map(records.node, (item for item in raw if item.get("kind") == "Node")) if node.operating_system != "windows"]
    ordered = sorted(nodes, key=lambda node: (node.control_plane, node.name))
    return tuple(node.name for node in ordered if node.ready), tuple(node.name for node in ordered if not node.ready)


class Session:
    """Pods in place. ``world`` is how it is planned: with the policies of before and after, where there is a change to come."""

    def __init__(self, client: t.Any, request: Request, cni: str) -> None:
        self._client = client
        self._request = request
        self._cni = cni
        self._field = policy_probe.Field(client, request.settings)
        self._ports: t.Tuple[study.Column, ...] = ()
        self.left_out: t.Tuple[str, ...] = ()

    def stands(self, world: World, nodes: t.Sequence[str]) -> t.Tuple[plan.Stand, ...]:
        """The pods that there will be, without making any."""
        found = plan.kinds(world, self._request.wanted, evidence.senders(self._request.expected, world))
        return self._chosen(found, nodes)

    def _chosen(self, found: t.Sequence[plan.Kind], nodes: t.Sequence[str]) -> t.Tuple[plan.Stand, ...]:
        chosen = plan.own_pods(found, nodes) if self._ephemeral else plan.shadows(found, nodes)
        if not chosen:
            raise _errors.BadInputError(
                "no pod runs there on a node that is ready", "option clients", "Let shadows ask, or start the pods."
            )
        return chosen

    @property
    def _ephemeral(self) -> bool:
        return self._request.wanted.clients == plan.EPHEMERAL

    def clear(self) -> t.Tuple[str, ...]:
        """Removes what a killed run left; returns its names."""
        return self._field.clear()

    @contextlib.contextmanager
    def opened(self, world: World, raw: t.Sequence[records.Raw]) -> t.Iterator[None]:
        """The pods are there meanwhile, and gone afterwards, whatever happens."""
        try:
            self._open(world, raw)
            yield
        except BaseException:
            # What went wrong first is what to tell; the next run clears away what this one could not.
            with contextlib.suppress(_errors.PodnetError):
                self._close()
            raise
        self._close()

    def _open(self, world: World, raw: t.Sequence[records.Raw]) -> None:
        nodes, down = ready_nodes(raw)
        self._ports = study.columns([world], self._request.ports)
        stands = self.stands(world, nodes)
        deadline = Deadline(self._request.start)
        if self._ephemeral:
            self._field.attach(stands, f"{objects.CONTAINER}-{time.time_ns() // 1_000_000:x}", deadline)
        else:
            self._field.place(stands, self._listened(world, stands), deadline)
        self.left_out = tuple(f"node {name} is not ready" for name in down)

    @property
    def ports(self) -> t.Tuple[Port, ...]:
        """What to try for each range of ports."""
        following = (*self._ports[1:], None)
        return tuple(plan.probe_port(column, after) for column, after in zip(self._ports, following))

    def _listened(self, world: World, stands: t.Sequence[plan.Stand]) -> t.Tuple[Port, ...]:
        """All ports that will be asked for: those of expectations, too."""
        asked = [evidence.find(one, world, stands, says=True)[0] for one in self._request.expected]
        return tuple(dict.fromkeys([*self.ports, *(one.port for one in itertools.chain.from_iterable(asked))]))

    def measure(self) -> trial.Trial:
        """Reads the cluster as it is now, and measures it."""
        world = load(policy_world.objects(Api(self._client)), cni=enforcing(self._cni))
        stands, says = tuple(self._field.stands.values()), not self._ephemeral
        matrix = world.matrix(map(str, self.ports))
        proofs = [evidence.find(one, world, stands, says) for one in self._request.expected]
        pairs = plan.connections(stands, self.ports, says)
        targets = dict.fromkeys(one for found, _ in proofs for one in found)
        by_name = {stand.reference: stand for stand in stands}
        controls = [plan.ask(by_name[one.target], by_name[one.target], one.port, says) for one in targets if one.target in by_name]
        connections = tuple(dict.fromkeys([*pairs, *controls, *targets]))
        expected = {one: matrix.verdict(one.source, one.target, one.port) for one in connections if not one.is_control}
        enforces = PROFILES[self._cni].enforces
        settled = settle(self._field, connections, expected, self._request.settle if enforces else 0)
        missing, readings = _unsupported(settled.readings)
        measured = trial.judge(readings, lambda one: matrix.explain(one.source, one.target, one.port), expected)
        by_connection = {one.connection: one for one in measured}
        return trial.Trial(
            cni="" if self._cni == "generic" else self._cni,
            enforces=enforces,
            stands=stands,
            measured=measured,
            tested=tuple(evidence.test(one, proof, by_connection) for one, proof in zip(self._request.expected, proofs)),
            settled_after=settled.after,
            seconds=settled.seconds,
            left_out=(*self.left_out, *missing, *(f"{name} was deleted by somebody, and made anew" for name in settled.made_anew)),
        )

    def _close(self) -> None:
        if self._ephemeral:
            self._field.detach()
        else:
            self._field.clear()
