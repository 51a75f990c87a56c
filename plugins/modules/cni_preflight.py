#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: cni_preflight
short_description: Decide whether a cluster's CNI can be changed, before anything is
version_added: 0.1.0
description:
  - Judges what M(podnet.cni.cni_cluster_info) and M(podnet.cni.cni_info) read. It says where the cluster stands, which pod network
    the change is to use, and answers a list of questions, each with a stable id and what was seen.
  - Talks to nothing, so it can be run again later on facts that were kept, or on another machine with O(bundle).
author: The podnet.cni authors (@podnet)
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: full
options:
  bundle:
    description:
      - An archive that M(podnet.cni.support_bundle) wrote, to judge instead of O(cluster), O(snapshots), O(hosts) and O(journal).
      - It is read where the module runs, and neither the cluster nor a node is asked.
    type: path
  cluster:
    description: The cluster as RV(podnet.cni.cni_cluster_info#module:cluster) holds it. Needed without O(bundle).
    type: dict
  snapshots:
    description:
      - For each node's name in the inventory, its snapshot as RV(podnet.cni.cni_info#module:snapshot) holds it. Needed without O(bundle).
      - A node that could not be reached is left out.
    type: dict
  hosts:
    description:
      - The inventory's names of all nodes, reached or not.
      - When empty, a node without a snapshot counts as unreachable.
      - Not used with O(bundle), which has its own.
    type: list
    elements: str
    default: []
  target:
    description: The CNI the cluster is to run.
    type: str
    choices: [calico, flannel]
    default: calico
  network:
    description:
      - The pod network the target is to use.
      - When empty, the one of the CNI that runs, or of the migration that was interrupted.
    type: str
    default: ""
  encapsulation:
    description: How Calico is to carry packets between nodes.
    type: str
    choices: [vxlan, vxlan_cross_subnet, ipip, none]
    default: vxlan
  mtu:
    description: The MTU that Calico's pods are to have, which must fit the nodes' network; V(0) for what Calico finds out itself.
    type: int
    default: 0
  calico_policies:
    description:
      - What may become of objects that only Calico knows, such as its policies of its own kinds, where the target is V(flannel). With
        V(keep) it is a failure that there are some.
    type: str
    choices: [keep, delete]
    default: keep
  strategy:
    description:
      - The way to make the change. V(side_by_side) and V(cutover) replace a running CNI, V(install) puts one where none is, and
        V(rollback) takes a migration from flannel back that is half way.
      - An unknown one is reported like any other failed check.
    type: str
    default: cutover
  journal:
    description:
      - What an earlier run noted before it changed anything - C(source), C(network), C(strategy), C(undoing) when it is being rolled
        back, and C(phase), which is V(done) at the end.
      - Other keys are ignored.
      - Not used with O(bundle), which has its own.
    type: dict
    default: {}
  fail:
    description: Whether to fail when a check failed.
    type: bool
    default: true
seealso:
  - module: podnet.cni.cni_cluster_info
  - module: podnet.cni.cni_info
  - module: podnet.cni.support_bundle
"""

EXAMPLES = r"""
- name: Read the cluster
  podnet.cni.cni_cluster_info:
    kubeconfig: ~/.kube/config
  register: cluster_facts

- name: See whether Calico could be installed, without failing
  podnet.cni.cni_preflight:
    cluster: "{{ cluster_facts.cluster }}"
    snapshots: {}
    strategy: install
    network: 10.244.0.0/16
    fail: false
  register: preflight

- name: Judge a cluster that somebody captured elsewhere
  podnet.cni.cni_preflight:
    bundle: ./podnet-cni-bundle.tar.gz
    fail: false
  delegate_to: localhost

- name: Show each question and its answer
  ansible.builtin.debug:
    var: preflight.summary
"""

RETURN = r"""
checks:
  description:
    - Each question in order - its id, its result, what was seen and where, what to do next, C(details), all the single things that
      are wrong, and C(fix), a command that does the next step, where there is one.
    - The result is C(passed), C(info) (good to know), C(warning) (should be looked at, stops nothing), C(failed) or C(skipped).
    - C(severity) says how much the answer weighs, which is C(error) for what failed, C(warning), or C(info).
  returned: always
  type: list
  elements: dict
  sample:
    - id: pool-overlaps-services
      result: failed
      seen: network 10.96.0.0/16 overlaps the Service range 10.96.0.0/12
      where: network
      next_step: Choose a network that shares no address with it.
      details: []
      fix: ""
      severity: error
passed:
  description: Whether no check failed.
  returned: always
  type: bool
  sample: false
state:
  description:
    - Where the cluster stands - V(flannel), V(migrating) (flannel is gone, Calico is not yet all there), V(calico), V(none) or V(other).
  returned: always
  type: str
  sample: flannel
network:
  description: The pod network the change is to use; empty when it is not known.
  returned: always
  type: str
  sample: 10.244.0.0/16
summary:
  description:
    - The checks as a table for a person, with a line of totals at the end.
    - Failures and warnings say what to do next. Long lists are cut short, except those of failures.
  returned: always
  type: list
  elements: str
  sample:
    - passed   nodes-ready    3 of 3 Ready
    - passed   flannel-found  kube-flannel/kube-flannel-ds, 3 of 3 ready, backend vxlan, Network 10.244.0.0/16
    - 2 passed, 0 failed, 0 skipped
"""

import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import bundle, checks, cluster, manifests, snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import questions, situation, strategy


def argument_spec() -> t.Dict[str, t.Any]:
    return {
        "bundle": {"type": "path"},
        "cluster": {"type": "dict"},
        "snapshots": {"type": "dict"},
        "hosts": {"type": "list", "elements": "str", "default": []},
        "target": {"type": "str", "choices": list(strategy.TARGETS), "default": "calico"},
        "network": {"type": "str", "default": ""},
        "encapsulation": {"type": "str", "choices": list(manifests.ENCAPSULATIONS), "default": "vxlan"},
        "mtu": {"type": "int", "default": 0},
        "calico_policies": {"type": "str", "choices": ["keep", "delete"], "default": "keep"},
        "strategy": {"type": "str", "default": "cutover"},
        "journal": {"type": "dict", "default": {}},
        "fail": {"type": "bool", "default": True},
    }


#: Either an archive, or what was just read.
RULES: t.Mapping[str, t.Any] = {
    "mutually_exclusive": [("bundle", "cluster"), ("bundle", "snapshots")],
    "required_one_of": [("bundle", "cluster")],
    "required_together": [("cluster", "snapshots")],
}


def kept(path: str) -> t.Dict[str, t.Any]:
    """The options that an archive stands for."""
    try:
        data = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise _errors.BadInputError(f"cannot be read: {error.strerror}", f"bundle {path}", "Name an archive on this machine.") from error
    found = bundle.unpack(data, path)
    return {"cluster": found.cluster, "snapshots": found.snapshots, "hosts": found.hosts, "journal": found.journal}


def examine(params: t.Mapping[str, t.Any]) -> questions.Verdict:
    """The verdict on what the options hold."""
    if params["bundle"]:
        params = {**params, **kept(params["bundle"])}
    seen = cluster.from_option(params["cluster"])
    snapshots = snapshot.from_option(params["snapshots"])
    wanted = situation.Wanted(
        target=params["target"],
        network=params["network"],
        encapsulation=params["encapsulation"],
        strategy=params["strategy"],
        hosts=tuple(params["hosts"]),
        mtu=params["mtu"],
        drop_policies=params["calico_policies"] == "delete",
    )
    noted = {key: str(params["journal"].get(key) or "") for key in ("source", "network", "phase", "undoing", "strategy")}
    return questions.examine(seen, snapshots, wanted, situation.Journal(**noted))


def act(call: _entry.Call) -> _entry.Result:
    verdict = examine(call.params)
    result = {
        "changed": False,
        "checks": checks.to_dicts(verdict.checks),
        "passed": verdict.passed,
        "state": verdict.state,
        "network": verdict.network,
        "summary": checks.summary(verdict.checks),
    }
    if call.params["fail"] and not verdict.passed:
        raise _errors.FoundFailingError(questions.failure_message(verdict), result)
    return result


SPEC = _entry.Spec(argument_spec(), act, **RULES)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
