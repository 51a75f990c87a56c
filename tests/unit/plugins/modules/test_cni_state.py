# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the module makes of differences. What differs is tested with the pure code, removing in tests/integration/node."""

from __future__ import annotations

import dataclasses
import json
import typing as t

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup, ownership
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._kube import waiting
from ansible_collections.podnet.cni.plugins.modules import cni_state
from tests.support import backend_cases as cases

NET_CONF = json.dumps({"Network": cases.NETWORK, "Backend": {"Type": "host-gw"}})
MEMBERS = [dataclasses.asdict(cases.node(number, "host-gw")) for number in (1, 2, 3)]
RIGHT = cases.healthy(cases.expectation(cases.mesh({"Type": "host-gw"}), 1))
OLD_DEVICE = model.Link("flannel.1", "vxlan", 1450, up=True, vxlan=model.Vxlan(1, 8472, "192.168.50.11", "eth0"))
OLD_ROUTE = model.Route("10.244.9.0/24", gateway="10.244.9.0", device="flannel.1", onlink=True)
LEFT_BEHIND = ownership.attribute(dataclasses.replace(RIGHT, links=(*RIGHT.links, OLD_DEVICE), routes=(*RIGHT.routes, OLD_ROUTE)))
LACKING = dataclasses.replace(LEFT_BEHIND, routes=())

Run = t.Callable[..., dict[str, t.Any]]


@dataclasses.dataclass
class Host:
    """What the node is seen to have at each look, the last of it for ever, and what was removed from it."""

    looks: list[model.NodeSnapshot]
    removed: list[str] = dataclasses.field(default_factory=list)

    def collect(self, _conf_dir: str) -> model.NodeSnapshot:
        return self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]

    def remove(self, plan: cleanup.CleanupPlan, cni: str, _backup_dir: str, replan: t.Callable[[], cleanup.CleanupPlan]) -> str:
        self.removed += [f"{item.kind} {item.name}" for item in plan.removals]
        devices = {item.name for item in plan.removals if item.kind == "link"}
        routes = {item.name.split()[0] for item in plan.removals if item.kind == "route"}
        now = self.looks[0]
        links = tuple(link for link in now.links if link.name not in devices)
        kept = tuple(route for route in now.routes if route.device not in devices and route.destination not in routes)
        self.looks = [dataclasses.replace(now, links=links, routes=kept)]
        assert replan().removals == ()
        return f"/backups/{cni}"


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(waiting, "PAUSE", 0.01)

    def run_it(host: Host, **options: t.Any) -> dict[str, t.Any]:
        monkeypatch.setattr(cni_state.collect, "collect", host.collect)
        monkeypatch.setattr(cni_state.remove, "apply", host.remove)
        given = {"net_conf": NET_CONF, "nodes": MEMBERS, "node": "n1", **options}
        with patch_module_args({name: value for name, value in given.items() if value is not None}), pytest.raises(SystemExit):
            cni_state.main()
        return t.cast("dict[str, t.Any]", json.loads(capfd.readouterr().out))

    return run_it


def test_a_node_that_is_right(run: Run) -> None:
    result = run(Host([RIGHT]), remove="all")
    assert (result["changed"], result["passed"], result["differences"], result["removed"]) == (False, True, [], [])


def test_a_difference_is_a_failure_and_tells_itself(run: Run) -> None:
    result = run(Host([LEFT_BEHIND]))
    assert result["failed"] is True
    assert result["msg"].startswith("2 things are not as flannel has to have them: n1: extra link flannel.1: vxlan (")
    assert [(item["kind"], item["item"], item["name"]) for item in result["differences"]] == [
        ("extra", "link", "flannel.1"),
        ("extra", "route", "10.244.9.0/24"),
    ]
    assert run(Host([LEFT_BEHIND]), fail="never")["passed"] is False


@pytest.mark.parametrize(
    ("what", "removed", "left"),
    [
        ("routes", ["route 10.244.9.0/24 via 10.244.9.0 dev flannel.1"], ["flannel.1"]),
        ("all", ["link flannel.1"], []),
    ],
)
def test_what_is_too_much_goes(run: Run, what: str, removed: list[str], left: list[str]) -> None:
    predicted = run(Host([LEFT_BEHIND]), remove=what, _ansible_check_mode=True)
    host = Host([LEFT_BEHIND])
    result = run(host, remove=what, fail="never")
    assert host.removed == removed
    assert [item["name"] for item in result["differences"]] == left
    assert result["backup"] == "/backups/flannel"
    assert (predicted["changed"], predicted["removed"], predicted["diff"]) == (True, result["removed"], result["diff"])
    assert run(host, remove=what, fail="never")["changed"] is False


def test_it_waits_for_what_flannel_brings(run: Run) -> None:
    host = Host([LACKING, LACKING, RIGHT])
    assert run(host, timeout=5)["passed"] is True
    assert len(host.looks) == 1


def test_what_is_too_much_alone_is_no_failure_where_it_is_not_asked_for(run: Run) -> None:
    assert run(Host([LEFT_BEHIND]), fail="missing")["passed"] is False
    assert "missing route 10.244.2.0/24" in run(Host([LACKING]), fail="missing")["msg"]


def test_a_node_that_still_announces_another_backend_stops_all(run: Run) -> None:
    """The others take no notice of it, so what of old they have for it must stay. Waiting would not help: it was read before."""
    silent = [dataclasses.asdict(cases.node(1, "vxlan")), *MEMBERS[1:]]
    host = Host([RIGHT])
    result = run(host, nodes=silent, remove="all", timeout=60)
    assert "different annotation backend-type: vxlan instead of host-gw" in result["msg"]
    assert host.removed == []


def test_nothing_of_old_goes_before_the_new_is_there(run: Run) -> None:
    host = Host([LACKING])
    result = run(host, remove="all", fail="never")
    assert "nothing of old was removed: n1: missing route 10.244.2.0/24: via 192.168.50.12 dev eth0" in result["msg"]
    assert host.removed == []


POOL = {"name": "default", "cidr": "10.244.0.0/16", "vxlan_mode": "Always"}


def test_calico_with_vxlan(run: Run) -> None:
    """Nothing of it is there: the node has flannel's."""
    block = {"cidr": "10.244.2.0/26", "node": "n2"}
    said = {"projectcalico.org/IPv4Address": "192.168.50.12/24", "projectcalico.org/IPv4VXLANTunnelAddr": "10.244.2.0"}
    members = [MEMBERS[0], {**MEMBERS[1], "annotations": said}]
    result = run(Host([RIGHT]), net_conf=None, calico={"pools": [POOL], "blocks": [block]}, nodes=members)
    assert result["msg"].startswith(
        "4 things are not as Calico has to have them: n1: missing route 10.244.2.0/26: via 10.244.2.0 dev vxlan.calico onlink"
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"net_conf": None}, "one of the following is required: net_conf, calico"),
        ({"calico": {"pools": [POOL]}}, "parameters are mutually exclusive: net_conf|calico"),
        (
            {"net_conf": None, "calico": {"pools": [{**POOL, "vxlan_mode": "Never"}]}},
            "calico: not all pools are of IPv4 and carried by VXLAN",
        ),
        (
            {"net_conf": None, "calico": {"pools": [POOL]}, "remove": "all"},
            "remove: Felix itself removes what does not belong to Calico. Leave it out.",
        ),
        ({"net_conf": None, "calico": {"colour": "red"}}, "option calico: does not hold a snapshot"),
        ({"net_conf": "{"}, "net_conf: it is no JSON"),
        ({"net_conf": NET_CONF.replace("host-gw", "hostgw")}, "there is no backend 'hostgw'"),
        ({"node": "n9"}, "node: n9 is no node of the cluster: n1, n2, n3."),
        ({"nodes": [{"name": "n1", "colour": "red"}]}, "option nodes: does not hold a snapshot"),
    ],
)
def test_bad_input(run: Run, options: dict[str, t.Any], message: str) -> None:
    assert message in run(Host([RIGHT]), **options)["msg"]
