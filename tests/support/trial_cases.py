# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measurements of NetworkPolicies as a cluster would give them: `run` plays one that enforces what a world says, but for what is told."""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, kinds, objects, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection, Stand

Raw = dict[str, t.Any]

PORTS = (Port("TCP", 80), Port("TCP", 81), Port("UDP", 53))
ANSWER = agent.Reading((agent.ANSWERED,), 2)
SILENCE = agent.Reading((agent.SILENT, agent.SILENT), 1000)
#: What a connection shows instead of what policies say; None leaves it to them.
Surprise = t.Callable[[Connection, Stand, Stand | None], agent.Reading | None]


def nothing_else(_connection: Connection, _source: Stand, _target: Stand | None) -> agent.Reading | None:
    return None


def run(
    cluster: t.Sequence[Raw],
    nodes: t.Sequence[str] = ("n1", "n2"),
    ports: t.Sequence[Port] = PORTS,
    surprise: Surprise = nothing_else,
    outward: t.Callable[[tuple[Stand, ...]], t.Sequence[Connection]] = lambda _stands: (),
    *,
    own_namespace: str = "",
    **more: t.Any,
) -> trial.Trial:
    """A trial of ``cluster`` by shadows on ``nodes``; with an outsider in ``own_namespace``, if there is one."""
    found = kinds.of(load(cluster), kinds.Wanted())
    stands = plan.shadows((*found, kinds.outsider(own_namespace, found)) if own_namespace else found, nodes)
    by_name = {stand.reference: stand for stand in stands}
    matrix = load([*cluster, *(_running(stand, number) for number, stand in enumerate(stands, start=1))]).matrix([])
    readings, expected = {}, {}
    for one in (*plan.connections(stands, ports, says=True), *outward(stands)):
        expected[one] = matrix.verdict(one.source, one.target, one.port)
        foreseen = SILENCE if expected[one] == "deny" else ANSWER
        readings[one] = surprise(one, by_name[one.source], by_name.get(one.target)) or foreseen
    measured = trial.judge(readings, lambda one: matrix.explain(one.source, one.target, one.port), expected)
    return trial.Trial(
        **{"cni": "calico", "enforces": True, "settled_after": 1.4, "seconds": 7.5, **more}, stands=stands, measured=measured
    )


def _running(stand: Stand, number: int) -> Raw:
    """The shadow as the API server tells of it."""
    made = objects.shadow(stand, PORTS, objects.Settings("podnet-probe", "agnhost", 60), "uid")
    return {**made, "status": {"phase": "Running", "podIPs": [{"ip": f"10.9.{number // 250}.{number % 250 + 1}"}]}}
