# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `load` makes of the API's objects, and what names stand for."""

from __future__ import annotations

import gc
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Document, InvalidPolicyError, load
from tests.support.netpol_cases import N1, OUTSIDE, endpoints, namespace, node, pod, policy, service, workload, world

Raw = dict[str, t.Any]


def _owned(raw: Raw, kind: str, name: str, **labels: str) -> Raw:
    meta = {**raw["metadata"], "ownerReferences": [{"kind": kind, "name": name, "controller": True}]}
    return {**raw, "metadata": {**meta, "labels": {**meta["labels"], **labels}}}


def test_lists_are_taken_apart() -> None:
    plain = {"kind": "List", "items": [namespace("x"), pod("x/a")]}
    typed = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicyList",
        "items": [{"metadata": {"name": "p", "namespace": "x"}, "spec": {}}],
    }
    found = load([plain, typed, {"kind": "PodList", "items": None}])
    assert ([*found.namespaces], [*found.members], [str(one) for one in found.policies]) == (["x"], ["x/a"], ["x/p"])


def test_documents_that_hold_nothing_are_passed_over() -> None:
    assert [*load([None, Document(None, "a.yml", 1), pod("x/a")]).members] == ["x/a"]


@pytest.mark.parametrize(("given", "where"), [("text", "objects"), (Document([1], "a.yml", 2), "a.yml, document 2")])
def test_documents_that_hold_no_object(given: t.Any, where: str) -> None:
    with pytest.raises(BadInputError, match=f"^{where}: is a (str|list), not an object of the API"):
        load([given])


def test_other_kinds_are_passed_over() -> None:
    assert load([{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}, {}]).pods == ()


@pytest.mark.parametrize(
    "objects",
    [
        pytest.param([policy({}), policy({})], id="policy"),
        pytest.param([pod("x/a"), pod("x/a")], id="pod"),
        pytest.param([namespace("x"), namespace("x")], id="namespace"),
    ],
)
def test_one_name_twice(objects: list[Raw]) -> None:
    with pytest.raises(InvalidPolicyError, match="was read before"):
        load(objects)


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"kind": "Pod", "metadata": {"namespace": "x"}}, id="no name"),
        pytest.param({**pod("x/a"), "spec": {"containers": [{"ports": [{"name": "http"}]}]}}, id="a port without a number"),
        pytest.param({**pod("x/a"), "spec": "?"}, id="a spec that is a word"),
        pytest.param({**service("x/s", None), "spec": {"ports": [{}]}}, id="a Service's port without a number"),
        pytest.param({**node("n1"), "spec": {"podCIDRs": 7}}, id="a node's ranges"),
        pytest.param(pod("x/a", labels={"v": t.cast(str, 1)}), id="a pod's label that is no string"),
        pytest.param(namespace("x", v=t.cast(str, True)), id="a namespace's label that is no string"),
        pytest.param(workload("x/Job/j", {"v": t.cast(str, 1)}), id="a template's label that is no string"),
    ],
)
def test_what_cannot_be_read(broken: Raw) -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        load([broken])
    assert str(caught.value.findings[0].place).startswith(broken["kind"])


@pytest.mark.parametrize(
    ("options", "message"),
    [({"cni": "weave"}, "generic, calico, cilium, flannel"), ({"pod_cidrs": ["10.244.0.0"]}, "no prefix length")],
)
def test_bad_options(options: dict[str, t.Any], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        load([], **options)


@pytest.mark.parametrize("enabled", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    (gc.enable if enabled else gc.disable)()
    try:
        load(world())
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


class TestWorkloads:
    """A workload is one pod until its pods are there."""

    def test_it_stands_for_itself(self) -> None:
        assert load([workload("x/Deployment/web", {})]).members == {"x/Deployment/web": (0,)}

    def test_its_pods_stand_for_it(self) -> None:
        replicas = _owned({**workload("x/ReplicaSet/web-1", {})}, "Deployment", "web")
        pods = [_owned(pod(f"x/web-1-{name}"), "ReplicaSet", "web-1") for name in "ab"]
        found = load([workload("x/Deployment/web", {}), replicas, *pods])
        assert len(found.pods) == 2
        assert found.members["x/Deployment/web"] == found.members["x/ReplicaSet/web-1"] == (0, 1)

    def test_its_pods_are_known_without_the_replica_set(self) -> None:
        pods = [_owned(pod("x/web-1-a"), "ReplicaSet", "web-5d9", **{"pod-template-hash": "5d9"})]
        assert load([workload("x/Deployment/web", {}), *pods]).members["x/Deployment/web"] == (0,)

    def test_a_replica_set_of_a_deployment_is_no_other_pod(self) -> None:
        replicas = _owned(workload("x/ReplicaSet/web-1", {}), "Deployment", "web")
        assert [*load([workload("x/Deployment/web", {}), replicas]).members] == ["x/Deployment/web"]

    def test_pods_that_differ_have_no_common_verdict(self) -> None:
        pods = [_owned(pod(f"x/{name}", labels={"v": name}), "StatefulSet", "db") for name in ("one", "two")]
        denied = policy({"matchLabels": {"v": "one"}}, policyTypes=["Ingress"])
        matrix = load([*pods, pod("y/a"), workload("x/StatefulSet/db", {}), denied]).matrix([])
        assert matrix.verdict("y/a", "x/StatefulSet/db", "TCP/80") == "undefined"
        pairs = matrix.explain("y/a", "x/StatefulSet/db", "TCP/80").pairs
        assert [(pair.destination, pair.verdict) for pair in pairs] == [("x/one", "deny"), ("x/two", "allow")]

    def test_a_sidecar_has_ports(self) -> None:
        sidecar = {"name": "s", "restartPolicy": "Always", "ports": [{"name": "admin", "containerPort": 9000}]}
        gone = {"name": "i", "ports": [{"name": "init", "containerPort": 9001}]}
        found = load([pod("x/a", initContainers=[sidecar, gone])])
        assert [port.name for port in found.pods[0].ports] == ["http", "admin"]


class TestEnds:
    @pytest.mark.parametrize("end", ["x/none", "x/Deployment/none", "x/Service/none", "Node/none", "none", "10.0.0.256", "", "a/b/c/d"])
    def test_unknown(self, end: str) -> None:
        with pytest.raises(BadInputError, match=r"is in the input|neither a name"):
            load(world()).matrix([]).verdict(end, "x/a", "TCP/80")

    @pytest.mark.parametrize("port", ["", "TCP/", "TCP/0", "TCP/65536", "QUIC/80", "70000", "/80"])
    def test_no_port(self, port: str) -> None:
        with pytest.raises(BadInputError, match="is no port"):
            load(world()).matrix([]).verdict("x/a", "x/b", port)

    @pytest.mark.parametrize("port", ["80", "tcp/80", "TCP/http", "ICMP", "TCP/65535"])
    def test_ports(self, port: str) -> None:
        assert load(world()).matrix([]).verdict("x/a", "x/b", port) == "allow"

    def test_a_table_needs_a_number(self) -> None:
        with pytest.raises(BadInputError, match="has no number"):
            load(world()).matrix(["TCP/http"])

    def test_rows_only_of_tables(self) -> None:
        with pytest.raises(BadInputError, match="There are: TCP/80"):
            load(world()).matrix(["TCP/80"]).rows("TCP/81")

    @pytest.mark.parametrize(
        ("objects", "destination", "note"),
        [
            ([], "x/Service/web", "has no endpoints"),
            ([pod("x/w", labels={"app": "w"})], "x/Service/web TCP/81", "has no port TCP/81"),
            ([pod("x/w", labels={"app": "w"}, ports=[])], "x/Service/web", "has no endpoints"),
        ],
    )
    def test_services_that_lead_nowhere(self, objects: list[Raw], destination: str, note: str) -> None:
        web = service("x/web", {"app": "w"}, {"port": 80, "targetPort": "http"})
        end, _, port = destination.partition(" ")
        (pair,) = load(world(web, *objects)).matrix([]).explain("y/a", end, port or "TCP/80").pairs
        assert (pair.verdict, note in pair.note) == ("undefined", True)

    def test_a_service_is_no_source(self) -> None:
        explanation = load(world(service("x/web", {"pod": "a"}))).matrix([]).explain("x/Service/web", "x/b", "TCP/80")
        assert (explanation.verdict, explanation.pairs[0].note) == ("undefined", "a Service begins no connections")

    def test_endpoints_that_somebody_wrote_may_be_pods(self) -> None:
        objects = [
            service("x/own", None, {"port": 80, "targetPort": 81}),
            endpoints("x/own", "10.0.0.4"),
            policy({}, place="y", policyTypes=["Ingress"]),
        ]
        (pair,) = load(world(*objects)).matrix([]).explain("x/a", "x/Service/own", "TCP/80").pairs
        assert (pair.destination, pair.port, pair.verdict) == ("y/a", "TCP/81", "deny")

    def test_the_older_endpoints(self) -> None:
        old = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"namespace": "x", "name": "own"},
            "subsets": [{"addresses": [{"ip": OUTSIDE}]}],
        }
        assert load(world(service("x/own", None), old)).services["x/Service/own"].backends == (OUTSIDE,)

    def test_a_node_has_all_its_addresses(self) -> None:
        matrix = load(world(node("n3", "192.168.0.3", "fd01::3"), pod("x/d", "10.0.0.9", "fd00::9"))).matrix([])
        assert [pair.family for pair in matrix.explain("Node/n3", "x/d", "TCP/80").pairs] == [4, 6]


def test_the_text_of_what_is_left_open() -> None:
    objects = [policy({}, name="lock", policyTypes=["Egress"]), service("x/web", {"pod": "a"})]
    assert str(load(world(*objects)).matrix([]).explain("x/a", "x/Service/web", "TCP/80")).splitlines() == [
        "x/a to x/Service/web on TCP/80: undefined",
        "  x/a to x/a on TCP/80: undefined (the pod reaches itself through x/Service/web)",
        "    if the pod itself is exempt: allow",
        "      the pod itself is exempt",
        "    if policies apply: deny",
        "      egress: x/lock isolates the pod and has no rule",
    ]


def test_the_text_of_an_explanation() -> None:
    denied = policy({}, name="lock", policyTypes=["Ingress"])
    matrix = load(world(denied)).matrix([])
    assert str(matrix.explain("y/a", "x/a", "TCP/80")).splitlines() == [
        "y/a to x/a on TCP/80: deny",
        "      ingress: x/lock isolates the pod and has no rule",
    ]
    assert str(matrix.explain(N1, "x/a", "TCP/80")).splitlines()[1:] == [
        "      ingress: a pod's own node may always reach it and be reached"
    ]
    assert str(matrix.explain("y/a", "z/a", "TCP/80")).splitlines()[1:] == ["      no policy isolates either end"]


def test_a_pods_own_node_is_known_without_its_object() -> None:
    alone = pod("x/a", "10.0.0.1", on="n1")
    alone["status"]["hostIP"] = N1
    matrix = load([namespace("x"), alone, policy({}, policyTypes=["Ingress"])]).matrix([])
    assert [matrix.verdict(address, "x/a", "TCP/80") for address in (N1, "192.168.0.2")] == ["allow", "deny"]


def test_groups_and_rectangles() -> None:
    matrix = load(world(policy({}, policyTypes=["Ingress"]))).matrix(["TCP/80"])
    groups = [matrix.group(number) for number in range(len(matrix.classes))]
    assert [group.name for group in groups] == ["x/a and 2 more", "y/a and 1 more", "z/a", "addresses outside, in no block"]
    (pods, outside) = matrix.rectangles("TCP/80")
    assert (pods.sources, pods.destinations, outside.sources, outside.destinations) == ((0, 1, 2), (1, 2, 3), (3,), (1, 2))
    # From six pods to y/a, y/b and z/a, without what those three say to themselves.
    assert matrix.allowed_pairs("TCP/80") == 6 * 3 - 3
