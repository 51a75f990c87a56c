# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

testinfra_hosts = ["local://"]


@pytest.fixture(scope="module")
def directory() -> Path:
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "network"


@pytest.fixture(scope="module")
def network(directory: Path) -> dict[str, t.Any]:
    return t.cast("dict[str, t.Any]", json.loads((directory / "network.json").read_text()))


def test_every_packet_came_as_foretold(network: dict[str, t.Any]) -> None:
    proofs = network["proofs"].values()
    assert len(proofs) == 9  # all but the one from outside
    assert [(proof["flow"], proof["problems"]) for proof in proofs if not 0 < proof["proved"] == proof["sent"] or proof["problems"]] == []


def test_every_answer_to_tcp_came_as_foretold(network: dict[str, t.Any]) -> None:
    asked = {account["flow"]["source"] + " -> " + account["flow"]["target"]: account["flow"]["packet"] for account in network["accounts"]}
    proofs = [proof for name, proof in network["proofs"].items() if asked[name]["protocol"] == "tcp"]
    assert len(proofs) == 7
    assert [proof for proof in proofs if not 0 < proof["answered"] == proof["proved"]] == []


def test_a_policy_is_enforced_by_calico_and_by_flannel_not(directory: Path) -> None:
    """As foretold and as captured: a packet that was to be dropped and came all the same would be a problem of its proof."""
    told = json.loads((directory.parent / "policy" / "network.json").read_text())
    allowed, other = (account["journeys"][0]["there"] for account in told["accounts"])
    assert (allowed["outcome"], allowed["doubts"], other["doubts"]) == ("delivered", [], [])
    if told["expects"] == "Calico":
        assert other["outcome"] == "lost"
        assert "not allowed by NetworkPolicy default/myapp-for-dns (ingress)" in other["hops"][-1]["why"]
        assert any("NetworkPolicy default/myapp-for-dns (ingress)" in hop["why"] for hop in allowed["hops"])
    else:
        assert other["outcome"] == "delivered"
    assert [(proof["proved"] > 0, proof["proved"] == proof["sent"], proof["problems"]) for proof in told["proofs"].values()] == [
        (True, True, []),
        (True, True, []),
    ]


def test_a_service_divides_connections_among_its_pods(network: dict[str, t.Any]) -> None:
    (account,) = [item for item in network["accounts"] if item["flow"]["source"] == "node/n2"]
    assert sum(journey["there"]["probability"] for journey in account["journeys"]) == pytest.approx(1)
    assert len({journey["there"]["hops"][-1]["packet"]["target"] for journey in account["journeys"]}) == 2


def test_every_node_has_its_tables(network: dict[str, t.Any]) -> None:
    assert network["expects"] in ("flannel", "Calico")
    assert sorted(node["name"] for node in network["nodes"]) == ["n1", "n2", "n3"]
    for node in network["nodes"]:
        assert node["differences"] == []
        assert {"Devices", "Routes"} <= {table["name"] for table in node["tables"]}


def test_the_page_needs_nothing_else(directory: Path) -> None:
    page = (directory / "network.html").read_text()
    assert "<script" not in page
    assert "src=" not in page
    assert page.count("<svg") > 10
