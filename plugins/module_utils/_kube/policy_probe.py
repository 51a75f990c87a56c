# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the pods of a measurement into a cluster, lets them ask each other, and takes them out again.

Private: may change at any time.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects as records
from ansible_collections.podnet.cni.plugins.module_utils._cni import unreadiness
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube import execute, lease, namespaces
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, objects, plan
from ansible_collections.podnet.cni.plugins.module_utils._probing.plan import Connection, Stand

#: Requests, and commands in pods, at the same time.
_PARALLEL = 16
#: Seconds until pods that were deleted must be gone, with their namespace; and after which they are deleted without asking their node.
_MOMENT, _GRACE = 60, 20
#: Seconds for one run of a pod's program, beside what the program itself needs.
_MARGIN = 15
#: What a kubelet gives up on, or never will do; it says so again and again.
_HOPELESS = (
    "ErrImagePull",
    "ImagePullBackOff",
    "ErrImageNeverPull",
    "InvalidImageName",
    "CreateContainerConfigError",
    "CreateContainerError",
)

Raw = records.Raw
_Answer = t.TypeVar("_Answer")
_Item = t.TypeVar("_Item")


class Field:
    """The pods that measure, in the cluster behind a client of `client.get_client`."""

    def __init__(self, client: t.Any, settings: objects.Settings, holder: lease.Holder) -> None:
        self._client = client
        self._holder = holder
        self._api = Api(client)
        self._settings = settings
        self._ports: t.Tuple[Port, ...] = ()
        self._seconds = 0.0
        self._own: t.Optional[Raw] = None
        self._lease = lease.Lease(self._api, settings.namespace, holder.me)
        self._container = objects.CONTAINER
        self._made_anew: t.List[str] = []
        self.stands: t.Dict[str, Stand] = {}

    # --- Coming and going ---

    def check(self) -> None:
        """Raises BadInputError where the namespace is somebody else's."""
        namespaces.find(self._api, self._settings.namespace, objects.OWNER)

    def wait(self, patience: Deadline) -> t.Tuple[Raw, ...]:
        """Waits until nobody else measures; returns the namespaces of killed runs. Raises ClusterError where one has not ended by then."""
        return lease.await_silence(self._api, self._holder, self._namespaces, patience)

    def clear(self, patience: Deadline) -> t.Tuple[str, ...]:
        """Removes what killed runs have left, after `wait`; returns what that was, once it is gone."""
        self.check()
        silent = self.wait(patience)
        shadows = self._shadows()
        # Of a run that has just begun both are there by now, or neither.
        begun = {_uid(one) for one in self._namespaces()} - {_uid(one) for one in silent}
        pods = [pod for pod in shadows if not begun & _owners(pod)]
        self._remove(pods, silent)
        return tuple(map(_reference, pods))

    def claim(self, patience: Deadline) -> t.Tuple[str, ...]:
        """Takes the cluster for this run, so that no other one measures meanwhile; as `clear`, which it begins with."""
        removed = self.clear(patience)
        try:
            made = self._api.create(objects.namespace(self._settings))
        except kube_client.ConflictError:
            # Somebody who waited for the same moment was quicker.
            return (*removed, *self.claim(patience))
        self._own = made
        self._lease.begin()
        return removed

    def release(self) -> None:
        """Removes all that this run has made, once it is gone, and lets others measure."""
        if self._own is None:
            return
        self._lease.end()
        self._remove(self._own_shadows(), [self._own])

    def _remove(self, pods: t.Sequence[Raw], owners: t.Sequence[Raw]) -> None:
        # Pods first: while there are any in it, the namespace's own controller looks again only much later.
        self._end(pods)
        deadline = Deadline(_MOMENT)
        for owner in owners:
            self._api.delete(records.reference(owner, "v1", "Namespace"), _uid(owner))
        for owner in owners:
            namespaces.await_removal(self._api, records.metadata(owner)["name"], deadline)

    def _end(self, pods: t.Sequence[Raw]) -> None:
        """Deletes the pods and waits until they are gone."""
        self._delete(pods)
        uids = set(map(_uid, pods))

        def _left() -> t.List[Raw]:
            return [pod for pod in self._shadows() if _uid(pod) in uids]

        if Deadline(_GRACE).poll(_left, lambda seen: not seen):
            # Their node does not end them, for it is down, or busy. Nothing is lost with them.
            self._delete(_left(), grace=0)
        left = Deadline(_MOMENT).poll(_left, lambda seen: not seen)
        if left:
            names = ", ".join(map(_reference, left[:3]))
            raise _errors.ClusterError(f"{names}: still there after {_MOMENT} s", "pods of a probe", "See why they do not end.")

    def place(self, stands: t.Sequence[Stand], ports: t.Sequence[Port], deadline: Deadline) -> None:
        """Makes the shadows, those anew that somebody deletes meanwhile, and waits until all run; `claim` comes first."""
        self._ports = tuple(ports)
        self._seconds = deadline.seconds
        if any(stand.namespace == self._settings.namespace for stand in stands):
            namespaces.await_account(self._api, self._settings.namespace, deadline)
        self._make(stands, deadline)

    def _make(self, stands: t.Sequence[Stand], deadline: Deadline) -> None:
        _each(self._create, stands)
        wanted = {stand.reference: stand for stand in stands}

        def _look() -> t.Dict[str, Raw]:
            pods = {_reference(pod): pod for pod in self._own_shadows() if _reference(pod) in wanted}
            deleted = [stand for name, stand in wanted.items() if name not in pods]
            _each(self._create, deleted)
            self._made_anew += [stand.reference for stand in deleted]
            return pods

        seen = deadline.poll(_look, lambda pods: any(map(_hopeless, pods.values())) or sum(map(_runs, pods.values())) == len(wanted))
        late = [name for name in wanted if name not in seen or not _runs(seen[name])]
        if late:
            raise self._does_not_run(late, seen, deadline)
        for name, pod in seen.items():
            self.stands[name] = dataclasses.replace(wanted[name], addresses=tuple(records.pod(pod).ips))

    def _create(self, stand: Stand) -> None:
        try:
            self._api.create(objects.shadow(stand, self._ports, self._settings, self._owner))
        except kube_client.RefusedError as error:
            advice = (
                "Where a quota or an admission rule refuses it, let the pods themselves ask (clients: ephemeral), or name other namespaces."
            )
            raise _errors.ClusterError(error.what, f"pod {stand.reference} of the probe", advice) from error

    def _does_not_run(self, late: t.Sequence[str], seen: t.Mapping[str, Raw], deadline: Deadline) -> _errors.ClusterError:
        hopeless = [name for name in late if name in seen and _hopeless(seen[name])]
        name = (hopeless or late)[0]
        namespace, _, pod = name.partition("/")
        events: t.Sequence[Raw] = ()
        with contextlib.suppress(kube_client.RefusedError):
            # They may tell more, and not everybody may read them.
            events = self._api.items(f"/api/v1/namespaces/{namespace}/events") or ()
        why = unreadiness.reason(seen[name], unreadiness.warnings_about(pod, events)) if name in seen else "it is gone"
        others = f" (and {len(late) - 1} more)" if len(late) > 1 else ""
        return _errors.ClusterError(
            f"does not run after {deadline.seconds:.0f} s: {why}" if not hopeless else f"cannot run: {why}",
            f"pod {name}{others} of the probe",
            "The option image names what it runs; a node that cannot pull it needs a mirror, or its images loaded.",
        )

    def attach(self, stands: t.Sequence[Stand], name: str, deadline: Deadline) -> None:
        """Adds a container of that name to users' pods and waits until it runs in all of them; a pod that goes meanwhile is left out."""
        self._container = name
        self.stands = {stand.reference: stand for stand in stands}
        change = {"spec": {"ephemeralContainers": [objects.ephemeral(name, self._settings)]}}
        for stand, there in zip(stands, _each(lambda stand: self._attach(stand, change), stands)):
            if not there:
                del self.stands[stand.reference]

        def _look() -> t.List[t.Tuple[Stand, Raw]]:
            found = [(stand, self._pod(stand)) for stand in self.stands.values()]
            for stand, pod in found:
                if not _stays(pod):
                    del self.stands[stand.reference]
            return [(stand, pod) for stand, pod in found if _stays(pod) and not _runs_inside(pod, name)]

        late = deadline.poll(_look, lambda left: not left or any(_waits_hopelessly(_inside(pod, name)) for _, pod in left))
        if late:
            raise self._container_does_not_run(late, deadline)

    def _container_does_not_run(self, late: t.Sequence[t.Tuple[Stand, Raw]], deadline: Deadline) -> _errors.ClusterError:
        told = [(stand, _inside(pod, self._container)) for stand, pod in late]
        hopeless = [one for one in told if _waits_hopelessly(one[1])]
        stand, status = (hopeless or told)[0]
        state = status.get("state") or {}
        what = "cannot run" if hopeless else f"does not run after {deadline.seconds:.0f} s"
        return _errors.ClusterError(
            f"its container {self._container} {what}: {state.get('waiting') or state or 'nothing is told'}",
            f"pod {stand.reference}",
            "The option image names what it runs.",
        )

    def _pod(self, stand: Stand) -> Raw:
        return self._api.item(f"/api/v1/namespaces/{stand.namespace}/pods/{stand.name}") or {}

    def _attach(self, stand: Stand, change: Raw) -> bool:
        reference = ObjectRef("v1", "Pod", stand.name, stand.namespace)
        return self._api.patch_part(reference, "ephemeralcontainers", change)

    def detach(self) -> None:
        """Ends the containers in users' pods. They cannot be removed, and end by themselves if this does not reach them."""
        # Where a pod's containers share their processes, the first one is not ours.
        end = ["bash", "-c", "[[ $(</proc/1/comm) != bash ]] || kill -TERM 1"]
        _each(lambda stand: self._run(stand, end, _MARGIN), list(self.stands.values()))

    def restore(self) -> t.Tuple[str, ...]:
        """Makes those shadows anew that somebody has deleted, or whose node has put them out; returns all that were since the last time."""
        if self._own is None:
            return ()
        there = {_reference(pod): pod for pod in self._own_shadows()}
        going = [pod for pod in there.values() if not _stays(pod)]
        gone = [stand for name, stand in self.stands.items() if not _stays(there.get(name, {}))]
        if gone:
            self._end(going)
            self._made_anew += [stand.reference for stand in gone]
            self._make(gone, Deadline(self._seconds))
        made_anew, self._made_anew = tuple(dict.fromkeys(self._made_anew)), []
        return made_anew

    def _shadows(self) -> t.List[Raw]:
        return self._api.items("/api/v1/pods", label_selector=f"{objects.LABEL}=shadow") or []

    def _own_shadows(self) -> t.List[Raw]:
        return [pod for pod in self._shadows() if self._owner in _owners(pod)]

    def _namespaces(self) -> t.List[Raw]:
        return self._api.items("/api/v1/namespaces", label_selector="=".join(objects.OWNER)) or []

    def _delete(self, pods: t.Sequence[Raw], grace: t.Optional[int] = None) -> None:
        _each(lambda pod: self._api.delete(records.reference(pod, "v1", "Pod"), _uid(pod), grace=grace), pods)

    @property
    def _owner(self) -> str:
        return _uid(self._own) if self._own is not None else ""

    # --- Asking ---

    def ask(self, connections: t.Sequence[Connection]) -> t.Dict[Connection, agent.Reading]:
        """Tries all connections, one command in each source and all sources at once; the readings are in the order of ``connections``."""
        by_source: t.Dict[str, t.List[Connection]] = {}
        for connection in connections:
            by_source.setdefault(connection.source, []).append(connection)
        found = {connection: reading for readings in _each(self._ask_all, list(by_source.values())) for connection, reading in readings}
        return {connection: found[connection] for connection in connections}

    def _ask_all(self, connections: t.List[Connection]) -> t.List[t.Tuple[Connection, agent.Reading]]:
        """All of one source: what is too much for its memory at once comes one command after another."""
        return [answer for batch in _batches(connections, agent.MOST_TARGETS) for answer in self._ask_some(batch)]

    def _ask_some(self, connections: t.List[Connection]) -> t.List[t.Tuple[Connection, agent.Reading]]:
        stand = self.stands[connections[0].source]
        targets = [(one.port.protocol, one.port.number, plan.address(one, self.stands), one.says) for one in connections]
        output = self._run(stand, agent.command(targets), agent.LONGEST + _MARGIN)
        return list(zip(connections, agent.readings(output.text, len(connections), output.problem)))

    def _run(self, stand: Stand, command: t.Sequence[str], seconds: float) -> execute.Output:
        return execute.execute(self._client, stand.namespace, stand.name, command, seconds, container=self._container)


def _each(work: t.Callable[[_Item], _Answer], items: t.Sequence[_Item]) -> t.List[_Answer]:
    """All answers in the order of the items, several at a time."""
    if not items:
        return []
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(_PARALLEL, len(items))) as pool:
        return list(pool.map(work, items))


def _batches(items: t.List[_Item], size: int) -> t.Iterator[t.List[_Item]]:
    return (items[start : start + size] for start in range(0, len(items), size))


# --- What pods say ----------------------------------------------------------------------------------------------------


def _reference(pod: Raw) -> str:
    meta = records.metadata(pod)
    return f"{meta.get('namespace')}/{meta.get('name')}"


def _uid(item: Raw) -> str:
    uid: str = records.metadata(item)["uid"]
    return uid


def _owners(pod: Raw) -> t.Set[str]:
    """The uids of its owners."""
    return {one["uid"] for one in records.metadata(pod).get("ownerReferences") or ()}


def _states(pod: Raw, field: str) -> t.Sequence[Raw]:
    return (pod.get("status") or {}).get(field) or ()


def _runs(pod: Raw) -> bool:
    going = "deletionTimestamp" in records.metadata(pod)
    return (
        not going and bool(records.pod(pod).ips) and any("running" in (one.get("state") or {}) for one in _states(pod, "containerStatuses"))
    )


def _has_ended(pod: Raw) -> bool:
    return (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")


def _stays(pod: Raw) -> bool:
    """Whether it is there, and neither ended nor about to."""
    return bool(pod) and "deletionTimestamp" not in records.metadata(pod) and not _has_ended(pod)


def _inside(pod: Raw, name: str) -> Raw:
    return next((one for one in _states(pod, "ephemeralContainerStatuses") if one.get("name") == name), {})


def _runs_inside(pod: Raw, name: str) -> bool:
    return "running" in (_inside(pod, name).get("state") or {})


def _hopeless(pod: Raw) -> bool:
    failed = (pod.get("status") or {}).get("phase") == "Failed"
    return failed or any(map(_waits_hopelessly, _states(pod, "containerStatuses")))


def _waits_hopelessly(status: Raw) -> bool:
    return ((status.get("state") or {}).get("waiting") or {}).get("reason") in _HOPELESS
