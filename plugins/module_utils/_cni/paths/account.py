# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""All that is asked about packets, answered; and what has to be sent to prove it.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import flows, services
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.flows import Flow
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.journey import Journey
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.services import Service
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World

#: What modules ask for; doc_fragments/packets.py documents it.
OPTIONS: t.Mapping[str, t.Any] = {
    "cluster": {"type": "dict", "required": True},
    "snapshots": {"type": "dict", "required": True},
    "services": {"type": "list", "elements": "dict", "default": []},
    "flows": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": {
            "source": {"type": "str", "required": True},
            "target": {"type": "str", "required": True},
            "protocol": {"type": "str", "choices": list(flows.PROTOCOLS), "default": flows.PROTOCOLS[0]},
        },
    },
}


@dataclasses.dataclass(frozen=True)
class Account:
    """A flow with its journeys, the likeliest first."""

    flow: Flow
    journeys: t.Tuple[Journey, ...]

    @property
    def works(self) -> bool:
        return all(journey.works for journey in self.journeys)

    @property
    def nodes(self) -> t.Tuple[str, ...]:
        """Those that the packet or its answer may come by, in order."""
        paths = [path for journey in self.journeys for path in (journey.there, journey.back) if path is not None]
        return tuple(dict.fromkeys(hop.node for path in paths for hop in path.hops if hop.node))


@dataclasses.dataclass(frozen=True)
class Trace:
    """What is to be sent for one flow: ``uid`` is the pod's in whose network ``node`` sends, empty for the node's own."""

    flow: str
    node: str
    uid: str
    source: str
    target: str
    protocol: str
    port: int


def asked(params: t.Mapping[str, t.Any]) -> t.Tuple[World, t.Tuple[Account, ...]]:
    """What `OPTIONS` hold: the cluster, and all that is asked about packets in it."""
    world = World(cluster.from_option(params["cluster"]), snapshot.from_option(params["snapshots"]))
    return world, accounts(world, [services.read(item) for item in params["services"]], params["flows"])


def accounts(world: World, known: t.Sequence[Service], wanted: t.Sequence[t.Mapping[str, t.Any]]) -> t.Tuple[Account, ...]:
    """Of each question (``source``, ``target``, ``protocol``), or of the examples when nothing is asked."""
    questions = [(item.get("source", ""), item.get("target", ""), item.get("protocol") or "") for item in wanted]
    questions = questions or [(source, target, "") for source, target in flows.examples(world, known)]
    meant = [flows.flow(world, known, *question) for question in questions]
    return tuple(Account(flow, flows.follow(world, flow)) for flow in meant)


def trace(account: Account) -> t.Optional[Trace]:
    """Nothing where nobody in the cluster sends."""
    flow, first = account.flow, account.journeys[0].there.hops[0].packet
    if not flow.node or not first.source:
        return None
    uid = flow.pod.uid if flow.pod else ""
    return Trace(flow.name, flow.node, uid, first.source, first.target, first.protocol, first.target_port)


def tunnels(world: World) -> t.Dict[int, str]:
    """UDP ports by which tunnels between the nodes are known, and their kind as ``packet_trace`` has it."""
    ports = {link.vxlan.port: "vxlan" for host in world.hosts.values() for link in host.seen.links if link.vxlan}
    return {world.tunnel_ports["tun"]: "udp", **ports}


def lines(account: Account) -> t.List[str]:
    """For a person: each journey's end, and where it leads."""
    return [f"{account.flow.name}: {_ended(journey)}" for journey in account.journeys]


def _ended(journey: Journey) -> str:
    share = "" if journey.there.probability == 1 else f"{journey.there.probability:.0%} "
    places = dict.fromkeys(hop.node for hop in journey.there.hops if hop.node)
    way = f"{share}{journey.there.outcome} by {' > '.join(places) or 'no node'}"
    failed = next((path for path in (journey.there, journey.back) if path is not None and path.outcome == "lost"), None)
    if failed is not None:
        return f"{way if failed is journey.there else way + ', answer lost'}: {failed.last.why}"
    return f"{way}{f', {len(journey.there.doubts)} rules in doubt' if journey.there.doubts else ''}"
