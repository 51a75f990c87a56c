#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: containerd_registry
short_description: Have a node's containerd take images from a registry of your own
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Writes C(hosts.toml) below containerd's C(config_path) - how to speak with the registry, its certificate authority and who asks, and
    for each source host that the registry answers for it. Names of images in manifests stay as they are.
  - It is one of two ways to use mirrored images. The other, M(podnet.cni.manifest_images), rewrites manifests and needs nothing on the
    nodes but trust in the registry, which O(sources) left empty gives.
  - containerd reads the files at each pull, so nothing is restarted.
  - What images are called is the scheme of M(podnet.cni.manifest_images), so that one mirrored set serves both ways.
  - All files that this module has written before and that are not wanted any more are removed.
  - Runs on the nodes.
requirements:
  - root on the node
  - containerd with C(config_path) set in its configuration
options:
  state:
    description: V(absent) removes all files of this module's, and brings back those that it moved aside.
    type: str
    choices: [present, absent]
    default: present
  registry:
    description: The registry with the copies, C(harbor.example) or C(harbor.example:8443). Required if O(state=present).
    type: str
  project:
    description: The project on it. Required with O(sources).
    type: str
  sources:
    description: Hosts whose images are taken from the registry.
    type: list
    elements: str
    default: []
  overrides:
    description: A source host, or the beginning of a source's name, and the path on the registry that takes its place.
    type: dict
    default: {}
  scheme:
    description: How to speak with the registry. V(http) is for tests.
    type: str
    choices: [https, http]
    default: https
  ca:
    description: The registry's certificate authority in PEM. Without it, those that the node trusts.
    type: str
  username:
    description: Who asks, such as a robot of Harbor's that may pull.
    type: str
  password:
    description: The secret of O(username). It is kept in files that only root can read.
    type: str
  keep_upstream:
    description:
      - Whether a source host itself is asked for what the registry does not have. Without it a missing copy is an error that one sees,
        and upstream is never used silently.
    type: bool
    default: false
  force:
    description: Whether files of somebody else's that stand in the way are moved aside. Without it they are an error.
    type: bool
    default: false
  config_path:
    description: The directory to write below. Without it, containerd is asked.
    type: path
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
    details: Credentials are not shown.
  idempotent:
    support: full
seealso:
  - module: podnet.cni.image_mirror
  - module: podnet.cni.manifest_images
  - module: podnet.cni.node_images
"""

EXAMPLES = r"""
- name: Trust Harbor, and take what it mirrors from it alone
  podnet.cni.containerd_registry:
    registry: harbor.example
    project: mirror
    sources: [quay.io, registry.k8s.io]
    ca: "{{ lookup('ansible.builtin.file', 'harbor-ca.crt') }}"
  become: true

- name: Let the nodes pull as they did before
  podnet.cni.containerd_registry:
    state: absent
  become: true
"""

RETURN = r"""
files:
  description: The files that were written, removed or moved, or would be in check mode.
  returned: success
  type: list
  elements: str
  sample: [/etc/containerd/certs.d/quay.io/hosts.toml]
config_path:
  description: The directory that containerd reads.
  returned: success
  type: str
  sample: /etc/containerd/certs.d
"""

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError
from ansible_collections.podnet.cni.plugins.module_utils._images import containerd, naming
from ansible_collections.podnet.cni.plugins.module_utils._node import registry_hosts


def settle(params: t.Mapping[str, t.Any], check_mode: bool, root: str = "/") -> t.Dict[str, t.Any]:
    """Plans, and writes, removes and moves unless in check mode."""
    wish = _wish(params) if params["state"] == "present" else None
    config_path = params["config_path"] or registry_hosts.config_path()
    present = registry_hosts.read(config_path, root)
    wanted = containerd.files(wish, config_path) if wish else {}
    _refuse(containerd.strangers(wanted, present), present, params["force"])
    changes = containerd.plan(wanted, present)
    if not check_mode:
        registry_hosts.apply(changes, root)
    return {
        "changed": bool(changes),
        "files": [change.path for change in changes],
        "config_path": config_path,
        "diff": containerd.diff(changes),
    }


def _wish(params: t.Mapping[str, t.Any]) -> containerd.Wish:
    if params["sources"] and not params["project"]:
        raise BadInputError("the project that has the copies is not named", "project", "Name it, or leave sources empty.")
    named = naming.make(params["registry"], params["project"] or "library", params["overrides"])
    return containerd.Wish(
        named,
        tuple(map(naming.source_host, params["sources"])),
        params["scheme"],
        params["ca"] or "",
        params["username"] or "",
        params["password"] or "",
        params["keep_upstream"],
    )


def _refuse(strangers: t.Sequence[str], present: containerd.Files, force: bool) -> None:
    """Before anything is changed."""
    twice = [path for path in strangers if f"{path}{containerd.ASIDE}" in present]
    if twice:
        raise BadInputError(
            f"this file is not from podnet.cni, and {containerd.ASIDE} of it is taken by an earlier one", twice[0], "Move one of them away."
        )
    if strangers and not force:
        raise BadInputError(
            "this file is not from podnet.cni and stands where one of ours would be",
            strangers[0],
            "Nothing was changed. With force it is moved aside, and comes back with state=absent.",
        )


def act(call: _entry.Call) -> _entry.Result:
    return settle(call.params, call.check_mode)


SPEC = _entry.Spec(
    {
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "registry": {"type": "str"},
        "project": {"type": "str"},
        "sources": {"type": "list", "elements": "str", "default": []},
        "overrides": {"type": "dict", "default": {}},
        "scheme": {"type": "str", "choices": ["https", "http"], "default": "https"},
        "ca": {"type": "str"},
        "username": {"type": "str"},
        "password": {"type": "str", "no_log": True},
        "keep_upstream": {"type": "bool", "default": False},
        "force": {"type": "bool", "default": False},
        "config_path": {"type": "path"},
    },
    act,
    required_if=[("state", "present", ("registry",))],
    required_together=[("username", "password")],
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
