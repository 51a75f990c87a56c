# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules that foretell, and the page: what goes in and what comes out."""

from __future__ import annotations

import dataclasses
import json
import typing as t
from pathlib import Path

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World
from ansible_collections.podnet.cni.plugins.modules import network_path, network_report
from tests.support import html_page, path_cases
from tests.unit.plugins.module_utils._cni.paths.test_proof import captured

NAME = "pod/default/a -> pod/default/b:80"
FLOWS = [{"source": "pod/default/a", "target": "pod/default/b:80", "protocol": "tcp"}]
CONF = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'
REFERENCE = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")

Run = t.Callable[..., dict[str, t.Any]]


def inputs(world: World) -> dict[str, t.Any]:
    seen = dataclasses.replace(world.cluster, flannel=(cluster.Flannel(REFERENCE, net_conf=CONF, backend="vxlan"),))
    return {
        "cluster": cluster.to_dict(seen),
        "snapshots": {name: snapshot.to_dict(host.seen) for name, host in world.hosts.items()},
        "services": [
            {
                "metadata": {"namespace": "default", "name": "web"},
                "spec": {"clusterIP": path_cases.SERVICE, "ports": [{"name": "http", "port": 80, "nodePort": path_cases.NODE_PORT}]},
            }
        ],
    }


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run_it(module: t.Any, check: bool = False, **options: t.Any) -> dict[str, t.Any]:
        with patch_module_args({**options, "_ansible_check_mode": check}), pytest.raises(SystemExit):
            module.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run_it


def test_a_packet_is_foretold(run: Run) -> None:
    result = run(network_path, flows=FLOWS, **inputs(path_cases.flannel({"Type": "vxlan"})))
    assert (result["changed"], result["works"], result["nodes"], result["tunnels"]["8472"]) == (False, True, ["n1", "n2"], "vxlan")
    assert result["summary"] == [f"{NAME}: delivered by n1 > n2"]
    assert result["traces"][0]["uid"] == "uid-a"
    assert result["flows"][0]["journeys"][0]["hops"][0] == "n1:veth-a: leaves: tcp 10.244.1.5 -> 10.244.2.5:80 (pod default/a)"


def test_usual_ways_are_followed_without_a_question(run: Run) -> None:
    assert len(run(network_path, **inputs(path_cases.flannel({"Type": "vxlan"})))["flows"]) == 4


def test_what_nobody_can_mean_is_refused(run: Run) -> None:
    asked = [{"source": "pod/default/x", "target": "pod/default/b"}]
    result = run(network_path, flows=asked, **inputs(path_cases.flannel({"Type": "vxlan"})))
    assert result["msg"] == "source: there is no pod default/x. See `kubectl get pods --all-namespaces`."


def sightings(world: World) -> dict[str, t.Any]:
    (found,) = account.accounts(world, path_cases.SERVICES, FLOWS)
    items = captured(found.journeys[0].there, 0)
    return {
        node: {
            "sent": {NAME: [10.0]} if node == "n1" else {},
            "sightings": [{**item, "trace": NAME} for place, item in items if place == node],
            "began": 5.0,
            "ended": 15.0,
        }
        for node in ("n1", "n2")
    }


def test_a_page_is_written_once(run: Run, tmp_path: Path) -> None:
    world = path_cases.flannel({"Type": "vxlan"})
    options = {"dest": str(tmp_path / "network"), "flows": FLOWS, "sightings": sightings(world), **inputs(world)}
    foreseen = run(network_report, check=True, **options)
    assert foreseen["changed"]
    assert not (tmp_path / "network").exists()
    result = run(network_report, **options)
    assert (result["changed"], result["passed"], result["reasons"]) == (True, True, [])
    assert result["summary"] == [f"{NAME}: delivered by n1 > n2", f"{NAME}: 1 of 1 packets came as foretold"]
    assert not run(network_report, **options)["changed"]
    told = json.loads((tmp_path / "network" / "network.json").read_text())
    assert told["proofs"][NAME]["proved"] == 1
    assert [node["name"] for node in told["nodes"]] == ["n1", "n2", "n3"]


def test_the_page_is_whole_and_loads_nothing(run: Run, tmp_path: Path) -> None:
    wrong = path_cases.flannel({"Type": "vxlan"}, n2=path_cases.without("fdb", lambda _item: False))
    run(network_report, dest=str(tmp_path), **inputs(wrong))
    page = (tmp_path / "network.html").read_text()
    tags = html_page.Page(page)
    assert (tags.open, tags.loads) == ([], [])
    assert "Needs attention" in page
    assert "n2: missing fdb" in page


def test_a_name_is_text_and_never_html(run: Run, tmp_path: Path) -> None:
    world = path_cases.flannel({"Type": "vxlan"}, n1=path_cases.more("links", snapshot.Link("<b>x", "dummy", 1500, up=True)))
    run(network_report, dest=str(tmp_path), **inputs(world))
    page = (tmp_path / "network.html").read_text()
    assert "&lt;b&gt;x" in page
    assert "<b>x" not in page
