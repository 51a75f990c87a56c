# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to the API server: plain dictionaries in and out, and no request without a time limit.

Private: may change at any time.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client

_PAGE = 500
#: Seconds to connect and to wait for the next bytes of an answer.
_TIMEOUT = (10, 60)

_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"
_APPLY_PATCH = "application/apply-patch+yaml"


class Api:
    """What is asked of the API server behind a client of `client.get_client`."""

    def __init__(self, client: t.Any) -> None:
        self._client = client.client

    def item(self, path: str) -> t.Optional[objects.Raw]:
        """What is at ``path``, or nothing when it is not there or not served."""
        return self._get(path, [])

    def items(self, path: str, field_selector: str = "", label_selector: str = "") -> t.Optional[t.List[objects.Raw]]:
        """All items of a list, page by page, or nothing when the kind is not served."""
        found: t.List[objects.Raw] = []
        query: t.List[t.Tuple[str, t.Any]] = [("limit", _PAGE)]
        if field_selector:
            query.append(("fieldSelector", field_selector))
        if label_selector:
            query.append(("labelSelector", label_selector))
        token = ""
        while True:
            page = self._get(path, [*query, ("continue", token)] if token else query)
            if page is None:
                return None
            found += page.get("items") or ()
            token = objects.metadata(page).get("continue") or ""
            if not token:
                return found

    def create(self, definition: objects.Raw, dry_run: bool = False, *, manager: str = "") -> objects.Raw:
        """Creates the object and returns it as the server keeps it, or in a dry run would. ``manager``: whose its fields are."""
        target = objects.reference(definition)
        return self._send("POST", _collection(target), _named(target), definition, dry_run, manager=manager)

    def replace(self, definition: objects.Raw, dry_run: bool = False, *, manager: str = "") -> objects.Raw:
        """Puts the object in the place of the one with its name; ConflictError when its resourceVersion is no longer the newest.

        ``manager``: whose those fields are that differ.
        """
        target = objects.reference(definition)
        return self._send("PUT", path_of(target), _named(target), definition, dry_run, manager=manager)

    def apply(self, definition: objects.Raw, manager: str, force: bool = False, dry_run: bool = False) -> objects.Raw:
        """Applies the fields of ``definition`` as those of ``manager`` and returns the object; what others own in it stays.

        FieldConflictError when others own a field with another value and ``force`` is not set. With a resourceVersion in the metadata,
        ConflictError when that is no longer the newest.
        """
        target = objects.reference(definition)
        # As text, which every release of the library sends as it is; JSON is YAML.
        return self._request(
            "PATCH",
            path_of(target),
            _named(target),
            body=json.dumps(definition),
            query_params=[("fieldManager", manager), ("force", "true" if force else "false")],
            dry_run="All" if dry_run else None,
            content_type=_APPLY_PATCH,
        )

    def delete(self, target: ObjectRef, uid: str = "", version: str = "", dry_run: bool = False, *, grace: t.Optional[int] = None) -> bool:
        """Deletes; False when it is gone already, or another one than ``uid`` and ``version`` name.

        ``grace``: seconds; None for the object's own, and 0 for a pod that goes without a word of its node.
        """
        preconditions = {key: value for key, value in (("uid", uid), ("resourceVersion", version)) if value}
        options: t.Dict[str, t.Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if grace is not None:
            options["gracePeriodSeconds"] = grace
        if preconditions:
            options["preconditions"] = preconditions
        if dry_run:
            # Where there is a body the server does not look at the query, and would delete.
            options["dryRun"] = ["All"]
        try:
            self._send("DELETE", path_of(target), _named(target), options)
        except kube_client.AbsentError:
            return False
        except kube_client.ConflictError:
            if preconditions:
                return False
            raise
        return True

    def patch(self, target: ObjectRef, change: objects.Raw, dry_run: bool = False) -> bool:
        """Merges the change into the object, in a dry run for the server's opinion only; False when there is no such object."""
        try:
            self._send("PATCH", path_of(target), _named(target), change, dry_run)
        except kube_client.AbsentError:
            return False
        return True

    def patch_strategically(self, target: ObjectRef, change: objects.Raw, dry_run: bool = False) -> bool:
        """Like `patch`, and merges lists by the keys of their items, such as containers by their names."""
        dry = "All" if dry_run else None
        try:
            self._request("PATCH", path_of(target), _named(target), body=change, dry_run=dry, content_type=_STRATEGIC_PATCH)
        except kube_client.AbsentError:
            return False
        return True

    def patch_part(self, target: ObjectRef, part: str, change: objects.Raw, dry_run: bool = False) -> bool:
        """Merges the change into a part that has a path of its own, such as ``status``; False when there is no such object.

        Lists are merged by the keys of their items.
        """
        dry = "All" if dry_run else None
        try:
            self._request("PATCH", f"{path_of(target)}/{part}", _named(target), body=change, dry_run=dry, content_type=_STRATEGIC_PATCH)
        except kube_client.AbsentError:
            return False
        return True

    def evict(self, pod: ObjectRef, uid: str, dry_run: bool = False) -> bool:
        """Asks to evict the pod, which disruption budgets may forbid (UnavailableError); False when it is gone, or is another one."""
        metadata = {"name": pod.name, "namespace": pod.namespace}
        options = {"preconditions": {"uid": uid}}
        body = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": metadata, "deleteOptions": options}
        try:
            self._send("POST", f"{_collection(pod)}/{pod.name}/eviction", f"eviction of {_named(pod)}", body, dry_run)
        except (kube_client.AbsentError, kube_client.ConflictError):
            return False
        return True

    def _get(self, path: str, query: t.List[t.Tuple[str, t.Any]]) -> t.Optional[objects.Raw]:
        try:
            return self._request("GET", path, f"GET {path}", query_params=query)
        except kube_client.AbsentError:
            return None

    def _send(self, method: str, path: str, where: str, body: objects.Raw, dry_run: bool = False, *, manager: str = "") -> objects.Raw:
        content_type = _MERGE_PATCH if method == "PATCH" else _JSON
        query = [("fieldManager", manager)] if manager else []
        dry = "All" if dry_run else None
        return self._request(method, path, where, body=body, query_params=query, dry_run=dry, content_type=content_type)

    def _request(self, method: str, path: str, where: str, **options: t.Any) -> objects.Raw:
        with kube_client.api_errors(where):
            answer = self._client.request(method, path, serialize=False, _request_timeout=_TIMEOUT, **options)
        data: objects.Raw = json.loads(answer.data)
        return data


def path_of(target: ObjectRef) -> str:
    """Where the API serves the object."""
    return f"{_collection(target)}/{target.name}"


def _collection(target: ObjectRef) -> str:
    """The path of all objects of that kind and place. Plurals are formed as Kubernetes itself forms them."""
    group = f"/apis/{target.api_version}" if "/" in target.api_version else f"/api/{target.api_version}"
    place = f"/namespaces/{target.namespace}" if target.namespace else ""
    kind = target.kind.lower()
    return f"{group}{place}/{kind[:-1]}ies" if kind.endswith("y") else f"{group}{place}/{kind}s"


def _named(target: ObjectRef) -> str:
    return f"{target.kind} {target.namespace}/{target.name}" if target.namespace else f"{target.kind} {target.name}"
