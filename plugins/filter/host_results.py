# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: host_results
short_description: What a task returned on each host
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Collects one value of a registered result from many hosts, by the hosts' names. Hosts that have none, such as those that did not
    answer, are left out unless there is a O(default).
positional: hostvars, path, default
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: Ansible's variables of all hosts.
    type: dict
    required: true
  path:
    description: The variable and the keys inside it, with dots between them.
    type: str
    required: true
  default:
    description: What stands for a host that has none.
    type: raw
"""

EXAMPLES = r"""
- name: Read each node's network
  podnet.cni.cni_info:
  register: node

- name: Show what was read, by node
  ansible.builtin.debug:
    msg: "{{ ansible_play_hosts_all | podnet.cni.host_results(hostvars, 'node.summary') }}"
  run_once: true
"""

RETURN = r"""
_value:
  description: The values by the hosts' names.
  type: dict
  sample: {n1: ["n1: amd64, kernel 6.1.0"]}
"""

import typing as t

_ABSENT = object()


def host_results(hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Any], path: str, default: t.Any = _ABSENT) -> t.Dict[str, t.Any]:
    """The values by host; ``path`` is ``variable.key.key``."""
    found = {host: _value(hostvars[host], path, default) for host in hosts}
    return {host: value for host, value in found.items() if value is not _ABSENT}


def _value(variables: t.Any, path: str, default: t.Any) -> t.Any:
    for key in path.split("."):
        if not isinstance(variables, t.Mapping) or key not in variables:
            return default
        variables = variables[key]
    return variables


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"host_results": host_results}
