# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""An API server on 127.0.0.1 for kubernetes.core's own modules: discovery, lists and server-side apply over an object store."""

from __future__ import annotations

import typing as t

from tests.support.object_store import Object, ObjectStore

_KINDS = {
    "v1": {"Namespace": "namespaces", "Secret": "secrets", "Pod": "pods"},
    "apps/v1": {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"},
    "batch/v1": {"Job": "jobs", "CronJob": "cronjobs"},
}
_VERBS = ["create", "delete", "get", "list", "patch", "update"]


class ObjectCluster(ObjectStore):
    """Objects by their path, like ``/api/v1/namespaces/default/secrets/harbor``."""

    def add(self, item: Object) -> None:
        """Writes it as somebody else would, an object with apiVersion and kind."""
        version, kind, metadata = item["apiVersion"], item["kind"], item["metadata"]
        inside = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
        self.put(f"{_prefix(version)}{inside}/{_KINDS[version][kind]}/{metadata['name']}", item)

    def _get(self, path: str, body: Object) -> tuple[int, Object]:
        found = _discovery(path) or self._list(path)
        return (200, found) if found else super()._get(path, body)

    def _list(self, path: str) -> Object | None:
        """The objects of a kind, of one namespace or of all; None for a path that is no list's."""
        for version, kinds in _KINDS.items():
            for kind, plural in kinds.items():
                head, _, tail = path.rpartition("/")
                if tail == plural and path.startswith(_prefix(version)):
                    inside = head if "/namespaces/" in head else f"{_prefix(version)}/"
                    found = [item for place, item in self.objects.items() if place.startswith(inside) and f"/{plural}/" in place]
                    return {"apiVersion": version, "kind": f"{kind}List", "metadata": {}, "items": found}
        return None

    def _patch(self, path: str, body: Object) -> tuple[int, Object]:
        """Server-side apply of one manager, who has all fields. The same again leaves the object's version."""
        before = self.objects.get(path)
        same = before is not None and {**before, "metadata": {}} == {**body, "metadata": {}}
        if not same:
            self.put(path, body)
        return 200 if before else 201, self.objects[path]


def _prefix(version: str) -> str:
    return f"/apis/{version}" if "/" in version else f"/api/{version}"


def _discovery(path: str) -> Object | None:
    if path == "/api":
        return {"kind": "APIVersions", "versions": ["v1"]}
    if path == "/apis":
        groups = [version.split("/") for version in _KINDS if "/" in version]
        versions = [(name, {"groupVersion": f"{name}/{version}", "version": version}) for name, version in groups]
        return {"kind": "APIGroupList", "groups": [{"name": name, "versions": [one], "preferredVersion": one} for name, one in versions]}
    kinds: t.Mapping[str, str] = next((kinds for version, kinds in _KINDS.items() if path == _prefix(version)), {})
    resources = [
        {"name": plural, "singularName": kind.lower(), "namespaced": kind != "Namespace", "kind": kind, "verbs": _VERBS}
        for kind, plural in kinds.items()
    ]
    return {"kind": "APIResourceList", "resources": resources} if kinds else None
