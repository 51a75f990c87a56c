#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: migration_report
short_description: Write a report on a change of CNI, as a page, JSON and JUnit XML
version_added: 0.1.0
description:
  - Writes three files into O(dest). C(report.html) is one page that needs nothing else and loads nothing - the steps on a timeline,
    what was lost between each pair of nodes as a heat map, the longest gaps and the step they fell into, each node before and after,
    checks, versions and leftovers.
  - C(report.json) holds the same for programs, C(report.junit.xml) for pipelines - there a failed check or step, a way on which
    a request was lost, and a leftover are failed tests.
  - Talks to nothing. It takes what the other modules returned, so it can be run again later on facts that were kept. The same facts
    give the same files.
  - The files name nodes, addresses and images of the cluster, and no secrets. Backups of the journal are not in them.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Tells which of the files differ, not how.
  idempotent:
    support: full
options:
  dest:
    description:
      - The directory to write into. It is made.
      - Files of an earlier report go to C(earlier/) in it, in a folder with their time. A change that is paused has a report of each run.
    type: path
    required: true
  journal:
    description: The journal as RV(podnet.cni.migration_journal#module:journal) holds it.
    type: dict
    required: true
  connectivity:
    description: All that podnet.cni.connectivity_probe_info returned. When empty, the report says that nothing was measured.
    type: dict
    default: {}
  checks_before:
    description: The checks as RV(podnet.cni.cni_preflight#module:checks) holds them.
    type: list
    elements: dict
    default: []
  checks_after:
    description: The checks as RV(podnet.cni.cni_verification#module:checks) holds them.
    type: list
    elements: dict
    default: []
  cluster_before:
    description: RV(podnet.cni.cni_cluster_info#module:cluster) from before the change.
    type: dict
    default: {}
  cluster_after:
    description: RV(podnet.cni.cni_cluster_info#module:cluster) from after it.
    type: dict
    default: {}
  snapshots_before:
    description: For each node's name RV(podnet.cni.cni_info#module:snapshot) from before the change.
    type: dict
    default: {}
  snapshots_after:
    description: For each node's name RV(podnet.cni.cni_info#module:snapshot) from after it. Without them nobody says what is left.
    type: dict
    default: {}
  target:
    description: The CNI that was to come.
    type: str
    choices: [calico, flannel]
    default: calico
  title:
    description: The page's heading. When empty, it names both CNIs.
    type: str
    default: ""
  gap_limit:
    description: Seconds without an answer that the change may cause on any way. When 0, their length is not judged.
    type: float
    default: 0
requirements:
  - jinja2
seealso:
  - module: podnet.cni.migration_journal
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_cluster_info
  - module: podnet.cni.cni_verification
"""

EXAMPLES = r"""
- name: Read the journal
  podnet.cni.migration_journal:
    state: read
  register: noted

- name: Read the cluster as it is now
  podnet.cni.cni_cluster_info:
  register: now

- name: Write the report
  podnet.cni.migration_report:
    dest: ./reports/2026-11-24
    journal: "{{ noted.journal }}"
    cluster_after: "{{ now.cluster }}"
    gap_limit: 0.5
"""

RETURN = r"""
verdict:
  description:
    - V(failed) when a check of O(checks_after) or a step failed, something of the old CNI is left, or an outage was longer than
      O(gap_limit). Else V(unfinished) when the journal is, and V(passed) when nothing is wrong.
    - A lost request alone makes no failure. RV(summary) tells of it.
  returned: success
  type: str
  sample: passed
reasons:
  description: Why it is not V(passed).
  returned: success
  type: list
  elements: str
  sample: []
files:
  description: The paths of the files.
  returned: success
  type: list
  elements: str
  sample: [/srv/reports/report.html, /srv/reports/report.json, /srv/reports/report.junit.xml]
summary:
  description: The report in a few lines.
  returned: success
  type: list
  elements: str
  sample:
    - "From flannel to Calico: done; no request lost of 44,016, longest outage 0.3 s"
    - "14 steps in 61 s"
    - "left of flannel: nothing"
"""

import json
import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import strategy
from ansible_collections.podnet.cni.plugins.module_utils._cni.report import build
from ansible_collections.podnet.cni.plugins.module_utils._control import files
from ansible_collections.podnet.cni.plugins.module_utils._report import html, junit

_DICTIONARIES = ("connectivity", "cluster_before", "cluster_after", "snapshots_before", "snapshots_after")
_CHECKS = ("checks_before", "checks_after")


def argument_spec() -> t.Dict[str, t.Any]:
    return {
        "dest": {"type": "path", "required": True},
        "journal": {"type": "dict", "required": True},
        **{name: {"type": "dict", "default": {}} for name in _DICTIONARIES},
        **{name: {"type": "list", "elements": "dict", "default": []} for name in _CHECKS},
        "target": {"type": "str", "choices": list(strategy.TARGETS), "default": "calico"},
        "title": {"type": "str", "default": ""},
        "gap_limit": {"type": "float", "default": 0},
    }


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    inputs = build.Inputs(params["journal"], **{name: params[name] for name in (*_DICTIONARIES, *_CHECKS)})
    report = build.build(inputs, params["target"], params["title"], params["gap_limit"])
    contents = {
        "report.html": html.render(report),
        "report.json": json.dumps(build.to_dict(report), indent=2, sort_keys=True) + "\n",
        "report.junit.xml": junit.render(report),
    }
    changed = files.differing(params["dest"], contents)
    if changed and not call.check_mode:
        files.set_aside(params["dest"], list(contents))
        files.write(params["dest"], contents)
    return {
        "changed": bool(changed),
        "verdict": report.verdict,
        "reasons": list(report.reasons),
        "files": [os.path.join(params["dest"], name) for name in contents],
        "summary": build.lines(report),
        "diff": {"before": "", "after": "".join(f"{name} is new or differs\n" for name in changed)},
    }


SPEC = _entry.Spec(argument_spec(), act, libraries={"jinja2": lambda: html.JINJA2_IMPORT_ERROR})


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
