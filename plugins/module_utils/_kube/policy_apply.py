# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out the steps of a set of NetworkPolicies: all of them or none, and none that a verification finds wrong.

How it was is kept in a ConfigMap from before the first change until the verdict, so that a run which is killed in between leaves to the
next one what it has to go back to. Private: may change at any time.
"""

from __future__ import annotations

import base64
import contextlib
import dataclasses
import gzip
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.canaries import MANAGED_BY
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import backup, waiting
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api, path_of
from ansible_collections.podnet.cni.plugins.module_utils._netpol.applying import KIND, MANAGER, SET_LABEL, Key, Step
from ansible_collections.podnet.cni.plugins.module_utils._netpol.validation import API_VERSION

#: Where the record is kept, beside the journal of a migration.
NAMESPACE = "kube-system"
_FIELD = "previous.json.gz"
#: Seconds for which taking back asks an API server that does not answer.
_PATIENCE = 60
_AGAIN = "Run this again: it plans anew with what is there now."

#: How policies were: the whole object, or None where there was none.
State = t.Dict[Key, t.Optional[objects.Raw]]
Verify = t.Callable[[], t.Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Manner:
    """``name``: the set's. ``force``: whether fields of others are taken over. ``patience``: seconds for taking back."""

    name: str
    force: bool = False
    patience: float = _PATIENCE


@dataclasses.dataclass(frozen=True)
class Outcome:
    """``problems``: what the verification found, and why all was taken back (``rolled_back``).

    ``earlier``: how it was before a run that was ended ahead of its verdict; rolling back went there. ``done``: the steps that stand.
    """

    done: t.Tuple[Step, ...] = ()
    rolled_back: bool = False
    problems: t.Tuple[str, ...] = ()
    earlier: t.Mapping[Key, t.Optional[objects.Raw]] = dataclasses.field(default_factory=dict)


def transact(
    api: Api, steps: t.Sequence[Step], dry_run: bool, verify: t.Optional[Verify] = None, manner: t.Optional[Manner] = None
) -> Outcome:
    """Carries out the steps in their order; in a dry run only asks the server about each.

    ``verify`` tells what is wrong afterwards, or raises. Is there anything, all is taken back in the reverse order: to how it was before,
    or before an earlier run of the set that was ended ahead of its verdict. It is asked where there are steps or such a run.
    Raises ClusterError: the server refuses a step, ahead of the first change; or a step fails, and those before it were taken back.
    """
    how = manner or Manner("default")
    record = _Record(api, how.name)
    earlier = _earlier(record, verify is not None)
    for step in steps:
        _carry_out(api, step, how.force, dry_run=True)
    if dry_run:
        return Outcome(tuple(steps), earlier=earlier)
    before: State = {**{step.key: step.before for step in steps}, **earlier}
    if verify is not None and before:
        record.write(before)
    _all_or_none(api, steps, how, record, earlier)
    problems = _verdict(api, verify, before, how, record) if verify is not None and before else ()
    record.remove()
    return Outcome(() if problems else tuple(steps), bool(problems), problems, earlier)


def _earlier(record: _Record, needed: bool) -> State:
    """How it was before an earlier run without a verdict. Who needs no record and may not look for one has never made one."""
    try:
        return record.read()
    except kube_client.RefusedError:
        if needed:
            raise
        return {}


def previous(steps: t.Iterable[Step], earlier: t.Mapping[Key, t.Optional[objects.Raw]]) -> t.List[t.Dict[str, t.Any]]:
    """The policies that are changed as they were, or before an earlier run without a verdict, in a form that can be applied again."""
    state = {**{step.key: step.before for step in steps}, **earlier}
    return [applicable(raw) for raw in state.values() if raw is not None]


def applicable(raw: objects.Raw) -> t.Dict[str, t.Any]:
    """The policy without what only the server writes."""
    return backup.applicable(objects.reference(raw, API_VERSION, KIND), raw)


# --- Steps ---


def _carry_out(api: Api, step: Step, force: bool, dry_run: bool = False) -> None:
    with _explained(step):
        if step.wanted is None:
            _delete(api, t.cast("objects.Raw", step.before), dry_run)
        else:
            _apply(api, _versioned(step.wanted, step.before), force, dry_run)


def _apply(api: Api, wanted: objects.Raw, force: bool, dry_run: bool) -> None:
    """What is in conflict with nobody but a run of ours, which was ended while it took something back, is no conflict."""
    try:
        api.apply(wanted, MANAGER, force, dry_run)
    except kube_client.FieldConflictError as error:
        if any(manager != MANAGER for manager, _ in error.owned):
            raise
        api.apply(wanted, MANAGER, True, dry_run)


def _versioned(wanted: objects.Raw, before: t.Optional[objects.Raw]) -> objects.Raw:
    """What is applied, for nothing but the object that was planned with."""
    if before is None:
        return wanted
    version = {"resourceVersion": objects.metadata(before)["resourceVersion"]}
    return {**wanted, "metadata": {**objects.metadata(wanted), **version}}


def _delete(api: Api, before: objects.Raw, dry_run: bool) -> None:
    """One that is gone already is as good as deleted."""
    reference = objects.reference(before, API_VERSION, KIND)
    metadata = objects.metadata(before)
    deleted = api.delete(reference, metadata["uid"], metadata["resourceVersion"], dry_run)
    if not deleted and api.item(path_of(reference)) is not None:
        raise kube_client.ConflictError("it was changed in the meantime", f"{KIND} {reference.namespace}/{reference.name}")


@contextlib.contextmanager
def _explained(step: Step) -> t.Iterator[None]:
    where = f"{KIND} {'/'.join(step.key)}"
    try:
        yield
    except kube_client.FieldConflictError as error:
        owners: t.Dict[str, t.List[str]] = {}
        for manager, field in error.owned:
            owners.setdefault(manager, []).append(field.lstrip("."))
        told = "; ".join(f"{manager} owns {', '.join(fields)}" for manager, fields in owners.items())
        advice = "Set force_conflicts to take them over, or let only one of both have them."
        raise _errors.ClusterError(f"others set these fields to another value: {told}", where, advice) from error
    except kube_client.ConflictError as error:
        raise _errors.ClusterError("it was changed while this was planned", where, _AGAIN) from error


def _all_or_none(api: Api, steps: t.Sequence[Step], how: Manner, record: _Record, earlier: State) -> None:
    done: t.List[Step] = []
    try:
        for step in steps:
            done.append(step)
            _carry_out(api, step, how.force)
    except _errors.ClusterError as error:
        failed = done.pop()
        # A server that did not answer may have done it.
        touched = [*done, failed] if isinstance(error, _errors.UnavailableError) else done
        _take_back(api, {one.key: one.before for one in touched}, how, f"{failed} failed: {error}")
        record.restore(earlier)
        told = f"{len(done)} of {len(steps)} steps were done before and have been taken back" if done else "nothing was changed"
        raise _errors.ClusterError(f"{failed} failed, {told}: {error.what}", error.where, error.next_step) from error


# --- Verdict ---


def _verdict(api: Api, verify: Verify, before: State, how: Manner, record: _Record) -> t.Tuple[str, ...]:
    """What is wrong; all is as it was before then."""
    try:
        problems = tuple(verify())
    except _errors.PodnetError as error:
        _take_back(api, before, how, f"the verification failed: {error}")
        record.remove()
        raise _errors.ClusterError(
            f"the verification could not be made, and all was taken back: {error.what}", error.where, error.next_step
        ) from error
    if problems:
        _take_back(api, before, how, f"the verification found {'; '.join(problems)}")
    return problems


# --- Taking back ---


def _take_back(api: Api, state: State, how: Manner, reason: str) -> None:
    """Puts policies back in the reverse order. What cannot be put back does not keep the others from it."""
    deadline = waiting.Deadline(how.patience)
    tried = [_problem(api, deadline, key, before) for key, before in reversed(list(state.items()))]
    left = [problem for problem in tried if problem]
    if left:
        names = f"{len(left)} of {len(state)} policies could not be put back: {', '.join(left)}"
        advice = f"Run this again, which goes on from ConfigMap {NAMESPACE}/{_record_name(how.name)} if there is one, or put them back."
        raise _errors.ClusterError(f"{reason} Taking back failed as well: {names}", f"set {how.name}", advice)


def _problem(api: Api, deadline: waiting.Deadline, key: Key, before: t.Optional[objects.Raw]) -> str:
    """Why the policy could not be put back; empty when it was."""
    try:
        deadline.poll(lambda: _restore(api, key, before), lambda _: True)
    except _errors.ClusterError as error:
        return f"{'/'.join(key)} ({error})"
    return ""


def _restore(api: Api, key: Key, before: t.Optional[objects.Raw]) -> None:
    """Makes the policy what it was, with its owners; whoever wrote to it in between is asked again."""
    reference = ObjectRef(API_VERSION, KIND, key[1], key[0])
    now = api.item(path_of(reference))
    try:
        if before is None:
            if now is not None:
                api.delete(reference, objects.metadata(now)["uid"])
        elif now is None:
            _give_owners(api, api.create(applicable(before), manager=MANAGER), before)
        elif applicable(now) != applicable(before):
            _give_owners(api, api.replace({**_whole(before), "metadata": _with_version(before, now)}, manager=MANAGER), before)
        elif objects.metadata(now).get("managedFields") != objects.metadata(before).get("managedFields"):
            _give_owners(api, _whole(now), before)
    except kube_client.ConflictError as error:
        raise _errors.UnavailableError("somebody else writes to it all the time", error.where, _AGAIN) from error


def _whole(raw: objects.Raw) -> t.Dict[str, t.Any]:
    return {**raw, "apiVersion": API_VERSION, "kind": KIND}


def _with_version(raw: objects.Raw, now: objects.Raw) -> t.Dict[str, t.Any]:
    metadata = objects.metadata(now)
    return {**objects.metadata(raw), "uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]}


def _give_owners(api: Api, now: objects.Raw, before: objects.Raw) -> None:
    """The server takes whoever wrote last for the owner of what it changed; an apply by those who had it before would be a conflict."""
    owners = objects.metadata(before).get("managedFields")
    if owners:
        api.replace({**now, "metadata": {**objects.metadata(now), "managedFields": owners}}, manager=MANAGER)


# --- The record ---


def _record_name(name: str) -> str:
    return f"podnet-policies.{name}"


class _Record:
    """How policies of a set were before a change whose verdict is still to come: a ConfigMap, of which the server tells when it is new."""

    def __init__(self, api: Api, name: str) -> None:
        self._api = api
        self._name = name
        self._reference = ObjectRef("v1", "ConfigMap", _record_name(name), NAMESPACE)
        self._kept: t.Optional[objects.Raw] = None

    def read(self) -> State:
        """What an earlier run left there; empty where there is none."""
        self._kept = self._api.item(path_of(self._reference))
        if self._kept is None:
            return {}
        try:
            data = json.loads(gzip.decompress(base64.b64decode(self._kept["binaryData"][_FIELD])))
            return {(one["namespace"], one["name"]): one["before"] for one in data}
        except (KeyError, TypeError, ValueError, OSError, EOFError) as error:
            raise _errors.ClusterError(
                f"it is no record of how policies were: {error}",
                f"ConfigMap {NAMESPACE}/{self._reference.name}",
                "Look at what it is, and delete it if nobody needs it.",
            ) from error

    def write(self, state: State) -> None:
        listed = [{"namespace": namespace, "name": name, "before": before} for (namespace, name), before in state.items()]
        text = json.dumps(listed, sort_keys=True).encode()
        definition = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "namespace": NAMESPACE,
                "name": self._reference.name,
                "labels": {MANAGED_BY: MANAGER, SET_LABEL: self._name},
            },
            "binaryData": {_FIELD: base64.b64encode(gzip.compress(text, mtime=0)).decode()},
        }
        try:
            if self._kept is None:
                self._kept = self._api.create(definition)
            else:
                self._kept = self._api.replace({**definition, "metadata": self._kept["metadata"]})
        except kube_client.ConflictError as error:
            raise _errors.ClusterError(
                "another run changes this set of policies right now", f"ConfigMap {NAMESPACE}/{self._reference.name}", "Wait for its end."
            ) from error

    def restore(self, earlier: State) -> None:
        """Leaves it as `read` found it."""
        if not earlier:
            self.remove()
        elif self._kept is not None:
            self.write(earlier)

    def remove(self) -> None:
        if self._kept is not None:
            self._api.delete(self._reference, objects.metadata(self._kept)["uid"])
            self._kept = None
