#!/usr/bin/python
# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: network_policy
short_description: Apply a set of NetworkPolicies, and tell first who can reach whom afterwards
version_added: 0.1.0
author: The podnet.cni authors (@podnet)
description:
  - Applies the NetworkPolicies of manifests as one set and deletes those of the set that are no longer among them. A policy is of a set by
    its label C(podnet.io/policy-set); no other policy is ever deleted.
  - Reads namespaces, pods, Services and policies of the cluster, and computes which pairs of pods the change opens and closes. In check
    mode that is all it does, and the API server is asked whether it would take each step.
  - With O(expectations) nothing is changed when somebody could be reached afterwards who must not be, or could not be who has to be.
  - Policies that differ only in what the API server fills in are not touched. Labels and annotations that others gave a policy stay.
  - The order of the steps is chosen so that no pair of pods is cut off for a moment that may talk before and at the end. Where every order
    cuts some, they are in RV(briefly_cut).
  - All steps are done or none. When one fails, those before it are taken back.
  - With O(verify) pods measure afterwards who reaches whom, and all is taken back when that is not what has to be. How it was is kept in
    the cluster until the verdict, so a run that is killed in between is taken back or confirmed by the next one.
  - Runs on the control machine.
extends_documentation_fragment:
  - kubernetes.core.k8s_auth_options
  - podnet.cni.attributes
attributes:
  check_mode:
    support: full
    details: The API server examines every step in a dry run, so what it would refuse shows.
  diff_mode:
    support: full
    details: Tells which pairs open and close, and each policy before and after.
  idempotent:
    support: full
options:
  state:
    description: V(absent) deletes all policies of the set, and reads neither O(sources) nor O(objects).
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - The name of the set. Two sets never touch each other's policies.
      - At most 63 of C(a-z), C(0-9), C(-) and C(.).
    type: str
    default: default
  sources:
    description:
      - Files, directories and URLs (C(http), C(https)) of manifests. Of a directory these are all files named C(*.yaml), C(*.yml) and
        C(*.json), also in directories below it.
      - What is no NetworkPolicy is passed over, and named in RV(ignored). No NetworkPolicy at all is an error.
    type: list
    elements: str
  objects:
    description: The same as dictionaries. They are added to O(sources).
    type: list
    elements: dict
  namespace:
    description: The namespace of policies that name none, as C(kubectl apply -n) has it. No namespace is ever made.
    type: str
    default: default
  prune:
    description: Whether to delete the policies of the set that are no longer wanted.
    type: bool
    default: true
  force_conflicts:
    description:
      - Whether to take over fields that others set to another value, as C(kubectl apply --server-side --force-conflicts) does. If not,
        that is an error which names them.
    type: bool
    default: false
  cni:
    description:
      - Whose behaviour counts where the API leaves it open. V(auto) finds it out, and is V(generic) for a CNI without a profile.
      - V(flannel) enforces no policies at all, which is a warning.
    type: str
    choices: [auto, generic, calico, cilium, flannel]
    default: auto
  ports:
    description:
      - The ports to look at, such as V(TCP/80), V(UDP/53) or V(80), which is TCP.
      - If not set, all ports, as few ranges that the rules tell apart.
    type: list
    elements: str
  expectations:
    description:
      - Who may reach whom afterwards, and who must not. A list, or the path or URL of a YAML or JSON file with such a list, or with an
        object whose C(expectations) are that list.
      - Entries are those of O(podnet.cni.network_policy_matrix#module:expectations).
    type: raw
  verify:
    description:
      - Measure on the live cluster that the policies do what they say, as M(podnet.cni.network_policy_probe) does. Its pods are there
        before the first change. In check mode none are made, and what stands in their way is told.
      - It runs also when nothing had to be changed.
    type: dict
    suboptions:
      expectations:
        description: As O(expectations), but measured, and after the change.
        type: raw
      namespaces:
        description: As O(podnet.cni.network_policy_probe#module:namespaces).
        type: list
        elements: str
        default: []
      clients:
        description: As O(podnet.cni.network_policy_probe#module:clients).
        type: str
        choices: [shadow, ephemeral]
        default: shadow
      ports:
        description: As O(podnet.cni.network_policy_probe#module:ports).
        type: list
        elements: str
        default: []
      allow_unenforced:
        description: As O(podnet.cni.network_policy_probe#module:allow_unenforced).
        type: bool
        default: false
      image:
        description: As O(podnet.cni.network_policy_probe#module:image).
        type: str
        default: registry.k8s.io/e2e-test-images/agnhost:2.53
      namespace:
        description: As O(podnet.cni.network_policy_probe#module:namespace).
        type: str
        default: podnet-policy-probe
      max_kinds:
        description: As O(podnet.cni.network_policy_probe#module:max_kinds).
        type: int
        default: 40
      start_timeout:
        description: As O(podnet.cni.network_policy_probe#module:start_timeout).
        type: int
        default: 120
      settle_timeout:
        description: As O(podnet.cni.network_policy_probe#module:settle_timeout).
        type: int
        default: 30
  rollback_on_failure:
    description: Whether all is taken back when O(verify) finds that it is not as it has to be. The task fails either way.
    type: bool
    default: true
requirements:
  - kubernetes >= 24.2.0
seealso:
  - module: podnet.cni.network_policy_matrix
  - module: podnet.cni.network_policy_probe
  - module: kubernetes.core.k8s
"""

EXAMPLES = r"""
- name: Show what the policies of the shop would open and close
  podnet.cni.network_policy:
    kubeconfig: ~/.kube/config
    name: shop
    sources: [policies/]
  check_mode: true
  diff: true

- name: Apply them, if clients can still reach the web server afterwards
  podnet.cni.network_policy:
    kubeconfig: ~/.kube/config
    name: shop
    sources: [policies/]
    expectations:
      - {source: shop/Deployment/client, destination: shop/Service/web, port: TCP/80, verdict: allow}

- name: Apply them, measure who reaches whom, and take all back if that is not what has to be
  podnet.cni.network_policy:
    kubeconfig: ~/.kube/config
    name: shop
    sources: [policies/]
    verify:
      namespaces: [shop]
      expectations:
        - {source: shop/Deployment/client, destination: shop/Service/web, port: TCP/80, verdict: allow}

- name: Remove them all
  podnet.cni.network_policy:
    kubeconfig: ~/.kube/config
    name: shop
    state: absent
"""

RETURN = r"""
rolled_back:
  description: Whether all was taken back, because the verification found that it was not as it has to be.
  returned: with O(verify), not in check mode
  type: bool
  sample: false
verification:
  description: What the verification found, as M(podnet.cni.network_policy_probe) returns it, with C(summary).
  returned: with O(verify), not in check mode, when it measured
  type: dict
  sample: {enforcement: enforced, settled_after: 1.4, differences: []}
changes:
  description: What was done, or would be, in this order.
  returned: success
  type: list
  elements: str
  sample: [create NetworkPolicy shop/web, delete NetworkPolicy shop/old]
cni:
  description: The CNI whose behaviour counted.
  returned: success
  type: str
  sample: calico
summary:
  description: What is in the cluster afterwards, what is allowed on each port, and how many findings, changes and expectations there are.
  returned: success
  type: list
  elements: str
  sample:
    - "3 policies, 5 pods in 3 namespaces, 5 classes of pods that policies tell apart (CNI: calico)"
    - "TCP/80: 17 of 20 pairs of pods allowed"
    - "difference: 0 open, 1 close"
    - "changes: 1 create, 1 delete"
difference:
  description: What the change opens and closes, as RV(podnet.cni.network_policy_matrix#module:difference) has it.
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
briefly_cut:
  description:
    - Pairs that may talk before and at the end, and are cut off between two steps, whatever the order.
    - C(after) is the step that cuts. They can talk again by the last step at the latest.
    - Empty too where the set is too large to look at each moment; RV(summary) says so, and the order is by kind of change alone.
  returned: success
  type: list
  elements: dict
  sample:
    - after: create NetworkPolicy shop/web
      port: TCP/80
      sources: [{name: lab/visitor, members: [lab/visitor]}]
      destinations: [{name: shop/web, members: [shop/web]}]
findings:
  description:
    - What is worth knowing about the policies of the set, as RV(podnet.cni.network_policy_matrix#module:findings) has it; when they are
      refused, what is wrong with them.
    - Policies in the cluster that today's API server would refuse are left out of what is computed, and are here too.
    - So are policies of other kinds (of C(policy.networking.k8s.io), Calico, Cilium, Antrea), which are not evaluated, and such kinds
      that may not be listed.
  returned: success, and when the API server would refuse an object
  type: list
  elements: dict
  sample:
    - id: or-versus-and
      severity: warning
      kind: NetworkPolicy
      namespace: shop
      name: web
      file: policies/web.yaml
      document: 1
      line: 16
      field: spec.ingress[0].from
      message: "items 0 and 1 are alternatives: either matches"
      advice: If both should have to match, remove the second dash so that they are one item.
      readings: []
      text: "policies/web.yaml, document 1 (line 16), NetworkPolicy shop/web: spec.ingress[0].from: items 0 and 1 are alternatives: ..."
expectations:
  description: What came of each expectation, as RV(podnet.cni.network_policy_matrix#module:expectations) has it.
  returned: success
  type: list
  elements: dict
  sample: []
previous:
  description: The policies that are changed or deleted as they were before, in a form that can be applied again.
  returned: success
  type: list
  elements: dict
  sample:
    - apiVersion: networking.k8s.io/v1
      kind: NetworkPolicy
      metadata: {name: old, namespace: shop, labels: {podnet.io/policy-set: shop}}
      spec: {podSelector: {}, policyTypes: [Ingress]}
ignored:
  description: What in O(sources) and O(objects) is no NetworkPolicy.
  returned: success
  type: list
  elements: str
  sample: ["policies/web.yaml, document 2 (line 20), Deployment shop/web"]
"""

import collections
import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors, _records
from ansible_collections.podnet.cni.plugins.module_utils._cni import manifests as texts
from ansible_collections.podnet.cni.plugins.module_utils._control import asked, run, sources
from ansible_collections.podnet.cni.plugins.module_utils._control.objects import Manifests
from ansible_collections.podnet.cni.plugins.module_utils._kube import client, lease, policy_apply, policy_trial, policy_world
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._netpol import DENY, PROFILES, applying, difference, expectations, study
from ansible_collections.podnet.cni.plugins.module_utils._probing import objects, trial
from ansible_collections.podnet.cni.plugins.module_utils._report import policies, probing

PRESENT = "present"
ABSENT = "absent"
AUTO = "auto"

_OPTIONS: t.Dict[str, t.Any] = {
    "state": {"type": "str", "choices": [PRESENT, ABSENT], "default": PRESENT},
    "name": {"type": "str", "default": "default"},
    "sources": {"type": "list", "elements": "str"},
    "objects": {"type": "list", "elements": "dict"},
    "namespace": {"type": "str", "default": "default"},
    "prune": {"type": "bool", "default": True},
    "force_conflicts": {"type": "bool", "default": False},
    "cni": {"type": "str", "choices": [AUTO, *PROFILES], "default": AUTO},
    "ports": {"type": "list", "elements": "str"},
    "expectations": {"type": "raw"},
    "verify": {"type": "dict", "options": {"expectations": {"type": "raw"}, **policy_trial.OPTIONS}},
    "rollback_on_failure": {"type": "bool", "default": True},
}


def act(call: _entry.Call) -> _entry.Result:
    params = call.params
    checks = params["verify"] or {}
    named = [*(params["sources"] or ()), str(params["expectations"] or ""), str(checks.get("expectations") or "")]
    call.no_log_values |= {password for source in named for password in sources.passwords_in(source)}
    applying.check_name(params["name"])
    manifests, wanted, ignored = _wanted(params)
    expected = asked.expected(params["expectations"])
    request = policy_trial.request(checks, asked.expected(checks["expectations"])) if checks else None
    connected = client.get_client(call)
    cni = policy_world.cni_of(Api(connected)) if params["cni"] == AUTO else params["cni"]
    trials = _Verification(connected, request, cni) if request else None
    if trials and not call.check_mode:
        # What another run is about to take back is nothing to build on.
        trials.session.wait()
    seen = policy_world.read(Api(connected))
    raw = objects.without_probes(seen.objects)
    wish = applying.Wish(params["name"], wanted, params["prune"] or params["state"] == ABSENT, cni)
    with asked.located(manifests):
        plan = applying.plan(raw, wish)
    plan = dataclasses.replace(plan, findings=(*seen.findings, *plan.findings))
    if wanted and not plan.after.profile.enforces:
        call.warn(f"{cni} enforces no NetworkPolicies: they are accepted, and nothing is denied.")
    found = _studied(plan, manifests, params["ports"] or (), expected)
    told = {**_told(plan, found), "cni": cni, "ignored": list(ignored)}
    _refuse_missed(found, told)
    if trials:
        trials.prepare(plan, raw)
    if request and call.check_mode:
        _foretell(call, plan, found, request)
    outcome = _carried_out(call, Api(connected), plan, None if call.check_mode else trials)
    result = {
        **told,
        **(trials.told() if trials and not call.check_mode else {}),
        "changed": bool(outcome.done) and not outcome.rolled_back,
        "previous": policy_apply.previous(plan.steps, outcome.earlier),
        "diff": _diff(plan, found),
    }
    _refuse_failed(outcome, trials, result)
    return result


def _refuse_missed(found: study.Study, told: _entry.Result) -> None:
    if found.missed:
        faults = [*map(asked.fault, found.missed), "Nothing was changed."]
        raise _errors.FoundFailingError("\n".join(faults), {**told, "changed": False})


def _foretell(call: _entry.Call, plan: applying.Plan, found: study.Study, request: policy_trial.Request) -> None:
    """What the verification will find, as far as it can be computed."""
    profile = plan.after.profile
    if not profile.enforces and plan.after.policies and not request.allow_unenforced:
        end = "all would be taken back" if call.params["rollback_on_failure"] else "nothing would be taken back"
        call.warn(
            f"The verification would fail and {end} where policies deny anything, for {profile.name} enforces none. "
            "Set allow_unenforced in verify if it is no failure."
        )
    tolerated = (DENY,) if not profile.enforces and request.allow_unenforced else ()
    for one in expectations.check(found.matrix, request.expected):
        if one.result == expectations.MISSED and one.expectation.verdict not in tolerated:
            call.warn(f"The verification would fail: {asked.fault(one)}")


def _carried_out(
    call: _entry.Call,
    api: Api,
    plan: applying.Plan,
    trials: t.Optional[_Verification],
) -> policy_apply.Outcome:
    manner = policy_apply.Manner(call.params["name"], call.params["force_conflicts"])
    if trials is None:
        outcome = policy_apply.transact(api, plan.steps, call.check_mode, manner=manner)
    else:
        with trials.session.opened():
            verify = trials.problems if call.params["rollback_on_failure"] else None
            outcome = policy_apply.transact(api, plan.steps, False, verify, manner)
            trials.conclude(outcome)
    if outcome.earlier:
        _warn_of_earlier(call, outcome)
    return outcome


def _refuse_failed(outcome: policy_apply.Outcome, trials: t.Optional[_Verification], result: _entry.Result) -> None:
    if trials and trials.wrong:
        end = "All changes were taken back." if outcome.rolled_back else "Nothing was taken back."
        raise _errors.FoundFailingError("\n".join([*trials.wrong, end]), result)


def _warn_of_earlier(call: _entry.Call, outcome: policy_apply.Outcome) -> None:
    rest = "." if call.check_mode else ", and is kept nowhere else from now on."
    call.warn(f"An earlier run ended before its verdict on {_names(outcome.earlier)}. How they were before it is in previous{rest}")


class _Verification:
    """Measures after the change, with pods that were there before it."""

    def __init__(self, connected: t.Any, request: policy_trial.Request, cni: str) -> None:
        self.session = policy_trial.Session(connected, request, cni, lease.Holder(run.name(), run.alive))
        self._request = request
        self._found: t.Optional[trial.Trial] = None
        self._rolled_back = False
        self.wrong: t.Sequence[str] = ()

    def prepare(self, plan: applying.Plan, raw: t.Sequence[t.Mapping[str, t.Any]]) -> None:
        """Chooses the pods, for all kinds that the policies of before or after tell apart, and refuses what could not be measured."""
        world = dataclasses.replace(plan.after, policies=(*plan.before.policies, *plan.after.policies))
        self.session.prepare(world, raw)

    def problems(self) -> t.Sequence[str]:
        """Measures; what is wrong, in words."""
        self._found = self.session.measure()
        self.wrong = self._found.faults(self._request.allow_unenforced)
        return self.wrong

    def conclude(self, outcome: policy_apply.Outcome) -> None:
        """Measures where nothing had to be verified on the way, or may be taken back."""
        self._rolled_back = outcome.rolled_back
        if self._found is None:
            self.problems()

    def told(self) -> _entry.Result:
        """What was found, as plain data."""
        found = {"summary": self._found.summary(), **probing.facts(self._found)} if self._found else {}
        return {"rolled_back": self._rolled_back, "verification": found}


# --- What is asked ---


def _wanted(params: t.Mapping[str, t.Any]) -> t.Tuple[Manifests, t.Tuple[applying.Document, ...], t.Tuple[str, ...]]:
    """The manifests, the policies among them, and the names of the rest."""
    if params["state"] == ABSENT:
        return Manifests(()), (), ()
    manifests = Manifests(sources.read_all(params["sources"], {}) if params["sources"] is not None else ())
    with asked.located(manifests):
        wanted, ignored = applying.sort([*(params["objects"] or ()), *manifests.documents], params["namespace"])
    if not wanted:
        others = f" (but {study.numbered(len(ignored), 'other object')})" if ignored else ""
        raise _errors.BadInputError(
            f"there is no NetworkPolicy among them{others}",
            ", ".join(map(sources.without_user, params["sources"] or ())) or "objects",
            "To remove the policies of the set, say state: absent.",
        )
    return manifests, wanted, ignored


def _studied(
    plan: applying.Plan, manifests: Manifests, ports: t.Sequence[str], expected: t.Sequence[expectations.Expectation]
) -> study.Study:
    columns = study.columns([plan.after, plan.before], ports)
    matrix = plan.after.matrix(str(column.port) for column in columns)
    return study.Study(
        matrix,
        columns,
        findings=tuple(map(manifests.located, plan.findings)),
        difference=difference.between(plan.before, plan.after, tuple(column.port for column in columns)),
        outcomes=expectations.check(matrix, expected),
    )


# --- What is told ---


def _told(plan: applying.Plan, found: study.Study) -> t.Dict[str, t.Any]:
    facts = policies.facts(found)
    return {
        "changes": list(map(str, plan.steps)),
        "summary": [*found.summary(), *_summary(plan)],
        **{name: facts[name] for name in ("difference", "findings", "expectations")},
        "briefly_cut": [_cut(cut) for cut in plan.briefly_cut or ()],
    }


def _summary(plan: applying.Plan) -> t.Iterator[str]:
    counts = collections.Counter(step.action for step in plan.steps)
    yield f"changes: {', '.join(f'{number} {action}' for action, number in sorted(counts.items())) or 'none'}"
    if plan.briefly_cut is None:
        yield "order: by kind of change; there is too much to look at each moment on the way"
    elif plan.briefly_cut:
        yield f"briefly cut: {study.numbered(len(plan.briefly_cut), 'group')} of pairs"


def _cut(cut: applying.Cut) -> t.Dict[str, t.Any]:
    plain: t.Dict[str, t.Any] = _records.plain(cut)
    return {name: plain[name] for name in ("after", "port", "sources", "destinations")}


def _names(keys: t.Iterable[applying.Key]) -> str:
    return ", ".join("/".join(key) for key in sorted(keys))


def _diff(plan: applying.Plan, found: study.Study) -> t.List[t.Dict[str, str]]:
    """Who can reach whom, and each policy that changes."""
    told = [{"prepared": policies.signed_changes(found)}] if found.difference and found.difference.changes else []
    for step in plan.steps:
        header = f"{applying.KIND} {'/'.join(step.key)}"
        told.append({"before_header": header, "after_header": header, "before": _text(step.before), "after": _text(step.after)})
    return told


def _text(policy: t.Optional[t.Mapping[str, t.Any]]) -> str:
    """The policy as YAML, with what the server fills in on both sides."""
    if policy is None:
        return ""
    plain = policy_apply.applicable(policy)
    return texts.dump([{**plain, "spec": applying.normalised(plain.get("spec") or {})}])


SPEC = client.spec(_OPTIONS, act, required_if=[("state", PRESENT, ("sources", "objects"), True)])


def main() -> None:
    _entry.main(SPEC)


if __name__ == "__main__":
    main()
