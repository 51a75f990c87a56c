#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_coexistence
short_description: Let flannel and Calico both have pods on a node, and put the node back afterwards
version_added: 0.1.0
description:
  - While flannel and Calico both have pods on a node, two kernel settings are needed - C(proxy_arp) on flannel's bridge, and a loose
    C(rp_filter) where it is strict. This module sets what is missing, on the node it runs on.
  - The values before are kept in O(record), which is written before anything is changed and never written over. A file of
    C(sysctl.d) carries the settings over a restart of the node, and to a bridge that appears later.
  - Both CNIs give addresses out of the node's pod range, and neither knows of the other's. A pod of flannel's inside a block of Calico's
    would also be cut off, because Calico's route to the block is the narrower one. So flannel is kept from the addresses of O(ranges) -
    its plugin has them from C(host-local), which keeps a file for each address in use, and this module puts such files there. The file of
    an address that a pod has already is left as it is, and told in RV(taken).
  - O(state=absent) gives the addresses free, writes the values back and removes all files of this module. A device that is gone has
    nothing to get back.
requirements:
  - root on the node
  - a container runtime with a CRI socket, for O(release_stale)
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
  subnet:
    description: The node's own pod range. Needed for O(ranges).
    type: str
  ranges:
    description:
      - The ranges from which flannel is not to give addresses, such as Calico's IPAM blocks. What lies outside O(subnet) is not looked at.
      - When left out, what is reserved stays so.
    type: list
    elements: str
  release_stale:
    description:
      - Whether addresses of pods that are gone are given free, too, with O(ranges). flannel's plugin does that when a pod ends, but
        it is not asked while the runtime has another CNI's configuration, so they would stay taken for ever.
      - Only done while the runtime has another CNI's configuration, as then flannel's plugin is at no work of its own.
    type: bool
    default: false
  network:
    description:
      - The name of flannel's network, by which C(host-local) keeps addresses.
      - When left out, the one in flannel's CNI configuration on this node, or V(cbr0) where there is none.
    type: str
  data_dir:
    description: Where C(host-local) keeps its networks.
    type: path
    default: /var/lib/cni/networks
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

- name: Let both live here, and keep flannel out of Calico's block
  podnet.cni.cni_coexistence:
    subnet: 10.244.1.0/24
    ranges: [10.244.1.192/26]
  become: true

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
addresses:
  description: The addresses that were reserved or given free, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [10.244.1.192, 10.244.1.193]
taken:
  description: The addresses of O(ranges) that pods of flannel's have.
  returned: success
  type: list
  elements: str
  sample: [10.244.1.194]
released:
  description: The addresses of pods that are gone which were given free, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [10.244.1.7]
directory:
  description: Where the reservations are.
  returned: success
  type: str
  sample: /var/lib/cni/networks/cbr0
"""

import json
import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import coexistence, reservations
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files, sandboxes, sysctl

_Params = t.Mapping[str, t.Any]


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


def establish(params: _Params, node: NodeSnapshot, check_mode: bool) -> _entry.Result:
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
    return _settings(node, changes, record, changed=bool(changes) or record != before or not has_boot)


def put_back(params: _Params, node: NodeSnapshot, check_mode: bool) -> _entry.Result:
    """The record goes last: until then a run that is killed can be done again."""
    record = read_record(params["record"])
    changes = coexistence.to_restore(node, record)
    left = [path for path in (params["boot_file"], params["record"]) if collect.Tree().exists(path)]
    if not check_mode:
        sysctl.write(changes)
        for path in left:
            files.delete(path)
    return _settings(node, changes, {}, changed=bool(changes or left))


def _settings(node: NodeSnapshot, changes: t.Dict[str, str], record: t.Dict[str, str], changed: bool) -> _entry.Result:
    before = {name: node.sysctls.get(name, "") for name in changes}
    diff = {"before_header": "sysctl", "after_header": "sysctl", "before": before, "after": changes}
    return {"changed": changed, "settings": changes, "record": record, "diff": [diff]}


def reserve(params: _Params, node: NodeSnapshot, check_mode: bool) -> _entry.Result:
    """Keeps flannel from addresses, or gives them free."""
    directory = os.path.join(params["data_dir"], params["network"] or reservations.network_name(node))
    present = files.read_directory(directory)
    stale, own = _plan(params, node, directory, present)
    plan = own.beside(stale)
    lost: t.List[str] = []
    if not check_mode:
        for path in plan.remove:
            files.delete(path)
        lost = [path for path in plan.write if not files.create(path, reservations.CONTENT)]
    header = {"before_header": directory, "after_header": directory}
    return {
        "changed": bool(plan.addresses),
        "addresses": list(own.addresses),
        "taken": [*own.taken, *map(os.path.basename, lost)],
        "released": list(stale.addresses),
        "directory": directory,
        "diff": [{**header, "before": _lines(plan.remove), "after": _lines(plan.write)}],
    }


def _plan(
    params: _Params, node: NodeSnapshot, directory: str, present: reservations.Files
) -> t.Tuple[reservations.Plan, reservations.Plan]:
    """Of pods that are gone, and of this module's own."""
    nothing = reservations.Plan()
    if params["state"] == "absent":
        return nothing, reservations.release(present)
    if params["ranges"] is None:
        return nothing, nothing
    stale = nothing
    if params["release_stale"] and reservations.may_be_stale(node):
        stale = reservations.stale(present, sandboxes.Runtime(node.runtime.socket).ids())
    kept = {path: content for path, content in present.items() if path not in stale.remove}
    return stale, reservations.reserve(kept, directory, params["subnet"], params["ranges"])


def _lines(paths: t.Iterable[str]) -> str:
    return "".join(f"{path}\n" for path in paths)


def run(params: _Params, check_mode: bool) -> _entry.Result:
    """Addresses first: a pod that flannel has not made yet cannot get a wrong one any more. The record of settings is gone last."""
    node = collect.collect(only_links=True)
    addresses = reserve(params, node, check_mode)
    settings = (establish if params["state"] == "present" else put_back)(params, node, check_mode)
    both = {"changed": addresses["changed"] or settings["changed"], "diff": settings["diff"] + addresses["diff"]}
    return {**settings, **addresses, **both}


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "subnet": {"type": "str"},
        "ranges": {"type": "list", "elements": "str"},
        "release_stale": {"type": "bool", "default": False},
        "network": {"type": "str"},
        "data_dir": {"type": "path", "default": "/var/lib/cni/networks"},
        "record": {"type": "path", "default": "/var/lib/podnet.cni/coexistence.json"},
        "boot_file": {"type": "path", "default": "/etc/sysctl.d/99-zz-podnet-cni.conf"},
    },
    act,
    required_by={"ranges": ["subnet"]},
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
