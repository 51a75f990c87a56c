# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: node_batches
short_description: The order in which the nodes of a cluster get another CNI
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Puts every node into one batch - those that M(podnet.cni.calico_node_selection) chose already, then the canary, then the other
    workers, then the control planes.
positional: canary, size
options:
  _input:
    description: The nodes as RV(podnet.cni.cni_cluster_info#module:cluster.nodes) holds them.
    type: list
    elements: dict
    required: true
  canary:
    description: The node that goes first; empty takes the first worker by name.
    type: str
    default: ""
  size:
    description: Nodes in a batch, a number or a percentage of all nodes. It is never less than one.
    type: str
    default: 20%
"""

EXAMPLES = r"""
- name: See which nodes would be changed together
  ansible.builtin.debug:
    msg: "{{ nodes | podnet.cni.node_batches(size='2') }}"
  vars:
    nodes:
      - {name: n1, control_plane: true}
      - {name: n2}
      - {name: n3}
"""

RETURN = r"""
_value:
  description: The batches in their order.
  type: list
  elements: dict
  sample:
    - {name: canary, nodes: [n2], enabled: false}
    - {name: workers, nodes: [n3], enabled: false}
    - {name: control planes, nodes: [n1], enabled: false}
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import batches, cluster


def node_batches(nodes: t.Iterable[t.Mapping[str, t.Any]], canary: str = "", size: str = "20%") -> t.List[t.Dict[str, t.Any]]:
    """The batches as dictionaries."""
    try:
        with _records.in_option("nodes", "cni_cluster_info"):
            known = [_records.build(cluster.Node, node, {}) for node in nodes]
        plan = batches.plan(known, canary, str(size))
    except _errors.PodnetError as error:
        raise AnsibleFilterError(str(error)) from error
    return [t.cast("t.Dict[str, t.Any]", _records.plain(batch)) for batch in plan]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"node_batches": node_batches}
