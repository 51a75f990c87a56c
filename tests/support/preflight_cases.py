# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters before a change, healthy ones and those with one thing wrong: what the tests of the preflight share."""

from __future__ import annotations

import dataclasses
import re
import typing as t
from pathlib import Path

from ansible_collections.podnet.cni.plugins.module_utils._cni import checks, cluster, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import questions
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight.situation import Journal, Wanted

if t.TYPE_CHECKING:
    import types

#: The id of the only check that fails, its place, words of the message, and how the cluster differs from a healthy one.
Bad = tuple[str, str, str, dict[str, t.Any]]

NETWORK = "10.244.0.0/16"


def node(name: str, number: int = 1, **changes: t.Any) -> cluster.Node:
    healthy = cluster.Node(
        name=name,
        ready=True,
        internal_ips=(f"192.0.2.{10 + number}",),
        pod_cidrs=(f"10.244.{number}.0/24",),
        architecture="amd64",
        operating_system="linux",
        runtime="containerd://1.6.20",
    )
    return dataclasses.replace(healthy, **changes)


def flannel(name: str = "kube-flannel-ds", **changes: t.Any) -> cluster.Flannel:
    healthy = cluster.Flannel(
        daemonset=cluster.ObjectRef("apps/v1", "DaemonSet", name, "kube-flannel"),
        config_map=cluster.ObjectRef("v1", "ConfigMap", "kube-flannel-cfg", "kube-flannel"),
        network=NETWORK,
        backend="vxlan",
        desired=2,
        ready=2,
    )
    return dataclasses.replace(healthy, **changes)


POOL = cluster.IPPool("default-ipv4-ippool", NETWORK, "Always")
CALICO = cluster.Calico(cluster.ObjectRef("apps/v1", "DaemonSet", "calico-node", "kube-system"), pools=(POOL,))
CALICO_API_ONLY = cluster.Calico()

ON_FLANNEL = cluster.ClusterSnapshot(
    nodes=(node("n1", 1), node("n2", 2)),
    flannel=(flannel(),),
    service_cidrs=("10.96.0.0/12",),
    cluster_cidrs=(NETWORK,),
    kube_proxy_mode="iptables",
    searched=("DaemonSets in all namespaces (kube-system/kube-proxy)",),
)
ON_CALICO = dataclasses.replace(ON_FLANNEL, flannel=(), calico=CALICO)
ON_NOTHING = dataclasses.replace(ON_FLANNEL, flannel=())

FLANNEL_FILE = snapshot.Conflist("/etc/cni/net.d/10-flannel.conflist", wins=True, owner="flannel")
CALICO_FILE = snapshot.Conflist("/etc/cni/net.d/10-calico.conflist", wins=True, owner="calico")
SUBNET_ENV = {"FLANNEL_NETWORK": NETWORK, "FLANNEL_SUBNET": "10.244.1.1/24"}
VXLAN = snapshot.Link("flannel.1", "vxlan", owner="flannel-vxlan")

FLANNEL_NODE = snapshot.NodeSnapshot("any", links=(VXLAN,), conflists=(FLANNEL_FILE,), subnet_env=SUBNET_ENV)
CALICO_NODE = snapshot.NodeSnapshot("any", links=(snapshot.Link("vxlan.calico", "vxlan", owner="calico"),), conflists=(CALICO_FILE,))
OLD_RULES = snapshot.Chain("legacy", 4, "nat", "POSTROUTING", rules=(snapshot.Rule('--comment "flanneld masq"', owner="flannel"),))
OLD_RULES_NODE = snapshot.NodeSnapshot("any", conflists=(CALICO_FILE,), chains=(OLD_RULES,))
BARE_NODE = snapshot.NodeSnapshot("any")

NOTHING_NOTED = Journal()
BEGUN = Journal("flannel", NETWORK, "cleaning")


def both(one: snapshot.NodeSnapshot, other: snapshot.NodeSnapshot | None = None) -> dict[str, snapshot.NodeSnapshot]:
    return {"n1": one, "n2": other or one}


def examine(
    seen: cluster.ClusterSnapshot = ON_FLANNEL,
    nodes: dict[str, snapshot.NodeSnapshot] | None = None,
    journal: Journal = NOTHING_NOTED,
    **wanted: t.Any,
) -> questions.Verdict:
    return questions.examine(seen, both(FLANNEL_NODE) if nodes is None else nodes, Wanted(**wanted), journal)


def failed(verdict: questions.Verdict) -> list[str]:
    return [check.id for check in checks.failures(verdict.checks)]


def with_changes(**changes: t.Any) -> cluster.ClusterSnapshot:
    return dataclasses.replace(ON_FLANNEL, **changes)


def assert_bad(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    """The one check fails alone, and says what, where and what next."""
    verdict = examine(**changes)
    assert failed(verdict) == [name]
    (check,) = checks.failures(verdict.checks)
    assert check.where == where
    assert check.seen
    assert check.next_step
    message = questions.failure_message(verdict)
    assert re.search(re.escape(words), message)
    assert all(part in message for part in (name, where, check.next_step, "nothing was changed"))


def the(verdict: questions.Verdict, name: str) -> checks.Check:
    """The one check of that id."""
    (check,) = (check for check in verdict.checks if check.id == name)
    return check


def assert_warned(name: str, where: str, words: str, changes: dict[str, t.Any]) -> None:
    """The check does not fail, says what, where and what next, and no other one has more to say than on a healthy cluster."""
    verdict = examine(**changes)
    assert failed(verdict) == []
    assert [check.id for check in verdict.checks if check.result == checks.WARNING] == [name]
    check = the(verdict, name)
    assert check.where == where
    assert check.next_step
    assert words in "; ".join((check.seen, *check.details, check.fix))


def names(table: t.Iterable[Bad]) -> list[str]:
    """What pytest calls the rows of a table."""
    return [f"{name}: {words}" for name, _where, words, _changes in table]


def can_warn(module: types.ModuleType) -> set[str]:
    """The ids in the source of a file of questions that a warning can have."""
    return set(re.findall(r'checks\.warned\(\s*"([a-z0-9-]+)"', Path(str(module.__file__)).read_text()))


def can_fail(module: types.ModuleType) -> set[str]:
    """The ids in the source of a file of questions that a failed check can have."""
    return set(re.findall(r'(?:checks\.failed\(|_each_node\(\s*at,)\s*"([a-z0-9-]+)"', Path(str(module.__file__)).read_text()))
