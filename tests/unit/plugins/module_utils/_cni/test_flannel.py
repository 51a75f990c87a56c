# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, flannel

Raw = dict[str, t.Any]

FLANNELD = ["/opt/bin/flanneld"]
ARGUMENTS = ["--ip-masq", "--kube-subnet-mgr"]
NET_CONF = '{"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan"}}'


def daemonset(name: str = "kube-flannel-ds", namespace: str = "kube-system", image: str = "flannel/flannel", **changes: t.Any) -> Raw:
    containers = changes.get("containers") or [
        {"name": "kube-flannel", "image": image, "command": changes.get("command", FLANNELD), "args": changes.get("args", ARGUMENTS)}
    ]
    spec: Raw = {
        "serviceAccountName": changes.get("account", "flannel"),
        "containers": containers,
        "volumes": [{"name": "run"}, {"name": "cfg", "configMap": {"name": changes.get("config", "kube-flannel-cfg")}}],
    }
    if changes.get("arch"):
        spec["nodeSelector"] = {changes.get("arch_label", "beta.kubernetes.io/arch"): changes["arch"]}
    if changes.get("affinity"):
        expression = {"key": "kubernetes.io/arch", "operator": "In", "values": changes["affinity"]}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        spec["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    status = {"desiredNumberScheduled": changes.get("desired", 1), "numberReady": changes.get("ready", 1)}
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {"template": {"spec": spec}}, "status": status}


def config_maps(namespace: str = "kube-system", text: str = NET_CONF) -> dict[tuple[str, str], Raw]:
    return {(namespace, "kube-flannel-cfg"): {"metadata": {"name": "kube-flannel-cfg"}, "data": {"net-conf.json": text}}}


def binding(name: str = "flannel", role: str = "flannel", *subjects: str, namespace: str = "kube-system") -> Raw:
    accounts = [{"kind": "ServiceAccount", "name": account, "namespace": namespace} for account in subjects or ("flannel",)]
    return {"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": accounts}


def role(name: str = "flannel", *policies: str, labels: dict[str, str] | None = None) -> Raw:
    rules = [{"resources": ["podsecuritypolicies"], "resourceNames": list(policies)}] if policies else []
    return {"metadata": {"name": name, "labels": labels or {}}, "rules": rules}


def kinds(found: cluster.Flannel) -> list[str]:
    return [f"{reference.kind}/{reference.name}" for reference in found.objects]


@pytest.mark.parametrize(
    ("image", "command", "args"),
    [
        pytest.param("quay.io/coreos/flannel:v0.8.0-amd64", ["/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr"], [], id="v0.8"),
        pytest.param("quay.io/coreos/flannel:v0.10.0-amd64", FLANNELD, ARGUMENTS, id="v0.10"),
        pytest.param("quay.io/coreos/flannel:v0.14.0", FLANNELD, ARGUMENTS, id="v0.14"),
        pytest.param("rancher/mirrored-flannelcni-flannel:v0.18.1", FLANNELD, ARGUMENTS, id="v0.18"),
        pytest.param("docker.io/flannel/flannel:v0.22.0", FLANNELD, ARGUMENTS, id="v0.22"),
        pytest.param("ghcr.io/flannel-io/flannel:v0.28.9", FLANNELD, [*ARGUMENTS, "--healthz-port=8081"], id="v0.28"),
        pytest.param("harbor.example.com/cni/flannel@sha256:0000", FLANNELD, ARGUMENTS, id="mirror by digest"),
        pytest.param("harbor.example.com/net/overlay:1", FLANNELD, ARGUMENTS, id="renamed image"),
        pytest.param("flannel/flannel:v0.25.0", [], ARGUMENTS, id="the image's own entry point"),
        pytest.param("quay.io/coreos/flannel:v0.9.1", ["/bin/sh", "-c", "set -e; exec /opt/bin/flanneld --ip-masq"], [], id="in a shell"),
    ],
)
def test_flanneld_is_known_by_what_it_runs(image: str, command: list[str], args: list[str]) -> None:
    assert flannel.candidates([daemonset("any-name", "any-namespace", image, command=command, args=args)])


@pytest.mark.parametrize(
    "container",
    [
        pytest.param({"image": "registry.k8s.io/kube-proxy:v1.33.0", "command": ["kube-proxy"]}, id="kube-proxy"),
        pytest.param({"image": "ghcr.io/flannel-io/flannel-cni-plugin:v1.9.1", "args": ["-f"]}, id="the CNI plugin alone"),
        pytest.param(
            {"image": "quay.io/coreos/flannel:v0.8.0-amd64", "command": ["/bin/sh", "-c", "cp -f a b; sleep 3600"]},
            id="v0.8 container that only copies the file",
        ),
        pytest.param({"image": "example.com/flanneld-exporter:1", "command": ["/flanneld-exporter"]}, id="name that only begins like it"),
    ],
)
def test_what_is_not_flanneld(container: Raw) -> None:
    assert flannel.candidates([daemonset(containers=[container])]) == ()


def test_init_containers_do_not_count() -> None:
    other = daemonset(containers=[{"image": "example.com/agent", "command": ["/agent"]}])
    other["spec"]["template"]["spec"]["initContainers"] = [{"image": "flannel/flannel:v0.25.0"}]
    assert flannel.candidates([other]) == ()


def test_one_installation() -> None:
    around = flannel.Surroundings(config_maps("kube-flannel"), [binding(namespace="kube-flannel")], [role()])
    (found,) = flannel.discover([daemonset(namespace="kube-flannel", desired=3, ready=2)], around)
    assert found.daemonset == cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
    assert found.daemonsets == (found.daemonset,)
    assert (found.image, found.network, found.backend) == ("flannel/flannel", "10.244.0.0/16", "vxlan")
    assert (found.desired, found.ready, found.managed_by) == (3, 2, "")
    assert found.config_map == cluster.ObjectRef("v1", "ConfigMap", "kube-flannel-cfg", "kube-flannel")
    assert kinds(found) == [
        "DaemonSet/kube-flannel-ds",
        "ConfigMap/kube-flannel-cfg",
        "ServiceAccount/flannel",
        "ClusterRoleBinding/flannel",
        "ClusterRole/flannel",
        "Namespace/kube-flannel",
    ]


ARCHITECTURES = ("amd64", "arm64", "arm", "ppc64le", "s390x")


@pytest.mark.parametrize("limit", ["arch", "affinity"])
def test_a_daemonset_for_each_architecture_is_one_installation(limit: str) -> None:
    """v0.11 limits them by nodeSelector, v0.12 by affinity."""
    several = [
        daemonset(f"kube-flannel-ds-{arch}", desired=2, ready=1, **{limit: arch if limit == "arch" else [arch]}) for arch in ARCHITECTURES
    ]
    (found,) = flannel.discover(several, flannel.Surroundings(config_maps()))
    assert [reference.name for reference in found.daemonsets] == [f"kube-flannel-ds-{arch}" for arch in ARCHITECTURES]
    assert found.daemonset == found.daemonsets[0]
    assert (found.desired, found.ready) == (10, 5)
    assert kinds(found)[:5] == [f"DaemonSet/kube-flannel-ds-{arch}" for arch in ARCHITECTURES]


@pytest.mark.parametrize(
    "pair",
    [
        pytest.param([daemonset("a"), daemonset("b")], id="twice the same"),
        pytest.param(
            [daemonset("kube-flannel-ds-amd64", arch="amd64"), daemonset("kube-flannel-ds")], id="old one left beside the new one"
        ),
        pytest.param([daemonset("a", arch="amd64"), daemonset("b", affinity=["amd64", "arm64"])], id="one architecture twice"),
        pytest.param([daemonset("a", arch="amd64"), daemonset("b", arch="arm64", account="other")], id="another account"),
        pytest.param([daemonset("a", arch="amd64"), daemonset("b", namespace="kube-flannel", arch="arm64")], id="another namespace"),
    ],
)
def test_two_that_fight_stay_apart(pair: list[Raw]) -> None:
    around = flannel.Surroundings({**config_maps(), **config_maps("kube-flannel")})
    assert [item.daemonset.name for item in flannel.discover(pair, around)] == [item["metadata"]["name"] for item in pair]


@pytest.mark.parametrize(
    ("text", "network", "backend"),
    [
        ('{"Network": "10.1.0.0/16", "Backend": {"Type": "host-gw"}}', "10.1.0.0/16", "host-gw"),
        ('{"Network": "10.1.0.0/16"}', "10.1.0.0/16", "udp"),
        ('{"Network": "10.1.0.0/16", "Backend": {}}', "10.1.0.0/16", "udp"),
        ('{"Network": ', "", ""),
        ("[1]", "", ""),
        ("", "", ""),
    ],
)
def test_net_conf(text: str, network: str, backend: str) -> None:
    (found,) = flannel.discover([daemonset()], flannel.Surroundings(config_maps(text=text)))
    assert (found.net_conf, found.network, found.backend) == (text, network, backend)


def test_the_config_map_is_the_one_with_net_conf() -> None:
    several = daemonset()
    several["spec"]["template"]["spec"]["volumes"].insert(0, {"configMap": {"name": "ca-bundle"}})
    around = flannel.Surroundings({("kube-system", "ca-bundle"): {"data": {"ca.crt": ""}}, **config_maps()})
    (found,) = flannel.discover([several], around)
    assert found.config_map is not None
    assert found.config_map.name == "kube-flannel-cfg"


def test_a_missing_config_map_leaves_the_network_unknown() -> None:
    (found,) = flannel.discover([daemonset()], flannel.Surroundings())
    assert (found.config_map, found.network, found.backend) == (None, "", "")
    assert kinds(found) == ["DaemonSet/kube-flannel-ds", "ServiceAccount/flannel"]


@pytest.mark.parametrize(
    ("bindings", "roles", "rbac"),
    [
        pytest.param([binding()], [role()], ["ClusterRoleBinding/flannel", "ClusterRole/flannel"], id="its own"),
        pytest.param([binding("flannel", "flannel", "flannel", "other")], [role()], [], id="binding that serves others too"),
        pytest.param(
            [binding(), binding("other", "flannel", "other")], [role()], ["ClusterRoleBinding/flannel"], id="role that others use too"
        ),
        pytest.param(
            [binding("flannel", "cluster-admin")],
            [role("cluster-admin", labels={"kubernetes.io/bootstrapping": "rbac-defaults"})],
            ["ClusterRoleBinding/flannel"],
            id="a role of the API server",
        ),
        pytest.param([binding(namespace="elsewhere")], [role()], [], id="an account of the same name elsewhere"),
        pytest.param(
            [binding()],
            [role("flannel", "psp.flannel.unprivileged", "gone")],
            ["ClusterRoleBinding/flannel", "ClusterRole/flannel", "PodSecurityPolicy/psp.flannel.unprivileged"],
            id="with a policy",
        ),
    ],
)
def test_what_belongs_to_it(bindings: list[Raw], roles: list[Raw], rbac: list[str]) -> None:
    policies = [{"metadata": {"name": "psp.flannel.unprivileged"}}, {"metadata": {"name": "other"}}]
    (found,) = flannel.discover([daemonset()], flannel.Surroundings(config_maps(), bindings, roles, policies))
    assert kinds(found) == ["DaemonSet/kube-flannel-ds", "ConfigMap/kube-flannel-cfg", "ServiceAccount/flannel", *rbac]


def test_the_default_account_is_nobodys() -> None:
    around = flannel.Surroundings(config_maps(), [binding("x", "x", "default")], [role("x")])
    (found,) = flannel.discover([daemonset(account="default")], around)
    assert kinds(found) == ["DaemonSet/kube-flannel-ds", "ConfigMap/kube-flannel-cfg"]


@pytest.mark.parametrize(
    ("namespace", "pods", "goes"),
    [
        ("kube-flannel", [], True),
        ("kube-flannel", [cluster.Pod("kube-flannel", "a", owner_kind="DaemonSet", owner_name="kube-flannel-ds")], True),
        ("kube-flannel", [cluster.Pod("kube-flannel", "exporter", owner_kind="ReplicaSet", owner_name="exporter")], False),
        ("kube-flannel", [cluster.Pod("default", "web")], True),
        ("kube-system", [], False),
        ("net", [], False),
    ],
)
def test_its_namespace_goes_only_when_nothing_else_runs_there(namespace: str, pods: list[cluster.Pod], goes: bool) -> None:
    (found,) = flannel.discover([daemonset(namespace=namespace)], flannel.Surroundings(pods=pods))
    assert (found.objects[-1].kind == "Namespace") is goes


def test_a_manager_may_have_marked_only_the_config_map() -> None:
    marked = config_maps()
    marked["kube-system", "kube-flannel-cfg"]["metadata"]["labels"] = {"kustomize.toolkit.fluxcd.io/name": "net"}
    (found,) = flannel.discover([daemonset()], flannel.Surroundings(marked))
    assert found.managed_by == "Flux"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('{"Network": "10.244.0.0/16",\n "Backend": {"Type": "vxlan"}}', '{"Network": "10.244.0.0/16",\n "Backend": {"Type": "vxlan"}}'),
        ('{"Backend": {"Type": "wireguard",  "PSK": "a2V5"}}', '{"Backend": {"Type": "wireguard",  "PSK": "(hidden)"}}'),
        ('{"Backend": "PSK"}', '{"Backend": "PSK"}'),
        ('{"Backend": {"PSK": ""}}', '{"Backend": {"PSK": ""}}'),
        ("not JSON", "not JSON"),
    ],
)
def test_keys_are_hidden_and_nothing_else(text: str, shown: str) -> None:
    assert flannel.without_secrets(text) == shown


@pytest.mark.parametrize(("namespace", "manager"), [("kube-flannel", "Argo CD"), ("kube-system", "")])
def test_a_manager_may_have_marked_only_its_own_namespace(namespace: str, manager: str) -> None:
    marked = {"kube-flannel": {"metadata": {"annotations": {"argocd.argoproj.io/tracking-id": "net:/Namespace:/kube-flannel"}}}}
    (found,) = flannel.discover([daemonset(namespace=namespace)], flannel.Surroundings(namespaces=marked))
    assert found.managed_by == manager
