#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy_matrix
short_description: Compute what NetworkPolicies allow, and hold it against what has to be
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Computes from manifests, or from objects that were read of a cluster, which pods may reach which on which ports, and why. It asks no
    cluster, so it can run in a pipeline before anything is applied.
  - With O(expectations) it fails when somebody can be reached who must not be, or cannot be reached who has to be.
  - With O(compare_sources) or O(compare_objects) it tells what opens and what closes.
  - A verdict is V(allow), V(deny), or V(undefined) where the API leaves it to the CNI. It is about new connections, after the CNI has taken
    note of the policies.
  - NetworkPolicies are examined as the API server does it. What it refuses is an error with file, document, line and field, and no
    report is written. What it takes and what probably means something else is in RV(findings).
  - Policies of other kinds (ClusterNetworkPolicy and its forerunners) are not evaluated; where one may decide, the verdict is V(undefined).
extends_documentation_fragment:
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
requirements:
  - PyYAML
  - jinja2, which comes with ansible-core
options:
  sources:
    description:
      - Files, directories and URLs (C(http), C(https)) of manifests. Of a directory these are all files named C(*.yaml), C(*.yml) and
        C(*.json), also in directories below it.
      - Read are Namespace, Pod, workloads with a pod template, Service, EndpointSlice, Endpoints, Node, NetworkPolicy, and lists of them.
        Other kinds are passed over. A workload stands for its pods where these are not in the input.
      - A large cluster is best read as JSON, which takes a small part of the time.
    type: list
    elements: str
  objects:
    description: The same as dictionaries, such as C(resources) of M(kubernetes.core.k8s_info). They are added to O(sources).
    type: list
    elements: dict
  compare_sources:
    description: How it is without the change, as O(sources). Namespaces and pods have to be among them too.
    type: list
    elements: str
  compare_objects:
    description: The same as dictionaries, as O(objects).
    type: list
    elements: dict
  namespace:
    description: The namespace of objects that name none, as C(kubectl apply -n) has it.
    type: str
    default: default
  ports:
    description:
      - The ports to look at, such as V(TCP/80), V(UDP/53) or V(80), which is TCP.
      - If not set, all ports, as few ranges that the rules tell apart.
    type: list
    elements: str
  cni:
    description:
      - Whose behaviour counts where the API leaves it open. V(flannel) enforces no policies at all.
      - With V(generic) such verdicts are V(undefined).
    type: str
    choices: [generic, calico, cilium, flannel]
    default: generic
  pod_cidrs:
    description:
      - The ranges from which pods get addresses, for workloads whose pods are not there yet, and for the findings about V(ipBlock).
      - If not set, those that Nodes tell.
    type: list
    elements: str
    default: []
  expectations:
    description:
      - Who may reach whom, and who must not. A list, or the path or URL of a YAML or JSON file with such a list, or with an object whose
        C(expectations) are that list.
      - Each entry has C(source), C(destination), C(port) and C(verdict), V(allow) or V(deny), and perhaps C(name). Each of the first three
        may be a list, which stands for all combinations.
      - An end is V(namespace/pod), V(namespace/Kind/name) of a workload or a Service, V(Node/name), or an address. One that is not in the
        input is an error.
      - An expectation about what is V(undefined) is not met and not missed, and does not fail.
    type: raw
  explain:
    description: Connections whose verdicts are to be explained.
    type: list
    elements: dict
    default: []
    suboptions:
      source:
        description: Who connects, an end as in O(expectations).
        type: str
        required: true
      destination:
        description: To whom.
        type: str
        required: true
      port:
        description: To which port, such as V(TCP/80), V(TCP/http) or V(80).
        type: str
        required: true
  strict:
    description: Whether it also fails on RV(findings) of severity V(warning).
    type: bool
    default: false
  dest:
    description: The directory for the reports. It is made if it is not there. If not set, nothing is written.
    type: path
  formats:
    description:
      - Which reports are written. They are named C(network-policies.txt), C(.json), C(.md), C(.xml) and C(.html).
      - V(html) is one page without script that loads nothing, with the reason of each field. V(junit) has a test for each expectation,
        skipped where it is undefined. V(json) has all there is, also of a cluster too large for a table.
    type: list
    elements: str
    choices: [text, json, markdown, junit, html]
    default: [text, json, markdown, junit, html]
seealso:
  - module: podnet.cni.network_path
  - module: kubernetes.core.k8s_info
"""

EXAMPLES = r"""
- name: Check in a pipeline that the policies do what they are for
  podnet.cni.network_policy_matrix:
    sources: [manifests/]
    expectations: tests/network-expectations.yaml
    cni: calico
    dest: build/network-policies

- name: Ask why the client cannot reach the web server
  podnet.cni.network_policy_matrix:
    sources: [manifests/]
    explain:
      - {source: shop/Deployment/client, destination: shop/Deployment/web, port: TCP/80}
  register: asked

- name: Read what is in the cluster
  kubernetes.core.k8s_info:
    api_version: "{{ item.api_version }}"
    kind: "{{ item.kind }}"
  loop:
    - {api_version: v1, kind: Namespace}
    - {api_version: v1, kind: Pod}
    - {api_version: v1, kind: Service}
    - {api_version: v1, kind: Node}
    - {api_version: networking.k8s.io/v1, kind: NetworkPolicy}
  register: cluster

- name: Tell what a new policy would open and close there
  podnet.cni.network_policy_matrix:
    objects: "{{ cluster.results | map(attribute='resources') | flatten(levels=1) }}"
    sources: [new-policy.yaml]
    compare_objects: "{{ cluster.results | map(attribute='resources') | flatten(levels=1) }}"
"""

RETURN = r"""
passed:
  description: Whether no expectation is missed and, with O(strict), there is no warning.
  returned: success
  type: bool
  sample: true
summary:
  description: What was read, what is allowed on each port, and how many findings, changes and expectations there are.
  returned: success
  type: list
  elements: str
  sample:
    - "1 policy, 5 pods in 3 namespaces, 5 classes of pods that policies tell apart (CNI: generic)"
    - "TCP/80: 17 of 20 pairs of pods allowed"
    - "expectations: 4 met, 0 missed, 0 undefined"
verdicts:
  description:
    - How many ordered pairs of pods NetworkPolicies allow and deny, by port or range of ports. Each address family of a pod counts by
      itself.
    - Pods on the network of their node are counted as pods, unless the CNI never takes them for such.
  returned: success
  type: list
  elements: dict
  sample: [{port: TCP/80, allow: 17, deny: 3}]
findings:
  description: What is worth knowing about the input; when it is refused, what is wrong with it.
  returned: success, and when the API server would refuse an object
  type: list
  elements: dict
  contains:
    id:
      description: Which kind of finding it is. It never changes.
      type: str
      returned: always
      sample: or-versus-and
    severity:
      description: V(error) is what the API server refuses, V(warning) or V(info).
      type: str
      returned: always
      sample: warning
    kind:
      description: The object's kind. Its name is in C(namespace) and C(name).
      type: str
      returned: always
      sample: NetworkPolicy
    namespace:
      description: Its namespace.
      type: str
      returned: always
      sample: shop
    name:
      description: Its name.
      type: str
      returned: always
      sample: web
    file:
      description: The file or URL; empty for O(objects).
      type: str
      returned: always
      sample: manifests/web.yaml
    document:
      description: The document in the file, from 1; 0 if there is no file.
      type: int
      returned: always
      sample: 1
    line:
      description: The line of the field, from 1; 0 if there is no file.
      type: int
      returned: always
      sample: 16
    field:
      description: The path of the field in the object.
      type: str
      returned: always
      sample: spec.ingress[0].from
    message:
      description: What there is to say.
      type: str
      returned: always
      sample: "items 0 and 1 are alternatives: either matches"
    advice:
      description: What to do.
      type: str
      returned: always
      sample: If both should have to match, remove the second dash so that they are one item.
    readings:
      description: How the same can be read, for what is easily misread.
      type: list
      elements: str
      returned: always
      sample: []
    text:
      description: All of it as one text.
      type: str
      returned: always
      sample: "manifests/web.yaml, document 1 (line 16), NetworkPolicy shop/web: spec.ingress[0].from: items 0 and 1 are alternatives: ..."
difference:
  description:
    - What opens and what closes on the way from O(compare_sources) and O(compare_objects) to O(sources) and O(objects).
    - Pods that only one of both has are in C(added) and C(removed), and nothing is compared about them.
    - Empty if there is nothing to compare with.
  returned: success
  type: dict
  sample:
    opens: []
    closes:
      - port: TCP/80
        kind: closes
        sources: [{name: lab/visitor, members: [lab/visitor]}]
        destinations: [{name: shop/web, members: [shop/web]}]
    added: []
    removed: []
explanations:
  description: The answers to O(explain), in its order. C(text) is all of it; C(pairs) has it member by member.
  returned: success
  type: list
  elements: dict
  sample:
    - source: lab/visitor
      destination: shop/web
      port: TCP/80
      verdict: deny
      pairs: []
      text: "lab/visitor to shop/web on TCP/80: deny\n      ingress: shop/web isolates the pod and its rule does not match"
expectations:
  description: What came of each expectation.
  returned: success
  type: list
  elements: dict
  sample:
    - name: Clients may ask the web server
      source: shop/client
      destination: shop/web
      port: TCP/80
      verdict: allow
      found: allow
      result: met
      where: "tests/network-expectations.yaml, line 4"
      explanation: "shop/client to shop/web on TCP/80: allow\n      ingress: shop/web allows it by spec.ingress[0] (TCP/80)"
files:
  description: The paths of the reports.
  returned: success
  type: list
  elements: str
  sample: [build/network-policies/network-policies.html]
"""

import os
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.module_utils._control import asked, files, sources
from ansible_collections.podnet.cni.plugins.module_utils._control.objects import Manifests
from ansible_collections.podnet.cni.plugins.module_utils._images import documents
from ansible_collections.podnet.cni.plugins.module_utils._netpol import (
    PROFILES,
    World,
    difference,
    expectations,
    load,
    study,
)
from ansible_collections.podnet.cni.plugins.module_utils._report import policies

_OWN = "expectations"


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    named = [*(params["sources"] or ()), *(params["compare_sources"] or ()), str(params[_OWN] or "")]
    call.no_log_values |= {password for source in named for password in sources.passwords_in(source)}
    found = _studied(params)
    contents = {policies.FILES[form]: policies.render(found, form) for form in params["formats"]} if params["dest"] else {}
    changed = files.differing(params["dest"], contents) if contents else ()
    if changed and not call.check_mode:
        files.write(params["dest"], contents)
    faults = _faults(found, params["strict"])
    result = {
        "changed": bool(changed),
        "passed": not faults,
        "summary": found.summary(),
        "verdicts": [vars(count) for count in found.counts],
        **policies.facts(found),
        "files": [os.path.join(params["dest"], name) for name in contents],
        "diff": _diff(found, changed),
    }
    if faults:
        raise _errors.FoundFailingError("\n".join(faults), result)
    return result


# --- What is asked ---


def _studied(params: t.Mapping[str, t.Any]) -> study.Study:
    manifests, world = _world(params, "sources", "objects")
    other = _world(params, "compare_sources", "compare_objects")[1] if _compares(params) else None
    columns = study.columns([world, other] if other else [world], params["ports"] or ())
    matrix = world.matrix(str(column.port) for column in columns)
    return study.Study(
        matrix,
        columns,
        findings=tuple(map(manifests.located, world.findings())),
        difference=difference.between(other, world, tuple(column.port for column in columns)) if other else None,
        explanations=tuple(
            expectations.explain(matrix, one["source"], one["destination"], one["port"], f"explain[{number}]")
            for number, one in enumerate(params["explain"])
        ),
        outcomes=expectations.check(matrix, asked.expected(params[_OWN])),
    )


def _compares(params: t.Mapping[str, t.Any]) -> bool:
    return params["compare_sources"] is not None or params["compare_objects"] is not None


def _world(params: t.Mapping[str, t.Any], named: str, given: str) -> t.Tuple[Manifests, World]:
    """What the manifests of one option and the objects of another describe together."""
    manifests = Manifests(sources.read_all(params[named], {}, named) if params[named] is not None else ())
    with asked.located(manifests):
        objects = [*(params[given] or ()), *manifests.documents]
        return manifests, load(objects, params["namespace"], params["cni"], params["pod_cidrs"])


# --- What is told ---


def _faults(found: study.Study, strict: bool) -> t.List[str]:
    """Why the task fails, most of all what has to be and is not."""
    return [*map(asked.fault, found.missed), *(str(one) for one in found.warnings if strict)]


def _diff(found: study.Study, changed: t.Sequence[str]) -> t.List[t.Dict[str, str]]:
    """The reports that are new, and the reachability that is."""
    told = [{"before": "", "after": "".join(f"{name} is new or differs\n" for name in changed)}] if changed else []
    if found.difference is not None:
        told.append({"prepared": policies.signed_changes(found)})
    return told


SPEC = _entry.Spec(
    {
        "sources": {"type": "list", "elements": "str"},
        "objects": {"type": "list", "elements": "dict"},
        "compare_sources": {"type": "list", "elements": "str"},
        "compare_objects": {"type": "list", "elements": "dict"},
        "namespace": {"type": "str", "default": "default"},
        "ports": {"type": "list", "elements": "str"},
        "cni": {"type": "str", "choices": list(PROFILES), "default": "generic"},
        "pod_cidrs": {"type": "list", "elements": "str", "default": []},
        "expectations": {"type": "raw"},
        "explain": {
            "type": "list",
            "elements": "dict",
            "default": [],
            "options": {name: {"type": "str", "required": True} for name in ("source", "destination", "port")},
        },
        "strict": {"type": "bool", "default": False},
        "dest": {"type": "path"},
        "formats": {"type": "list", "elements": "str", "choices": list(policies.FILES), "default": list(policies.FILES)},
    },
    act,
    libraries={"PyYAML": lambda: documents.YAML_IMPORT_ERROR, "jinja2": lambda: policies.JINJA2_IMPORT_ERROR},
    required_one_of=[("sources", "objects")],
)


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
