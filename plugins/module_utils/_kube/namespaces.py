# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Namespaces that this collection makes for a while: known by their label, and taken away again.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import MANAGED_BY, MANAGER
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline


def find(api: Api, name: str, label: t.Tuple[str, str] = (MANAGED_BY, MANAGER)) -> t.Optional[objects.Raw]:
    """The namespace, if it is there. One without the label is not ours, which is an error."""
    key, value = label
    found = api.item(_path(name))
    if found is not None and (objects.metadata(found).get("labels") or {}).get(key) != value:
        raise _errors.BadInputError(
            f"the namespace has no label {key}={value}, so it is not ours to use and remove",
            f"namespace {name}",
            "Choose another name for this collection's own namespace.",
        )
    return found


def _end_pods(api: Api, name: str) -> None:
    """Deletes what runs in it, without waiting.

    The namespace's own controller looks at it only after five seconds, and again much later where it still finds pods.
    """
    owners = [objects.reference(item, "apps/v1", "DaemonSet") for item in api.items(f"/apis/apps/v1/namespaces/{name}/daemonsets") or ()]
    pods = api.items(_pods(name)) or ()
    bare = [objects.reference(item, "v1", "Pod") for item in pods if not objects.metadata(item).get("ownerReferences")]
    for target in (*owners, *bare):
        api.delete(target)


def remove(api: Api, namespace: objects.Raw, deadline: t.Optional[Deadline]) -> None:
    """Ends its pods and deletes it; with a deadline, waits until both are gone."""
    name = objects.metadata(namespace)["name"]
    _end_pods(api, name)
    if deadline is not None:
        deadline.poll(lambda: api.items(_pods(name)), lambda left: not left)
    api.delete(objects.reference(namespace), objects.metadata(namespace)["uid"])
    if deadline is not None:
        await_removal(api, name, deadline)


def await_account(api: Api, name: str, deadline: Deadline) -> None:
    """Waits until pods may be made in a new namespace: without its default service account they are refused."""
    account = f"{_path(name)}/serviceaccounts/default"
    if deadline.poll(lambda: api.item(account), lambda seen: seen is not None) is None:
        raise _errors.ClusterError(
            f"no default service account appeared within {deadline.seconds:.0f} s",
            f"namespace {name}",
            "Is kube-controller-manager running?",
        )


def await_removal(api: Api, name: str, deadline: Deadline) -> None:
    """Waits for a namespace that is on its way out; returns at once when it is not."""
    left = deadline.poll(lambda: api.item(_path(name)), lambda seen: not is_going(seen))
    if is_going(left):
        raise _errors.ClusterError(
            f"it is still there {deadline.seconds:.0f} s after its removal began", f"namespace {name}", "See its status.conditions."
        )


def is_going(item: t.Optional[objects.Raw]) -> bool:
    """Whether its deletion has begun."""
    return item is not None and "deletionTimestamp" in objects.metadata(item)


def _path(name: str) -> str:
    return f"/api/v1/namespaces/{name}"


def _pods(name: str) -> str:
    return f"{_path(name)}/pods"
