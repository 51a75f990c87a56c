# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods stand for which."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load, model
from ansible_collections.podnet.cni.plugins.module_utils._probing import kinds
from ansible_collections.podnet.cni.plugins.module_utils._probing.kinds import Kind, Wanted
from tests.support.netpol_cases import Raw, egress, ingress, named, namespace, pod, policy, team, world

HTTP = [("http", "TCP", 80)]


def names(several: t.Iterable[Kind]) -> list[set[str]]:
    return [{pod.reference for pod in kind.pods} for kind in several]


def found(*objects: Raw, named_pods: t.Sequence[str] = (), **wanted: t.Any) -> tuple[Kind, ...]:
    return kinds.of(load(objects), Wanted(**wanted), named_pods)


TIER = {
    "apiVersion": "policy.networking.k8s.io/v1alpha1",
    "kind": "AdminNetworkPolicy",
    "metadata": {"name": "tier"},
    "spec": {"priority": 1, "subject": {"namespaces": team("b")}, "ingress": [{"action": "Deny", "from": [{"namespaces": {}}]}]},
}


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        pytest.param([], [{"x/a", "x/b", "x/c", "y/a", "y/b", "z/a"}], id="without policies all are one"),
        pytest.param(
            [policy({}, policyTypes=["Ingress"])],
            [{"x/a", "x/b", "x/c"}, {"y/a", "y/b", "z/a"}],
            id="a namespace with policies is its own, others are one",
        ),
        pytest.param(
            [policy(named("a"), policyTypes=["Ingress"])],
            [{"x/a"}, {"x/b", "x/c"}, {"y/a", "z/a"}, {"y/b"}],
            id="labels that a selector mentions",
        ),
        pytest.param(
            [policy({}, ingress=[ingress({"namespaceSelector": team("b")})])],
            [{"x/a", "x/b", "x/c"}, {"y/a", "y/b"}, {"z/a"}],
            id="labels of namespaces that a rule mentions",
        ),
        pytest.param(
            [policy({}, egress=[egress({"namespaceSelector": team("b")})], policyTypes=["Egress"])],
            [{"x/a", "x/b", "x/c"}, {"y/a", "y/b"}, {"z/a"}],
            id="of a rule for egress, too",
        ),
        pytest.param(
            [policy({}, place="x", policyTypes=["Ingress"]), policy({}, place="y", policyTypes=["Ingress"])],
            [{"x/a", "x/b", "x/c"}, {"y/a", "y/b"}, {"z/a"}],
            id="namespaces with the same policies are two",
        ),
        pytest.param([TIER], [{"x/a", "x/b", "x/c", "z/a"}, {"y/a", "y/b"}], id="namespaces that a policy of another tier selects"),
    ],
)
def test_what_policies_do_not_tell_apart_is_one_kind(policies: list[Raw], expected: list[set[str]]) -> None:
    assert names(found(*world(*policies))) == expected


@pytest.mark.parametrize(("mentioned", "count"), [("http", 2), ("other", 1)])
def test_ports_count_where_a_rule_has_their_name(mentioned: str, count: int) -> None:
    objects = [
        namespace("x"),
        pod("x/a", "10.0.0.1", labels={}, ports=HTTP),
        pod("x/b", "10.0.0.2", labels={}, ports=[("http", "TCP", 8080)]),
    ]
    assert len(found(*objects, policy({}, ingress=[ingress(ports=[{"port": mentioned}])]))) == count


@pytest.mark.parametrize(
    ("more", "wanted", "named_pods", "expected"),
    [
        ([], {}, (), {"x/a"}),
        ([], {"namespaces": ("kube-system",)}, (), {"kube-system/dns"}),
        ([], {"namespaces": ("x", "calico-system")}, (), {"x/a", "calico-system/node"}),
        ([], {}, ("kube-system/dns",), {"x/a", "kube-system/dns"}),
        ([], {"namespaces": ("x",)}, ("calico-system/node", "nobody/there"), {"x/a", "calico-system/node"}),
        ([pod("x/host", "192.168.0.2", hostNetwork=True)], {}, (), {"x/a"}),
        ([pod("x/host", "192.168.0.2", hostNetwork=True)], {}, ("x/host",), {"x/a"}),
        ([pod("x/over", "10.0.0.9", phase="Succeeded")], {}, (), {"x/a"}),
    ],
)
def test_whose_pods_are_measured(more: list[Raw], wanted: Raw, named_pods: tuple[str, ...], expected: set[str]) -> None:
    places = ("x", "kube-system", "kube-public", "kube-flannel", "calico-system", "tigera-operator")
    pods = ("x/a", "kube-system/dns", "kube-flannel/f", "calico-system/node", "tigera-operator/o", "kube-public/p")
    objects = [*map(namespace, places), *(pod(name, f"10.0.0.{number}", ports=()) for number, name in enumerate(pods, start=1)), *more]
    assert set().union(*names(found(*objects, named_pods=named_pods, **wanted))) == expected


@pytest.mark.parametrize("name", ["podnet-shop", "calico-demo", "cilium-demo", "tigera-tea", "kube-shop"])
def test_a_namespace_of_a_user_may_be_called_like_one_of_the_clusters(name: str) -> None:
    assert names(found(namespace(name), pod(f"{name}/web", "10.0.0.1"))) == [{f"{name}/web"}]


SYSTEM = ("kube-system", "kube-flannel", "calico-system", "calico-apiserver", "tigera-operator", "cilium-secrets", "cilium-spire", "cilium")


@pytest.mark.parametrize("name", SYSTEM)
def test_nothing_is_measured_in_the_clusters_own_namespaces_unless_it_is_asked_for(name: str) -> None:
    objects = [namespace("x"), pod("x/a", "10.0.0.1"), namespace(name), pod(f"{name}/one", "10.0.0.2")]
    assert names(found(*objects)) == [{"x/a"}]
    assert names(found(*objects, namespaces=(name,))) == [{f"{name}/one"}]


def test_a_namespace_that_this_collection_made_is_left_out() -> None:
    ours = namespace("podnet-connectivity", **{"app.kubernetes.io/managed-by": "podnet.cni"})
    objects = [namespace("x"), pod("x/a", "10.0.0.1"), ours, pod("podnet-connectivity/probe", "10.0.0.2")]
    assert names(found(*objects)) == [{"x/a"}]


def test_a_pod_that_is_terminating_is_imitated_last() -> None:
    going = pod("x/going", "10.0.0.1")
    going["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    (kind,) = found(namespace("x"), going, pod("x/pending"), pod("x/running", "10.0.0.2"))
    assert [one.name for one in kind.pods] == ["running", "pending", "going"]


def test_the_outsider_does_not_count_for_the_most() -> None:
    (kind,) = found(*world(), most=1)
    assert kinds.outsider("ours", [kind]) == Kind(1, (model.Pod("ours", "outsider"),), ours=True)


def test_pods_that_are_named_come_first_where_they_run() -> None:
    pods = [pod("x/pending"), *(pod(f"x/{name}", f"10.0.0.{number}") for number, name in enumerate("abc", start=1))]
    (kind,) = found(namespace("x"), *pods, named_pods=("x/c", "x/pending"))
    assert [one.name for one in kind.pods] == ["c", "a", "b", "pending"]


def test_the_pod_that_is_imitated_is_one_that_runs() -> None:
    (kind,) = found(namespace("x"), pod("x/pending"), pod("x/running", "10.0.0.1"))
    assert (kind.model.reference, kind.name) == ("x/running", "x/running and 1 more")
    assert Kind(0, kind.pods[:1]).name == "x/running"


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ({"namespaces": ("x", "w")}, "there is no namespace w"),
        ({"namespaces": ("empty",)}, "no pod is there that policies are about"),
        ({"most": 3}, "policies tell 4 kinds of pods apart, and at most 3 are probed at once"),
    ],
)
def test_what_cannot_be_measured(wanted: Raw, text: str) -> None:
    with pytest.raises(_errors.BadInputError, match=text):
        found(*world(policy(named("a"), policyTypes=["Ingress"])), namespace("empty"), **wanted)
