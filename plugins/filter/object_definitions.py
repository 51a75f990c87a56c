# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
name: object_definitions
short_description: References to API objects as definitions that kubernetes.core takes
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - M(kubernetes.core.k8s) deletes a whole list in one call when it gets definitions. This makes them of references.
options:
  _input:
    description: References as RV(podnet.cni.cni_cluster_info#module:cluster) holds them.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what would be deleted
  ansible.builtin.debug:
    msg: "{{ references | podnet.cni.object_definitions }}"
  vars:
    references:
      - {api_version: apps/v1, kind: DaemonSet, name: kube-flannel-ds, namespace: kube-flannel}
"""

RETURN = r"""
_value:
  description: The definitions, with nothing but kind and place.
  type: list
  elements: dict
  sample:
    - {apiVersion: apps/v1, kind: DaemonSet, metadata: {name: kube-flannel-ds, namespace: kube-flannel}}
"""

import typing as t

from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef


def object_definitions(references: t.Iterable[t.Mapping[str, t.Any]]) -> t.List[t.Dict[str, t.Any]]:
    """The definitions, in the order of the references."""
    try:
        with _records.in_option("references", "cni_cluster_info"):
            return [_definition(_records.build(ObjectRef, item, {})) for item in references]
    except _errors.PodnetError as error:
        raise AnsibleFilterError(str(error)) from error


def _definition(reference: ObjectRef) -> t.Dict[str, t.Any]:
    place = {"namespace": reference.namespace} if reference.namespace else {}
    return {"apiVersion": reference.api_version, "kind": reference.kind, "metadata": {"name": reference.name, **place}}


class FilterModule:
    """The filters of this file."""

    def filters(self) -> t.Dict[str, t.Callable[..., t.Any]]:
        return {"object_definitions": object_definitions}
