# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: image_ref
short_description: The parts of a reference to an image
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Takes a reference apart by the rules of container runtimes. A name without a host is Docker Hub's, C(library/) is put before a
    single component there, and without tag and digest the tag is V(latest).
  - What is no reference is an error.
options:
  _input:
    description: The reference.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show whose image it is
  ansible.builtin.debug:
    msg: "{{ ('busybox:1.36' | podnet.cni.image_ref).host }}"
"""

RETURN = r"""
_value:
  description:
    - The host with its port, the path, the tag and the digest, which are empty where there is none. C(name) is host and path, and
      C(reference) all of it in full spelling.
  type: dict
  sample:
    host: docker.io
    path: library/busybox
    tag: "1.36"
    digest: ""
    name: docker.io/library/busybox
    reference: docker.io/library/busybox:1.36
"""

import dataclasses
import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import reference


def image_ref(text: str) -> t.Dict[str, str]:
    """The parts of the reference."""
    try:
        parsed = reference.parse(str(text))
    except _errors.PodnetError as error:
        raise AnsibleFilterError(str(error)) from error
    return {**dataclasses.asdict(parsed), "name": parsed.name, "reference": str(parsed)}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"image_ref": image_ref}
