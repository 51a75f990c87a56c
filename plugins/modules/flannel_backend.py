#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: flannel_backend
short_description: Give a running flannel another backend
version_added: 0.1.0
description:
  - Changes the C(Backend) in flannel's C(net-conf.json), starts flanneld anew with it, and waits until every node announces it. All other
    bytes of C(net-conf.json) stay as they are.
  - Flannel is found by image and command, whatever its objects are called and in which namespace they are.
  - Nothing of the backend before is removed from the nodes. Flannel itself leaves all of it, and the narrowest route wins, so that is the
    other half of a switch. It is what O(podnet.cni.cni_state#module:remove) is for, and the role C(podnet.cni.flannel) has an entry point
    C(switch) that does both in their order.
  - Runs on the control machine.
author: The podnet.cni authors (@podnet)
requirements:
  - kubernetes >= 24.2.0
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server tries every change in a dry run.
  diff_mode:
    support: full
  idempotent:
    support: full
    details: A switch whose run was killed is gone on with. Its DaemonSet says how far it came.
options:
  backend:
    description: The C(Backend) of C(net-conf.json), with its C(Type) and that backend's options.
    type: dict
    required: true
  start:
    description:
      - How flanneld is started anew. V(rolling) is the DaemonSet's own rollout, V(at_once) deletes all of its pods at the same time.
      - V(auto) rolls where nodes before and after the change reach each other, and starts all at once where they do not.
    type: str
    choices: [auto, rolling, at_once]
    default: auto
  allow_udp:
    description: Whether backend V(udp) may be chosen, which is for debugging only. Its flanneld runs privileged.
    type: bool
    default: false
  snapshots:
    description:
      - What M(podnet.cni.cni_info) returned on each node, by the node's name.
      - Where it is given, the nodes are asked whether they can carry packets by the new backend, and the switch is refused if one cannot.
    type: dict
    default: {}
  timeout:
    description: Seconds until flanneld has to run with its new configuration on every node.
    type: int
    default: 300
seealso:
  - module: podnet.cni.cni_state
"""

EXAMPLES = r"""
- name: Have flannel route packets by the nodes themselves
  podnet.cni.flannel_backend:
    backend:
      Type: host-gw
    kubeconfig: ~/.kube/config
  delegate_to: localhost
  run_once: true

- name: See what another VXLAN would change
  podnet.cni.flannel_backend:
    backend:
      Type: vxlan
      VNI: 7
  check_mode: true
  diff: true
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
before:
  description: The backend before, with all of its options.
  returned: success
  type: dict
  sample: {Type: vxlan, VNI: 1, Port: 0, MTU: 0, GBP: false, Learning: false, DirectRouting: false}
after:
  description: The backend afterwards, with all of its options.
  returned: success
  type: dict
  sample: {Type: host-gw}
needed:
  description: Whether flannel did not have this backend, or a switch to it was not finished. The same in check mode.
  returned: success
  type: bool
  sample: true
title:
  description: The switch in words.
  returned: success
  type: str
  sample: vxlan to vxlan (VNI 7)
net_conf:
  description: The text of C(net-conf.json) afterwards, a key in it hidden.
  returned: success
  type: str
  sample: '{"Network": "10.244.0.0/16", "Backend": {"Type": "host-gw"}}'
start:
  description: How flanneld is started anew, V(rolling) or V(at_once).
  returned: success
  type: str
  sample: rolling
reason:
  description: Why.
  returned: success
  type: str
  sample: what the kernel has of the backend before carries packets until every node has changed
smaller_mtu:
  description: Whether pods that were made before have a larger MTU than the backend carries, so that they have to be made anew.
  returned: success
  type: bool
  sample: false
checks:
  description: What was asked of the nodes before, as M(podnet.cni.cni_preflight) tells it. Empty without O(snapshots).
  returned: success, or when a check failed
  type: list
  elements: dict
  sample: []
summary:
  description: The same for a person.
  returned: success, or when a check failed
  type: list
  elements: str
  sample: ["passed   one-subnet  3 nodes reach each other without a router", "1 passed, 0 failed, 0 skipped"]
leaving:
  description: Devices that carry packets now and go, by node. Empty without O(snapshots).
  returned: success
  type: dict
  sample: {n1: [flannel.1], n2: [flannel.1]}
hazards:
  description: What may go wrong with a switch like this one.
  returned: success
  type: list
  elements: str
  sample: []
"""

import datetime as dt
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import checks
from ansible_collections.podnet.cni.plugins.module_utils._cni import flannel as discovery
from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot as model
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import readiness, switch, table
from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import Node
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, flannel
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline

_SECRETS = {name.lower() for backend in table.BACKENDS.values() for name, option in backend.OPTIONS.items() if option.secret}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    call.no_log_values |= {str(value) for key, value in params["backend"].items() if key.lower() in _SECRETS and value}
    api = client.get_client(call)
    found = flannel.find(api)
    planned = switch.plan(found.net_conf, params["backend"], found.where, allow_udp=params["allow_udp"])
    snapshots = model.from_option(params["snapshots"])
    members = flannel.members(api) if snapshots else ()
    asked = _asked(planned, members, snapshots)
    edited = planned.changed or (not found.is_under_way and flannel.is_stale(api, found, planned))
    mark = switch.mark(planned.text, found.revision if edited else "", found.marks)
    changed = edited or found.is_under_way
    start = planned.start if params["start"] == "auto" else params["start"]
    if changed:
        now = dt.datetime.now(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        flannel.configure(api, found, planned, mark, call.check_mode)
        flannel.restart(api, found, planned, mark, now, at_once=start == switch.AT_ONCE, dry_run=call.check_mode)
    # Also where an earlier run was killed while its restart was under way.
    if not call.check_mode and (changed or found.is_marked(mark)):
        flannel.wait(api, found, planned, mark, Deadline(params["timeout"]))
    before, after = discovery.without_secrets(found.net_conf), discovery.without_secrets(planned.text)
    return {
        "changed": changed,
        "needed": changed,
        "title": f"{planned.before} to {planned.after}",
        "before": _shown(planned.before),
        "after": _shown(planned.after),
        "net_conf": after,
        "start": start,
        "reason": planned.reason,
        "smaller_mtu": planned.smaller,
        "checks": checks.to_dicts(asked),
        "summary": checks.summary(asked) if asked else [],
        "leaving": {name: list(devices) for name, devices in readiness.leaving(planned, members, snapshots).items()},
        "hazards": list(planned.hazards),
        "diff": {"before": before, "after": after, "before_header": found.where, "after_header": found.where},
    }


def _asked(planned: switch.Switch, members: t.Sequence[Node], snapshots: readiness.Snapshots) -> t.Tuple[checks.Check, ...]:
    """Whether the nodes can carry the new backend; nothing is asked where nobody looked at them."""
    if not snapshots:
        return ()
    asked = readiness.judge(planned, members, snapshots)
    if checks.failures(asked):
        told = {"checks": checks.to_dicts(asked), "summary": checks.summary(asked)}
        raise _errors.FoundFailingError("\n".join(["The switch is refused.", *checks.failure_lines(asked)]), told)
    return asked


def _shown(settings: table.Settings) -> t.Dict[str, t.Any]:
    options = settings.backend.OPTIONS
    hidden = {name: discovery.HIDDEN for name, option in options.items() if option.secret and settings.options[name]}
    return {"Type": settings.name, **settings.options, **hidden}


SPEC = client.spec(
    {
        "backend": {"type": "dict", "required": True},
        "start": {"type": "str", "choices": ["auto", switch.ROLLING, switch.AT_ONCE], "default": "auto"},
        "snapshots": {"type": "dict", "default": {}},
        "allow_udp": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 300},
    },
    act,
)


def main() -> None:
    """Entry point of the module."""
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
