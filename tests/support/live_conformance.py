# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plays the cases of `conformance` on a live cluster: its pods are made once, and each step changes only what differs from the last one."""

from __future__ import annotations

import copy
import dataclasses
import ipaddress
import itertools
import statistics
import time
import types
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.cluster import ObjectRef
from ansible_collections.podnet.cni.plugins.module_utils._kube import client as kube_client
from ansible_collections.podnet.cni.plugins.module_utils._kube import lease, policy_probe, policy_trial
from ansible_collections.podnet.cni.plugins.module_utils._kube.api import Api
from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from ansible_collections.podnet.cni.plugins.module_utils._netpol import ALLOW, DENY, model, ports
from ansible_collections.podnet.cni.plugins.module_utils._probing import agent, kinds, objects, plan, trial
from tests.support.conformance import PORTS, Raw, Step

#: Not `objects.LABEL`'s own value: a probe that clears up after a killed run must not take these pods, nor may these take its.
_MINE = "conformance"
#: Tells the namespaces of a killed run from anybody else's; an annotation, because policies see labels.
_MARK = "podnet.io/conformance"
_SETTINGS = objects.Settings("podnet-conformance", "registry.k8s.io/e2e-test-images/agnhost:2.53", 3600)
_START, _SETTLE = 120, 30
_DEFAULT_LABEL = "kubernetes.io/metadata.name"
_PORTS = tuple(map(ports.parse, PORTS))


@dataclasses.dataclass(frozen=True)
class Outcome:
    """A step: ``waited`` seconds for the sentinels, ``seconds`` for all looks after them.

    In words, ``again``: what a second look was needed for, and ``differing``: what differs from the oracle at the end.
    """

    step: Step
    verdicts: int
    waited: float
    seconds: float
    again: tuple[str, ...]
    differing: tuple[str, ...]


class Field(policy_probe.Field):
    """Pods that ask, which nobody but this test removes."""

    def __init__(self, client: t.Any) -> None:
        super().__init__(client, _SETTINGS, lease.Holder("conformance", lambda _name: None))
        self.looks: list[policy_trial.Readings] = []

    def ask(self, connections: t.Sequence[plan.Connection]) -> policy_trial.Readings:
        self.looks.append(super().ask(connections))
        return dict(self.looks[-1])

    def restore(self) -> tuple[str, ...]:
        """Nobody else deletes them: a pod that does not report is seen as such."""
        return ()


class Cluster:
    """The cluster behind a kubeconfig, as the last step has left it."""

    def __init__(self, kubeconfig: str) -> None:
        call = types.SimpleNamespace(params={"kubeconfig": kubeconfig}, no_log_values=set())
        client = kube_client.get_client(t.cast("t.Any", call))
        self._api = Api(client)
        self.field = Field(client)
        self._uid = ""
        self._namespaces: dict[str, Raw] = {}
        self._policies: dict[tuple[str, str], Raw] = {}
        self._denied: frozenset[str] = frozenset()
        nodes = plan.ready_nodes({**one, "kind": "Node"} for one in self._api.items("/api/v1/nodes") or ())[0]
        self._nodes = itertools.cycle(nodes)
        self.unsupported: frozenset[str] = frozenset()

    # --- Coming and going ---

    def open(self, first: Step) -> None:
        """Makes the pods of the step, after those of a killed run are gone, and learns which protocols the kernels lack."""
        self.close()
        self._uid = self._api.create(_marked(_mine(objects.namespace(_SETTINGS))))["metadata"]["uid"]
        self._change(dataclasses.replace(first, objects=tuple(one for one in first.objects if one["kind"] != "NetworkPolicy")))
        connections = [self._connection(name, name, port) for name in first.pods for port in _PORTS]
        readings = self.field.ask(connections)
        self.unsupported = frozenset(one.port.protocol for one, reading in readings.items() if reading.word == agent.UNSUPPORTED)

    def close(self) -> None:
        """Removes every namespace that this made, and waits until they are gone."""
        for one in self._marked_namespaces():
            self._api.delete(ObjectRef("v1", "Namespace", one["metadata"]["name"], ""), one["metadata"]["uid"])
        left = Deadline(_START).poll(self._marked_namespaces, lambda seen: not seen)
        assert not left, f"namespaces still there: {[one['metadata']['name'] for one in left]}"

    def _marked_namespaces(self) -> list[t.Mapping[str, t.Any]]:
        return [one for one in self._api.items("/api/v1/namespaces") or () if _MARK in (one["metadata"].get("annotations") or {})]

    # --- Changing ---

    def _change(self, step: Step) -> None:
        """Makes the cluster what the step says: what is to go goes first, and pods come before the policies on their addresses."""
        wanted = {kind: [one for one in step.objects if one["kind"] == kind] for kind in ("Namespace", "Pod", "NetworkPolicy")}
        policies = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in wanted["NetworkPolicy"]}
        for namespace, name in self._policies.keys() - policies.keys():
            self._api.delete(ObjectRef("networking.k8s.io/v1", "NetworkPolicy", name, namespace))
        self._remove_pods(set(self.field.stands) - set(step.pods))
        self._change_namespaces({one["metadata"]["name"]: one["metadata"]["labels"] for one in wanted["Namespace"]})
        self._change_pods({f"{one['metadata']['namespace']}/{one['metadata']['name']}": one for one in wanted["Pod"]})
        addresses = {one["status"]["podIP"]: self.field.stands[name].address for name, one in zip(step.pods, wanted["Pod"], strict=True)}
        policies = {key: _readdressed(one, addresses) for key, one in policies.items()}
        for key, policy in policies.items():
            if key not in self._policies:
                self._api.create(policy)
            elif self._policies[key] != policy:
                self._api.replace(policy)
        self._policies = policies

    def _remove_pods(self, names: set[str]) -> None:
        for name in names:
            stand = self.field.stands.pop(name)
            self._api.delete(ObjectRef("v1", "Pod", stand.name, stand.namespace))
        left = Deadline(_START).poll(lambda: [name for name in names if self._pod(name)], lambda seen: not seen)
        assert not left, f"pods still there: {left}"

    def _change_namespaces(self, wanted: dict[str, Raw]) -> None:
        gone = self._namespaces.keys() - wanted.keys()
        for name in gone:
            self._api.delete(ObjectRef("v1", "Namespace", name, ""))
        left = Deadline(_START).poll(lambda: [one for one in gone if self._api.item(f"/api/v1/namespaces/{one}")], lambda seen: not seen)
        assert not left, f"namespaces still there: {left}"
        for name, labels in wanted.items():
            meta = {"name": name, "labels": {**labels, _DEFAULT_LABEL: name}}
            if name not in self._namespaces:
                self._api.create(_marked({"apiVersion": "v1", "kind": "Namespace", "metadata": meta}))
            elif self._namespaces[name] != labels:
                self._api.patch(ObjectRef("v1", "Namespace", name, ""), _relabelled(self._namespaces[name], labels))
        self._namespaces = copy.deepcopy(wanted)

    def _change_pods(self, wanted: dict[str, Raw]) -> None:
        made = []
        for number, (name, pod) in enumerate(wanted.items()):
            stand, labels = self.field.stands.get(name), pod["metadata"]["labels"]
            if stand is None:
                made.append(_stand(number, pod, next(self._nodes)))
            elif stand.kind.model.labels != labels:
                self._api.patch(ObjectRef("v1", "Pod", stand.name, stand.namespace), _relabelled(stand.kind.model.labels, labels))
                self.field.stands[name] = dataclasses.replace(_stand(number, pod, stand.node), addresses=stand.addresses)
        for stand in made:
            self._api.create(_mine(objects.shadow(stand, (), _SETTINGS, self._uid)))
        for stand in made:
            seen = Deadline(_START).poll(lambda stand=stand: self._pod(stand.reference), _is_running)  # type: ignore[misc]
            assert _is_running(seen), f"pod {stand.reference} does not run: {(seen or {}).get('status')}"
            self.field.stands[stand.reference] = dataclasses.replace(stand, addresses=(t.cast("Raw", seen)["status"]["podIP"],))

    def _pod(self, reference: str) -> t.Mapping[str, t.Any] | None:
        namespace, _, name = reference.partition("/")
        return self._api.item(f"/api/v1/namespaces/{namespace}/pods/{name}")

    # --- Measuring ---

    def play(self, step: Step) -> Outcome:
        """Changes the cluster, waits until a few connections do what is new, and measures all of them."""
        self._change(step)
        used = [port for port in _PORTS if port.protocol not in self.unsupported]
        connections = [self._connection(source, target, port) for source in step.pods for target in step.pods for port in used]
        expected = {one: DENY if _pair(one) in step.denied else ALLOW for one in connections if not one.is_control}
        began = time.monotonic()
        changed = [one for one in expected if (_pair(one) in self._denied) != (expected[one] == DENY)]
        sentinels = _sentinels(changed, expected)
        if sentinels:
            controls = {self._connection(one.target, one.target, one.port) for one in sentinels}
            policy_trial.settle(self.field, [*controls, *sentinels], expected, _SETTLE)
        waited = time.monotonic() - began
        self.field.looks.clear()
        settled = policy_trial.settle(self.field, connections, expected, _SETTLE)
        self._denied = step.denied
        first, *others = self.field.looks
        again = (f"{one}: {','.join(first[one].words)}" for one in (others[0] if others else ()))
        return Outcome(step, len(expected), waited, settled.seconds, tuple(again), tuple(_wrong(settled.readings, expected)))

    def _connection(self, source: str, target: str, port: ports.Port) -> plan.Connection:
        return plan.ask(self.field.stands[source], self.field.stands[target], port, says=True)


def summary(outcomes: t.Sequence[Outcome], seconds: float, unsupported: t.Iterable[str]) -> list[str]:
    """What was measured, in lines. A flake is a step that needed another look after its sentinels agreed."""
    times, flakes = [one.seconds for one in outcomes], [one for one in outcomes if one.again]
    left_out = sum(len(one.step.pods) * (len(one.step.pods) - 1) * sum(p.protocol in unsupported for p in _PORTS) for one in outcomes)
    return [
        f"{len(outcomes)} steps of {sum(one.step.number == 0 for one in outcomes)} cases in {seconds:.0f} s",
        f"after the sentinels agreed, a step took {statistics.median(times):.2f} s in the median, {max(times):.2f} s at most",
        f"{sum(one.verdicts for one in outcomes)} verdicts compared, {sum(len(one.differing) for one in outcomes)} differ",
        f"{len(flakes)} flakes",
        *(f"flake: {one.step}, {one.seconds:.2f} s, {len(one.again)} connections again: {'; '.join(one.again[:5])}" for one in flakes),
        f"left out, for the agent says unsupported: {', '.join(sorted(unsupported)) or 'nothing'}, {left_out} verdicts",
    ]


def _sentinels(changed: t.Iterable[plan.Connection], expected: policy_trial.Expected) -> list[plan.Connection]:
    """Of the changed connections so many that each pod is an end of one, on either side, where any of its own opened, and where any closed.

    What a side allows is known on the node of its pod alone, and every node learns of a change in its own time.
    """
    found: list[plan.Connection] = []
    covered: set[tuple[str, str, str]] = set()
    for one in changed:
        ends = {("from", one.source, expected[one]), ("to", one.target, expected[one])}
        if not ends <= covered:
            found.append(one)
            covered |= ends
    return found


def _pair(one: plan.Connection) -> str:
    return f"{one.source}>{one.target}:{one.port}"


def _wrong(readings: policy_trial.Readings, expected: policy_trial.Expected) -> t.Iterator[str]:
    controls = {(one.target, one.port): reading.word for one, reading in readings.items() if one.is_control}
    for one, verdict in expected.items():
        measured, seen = trial.told(readings[one], controls[one.target, one.port], one, verdict)
        if measured != verdict:
            yield f"{one}: {seen}, where the oracle says {verdict}"


def _stand(number: int, pod: Raw, node: str) -> plan.Stand:
    meta = pod["metadata"]
    named = tuple(model.NamedPort(one["name"], one["protocol"], one["containerPort"]) for one in pod["spec"]["containers"][0]["ports"])
    imitated = model.Pod(meta["namespace"], meta["name"], labels=meta["labels"], ports=named)
    return plan.Stand(meta["namespace"], meta["name"], node, kinds.Kind(number, (imitated,)))


def _mine(definition: Raw) -> Raw:
    definition["metadata"]["labels"][objects.LABEL] = _MINE
    return definition


def _marked(namespace: Raw) -> Raw:
    return {**namespace, "metadata": {**namespace["metadata"], "annotations": {_MARK: ""}}}


def _relabelled(old: t.Mapping[str, str], new: t.Mapping[str, str]) -> Raw:
    return {"metadata": {"labels": {**dict.fromkeys(old.keys() - new.keys()), **new}}}


def _is_running(pod: t.Mapping[str, t.Any] | None) -> bool:
    states = ((pod or {}).get("status") or {}).get("containerStatuses") or ()
    return bool(states) and all("running" in one["state"] for one in states) and bool(t.cast("Raw", pod)["status"].get("podIP"))


def _readdressed(policy: Raw, addresses: t.Mapping[str, str]) -> Raw:
    """The policy with blocks that hold, and except, the real addresses of the pods whose made-up ones they held and excepted."""
    found = copy.deepcopy(policy)
    rules = [*(found["spec"].get("ingress") or ()), *(found["spec"].get("egress") or ())]
    for peer in (peer for rule in rules for peer in (*(rule.get("from") or ()), *(rule.get("to") or ()))):
        # What begins at 0.0.0.0 holds all addresses, or none of a pod's.
        if peer.get("ipBlock") and not peer["ipBlock"]["cidr"].startswith("0.0.0.0"):  # noqa: S104 - a block
            peer["ipBlock"] = _block(peer["ipBlock"], addresses)
    return found


def _block(block: Raw, addresses: t.Mapping[str, str]) -> Raw:
    assert all(_holds(block["cidr"], one) for one in addresses), f"{block['cidr']} does not hold every pod"
    real = [ipaddress.ip_network(one) for one in addresses.values()]
    cover = next(net for net in (real[0].supernet(new_prefix=size) for size in range(31, -1, -1)) if all(map(net.supernet_of, real)))  # type: ignore[arg-type]
    excepted = [f"{new}/32" for old, new in addresses.items() if any(_holds(one, old) for one in block.get("except") or ())]
    return {"cidr": str(cover), **({"except": excepted} if excepted else {})}


def _holds(block: str, address: str) -> bool:
    return ipaddress.ip_address(address) in ipaddress.ip_network(block)
