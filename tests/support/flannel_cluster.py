# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster with flannel whose DaemonSet controller and flanneld take a step whenever somebody looks at pods.

A pod that starts reads the configuration of that moment and announces its backend on its node, unless the backend's Type is in ``broken``:
then it never gets ready.
"""

from __future__ import annotations

import json
import typing as t

from tests.support.object_store import Object, ObjectStore

NAMESPACE = "kube-flannel"
PREFIX = "flannel.alpha.coreos.com/"
_LISTS = ("/apis/apps/v1/daemonsets", "/api/v1/nodes")


class Release(t.NamedTuple):
    """How a release of flannel is called in a cluster."""

    namespace: str = NAMESPACE
    daemonset: str = "kube-flannel-ds"
    image: str = "example.org/flannel:v1"

    @property
    def daemonset_path(self) -> str:
        return f"/apis/apps/v1/namespaces/{self.namespace}/daemonsets/{self.daemonset}"

    @property
    def config_map_path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/configmaps/kube-flannel-cfg"

    @property
    def pods_path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/pods"


TODAY = Release()
DAEMONSET, CONFIG_MAP = TODAY.daemonset_path, TODAY.config_map_path


class FlannelCluster(ObjectStore):
    def __init__(self, net_conf: str, nodes: t.Sequence[str] = ("n1", "n2", "n3"), release: Release = TODAY) -> None:
        super().__init__()
        self.release = release
        self.broken: set[str] = set()
        self._pods = 0
        container = {"name": "kube-flannel", "image": release.image, "command": ["/opt/bin/flanneld"], "securityContext": {}}
        spec = {"containers": [container, {"name": "side"}], "volumes": [{"name": "cfg", "configMap": {"name": "kube-flannel-cfg"}}]}
        template = {"metadata": {"labels": {"app": "flannel"}}, "spec": spec}
        named = {"namespace": release.namespace, "name": release.daemonset}
        self.put(
            release.daemonset_path, {"metadata": named, "spec": {"template": template}, "status": {"desiredNumberScheduled": len(nodes)}}
        )
        self.put(
            release.config_map_path,
            {
                "metadata": {"namespace": release.namespace, "name": "kube-flannel-cfg"},
                "data": {"cni-conf.json": "{}", "net-conf.json": net_conf},
            },
        )
        for name in nodes:
            self.put(f"/api/v1/nodes/{name}", {"metadata": {"name": name, "annotations": {}}, "spec": {}, "status": {}})
            self._start(name)

    @property
    def net_conf(self) -> str:
        return str(self.objects[self.release.config_map_path]["data"]["net-conf.json"])

    @property
    def containers(self) -> list[Object]:
        return t.cast("list[Object]", self.objects[self.release.daemonset_path]["spec"]["template"]["spec"]["containers"])

    @property
    def announced(self) -> dict[str, str]:
        nodes = [item for path, item in self.objects.items() if path.startswith("/api/v1/nodes/")]
        return {item["metadata"]["name"]: item["metadata"]["annotations"].get(f"{PREFIX}backend-type", "") for item in nodes}

    @property
    def pods(self) -> list[Object]:
        return [item for path, item in self.objects.items() if "/pods/" in path]

    def edit_by_hand(self, net_conf: str, *, restart: bool) -> None:
        """As people switch a backend: the ConfigMap is edited, and the pods are deleted, or that is forgotten."""
        config_map = self.objects[self.release.config_map_path]
        self.put(self.release.config_map_path, {**config_map, "data": {**config_map["data"], "net-conf.json": net_conf}})
        for pod in self.pods if restart else ():
            del self.objects[f"{self.release.pods_path}/{pod['metadata']['name']}"]
            self._start(pod["spec"]["nodeName"])

    def _get(self, path: str, body: Object) -> tuple[int, Object]:
        if path not in (*_LISTS, self.release.pods_path):
            return super()._get(path, body)
        if path.endswith("/pods"):
            self._step()
        return 200, {"items": [item for key, item in self.objects.items() if _is_in(key, path)]}

    def _patch(self, path: str, body: Object) -> tuple[int, Object]:
        found = self.objects.get(path)
        if found is None:
            return 404, {}
        version = body["metadata"].get("resourceVersion") if "metadata" in body else None
        if version not in (None, found["metadata"]["resourceVersion"]):
            return 409, {}
        self.put(path, t.cast("Object", _merged(found, body)))
        return 200, self.objects[path]

    def _step(self) -> None:
        """One pod that is gone is made anew, or else one whose template is not today's is ended, as long as the others are ready."""
        wanted = self._mark(self.objects[self.release.daemonset_path]["spec"]["template"])
        homes = {pod["spec"]["nodeName"]: pod for pod in self.pods}
        absent = [name for name in self.announced if name not in homes]
        old = [pod for pod in homes.values() if self._mark(pod) != wanted]
        if absent:
            self._start(absent[0])
        elif old and all(pod["status"]["conditions"][0]["status"] == "True" for pod in homes.values()):
            del self.objects[f"{self.release.pods_path}/{old[0]['metadata']['name']}"]

    @staticmethod
    def _mark(item: Object) -> str:
        return str((item["metadata"].get("annotations") or {}).get("podnet.io/net-conf", ""))

    def _start(self, node: str) -> None:
        self._pods += 1
        backend = json.loads(self.net_conf)["Backend"]
        well = backend["Type"] not in self.broken
        daemonset = self.objects[self.release.daemonset_path]
        template = daemonset["spec"]["template"]["metadata"]
        owner = {"controller": True, "kind": "DaemonSet", "name": self.release.daemonset, "uid": daemonset["metadata"]["uid"]}
        metadata = {
            "namespace": self.release.namespace,
            "name": f"flannel-{self._pods}",
            "annotations": template.get("annotations") or {},
            "ownerReferences": [owner],
        }
        waiting = {"name": "kube-flannel", "ready": well, "state": {} if well else {"waiting": {"reason": "CrashLoopBackOff"}}}
        status = {"conditions": [{"type": "Ready", "status": str(well)}], "containerStatuses": [waiting], "phase": "Running"}
        pod = {"metadata": metadata, "spec": {"nodeName": node}, "status": status}
        self.put(f"{self.release.pods_path}/{metadata['name']}", pod)
        if well:
            self._announce(node, backend)

    def _announce(self, node: str, backend: Object) -> None:
        kind = backend["Type"]
        data = {"VNI": backend.get("VNI", 1), "VtepMAC": "aa:00:00:00:00:01"} if kind == "vxlan" else None
        said = {"kube-subnet-manager": "true", "backend-type": "" if kind == "udp" else kind, "backend-data": json.dumps(data)}
        annotations = self.objects[f"/api/v1/nodes/{node}"]["metadata"]["annotations"]
        annotations.update({PREFIX + key: value for key, value in said.items()})


def _is_in(key: str, collection: str) -> bool:
    if collection == "/apis/apps/v1/daemonsets":
        return "/daemonsets/" in key
    return key.startswith(f"{collection}/")


def _merged(before: t.Any, change: t.Any) -> t.Any:
    """As a strategic patch does: lists of things with names are merged by these, and null removes a key."""
    if isinstance(before, dict) and isinstance(change, dict):
        both = {**before, **{key: _merged(before.get(key), value) for key, value in change.items()}}
        return {key: value for key, value in both.items() if value is not None}
    if isinstance(before, list) and isinstance(change, list) and all(isinstance(item, dict) and "name" in item for item in change):
        named = {item["name"]: item for item in change}
        return [_merged(item, named[item["name"]]) if item.get("name") in named else item for item in before]
    return change
