#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: packet_trace
short_description: Send a few packets that can be recognized, and tell where they came by
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Listens on all devices of the node for a few seconds with a packet socket. The node named in a trace sends its packets meanwhile, from
    the network of a pod or from its own.
  - A packet is known by a mark in what it carries, whatever addresses and ports were translated on the way and whatever tunnel it is in.
    Of TCP the answer is known, too.
  - Run it on all nodes that the packets may come by, at the same time.
  - Of TCP it is the first packet of a connection that nobody goes on with; the sender's kernel resets it as soon as the answer comes. Of
    UDP the target gets a datagram with a line of text.
requirements:
  - root on the node
options:
  traces:
    description: What is sent, RV(podnet.cni.network_path#module:traces).
    type: list
    elements: dict
    required: true
    suboptions:
      flow:
        description: The trace's name.
        type: str
        required: true
      node:
        description: Name of the node that sends.
        type: str
        required: true
      uid:
        description: UID of the pod in whose network it is sent; empty for the node's own.
        type: str
        default: ""
      source:
        description: The address to send from.
        type: str
        required: true
      target:
        description: The address to send to.
        type: str
        required: true
      protocol:
        description: The protocol.
        type: str
        choices: [tcp, udp]
        default: tcp
      port:
        description: The port to send to.
        type: int
        required: true
  node:
    description: Name of this node.
    type: str
    required: true
  mark:
    description: A word that tells these traces from those of another run. The same on all nodes.
    type: str
    required: true
  seconds:
    description:
      - How long to listen. The packets are spread over this time, but for its beginning and its end.
      - Nodes do not begin at the same moment. M(podnet.cni.network_report) judges packets alone that were sent while all nodes on their way
        listened, so what is sent too early or too late does no harm.
    type: int
    default: 6
  count:
    description: Packets to send for each trace.
    type: int
    default: 5
  tunnels:
    description: Further UDP ports on which a tunnel of the kind V(vxlan) or V(udp) (flannel's) comes, beside the ones that are usual.
    type: dict
    default: {}
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: Neither sends nor listens.
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: podnet.cni.network_path
  - module: podnet.cni.network_report
"""

EXAMPLES = r"""
- name: Send the packets that were foretold, and see where they come by
  podnet.cni.packet_trace:
    traces: "{{ foretold.traces }}"
    node: "{{ inventory_hostname }}"
    mark: "{{ foretold.mark }}"
  become: true
  register: traced
"""

RETURN = r"""
sightings:
  description: The packets that were seen, in the order in which they came by.
  returned: success
  type: list
  elements: dict
  sample:
    - trace: pod/default/client -> service/default/myapp:80
      device: eth0
      number: 0
      answer: false
      leaving: true
      source: 10.244.0.5
      target: 10.244.1.7
      protocol: tcp
      target_port: 80
      outer: {source: 192.0.2.11, target: 192.0.2.12, port: 8472, vni: 1}
sent:
  description: When this node sent the packets of each trace, in seconds since the epoch.
  returned: success
  type: dict
  sample: {"pod/default/client -> service/default/myapp:80": [1795990796.1, 1795990796.8]}
began:
  description: Since when it listened, in seconds since the epoch.
  returned: success
  type: float
  sample: 1795990794.5
ended:
  description: Until when it listened.
  returned: success
  type: float
  sample: 1795990800.5
missed:
  description: Packets that came by while this was busy, and that were not looked at.
  returned: success
  type: int
  sample: 0
"""

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, frames, trace
from ansible_collections.podnet.cni.plugins.module_utils._node.sandboxes import Runtime

_KINDS = ("vxlan", "udp")
#: So that a slip of the pen does not become a flood.
_MOST_PACKETS = 100
_MOST_SECONDS = 60
_MOST_TRACES = 50


def run(params: t.Mapping[str, t.Any], check_mode: bool) -> _entry.Result:
    """Listens, and sends what this node is to send."""
    _demand_bounds(params)
    mine = [item for item in params["traces"] if item["node"] == params["node"]]
    if check_mode:
        return {"changed": False, "sightings": [], "sent": {}, "began": 0.0, "ended": 0.0, "missed": 0}
    senders = {item["flow"]: _sender(item) for item in mine}
    marks = {item["flow"]: trace.Mark(f"{params['mark']} {place}") for place, item in enumerate(params["traces"])}
    pace = trace.Pace(seconds=params["seconds"], count=params["count"])
    tunnels = _tunnels(params["tunnels"])
    try:
        found = trace.run(marks, senders, tunnels, pace)
    except OSError as error:
        told = f"packets cannot be sent or captured: {error}"
        raise NodeError(told, f"node {params['node']}", "Run this as root; a pod may have ended meanwhile: run again.") from error
    return {
        "changed": False,
        "sightings": [dataclasses.asdict(item) for item in found.sightings],
        "sent": dict.fromkeys(senders, found.sent),
        "began": found.began,
        "ended": found.ended,
        "missed": found.missed,
    }


def _demand_bounds(params: t.Mapping[str, t.Any]) -> None:
    bounds = {"count": _MOST_PACKETS, "seconds": _MOST_SECONDS}
    for name, most in bounds.items():
        if not 1 <= params[name] <= most:
            raise BadInputError(f"has to be from 1 to {most} and is {params[name]}", f"option {name}")
    if len(params["traces"]) > _MOST_TRACES:
        raise BadInputError(f"there are {len(params['traces'])} traces, and at most {_MOST_TRACES} at a time", "option traces")


def _tunnels(given: t.Mapping[str, t.Any]) -> t.Dict[int, str]:
    for port, kind in given.items():
        if not str(port).isdigit() or kind not in _KINDS:
            raise BadInputError(f"{port}: {kind} is no UDP port with one of {', '.join(_KINDS)}", "option tunnels")
    return {**frames.TUNNELS, **{int(port): kind for port, kind in given.items()}}


def _sender(item: t.Mapping[str, t.Any]) -> trace.Sender:
    process = 0
    if item["uid"]:
        found = collect.runtime()
        if found.problem:
            raise NodeError(f"the container runtime cannot be asked: {found.problem}", "this node", "Check that it runs.")
        process = Runtime(found.socket).process_of(item["uid"])
        if not process:
            raise NodeError(
                f"the runtime knows no running sandbox of the pod of {item['flow']}", "this node", "The pod may have moved: run again."
            )
    return trace.Sender(item["source"], item["target"], item["protocol"], item["port"], process)


def act(call: _entry.Call) -> _entry.Result:
    return run(call.params, call.check_mode)


_TRACE: t.Mapping[str, t.Any] = {
    "flow": {"type": "str", "required": True},
    "node": {"type": "str", "required": True},
    "uid": {"type": "str", "default": ""},
    "source": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
    "port": {"type": "int", "required": True},
}

SPEC = _entry.Spec(
    {
        "traces": {"type": "list", "elements": "dict", "required": True, "options": _TRACE},
        "node": {"type": "str", "required": True},
        "mark": {"type": "str", "required": True},
        "seconds": {"type": "int", "default": 6},
        "count": {"type": "int", "default": 5},
        "tunnels": {"type": "dict", "default": {}},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
