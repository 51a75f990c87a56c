# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which connections prove an expectation, and why some cannot be proved."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, UNDEFINED, load
from ansible_collections.podnet.cni.plugins.module_utils._netpol.expectations import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World
from ansible_collections.podnet.cni.plugins.module_utils._probing import evidence, kinds, plan, trial
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import OUT, Connection, Stand

Raw = dict[str, t.Any]


def pod(name: str, address: str, labels: dict[str, str], port: int = 0, owner: str = "") -> Raw:
    namespace, _, own = name.partition("/")
    ports = [{"name": "http", "containerPort": port}] if port else []
    owners = [{"kind": "ReplicaSet", "name": owner, "controller": True}] if owner else []
    meta = {"namespace": namespace, "name": own, "labels": labels, "ownerReferences": owners}
    spec = {"nodeName": "n1", "containers": [{"name": "c", "ports": ports}]}
    return {"kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Running", "podIPs": [{"ip": address}]}}


WORLD = load(
    [
        *({"kind": "Namespace", "metadata": {"name": name}} for name in ("shop", "kube-system")),
        pod("shop/web-1", "10.1.0.1", {"app": "web"}, 8080, "web"),
        pod("shop/web-2", "10.1.0.2", {"app": "web"}, 8080, "web"),
        pod("shop/client", "10.1.0.3", {"app": "client"}),
        pod("kube-system/dns", "10.1.0.9", {"app": "dns"}),
        {
            "kind": "Service",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {
                "clusterIP": "10.96.0.7",
                "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": "http", "nodePort": 30080}],
            },
        },
        {"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]}},
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"namespace": "shop", "name": "web"},
            "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"ports": [{"port": "http"}]}]},
        },
    ]
)
STANDS = plan.shadows(kinds.of(WORLD, kinds.Wanted()), ("n1", "n2"))


def setting(*expected: Expectation, world: World = WORLD, stands: tuple[Stand, ...] = STANDS) -> evidence.Setting:
    return evidence.Setting(world, stands, evidence.casting(expected, world, stands), says=True)


def find(source: str, destination: str, port: str = "TCP/80") -> evidence.Evidence:
    expected = Expectation(source, destination, port, "allow")
    return evidence.find(expected, setting(expected))


@pytest.mark.parametrize(
    ("destination", "port", "address", "number"),
    [
        ("shop/Service/web", "TCP/80", "10.96.0.7", 80),
        ("Node/n1", "TCP/6443", "192.0.2.1", 6443),
        ("203.0.113.7", "TCP/443", "203.0.113.7", 443),
        # Of a pod in a namespace of the cluster's own there is no shadow.
        ("kube-system/dns", "UDP/53", "10.1.0.9", 53),
    ],
)
def test_what_has_no_shadow_is_called_by_its_address(destination: str, port: str, address: str, number: int) -> None:
    found, note = find("shop/client", destination, port)
    clients = {stand.reference for stand in STANDS if stand.kind.name == "shop/client"}
    assert note == ""
    assert {one.source for one in found} == clients
    assert {(one.target, one.address, one.port.number, one.says, one.place) for one in found} == {(destination, address, number, "", OUT)}


def test_the_name_of_a_port_is_the_number_of_the_pod_s() -> None:
    found, _ = find("shop/client", "shop/ReplicaSet/web", "TCP/http")
    assert {(one.port, one.address) for one in found} == {(Port("TCP", 8080), "")}
    assert {one.target for one in found} <= {stand.reference for stand in STANDS if "web" in stand.kind.name}
    assert len(found) == 2


def test_the_pods_of_a_workload_are_tried_among_themselves() -> None:
    found, note = find("shop/ReplicaSet/web", "shop/ReplicaSet/web")
    assert note == ""
    assert found
    assert all(one.source != one.target for one in found)


@pytest.mark.parametrize(
    ("source", "destination", "port", "why"),
    [
        ("Node/n1", "shop/client", "TCP/80", "nothing can be sent from Node/n1"),
        ("203.0.113.7", "shop/client", "TCP/80", "nothing can be sent from 203.0.113.7"),
        ("shop/client", "shop/client", "TCP/80", "a pod always reaches itself"),
        ("shop/client", "shop/web-1", "TCP/metrics", "shop/web-1 has no port TCP/metrics"),
        ("shop/client", "shop/Service/web", "TCP/http", "shop/Service/web has no address on TCP/http"),
    ],
)
def test_what_nothing_can_prove(source: str, destination: str, port: str, why: str) -> None:
    assert find(source, destination, port) == ((), why)


def test_every_destination_asks_itself_what_it_is_asked() -> None:
    expected = Expectation("shop/client", "shop/web-1", "TCP/9", "deny")
    asked = evidence.questions((expected,), setting(expected), (Port("TCP", 80),))
    targets = {(one.target, one.port) for one in asked.connections if not one.is_control}
    assert {(one.target, one.port) for one in asked.connections if one.is_control} >= targets
    assert len(set(asked.connections)) == len(asked.connections)


def test_what_no_kernel_could_try_is_unknown() -> None:
    expected = Expectation("shop/client", "shop/web-1", "SCTP/9", "deny")
    asked = evidence.questions((expected,), setting(expected), ())
    (tested,) = asked.tested(())
    assert (tested.result, tested.note) == (trial.UNKNOWN, "no node's kernel can try it")


@pytest.mark.parametrize(
    ("destination", "port", "service"),
    [
        ("shop/Service/web", "TCP/80", True),
        ("10.96.0.7", "TCP/80", True),
        ("Node/n1", "TCP/30080", True),
        ("192.0.2.1", "TCP/30080", True),
        ("Node/n1", "UDP/30080", False),
        ("Node/n1", "TCP/6443", False),
        ("203.0.113.7", "TCP/30080", False),
        ("kube-system/dns", "UDP/53", False),
    ],
)
def test_where_a_service_stands_between(destination: str, port: str, service: bool) -> None:
    assert {one.service for one in find("shop/client", destination, port)[0]} == {service}


@pytest.mark.parametrize("source", ["shop/client", "shop/Pod/client"])
@pytest.mark.parametrize("destination", ["shop/{}web-1", "kube-system/{}dns"])
def test_a_pod_may_be_written_as_workloads_are(source: str, destination: str) -> None:
    found, note = find(source, destination.format("Pod/"))
    assert note == ""
    plain = find("shop/client", destination.format(""))[0]
    assert [(one.source, one.address, one.port, one.says) for one in found] == [
        (one.source, one.address, one.port, one.says) for one in plain
    ]
    assert evidence.senders([Expectation(source, destination, "TCP/80", "allow")], WORLD) == ("shop/client",)
    assert find("shop/Pod/client", "shop/client")[1] == "a pod always reaches itself"


# --- Between before and after a change --------------------------------------------------------------------------------


def rolled(generation: int) -> World:
    """A Deployment's pods, which every change of it replaces by others."""
    meta = {"namespace": "shop", "name": "web"}
    deployment = {"kind": "Deployment", "metadata": meta, "spec": {"template": {"metadata": {"labels": {"app": "web"}}}}}
    owner = f"web-{generation}"
    return load(
        [
            {"kind": "Namespace", "metadata": {"name": "shop"}},
            deployment,
            pod(f"shop/{owner}-x", f"10.1.0.{generation}", {"app": "web", "pod-template-hash": str(generation)}, 8080, owner),
            pod("shop/client", "10.1.0.9", {"app": "client"}),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": meta,
                "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]},
            },
        ]
    )


@pytest.mark.parametrize(("source", "destination"), [("shop/Deployment/web", "shop/client"), ("shop/client", "shop/Deployment/web")])
def test_who_stands_for_a_workload_does_so_when_its_pods_were_replaced(source: str, destination: str) -> None:
    expected = Expectation(source, destination, "TCP/80", "deny")
    before, after = rolled(1), rolled(2)
    stands = plan.shadows(kinds.of(before, kinds.Wanted()), ("n1", "n2"))
    casting = evidence.casting([expected], before, stands)
    asked = [evidence.find(expected, evidence.Setting(world, stands, casting, says=True)) for world in (before, after)]
    assert asked[0] == asked[1]
    assert asked[0][0]


# --- Rules with addresses of pods -------------------------------------------------------------------------------------

GOOD, BAD, SHADOW = "10.1.0.7", "10.1.0.8", "10.1.9.{}"


def by_address(*more: Raw, block: str = GOOD) -> World:
    """y/good and y/bad are one kind but for the address, which the rule of x/web names."""
    return load(
        [
            *({"kind": "Namespace", "metadata": {"name": name}} for name in "xy"),
            pod("x/web", "10.1.0.1", {"app": "web"}),
            pod("y/good", GOOD, {"app": "client"}),
            pod("y/bad", BAD, {"app": "client"}),
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"namespace": "x", "name": "web"},
                "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": f"{block}/32"}}]}]},
            },
            *more,
        ]
    )


@pytest.mark.parametrize(
    ("source", "block", "own", "counts"),
    [
        ("y/good", GOOD, ALLOW, False),
        ("y/bad", GOOD, DENY, True),
        # Of its pods one may and one may not: nothing definite to compare.
        ("y/ReplicaSet/both", GOOD, UNDEFINED, True),
        # A shadow has by chance the address of which the rule is.
        ("y/bad", SHADOW.format(1), DENY, False),
    ],
)
def test_a_stand_is_no_evidence_where_rules_tell_its_address_from_the_pod_s(source: str, block: str, own: str, counts: bool) -> None:
    owned = [pod(f"y/both-{name}", address, {"app": "client"}, owner="both") for name, address in (("a", GOOD), ("b", "10.1.0.6"))]
    owned = owned if "both" in source else []
    stands = plan.shadows(kinds.of(by_address(*owned), kinds.Wanted()), ("n1", "n2"))
    clients = [stand for stand in stands if stand.kind.model.namespace == "y"]
    shadows = [
        pod(stand.reference, SHADOW.format(clients.index(stand) + 1 if stand in clients else 100 + number), dict(stand.kind.model.labels))
        for number, stand in enumerate(stands)
    ]
    world = by_address(*owned, *shadows, block=block)
    matrix = world.matrix([])
    expected = Expectation(source, "x/web", "TCP/80", own if own != UNDEFINED else DENY)
    assert matrix.verdict(source, "x/web", "TCP/80") == own
    casting = evidence.casting([expected], by_address(*owned), stands)
    found, note = evidence.find(expected, evidence.Setting(world, stands, casting, says=True, matrix=matrix))
    verdicts = {matrix.verdict(one.source, one.target, one.port) for one in found}
    assert bool(found) is (counts or block != GOOD)
    assert own == UNDEFINED or verdicts <= {own}
    assert note == ("" if found else "depends on the pods' own addresses; measure with clients: ephemeral")


def test_an_end_that_is_gone_by_now_is_not_compared() -> None:
    expected = Expectation("y/gone", "x/web", "TCP/80", DENY)
    before = by_address(pod("y/gone", "10.1.0.5", {"app": "client"}))
    stands = plan.shadows(kinds.of(before, kinds.Wanted()), ("n1",))
    shadows = [pod(one.reference, SHADOW.format(number + 1), dict(one.kind.model.labels)) for number, one in enumerate(stands)]
    world = by_address(*shadows)
    casting = evidence.casting([expected], before, stands)
    assert evidence.find(expected, evidence.Setting(world, stands, casting, says=True, matrix=world.matrix([])))[0]


def test_what_policies_leave_to_the_cni_is_told() -> None:
    way = Connection("x/a", "x/b", Port("TCP", 80))
    expected = Expectation("x/a", "x/b", "TCP/80", DENY)
    asked = evidence.Questions((way,), ((expected, ((way,), "")),))
    (tested,) = asked.tested([trial.Measured(way, UNDEFINED, ALLOW, "answered", 1)])
    assert (tested.result, tested.note) == (trial.UNKNOWN, "policies leave it to the CNI")


# --- Two families -----------------------------------------------------------------------------------------------------


def dual(*more: Raw, block: str = "0.0.0.0/0") -> World:
    """Everything has an address of each family; the rule of x/web is about one of them."""
    service = {
        "kind": "Service",
        "metadata": {"namespace": "x", "name": "web"},
        "spec": {"clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7", "fd96::7"], "selector": {"app": "web"}, "ports": [{"port": 80}]},
    }
    listed = [{"type": "InternalIP", "address": address} for address in ("192.0.2.1", "2001:db8::1")]
    return load(
        [
            *({"kind": "Namespace", "metadata": {"name": name}} for name in "xy"),
            both(pod("x/web", "10.1.0.1", {"app": "web"})),
            both(pod("y/client", "10.1.0.2", {"app": "client"})),
            both(pod("y/other", "10.1.0.3", {"app": "client"})),
            both(pod("kube-system/dns", "10.1.0.4", {"app": "dns"})),
            service,
            {"kind": "Node", "metadata": {"name": "n1"}, "status": {"addresses": listed}},
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"namespace": "x", "name": "web"},
                "spec": {"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": block}}]}]},
            },
            *more,
        ]
    )


def both(raw: Raw) -> Raw:
    """The pod, with an address of IPv6 that ends as its other one does."""
    (first,) = raw["status"]["podIPs"]
    raw["status"]["podIPs"] = [first, {"ip": f"fd00::{first['ip'].rpartition('.')[2]}"}]
    return raw


def running(before: World, block: str) -> tuple[World, tuple[Stand, ...]]:
    """Shadows that run, and the world with them."""
    stands = plan.shadows(kinds.of(before, kinds.Wanted()), ("n1",))
    shadows = [both(pod(one.reference, SHADOW.format(number + 10), dict(one.kind.model.labels))) for number, one in enumerate(stands)]
    known = (tuple(item["ip"] for item in shadow["status"]["podIPs"]) for shadow in shadows)
    return dual(*shadows, block=block), tuple(
        Stand(one.namespace, one.name, one.node, one.kind, found) for one, found in zip(stands, known, strict=True)
    )


def test_each_family_has_its_own_verdict() -> None:
    world, stands = running(dual(), "0.0.0.0/0")
    expected = Expectation("y/client", "x/web", "TCP/80", DENY)
    matrix, by_name = world.matrix([]), {stand.reference: stand for stand in stands}
    cast = evidence.casting([expected], dual(), stands)
    asked = evidence.questions((expected,), evidence.Setting(world, stands, cast, says=True, matrix=matrix), ())
    ((_, (found, note)),) = asked.proofs
    assert note == ""
    assert {(one.family, matrix.verdict(one.source, plan.judged(one, by_name), one.port)) for one in found} == {(4, ALLOW), (6, DENY)}
    assert {(one.target, one.family) for one in asked.connections if one.is_control} >= {(one.target, one.family) for one in found}
    assert {matrix.verdict(one.source, one.target, one.port) for one in found} == {UNDEFINED}


def test_the_stands_are_compared_with_the_pods_by_family() -> None:
    """By IPv4 only the pod's own address is let in; by IPv6 neither is."""
    world, stands = running(dual(), "10.1.0.2/32")
    expected = Expectation("y/client", "x/web", "TCP/80", ALLOW)
    cast = evidence.casting([expected], dual(), stands)
    found, _ = evidence.find(expected, evidence.Setting(world, stands, cast, says=True, matrix=world.matrix([])))
    assert {one.family for one in found} == {6}


@pytest.mark.parametrize(
    ("destination", "expected"),
    [
        ("x/Service/web", {(4, "10.96.0.7"), (6, "fd96::7")}),
        ("Node/n1", {(4, "192.0.2.1"), (6, "2001:db8::1")}),
        ("kube-system/dns", {(4, "10.1.0.4"), (6, "fd00::4")}),
        ("2001:db8::9", {(0, "2001:db8::9")}),
    ],
)
def test_other_ends_are_called_by_each_family(destination: str, expected: set[tuple[int, str]]) -> None:
    world, stands = running(dual(), "0.0.0.0/0")
    wanted = Expectation("y/client", destination, "TCP/80", ALLOW)
    found, _ = evidence.find(wanted, setting(wanted, world=world, stands=stands))
    assert {(one.family, one.address) for one in found} == expected
    assert {plan.judged(one, {}) for one in found} == ({address for _, address in expected} if len(expected) > 1 else {destination})
