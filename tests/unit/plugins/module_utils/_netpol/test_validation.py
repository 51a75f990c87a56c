# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server refuses in a NetworkPolicy is refused here, with its place; what it drops without a word is said."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Document, InvalidPolicyError, load, model, validation
from tests.support.netpol_cases import ANY, block, ingress, policy, world

Raw = dict[str, t.Any]


def _ingress(peer: Raw | None = None, port: Raw | None = None) -> Raw:
    return policy({}, ingress=[ingress(*([peer] if peer is not None else []), ports=[port] if port is not None else None)])


def _selector(selector: t.Any) -> Raw:
    return policy({}, ingress=[{"from": [{"podSelector": selector}]}])


def _expression(**requirement: t.Any) -> Raw:
    return _selector({"matchExpressions": [requirement]})


def _meta(**meta: t.Any) -> Raw:
    base = policy({})
    return {**base, "metadata": {**base["metadata"], **meta}}


REFUSED = [
    # The object
    ({**policy({}), "apiVersion": "extensions/v1beta1"}, "apiVersion", "networking.k8s.io/v1"),
    (_meta(name="Web"), "metadata.name", "lower-case"),
    (_meta(name=""), "metadata.name", "''"),
    (_meta(namespace="a.b"), "metadata.namespace", "'a.b'"),
    (_meta(labels={"a b": "c"}), "metadata.labels.a b", "key"),
    (_meta(annotations={"a b": "c"}), "metadata.annotations.a b", "key"),
    # Metadata
    ({**policy({}), "metadata": "text"}, "metadata", "'text', not an object"),
    ({**policy({}), "metadata": ["a"]}, "metadata", "a list, not an object"),
    (_meta(name=5), "metadata.name", "5, not a string"),
    (_meta(namespace=5), "metadata.namespace", "5, not a string"),
    (_meta(labels=["a"]), "metadata.labels", "a list, not a map of strings"),
    (_meta(labels={"a": 1}), "metadata.labels.a", "1, not a string; put it in quotes"),
    (_meta(annotations=["a"]), "metadata.annotations", "a list, not a map of strings"),
    (_meta(annotations={"a": 1}), "metadata.annotations.a", "1, not a string; put it in quotes"),
    # Structure
    ({**policy({}), "spec": []}, "spec", "a list, not an object"),
    (policy({}, ingress={}), "spec.ingress", "an object, not a list"),
    (policy({}, ingress=["all"]), "spec.ingress[0]", "'all', not an object"),
    (policy({}, ingress=[{"from": {"podSelector": {}}}]), "spec.ingress[0].from", "an object, not a list"),
    (policy({}, ingress=[{"ports": 80}]), "spec.ingress[0].ports", "80, not a list"),
    (policy({}, ingress=[{"ports": [80]}]), "spec.ingress[0].ports[0]", "80, not an object"),
    (policy({}, policyTypes="Ingress"), "spec.policyTypes", "'Ingress', not a list"),
    (policy({}, policyTypes=[None]), "spec.policyTypes[0]", "null"),
    (_ingress(port={"port": 80.5}), "spec.ingress[0].ports[0].port", "80.5"),
    (_ingress(port={"port": True}), "spec.ingress[0].ports[0].port", "true or false"),
    (_ingress(port={"endPort": "90", "port": 80}), "spec.ingress[0].ports[0].endPort", "'90', not an integer"),
    (policy({"matchLabels": {"tier": 1}}), "spec.podSelector.matchLabels.tier", "put it in quotes"),
    (policy({"matchLabels": ["a"]}), "spec.podSelector.matchLabels", "a list, not a map"),
    (_ingress({"ipBlock": "10.0.0.0/8"}), "spec.ingress[0].from[0].ipBlock", "not an object"),
    (_ingress({"ipBlock": {"cidr": "10.0.0.0/8", "except": "10.1.0.0/16"}}), "spec.ingress[0].from[0].ipBlock.except", "not a list"),
    # Types
    (policy({}, policyTypes=["ingress"]), "spec.policyTypes[0]", "not Ingress or Egress"),
    (policy({}, policyTypes=["Ingress", "Egress", "Ingress"]), "spec.policyTypes", "more than two"),
    # Selectors
    (policy({"matchLabels": {"a/b/c": "d"}}), "spec.podSelector.matchLabels.a/b/c", "key"),
    (policy({"matchLabels": {"": "d"}}), "spec.podSelector.matchLabels.", "key"),
    (policy({"matchLabels": {"Up.Case/b": "d"}}), "spec.podSelector.matchLabels.Up.Case/b", "key"),
    (policy({"matchLabels": {"a": "x" * 64}}), "spec.podSelector.matchLabels.a", "value"),
    (policy({"matchLabels": {"a": "-x"}}), "spec.podSelector.matchLabels.a", "value"),
    (_expression(key="a", operator="in", values=["b"]), "spec.ingress[0].from[0].podSelector.matchExpressions[0].operator", "'in'"),
    (_expression(key="a", operator="In"), "spec.ingress[0].from[0].podSelector.matchExpressions[0].values", "is empty"),
    (_expression(key="a", operator="NotIn", values=[]), "spec.ingress[0].from[0].podSelector.matchExpressions[0].values", "is empty"),
    (_expression(key="a", operator="Exists", values=["b"]), "spec.ingress[0].from[0].podSelector.matchExpressions[0].values", "has values"),
    (_expression(key="a", operator="In", values=["b c"]), "spec.ingress[0].from[0].podSelector.matchExpressions[0].values[0]", "'b c'"),
    (_expression(operator="Exists"), "spec.ingress[0].from[0].podSelector.matchExpressions[0].key", "key"),
    # Ports
    (_ingress(port={"protocol": "ICMP"}), "spec.ingress[0].ports[0].protocol", "'ICMP'"),
    (_ingress(port={"protocol": "tcp"}), "spec.ingress[0].ports[0].protocol", "'tcp'"),
    (_ingress(port={"port": 0}), "spec.ingress[0].ports[0].port", "1 to 65535"),
    (_ingress(port={"port": 65536}), "spec.ingress[0].ports[0].port", "1 to 65535"),
    (_ingress(port={"port": "80"}), "spec.ingress[0].ports[0].port", "a number has no quotes"),
    (_ingress(port={"port": "a-name-of-16-let"}), "spec.ingress[0].ports[0].port", "at most 15"),
    (_ingress(port={"port": "a--b"}), "spec.ingress[0].ports[0].port", "'a--b'"),
    (_ingress(port={"port": "Http"}), "spec.ingress[0].ports[0].port", "'Http'"),
    (_ingress(port={"port": ""}), "spec.ingress[0].ports[0].port", "''"),
    (_ingress(port={"port": 80, "endPort": 70000}), "spec.ingress[0].ports[0].endPort", "to 65535"),
    # Blocks
    (_ingress({"ipBlock": {}}), "spec.ingress[0].from[0].ipBlock.cidr", "''"),
    (_ingress(block("10.0.0.1")), "spec.ingress[0].from[0].ipBlock.cidr", "no prefix length"),
    (_ingress(block("10.0.0.0/33")), "spec.ingress[0].from[0].ipBlock.cidr", "address/length"),
    (_ingress(block("10.0.0.0/08")), "spec.ingress[0].from[0].ipBlock.cidr", "number after the slash"),
    (_ingress(block("10.0.0.0/255.0.0.0")), "spec.ingress[0].from[0].ipBlock.cidr", "number after the slash"),
    (_ingress(block("web/24")), "spec.ingress[0].from[0].ipBlock.cidr", "address/length"),
    (_ingress(block("10.0.0.0/8", "fd00::/64")), "spec.ingress[0].from[0].ipBlock.except[0]", "not a smaller part"),
    (_ingress(block("10.0.0.0/8", "10.0.0.0/16", "x")), "spec.ingress[0].from[0].ipBlock.except[1]", "'x'"),
]


@pytest.mark.parametrize(("given", "field", "message"), REFUSED, ids=[f"{row[1]}: {row[2]}" for row in REFUSED])
def test_refused(given: Raw, field: str, message: str) -> None:
    with pytest.raises(InvalidPolicyError) as caught:
        load(world(given))
    assert [finding.field for finding in caught.value.findings] == [field]
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("kind", "meta", "message"),
    [
        ("Pod", "text", "metadata is 'text', not an object"),
        ("Pod", {"name": 5}, "metadata.name is 5, not a string"),
        ("Namespace", {"name": "x", "labels": ["a"]}, "metadata.labels is a list, not a map of strings"),
        ("Service", {"name": "web", "annotations": {"a": 1}}, "metadata.annotations.a is 1, not a string"),
        ("Deployment", {"name": "web", "namespace": {}}, "metadata.namespace is an object, not a string"),
        ("CiliumNetworkPolicy", {"name": ["a"]}, "metadata.name is a list, not a string"),
    ],
)
def test_metadata_of_any_kind(kind: str, meta: t.Any, message: str) -> None:
    version = "cilium.io/v2" if kind.startswith("Cilium") else "v1"
    with pytest.raises(InvalidPolicyError, match=rf"{message}.*The API server refuses this object"):
        load([{"apiVersion": version, "kind": kind, "metadata": meta, "spec": {}}])


@pytest.mark.parametrize(
    ("items", "message"), [(["a"], "is a str, not an object"), ("abc", "has items that are no list"), ([None], "NoneType")]
)
def test_a_list_of_something_else(items: t.Any, message: str) -> None:
    for kind in ("List", "NetworkPolicyList"):
        with pytest.raises(_errors.BadInputError, match=message):
            load([{"apiVersion": "v1", "kind": kind, "items": items}])


TAKEN = [
    {**policy({}), "spec": None},
    policy(None),
    policy({}, policyTypes=["Ingress", "Ingress"]),
    policy({}, ingress=None, egress=None, policyTypes=None),
    policy({"matchLabels": None, "matchExpressions": None}),
    policy({"matchLabels": {"example.com/a_b.c": ""}}),
    _ingress(ANY, {"port": None, "protocol": None, "endPort": None}),
    _ingress(ANY, {"port": "a-name-of-15-le"}),
    _ingress(ANY, {"port": 1, "endPort": 1}),
    _ingress(block("10.0.0.0/8", "10.0.0.0/9", "10.128.0.0/9")),
    _ingress(block("fd00::/8", "fd00::/9")),
    _expression(key="a", operator="Exists", values=[]),
    _meta(name="a.b-c.1"),
    _meta(labels=None, annotations={"Example.com/a_b.C": ""}),
]


@pytest.mark.parametrize("given", TAKEN, ids=str)
def test_taken(given: Raw) -> None:
    place = model.Place("NetworkPolicy", "x", given["metadata"]["name"])
    assert validation.examine(given, place) == []
    assert len(load(world(given)).policies) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({**policy({}), "specs": {}}, "specs"),
        (policy({}, policytypes=["Egress"]), "spec.policytypes"),
        (policy({"app": "web"}), "spec.podSelector.app"),
        (policy({}, ingress=[{"form": []}]), "spec.ingress[0].form"),
        (policy({}, ingress=[{"to": []}]), "spec.ingress[0].to"),
        (policy({}, egress=[{"from": [ANY]}]), "spec.egress[0].from"),
        (_ingress(port={"port": 80, "endport": 90}), "spec.ingress[0].ports[0].endport"),
        (_ingress({"podSelector": {}, "ports": []}), "spec.ingress[0].from[0].ports"),
        (_selector({"matchLabel": {"a": "b"}}), "spec.ingress[0].from[0].podSelector.matchLabel"),
    ],
)
def test_dropped(given: Raw, field: str) -> None:
    """The server goes on without the field, and so does the engine, but not silently."""
    assert [finding.field for finding in load(world(given)).findings() if finding.id == "unknown-field"] == [field]


def test_a_field_in_the_wrong_place_has_two_readings() -> None:
    """One indentation less, and the rule has a field that the server drops: any pod of the namespace may come in."""
    shifted = policy({}, ingress=[{"from": [{"namespaceSelector": {}}], "podSelector": {"matchLabels": {"pod": "a"}}}])
    (finding,) = [one for one in load(world(shifted)).findings() if one.id == "unknown-field"]
    assert finding.readings == ("as the server reads it, without the field", "as a field of spec or of peer, where it belongs")


def test_every_fault_of_every_policy_is_told_with_its_place() -> None:
    documents = [
        Document(policy({}, name="fine"), "net/a.yml", 1, 1),
        Document(policy({}, name="bad", ingress=[ingress({}, ports=[{"port": 0}])]), "net/a.yml", 2, 14),
        Document(policy({}, name="worse", policyTypes=["Both"]), "net/b.yml", 1, 3),
    ]
    with pytest.raises(InvalidPolicyError) as caught:
        load(documents)
    places = [(str(finding.place), finding.field) for finding in caught.value.findings]
    assert places == [
        ("net/a.yml, document 2 (line 14), NetworkPolicy x/bad", "spec.ingress[0].ports[0].port"),
        ("net/a.yml, document 2 (line 14), NetworkPolicy x/bad", "spec.ingress[0].from[0]"),
        ("net/b.yml, document 1 (line 3), NetworkPolicy x/worse", "spec.policyTypes[0]"),
    ]
    assert str(caught.value) == (
        "net/a.yml, document 2 (line 14), NetworkPolicy x/bad: spec.ingress[0].ports[0].port is 0, not a number from 1 to 65535 "
        "(and 2 more). The API server refuses this object."
    )
