# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The workload every strategy moves, and Calico's manifest as each baseline wants it. Pure: text and plain data."""

from __future__ import annotations

import json
import typing as t

import yaml

from lab.settings import CALICO_VERSION, POD_NETWORK

NAMESPACE = "bench"
SERVICE = "app"
ADDRESS = "10.96.0.50"
REPLICAS = 4
#: By which Calico's controller lets calico-node onto a node.
MIGRATION_LABEL = "projectcalico.org/node-network-during-migration"

#: W1 behaves as a workload should: it says when it is ready, and goes on serving while its address leaves the Service. W0 does not.
WORKLOADS = ("W1", "W0")

_Object = dict[str, t.Any]


def workload(name: str) -> str:
    """Namespace, Deployment and Service of a workload, for kubectl."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": [namespace, _deployment(_container(name)), _service()]})


def _container(name: str) -> _Object:
    bare = {"name": "app", "image": "docker.io/ikubernetes/myapp:v1", "imagePullPolicy": "IfNotPresent"}
    if name == "W0":
        return bare
    ready = {"httpGet": {"port": 80}, "periodSeconds": 1}
    return {**bare, "readinessProbe": ready, "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}}


def _deployment(container: _Object) -> _Object:
    labels = {"matchLabels": {"app": SERVICE}}
    spread = {"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway", "labelSelector": labels}
    pod = {"terminationGracePeriodSeconds": 20, "topologySpreadConstraints": [spread], "containers": [container]}
    template = {"metadata": {"labels": {"app": SERVICE}}, "spec": pod}
    spec = {"replicas": REPLICAS, "selector": labels, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": SERVICE, "namespace": NAMESPACE}, "spec": spec}


def _service() -> _Object:
    spec = {"clusterIP": ADDRESS, "selector": {"app": SERVICE}, "ports": [{"port": 80}]}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE, "namespace": NAMESPACE}, "spec": spec}


def calico(manifest: str, node_selector: t.Mapping[str, str] | None = None) -> str:
    """Calico's manifest for VXLAN without BIRD, as its documentation has it changed by hand; calico-node on some nodes only."""
    documents = [document for document in yaml.safe_load_all(manifest) if document]
    for document in documents:
        kind, name = document["kind"], document["metadata"]["name"]
        if (kind, name) == ("ConfigMap", "calico-config"):
            document["data"]["calico_backend"] = "vxlan"
        if (kind, name) == ("DaemonSet", "calico-node"):
            _without_bird(document, node_selector or {})
    return str(yaml.safe_dump_all(documents, sort_keys=False))


def _without_bird(daemon_set: _Object, node_selector: t.Mapping[str, str]) -> None:
    pod = daemon_set["spec"]["template"]["spec"]
    pod["nodeSelector"].update(node_selector)
    container = next(item for item in pod["containers"] if item["name"] == "calico-node")
    for probe in ("livenessProbe", "readinessProbe"):
        command = container[probe]["exec"]["command"]
        container[probe]["exec"]["command"] = [word for word in command if not word.startswith("-bird")]
    wanted = {"CALICO_IPV4POOL_IPIP": "Never", "CALICO_IPV4POOL_VXLAN": "Always", "CALICO_IPV4POOL_CIDR": POD_NETWORK}
    kept = [entry for entry in container["env"] if entry["name"] not in wanted]
    container["env"] = kept + [{"name": key, "value": value} for key, value in wanted.items()]


def migration_job() -> str:
    """What Calico's documentation has applied to start its controller, for kubectl.

    Its ConfigMap must be there, or it does nothing and says that it is done; a Job that tolerates cordoned nodes would drain itself for
    ever, so it tolerates only what the documented one does.
    """
    name = "flannel-migration-controller"
    metadata = {"name": name, "namespace": "kube-system"}
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"kind": "ServiceAccount", **metadata}],
    }
    config = {"name": "flannel-migration-config", "namespace": "kube-system"}
    items = [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": config, "data": {"flannel_subnet_env": ""}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata},
        binding,
        _job(name, config["name"]),
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


def _job(name: str, config: str) -> _Object:
    found = {"name": config, "key": "flannel_subnet_env", "optional": True}
    container = {
        "name": name,
        "image": f"quay.io/calico/{name}:{CALICO_VERSION}",
        "imagePullPolicy": "IfNotPresent",
        "env": [
            {"name": "ENABLED_CONTROLLERS", "value": "flannelmigration"},
            {"name": "DATASTORE_TYPE", "value": "kubernetes"},
            {"name": "FLANNEL_DAEMONSET_NAME", "value": "kube-flannel-ds"},
            {"name": "FLANNEL_DAEMONSET_NAMESPACE", "value": "kube-flannel"},
            {"name": "FLANNEL_SUBNET_ENV", "valueFrom": {"configMapKeyRef": found}},
            {"name": "POD_NODE_NAME", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
        ],
        "volumeMounts": [{"name": "flannel-env-file", "mountPath": "/host/run/flannel/subnet.env"}],
        "readinessProbe": {"exec": {"command": ["/usr/bin/check-status", "-r"]}},
    }
    pod = {
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "hostNetwork": True,
        "tolerations": [{"key": "CriticalAddonsOnly", "operator": "Exists"}],
        "serviceAccountName": name,
        "priorityClassName": "system-cluster-critical",
        "restartPolicy": "OnFailure",
        "containers": [container],
        "volumes": [{"name": "flannel-env-file", "hostPath": {"path": "/run/flannel/subnet.env"}}],
    }
    spec = {"backoffLimit": 10, "template": {"metadata": {"labels": {"k8s-app": name}}, "spec": pod}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "flannel-migration", "namespace": "kube-system"}, "spec": spec}
