# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who uses something of which there is one in a cluster, and whether they still do.

As leader election does it: the holder writes the time into a Lease again and again. Whoever waits takes it for dead when it has not
changed for as long as it lasts by the waiting one's own clock, so clocks need not agree. A killed holder is found out in `LASTS` seconds,
and in `SHORT` on its own machine, where it is seen that the run is gone: a worker may outlive it, and go on for a while.
It is for what takes a minute; a change of CNI has a lock that outlives its processes (`_cni.lock`).
Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _moments
from ansible_collections.podnet.cni.plugins.module_utils._cni import lock, objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import namespaces
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Clock, Deadline

API_VERSION = "coordination.k8s.io/v1"
NAME = "podnet"
#: Seconds that a holder is believed to be alive without a word, those where its run is seen to be gone, and between two words.
LASTS, SHORT, RENEWED = 10, 5, 2


@dataclasses.dataclass(frozen=True)
class Holder:
    """Who asks, by a name that is in the Lease, and how to see of such a name whether who has it lives: None where nobody can see it."""

    me: str
    alive: t.Callable[[str], t.Optional[bool]]


class Lease:
    """The Lease of a namespace, renewed in the background from `begin` to `end`, or to the death of this process."""

    def __init__(self, api: Api, namespace: str, me: str, every: float = RENEWED) -> None:
        self._api = api
        self._me = me
        self._target = ObjectRef(API_VERSION, "Lease", NAME, namespace)
        self._every = every
        self._ended = threading.Event()
        self._renewing = threading.Thread(target=self._renew, daemon=True, name=f"lease of {namespace}")

    def begin(self) -> None:
        """Creates it. Raises ClusterError."""
        metadata = {"name": self._target.name, "namespace": self._target.namespace}
        spec = {"holderIdentity": self._me, "leaseDurationSeconds": LASTS, **_now("acquireTime")}
        self._api.create({"apiVersion": API_VERSION, "kind": "Lease", "metadata": metadata, "spec": {**spec, **_now("renewTime")}})
        self._renewing.start()

    def end(self) -> None:
        """Stops renewing; the Lease goes with its namespace."""
        self._ended.set()
        if self._renewing.is_alive():
            self._renewing.join()

    def _renew(self) -> None:
        while not self._ended.wait(self._every):
            # The next one may get through; others wait for several that are missing.
            with contextlib.suppress(_errors.ClusterError):
                if not self._api.patch(self._target, {"spec": _now("renewTime")}):
                    return


def await_silence(
    api: Api,
    holder: Holder,
    held: t.Callable[[], t.Sequence[objects.Raw]],
    deadline: Deadline,
    clock: t.Optional[Clock] = None,
) -> t.Tuple[objects.Raw, ...]:
    """Waits until of none of the namespaces that ``held`` finds anything was heard for `LASTS` seconds; returns those that are left.

    One that is on its way out holds nothing. Raises ClusterError at the deadline.
    """
    clock = clock or Clock()
    heard: t.Dict[str, t.Tuple[str, float]] = {}

    def _is_alive(namespace: objects.Raw) -> bool:
        meta = objects.metadata(namespace)
        spec = _spec(api, meta["name"])
        word = str(spec.get("renewTime"))
        if heard.get(meta["uid"], ("", 0.0))[0] != word:
            heard[meta["uid"]] = (word, clock.now())
        gone = holder.alive(spec.get("holderIdentity") or "") is False
        return clock.now() - heard[meta["uid"]][1] < (SHORT if gone else LASTS)

    def _look() -> t.Tuple[t.List[objects.Raw], t.List[objects.Raw]]:
        found = held()
        return [one for one in found if not namespaces.is_going(one) and _is_alive(one)], list(found)

    alive, found = deadline.poll(_look, lambda seen: not seen[0])
    if alive:
        name = objects.metadata(alive[0])["name"]
        who = lock.who(_spec(api, name).get("holderIdentity") or "it does not say whose")
        raise _errors.ClusterError(
            f"another measurement has gone on for {deadline.seconds:.0f} s: {who}",
            f"namespace {name}",
            "Run this again when it has ended.",
        )
    return tuple(found)


def _spec(api: Api, namespace: str) -> objects.Raw:
    found = api.item(f"/apis/{API_VERSION}/namespaces/{namespace}/leases/{NAME}")
    spec: objects.Raw = (found or {}).get("spec") or {}
    return spec


def _now(field: str) -> t.Dict[str, str]:
    return {field: _moments.fine_text(time.time())}
