# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What was captured, held against what was foretold."""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account, proof
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.model import Path
from tests.support import path_cases

WORLD = path_cases.flannel({"Type": "vxlan"})
Sightings = dict[str, list[dict[str, t.Any]]]


def asked(target: str = "pod/default/b:80") -> Account:
    (found,) = account.accounts(WORLD, path_cases.SERVICES, [{"source": "pod/default/a", "target": target}])
    return found


def captured(path: Path, number: int, *, answer: bool = False) -> list[tuple[str, dict[str, t.Any]]]:
    """What packet_trace returns where a packet goes just that way."""
    return [
        (
            hop.node,
            {
                "trace": "x",
                "device": hop.device,
                "number": number,
                "answer": answer,
                "source": hop.packet.source,
                "target": hop.packet.target,
                "outer": {key: value for key, value in dataclasses.asdict(hop.outer).items() if key != "kind"} if hop.outer else None,
            },
        )
        for hop in path.hops
        if hop.is_sighting
    ]


def by_node(items: list[tuple[str, dict[str, t.Any]]]) -> Sightings:
    found: Sightings = {}
    for node, item in items:
        found.setdefault(node, []).append(item)
    return found


def judge(found: Account, sent: int, seen: Sightings, **listened: tuple[float, float]) -> proof.Proof:
    """Packets that are sent at the seconds 10, 11, 12 ..., while nodes listen from 5 to 20 unless it is said."""
    spans = {node: listened.get(node, (5.0, 20.0)) for node in found.nodes}
    return proof.judge(found, proof.Capture([10.0 + number for number in range(sent)], seen, spans))


def test_all_as_foretold() -> None:
    found = asked()
    (journey,) = found.journeys
    assert journey.back is not None
    seen = by_node([*captured(journey.there, 0), *captured(journey.there, 1), *captured(journey.back, 1, answer=True)])
    judged = judge(found, 2, seen)
    assert (judged.proved, judged.answered, judged.problems, judged.holds) == (2, 1, (), True)


def test_each_connection_to_a_service_goes_its_own_way() -> None:
    found = asked("service/default/web:80")
    one, other = found.journeys
    judged = judge(found, 2, by_node([*captured(one.there, 0), *captured(other.there, 1)]))
    assert judged.holds


def test_not_seen_where_it_should_have_been() -> None:
    found = asked()
    seen = by_node([item for item in captured(found.journeys[0].there, 0) if item[1]["device"] != "flannel.1"])
    judged = judge(found, 1, seen)
    assert judged.problems == ("not seen: n1:flannel.1 10.244.1.5 -> 10.244.2.5",)
    assert not judged.holds


def test_in_another_tunnel_than_foretold() -> None:
    found = asked()
    items = captured(found.journeys[0].there, 0)
    for _node, item in items:
        if item["outer"]:
            item["outer"]["target"] = "192.168.50.99"
    assert "in 192.168.50.11 -> 192.168.50.12 port 8472" in judge(found, 1, by_node(items)).problems[0]


def test_packets_that_nobody_saw() -> None:
    judged = judge(asked(), 3, {})
    assert str(judged) == "pod/default/a -> pod/default/b:80: 0 of 3 packets came as foretold; a packet was seen nowhere"


def test_packets_that_were_sent_before_all_listened_are_not_judged() -> None:
    found = asked()
    (journey,) = found.journeys
    early = [item for item in captured(journey.there, 0) if item[0] == "n1"]
    judged = judge(found, 2, by_node([*early, *captured(journey.there, 1)]), n2=(10.5, 20.0))
    assert (judged.sent, judged.proved, judged.holds) == (1, 1, True)
    never = judge(found, 2, by_node(early), n2=(15.0, 20.0))
    assert never.problems == ("no packet was sent while all nodes on its way listened: have them listen longer",)
    assert not never.holds


def test_a_packet_that_was_to_be_lost_and_was_not() -> None:
    whole = asked()
    lost = dataclasses.replace(whole.journeys[0].there, hops=whole.journeys[0].there.hops[:5], outcome="lost")
    found = dataclasses.replace(whole, journeys=(dataclasses.replace(whole.journeys[0], there=lost, back=None),))
    assert judge(found, 1, by_node(captured(lost, 0))).holds
    assert judge(found, 1, by_node(captured(whole.journeys[0].there, 0))).problems[0].startswith("not foretold: n1:eth0")


def test_more_than_foretold_is_a_bridge_that_floods() -> None:
    found = asked()
    (journey,) = found.journeys
    flooded = ("n2", {**captured(journey.there, 0)[-1][1], "device": "veth-x"})
    assert judge(found, 1, by_node([*captured(journey.there, 0), flooded])).holds


def test_what_is_to_be_sent() -> None:
    assert account.trace(asked()) == account.Trace(
        "pod/default/a -> pod/default/b:80", "n1", "uid-a", "10.244.1.5", "10.244.2.5", "tcp", 80
    )
    (from_node, outside) = account.accounts(
        WORLD, path_cases.SERVICES, [{"source": "node/n1", "target": "pod/default/b"}, {"source": "outside", "target": "node/n1:22"}]
    )
    sent = account.trace(from_node)
    assert sent is not None
    assert (sent.uid, sent.source) == ("", "10.244.1.0")  # what the route to it says
    assert account.trace(outside) is None
    assert outside.nodes == ("n1",)
