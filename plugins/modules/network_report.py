#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_report
short_description: Draw a cluster's network, and how packets travel in it, as a page
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Writes C(network.html), one page that needs nothing else, and C(network.json) with the same and more.
  - The page explains how packets travel between the nodes, draws the way of each packet that O(flows) asks about, and shows the tables that
    an administrator would read by hand, each line beside what it is for. With flannel, and with Calico's VXLAN, each is compared
    with what has to be there.
  - With O(sightings) it holds what was foretold against packets that were sent and captured.
extends_documentation_fragment:
  - podnet.cni.packets
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - jinja2, which comes with ansible-core
options:
  dest:
    description: The directory for the files. It is made if it is not there.
    type: path
    required: true
  sightings:
    description: What M(podnet.cni.packet_trace) returned on each node, by the node's name.
    type: dict
    default: {}
seealso:
  - module: podnet.cni.network_path
  - module: podnet.cni.packet_trace
  - module: podnet.cni.cni_state
"""

EXAMPLES = r"""
- name: Draw the network
  podnet.cni.network_report:
    dest: ./network
    cluster: "{{ read.cluster }}"
    snapshots: "{{ snapshots }}"
    services: "{{ services.resources }}"
"""

RETURN = r"""
passed:
  description: Whether nothing differs, each packet arrives, and what was captured is what was foretold.
  returned: success
  type: bool
  sample: true
reasons:
  description: Why it is not so.
  returned: success
  type: list
  elements: str
  sample: []
files:
  description: The paths of the files.
  returned: success
  type: list
  elements: str
  sample: [/srv/network/network.html, /srv/network/network.json]
summary:
  description: A line for each journey, and one for what was captured of each flow.
  returned: success
  type: list
  elements: str
  sample:
    - "pod/default/client -> service/default/myapp:80: 50% delivered by n1 > n2"
    - "pod/default/client -> service/default/myapp:80: 5 of 5 packets came as foretold, 5 answers too"
"""

import json
import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import inspect
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account, proof
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.account import Account
from ansible_collections.podnet.cni.plugins.module_utils._control import files
from ansible_collections.podnet.cni.plugins.module_utils._report import network


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    world, accounts = account.asked(params)
    seen = _by_flow(params["sightings"])
    proofs = [_proof(item, params["sightings"], seen) for item in accounts if item.flow.name in seen]
    found = inspect.inspect(world, accounts, proofs)
    sights = {flow: {proof.sight(node, item) for node, items in by_node.items() for item in items} for flow, by_node in seen.items()}
    contents = {
        "network.html": network.render(found, world, sights),
        "network.json": json.dumps(_records.plain(found), indent=2, sort_keys=True) + "\n",
    }
    changed = files.differing(params["dest"], contents)
    if changed and not call.check_mode:
        files.write(params["dest"], contents)
    return {
        "changed": bool(changed),
        "passed": not found.reasons,
        "reasons": list(found.reasons),
        "files": [os.path.join(params["dest"], name) for name in contents],
        "summary": [*(line for item in accounts for line in account.lines(item)), *map(str, proofs), *_missed(params["sightings"])],
        "diff": {"before": "", "after": "".join(f"{name} is new or differs\n" for name in changed)},
    }


#: Sightings of a flow by node.
_ByNode = t.Dict[str, t.List[t.Mapping[str, t.Any]]]


def _by_flow(traced: t.Mapping[str, t.Any]) -> t.Dict[str, _ByNode]:
    """Of each flow that was sent."""
    found: t.Dict[str, _ByNode] = {name: {} for result in traced.values() for name in result.get("sent", {})}
    for node, result in traced.items():
        for item in result.get("sightings", ()):
            found.setdefault(item["trace"], {}).setdefault(node, []).append(item)
    return found


def _missed(traced: t.Mapping[str, t.Any]) -> t.List[str]:
    """Where packets came by that nobody looked at, so that one of a trace may be among them."""
    return [
        f"{node}: {result['missed']} packets came by unseen, for the node was busy"
        for node, result in traced.items()
        if result.get("missed")
    ]


def _proof(item: Account, traced: t.Mapping[str, t.Any], seen: t.Mapping[str, _ByNode]) -> proof.Proof:
    name = item.flow.name
    sent: t.List[float] = next((result["sent"][name] for result in traced.values() if name in result.get("sent", {})), [])
    listened = {node: (result["began"], result["ended"]) for node, result in traced.items() if "began" in result}
    return proof.judge(item, proof.Capture(sent, seen[name], listened))


SPEC = _entry.Spec(
    {
        "dest": {"type": "path", "required": True},
        **account.OPTIONS,
        "sightings": {"type": "dict", "default": {}},
    },
    act,
    libraries={"jinja2": lambda: network.JINJA2_IMPORT_ERROR},
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
