# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the bench of the policy engine measures is right: the tables of its cluster are those of the naive evaluator."""

from __future__ import annotations

import itertools
import json
import typing as t
from pathlib import Path

import pytest

from tests.support.naive_netpol import Naive
from tests.unit.bench.scripts import load

PODS = 100


@pytest.fixture(scope="module")
def netpol() -> t.Any:
    return load("netpol")


@pytest.mark.parametrize("alike", [True, False])
def test_the_cluster_is_computed_right(netpol: t.Any, tmp_path: Path, alike: bool) -> None:
    cluster = tmp_path / "cluster.json"
    netpol.make(str(cluster), str(PODS), str(alike))
    took = netpol.run(str(cluster))
    naive = Naive(json.loads(cluster.read_text())["items"])
    pairs = [pair for pair in itertools.product(naive.pods, repeat=2) if pair[0] != pair[1]]
    ports = [(protocol, int(number)) for protocol, number in (port.split("/") for port in netpol.PORTS)]
    assert took["allowed"] == sum(naive.verdict(*pair, *port) == "allow" for pair in pairs for port in ports)
    assert took["policies"] == 8
    # Of the applications in both namespaces three are mentioned; the DNS server; addresses in no block and those in one.
    assert took["classes"] == (2 * (3 + 1) if alike else PODS) + 1 + 2


def test_differences_are_told(netpol: t.Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert netpol.differences(1, 20) == []
    monkeypatch.setattr(netpol.Naive, "verdict", lambda *_: "never")
    assert len(netpol.differences(1, 20)) == 20
