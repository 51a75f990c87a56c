# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which rights a measurement asks for: no more than it needs, and of those that are missing every one is named."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._kube import policy_rights
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from tests.support.measured_cluster import MeasuredCluster

NAMESPACES = [
    "create namespaces",
    "delete namespaces",
    *(f"{verb} leases.coordination.k8s.io in ours" for verb in ("get", "create", "patch")),
    "get serviceaccounts in ours",
]
EXEC = ["get pods/exec", "create pods/exec"]
SHADOW = [*NAMESPACES, "create pods", "delete pods", *EXEC]
EPHEMERAL = ["patch pods/ephemeralcontainers", *EXEC]


@pytest.fixture(name="api")
def _api(measured_cluster: MeasuredCluster, connect: t.Callable[..., t.Any]) -> Api:
    return Api(connect(host=measured_cluster.url, api_key="secret"))


def everywhere(right: str) -> bool:
    return " in " not in right or right.endswith(" in ours")


@pytest.mark.parametrize(("ephemeral", "rights"), [(False, SHADOW), (True, EPHEMERAL)])
def test_who_may_everywhere_is_asked_no_further(api: Api, measured_cluster: MeasuredCluster, ephemeral: bool, rights: list[str]) -> None:
    measured_cluster.may = everywhere
    policy_rights.demand(api, "ours", ["x", "y"], ephemeral)
    assert measured_cluster.rights == rights
    assert measured_cluster.writes == []


@pytest.mark.parametrize(("ephemeral", "rights"), [(False, SHADOW), (True, EPHEMERAL)])
def test_rights_in_each_of_the_namespaces_will_do(api: Api, measured_cluster: MeasuredCluster, ephemeral: bool, rights: list[str]) -> None:
    measured_cluster.may = lambda right: "pods" not in right or not everywhere(right)
    policy_rights.demand(api, "ours", ["x", "y"], ephemeral)
    wanted = [[right, f"{right} in x", f"{right} in y"] if "pods" in right else [right] for right in rights]
    assert measured_cluster.rights == [right for several in wanted for right in several]


@pytest.mark.parametrize(
    ("ephemeral", "missing"),
    [
        (False, ["create namespaces"]),
        (False, ["patch leases.coordination.k8s.io in ours"]),
        (False, ["delete namespaces", "create pods in y"]),
        (False, ["delete pods in x", "delete pods in y", "get pods/exec in x", "create pods/exec in y"]),
        (True, ["patch pods/ephemeralcontainers in x"]),
        (True, ["create pods/exec in x", "create pods/exec in y"]),
    ],
)
def test_every_missing_right_is_named(api: Api, measured_cluster: MeasuredCluster, ephemeral: bool, missing: list[str]) -> None:
    measured_cluster.may = lambda right: right not in missing and not ("pods" in right and everywhere(right))
    with pytest.raises(_errors.ClusterError) as raised:
        policy_rights.demand(api, "ours", ["x", "y"], ephemeral)
    assert raised.value.what == f"the kubeconfig's user may not {', '.join(missing)}"
    assert raised.value.next_step.endswith("Nothing was made.")


def test_containers_in_users_pods_need_no_namespace(api: Api, measured_cluster: MeasuredCluster) -> None:
    measured_cluster.may = lambda right: right in EPHEMERAL or right.endswith(" in ours")
    policy_rights.demand(api, "ours", ["x"], ephemeral=True)
    with pytest.raises(_errors.ClusterError, match="may not create namespaces, delete namespaces, create pods in x, delete pods in x"):
        policy_rights.demand(api, "ours", ["x"], ephemeral=False)
