# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster whose controllers replace pods: Deployments, StatefulSets, DaemonSets and ReplicaSets take a step when one of them
is looked at.

Pods are made on Calico (10.9.0.x, given by its IPAM), unless ``off_calico`` is set. What becomes of a new pod a test says in ``spoil``,
which evictions are forbidden in ``forbidden`` (names of pods).
"""

from __future__ import annotations

import itertools
import json
import typing as t

from tests.support.object_store import Object, ObjectStore

_PLURALS = {"ReplicaSet": "replicasets", "Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}
_LISTED = {
    *_PLURALS.values(),
    *("nodes", "pods", "namespaces", "jobs", "replicationcontrollers", "persistentvolumes", "services", "events"),
    *("validatingwebhookconfigurations", "mutatingwebhookconfigurations", "controllerrevisions", "poddisruptionbudgets"),
}
_REVISION = "deployment.kubernetes.io/revision"


class RollingCluster(ObjectStore):
    """In the namespace demo, if no other one is named."""

    def __init__(self, nodes: t.Sequence[str] = ("n1", "n2", "n3")) -> None:
        self.off_calico = False
        self.has_calico = True
        self.spoil: t.Callable[[Object], None] = lambda _pod: None
        self.forbidden: set[str] = set()
        self._numbers = itertools.count(10)
        super().__init__()
        for name in nodes:
            conditions = [{"type": "Ready", "status": "True"}]
            self.put(f"/api/v1/nodes/{name}", {"metadata": {"name": name}, "spec": {}, "status": {"conditions": conditions}})

    # --- What a test puts there and looks at -----------------------------------------------------------------------------

    def workload(self, kind: str, name: str, replicas: int = 2, namespace: str = "demo", **more: t.Any) -> None:
        """A workload that has run on flannel for long: its pods are ready, with flannel's addresses."""
        labels = more.pop("labels", {"app": name})
        template = {"metadata": {"labels": labels, **more.pop("template", {})}, "spec": {"containers": [{"name": name}]}}
        metadata = {"name": name, "namespace": namespace, "generation": 1, **more.pop("metadata", {})}
        self.put(_path(kind, namespace, name), {"metadata": metadata, "spec": {"replicas": replicas, "template": template, **more}})
        self.off_calico = True
        for _step in range(replicas + 1):
            self.reconcile()
        self.off_calico = False

    def pod(self, name: str, owner: tuple[str, str] | None = None, namespace: str = "demo", **more: t.Any) -> Object:
        """A pod that is ready."""
        number = next(self._numbers)
        address = f"10.244.1.{number}" if self.off_calico else f"10.9.0.{number}"
        owners = [{"kind": owner[0], "name": owner[1], "controller": True}] if owner else []
        item = {
            "metadata": {"name": name, "namespace": namespace, "ownerReferences": owners, **more.get("metadata", {})},
            "spec": {"nodeName": f"n{1 + number % 3}", **more.get("spec", {})},
            "status": {"phase": "Running", "podIP": address, "conditions": [{"type": "Ready", "status": "True"}], **more.get("status", {})},
        }
        self.spoil(item)
        self.put(f"/api/v1/namespaces/{namespace}/pods/{name}", item)
        return self.objects[f"/api/v1/namespaces/{namespace}/pods/{name}"]

    def pods(self, workload: str = "") -> list[Object]:
        """All pods, or those whose name begins so."""
        found = [item for path, item in self.objects.items() if "/pods/" in path]
        return [item for item in found if item["metadata"]["name"].startswith(workload)]

    def template(self, kind: str, name: str, namespace: str = "demo") -> Object:
        return t.cast("Object", self.objects[_path(kind, namespace, name)]["spec"]["template"])

    @property
    def restarts(self) -> list[str]:
        """Names of the workloads that were patched, in order."""
        return [name for method, name in self.writes if method == "PATCH"]

    @property
    def evictions(self) -> list[str]:
        return [path.split("/")[-2] for method, path in self.log if path.endswith("/eviction")]

    # --- What the server does --------------------------------------------------------------------------------------------

    def _get(self, path: str, body: Object) -> tuple[int, Object]:
        if path in self.objects and "/apps/v1/" in path:
            self.reconcile()
        if path.endswith("/ipamblocks"):
            return (200, {"items": [self._block()]}) if self.has_calico else (404, {"message": "not served"})
        if path.rpartition("/")[2] not in _LISTED:
            return super()._get(path, body)
        return 200, {"items": [item for key, item in self.objects.items() if _is_in(key, path)]}

    def _patch(self, path: str, body: Object) -> tuple[int, Object]:
        found = self.objects.get(path)
        if found is None:
            return 404, {"message": f"no {path}"}
        version = (body.get("metadata") or {}).get("resourceVersion")
        if version not in (None, found["metadata"]["resourceVersion"]):
            return 409, {"message": "changed meanwhile"}
        merged = _merge(json.loads(json.dumps(found)), body)
        merged["metadata"]["generation"] += 1
        self.put(path, merged)
        return 200, self.objects[path]

    def _post(self, collection: str, body: Object) -> tuple[int, Object]:
        path = collection.removesuffix("/eviction")
        found = self.objects.get(path)
        if found is None:
            return 404, {"message": f"no {path}"}
        if found["metadata"]["name"] in self.forbidden:
            return 429, {"message": "Cannot evict pod as it would violate the pod's disruption budget."}
        if body["deleteOptions"]["preconditions"]["uid"] != found["metadata"]["uid"]:
            return 409, {"message": "another uid"}
        del self.objects[path]
        return 201, {"kind": "Status"}

    # --- Controllers -----------------------------------------------------------------------------------------------------

    def reconcile(self) -> None:
        """Each controller takes one step."""
        step = {
            "Deployment": self._deployment,
            "ReplicaSet": self._replica_set,
            "StatefulSet": lambda item: self._numbered("StatefulSet", item),
            "DaemonSet": lambda item: self._numbered("DaemonSet", item),
        }
        for kind, plural in _PLURALS.items():
            paths = [path for path in self.objects if f"/{plural}/" in path]
            for path in paths:
                step[kind](self.objects[path])

    def _deployment(self, item: Object) -> None:
        """One pod more than wanted, and none less that is ready."""
        newest = self._newest_replica_set(item)
        wanted = item["spec"]["replicas"]
        mine = [entry for path, entry in self.objects.items() if "/replicasets/" in path and _owns(item, entry)]
        teams = {entry["metadata"]["name"]: self._owned("ReplicaSet", entry["metadata"]["name"]) for entry in mine}
        new = teams[newest["metadata"]["name"]]
        old = [pod for name, team in teams.items() if name != newest["metadata"]["name"] for pod in team]
        if len(new) < wanted and len(new) + len(old) <= wanted:
            new.append(self.pod(f"{newest['metadata']['name']}-{next(self._numbers)}", ("ReplicaSet", newest["metadata"]["name"])))
        spare = [pod for pod in old if not _is_ready(pod)] or (old if len(list(filter(_is_ready, new + old))) > wanted else [])
        if spare:
            del self.objects[f"/api/v1/namespaces/{spare[0]['metadata']['namespace']}/pods/{spare[0]['metadata']['name']}"]
            old.remove(spare[0])
        for entry in mine:
            entry["spec"]["replicas"] = len(new) if entry is newest else sum(pod in old for pod in teams[entry["metadata"]["name"]])
        everyone = new + old
        self._told(item, replicas=len(everyone), updatedReplicas=len(new), availableReplicas=len(list(filter(_is_ready, everyone))))

    def _newest_replica_set(self, item: Object) -> Object:
        mine = [entry for path, entry in self.objects.items() if "/replicasets/" in path and _owns(item, entry)]
        revision = max((int(entry["metadata"]["annotations"][_REVISION]) for entry in mine), default=0)
        for entry in mine:
            if _plain(entry["spec"]["template"]) == _plain(item["spec"]["template"]):
                if int(entry["metadata"]["annotations"][_REVISION]) < revision:
                    entry["metadata"]["annotations"][_REVISION] = str(revision + 1)
                return entry
        namespace, name = item["metadata"]["namespace"], f"{item['metadata']['name']}-{revision + 1}"
        owners = [{"kind": "Deployment", "name": item["metadata"]["name"], "uid": item["metadata"]["uid"], "controller": True}]
        template = json.loads(json.dumps(item["spec"]["template"]))
        template["metadata"]["labels"]["pod-template-hash"] = str(revision + 1)
        metadata = {"name": name, "namespace": namespace, "ownerReferences": owners, "annotations": {_REVISION: str(revision + 1)}}
        self.put(_path("ReplicaSet", namespace, name), {"metadata": metadata, "spec": {"replicas": 0, "template": template}})
        return self.objects[_path("ReplicaSet", namespace, name)]

    def _replica_set(self, item: Object) -> None:
        name = item["metadata"]["name"]
        if not item["metadata"].get("ownerReferences") and len(self._owned("ReplicaSet", name)) < item["spec"]["replicas"]:
            self.pod(f"{name}-{next(self._numbers)}", ("ReplicaSet", name))

    def _numbered(self, kind: str, item: Object) -> None:
        """A StatefulSet or a DaemonSet: one pod at a time, and only while the others are ready."""
        revision = self._revision(item)
        name, wanted = item["metadata"]["name"], item["spec"]["replicas"]
        team = {pod["metadata"]["name"]: pod for pod in self._owned(kind, name)}
        names = [f"{name}-{number}" for number in range(wanted)]
        older = [pod for pod in team.values() if pod["metadata"]["labels"]["revision"] != revision]
        missing = [each for each in names if each not in team]
        on_delete = (item["spec"].get("updateStrategy") or {}).get("type") == "OnDelete"
        if missing:
            labels = {**item["spec"]["template"]["metadata"]["labels"], "revision": revision}
            team[missing[0]] = self.pod(missing[0], (kind, name), metadata={"labels": labels})
        elif older and all(map(_is_ready, team.values())) and not on_delete:
            del self.objects[f"/api/v1/namespaces/demo/pods/{older[-1]['metadata']['name']}"]
        ready = len(list(filter(_is_ready, team.values())))
        updated = len(team) - len(older)
        current = revision if not older and not missing else "an older one"
        self._told(item, readyReplicas=ready, updatedReplicas=updated, updateRevision=revision, currentRevision=current)
        self._told(item, desiredNumberScheduled=wanted, updatedNumberScheduled=updated, numberAvailable=ready)

    def _revision(self, item: Object) -> str:
        """The name of the revision of the template, which is written down when it is new."""
        mine = [entry for path, entry in self.objects.items() if "/controllerrevisions/" in path and _owns(item, entry)]
        for entry in mine:
            if entry["data"]["spec"]["template"] == item["spec"]["template"]:
                return t.cast("str", entry["metadata"]["name"])
        name = f"{item['metadata']['name']}-{len(mine) + 1}"
        metadata = {"name": name, "namespace": "demo", "ownerReferences": [{"uid": item["metadata"]["uid"]}]}
        data = {"spec": {"template": json.loads(json.dumps(item["spec"]["template"]))}}
        self.put(
            f"/apis/apps/v1/namespaces/demo/controllerrevisions/{name}", {"metadata": metadata, "revision": len(mine) + 1, "data": data}
        )
        return name

    def _owned(self, kind: str, name: str) -> list[Object]:
        return [pod for pod in self.pods() if any((o["kind"], o["name"]) == (kind, name) for o in pod["metadata"]["ownerReferences"])]

    @staticmethod
    def _told(item: Object, **status: t.Any) -> None:
        item["status"] = {**item.get("status", {}), "observedGeneration": item["metadata"]["generation"], **status}

    def _block(self) -> Object:
        attributes: list[Object] = []
        allocations: list[int | None] = [None] * 256
        for pod in self.pods():
            network, _dot, number = pod["status"].get("podIP", "").rpartition(".")
            if network == "10.9.0":
                allocations[int(number)] = len(attributes)
                attributes.append({"secondary": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}})
        return {"metadata": {"name": "b"}, "spec": {"cidr": "10.9.0.0/24", "allocations": allocations, "attributes": attributes}}


def _path(kind: str, namespace: str, name: str) -> str:
    return f"/apis/apps/v1/namespaces/{namespace}/{_PLURALS[kind]}/{name}"


def _is_in(path: str, collection: str) -> bool:
    """Whether the object at ``path`` is in a collection, of one namespace or of all."""
    head, _slash, plural = collection.rpartition("/")
    parent = path.rpartition("/")[0]
    return parent == collection or (
        "/namespaces/" not in collection and parent.startswith(f"{head}/namespaces/") and parent.endswith(f"/{plural}")
    )


def _owns(owner: Object, item: Object) -> bool:
    return any(reference.get("uid") == owner["metadata"]["uid"] for reference in item["metadata"].get("ownerReferences") or ())


def _is_ready(pod: Object) -> bool:
    return any(condition == {"type": "Ready", "status": "True"} for condition in pod["status"]["conditions"])


def _plain(template: Object) -> Object:
    labels = {key: value for key, value in template["metadata"]["labels"].items() if key != "pod-template-hash"}
    annotations = template["metadata"].get("annotations") or {}
    return {**template, "metadata": {"labels": labels, "annotations": annotations}}


def _merge(target: t.Any, patch: t.Any) -> t.Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    kept = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            kept.pop(key, None)
        else:
            kept[key] = _merge(kept.get(key), value)
    return kept
