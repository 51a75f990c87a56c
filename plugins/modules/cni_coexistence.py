#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_coexistence
short_description: Let pods of flannel and of Calico on one node reach each other, and put the node back afterwards
version_added: 0.1.0
description:
  - While flannel and Calico both have pods on a node, two kernel settings are needed - C(proxy_arp) on flannel's bridge, and a loose
    C(rp_filter) where it is strict. This module sets what is missing, on the node it runs on.
  - The values before are kept in O(record), which is written before anything is changed and never written over. A file of
    C(sysctl.d) carries the settings over a restart of the node, and to a bridge that appears later.
  - O(state=absent) writes the values back and removes both files. A device that is gone has nothing to get back.
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  state:
    description: Whether the settings are to hold.
    type: str
    choices: [present, absent]
    default: present
  record:
    description: The file that keeps the values before.
    type: path
    default: /var/lib/podnet.cni/coexistence.json
  boot_file:
    description: The file of C(sysctl.d).
    type: path
    default: /etc/sysctl.d/99-zz-podnet-cni.conf
seealso:
  - module: podnet.cni.calico_adoption
"""

EXAMPLES = r"""
- name: See what this node would need
  podnet.cni.cni_coexistence:
  check_mode: true
  become: true
  register: result

- name: Put the node back
  podnet.cni.cni_coexistence:
    state: absent
  become: true
"""

RETURN = r"""
settings:
  description: The settings that were written, or would be.
  returned: success
  type: dict
  sample: {net.ipv4.conf.cni0.proxy_arp: "1"}
record:
  description: The values that are kept to be written back; empty when there is no record any more.
  returned: success
  type: dict
  sample: {net.ipv4.conf.cni0.proxy_arp: "0"}
"""

import json
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podnet.cni.plugins.module_utils._cni import coexistence
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError, PodnetError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files, sysctl


def read_record(path: str) -> t.Dict[str, str]:
    """The values before, by name; empty when there is no record."""
    content = collect.Tree().content(path)
    if not content:
        return {}
    try:
        record = json.loads(content)
    except ValueError:
        record = None
    if not isinstance(record, dict) or not all(isinstance(value, str) for value in record.values()):
        raise NodeError(
            "this is no record of kernel settings", where=path, next_step="Look at what it holds, set net.ipv4.conf by hand, and remove it."
        )
    return record


def establish(params: t.Mapping[str, t.Any], node: NodeSnapshot, check_mode: bool) -> t.Dict[str, t.Any]:
    """Record, settings, and what brings them back at a restart: in this order, so that a run that is killed loses no old value."""
    before = read_record(params["record"])
    changes = coexistence.to_write(node, before)
    record = coexistence.recorded(node, before, changes)
    boot = coexistence.at_boot(node, record)
    has_boot = collect.Tree().content(params["boot_file"]) == boot.encode()
    if not check_mode:
        if record != before:
            files.replace(params["record"], json.dumps(record, indent=2, sort_keys=True).encode() + b"\n")
        sysctl.write(changes)
        if not has_boot:
            files.replace(params["boot_file"], boot.encode())
    return _result(node, changes, record, changed=bool(changes) or record != before or not has_boot)


def put_back(params: t.Mapping[str, t.Any], node: NodeSnapshot, check_mode: bool) -> t.Dict[str, t.Any]:
    """The record goes last: until then a run that is killed can be done again."""
    record = read_record(params["record"])
    changes = coexistence.to_restore(node, record)
    left = [path for path in (params["boot_file"], params["record"]) if collect.Tree().exists(path)]
    if not check_mode:
        sysctl.write(changes)
        for path in left:
            files.delete(path)
    return _result(node, changes, {}, changed=bool(changes or left))


def _result(node: NodeSnapshot, changes: t.Dict[str, str], record: t.Dict[str, str], changed: bool) -> t.Dict[str, t.Any]:
    before = {name: node.sysctls.get(name, "") for name in changes}
    return {"changed": changed, "settings": changes, "record": record, "diff": {"before": before, "after": changes}}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "record": {"type": "path", "default": "/var/lib/podnet.cni/coexistence.json"},
            "boot_file": {"type": "path", "default": "/etc/sysctl.d/99-zz-podnet-cni.conf"},
        },
        supports_check_mode=True,
    )
    act = establish if module.params["state"] == "present" else put_back
    try:
        result = act(module.params, collect.collect(), module.check_mode)
    except PodnetError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
