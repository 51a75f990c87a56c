#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_link_policy
short_description: Make a node's network managers leave the devices of a CNI alone
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - NetworkManager, systemd-networkd and udev take care of network devices. What they do to those of flannel and Calico breaks the
    pod network, by taking addresses and routes away or by changing a MAC address that other nodes already know.
  - Writes a file for each of them that runs on this node, and makes it read that, so that it leaves C(flannel*), C(cni0), C(cali*),
    C(vxlan.calico), C(vxlan-v6.calico) and C(tunl0) alone, also before they appear.
  - Files of other programs are neither changed nor replaced. A manager that does not run gets no file.
requirements:
  - root on the node
  - systemd
options:
  state:
    description:
      - V(present) writes the files, V(absent) removes them, those of a manager that was stopped meanwhile too.
    type: str
    choices: [present, absent]
    default: present
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
notes:
  - The files are C(/etc/NetworkManager/conf.d/90-podnet-cni.conf), C(/etc/systemd/network/00-podnet-cni.network) and
    C(/etc/systemd/network/00-podnet-cni.link).
  - udev's policy is for devices that appear from now on; one that is there keeps its MAC address.
seealso:
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_preflight
"""

EXAMPLES = r"""
- name: Keep NetworkManager, networkd and udev away from the CNI's devices
  podnet.cni.cni_link_policy:
  become: true

- name: Take that back
  podnet.cni.cni_link_policy:
    state: absent
  become: true
"""

RETURN = r"""
managers:
  description: The programs that take care of network devices and run on this node.
  returned: success
  type: list
  elements: str
  sample: [NetworkManager, systemd-udevd]
files:
  description: The files that were written or removed, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/NetworkManager/conf.d/90-podnet-cni.conf, /etc/systemd/network/00-podnet-cni.link]
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._cni import link_policy as policy
from ansible_collections.podnet.cni.plugins.module_utils._node import link_policy


def settle(state: str, check_mode: bool, root: str = "/") -> t.Dict[str, t.Any]:
    """Plans, and writes or removes unless in check mode."""
    running = link_policy.running()
    changes = policy.plan(state == "present", running, link_policy.present(root))
    changed = bool(changes) or link_policy.unread(root)
    if changed and not check_mode:
        link_policy.apply(changes, running, root)
    return {
        "changed": changed,
        "managers": list(running),
        "files": [change.file.path for change in changes],
        "diff": policy.diff(changes),
    }


def act(call: _entry.Call) -> _entry.Result:
    return settle(call.params["state"], call.check_mode)


SPEC = _entry.Spec({"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}, act)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
