# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds flannel among a cluster's objects, by what its containers run and never by name.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster, objects

NET_CONF = "net-conf.json"

#: What stands where a secret was.
HIDDEN = "(hidden)"

#: A namespace of this name is upstream's own; any other one (kube-system) is not flannel's to delete.
OWN_NAMESPACE = "kube-flannel"

_RBAC = "rbac.authorization.k8s.io/v1"
_POD_SECURITY_POLICY = "policy/v1beta1"
_FLANNELD = re.compile(r"(?:^|[\s/])flanneld(?:\s|$)")
_ARCHITECTURE_LABELS = ("kubernetes.io/arch", "beta.kubernetes.io/arch")


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """Everything beside the DaemonSets that tells what belongs to flannel.

    ``config_maps`` is keyed by (namespace, name), ``namespaces``, of those that may be flannel's own, by name.
    """

    config_maps: t.Mapping[t.Tuple[str, str], objects.Raw] = dataclasses.field(default_factory=dict)
    bindings: t.Sequence[objects.Raw] = ()
    roles: t.Sequence[objects.Raw] = ()
    policies: t.Sequence[objects.Raw] = ()
    pods: t.Sequence[cluster.Pod] = ()
    namespaces: t.Mapping[str, objects.Raw] = dataclasses.field(default_factory=dict)


def runs_flanneld(container: objects.Raw) -> bool:
    """Whether the container is flanneld: it says so, or it leaves the start to a flannel image that is not the CNI plugin's."""
    command = objects.command_line(container)
    if _FLANNELD.search(command):
        return True
    image = container.get("image", "")
    return not container.get("command") and "flannel" in image and "cni-plugin" not in image


def candidates(daemonsets: t.Iterable[objects.Raw]) -> t.Tuple[objects.Raw, ...]:
    """The DaemonSets that run flanneld."""
    return tuple(daemonset for daemonset in daemonsets if any(map(runs_flanneld, objects.containers(daemonset))))


def config_map_names(daemonset: objects.Raw) -> t.Tuple[t.Tuple[str, str], ...]:
    """(namespace, name) of each ConfigMap the DaemonSet mounts."""
    namespace = objects.metadata(daemonset).get("namespace", "")
    volumes = objects.pod_spec(daemonset).get("volumes") or ()
    return tuple((namespace, volume["configMap"]["name"]) for volume in volumes if (volume.get("configMap") or {}).get("name"))


def discover(daemonsets: t.Iterable[objects.Raw], around: Surroundings) -> t.Tuple[cluster.Flannel, ...]:
    """Every flannel installation among the DaemonSets."""
    return tuple(_installation(group, around) for group in _installations(candidates(daemonsets), around))


def parse_net_conf(text: str) -> t.Dict[str, t.Any]:
    """net-conf.json as a mapping; empty when it is no JSON object, which leaves network and backend unknown."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def backend_of(net_conf: t.Mapping[str, t.Any]) -> str:
    """The backend flanneld takes. Its documentation says vxlan is the default; its code says udp."""
    if not net_conf:
        return ""
    backend = net_conf.get("Backend")
    return (backend.get("Type") if isinstance(backend, dict) else None) or "udp"


def without_secrets(text: str) -> str:
    """net-conf.json with the key that wireguard and ipsec share hidden: snapshots are printed and stored."""
    backend = parse_net_conf(text).get("Backend")
    key = backend.get("PSK") if isinstance(backend, dict) else None
    return text.replace(str(key), HIDDEN) if key else text


def _installations(daemonsets: t.Iterable[objects.Raw], around: Surroundings) -> t.List[t.List[objects.Raw]]:
    """Groups the DaemonSets of one installation: same namespace, account and ConfigMap, and no architecture twice.

    Two that share everything and could meet on a node (an old kube-flannel-ds-amd64 beside its successor) fight: they stay apart.
    """
    groups: t.List[t.List[objects.Raw]] = []
    for daemonset in daemonsets:
        mates = [group for group in groups if all(_complement(daemonset, other, around) for other in group)]
        if mates:
            mates[0].append(daemonset)
        else:
            groups.append([daemonset])
    return groups


def _complement(one: objects.Raw, other: objects.Raw, around: Surroundings) -> bool:
    same_home = _home(one, around) == _home(other, around)
    architectures = _architectures(one), _architectures(other)
    return same_home and all(architectures) and architectures[0].isdisjoint(architectures[1])


def _home(daemonset: objects.Raw, around: Surroundings) -> t.Tuple[str, str, t.Optional[t.Tuple[str, str]]]:
    return objects.metadata(daemonset).get("namespace", ""), _account(daemonset), _config_map(daemonset, around)


def _architectures(daemonset: objects.Raw) -> t.FrozenSet[str]:
    """The architectures a DaemonSet is limited to; empty when it runs on any."""
    spec = objects.pod_spec(daemonset)
    selector = spec.get("nodeSelector") or {}
    chosen = {selector[label] for label in _ARCHITECTURE_LABELS if label in selector}
    affinity = ((spec.get("affinity") or {}).get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    for term in affinity.get("nodeSelectorTerms") or ():
        for expression in term.get("matchExpressions") or ():
            if expression.get("key") in _ARCHITECTURE_LABELS and expression.get("operator") == "In":
                chosen.update(expression.get("values") or ())
    return frozenset(chosen)


def _account(daemonset: objects.Raw) -> str:
    spec = objects.pod_spec(daemonset)
    return spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"


def _config_map(daemonset: objects.Raw, around: Surroundings) -> t.Optional[t.Tuple[str, str]]:
    """The mounted ConfigMap that holds net-conf.json."""
    for name in config_map_names(daemonset):
        if NET_CONF in (around.config_maps.get(name, {}).get("data") or {}):
            return name
    return None


def _installation(group: t.Sequence[objects.Raw], around: Surroundings) -> cluster.Flannel:
    first = group[0]
    daemonsets = tuple(objects.reference(daemonset, "apps/v1", "DaemonSet") for daemonset in group)
    name = _config_map(first, around)
    config_map = around.config_maps[name] if name else {}
    text = (config_map.get("data") or {}).get(NET_CONF, "")
    net_conf = parse_net_conf(text)
    totals = [objects.counts(daemonset) for daemonset in group]
    return cluster.Flannel(
        daemonset=daemonsets[0],
        daemonsets=daemonsets,
        image=next(container.get("image", "") for container in objects.containers(first) if runs_flanneld(container)),
        config_map=cluster.ObjectRef("v1", "ConfigMap", name[1], name[0]) if name else None,
        net_conf=without_secrets(text),
        network=str(net_conf.get("Network") or ""),
        backend=backend_of(net_conf),
        desired=sum(desired for desired, _ready in totals),
        ready=sum(ready for _desired, ready in totals),
        managed_by=objects.managed_by(*group, config_map, around.namespaces.get(daemonsets[0].namespace, {})),
        objects=_belongings(daemonsets, name, _account(first), around),
    )


def _belongings(
    daemonsets: t.Tuple[cluster.ObjectRef, ...], config_map: t.Optional[t.Tuple[str, str]], account: str, around: Surroundings
) -> t.Tuple[cluster.ObjectRef, ...]:
    """All objects of an installation in the order to delete them: what runs first, what it leans on after it."""
    namespace = daemonsets[0].namespace
    bindings = _bindings(namespace, account, around)
    roles = _roles(bindings, around)
    found = list(daemonsets)
    if config_map:
        found.append(cluster.ObjectRef("v1", "ConfigMap", config_map[1], config_map[0]))
    if account != "default":
        found.append(cluster.ObjectRef("v1", "ServiceAccount", account, namespace))
    found += [objects.reference(binding, _RBAC, "ClusterRoleBinding") for binding in bindings]
    found += [objects.reference(role, _RBAC, "ClusterRole") for role in roles]
    found += [cluster.ObjectRef(_POD_SECURITY_POLICY, "PodSecurityPolicy", name) for name in _policies(roles, around)]
    if _owns_namespace(namespace, daemonsets, around):
        found.append(cluster.ObjectRef("v1", "Namespace", namespace))
    return tuple(found)


def _bindings(namespace: str, account: str, around: Surroundings) -> t.List[objects.Raw]:
    """Bindings of this account alone: one that serves others too is not flannel's."""
    subject = ("ServiceAccount", namespace, account)
    return [binding for binding in around.bindings if account != "default" and _subjects(binding) == {subject}]


def _subjects(binding: objects.Raw) -> t.Set[t.Tuple[str, str, str]]:
    subjects = binding.get("subjects") or ()
    return {(subject.get("kind", ""), subject.get("namespace", ""), subject.get("name", "")) for subject in subjects}


def _roles(bindings: t.Sequence[objects.Raw], around: Surroundings) -> t.List[objects.Raw]:
    """Roles that only these bindings use. The API server's own roles (system:, cluster-admin ...) carry its bootstrapping label."""
    ours = {_role_name(binding) for binding in bindings}
    names = {objects.metadata(binding).get("name") for binding in bindings}
    shared = {_role_name(binding) for binding in around.bindings if objects.metadata(binding).get("name") not in names}
    return [role for role in around.roles if objects.metadata(role).get("name") in ours - shared and not _bootstrapped(role)]


def _role_name(binding: objects.Raw) -> str:
    return (binding.get("roleRef") or {}).get("name", "")


def _bootstrapped(role: objects.Raw) -> bool:
    return "kubernetes.io/bootstrapping" in (objects.metadata(role).get("labels") or {})


def _policies(roles: t.Iterable[objects.Raw], around: Surroundings) -> t.List[str]:
    """Pod security policies that flannel's role names and that are there (Kubernetes 1.24 and older)."""
    present = {objects.metadata(policy).get("name", "") for policy in around.policies}
    rules = [rule for role in roles for rule in role.get("rules") or () if "podsecuritypolicies" in (rule.get("resources") or ())]
    named = [name for rule in rules for name in rule.get("resourceNames") or ()]
    return [name for name in dict.fromkeys(named) if name in present]


def _owns_namespace(namespace: str, daemonsets: t.Iterable[cluster.ObjectRef], around: Surroundings) -> bool:
    names = {daemonset.name for daemonset in daemonsets}
    strangers = [
        pod for pod in around.pods if pod.namespace == namespace and not (pod.owner_kind == "DaemonSet" and pod.owner_name in names)
    ]
    return namespace == OWN_NAMESPACE and not strangers
