#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: image_mirror
short_description: Copy images from registries into a project of another registry
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Copies images registry to registry, with all their platforms and with their digests, and leaves alone what is there already. An image
    that is the same costs one question on each side and is never written.
  - All images of a call are copied together. Each layer is read once and sent once; a repository that needs it too takes it from the other
    one in the registry. Layers stream through, they are neither unpacked nor kept.
  - An image's tag is written last, so that it is there whole or not at all, and is then looked at again.
  - An image that fails hides no other. The result tells of each, and the task fails at the end.
  - Docker's old manifest schema 1 is refused.
options:
  images:
    description:
      - References of images as pods name them, or dictionaries of C(source) and C(target).
      - Without C(target) an image goes to C(REGISTRY/PROJECT/HOST/PATH) with its tag, where HOST is the registry it comes from, with V(_)
        for the V(:) before a port. An image that is named by digest alone gets the tag C(digest-DIGITS), since Harbor
        removes what has no tag.
      - A C(target) is a path in O(registry), with or without a tag.
    type: list
    elements: raw
    required: true
  registry:
    description: The registry to copy to, with its port if it has one.
    type: str
    required: true
  project:
    description: The project in it, which has to be there.
    type: str
    required: true
  overrides:
    description:
      - Other places for some copies, as O(podnet.cni.manifest_images#module:overrides). A source's host, or the beginning of its name, to
        the path on O(registry) that takes its place.
    type: dict
    default: {}
  lock_file:
    description:
      - Where to write RV(lock), for O(podnet.cni.manifest_images#module:lock_file) to pin digests with. It is written when every image is
        at its place, and not at all otherwise.
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
notes:
  - In Ansible's worker, so without C(async), C(timeout) or C(environment) at the task, a long copy shows every few seconds how far it is.
seealso:
  - module: podnet.cni.image_archive
  - module: podnet.cni.manifest_images
  - module: podnet.cni.node_images
"""

EXAMPLES = r"""
- name: Mirror Calico's images to Harbor
  podnet.cni.image_mirror:
    registry: harbor.example.com
    project: mirror
    username: robot$mirror+push
    password: "{{ harbor_robot_secret }}"
    images:
      - quay.io/calico/node:v3.31.0
      - quay.io/calico/cni:v3.31.0
  register: mirrored

- name: Take one platform of an image to a place of my own, from a registry with a private certificate
  podnet.cni.image_mirror:
    registry: harbor.example.com
    project: mirror
    platforms: [linux/amd64]
    hosts:
      - host: registry.internal:5000
        ca_file: /etc/ssl/internal.pem
    images:
      - source: registry.internal:5000/tools/probe:2.1
        target: mirror/probe:2.1
"""

RETURN = r"""
images:
  description:
    - What became of each image. C(action) is V(copied), V(unchanged), V(failed) or V(would copy).
    - C(digest) is what the target has, C(source_digest) what the source's reference means, and C(digest_before) what the target had.
    - Bytes are those of layers and configurations - C(bytes_copied) from the source, C(bytes_mounted) from another
      repository of the target, C(bytes_skipped) there already.
  returned: always
  type: list
  elements: dict
  sample:
    - source: quay.io/calico/node:v3.31.0
      target: harbor.example.com/mirror/quay.io/calico/node:v3.31.0
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
  description: Of each image that is or would be there, which bytes its reference meant and where they are.
  returned: always
  type: list
  elements: dict
  sample:
    - source: quay.io/calico/node:v3.31.0
      digest: sha256:3c2d04c9c2e10b3d2e2bd2cf0b0d6bcd6c6bdf4a6b0dbd6fd1b3b0b4c2f6a7e1
      target: harbor.example.com/mirror/quay.io/calico/node:v3.31.0
summary:
  description: All of it in one line.
  returned: always
  type: str
  sample: 1 copied, 59 unchanged; 384 MiB sent, 0 B mounted
"""

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, targets
from ansible_collections.podnet.cni.plugins.module_utils._registry import mirror, options


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    copies = targets.plan(params["images"], naming.make(params["registry"], params["project"], params["overrides"]))
    registries = options.registries(params)
    teller = options.Teller(_entry.teller(call))
    outcomes = mirror.run(copies, registries, registries, options.manner(params, call.check_mode), teller)
    return options.with_lock_file(options.result(outcomes), params["lock_file"], call.check_mode)


SPEC = options.spec(
    {
        "images": {"type": "list", "elements": "raw", "required": True},
        "registry": {"type": "str", "required": True},
        "project": {"type": "str", "required": True},
        "overrides": {"type": "dict", "default": {}},
        "lock_file": {"type": "path"},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
