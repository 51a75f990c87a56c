#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: node_images
short_description: Have a node's container runtime pull images before pods need them
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Asks the node's container runtime, over its CRI socket, which of the images it has, and has it pull the others.
  - Before a change of the pod network this shows that every node can get the new CNI's images while nothing is changed yet. The registry
    may itself live on the network that is replaced.
  - The runtime uses its own configuration - mirrors, certificates, credentials. Pull secrets of Kubernetes are not used, since only
    kubelet has them; where a registry needs them, do without this module.
  - An image that is there is left alone, whatever its registry has under that name by now.
  - Runs on the nodes.
requirements:
  - root on the node
  - a container runtime with a CRI socket, such as containerd or CRI-O
options:
  images:
    description: References of images as pods name them.
    type: list
    elements: str
    required: true
  timeout:
    description: Seconds for the pull of one image.
    type: int
    default: 600
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Asks what is there and pulls nothing.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: podnet.cni.cni_manifest
"""

EXAMPLES = r"""
- name: Have every node pull Calico's images
  podnet.cni.node_images:
    images:
      - quay.io/calico/cni:v3.31.0
      - quay.io/calico/node:v3.31.0
  become: true
"""

RETURN = r"""
pulled:
  description: The images that were pulled, or would be.
  returned: success
  type: list
  elements: str
  sample: [quay.io/calico/node:v3.31.0]
present:
  description: The images that were there.
  returned: success
  type: list
  elements: str
  sample: [quay.io/calico/cni:v3.31.0]
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
from ansible_collections.podnet.cni.plugins.module_utils._node import images as node_images


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> t.Dict[str, t.Any]:
    """Looks, and pulls what is missing unless in check mode."""
    found = collect.runtime()
    if found.problem:
        raise NodeError(f"the container runtime cannot be asked: {found.problem}", "this node", "Check that it runs.")
    wanted = list(dict.fromkeys(params["images"]))
    present = [image for image in wanted if node_images.is_present(found.socket, image)]
    missing = [image for image in wanted if image not in present]
    for image in missing if not check_mode else ():
        node_images.pull(found.socket, image, params["timeout"])
    return {
        "changed": bool(missing),
        "pulled": missing,
        "present": present,
        "diff": {"before": "", "after": "".join(f"{image}\n" for image in missing)},
    }


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "images": {"type": "list", "elements": "str", "required": True},
        "timeout": {"type": "int", "default": 600},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
