# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles of the guide have every right that is asked for, and every one that requests need; none of them is for nothing."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_apply, policy_rights, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import applying
from tests.support.netpol_cases import ingress, named, policy

ROOT = Path(__file__).parents[5]
ROLES = ROOT / "docs" / "guides" / "examples" / "network-policies" / "rights.yaml"
READ, APPLY, RECORD, MEASURE, EPHEMERAL = (
    f"podnet-network-policies-{name}" for name in ("read", "apply", "record", "measure", "measure-ephemeral")
)
#: Verb, API group, resource.
Right = tuple[str, str, str]


def granted(*roles: str) -> set[Right]:
    return {
        (verb, group, resource)
        for role in yaml.safe_load_all(ROLES.read_text())
        if role["metadata"]["name"] in roles
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }


class Asked:
    """Whom somebody asks for rights; it gives none."""

    def __init__(self) -> None:
        self.rights: set[Right] = set()

    def create(self, review: t.Any) -> t.Any:
        one = review["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (one["resource"], one["subresource"])))
        self.rights.add((one["verb"], one["group"], resource))
        return {"status": {"allowed": False}}


@pytest.mark.parametrize(("ephemeral", "role"), [(False, MEASURE), (True, EPHEMERAL)])
def test_what_a_measurement_asks_for(ephemeral: bool, role: str) -> None:
    asked = Asked()
    with pytest.raises(_errors.ClusterError, match="Nothing was made"):
        policy_rights.demand(t.cast("Api", asked), "podnet-policy-probe", ["shop"], ephemeral)
    # Pods are looked at one by one only until a container runs in them.
    assert granted(role) - {("get", "", "pods")} == asked.rights


def test_what_is_read() -> None:
    kinds = {("list", version.rpartition("/")[0], plural) for _, versions, plural in policy_world.KINDS for version in versions}
    kinds |= {("list", group, plural) for _, groups, plural in policy_world.OPTIONAL for group in groups}
    assert granted(READ) == {*kinds, ("list", "apps", "daemonsets"), ("get", "", "namespaces"), ("list", "", "events")}


def test_what_a_change_that_is_taken_back_requests(policy_cluster: t.Any, connect: t.Callable[..., t.Any]) -> None:
    api = Api(connect(host=policy_cluster.url, api_key="secret"))
    policy_cluster.add(policy({}, name="old"), policy(named("a"), name="web"))
    for item in policy_cluster.policies().values():
        item["metadata"]["labels"] = {applying.SET_LABEL: "default"}
    wanted = applying.sort([policy(named("a"), name="web", ingress=[ingress()]), policy({}, name="new")], "x")[0]
    policy_cluster.log = []
    steps = applying.plan(policy_world.read(api).objects, applying.Wish("default", wanted)).steps
    assert {step.action for step in steps} == {"create", "update", "delete"}
    manner = policy_apply.Manner("default", force=True)
    assert policy_apply.transact(api, steps, False, lambda: ["wrong"], manner).rolled_back
    needed = set().union(*(rights(*request) for request in policy_cluster.log))
    assert needed <= granted(READ, APPLY, RECORD)
    # A record is updated only where a killed run has left one.
    assert granted(APPLY, RECORD) - needed <= {("update", "", "configmaps")}


def rights(method: str, path: str) -> set[Right]:
    """What a request needs; server-side apply of what is not there creates it."""
    if path in ("/apis", "/version"):
        return set()
    _, kind, *rest = path.split("/")
    group = rest[0] if kind == "apis" else ""
    rest = rest[2 if kind == "apis" else 1 :]
    if rest[0] == "namespaces" and len(rest) > 2:
        rest = rest[2:]
    verbs = {
        "GET": ["get" if len(rest) > 1 else "list"],
        "POST": ["create"],
        "PUT": ["update"],
        "PATCH": ["patch", "create"],
        "DELETE": ["delete"],
    }
    return {(verb, group, rest[0]) for verb in verbs[method]}
