# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal and its lock in an API server that keeps what it is told. The module's own test has the whole way."""

from __future__ import annotations

import dataclasses
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import journal, lock
from ansible_collections.podnet.cni.plugins.module_utils._kube.journal import Ledger, LockRules, Place

NAME = "podnet-cni-migration"
CONFIG_MAP = f"/api/v1/namespaces/kube-system/configmaps/{NAME}"
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/{NAME}"
BEGUN = journal.Entry(journal.BEGUN, 1000.0, data={"strategy": "side_by_side", "source": "flannel"})

Make = t.Callable[..., Ledger]


@pytest.fixture(name="ledger")
def _ledger(object_store: t.Any, connect: t.Callable[..., t.Any]) -> Make:
    """The journal as the run ``me`` sees it at a time."""

    def make(me: str = "me", at: float = 1000.0, dry_run: bool = False, **rules: t.Any) -> Ledger:
        known = {"duration": 900, "break_lock": False, "alive": lambda _identity: None, "now": lambda: at, **rules}
        client = connect(host=object_store.url, api_key="secret")
        return Ledger(client, Place("kube-system", NAME), LockRules(me, **known), dry_run)

    return make


def test_the_first_entry_makes_the_config_map(ledger: Make, object_store: t.Any) -> None:
    seen = ledger().note(BEGUN)
    assert (seen.changed, seen.state, seen.before.data) == (True, lock.FREE, {})
    kept = object_store.objects[CONFIG_MAP]
    assert kept["data"]["phase"] == "prepared"
    assert kept["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "podnet.cni"}
    assert ledger().read().after == seen.after


def test_an_entry_is_one_read_and_one_write(ledger: Make, object_store: t.Any) -> None:
    ledger().note(BEGUN)
    keeper = ledger()
    object_store.log.clear()
    keeper.note(journal.Entry(journal.STEP_STARTED, 1001.0, "canary"))
    assert [one for one in object_store.log if one[1] == CONFIG_MAP] == [("GET", CONFIG_MAP), ("PUT", CONFIG_MAP)]
    object_store.log.clear()
    assert keeper.note(journal.Entry(journal.NOTED, 1002.0, data={"phase": "prepared"})).changed is False
    assert object_store.writes == []


def test_what_somebody_else_keeps_in_the_config_map_stays(ledger: Make, object_store: t.Any) -> None:
    old = {"metadata": {"name": NAME, "namespace": "kube-system", "annotations": {"mine": "1"}}, "data": {"source": "flannel", "note": "x"}}
    object_store.put(CONFIG_MAP, {"apiVersion": "v1", "kind": "ConfigMap", **old})
    ledger().note(BEGUN)
    kept = object_store.objects[CONFIG_MAP]
    assert kept["metadata"]["annotations"] == {"mine": "1"}
    assert kept["data"] == {"source": "flannel", "note": "x", "strategy": "side_by_side"}


def test_a_dry_run_keeps_nothing(ledger: Make, object_store: t.Any) -> None:
    seen = ledger(dry_run=True).note(BEGUN)
    assert (seen.changed, seen.after.phase) == (True, "prepared")
    assert ledger(dry_run=True).take_lock().changed is True
    assert object_store.objects == {}
    ledger().take_lock()
    assert ledger(dry_run=True).release_lock().changed is True
    assert list(object_store.objects) == [LEASE]


def test_a_write_of_somebody_else_in_between_is_no_loss(ledger: Make, object_store: t.Any) -> None:
    ledger().note(BEGUN)
    keeper = ledger()

    def interfere(method: str, path: str) -> int:
        if method == "PUT" and path == CONFIG_MAP:
            object_store.before = lambda _method, _path: 0
            item = object_store.objects[CONFIG_MAP]
            object_store.put(CONFIG_MAP, {**item, "data": {**item["data"], "theirs": "1"}})
        return 0

    object_store.before = interfere
    entry = journal.Entry(journal.NOTED, 1001.0, data={"ours": "1"})
    with pytest.raises(_errors.UnavailableError, match="somebody else writes"):
        keeper.note(entry)
    assert keeper.note(entry).after.data["theirs"] == "1"
    assert object_store.objects[CONFIG_MAP]["data"]["ours"] == "1"


def test_taking_renewing_and_giving_back(ledger: Make, object_store: t.Any) -> None:
    first = ledger(at=1000.25).take_lock()
    assert (first.changed, first.state, first.taken_over) == (True, lock.OURS, "")
    assert object_store.objects[LEASE]["spec"] == {
        "holderIdentity": "me",
        "acquireTime": "1970-01-01T00:16:40.250000Z",
        "renewTime": "1970-01-01T00:16:40.250000Z",
        "leaseDurationSeconds": 900,
    }
    again = ledger(at=1500.0).take_lock()
    assert again.changed is False
    assert again.lease == lock.Lease("me", 1000.25, 1500.0, 900)
    given = ledger().release_lock()
    assert (given.changed, given.state) == (True, lock.FREE)
    assert LEASE not in object_store.objects
    assert ledger().release_lock().changed is False


def test_each_entry_is_a_sign_of_life(ledger: Make, object_store: t.Any) -> None:
    ledger().take_lock()
    seen = ledger(at=1700.0).note(BEGUN)
    assert seen.lease == lock.Lease("me", 1000.0, 1700.0, 900)
    assert object_store.objects[LEASE]["spec"]["renewTime"] == "1970-01-01T00:28:20.000000Z"


def test_a_second_run_is_refused_and_told_the_step(ledger: Make, object_store: t.Any) -> None:
    ledger("first").take_lock()
    ledger("first").note(BEGUN)
    ledger("first").note(journal.Entry(journal.STEP_STARTED, 1001.0, "move-pods"))
    second = ledger("second", at=1100.0)
    object_store.log.clear()
    with pytest.raises(_errors.ClusterError, match=r"another run changes this cluster's CNI: first since .*, and is at step move-pods"):
        second.take_lock()
    with pytest.raises(_errors.ClusterError, match="the lock is not this run's, but of first"):
        second.note(journal.Entry(journal.NOTED, 1100.0, data={"x": "y"}))
    assert second.release_lock().changed is False
    assert object_store.writes == []


@pytest.mark.parametrize(
    ("at", "alive", "rules", "why"),
    [
        (1001.0, False, {}, "first: its process is gone"),
        (1901.0, None, {}, "first: it gave no sign of life"),
        (1001.0, True, {"break_lock": True}, "first: break_lock was set"),
    ],
)
def test_a_lock_is_taken_over(ledger: Make, at: float, alive: bool | None, rules: dict[str, t.Any], why: str) -> None:
    ledger("first").take_lock()
    seen = ledger("second", at=at, alive=lambda _identity: alive, **rules).take_lock()
    assert seen.taken_over.startswith(why)
    assert seen.lease == lock.Lease("second", at, at, 900)
    with pytest.raises(_errors.ClusterError, match="the lock is not this run's"):
        ledger("first").note(BEGUN)


@pytest.mark.parametrize("at", [1001.0, 1900.0])
def test_a_lock_of_a_living_run_is_not(ledger: Make, at: float) -> None:
    ledger("first").take_lock()
    with pytest.raises(_errors.ClusterError, match="another run"):
        ledger("second", at=at).take_lock()


def test_of_two_that_take_it_at_once_one_gets_it(ledger: Make, object_store: t.Any) -> None:
    first, second = ledger("first"), ledger("second")

    def faster(method: str, _path: str) -> int:
        if method == "POST":
            object_store.before = lambda _method, _path: 0
            first.take_lock()
        return 0

    object_store.before = faster
    with pytest.raises(_errors.UnavailableError):
        second.take_lock()
    with pytest.raises(_errors.ClusterError, match="another run changes this cluster's CNI: first"):
        second.take_lock()


def test_a_lock_that_is_taken_while_it_is_given_back_stays(ledger: Make, object_store: t.Any) -> None:
    ledger("first").take_lock()
    keeper, breaker = ledger("first"), ledger("second", break_lock=True)

    def faster(method: str, _path: str) -> int:
        if method == "DELETE":
            object_store.before = lambda _method, _path: 0
            breaker.take_lock()
        return 0

    object_store.before = faster
    with pytest.raises(_errors.UnavailableError):
        keeper.release_lock()
    assert keeper.release_lock().changed is False
    assert object_store.objects[LEASE]["spec"]["holderIdentity"] == "second"


def test_a_lease_that_nobody_holds_or_can_read_is_taken(ledger: Make, object_store: t.Any) -> None:
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME, "namespace": "kube-system"}}
    object_store.put(LEASE, {**lease, "spec": {}})
    assert ledger().read().state == lock.FREE
    assert ledger().take_lock().lease == dataclasses.replace(lock.taken("me", 1000.0, 900))
    object_store.put(LEASE, {**lease, "spec": {"holderIdentity": "x", "renewTime": "soon"}})
    assert ledger().read().state == lock.EXPIRED
