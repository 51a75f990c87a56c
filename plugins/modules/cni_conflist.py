#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_conflist
short_description: Keep a node's CNI configuration files as wanted
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Writes a CNI configuration, removes those of a CNI, or leaves those of one CNI as the only ones.
  - Files are written in place and the directory is never removed, because runtimes watch it. After a file was renamed into it, or
    the directory was made anew, containerd can stay without a CNI until it is restarted.
  - What is replaced or removed is backed up first, outside the directory.
requirements:
  - root on the node
options:
  state:
    description:
      - V(present) makes O(name) hold O(content).
      - V(absent) removes the files chosen by O(cni) and O(names).
      - V(only) removes every CNI configuration but the files chosen by O(cni) and O(names), copies under other endings such as C(.bak)
        included. It refuses if the runtime would have none left to load.
    type: str
    choices: [present, absent, only]
    default: present
  name:
    description: The file name, without a directory, that O(state=present) writes.
    type: str
  content:
    description:
      - The CNI configuration that O(state=present) writes, as text or as a dictionary.
      - A file that says the same in other spacing is left alone.
    type: raw
  cni:
    description: Chooses the files that belong to this CNI, for O(state=absent) and O(state=only). They include Calico's kubeconfig.
    type: str
    choices: [flannel, calico]
  names:
    description: Chooses files by their names, for O(state=absent) and O(state=only).
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - podnet.cni.node_directories
  - podnet.cni.node_directories.backup
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - Ansible itself shows O(content) when it runs verbosely. The diff hides what looks like a secret in it.
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_cleanup
"""

EXAMPLES = r"""
- name: Leave Calico's configuration as the only one
  podnet.cni.cni_conflist:
    state: only
    cni: calico

- name: Remove flannel's configurations, old copies included
  podnet.cni.cni_conflist:
    state: absent
    cni: flannel

- name: Write a configuration
  podnet.cni.cni_conflist:
    name: 10-flannel.conflist
    content:
      name: cbr0
      cniVersion: 0.3.1
      plugins:
        - type: flannel
          delegate:
            hairpinMode: true
            isDefaultGateway: true
        - type: portmap
          capabilities:
            portMappings: true
"""

RETURN = r"""
conflists:
  description: The CNI configurations afterwards, in lexical order. In check mode, as they would be.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The file.
      type: str
      sample: /etc/cni/net.d/10-calico.conflist
    network:
      description: The network's name.
      type: str
      sample: k8s-pod-network
    plugins:
      description: The plugins it calls.
      type: list
      elements: str
      sample: [calico, portmap, bandwidth]
    problem:
      description: Why the runtime cannot use it, or empty.
      type: str
      sample: ""
    wins:
      description: Whether it is the one that the runtime is to load.
      type: bool
      sample: true
    reason:
      description: Why it wins or loses.
      type: str
      sample: first in lexical order
    owner:
      description: Whose it is.
      type: str
      sample: calico
removed:
  description: The files that were removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/cni/net.d/10-flannel.conflist]
backup:
  description: The directory that holds what was replaced or removed. Empty if nothing was, and in check mode.
  returned: success
  type: str
  sample: /var/backups/podnet.cni/conflists-09ab3c4d5e6f
winner:
  description: The file that the runtime is to load afterwards, or empty.
  returned: success
  type: str
  sample: /etc/cni/net.d/10-calico.conflist
"""

import dataclasses
import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import conflist, conflist_plan
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.conflist_plan import ConflistPlan, Files
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files, options


def plan_for(params: t.Mapping[str, t.Any], current: Files, runtime: model.Runtime, conf_dir: str) -> ConflistPlan:
    """The plan that the module's options ask for."""
    if params["state"] == "present":
        if os.path.basename(params["name"]) != params["name"]:
            raise BadInputError("must be a file name without a directory", where=f"name {params['name']}")
        return conflist_plan.present(current, os.path.join(conf_dir, params["name"]), params["content"])
    selection = conflist_plan.Selection(params["cni"] or "", frozenset(params["names"]))
    if not (selection.cni or selection.names):
        raise BadInputError(f"state {params['state']} needs cni or names")
    if params["state"] == "absent":
        return conflist_plan.absent(current, selection)
    return conflist_plan.only(current, selection, runtime.name or "containerd", runtime.default_network)


def carry_out(plan: ConflistPlan, current: Files, backup_dir: str) -> str:
    """Backs up, writes, removes; the backup's directory, or empty when nothing was replaced."""
    replaced = {os.path.basename(path): content for path, content in current.items() if path in plan.touched}
    backup = files.store_backup(backup_dir, "conflists", replaced) if replaced else ""
    for path, content in plan.write:
        files.write_in_place(path, content)
    for path in plan.remove:
        files.delete(path)
    return backup


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> t.Dict[str, t.Any]:
    """Plans, carries out unless in check mode, and reports."""
    runtime = collect.runtime()
    # Without doubled or trailing slashes, so that a file has one path only.
    conf_dir = os.path.normpath(params["conf_dir"] or runtime.conf_dir)
    files.demand_apart(params["backup_dir"], conf_dir)
    current = files.read_directory(conf_dir)
    plan = plan_for(params, current, runtime, conf_dir)
    backup = "" if check_mode or not plan.changed else carry_out(plan, current, params["backup_dir"])
    after = plan.result(current)
    conflists = conflist.read(after, runtime.name, runtime.default_network)
    return {
        "changed": plan.changed,
        "conflists": [dataclasses.asdict(file) for file in conflists],
        "removed": list(plan.remove),
        "backup": backup,
        "winner": next((file.path for file in conflists if file.wins), ""),
        "diff": {
            "before": conflist_plan.show({path: content for path, content in current.items() if path in plan.touched}),
            "after": conflist_plan.show(dict(plan.write)),
        },
    }


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "state": {"type": "str", "choices": ["present", "absent", "only"], "default": "present"},
        "name": {"type": "str"},
        "content": {"type": "raw"},
        "cni": {"type": "str", "choices": list(model.DAEMONS)},
        "names": {"type": "list", "elements": "str", "default": []},
        **options.CONF_DIR,
        **options.BACKUP_DIR,
    },
    act,
    required_if=[("state", "present", ["name", "content"])],
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
