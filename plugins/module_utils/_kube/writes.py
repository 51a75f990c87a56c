# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Creates and deletes single API objects, given and returned as plain dictionaries.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client

Object = t.Dict[str, t.Any]

_FORBIDDEN, _NOT_FOUND, _CONFLICT, _INVALID = 403, 404, 409, 422

#: Seconds to connect and to wait for the answer.
_TIMEOUT = (10, 60)


class RefusedError(_errors.ClusterError):
    """The API server understood the request, and a rule of the cluster says no."""


def create(client: t.Any, definition: Object) -> Object:
    """Creates the object and returns it as the server keeps it."""
    namespace = definition["metadata"].get("namespace", "")
    where = f"{definition['kind']} {_path(namespace, definition['metadata']['name'])}"
    with kube_client.api_errors(where):
        resource = client.resource(definition["kind"], definition["apiVersion"])
        try:
            created = resource.create(body=definition, **_scope(namespace), _request_timeout=_TIMEOUT)
        except kube_client.kubernetes.dynamic.exceptions.DynamicApiError as error:
            if error.status in (_FORBIDDEN, _INVALID):
                raise RefusedError(error.summary(), where) from error
            raise
        return t.cast(Object, created.to_dict())


def delete(client: t.Any, target: ObjectRef, uid: str = "") -> bool:
    """Deletes with the object's own grace period; False when it is gone already, or replaced by another one than ``uid``."""
    options = {"apiVersion": "v1", "kind": "DeleteOptions", **({"preconditions": {"uid": uid}} if uid else {})}
    with kube_client.api_errors(f"{target.kind} {_path(target.namespace, target.name)}"):
        try:
            resource = client.resource(target.kind, target.api_version)
            resource.delete(name=target.name, **_scope(target.namespace), body=options, _request_timeout=_TIMEOUT)
        except kube_client.kubernetes.client.exceptions.ApiException as error:
            if error.status == _NOT_FOUND or (uid and error.status == _CONFLICT):
                return False
            raise
        return True


def _scope(namespace: str) -> t.Dict[str, str]:
    return {"namespace": namespace} if namespace else {}


def _path(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name
