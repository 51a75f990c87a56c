# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is told of a set of policies: ports as ranges, counts, the table with its reasons."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, study
from tests.support.netpol_cases import block, ingress, named, pod, policy, world

FROM_B = policy(named("a"), name="web", ingress=[ingress({"podSelector": named("b")}, ports=[{"port": 80}])])


def studied(objects: t.Sequence[dict[str, t.Any]], ports: t.Sequence[str] = (), **options: t.Any) -> study.Study:
    found = load(objects, **options)
    columns = study.columns([found], ports)
    return study.Study(found.matrix(str(column.port) for column in columns), columns, findings=found.findings())


def cells(found: study.Study, most: int = 99) -> dict[tuple[str, str], study.Cell]:
    table = found.table(most)
    names = [group.name for group in table.groups]
    return {(source, target): cell for source, row in zip(names, table.cells, strict=True) for target, cell in zip(names, row, strict=True)}


def test_ports_that_nobody_asked_for_are_ranges() -> None:
    assert [column.label for column in study.columns([load(world(FROM_B))], [])] == [
        "TCP/1-79",
        "TCP/80",
        "TCP/81-65535",
        "UDP/*",
        "SCTP/*",
    ]


def test_ports_asked_for_are_told_as_they_are() -> None:
    assert [column.label for column in study.columns([load(world(FROM_B))], ["80", "udp/53", "TCP/80"])] == ["TCP/80", "UDP/53"]


@pytest.mark.parametrize("port", ["ICMP", "TCP/http", "x/80"])
def test_what_makes_no_table_is_refused(port: str) -> None:
    with pytest.raises(_errors.BadInputError):
        study.columns([load(world())], [port])


def test_counts_and_summary() -> None:
    found = studied(world(FROM_B), ["TCP/80", "UDP/53"])
    # 6 pods: 30 pairs, of which x/a can be reached from x/b alone.
    assert [str(count) for count in found.counts] == ["TCP/80: 26 of 30 pairs of pods allowed", "UDP/53: 25 of 30 pairs of pods allowed"]
    assert found.summary()[0] == "1 policy, 6 pods in 3 namespaces, 6 classes of pods that policies tell apart (CNI: generic)"


def test_a_cell_tells_ports_of_one_reason_together() -> None:
    table = cells(studied(world(FROM_B)))
    (denied, allowed) = table["x/b", "x/a"].parts
    assert str(denied) == "TCP/1-79, TCP/81-65535, UDP/*, SCTP/*: deny (ingress: x/web isolates the pod and its rule does not match)"
    assert str(allowed) == "TCP/80: allow (ingress: x/web allows it by spec.ingress[0] (TCP/80))"
    assert table["x/b", "x/a"].kind == "some"
    assert table["x/c", "x/a"].kind == "deny"
    assert table["x/a", "x/b"].kind == "allow"


def test_what_policies_do_not_decide() -> None:
    table = cells(studied(world(policy({}, ingress=[ingress(block("203.0.113.0/24"))])), ["TCP/80"]))
    inside, outside = "addresses outside, in 203.0.113.0/24", "addresses outside, in no block"
    assert table[inside, outside].kind == "none"
    assert table[inside, "x/a and 2 more"].kind == "allow"
    assert table[outside, "x/a and 2 more"].kind == "deny"


def test_a_pod_reaches_itself_and_not_its_twin() -> None:
    table = cells(studied(world(policy({}, policyTypes=["Ingress"])), ["TCP/80"]))
    assert table["x/a and 2 more", "x/a and 2 more"].kind == "deny"
    alone = cells(studied(world(policy(named("a"), policyTypes=["Ingress"])), ["TCP/80"]))
    assert alone["x/a", "x/a"].parts[0].reasons == ("a pod always reaches its own address",)


def test_pods_on_their_node_s_network_are_left_to_the_cni() -> None:
    objects = [*world(FROM_B), pod("y/host", "192.168.0.2", labels={"pod": "host"}, hostNetwork=True)]
    cell = cells(studied(objects, ["TCP/80"]))["y/host", "x/a"]
    assert (cell.kind, cell.parts[0].reasons[0]) == ("undefined", "what policies mean for pods on their node's network is left to the CNI")
    assert ("y/host", "x/a") not in cells(studied(objects, ["TCP/80"], cni="calico"))


def test_the_table_has_what_the_rows_have() -> None:
    found = studied(world(FROM_B))
    names = [found.matrix.group(number).name for number in range(len(found.matrix.classes))]
    table = cells(found)
    for column in found.columns:
        rows = found.matrix.rows(column.port)
        told = {pair for pair, cell in table.items() if column.label in cell.ports("allow") and pair[0] != pair[1]}
        outside = names[-1]
        expected = {
            (source, target)
            for one, source in enumerate(names)
            for other, target in enumerate(names)
            if rows[one] >> other & 1 and source != target and {source, target} != {outside}
        }
        assert told == expected


def test_a_large_table_is_folded() -> None:
    table = studied(world(FROM_B), ["TCP/80"]).table(2)
    assert ([group.name for group in table.groups], table.more) == (["x/a", "x/b", "addresses outside, in no block"], 4)
    assert [len(row) for row in table.cells] == [3, 3, 3]
