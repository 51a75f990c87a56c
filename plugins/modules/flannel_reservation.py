#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flannel_reservation
short_description: Keep flannel from giving its pods addresses that Calico may have given
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - While pods return from Calico to flannel, both give addresses out of a node's range, and neither knows of the other's. A pod of
    flannel's inside a block of Calico's would also be cut off, because Calico's route to the block is the narrower one.
  - flannel's plugin has its addresses from C(host-local), which keeps a file for each address in use. This module puts such files there
    for the addresses of O(ranges) inside O(subnet), on the node it runs on, so that flannel gives others.
  - The file of an address that a pod has already is left as it is.
  - O(state=absent) removes the files of this module, and no other ones.
requirements:
  - root on the node
  - a container runtime with a CRI socket, for O(release_stale)
options:
  state:
    description: Whether the addresses are reserved.
    type: str
    choices: [present, absent]
    default: present
  subnet:
    description: The node's own pod range. Needed for O(state=present).
    type: str
  ranges:
    description: The ranges to reserve, such as Calico's IPAM blocks. What lies outside O(subnet) is not looked at.
    type: list
    elements: str
    default: []
  release_stale:
    description:
      - Whether addresses of pods that are gone are given free, too, with O(state=present). flannel's plugin does that when a pod ends, but
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
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: podnet.cni.calico_adoption
  - module: podnet.cni.cni_coexistence
"""

EXAMPLES = r"""
- name: Keep flannel out of Calico's block on this node
  podnet.cni.flannel_reservation:
    subnet: 10.244.1.0/24
    ranges: [10.244.1.192/26]
  become: true

- name: Let flannel give all of its addresses again
  podnet.cni.flannel_reservation:
    state: absent
  become: true
"""

RETURN = r"""
addresses:
  description: The addresses that were reserved or given free, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [10.244.1.192, 10.244.1.193]
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

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.podnet.cni.plugins.module_utils._cni import reservations
from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import NodeSnapshot
from ansible_collections.podnet.cni.plugins.module_utils._errors import PodnetError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, files, sandboxes


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> t.Dict[str, t.Any]:
    """Plans, and writes or removes unless in check mode."""
    node = collect.collect()
    directory = os.path.join(params["data_dir"], params["network"] or reservations.network_name(node))
    present = files.read_directory(directory)
    stale = _stale(params, node, present)
    if params["state"] == "present":
        kept = {path: content for path, content in present.items() if path not in stale.remove}
        own = reservations.reserve(kept, directory, params["subnet"], params["ranges"])
    else:
        own = reservations.release(present)
    plan = own.beside(stale)
    if not check_mode:
        for path in plan.remove:
            files.delete(path)
        for path in plan.write:
            files.create(path, reservations.CONTENT)
    return {
        "changed": bool(plan.addresses),
        "addresses": list(own.addresses),
        "released": list(stale.addresses),
        "directory": directory,
        "diff": {"before": _lines(plan.remove), "after": _lines(plan.write)},
    }


def _stale(params: t.Mapping[str, t.Any], node: NodeSnapshot, present: reservations.Files) -> reservations.Plan:
    if params["state"] != "present" or not params["release_stale"] or not reservations.may_be_stale(node):
        return reservations.Plan()
    return reservations.stale(present, sandboxes.Runtime(node.runtime.socket).ids())


def _lines(paths: t.Iterable[str]) -> str:
    return "".join(f"{path}\n" for path in paths)


def main() -> None:
    """Entry point of the module."""
    module = AnsibleModule(
        argument_spec={
            "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
            "subnet": {"type": "str"},
            "ranges": {"type": "list", "elements": "str", "default": []},
            "release_stale": {"type": "bool", "default": False},
            "network": {"type": "str"},
            "data_dir": {"type": "path", "default": "/var/lib/cni/networks"},
        },
        required_if=[("state", "present", ["subnet"])],
        supports_check_mode=True,
    )
    try:
        result = run(module.params, module.check_mode)
    except PodnetError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
