# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: rewrite_images
short_description: A manifest's text with its images' names replaced by those of their copies
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Does to a text what M(podnet.cni.manifest_images) does to files. What was left alone is only told by the module.
positional: registry, project
options:
  _input:
    description: YAML or JSON, perhaps of many documents.
    type: str
    required: true
  registry:
    description: As O(podnet.cni.manifest_images#module:registry).
    type: str
    required: true
  project:
    description: As O(podnet.cni.manifest_images#module:project).
    type: str
    required: true
  overrides:
    description: As O(podnet.cni.manifest_images#module:overrides).
    type: dict
    default: {}
  lock:
    description: The text of a lock file, as of O(podnet.cni.manifest_images#module:lock_file).
    type: str
    default: ""
  rules:
    description: As O(podnet.cni.manifest_images#module:rules).
    type: list
    elements: dict
    default: []
  also:
    description: As O(podnet.cni.manifest_images#module:also).
    type: list
    elements: str
    default: []
  operator_host:
    description: As O(podnet.cni.manifest_images#module:operator_host).
    type: str
    default: quay.io
seealso:
  - module: podnet.cni.manifest_images
"""

EXAMPLES = r"""
- name: Apply a manifest with its images from the mirror
  kubernetes.core.k8s:
    definition: "{{ lookup('ansible.builtin.file', 'files/app.yaml') | podnet.cni.rewrite_images('harbor.example', 'mirror') }}"
"""

RETURN = r"""
_value:
  description: The same text with other names of images.
  type: str
  sample: "spec: {containers: [{name: a, image: harbor.example/mirror/docker.io/library/busybox:1.36}]}"
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import lock as lock_file
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, rewriting


def rewrite_images(
    text: str,
    registry: str,
    project: str,
    *,
    overrides: t.Optional[t.Mapping[str, str]] = None,
    lock: str = "",
    rules: t.Iterable[t.Mapping[str, str]] = (),
    also: t.Iterable[str] = (),
    operator_host: str = "quay.io",
) -> str:
    """The text rewritten."""
    try:
        pins = lock_file.parse(lock, "lock") if lock else None
        wanted = rewriting.wanted_of(rules, also)
        settings = rewriting.Settings(naming.make(registry, project, overrides), pins, wanted, operator_host)
        return rewriting.rewrite(str(text), settings).text
    except _errors.PodnetError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"rewrite_images": rewrite_images}
