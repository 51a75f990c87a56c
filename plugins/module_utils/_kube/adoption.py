# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes an adoption into Calico's API: looks what is there, then creates, patches and deletes what differs.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import adoption_objects, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.adoption import Plan
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

CREATE = "create"
PATCH = "patch"
DELETE = "delete"

#: Seconds the API server has to serve kinds that were just defined.
_MOMENT = 60


@dataclasses.dataclass(frozen=True)
class Change:
    """One object to write. ``before`` holds those parts of its spec that change."""

    action: str
    wanted: adoption_objects.Object
    before: objects.Raw = dataclasses.field(default_factory=dict)
    version: str = ""

    @property
    def name(self) -> str:
        """Kind and name, as a person reads it."""
        return f"{self.wanted['kind']} {self.wanted['metadata']['name']}"


def wait_for_kinds(client: t.Any) -> None:
    """Waits until Calico's kinds are served: a definition takes the API server a moment."""
    api = Api(client)
    missing = Deadline(_MOMENT).poll(lambda: _unserved(api), lambda kinds: not kinds)
    if missing:
        raise _errors.ClusterError(
            f"the API server does not serve {', '.join(missing)}",
            "crd.projectcalico.org/v1",
            "Apply the resource definitions of Calico's manifest first (Calico 3.22 or newer).",
        )


def changes(client: t.Any, plan: Plan) -> t.Tuple[Change, ...]:
    """What has to be written so that the plan is real; limits before blocks, so that no node takes a block by itself in between."""
    there = _Shelf(Api(client))
    singles = (
        adoption_objects.ipam_config(plan),
        adoption_objects.felix_configuration(plan),
        adoption_objects.reservation(plan),
        adoption_objects.pool(plan),
    )
    wanted = [there.change(item) for item in singles if item is not None]
    for block in plan.returned:
        wanted += [there.removal(adoption_objects.empty_block(block)), there.removal(adoption_objects.affinity(block))]
    wanted += [there.addition(adoption_objects.affinity(block)) for block in (*plan.kept, *plan.claimed)]
    wanted += [there.addition(adoption_objects.empty_block(block)) for block in plan.claimed]
    return tuple(change for change in wanted if change is not None)


def release(client: t.Any) -> t.Tuple[Change, ...]:
    """What has to be written so that Calico's own rules hold again."""
    there = _Shelf(Api(client))
    config = adoption_objects.unlimited_ipam_config()
    lifted = there.change(config) if there.has(config) else None
    reservation = {**config, "kind": "IPReservation", "metadata": {"name": adoption_objects.RESERVATION}}
    return tuple(change for change in (lifted, there.removal(reservation)) if change is not None)


def apply(client: t.Any, wanted: t.Iterable[Change]) -> None:
    """Carries the changes out, in their order."""
    api = Api(client)
    for change in wanted:
        if change.action == DELETE:
            _delete(api, change)
        elif change.action == PATCH:
            api.patch(objects.reference(change.wanted), {"spec": change.wanted["spec"]})
        else:
            _create(api, change)


class _Shelf:
    """Calico's objects as the API server has them, each kind read once."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._kinds: t.Dict[str, t.Dict[str, objects.Raw]] = {}

    def has(self, item: adoption_objects.Object) -> bool:
        return self._found(item) is not None

    def change(self, item: adoption_objects.Object) -> t.Optional[Change]:
        """Creates it, or patches the parts of its spec that are not as wanted. A key without a value means the kind's zero."""
        found = self._found(item)
        if found is None:
            return Change(CREATE, item)
        spec = found.get("spec") or {}
        other = {key: value for key, value in item["spec"].items() if spec.get(key, _zero(value)) != value}
        return Change(PATCH, {**item, "spec": other}, {key: spec.get(key) for key in other}) if other else None

    def addition(self, item: adoption_objects.Object) -> t.Optional[Change]:
        """Creates it, and never touches one that is there: a block holds the addresses of pods."""
        return None if self.has(item) else Change(CREATE, item)

    def removal(self, item: adoption_objects.Object) -> t.Optional[Change]:
        found = self._found(item)
        if found is None:
            return None
        return Change(DELETE, item, found.get("spec") or {}, objects.metadata(found).get("resourceVersion", ""))

    def _found(self, item: adoption_objects.Object) -> t.Optional[objects.Raw]:
        kind = item["kind"]
        if kind not in self._kinds:
            plural = next(name for name in adoption_objects.KINDS if name.startswith(kind.lower()[:-1]))
            listed = self._api.items(f"/apis/{adoption_objects.API_VERSION}/{plural}") or ()
            self._kinds[kind] = {objects.metadata(resource)["name"]: resource for resource in listed}
        return self._kinds[kind].get(item["metadata"]["name"])


def _zero(value: t.Any) -> t.Any:
    """What an absent key stands for."""
    return type(value)()


def _create(api: Api, change: Change) -> None:
    try:
        api.create(change.wanted)
    except kube_client.ConflictError:
        # Calico was faster: a record of its own is as good, and may hold addresses by now.
        return


def _delete(api: Api, change: Change) -> None:
    if not api.delete(objects.reference(change.wanted), version=change.version):
        raise _errors.ClusterError(
            "it changed while it was being returned: an address was given out of it",
            change.name,
            "Run this again: it plans anew with what is there now.",
        )


def _unserved(api: Api) -> t.List[str]:
    return [kind for kind in adoption_objects.KINDS if api.items(f"/apis/{adoption_objects.API_VERSION}/{kind}") is None]
