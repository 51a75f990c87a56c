# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to a living API server. Reading lists is tested in test_collect.py."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from tests.support.netpol_cases import named, policy

POD = ObjectRef("v1", "Pod", "web", "demo")
PATH = "/api/v1/namespaces/demo/pods/web"


@pytest.fixture(name="cluster")
def _cluster(start_cluster: t.Any) -> t.Any:
    cluster = start_cluster("n1")
    cluster.new_pod("demo", "web", "n1")
    return cluster


@pytest.fixture(name="api")
def _api(cluster: t.Any, connect: t.Callable[..., t.Any]) -> Api:
    return Api(connect(host=cluster.url, api_key="secret"))


@pytest.mark.parametrize(
    ("api_version", "kind", "path"),
    [
        ("v1", "Namespace", "/api/v1/namespaces"),
        ("v1", "Pod", "/api/v1/namespaces/demo/pods"),
        ("apps/v1", "DaemonSet", "/apis/apps/v1/namespaces/demo/daemonsets"),
        ("networking.k8s.io/v1", "NetworkPolicy", "/apis/networking.k8s.io/v1/namespaces/demo/networkpolicies"),
    ],
)
def test_where_a_new_object_goes(cluster: t.Any, api: Api, api_version: str, kind: str, path: str) -> None:
    metadata = {"name": "new", "labels": {}, **({} if kind == "Namespace" else {"namespace": "demo"})}
    spec = {"nodeName": "n1", "template": {"metadata": {"labels": {}}, "spec": {}}}
    api.create({"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": spec})
    assert ("POST", path) in cluster.log


def test_deleting(cluster: t.Any, api: Api) -> None:
    uid = cluster.objects[PATH]["metadata"]["uid"]
    assert api.delete(POD, "another") is False
    assert PATH in cluster.objects
    assert api.delete(POD, uid) is True
    assert PATH not in cluster.objects
    assert api.delete(POD, uid) is False


@pytest.mark.parametrize(("status", "kind"), [(409, client.ConflictError), (403, client.RefusedError), (500, _errors.UnavailableError)])
def test_a_deletion_that_is_refused(cluster: t.Any, api: Api, status: int, kind: type[Exception]) -> None:
    cluster.refuse[("DELETE", PATH)] = status
    with pytest.raises(kind, match="Pod demo/web: the API server"):
        api.delete(POD)


def test_replacing_needs_the_newest_version(object_store: t.Any, connect: t.Callable[..., t.Any]) -> None:
    api = Api(connect(host=object_store.url, api_key="secret"))
    made = api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "demo"}, "data": {"a": "1"}})
    newer = api.replace({**made, "data": {"a": "2"}})
    with pytest.raises(client.ConflictError):
        api.replace({**made, "data": {"a": "3"}})
    assert api.replace({**newer, "data": {"a": "4"}}, dry_run=True)["data"] == {"a": "4"}
    assert api.item("/api/v1/namespaces/demo/configmaps/x") == newer


def test_deleting_one_version_alone(object_store: t.Any, connect: t.Callable[..., t.Any]) -> None:
    api = Api(connect(host=object_store.url, api_key="secret"))
    made = api.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "demo"}})
    newer = api.replace(made)
    target = ObjectRef("v1", "ConfigMap", "x", "demo")
    assert api.delete(target, version=made["metadata"]["resourceVersion"]) is False
    assert api.delete(target, version=newer["metadata"]["resourceVersion"]) is True


# --- Server-side apply ---

POLICY = ObjectRef("networking.k8s.io/v1", "NetworkPolicy", "p", "x")


@pytest.fixture(name="applying")
def _applying(policy_cluster: t.Any, connect: t.Callable[..., t.Any]) -> Api:
    return Api(connect(host=policy_cluster.url, api_key="secret"))


def test_applied_fields_are_those_of_the_manager(applying: Api, policy_cluster: t.Any) -> None:
    assert applying.apply(policy({}), "me", dry_run=True)["spec"] == {"podSelector": {}}
    assert policy_cluster.policies() == {}
    made = applying.apply(policy({}), "me")
    assert [(entry["manager"], entry["operation"]) for entry in made["metadata"]["managedFields"]] == [("me", "Apply")]


def test_fields_that_others_set_to_another_value(applying: Api) -> None:
    applying.apply(policy({}), "they")
    with pytest.raises(client.FieldConflictError) as error:
        applying.apply(policy(named("a")), "me")
    assert error.value.owned == (("they", ".spec.podSelector"),)
    assert applying.apply(policy(named("a")), "me", force=True)["spec"] == {"podSelector": named("a")}


def test_a_version_that_is_not_the_newest(applying: Api) -> None:
    applying.apply(policy({}), "me")
    old = policy(named("a"))
    with pytest.raises(client.ConflictError) as error:
        applying.apply({**old, "metadata": {**old["metadata"], "resourceVersion": "1"}}, "me")
    assert not isinstance(error.value, client.FieldConflictError)


def test_a_deletion_that_is_only_tried(applying: Api, policy_cluster: t.Any) -> None:
    applying.apply(policy({}), "me")
    assert applying.delete(POLICY, dry_run=True)
    assert list(policy_cluster.policies()) == ["x/p"]
    assert applying.delete(POLICY)
    assert policy_cluster.policies() == {}
