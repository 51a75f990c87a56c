#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_plan
short_description: Write the plan of a migration to Calico, and refuse a cluster that is no longer that of the plan
version_added: 0.1.0
description:
  - Writes two files into O(dest). C(plan.md) is for people who review a change before it is made - the steps in order, what each writes
    and deletes on which node, the images, which pods move and how, which stay, warnings, and an estimate of the time.
    C(plan.json) holds the same for programs, with a hash of what must not change before the run.
  - With O(plan) it compares what was found now with an earlier C(plan.json), and fails when a part of the hash differs. The message
    names the parts and in each what differs. Then nothing is written.
  - The hash covers the versions and ranges of the cluster, the nodes, flannel with its configuration and objects, Calico as far as it is
    there, strategy and O(settings), the manifest, the workloads with pods to move and their ways, and what is removed from each node.
  - What comes and goes by itself is not in it - pods' names, nodes and numbers, Jobs, leases, the address blocks that Calico would get,
    devices and chains of single pods, and neighbours that the kernel learned.
  - Talks to nothing. It takes what the other modules returned in check mode. The same facts give the same files.
  - The files name nodes, addresses, workloads and images of the cluster, and no secrets.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Writes nothing, unless O(write_in_check_mode) is set.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  dest:
    description: The directory to write into. It is made. An earlier plan in it is replaced.
    type: path
  plan:
    description: The C(plan.json) that the cluster has to match.
    type: path
  write_in_check_mode:
    description:
      - Whether to write the files in check mode, too.
      - A plan is made in check mode, because only there the other modules tell what they would do without doing it. The files are on the
        control machine, and nothing of the cluster or a node is changed by them.
    type: bool
    default: false
  strategy:
    description: The way to move.
    type: str
    choices: [side_by_side, cutover]
    default: side_by_side
  settings:
    description:
      - Whatever else steers the run, by name. All of it is in the hash. Numbers and texts that read the same are the same.
      - The plan itself understands C(pause_after), C(pause_before), C(deadline), C(traffic_gates), C(parallel_rollouts), C(parallel),
        C(kubelet_restart), C(probe), C(backup_dir) and C(agnhost_image), named as the variables of the role C(podnet.cni.cni_migration)
        without their prefix.
    type: dict
    default: {}
  cluster:
    description: RV(podnet.cni.cni_cluster_info#module:cluster).
    type: dict
    required: true
  verdict:
    description: All that podnet.cni.cni_preflight returned.
    type: dict
    required: true
  manifest:
    description: All that podnet.cni.cni_manifest returned for Calico.
    type: dict
    required: true
  batches:
    description: What the filter P(podnet.cni.node_batches#filter) made of the nodes.
    type: list
    elements: dict
    default: []
  adoption:
    description: All that podnet.cni.calico_adoption returned.
    type: dict
    default: {}
  rollout:
    description: All that podnet.cni.workload_rollout returned.
    type: dict
    default: {}
  recreation:
    description: All that podnet.cni.pod_recreation returned.
    type: dict
    default: {}
  cleanup:
    description: For each node's name all that podnet.cni.cni_cleanup returned.
    type: dict
    default: {}
  coexistence:
    description: For each node's name all that podnet.cni.cni_coexistence returned.
    type: dict
    default: {}
  link_policy:
    description: For each node's name all that podnet.cni.cni_link_policy returned.
    type: dict
    default: {}
seealso:
  - module: podnet.cni.cni_preflight
  - module: podnet.cni.workload_rollout
  - module: podnet.cni.migration_report
"""

EXAMPLES = r"""
- name: Read the cluster
  podnet.cni.cni_cluster_info:
  register: seen

- name: Ask the preflight
  podnet.cni.cni_preflight:
    cluster: "{{ seen.cluster }}"
    snapshots: {}
    strategy: side_by_side
  register: verdict

- name: Render Calico's manifest
  podnet.cni.cni_manifest:
    source: files/calico.yaml
    cni: calico
    network: "{{ verdict.network }}"
  register: manifest

- name: See which pods would move
  podnet.cni.workload_rollout:
  check_mode: true
  register: rollout

- name: Write the plan
  podnet.cni.migration_plan:
    dest: ./plans/2026-11-24
    cluster: "{{ seen.cluster }}"
    verdict: "{{ verdict }}"
    manifest: "{{ manifest }}"
    batches: "{{ seen.cluster.nodes | podnet.cni.node_batches }}"
    rollout: "{{ rollout }}"
    write_in_check_mode: true
"""

RETURN = r"""
hash:
  description: The SHA-256 of what must not change, in hexadecimal.
  returned: success
  type: str
  sample: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
seconds:
  description: How long the steps may last, an estimate.
  returned: success
  type: int
  sample: 175
files:
  description: The paths of the files; empty without O(dest).
  returned: success
  type: list
  elements: str
  sample: [/srv/plans/plan.json, /srv/plans/plan.md]
summary:
  description: The plan in a few lines.
  returned: success
  type: list
  elements: str
  sample:
    - "plan 9f86d081884c: 9 steps on 3 nodes, about 2 min 55 s (estimate)"
    - "8 pods of 3 workloads, 0 pods stay where they are"
document:
  description: The lines of C(plan.md).
  returned: success
  type: list
  elements: str
  sample: ["# Plan: move the pod network to Calico"]
differences:
  description: The parts of the hash that differ from O(plan), with a line for each item.
  returned: failure, when they differ
  type: list
  elements: dict
  sample:
    - part: workloads
      lines: [Deployment demo/new was not in the plan]
"""

import os
import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import build, document, fingerprint, model, reading
from ansible_collections.podnet.cni.plugins.module_utils._control import files

_REQUIRED = ("cluster", "verdict", "manifest")
_RETURNED = ("settings", "adoption", "rollout", "recreation", "cleanup", "coexistence", "link_policy")


def argument_spec() -> t.Dict[str, t.Any]:
    return {
        "dest": {"type": "path"},
        "plan": {"type": "path"},
        "write_in_check_mode": {"type": "bool", "default": False},
        "strategy": {"type": "str", "choices": list(model.STRATEGIES), "default": model.SIDE_BY_SIDE},
        **{name: {"type": "dict", "required": True} for name in _REQUIRED},
        "batches": {"type": "list", "elements": "dict", "default": []},
        **{name: {"type": "dict", "default": {}} for name in _RETURNED},
    }


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    facts = reading.facts(params)
    found = fingerprint.parts(facts)
    differences = fingerprint.compare(_earlier(params["plan"]), found) if params["plan"] else ()
    if differences:
        raise _errors.FoundFailingError(_refusal(params["plan"], differences), {"differences": _records.plain(differences)})
    return _plan(params, facts, found, dry=call.check_mode and not params["write_in_check_mode"])


def _earlier(path: str) -> fingerprint.Parts:
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _errors.BadInputError(f"the plan cannot be read: {error}", path, "Name the plan.json of a run with --check.") from error
    return fingerprint.read(text, path)


def _refusal(path: str, differences: t.Iterable[fingerprint.Difference]) -> str:
    told = "\n".join(f"- {difference.summary}" for difference in differences)
    advice = "Nothing was changed. Run with --check for a new plan, have it reviewed, and bind the run to that one."
    return f"{path}: the cluster or the settings are no longer those of this plan:\n{told}\n{advice}"


def _plan(params: t.Mapping[str, t.Any], facts: model.Facts, found: fingerprint.Parts, dry: bool) -> t.Dict[str, t.Any]:
    plan, digest = build.build(facts), fingerprint.digest(found)
    text = document.render(plan, digest)
    contents = {"plan.json": fingerprint.written(found, _records.plain(plan)), "plan.md": text} if params["dest"] else {}
    changed = files.differing(params["dest"], contents) if contents else ()
    if changed and not dry:
        files.write(params["dest"], {name: contents[name] for name in changed})
    return {
        "changed": bool(changed),
        "hash": digest,
        "seconds": plan.seconds,
        "files": [os.path.join(params["dest"], name) for name in contents],
        "summary": document.summary(plan, digest),
        "document": text.splitlines(),
        "diff": {"before": "", "after": text if changed else ""},
    }


SPEC = _entry.Spec(argument_spec(), act, required_one_of=[("dest", "plan")])


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
