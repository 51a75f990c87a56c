#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_journal
short_description: Keep the journal of a change of CNI, and its lock
version_added: 0.1.0
description:
  - Writes down what a change of CNI is about to do and has done, in a ConfigMap of the cluster and if wanted in a file on the control
    machine, so that a run that was stopped anywhere can be gone on with, and people see how far it came.
  - Holds a lock, so that two runs never change one cluster at once. It is a Lease of the same name, which names the run - user, host
    and the process of C(ansible-playbook).
  - Each entry is one read and one write, which the API server refuses when somebody else wrote in between; then it is tried again.
    While the lock is another run's, nothing is written.
  - The steps get 256 KiB of the 1 MiB that a ConfigMap may hold. Beyond that, the oldest ended ones lose their details, then their
    nodes, and at last become one entry C(earlier steps). The file keeps everything.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server is asked in a dry run. The file is not written.
  diff_mode:
    support: full
  idempotent:
    support: partial
    details: That a step started is a new fact each time. Everything else changes nothing the second time.
options:
  state:
    description:
      - What to do.
      - V(read) returns journal and lock.
      - V(begun) begins a new journal. Where one is unfinished, that one goes on - it keeps what it says, O(data), O(settings) and
        O(backups) only add what it lacks, and its open steps become C(interrupted).
      - V(noted) keeps O(data), O(settings) and O(backups).
      - V(step_started), V(step_finished) and V(step_failed) note a step, and keep these too. The end of a step belongs to the newest
        open one of its name and O(nodes).
      - V(ended) notes the end, also that of steps under way. The phase becomes V(done), and the journal history.
      - V(locked) takes the lock, or renews it if it is this run's. It fails when another run has it.
      - V(unlocked) gives the lock back. One that is not this run's is left alone.
    type: str
    choices: [read, begun, noted, step_started, step_finished, step_failed, ended, locked, unlocked]
    default: read
  step:
    description: The step's name.
    type: str
  nodes:
    description:
      - The nodes the step concerns; empty when it concerns none alone.
      - At the end of a step, empty stands for whatever nodes it was started with.
    type: list
    elements: str
    default: []
  alone:
    description: Whether the start of a step is the end of all that were under way before. Saves an entry where one follows the other.
    type: bool
    default: false
  detail:
    description: A few words about the step. What is longer than 2000 characters is cut.
    type: str
    default: ""
  data:
    description:
      - Keys of the ConfigMap to set, such as C(strategy), C(source), C(network) and C(phase). Values are text.
    type: dict
    default: {}
  settings:
    description:
      - What was changed for the time of the migration and is to be put back. It is merged into what is noted already, mapping by
        mapping.
    type: dict
    default: {}
  backups:
    description:
      - Whole objects, as text under names that end in C(.yaml). They may hold secrets, so nothing returns them unless O(with_backups)
        is set, and the file tells only their length.
    type: dict
    default: {}
  backup_objects:
    description:
      - Objects to read and keep as a backup, under names that end in C(.yaml), as lists of references with C(api_version), C(kind),
        C(name) and C(namespace). What only the server writes is left out. An object that is not there is left out too.
    type: dict
    default: {}
  with_backups:
    description: Returns backups, too, in RV(journal.data). Then the task should say C(no_log).
    type: bool
    default: false
  file:
    description:
      - A file on the control machine that gets a line of JSON for each entry, before the API server is asked. So an entry that could
        not be written to the cluster leaves a trace.
      - Only its owner can read it. Its directory is made.
    type: path
  lock_duration:
    description:
      - Seconds of silence after which a run on another machine may take the lock. Each entry is a sign of life, and so is V(locked).
        A step that may last longer than this needs one in between.
      - On the machine of the holder the lock of a process that is gone is taken at once.
      - The clocks of the machines are compared, so it should be far more than they differ by.
    type: int
    default: 900
  break_lock:
    description: Whether V(locked) takes the lock also from a run that may live. That run's next entry is refused.
    type: bool
    default: false
  holder:
    description:
      - Names the run, instead of the process of C(ansible-playbook) that the module finds among its parents. Only needed where there
        is none, as when the control machine delegates to another one.
      - Then only O(lock_duration) tells whether the holder lives.
    type: str
  patience:
    description: Seconds for which an API server that does not answer is asked again.
    type: int
    default: 120
  name:
    description: The name of the ConfigMap and of the Lease.
    type: str
    default: podnet-cni-migration
  namespace:
    description: Their namespace.
    type: str
    default: kube-system
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.cni_preflight
  - module: podnet.cni.migration_report
"""

EXAMPLES = r"""
- name: Let nobody else change the cluster's CNI
  podnet.cni.migration_journal:
    state: locked

- name: Begin the journal, or go on with the one of a run that was stopped
  podnet.cni.migration_journal:
    state: begun
    data:
      strategy: side_by_side
      source: flannel
      network: 10.244.0.0/16
    file: ~/.local/state/podnet.cni/journal.jsonl
  register: result

- name: Note that a step begins
  podnet.cni.migration_journal:
    state: step_started
    step: calico-node
    nodes: [n2]
    data:
      phase: canary

- name: Note that it is done
  podnet.cni.migration_journal:
    state: step_finished
    step: calico-node

- name: Give the lock back
  podnet.cni.migration_journal:
    state: unlocked
"""

RETURN = r"""
journal:
  description: The journal as it is now, or in check mode would be.
  returned: success
  type: dict
  contains:
    strategy:
      description: The way to make the change. Empty when there is no journal.
      type: str
    source:
      description: The CNI the cluster had.
      type: str
    phase:
      description: How far the change is; V(done) at the end.
      type: str
    unfinished:
      description: Whether a change was begun and not ended.
      type: bool
    started:
      description: When it was begun, in seconds since the epoch.
      type: float
    finished:
      description: When it ended, or V(null).
      type: float
    data:
      description: All keys of the ConfigMap but steps, settings and backups.
      type: dict
    settings:
      description: What was changed for the time of the migration.
      type: dict
    steps:
      description:
        - The steps in the order they were started. Times are seconds since the epoch.
        - A step is C(started), C(finished), C(failed), or C(interrupted) when its run was killed in it.
      type: list
      elements: dict
    current_step:
      description: The step under way that was started last, or V(null).
      type: dict
    lock:
      description:
        - The lock - its holder, since when, when that last gave a sign of life, and for how many seconds of silence it lasts.
        - Its C(state) is V(free), V(ours), V(held) by another run, V(dead) when that run's process is gone, or V(expired).
      type: dict
  sample:
    strategy: side_by_side
    source: flannel
    phase: canary
    unfinished: true
    started: 1795521600.0
    finished: null
    data: {strategy: side_by_side, source: flannel, network: 10.244.0.0/16, phase: canary, started: "2026-11-24T12:00:00Z"}
    settings: {}
    steps:
      - {name: calico-node, state: started, started: 1795521660.25, finished: null, nodes: [n2], detail: ""}
    current_step: {name: calico-node, state: started, started: 1795521660.25, finished: null, nodes: [n2], detail: ""}
    lock:
      state: ours
      holder: ops@control1 pid 4711 started 883214 in 0f3a9c1d22be
      since: 1795521600.0
      renewed: 1795521660.25
      duration: 900
taken_over:
  description: Whose lock was taken, and why; else empty.
  returned: success
  type: str
  sample: "ops@control1 (process 4711): its process is gone"
summary:
  description: The journal in a line, and a line for each step.
  returned: success
  type: list
  elements: str
  sample:
    - side_by_side from flannel, phase canary, begun 2026-11-24T12:00:00Z
    - started     12:01:00 calico-node on n2
"""

import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import journal, lock
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._control import run, trace
from ansible_collections.podnet.cni.plugins.module_utils._kube import backup, client
from ansible_collections.podnet.cni.plugins.module_utils._kube.journal import Ledger, LockRules, Place, Seen
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_READ = "read"
_LOCKED = "locked"
_UNLOCKED = "unlocked"
_OPTIONS = {
    "state": {"type": "str", "choices": [_READ, *journal.EVENTS, _LOCKED, _UNLOCKED], "default": _READ},
    "step": {"type": "str"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "detail": {"type": "str", "default": ""},
    "data": {"type": "dict", "default": {}},
    "settings": {"type": "dict", "default": {}},
    "backups": {"type": "dict", "default": {}, "no_log": True},
    "backup_objects": {"type": "dict", "default": {}},
    "alone": {"type": "bool", "default": False},
    "with_backups": {"type": "bool", "default": False},
    "file": {"type": "path"},
    "lock_duration": {"type": "int", "default": 900},
    "break_lock": {"type": "bool", "default": False},
    "holder": {"type": "str"},
    "patience": {"type": "int", "default": 120},
    "name": {"type": "str", "default": "podnet-cni-migration"},
    "namespace": {"type": "str", "default": "kube-system"},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    rules = _rules(params)
    note = _note(params)
    file = params["file"] if params["state"] != _READ and not call.check_mode else None
    if file:
        trace.append(file, journal.line(note, rules.me))
    try:
        seen = _do(call, note, rules, Deadline(params["patience"]))
    except _errors.PodnetError as error:
        if file:
            trace.append(file, journal.failure_line(time.time(), str(error), rules.me))
        raise
    return {
        "changed": seen.changed,
        "journal": {**journal.describe(seen.after, params["with_backups"]), "lock": lock.describe(seen.lease, seen.state)},
        "taken_over": seen.taken_over,
        "summary": journal.summary(seen.after),
        **({"diff": {"before": _text(seen.before), "after": _text(seen.after)}} if seen.after != seen.before else {}),
    }


def _do(call: _entry.Call, note: journal.Entry, rules: LockRules, deadline: Deadline) -> Seen:
    params = call.params
    # An API server that is away is one to come back: each of these may be done twice.
    api = deadline.poll(lambda: client.get_client(call), lambda _client: True)
    note = dataclasses.replace(note, data={**note.data, **backup.read(api, references(params["backup_objects"]))})
    ledger = Ledger(api, Place(params["namespace"], params["name"]), rules, dry_run=call.check_mode)
    others: t.Mapping[str, t.Callable[[], Seen]] = {
        _READ: ledger.read,
        _LOCKED: ledger.take_lock,
        _UNLOCKED: ledger.release_lock,
    }
    return deadline.poll(others.get(params["state"]) or (lambda: ledger.note(note)), lambda _seen: True)


def _rules(params: t.Mapping[str, t.Any]) -> LockRules:
    own = run.own_run()
    me = params["holder"] or (own.identity if own else "")
    if not me and params["state"] == _LOCKED:
        raise _errors.BadInputError(
            "no ansible-playbook is among the parents of this process, so nobody could see whether this run lives",
            "option holder",
            "Run the task on the control machine (delegate_to: localhost, connection local), or name the run with holder.",
        )
    return LockRules(me, params["lock_duration"], params["break_lock"], run.alive)


def _note(params: t.Mapping[str, t.Any]) -> journal.Entry:
    return journal.Entry(
        params["state"],
        round(time.time(), 3),
        params["step"] or "",
        tuple(params["nodes"]),
        params["detail"],
        journal.kept(params["data"], params["backups"]),
        params["settings"],
        params["alone"],
    )


def references(option: t.Mapping[str, t.Any]) -> t.Dict[str, t.List[ObjectRef]]:
    """What the option ``backup_objects`` names."""
    with _records.in_option("backup_objects", "cni_cluster_info"):
        return {name: [_records.build(ObjectRef, item, {}) for item in items] for name, items in option.items()}


def _text(noted: journal.Journal) -> str:
    return "".join(f"{line}\n" for line in journal.summary(noted))


SPEC = client.spec(_OPTIONS, act, required_if=[("state", event, ["step"]) for event in journal.STEP_EVENTS])


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
