# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done to a cluster's policies: what differs and what does not, whose they are, what cannot be applied."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import InvalidPolicyError, applying
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import Document
from tests.support.netpol_cases import ANY, block, ingress, named, namespace, policy, workload, world

Raw = dict[str, t.Any]

FROM_B = ingress({"podSelector": named("b")})
WEB = policy(named("a"), name="web", ingress=[FROM_B])
SET = {"podnet.io/policy-set": "shop", "app.kubernetes.io/managed-by": "podnet.cni"}


def live(
    raw: Raw, labels: t.Mapping[str, str] | None = None, ours: t.Sequence[str] = (), others: t.Sequence[str] = (), **meta: t.Any
) -> Raw:
    """A policy in the cluster; ``ours`` and ``others``: the labels that have an owner."""
    owners = [
        {
            "manager": manager,
            "operation": operation,
            "fieldsV1": {"f:metadata": {"f:labels": {".": {}, **{f"f:{key}": {} for key in keys}}}},
        }
        for manager, operation, keys in (("podnet.cni", "Apply", ours), ("kubectl", "Update", others))
    ]
    more = {"uid": "1", "resourceVersion": "7", "managedFields": owners, **meta}
    return {**raw, "metadata": {**raw["metadata"], "labels": dict(SET if labels is None else labels), **more}}


def planned(objects: t.Sequence[Raw], *wanted: Raw, prune: bool = True) -> applying.Plan:
    documents = applying.sort(wanted, "default")[0] if wanted else ()
    return applying.plan(world(*objects), applying.Wish("shop", documents, prune))


def steps(objects: t.Sequence[Raw], *wanted: Raw, prune: bool = True) -> list[str]:
    return list(map(str, planned(objects, *wanted, prune=prune).steps))


# --- Defaults ---


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        pytest.param({}, {"podSelector": {}, "policyTypes": ["Ingress"]}, id="8 and 10: no podSelector, no policyTypes"),
        pytest.param({"policyTypes": []}, {"podSelector": {}, "policyTypes": ["Ingress"]}, id="10: no types in the list"),
        pytest.param(
            {"egress": [{}]}, {"podSelector": {}, "egress": [{}], "policyTypes": ["Ingress", "Egress"]}, id="11: egress with a rule"
        ),
        pytest.param({"egress": []}, {"podSelector": {}, "policyTypes": ["Ingress"]}, id="12: egress without a rule"),
        pytest.param(
            {"ingress": [FROM_B], "policyTypes": ["Egress"]},
            {"podSelector": {}, "ingress": [FROM_B], "policyTypes": ["Egress"]},
            id="13: rules that do not count stay",
        ),
        pytest.param({"ingress": None}, {"podSelector": {}, "policyTypes": ["Ingress"]}, id="15: null"),
        pytest.param({"ingress": [None]}, {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]}, id="16: a rule that is null"),
        pytest.param(
            {"ingress": [{"from": [], "ports": None}]},
            {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]},
            id="17 and 18: lists without items",
        ),
        pytest.param(
            {"ingress": [{"ports": [{}, {"port": "http", "endPort": None}, {"protocol": "UDP", "port": 53, "endPort": 54}]}]},
            {
                "podSelector": {},
                "ingress": [
                    {
                        "ports": [
                            {"protocol": "TCP"},
                            {"protocol": "TCP", "port": "http"},
                            {"protocol": "UDP", "port": 53, "endPort": 54},
                        ]
                    }
                ],
                "policyTypes": ["Ingress"],
            },
            id="18 and 37: the protocol",
        ),
        pytest.param(
            {"ingress": [ingress({"podSelector": {}, "namespaceSelector": None}, {"namespaceSelector": {"matchLabels": {}}})]},
            {
                "podSelector": {},
                "ingress": [{"from": [{"podSelector": {}}, {"namespaceSelector": {}}]}],
                "policyTypes": ["Ingress"],
            },
            id="19 to 21: a selector without content, and none",
        ),
        pytest.param(
            {"ingress": [ingress({"ipBlock": {"cidr": "10.0.0.0/8", "except": []}}, block("11.0.0.0/8", "11.1.0.0/16"))]},
            {
                "podSelector": {},
                "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}, block("11.0.0.0/8", "11.1.0.0/16")]}],
                "policyTypes": ["Ingress"],
            },
            id="a block without holes",
        ),
        pytest.param(
            {"podSelector": {"matchLabels": {}, "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]}},
            {"podSelector": {"matchExpressions": [{"key": "a", "operator": "Exists"}]}, "policyTypes": ["Ingress"]},
            id="expressions without values",
        ),
    ],
)
def test_what_the_api_server_makes_of_a_spec(written: Raw, kept: Raw) -> None:
    assert applying.normalised(written) == kept
    assert applying.normalised(kept) == kept


# --- Steps ---


@pytest.mark.parametrize(
    ("objects", "wanted", "expected"),
    [
        pytest.param([], [WEB], ["create NetworkPolicy x/web"], id="there is none"),
        pytest.param([live(WEB)], [WEB], [], id="the same"),
        pytest.param([live({**WEB, "spec": applying.normalised(WEB["spec"])})], [WEB], [], id="with its defaults"),
        pytest.param([live(policy({}, name="web"))], [WEB], ["update NetworkPolicy x/web"], id="another spec"),
        pytest.param([live(WEB, labels={})], [WEB], ["update NetworkPolicy x/web"], id="of no set"),
        pytest.param([live(WEB, labels={**SET, "a": "b"})], [WEB], [], id="with a label of nobody"),
        pytest.param([live(WEB, labels={**SET, "a": "b"}, ours=["a"])], [WEB], ["update NetworkPolicy x/web"], id="a label of ours"),
        pytest.param([live(WEB, labels={**SET, "a": "b"}, ours=["a"], others=["a"])], [WEB], [], id="a label of ours and others"),
        pytest.param([live(WEB, annotations={"a": "b"})], [WEB], [], id="an annotation of others"),
        pytest.param([live(WEB)], [], ["delete NetworkPolicy x/web"], id="no longer wanted"),
        pytest.param([live(WEB, labels={"podnet.io/policy-set": "other"})], [], [], id="of another set"),
        pytest.param([live(WEB, labels={})], [], [], id="somebody else's"),
    ],
)
def test_what_has_to_be_done(objects: list[Raw], wanted: list[Raw], expected: list[str]) -> None:
    assert steps(objects, *wanted) == expected


def test_without_pruning_nothing_is_deleted() -> None:
    assert steps([live(WEB)], policy({}, name="new"), prune=False) == ["create NetworkPolicy x/new"]


def test_what_is_applied() -> None:
    """Every field of the spec, also those without content, or an earlier rule would stay."""
    raw = {**WEB, "metadata": {**WEB["metadata"], "labels": {"a": "b"}, "annotations": {"c": "d"}, "uid": "1", "managedFields": []}}
    assert applying.manifest(raw, "shop") == {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"namespace": "x", "name": "web", "labels": {"a": "b", **SET}, "annotations": {"c": "d"}},
        "spec": {"podSelector": named("a"), "ingress": [FROM_B], "egress": [], "policyTypes": ["Ingress"]},
    }


@pytest.mark.parametrize(
    ("own", "there", "applied"),
    [
        pytest.param({}, None, "podnet.cni", id="a new one"),
        pytest.param({}, {}, "podnet.cni", id="of nobody"),
        pytest.param({"app.kubernetes.io/managed-by": "me"}, {}, "me", id="the manifest's own"),
        pytest.param({}, {"app.kubernetes.io/managed-by": "Helm"}, None, id="of others"),
        pytest.param({}, {"app.kubernetes.io/managed-by": "podnet.cni"}, "podnet.cni", id="ours"),
    ],
)
def test_who_manages_it(own: dict[str, str], there: dict[str, str] | None, applied: str | None) -> None:
    raw = {**WEB, "metadata": {**WEB["metadata"], "labels": own}}
    found = applying.manifest(raw, "shop", None if there is None else live(WEB, labels=there))
    assert found["metadata"]["labels"].get("app.kubernetes.io/managed-by") == applied


def test_what_it_will_be_keeps_what_others_gave_it() -> None:
    (step,) = planned([live(policy({}, name="web"), labels={**SET, "theirs": "1", "ours": "2"}, ours=["ours"])], WEB).steps
    after = step.after
    assert after is not None
    assert after["metadata"]["labels"] == {**SET, "theirs": "1"}
    assert after["spec"]["podSelector"] == named("a")


def test_the_worlds_before_and_after() -> None:
    plan = planned([live(policy({}, name="old"))], WEB)
    assert [str(policy_) for policy_ in plan.before.policies] == ["x/old"]
    assert [str(policy_) for policy_ in plan.after.policies] == ["x/web"]


# --- What is refused ---


def test_only_network_policies_are_taken() -> None:
    theirs = {"apiVersion": "projectcalico.org/v3", "kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "calico"}}
    listed = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": [{"metadata": {"name": "one"}, "spec": {}}]}
    wanted, ignored = applying.sort([namespace("x"), workload("x/Deployment/web", {}), {"replicas": 1}, theirs, listed, None, WEB], "y")
    assert [(one.object["metadata"]["namespace"], one.object["metadata"]["name"]) for one in wanted] == [("y", "one"), ("x", "web")]
    assert ignored == ("Namespace x", "Deployment x/web", "something without a kind without a name", "NetworkPolicy x/calico")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([{**WEB, "apiVersion": "extensions/v1beta1"}], "apiVersion is 'extensions/v1beta1'"),
        ([policy({}, ingress=[ingress({})])], r"names no peer.* The API server refuses this object\."),
        ([policy({}, ingres=[])], r"spec\.ingres is no field of this type.* Server-side apply refuses the object"),
        ([WEB, WEB], "metadata.name was read before"),
    ],
)
def test_what_the_server_would_refuse(wanted: list[Raw], message: str) -> None:
    with pytest.raises(_errors.BadInputError, match=message):
        applying.sort(wanted, "default")


@pytest.mark.parametrize(
    "meta",
    [
        "text",
        ["a"],
        {"name": 5},
        {"name": "p", "namespace": 5},
        {"name": "p", "annotations": ["a"]},
        {"name": "p", "annotations": {"a": 1}},
    ],
    ids=str,
)
def test_metadata_that_nobody_could_apply(meta: t.Any) -> None:
    with pytest.raises(InvalidPolicyError, match="The API server refuses this object"):
        applying.sort([{**policy({}), "metadata": meta}], "x")
    (name,) = applying.sort([policy({}), {"kind": "ConfigMap", "metadata": meta}], "x")[1]
    assert name.startswith("ConfigMap")


def test_a_namespace_that_is_not_there() -> None:
    documents = [Document(policy({}, place="lost"), "a.yaml", 2, 9), Document(policy({}, place="gone"), "a.yaml", 3, 12)]
    with pytest.raises(_errors.BadInputError) as error:
        applying.plan(world(), applying.Wish("shop", tuple(documents)))
    assert str(error.value) == (
        "a.yaml, document 2 (line 9), NetworkPolicy lost/p: the cluster has no namespaces lost, gone (and 1 more policies). "
        "Create it first, or correct the name."
    )


def test_a_policy_of_another_set() -> None:
    with pytest.raises(_errors.BadInputError, match="NetworkPolicy x/web: it is in the cluster as one of the set other, not shop"):
        planned([live(WEB, labels={"podnet.io/policy-set": "other"})], WEB)


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a" * 64, "a/b"])
def test_what_cannot_be_the_name_of_a_set(name: str) -> None:
    with pytest.raises(_errors.BadInputError, match="cannot be the name of a set"):
        applying.check_name(name)


@pytest.mark.parametrize("name", ["default", "shop-1.2", "a" * 63])
def test_what_can(name: str) -> None:
    applying.check_name(name)


# --- Findings ---


def test_findings_are_those_of_the_set() -> None:
    lone = policy(named("nobody"), name="lone")
    plan = planned([live(policy(named("none"), name="theirs"), labels={})], lone)
    assert {(one.place.name, one.id) for one in plan.findings if one.place.kind == "NetworkPolicy"} == {("lone", "selects-nothing")}


def test_a_policy_of_calico_is_told_and_is_no_policy_of_the_set() -> None:
    theirs = {"apiVersion": "crd.projectcalico.org/v1", "kind": "NetworkPolicy", "metadata": {"namespace": "x", "name": "default.p"}}
    plan = planned([theirs], WEB)
    assert list(map(str, plan.steps)) == ["create NetworkPolicy x/web"]
    assert [one.place.name for one in plan.findings if one.id == "not-evaluated"] == ["default.p"]


def test_a_policy_of_the_cluster_that_nobody_could_apply_today_is_left_out() -> None:
    broken = live(policy({}, name="broken", ingress=[ingress({})]), labels={})
    plan = planned([broken], WEB)
    assert [str(one) for one in plan.after.policies] == ["x/web"]
    (told,) = [one for one in plan.findings if one.id == "not-computed"]
    assert (told.severity, told.place.name) == ("warning", "broken")
    # It can be repaired, though.
    assert steps([broken], policy({}, name="broken", ingress=[ingress(ANY)])) == ["update NetworkPolicy x/broken"]
