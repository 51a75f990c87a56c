#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_node_condition
short_description: Have the nodes tell that the CNI that serves them is there
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Each Node object has one condition C(NetworkUnavailable) for all CNIs. calico-node sets it when it is taken from a node, and then no
    pod is scheduled there any more, although flannel may serve the node all the time - it only speaks when it starts.
  - This module says it in the place of a CNI that runs, in that CNI's own words, on the nodes where its agent is ready and the condition
    says something else. All other nodes, and those without the condition, are left alone.
  - Runs on the control machine.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server is asked in a dry run.
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - kubernetes >= 24.2.0
options:
  cni:
    description: The CNI that serves the nodes.
    type: str
    required: true
    choices: [flannel, calico]
seealso:
  - module: podnet.cni.calico_node_selection
  - module: podnet.cni.cni_node_annotations
"""

EXAMPLES = r"""
- name: Say that flannel is there, where calico-node was taken away beside it
  podnet.cni.cni_node_condition:
    cni: flannel
  run_once: true
  delegate_to: localhost
"""

RETURN = r"""
corrected:
  description: The nodes whose condition was corrected, or would be in check mode, and what it said.
  returned: success
  type: dict
  sample:
    node1: True (CalicoIsDown)
"""

import datetime as dt

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni.conditions import WORDS
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, conditions


def act(call: _entry.Call) -> _entry.Result:
    """Plans, patches (in check mode as a dry run), and reports."""
    api = client.get_client(call)
    corrections = conditions.plan(api, call.params["cni"])
    now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    conditions.correct(api, corrections, now, dry_run=call.check_mode)
    before = {correction.node: correction.seen for correction in corrections}
    after = {correction.node: f"False ({correction.words.reason})" for correction in corrections}
    return {"changed": bool(corrections), "corrected": before, "diff": {"before": before, "after": after}}


_OPTIONS = {"cni": {"type": "str", "required": True, "choices": list(WORDS)}}
SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
