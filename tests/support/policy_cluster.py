# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server on 127.0.0.1 with all that decides who may reach whom: lists, and server-side apply with owners of fields.

What the real one does was tried on a real one; ``tests/integration/api`` holds both together.
"""

from __future__ import annotations

import copy
import typing as t

from tests.support.object_store import Object, ObjectStore

PLURALS = {
    "Namespace": "/api/v1/namespaces",
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/pods",
    "Service": "/api/v1/services",
    "ConfigMap": "/api/v1/configmaps",
    "Deployment": "/apis/apps/v1/deployments",
    "DaemonSet": "/apis/apps/v1/daemonsets",
    "EndpointSlice": "/apis/discovery.k8s.io/v1/endpointslices",
    "NetworkPolicy": "/apis/networking.k8s.io/v1/networkpolicies",
}
_REVIEW = "SelfSubjectAccessReview"
#: A field: where it is, and its name.
Field = tuple[str, str]


def path_of(item: Object) -> str:
    prefix, _, plural = PLURALS[item["kind"]].rpartition("/")
    namespace = item["metadata"].get("namespace")
    return (
        f"{prefix}/namespaces/{namespace}/{plural}/{item['metadata']['name']}"
        if namespace
        else f"{prefix}/{plural}/{item['metadata']['name']}"
    )


class PolicyCluster(ObjectStore):
    """``page``: how many objects a page has."""

    def __init__(self) -> None:
        super().__init__()
        self.page = 500
        #: Changes that were asked for, dry runs left out.
        self.changes: list[tuple[str, str]] = []
        #: What the user may not do: ``verb resource/subresource``.
        self.forbidden: set[str] = set()
        #: What `serve` added: group -> versions, and path of a list -> its items.
        self._groups: dict[str, list[str]] = {}
        self._lists: dict[str, list[Object]] = {}

    def add(self, *items: Object, manager: str = "kubectl") -> None:
        """Writes them as somebody else would, who owns all of it then."""
        for item in copy.deepcopy(items):
            if item["kind"] == "NetworkPolicy":
                item["metadata"]["managedFields"] = [_entry(manager, "Update", set(_fields(item)))]
            self.put(path_of(item), item)

    def serve(self, version: str, plural: str, *items: Object) -> None:
        """Has a kind that somebody installed, in this version (``group/version``) after those that its group has already."""
        self._groups.setdefault(version.partition("/")[0], []).append(version)
        self._lists[f"/apis/{version}/{plural}"] = list(items)

    def policies(self) -> dict[str, Object]:
        """Its NetworkPolicies by ``namespace/name``."""
        found = [item for item in self.objects.values() if item["kind"] == "NetworkPolicy"]
        return {f"{item['metadata']['namespace']}/{item['metadata']['name']}": item for item in found}

    def contents(self) -> dict[str, Object]:
        """The policies without what changes by itself."""
        kept = {"uid", "resourceVersion"}
        return {
            name: {**item, "metadata": {key: value for key, value in item["metadata"].items() if key not in kept}}
            for name, item in self.policies().items()
        }

    def handle(self, method: str, path: str, query: dict[str, str], body: Object) -> tuple[int, Object]:
        if method != "GET" and body.get("kind") != _REVIEW and query.get("dryRun") != "All" and body.get("dryRun") != ["All"]:
            self.changes.append((method, path.rpartition("/")[2]))
        return super().handle(method, path, query, body)

    def _get(self, path: str, body: Object) -> tuple[int, Object]:
        if path == "/apis":
            groups = [_group(name, versions) for name, versions in self._groups.items()]
            return 200, {"kind": "APIGroupList", "groups": groups}
        if path in self._lists:
            return 200, {"metadata": {}, "items": self._lists[path]}
        kind = next((kind for kind, plural in PLURALS.items() if plural == path), "")
        return self._list(kind) if kind else super()._get(path, body)

    def _list(self, kind: str) -> tuple[int, Object]:
        found = [item for item in self.objects.values() if item["kind"] == kind]
        start = int(self.query.get("continue") or 0)
        end = start + self.page
        # Items of a list do not say what they are.
        items = [{key: value for key, value in item.items() if key not in ("apiVersion", "kind")} for item in found[start:end]]
        return 200, {"kind": f"{kind}List", "metadata": {"continue": str(end)} if end < len(found) else {}, "items": items}

    def _post(self, collection: str, body: Object) -> tuple[int, Object]:
        """Whatever owners it names, its fields become those of who made it."""
        if body["kind"] == _REVIEW:
            asked = body["spec"]["resourceAttributes"]
            resource = "/".join(filter(None, (asked["resource"], asked["subresource"])))
            return 201, {**body, "status": {"allowed": f"{asked['verb']} {resource}" not in self.forbidden}}
        if body["kind"] == "NetworkPolicy":
            body["metadata"]["managedFields"] = [_entry(self.query.get("fieldManager", "client"), "Update", set(_fields(body)))]
        return super()._post(collection, _kept(body))

    def _put(self, path: str, body: Object) -> tuple[int, Object]:
        """Fields that differ become those of who wrote; without any, owners can be set."""
        before = self.objects.get(path)
        if body["kind"] == "NetworkPolicy" and before is not None:
            changed = {field for field in {**_fields(body), **_fields(before)} if _fields(body).get(field) != _fields(before).get(field)}
            entries = [_entry(*_who(entry), _owned(entry) - changed) for entry in body["metadata"].get("managedFields") or ()]
            body["metadata"]["managedFields"] = (
                [*entries, _entry(self.query.get("fieldManager", "client"), "Update", changed)] if changed else entries
            )
        return super()._put(path, _kept(body))

    def _patch(self, path: str, body: Object) -> tuple[int, Object]:
        """Server-side apply."""
        live = self.objects.get(path)
        version = body["metadata"].pop("resourceVersion", "")
        if version and (live is None or live["metadata"]["resourceVersion"] != version):
            return 409, {"kind": "Status", "code": 409, "message": "the object has been modified"}
        if f"/api/v1/namespaces/{body['metadata']['namespace']}" not in self.objects:
            return 404, {"kind": "Status", "code": 404, "message": f"namespaces {body['metadata']['namespace']} not found"}
        manager, new, old = self.query["fieldManager"], _fields(body), _fields(live or {})
        entries = (live or {}).get("metadata", {}).get("managedFields") or []
        others = [entry for entry in entries if _who(entry) != (manager, "Apply")]
        conflicts = [
            (entry["manager"], field) for entry in others for field in _owned(entry) if new.get(field, old.get(field)) != old.get(field)
        ]
        if conflicts and self.query["force"] != "true":
            return 409, _conflict(conflicts)
        lost = {field for _, field in conflicts}
        kept = {field for entry in others for field in _owned(entry) - lost}
        mine = {field for entry in entries if _who(entry) == (manager, "Apply") for field in _owned(entry)}
        joint = {field: value for field, value in old.items() if field in kept or field not in mine} | new
        managed = [_entry(*_who(entry), _owned(entry) - lost) for entry in others]
        item: Object = {"apiVersion": body["apiVersion"], "kind": body["kind"], "metadata": {}, "spec": {}}
        for (place, name), value in joint.items():
            home = item["spec"] if place == "spec" else item["metadata"].setdefault(place, {})
            home[name] = value
        identity = {key: value for key, value in (live or body)["metadata"].items() if key in ("namespace", "name", "uid")}
        item["metadata"].update(identity, managedFields=[*managed, _entry(manager, "Apply", set(new))])
        self.put(path, _kept(item))
        return (200 if live else 201), self.objects[path]


def _group(name: str, versions: t.Iterable[str]) -> Object:
    listed = [{"groupVersion": one, "version": one.rpartition("/")[2]} for one in dict.fromkeys(versions)]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def _fields(item: Object) -> dict[Field, t.Any]:
    """An empty list is a field too, until the object is kept."""
    metadata = item.get("metadata", {})
    found = {(place, key): value for place in ("labels", "annotations") for key, value in metadata.get(place, {}).items()}
    return {**found, **{("spec", key): value for key, value in item.get("spec", {}).items()}}


def _kept(item: Object) -> Object:
    """A list without items is not kept."""
    return {**item, "spec": {key: value for key, value in item["spec"].items() if value != []}} if "spec" in item else item


def _who(entry: Object) -> tuple[str, str]:
    return entry["manager"], entry["operation"]


def _entry(manager: str, operation: str, fields: t.Iterable[Field]) -> Object:
    tree: Object = {}
    for place, name in sorted(fields):
        home = tree.setdefault("f:spec", {}) if place == "spec" else tree.setdefault("f:metadata", {}).setdefault(f"f:{place}", {})
        home[f"f:{name}"] = {}
    return {"manager": manager, "operation": operation, "apiVersion": "networking.k8s.io/v1", "fieldsType": "FieldsV1", "fieldsV1": tree}


def _owned(entry: Object) -> set[Field]:
    tree = entry["fieldsV1"]
    places = [("spec", tree.get("f:spec", {})), *((place[2:], names) for place, names in tree.get("f:metadata", {}).items())]
    return {(place, name[2:]) for place, names in places for name in names}


def _conflict(conflicts: t.Iterable[tuple[str, Field]]) -> Object:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{manager}" using networking.k8s.io/v1',
            "field": f".spec.{name}" if place == "spec" else f".metadata.{place}.{name}",
        }
        for manager, (place, name) in conflicts
    ]
    return {"kind": "Status", "code": 409, "reason": "Conflict", "message": "Apply failed with conflicts", "details": {"causes": causes}}
