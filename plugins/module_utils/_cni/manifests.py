# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upstream's manifests as data: parse them, find what matters, patch them for a cluster.

Pure: no I/O; every function returns new resources and leaves its input alone.
Private: may change at any time.
"""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import json
import re
import traceback
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import calico, flannel, objects

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

Resource = t.Dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Encapsulation:
    """How Calico carries packets between nodes: calico_backend and the modes of the pool it makes at its first start."""

    backend: str
    vxlan: str = "Never"
    ipip: str = "Never"


#: BIRD only runs where routes are exchanged by BGP: with VXLAN, Felix sets all routes itself.
ENCAPSULATIONS = {
    "vxlan": Encapsulation("vxlan", vxlan="Always"),
    "vxlan_cross_subnet": Encapsulation("vxlan", vxlan="CrossSubnet"),
    "ipip": Encapsulation("bird", ipip="Always"),
    "none": Encapsulation("bird"),
}

#: Each kind leans on those before it; a kind that is not listed goes to the end, before what runs.
_APPLY_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "PriorityClass",
    "PodSecurityPolicy",
    "ServiceAccount",
    "ClusterRole",
    "ClusterRoleBinding",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
)
_RUNS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "PodDisruptionBudget")

_CALICO_CONFIG = "calico-config"
_MTU_KEY = "veth_mtu"
_MTU_VARIABLES = ("FELIX_IPINIPMTU", "FELIX_VXLANMTU", "FELIX_WIREGUARDMTU")

_CHECKSUM = re.compile(r"sha256:[0-9a-fA-F]{64}")
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


@dataclasses.dataclass(frozen=True)
class CalicoSettings:
    """What a cluster needs of Calico's manifest. An empty ``network`` and an ``mtu`` of 0 leave the choice to Calico."""

    network: str = ""
    encapsulation: str = "vxlan"
    mtu: int = 0
    ip_autodetection_method: str = ""


@dataclasses.dataclass(frozen=True)
class FlannelSettings:
    """What a cluster needs of flannel's manifest. Empty values keep the manifest's."""

    network: str = ""
    backend: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


def verify_checksum(content: bytes, checksum: str, source: str) -> str:
    """The content's SHA-256 in hexadecimal; an error when ``checksum`` (``sha256:...``, or empty) names another one."""
    digest = hashlib.sha256(content).hexdigest()
    if checksum and not _CHECKSUM.fullmatch(checksum):
        raise _errors.BadInputError(f"checksum {checksum!r} is not sha256: and 64 hexadecimal digits", source)
    if checksum and checksum.split(":", 1)[1].lower() != digest:
        raise _errors.BadInputError(
            f"checksum mismatch: expected {checksum.lower()}, the content has sha256:{digest}",
            source,
            "Compare the file with its release; if it is the one you want, correct the checksum.",
        )
    return digest


def load_documents(text: str, source: str) -> t.List[t.Any]:
    """All YAML documents that are not empty."""
    try:
        return [document for document in yaml.load_all(text, Loader=_loader()) if document is not None]
    except yaml.YAMLError as error:
        raise _errors.BadInputError(_yaml_problem(error), source, "Correct the file or name another one.") from error


def dump(resources: t.Iterable[Resource]) -> str:
    """The resources as YAML documents."""
    return str(yaml.safe_dump_all(resources, sort_keys=False, default_flow_style=False))


def parse(text: str, source: str) -> t.List[Resource]:
    """The manifest's Kubernetes objects, lists taken apart."""
    documents = load_documents(text, source)
    resources = [item for document in documents for item in _items(document)]
    for position, resource in enumerate(resources, start=1):
        _validate(resource, position, source)
    if not resources:
        raise _errors.BadInputError("there is no Kubernetes object in it", source, "Name a manifest of flannel or Calico.")
    return resources


def in_apply_order(resources: t.Iterable[Resource]) -> t.List[Resource]:
    """The resources so that each comes after what it leans on; the manifest's order within a kind."""
    return sorted(resources, key=lambda resource: _rank(resource["kind"]))


def images(resources: t.Iterable[Resource]) -> t.List[str]:
    """Every image the resources' containers name, once, in the manifest's order."""
    return list(dict.fromkeys(image for resource in resources for image in _images(resource)))


def find_daemonset(resources: t.Iterable[Resource], cni: str, source: str) -> Resource:
    """The DaemonSet that runs the CNI."""
    daemonsets = [resource for resource in resources if resource["kind"] == "DaemonSet"]
    runs = {"flannel": flannel.runs_flanneld, "calico": calico.runs_calico_node}[cni]
    for daemonset in daemonsets:
        if any(map(runs, objects.containers(daemonset))):
            return daemonset
    names = ", ".join(objects.metadata(daemonset)["name"] for daemonset in daemonsets) or "none"
    raise _errors.BadInputError(f"no DaemonSet in it runs {cni} (DaemonSets: {names})", source, f"Name a manifest that installs {cni}.")


def patch_calico(resources: t.Sequence[Resource], settings: CalicoSettings, source: str) -> t.List[Resource]:
    """Calico's manifest for this cluster: pool, encapsulation, MTU and how a node finds its own address."""
    patched = copy.deepcopy(list(resources))
    daemonset = find_daemonset(patched, "calico", source)
    mode = ENCAPSULATIONS[settings.encapsulation]
    data = _calico_config(patched, source)
    data["calico_backend"] = mode.backend
    if settings.mtu:
        data[_MTU_KEY] = str(settings.mtu)
    for container in filter(calico.runs_calico_node, objects.containers(daemonset)):
        _set_variables(t.cast(Resource, container), _calico_variables(settings, mode))
        _set_bird_probes(t.cast(Resource, container), wanted=mode.backend == "bird")
    return patched


def patch_flannel(resources: t.Sequence[Resource], settings: FlannelSettings, source: str) -> t.List[Resource]:
    """Flannel's manifest for this cluster. The backend's Type is always written: where it is missing, flanneld takes udp."""
    patched = copy.deepcopy(list(resources))
    daemonset = find_daemonset(patched, "flannel", source)
    config_map = next((item for item in patched if item["kind"] == "ConfigMap" and flannel.NET_CONF in (item.get("data") or {})), None)
    if config_map is None:
        raise _errors.BadInputError(f"no ConfigMap in it holds {flannel.NET_CONF}", source, "Name a manifest that installs flannel.")
    net_conf = flannel.parse_net_conf(config_map["data"][flannel.NET_CONF])
    if not net_conf:
        raise _errors.BadInputError(f"{flannel.NET_CONF} is not a JSON object", f"{source}, ConfigMap {config_map['metadata']['name']}")
    if settings.network:
        net_conf["Network"] = settings.network
    net_conf["Backend"] = _flannel_backend(net_conf.get("Backend"), settings.backend)
    config_map["data"][flannel.NET_CONF] = json.dumps(net_conf, indent=2) + "\n"
    if net_conf["Backend"]["Type"] == "udp":
        _privilege(daemonset)
    return patched


def _privilege(daemonset: Resource) -> None:
    """Backend udp sends every packet through /dev/net/tun, which no capability alone opens to a container."""
    for container in daemonset["spec"]["template"]["spec"]["containers"]:
        container["securityContext"] = {**(container.get("securityContext") or {}), "privileged": True}


def _loader() -> t.Any:
    """A safe loader, libyaml's where it is there, that leaves timestamps alone: to Kubernetes they are strings."""
    base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    resolvers = {
        first: [(tag, pattern) for tag, pattern in entries if tag != _TIMESTAMP] for first, entries in base.yaml_implicit_resolvers.items()
    }
    return type("ManifestLoader", (base,), {"yaml_implicit_resolvers": resolvers})


def _yaml_problem(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or str(error)
    return f"invalid YAML in line {mark.line + 1}: {problem}" if mark else f"invalid YAML: {problem}"


def _items(document: t.Any) -> t.List[t.Any]:
    if isinstance(document, dict) and document.get("kind") == "List":
        return list(document.get("items") or ())
    return [document]


def _validate(resource: t.Any, position: int, source: str) -> None:
    if not isinstance(resource, dict):
        raise _errors.BadInputError(f"document {position} is a {type(resource).__name__}, not a Kubernetes object", source)
    name = resource.get("metadata", {}).get("name") if isinstance(resource.get("metadata"), dict) else None
    absent = [
        key
        for key, value in (("apiVersion", resource.get("apiVersion")), ("kind", resource.get("kind")), ("metadata.name", name))
        if not value
    ]
    if absent:
        raise _errors.BadInputError(f"document {position} is no Kubernetes object: {', '.join(absent)} missing", source)


def _rank(kind: str) -> int:
    if kind in _APPLY_ORDER:
        return _APPLY_ORDER.index(kind)
    return len(_APPLY_ORDER) + (1 + _RUNS.index(kind) if kind in _RUNS else 0)


def _images(value: t.Any) -> t.Iterator[str]:
    """Images of containers anywhere below ``value``. A CustomResourceDefinition has such names only as keys of a schema: no lists."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key in ("containers", "initContainers") and isinstance(item, list):
                yield from (entry["image"] for entry in item if isinstance(entry, dict) and entry.get("image"))
            else:
                yield from _images(item)
    elif isinstance(value, list):
        for item in value:
            yield from _images(item)


def _calico_config(resources: t.Iterable[Resource], source: str) -> Resource:
    for resource in resources:
        if resource["kind"] == "ConfigMap" and resource["metadata"]["name"] == _CALICO_CONFIG:
            data: Resource = resource.setdefault("data", {})
            return data
    raise _errors.BadInputError(
        f"there is no ConfigMap {_CALICO_CONFIG} in it", source, "Name the manifest that runs Calico without its operator."
    )


def _calico_variables(settings: CalicoSettings, mode: Encapsulation) -> t.List[Resource]:
    values = {
        "CLUSTER_TYPE": "k8s,bgp" if mode.backend == "bird" else "k8s",
        "CALICO_IPV4POOL_IPIP": mode.ipip,
        "CALICO_IPV4POOL_VXLAN": mode.vxlan,
        "CALICO_IPV4POOL_CIDR": settings.network,
        "IP_AUTODETECTION_METHOD": settings.ip_autodetection_method,
    }
    variables: t.List[Resource] = [{"name": name, "value": value} for name, value in values.items() if value]
    reference = {"configMapKeyRef": {"name": _CALICO_CONFIG, "key": _MTU_KEY}}
    return variables + [{"name": name, "valueFrom": copy.deepcopy(reference)} for name in _MTU_VARIABLES if settings.mtu]


def _set_variables(container: Resource, variables: t.Iterable[Resource]) -> None:
    """Sets environment variables where they are; new ones go to the end."""
    present: t.List[Resource] = container.setdefault("env", [])
    places = {variable["name"]: position for position, variable in enumerate(present)}
    for variable in variables:
        if variable["name"] in places:
            present[places[variable["name"]]] = variable
        else:
            present.append(variable)


def _set_bird_probes(container: Resource, wanted: bool) -> None:
    """Probes ask for BIRD exactly when it runs: otherwise calico-node never gets Ready, or gets it too early."""
    for probe, flag in (("livenessProbe", "-bird-live"), ("readinessProbe", "-bird-ready")):
        command = ((container.get(probe) or {}).get("exec") or {}).get("command")
        if command is not None:
            command[:] = [word for word in command if word != flag] + ([flag] if wanted else [])


def _flannel_backend(present: t.Any, wanted: t.Mapping[str, t.Any]) -> Resource:
    """The wanted backend, Type first; a missing Type is the manifest's, and vxlan when that has none."""
    kept: Resource = present if isinstance(present, dict) else {}
    options = dict(wanted) if wanted else dict(kept)
    kind = options.pop("Type", None) or kept.get("Type") or "vxlan"
    return {"Type": kind, **options}
