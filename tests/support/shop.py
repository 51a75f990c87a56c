# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A user's namespace with something of each kind that a migration must not lose: replicas, a local volume, an emptyDir, a bare pod."""

from __future__ import annotations

import time
import typing as t

from kubernetes import client, utils
from kubernetes.stream import stream

NAMESPACE = "shop"
IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"
HOME = "n3"
CLOSED = "/srv/flag/closed"
READY_SECONDS = 120

_FILES = {"store-0": "/data/kept", "debug": "/scratch/kept"}


def open_shop(connection: client.ApiClient) -> None:
    """Makes it, waits until it is well, and writes a file into the volume and into the emptyDir."""
    make(connection, *_objects())
    wait_until_ready(connection, {"store-0", "debug"})
    for pod, path in _FILES.items():
        ask(connection, pod, f"echo precious > {path}")


def close_shop(connection: client.ApiClient) -> None:
    """Deletes the namespace and waits until it is gone."""
    core = client.CoreV1Api(connection)
    core.delete_namespace(NAMESPACE)
    _until(lambda: NAMESPACE not in {item.metadata.name for item in core.list_namespace().items}, "end of the namespace")


def kept(connection: client.ApiClient) -> dict[str, str]:
    """What the files hold now."""
    return {pod: ask(connection, pod, f"cat {path}").strip() for pod, path in _FILES.items()}


def make(connection: client.ApiClient, *objects: dict[str, t.Any]) -> None:
    """Creates objects, their namespace first."""
    core = client.CoreV1Api(connection)
    if NAMESPACE not in {item.metadata.name for item in core.list_namespace().items}:
        core.create_namespace({"metadata": {"name": NAMESPACE}})
    _until(lambda: bool(core.list_namespaced_service_account(NAMESPACE, field_selector="metadata.name=default").items), "service account")
    for item in objects:
        utils.create_from_dict(connection, item, namespace=NAMESPACE)


def wait_until_ready(connection: client.ApiClient, names: set[str]) -> None:
    core = client.CoreV1Api(connection)

    def ready() -> bool:
        pods = core.list_namespaced_pod(NAMESPACE).items
        good = {
            pod.metadata.name for pod in pods if any(is_.type == "Ready" and is_.status == "True" for is_ in pod.status.conditions or ())
        }
        return names <= good

    _until(ready, f"pods {', '.join(sorted(names))}")


def wait_until_available(connection: client.ApiClient, names: set[str]) -> None:
    """Waits until these Deployments have all they want."""
    apps = client.AppsV1Api(connection)

    def available() -> bool:
        found = apps.list_namespaced_deployment(NAMESPACE).items
        return names <= {item.metadata.name for item in found if item.status.available_replicas == item.spec.replicas}

    _until(available, f"Deployments {', '.join(sorted(names))}")


def ask(connection: client.ApiClient, pod: str, command: str) -> str:
    """Runs a shell command in a pod."""
    core = client.CoreV1Api(connection)
    said: str = stream(core.connect_get_namespaced_pod_exec, pod, NAMESPACE, command=["sh", "-c", command], stdout=True, stderr=True)
    return said


def pod(name: str, node: str = HOME, **spec: t.Any) -> dict[str, t.Any]:
    """A bare pod on a node."""
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"nodeName": node, **_spec(), **spec}}


def workload(kind: str, name: str, replicas: int, labels: t.Mapping[str, str] | None = None, **spec: t.Any) -> dict[str, t.Any]:
    """A Deployment or StatefulSet; ``labels`` are its pods', beside the one they are found by."""
    own = {"app": name}
    template = {"metadata": {"labels": {**own, **(labels or {})}}, "spec": {**_spec(), **spec}}
    body: dict[str, t.Any] = {"replicas": replicas, "selector": {"matchLabels": own}, "template": template}
    if kind == "StatefulSet":
        body["serviceName"] = name
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


def stuck(name: str) -> dict[str, t.Any]:
    """A Deployment whose pods never get ready if `CLOSED` is on their node when they start."""
    container = {
        **_spec()["containers"][0],
        "command": ["sh", "-c", "test -e /flag/closed || touch /early; exec /agnhost netexec --http-port=8080"],
        "readinessProbe": {"exec": {"command": ["test", "-e", "/early"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "flag", "mountPath": "/flag"}],
    }
    folder = {"path": CLOSED.rpartition("/")[0], "type": "DirectoryOrCreate"}
    return workload("Deployment", name, 2, containers=[container], volumes=[{"name": "flag", "hostPath": folder}])


def _objects() -> list[dict[str, t.Any]]:
    claim = {"accessModes": ["ReadWriteOnce"], "storageClassName": "", "volumeName": "shop-store"}
    here = {"key": "kubernetes.io/hostname", "operator": "In", "values": [HOME]}
    volume = {
        "capacity": {"storage": "1Mi"},
        "accessModes": ["ReadWriteOnce"],
        "claimRef": {"namespace": NAMESPACE, "name": "store"},
        "hostPath": {"path": "/srv/shop", "type": "DirectoryOrCreate"},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [here]}]}},
    }
    mounted = [{**_spec()["containers"][0], "volumeMounts": [{"name": "data", "mountPath": "/data"}]}]
    scratch = [{**_spec()["containers"][0], "volumeMounts": [{"name": "scratch", "mountPath": "/scratch"}]}]
    data = [{"name": "data", "persistentVolumeClaim": {"claimName": "store"}}]
    return [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": "shop-store"}, "spec": {**volume, "storageClassName": ""}},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "store"}, "spec": _request(claim)},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prices"}, "data": {"tea": "3"}},
        workload("StatefulSet", "store", 1, containers=mounted, volumes=data),
        workload("Deployment", "web", 2),
        pod("debug", containers=scratch, volumes=[{"name": "scratch", "emptyDir": {}}]),
    ]


def _request(claim: dict[str, t.Any]) -> dict[str, t.Any]:
    return {**claim, "resources": {"requests": {"storage": "1Mi"}}}


def _spec() -> dict[str, t.Any]:
    container = {
        "name": "agnhost",
        "image": IMAGE,
        "imagePullPolicy": "IfNotPresent",
        "command": ["/agnhost", "netexec", "--http-port=8080"],
        "readinessProbe": {"httpGet": {"path": "/hostname", "port": 8080}, "periodSeconds": 1},
    }
    return {"terminationGracePeriodSeconds": 0, "containers": [container]}


def _until(condition: t.Callable[[], bool], what: str) -> None:
    end = time.monotonic() + READY_SECONDS
    while not condition():
        assert time.monotonic() < end, f"no {what} within {READY_SECONDS} s"
        time.sleep(0.5)  # between two looks
