#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_archive
short_description: Carry images to where no upstream registry can be reached
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Writes images into an OCI image layout, a directory or a tar of one, and reads them from there into a registry. Digests and all
    platforms stay, and other tools read the layout too.
  - What an earlier run has written, even one that was killed, is not fetched again. A tar is written beside its place and moved there when
    it is complete; to add to one that is there, there must be space for a copy of it.
  - Nothing is removed from a layout. To be rid of old images, export into a new one.
options:
  path:
    description: The layout. It is a tar if its name ends in C(.tar), else a directory.
    type: path
    required: true
  state:
    description: Whether the layout is to have the images, V(exported), or the registry, V(imported).
    type: str
    choices: [exported, imported]
    required: true
  images:
    description:
      - References of images as pods name them. For an import also dictionaries of C(source) and C(target), as in
        O(podnet.cni.image_mirror#module:images); the default are all images that the layout lists.
    type: list
    elements: raw
    default: []
  registry:
    description: The registry to import to.
    type: str
  project:
    description: The project in it.
    type: str
  overrides:
    description: Of an import, other places for some copies, as O(podnet.cni.image_mirror#module:overrides).
    type: dict
    default: {}
  lock_file:
    description: Of an import, where to write RV(lock), as O(podnet.cni.image_mirror#module:lock_file).
    type: path
extends_documentation_fragment:
  - podnet.cni.registries
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Asks both sides and tells what would be copied.
  diff_mode:
    support: full
  idempotent:
    support: full
seealso:
  - module: podnet.cni.image_mirror
"""

EXAMPLES = r"""
- name: Write Calico's images to a file, on a machine with internet
  podnet.cni.image_archive:
    path: calico-images.tar
    state: exported
    images:
      - quay.io/calico/node:v3.31.0
      - quay.io/calico/cni:v3.31.0

- name: Put all images of the file into Harbor, on a machine without
  podnet.cni.image_archive:
    path: calico-images.tar
    state: imported
    registry: harbor.example.com
    project: mirror
    username: robot$mirror+push
    password: "{{ harbor_robot_secret }}"
"""

RETURN = r"""
images:
  description: What became of each image, as in RV(podnet.cni.image_mirror#module:images).
  returned: always
  type: list
  elements: dict
  sample:
    - source: quay.io/calico/node:v3.31.0
      target: quay.io/calico/node:v3.31.0
      action: copied
      source_digest: sha256:3c2d04c9c2e10b3d2e2bd2cf0b0d6bcd6c6bdf4a6b0dbd6fd1b3b0b4c2f6a7e1
      digest: sha256:3c2d04c9c2e10b3d2e2bd2cf0b0d6bcd6c6bdf4a6b0dbd6fd1b3b0b4c2f6a7e1
      digest_before: ""
      bytes_copied: 402653184
      bytes_mounted: 0
      bytes_skipped: 0
      companions: []
      error: ""
lock:
  description: Of each image that is or would be there, which bytes its reference meant. The target is the name in the layout or registry.
  returned: always
  type: list
  elements: dict
  sample:
    - source: quay.io/calico/node:v3.31.0
      digest: sha256:3c2d04c9c2e10b3d2e2bd2cf0b0d6bcd6c6bdf4a6b0dbd6fd1b3b0b4c2f6a7e1
      target: quay.io/calico/node:v3.31.0
summary:
  description: All of it in one line.
  returned: always
  type: str
  sample: 2 copied; 512 MiB sent, 0 B mounted
"""

import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, targets
from ansible_collections.podnet.cni.plugins.module_utils._registry import layout, mirror, options

EXPORTED = "exported"
IMPORTED = "imported"


def act(call: _entry.Call) -> _entry.Result:
    if call.params["state"] == EXPORTED:
        return options.result(export(call))
    return options.with_lock_file(options.result(take_in(call)), call.params["lock_file"], call.check_mode)


def export(call: _entry.Call) -> t.Tuple[mirror.Outcome, ...]:
    """Registries to layout."""
    params = call.params
    copies = targets.kept(params["images"])
    registries = options.registries(params)
    with layout.opened(params["path"]) as there:
        outcomes = mirror.run(copies, registries, there, options.manner(params, call.check_mode), options.Teller(_entry.teller(call)))
        # What did arrive is kept, whatever failed.
        if not call.check_mode:
            there.finish()
    return outcomes


def take_in(call: _entry.Call) -> t.Tuple[mirror.Outcome, ...]:
    """Layout to registry."""
    params = call.params
    if not os.path.exists(params["path"]):
        raise _errors.BadInputError("is not there", f"path {params['path']}", "Export the images first, or carry the file here.")
    registries = options.registries(params)
    with layout.opened(params["path"]) as there:
        copies = targets.plan(params["images"] or there.names, naming.make(params["registry"], params["project"], params["overrides"]))
        return mirror.run(copies, there, registries, options.manner(params, call.check_mode), options.Teller(_entry.teller(call)))


SPEC = options.spec(
    {
        "path": {"type": "path", "required": True},
        "state": {"type": "str", "choices": [EXPORTED, IMPORTED], "required": True},
        "images": {"type": "list", "elements": "raw", "default": []},
        "registry": {"type": "str"},
        "project": {"type": "str"},
        "overrides": {"type": "dict", "default": {}},
        "lock_file": {"type": "path"},
    },
    act,
    required_if=[("state", EXPORTED, ("images",)), ("state", IMPORTED, ("registry", "project"))],
    required_by={"username": ("registry",), "lock_file": ("registry", "project")},
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
