#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: support_bundle
short_description: Keep all that was read of a cluster's network in one archive without secrets
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Writes one C(tar.gz) with the snapshots of cluster and nodes, the verdict of the preflight, the journal of a migration, flannel's
    C(net-conf.json), versions, and a manifest of it all.
  - M(podnet.cni.cni_preflight) judges it again, on any machine and without the cluster, see
    O(podnet.cni.cni_preflight#module:bundle).
  - Talks to nothing. What it writes is what its options hold, without what is or looks like a secret, such as keys, tokens,
    passwords, certificates and kubeconfigs. Manifests in the journal are left out whole.
  - The same content makes the same bytes.
options:
  dest:
    description:
      - The archive, on the machine where the module runs. Its directory is made. It is readable by its owner only, as addresses and names
        of a cluster are nobody else's business.
    type: path
    required: true
  cluster:
    description:
      - The cluster as RV(podnet.cni.cni_cluster_info#module:cluster) holds it.
      - Empty when the API server could not be read. Such an archive cannot be judged again.
    type: dict
    default: {}
  snapshots:
    description:
      - For each node's name in the inventory, its snapshot as RV(podnet.cni.cni_info#module:snapshot) holds it.
      - A node that could not be read is left out.
    type: dict
    default: {}
  hosts:
    description: The inventory's names of all nodes, read or not.
    type: list
    elements: str
    default: []
  journal:
    description: The data of the migration's journal, as its ConfigMap holds it.
    type: dict
    default: {}
  preflight:
    description: What M(podnet.cni.cni_preflight) returned.
    type: dict
    default: {}
  problems:
    description: What could not be read, and why.
    type: list
    elements: str
    default: []
  captured:
    description: The time at which all this was read, as people write it. When empty, an archive of the same content is the same archive.
    type: str
    default: ""
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
  - module: podnet.cni.cni_cluster_info
  - module: podnet.cni.cni_info
  - module: podnet.cni.cni_preflight
"""

EXAMPLES = r"""
- name: Keep what was read
  podnet.cni.support_bundle:
    dest: ./podnet-cni-bundle.tar.gz
    cluster: "{{ cluster_facts.cluster }}"
    snapshots: "{{ snapshots }}"
    hosts: "{{ ansible_play_hosts_all }}"
    preflight: "{{ preflight }}"
    captured: "{{ now(utc=true, fmt='%Y-%m-%dT%H:%M:%SZ') }}"
  delegate_to: localhost
  run_once: true

- name: Judge it later, on another machine
  podnet.cni.cni_preflight:
    bundle: ./podnet-cni-bundle.tar.gz
    fail: false
  delegate_to: localhost
"""

RETURN = r"""
dest:
  description: The archive.
  returned: success
  type: str
  sample: ./podnet-cni-bundle.tar.gz
files:
  description: The files in it.
  returned: success
  type: list
  elements: str
  sample:
    - podnet-cni-bundle/cluster.json
    - podnet-cni-bundle/manifest.json
    - podnet-cni-bundle/nodes/0000-n1.json
    - podnet-cni-bundle/versions.json
size:
  description: Its size in bytes.
  returned: success
  type: int
  sample: 48211
missing:
  description: The nodes of which it has no snapshot.
  returned: success
  type: list
  elements: str
  sample: [n3]
"""

import pathlib
import typing as t

from ansible.module_utils import ansible_release

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _files
from ansible_collections.podnet.cni.plugins.module_utils._cni import bundle

_MODE = 0o600


def contents(params: t.Mapping[str, t.Any]) -> bundle.Contents:
    """What the options hold."""
    return bundle.Contents(
        cluster=params["cluster"],
        snapshots=params["snapshots"],
        hosts=tuple(params["hosts"]),
        journal=params["journal"],
        preflight=params["preflight"],
        tools={"ansible-core": ansible_release.__version__},
        problems=tuple(params["problems"]),
        captured=params["captured"],
    )


def keep(target: pathlib.Path, kept: bundle.Contents, check_mode: bool) -> t.Dict[str, t.Any]:
    """Writes the archive, unless it is there already or in check mode."""
    data = bundle.pack(kept)
    try:
        before = target.read_bytes() if target.exists() else b""
        if data != before and not check_mode:
            _files.replace(target, data, _MODE)
    except OSError as error:
        raise _errors.BadInputError(
            f"cannot be written: {error.strerror}", f"dest {target}", "Name a file in a directory that you may write to."
        ) from error
    return {
        "changed": data != before,
        "dest": str(target),
        "files": bundle.names(kept),
        "size": len(data),
        "missing": list(kept.missing),
        "diff": {"before": _listed(before, str(target)), "after": _listed(data, str(target))},
    }


def _listed(data: bytes, where: str) -> str:
    """What is in an archive; something else that stands in its place is only said to be that."""
    if not data:
        return ""
    try:
        return "".join(f"{line}\n" for line in bundle.listing(data, where))
    except _errors.BadInputError:
        return f"{len(data)} bytes that are no bundle\n"


def act(call: _entry.Call) -> _entry.Result:
    return keep(pathlib.Path(call.params["dest"]), contents(call.params), call.check_mode)


SPEC = _entry.Spec(
    {
        "dest": {"type": "path", "required": True},
        "cluster": {"type": "dict", "default": {}},
        "snapshots": {"type": "dict", "default": {}},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "journal": {"type": "dict", "default": {}},
        "preflight": {"type": "dict", "default": {}},
        "problems": {"type": "list", "elements": "str", "default": []},
        "captured": {"type": "str", "default": ""},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
