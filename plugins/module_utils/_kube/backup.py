# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads whole objects to keep them, in a form that can be applied again.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import manifests, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api, path_of

#: What the API server adds to an object's metadata and nobody can apply again.
_SERVER_FIELDS = frozenset({"creationTimestamp", "generation", "managedFields", "resourceVersion", "uid"})


def read(client: t.Any, wanted: t.Mapping[str, t.Sequence[ObjectRef]]) -> t.Dict[str, str]:
    """The objects of each name as YAML documents; those that are not there are left out."""
    api = Api(client)
    return {name: _documents(api, references) for name, references in wanted.items()}


def _documents(api: Api, references: t.Iterable[ObjectRef]) -> str:
    found = [(reference, api.item(path_of(reference))) for reference in references]
    return manifests.dump(applicable(reference, item) for reference, item in found if item is not None)


def applicable(reference: ObjectRef, item: objects.Raw) -> t.Dict[str, t.Any]:
    """The object without what the server adds to it, as it could be applied again."""
    metadata = {key: value for key, value in objects.metadata(item).items() if key not in _SERVER_FIELDS}
    kept = {key: value for key, value in item.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return {"apiVersion": reference.api_version, "kind": reference.kind, "metadata": metadata, **kept}
