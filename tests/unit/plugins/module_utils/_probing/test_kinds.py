# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which pods stand for which."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import load
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
    places = ("x", "kube-system", "kube-public", "kube-flannel", "calico-system", "podnet-probe", "tigera-operator")
    pods = ("x/a", "kube-system/dns", "kube-flannel/f", "calico-system/node", "podnet-probe/p", "tigera-operator/o", "kube-public/p")
    objects = [*map(namespace, places), *(pod(name, f"10.0.0.{number}", ports=()) for number, name in enumerate(pods, start=1)), *more]
    assert set().union(*names(found(*objects, named_pods=named_pods, **wanted))) == expected


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
