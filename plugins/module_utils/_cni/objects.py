# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads raw API objects: what a Node, a Pod or a workload says, as the types of `cluster`.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _moments
from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster

#: An object as the API server's JSON holds it.
Raw = t.Mapping[str, t.Any]

#: What begins the annotations of a node that a CNI wrote.
CNI_ANNOTATIONS = ("flannel.alpha.coreos.com/", "projectcalico.org/")
#: The annotation of a node that tells how many things differ there from what flannel has to have.
DRIFT_NOTE = "podnet.io/network-drift"

#: Annotation in which Calico's plugin writes a pod's address, and which is empty once the pod has lost it.
_WRITTEN_BY_CALICO = "cni.projectcalico.org/podIP"

#: Labels by which people and our own modules steer what we do.
OWN_LABELS = "podnet.io/"

#: Ends of the keys by which a volume's affinity names a machine: Kubernetes' own, and as drivers of local volumes form theirs.
_MACHINE_KEYS = ("/hostname", "/node")

_CONTROL_PLANE_LABELS = ("node-role.kubernetes.io/control-plane", "node-role.kubernetes.io/master")

#: (tool, prefix of a label or annotation that only this tool writes). First match wins: Flux and Argo CD may work through Helm.
_MANAGERS = (
    ("Argo CD", "argocd.argoproj.io/"),
    ("Flux", "kustomize.toolkit.fluxcd.io/"),
    ("Flux", "helm.toolkit.fluxcd.io/"),
    ("addon manager", "addonmanager.kubernetes.io/mode"),
    ("addon manager", "kubernetes.io/cluster-service"),
    ("Fleet", "fleet.cattle.io/"),
    ("kapp", "kapp.k14s.io/"),
    ("Rancher deploy controller", "objectset.rio.cattle.io/"),
    ("Helm", "meta.helm.sh/"),
)


def metadata(resource: Raw) -> Raw:
    """The object's metadata; an empty mapping when it has none."""
    return resource.get("metadata") or {}


def reference(resource: Raw, api_version: str = "", kind: str = "") -> cluster.ObjectRef:
    """Names the object. Items of a list carry no apiVersion and kind: pass what was listed."""
    return cluster.ObjectRef(
        api_version=resource.get("apiVersion") or api_version,
        kind=resource.get("kind") or kind,
        name=metadata(resource).get("name", ""),
        namespace=metadata(resource).get("namespace", ""),
    )


def node(resource: Raw) -> cluster.Node:
    """A Node object as a record."""
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    info = status.get("nodeInfo") or {}
    labels = metadata(resource).get("labels") or {}
    return cluster.Node(
        name=metadata(resource)["name"],
        ready=_condition(status, "Ready"),
        control_plane=any(label in labels for label in _CONTROL_PLANE_LABELS),
        unschedulable=bool(spec.get("unschedulable")),
        internal_ips=tuple(item["address"] for item in status.get("addresses") or () if item.get("type") == "InternalIP"),
        pod_cidrs=tuple(spec.get("podCIDRs") or filter(None, [spec.get("podCIDR")])),
        architecture=info.get("architecture", ""),
        operating_system=info.get("operatingSystem", ""),
        runtime=info.get("containerRuntimeVersion", ""),
        kubelet_version=info.get("kubeletVersion", ""),
        annotations=_cni_annotations(metadata(resource).get("annotations") or {}),
        labels={key: value for key, value in labels.items() if key.startswith(OWN_LABELS)},
    )


def pod(resource: Raw) -> cluster.Pod:
    """A Pod object as a record."""
    spec, status = resource.get("spec") or {}, resource.get("status") or {}
    owner = _controller(resource)
    return cluster.Pod(
        namespace=metadata(resource).get("namespace", ""),
        name=metadata(resource)["name"],
        uid=metadata(resource).get("uid", ""),
        node=spec.get("nodeName", ""),
        ips=tuple(item["ip"] for item in status.get("podIPs") or ()) or tuple(filter(None, [status.get("podIP")])),
        host_network=bool(spec.get("hostNetwork")),
        phase=status.get("phase", ""),
        ready=_condition(status, "Ready"),
        deleting="deletionTimestamp" in metadata(resource),
        owner_kind=owner.get("kind", ""),
        owner_name=owner.get("name", ""),
        labels=dict(metadata(resource).get("labels") or {}),
        restart_policy=spec.get("restartPolicy", ""),
        empty_dirs=tuple(volume["name"] for volume in spec.get("volumes") or () if "emptyDir" in volume),
        claims=tuple(claim for volume in spec.get("volumes") or () for claim in _claims(volume, metadata(resource)["name"])),
        trouble=_trouble(status),
        of_calico=_WRITTEN_BY_CALICO in (metadata(resource).get("annotations") or {}),
        started=min(_starts(status), default=0.0),
    )


def budget(resource: Raw) -> cluster.Budget:
    """A PodDisruptionBudget as a record."""
    status = resource.get("status") or {}
    return cluster.Budget(
        namespace=metadata(resource).get("namespace", ""),
        name=metadata(resource)["name"],
        allowed=int(status.get("disruptionsAllowed") or 0),
        healthy=int(status.get("currentHealthy") or 0),
        expected=int(status.get("expectedPods") or 0),
    )


def local_claims(volumes: t.Iterable[Raw]) -> t.Tuple[str, ...]:
    """The claims (namespace/name) whose PersistentVolume is on one node only."""
    specs = [volume.get("spec") or {} for volume in volumes]
    claims = [spec["claimRef"] for spec in specs if spec.get("claimRef") and _on_one_node(spec)]
    return tuple(sorted(f"{claim.get('namespace', '')}/{claim.get('name', '')}" for claim in claims))


def _on_one_node(volume: Raw) -> bool:
    """A directory or a disk of a node, or bound to a node's name by its affinity as local drivers do it."""
    required = (volume.get("nodeAffinity") or {}).get("required") or {}
    rules = [rule for term in required.get("nodeSelectorTerms") or () for rule in term.get("matchExpressions") or ()]
    return "local" in volume or "hostPath" in volume or any(rule.get("key", "").endswith(_MACHINE_KEYS) for rule in rules)


def pod_spec(workload: Raw) -> Raw:
    """The pod template's spec of a DaemonSet, Deployment ...; an empty mapping when there is none."""
    template = (workload.get("spec") or {}).get("template") or {}
    return template.get("spec") or {}


def containers(workload: Raw) -> t.Tuple[Raw, ...]:
    """The template's long-running containers: init containers only prepare, they do not say what a workload is."""
    return tuple(pod_spec(workload).get("containers") or ())


def command_line(container: Raw) -> str:
    """Command and arguments joined; empty when the image's own entry point runs."""
    return " ".join(str(word) for word in [*(container.get("command") or ()), *(container.get("args") or ())])


def counts(daemonset: Raw) -> t.Tuple[int, int]:
    """Pods a DaemonSet wants and pods that are ready."""
    status = daemonset.get("status") or {}
    return int(status.get("desiredNumberScheduled") or 0), int(status.get("numberReady") or 0)


def managed_by(*resources: Raw) -> str:
    """The tool that labels or annotations of any of the objects name as their keeper, or an empty string."""
    keys = {key for resource in resources for key in _marks(resource)}
    for tool, prefix in _MANAGERS:
        if any(key.startswith(prefix) for key in keys):
            return tool
    managers = {_marks(resource).get("app.kubernetes.io/managed-by") for resource in resources}
    return "Helm" if "Helm" in managers else ""


def _marks(resource: Raw) -> t.Dict[str, str]:
    return {**(metadata(resource).get("annotations") or {}), **(metadata(resource).get("labels") or {})}


def _condition(status: Raw, kind: str) -> bool:
    return any(item.get("type") == kind and item.get("status") == "True" for item in status.get("conditions") or ())


def _claims(volume: Raw, pod_name: str) -> t.List[str]:
    """The claim a volume mounts; an ephemeral volume's claim is named after pod and volume."""
    named = (volume.get("persistentVolumeClaim") or {}).get("claimName")
    return [named] if named else [f"{pod_name}-{volume['name']}"] if "ephemeral" in volume else []


def _trouble(status: Raw) -> str:
    """Why a pod does not run: what a container waits for, how it ended, or that no node takes the pod."""
    states = [
        item.get("state") or {}
        for kind in ("initContainerStatuses", "containerStatuses")
        for item in status.get(kind) or ()
        if not item.get("ready")
    ]
    waiting = [state["waiting"].get("reason", "") for state in states if state.get("waiting")]
    unscheduled = [
        item.get("reason", "")
        for item in status.get("conditions") or ()
        if item.get("type") == "PodScheduled" and item.get("status") == "False"
    ]
    return next(filter(None, [*unscheduled, *waiting]), "")


def _starts(status: Raw) -> t.Iterator[float]:
    for item in status.get("containerStatuses") or ():
        moment = _moments.parse(((item.get("state") or {}).get("running") or {}).get("startedAt") or "")
        if moment is not None:
            yield moment


def _controller(resource: Raw) -> Raw:
    owners = metadata(resource).get("ownerReferences") or ()
    return next((owner for owner in owners if owner.get("controller")), {})


def _cni_annotations(annotations: t.Mapping[str, str]) -> t.Dict[str, str]:
    return {key: value for key, value in annotations.items() if key.startswith((*CNI_ANNOTATIONS, DRIFT_NOTE))}
