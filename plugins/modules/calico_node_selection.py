#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: calico_node_selection
short_description: Choose the nodes on which calico-node runs, and wait until it does
version_added: 0.1.0
description:
  - While Calico comes node by node, its DaemonSet has a node selector that asks for the label C(podnet.io/calico=true).
    See O(podnet.cni.cni_manifest#module:node_selector).
  - This module gives nodes that label and waits until calico-node is ready on each, or takes the label and waits until it is gone.
  - A calico-node that does not get ready is named with its reason. Nodes without the label are not touched.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The labels are tried as a dry run. Nothing is waited for.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: Whether calico-node is to run on the nodes.
    type: str
    choices: [present, absent]
    default: present
  nodes:
    description: Names of the nodes. Needed for O(state=present); with O(state=absent), when empty, all that have the label.
    type: list
    elements: str
    default: []
  wait:
    description: Whether to wait for calico-node.
    type: bool
    default: true
  timeout:
    description: Seconds until calico-node must be ready, or gone, on all of the nodes.
    type: int
    default: 300
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.calico_adoption
"""

EXAMPLES = r"""
- name: Take Calico from every node on which it came by label
  podnet.cni.calico_node_selection:
    kubeconfig: ~/.kube/config
    state: absent
  register: result

- name: Show which nodes that were
  ansible.builtin.debug:
    var: result.nodes
"""

RETURN = r"""
nodes:
  description: The nodes whose label was set or taken, or would be.
  returned: success
  type: list
  elements: str
  sample: [n2]
selected:
  description: All nodes that have the label afterwards, or would have.
  returned: success
  type: list
  elements: str
  sample: [n1, n2]
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import selection
from ansible_collections.podnet.cni.plugins.module_utils._kube import client
from ansible_collections.podnet.cni.plugins.module_utils._kube import selection as kube_selection
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_OPTIONS: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "nodes": {"type": "list", "elements": "str", "default": []},
    "wait": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 300},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    present = params["state"] == "present"
    if present and not params["nodes"]:
        raise _errors.BadInputError("there is no node to choose", "nodes", "Name at least one.")
    api = client.get_client(call)
    nodes = kube_selection.nodes(api)
    before = selection.selected(nodes)
    patches = selection.select(nodes, params["nodes"]) if present else selection.deselect(nodes, params["nodes"])
    kube_selection.label(api, patches, dry_run=call.check_mode)
    if params["wait"] and not call.check_mode:
        _wait(api, present, params["nodes"] if present else [patch.node for patch in patches], params["timeout"])
    after = sorted({*before, *(patch.node for patch in patches)} if present else set(before) - {patch.node for patch in patches})
    return {
        "changed": bool(patches),
        "nodes": [patch.node for patch in patches],
        "selected": after,
        "diff": {"before": {"selected": list(before)}, "after": {"selected": after}},
    }


def _wait(api: t.Any, present: bool, names: t.Sequence[str], timeout: int) -> None:
    wait = kube_selection.wait_until_ready if present else kube_selection.wait_until_gone
    wait(api, names, Deadline(timeout))


SPEC = client.spec(_OPTIONS, act)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
