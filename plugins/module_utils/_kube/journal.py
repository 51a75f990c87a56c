# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keeps the journal in a ConfigMap and its lock in a Lease of the same name.

Every change is one read and one write that the API server refuses when somebody else wrote in between; then it is read again.
Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _moments
from ansible_collections.podnet.cni.plugins.module_utils._cni import journal, lock, objects
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api

_LABELS = {"app.kubernetes.io/managed-by": "podnet.cni"}
_LEASES = "coordination.k8s.io/v1"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the journal and its lock are kept."""

    namespace: str
    name: str


@dataclasses.dataclass(frozen=True)
class LockRules:
    """Who asks for the lock, for how many silent seconds it lasts, whether to take it from a living holder, and how to see who lives."""

    me: str
    duration: int
    break_lock: bool
    alive: t.Callable[[str], t.Optional[bool]]
    now: t.Callable[[], float] = time.time


@dataclasses.dataclass(frozen=True)
class Seen:
    """The journal before and after, and the lock and what it is to the run that asks."""

    before: journal.Journal
    after: journal.Journal
    lease: t.Optional[lock.Lease]
    state: str
    changed: bool = False
    #: Whom the lock was taken from, and why that was right.
    taken_over: str = ""


class Ledger:
    """The journal of the cluster behind a client of `client.get_client`. With ``dry_run`` the API server is only asked what it thinks."""

    def __init__(self, client: t.Any, place: Place, rules: LockRules, dry_run: bool = False) -> None:
        self._api = Api(client)
        self._place = place
        self._rules = rules
        self._dry_run = dry_run

    def read(self) -> Seen:
        noted, lease = journal.from_data(_data(self._config_map())), _lease(self._raw_lease())
        return Seen(noted, noted, lease, self._judge(lease))

    def note(self, entry: journal.Entry) -> Seen:
        """Writes the entry, unless the lock is somebody else's; a lock that is ours is renewed."""
        with _conflict_means_again():
            lease, state = self._renewed()
            raw = self._config_map()
            before = journal.from_data(_data(raw))
            after = journal.noted(before, entry)
            if after != before:
                self._put(raw, self._definition("v1", "ConfigMap", {"data": journal.to_data(after)}))
            return Seen(before, after, lease, state, after != before)

    def take_lock(self) -> Seen:
        """Takes or renews the lock; ClusterError when another run has it."""
        with _conflict_means_again():
            raw, noted = self._raw_lease(), journal.from_data(_data(self._config_map()))
            lease, at = _lease(raw), self._rules.now()
            state = self._judge(lease)
            if lease is not None and state == lock.HELD and not self._rules.break_lock:
                raise lock.refusal(lease, at, noted.current.name if noted.current else "")
            new = lock.taken(self._rules.me, at, self._rules.duration)
            if lease is not None and state == lock.OURS:
                new = dataclasses.replace(new, since=lease.since)
            self._put_lease(raw, new)
            return Seen(noted, noted, new, lock.OURS, state != lock.OURS, lock.taken_over(lease, state))

    def release_lock(self) -> Seen:
        """Removes the lock if it is ours, else leaves it."""
        with _conflict_means_again():
            raw, noted = self._raw_lease(), journal.from_data(_data(self._config_map()))
            lease = _lease(raw)
            state = self._judge(lease)
            if raw is None or state != lock.OURS:
                return Seen(noted, noted, lease, state)
            if not self._dry_run:
                self._delete(raw)
            return Seen(noted, noted, None, lock.FREE, True)

    def _delete(self, raw: objects.Raw) -> None:
        target = objects.reference(raw, _LEASES, "Lease")
        metadata = objects.metadata(raw)
        if not self._api.delete(target, metadata["uid"], metadata["resourceVersion"]):
            raise kube_client.ConflictError("it was written or deleted meanwhile", f"Lease {target.namespace}/{target.name}")

    def _renewed(self) -> t.Tuple[t.Optional[lock.Lease], str]:
        """The lock, which must not be another's. One that was never taken is none of this entry's business."""
        raw = self._raw_lease()
        lease = _lease(raw)
        state = self._judge(lease)
        if lease is None or state == lock.FREE:
            return lease, state
        if state != lock.OURS:
            raise lock.lost(lease)
        new = dataclasses.replace(lease, renewed=self._rules.now())
        self._put_lease(raw, new)
        return new, state

    def _judge(self, lease: t.Optional[lock.Lease]) -> str:
        alive = self._rules.alive(lease.holder) if lease else None
        return lock.judge(lease, self._rules.me, self._rules.now(), alive)

    def _put_lease(self, raw: t.Optional[objects.Raw], new: lock.Lease) -> None:
        spec = {
            "holderIdentity": new.holder,
            "acquireTime": _moments.fine_text(new.since),
            "renewTime": _moments.fine_text(new.renewed),
            "leaseDurationSeconds": new.duration,
        }
        self._put(raw, self._definition(_LEASES, "Lease", {"spec": spec}))

    def _put(self, before: t.Optional[objects.Raw], definition: objects.Raw) -> None:
        if before is None:
            self._api.create(definition, self._dry_run)
        else:
            # The metadata as it was read: its resourceVersion makes the server refuse when it is no longer the newest.
            self._api.replace({**definition, "metadata": before["metadata"]}, self._dry_run)

    def _definition(self, api_version: str, kind: str, content: objects.Raw) -> objects.Raw:
        metadata = {"namespace": self._place.namespace, "name": self._place.name, "labels": _LABELS}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}

    def _config_map(self) -> t.Optional[objects.Raw]:
        return self._api.item(f"/api/v1/namespaces/{self._place.namespace}/configmaps/{self._place.name}")

    def _raw_lease(self) -> t.Optional[objects.Raw]:
        return self._api.item(f"/apis/{_LEASES}/namespaces/{self._place.namespace}/leases/{self._place.name}")


def _data(raw: t.Optional[objects.Raw]) -> t.Mapping[str, str]:
    return (raw or {}).get("data") or {}


def _lease(raw: t.Optional[objects.Raw]) -> t.Optional[lock.Lease]:
    """The Lease; one without a holder is none. Times that nobody can read are long ago."""
    spec = (raw or {}).get("spec") or {}
    holder = spec.get("holderIdentity") or ""
    since, renewed = (_moments.parse(spec.get(key) or "") or 0.0 for key in ("acquireTime", "renewTime"))
    return lock.Lease(holder, since, renewed, int(spec.get("leaseDurationSeconds") or 0)) if holder else None


@contextlib.contextmanager
def _conflict_means_again() -> t.Iterator[None]:
    """Whoever waits asks again after an UnavailableError, and that is what is to be done here."""
    try:
        yield
    except kube_client.ConflictError as error:
        raise _errors.UnavailableError(
            "somebody else writes to it all the time", error.where, "Find out who, and run this again."
        ) from error
