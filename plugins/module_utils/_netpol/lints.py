# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The traps that NetworkPolicies are known for: what the API server takes, and what probably means something else.

Ids never change: people look for them. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, bitsets, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Classes, Vocabulary
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ends import pieces_of_pod
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import (
    EGRESS,
    INGRESS,
    NAME_LABEL,
    Finding,
    Peer,
    Place,
    Pod,
    Policy,
    PortMatch,
    Raw,
    Rule,
    Selector,
)
from ansible_collections.podnet.cni.plugins.module_utils._netpol.profiles import PROFILES
from ansible_collections.podnet.cni.plugins.module_utils._netpol.rules import Rules

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

PEERS = {INGRESS: "from", EGRESS: "to"}
#: Networks that are no pod's first; the annotation tells their addresses.
_SECONDARY = "k8s.v1.cni.cncf.io/networks"
_NOT_EVALUATED = "not-evaluated"
_DNS_NAMESPACE = "kube-system"
_DNS_LABELS = {"k8s-app": "kube-dns"}
_DNS_PORT = 53
_DNS_NAMES = {"UDP": "dns", "TCP": "dns-tcp"}


# --- While reading ----------------------------------------------------------------------------------------------------


def not_evaluated(place: Place) -> Finding:
    """An object that decides about packets too, of which only NetworkPolicies' part is known here."""
    advice = "It may allow or deny what is computed here otherwise."
    return Finding(_NOT_EVALUATED, "warning", place, "", "is a policy of another kind and is not evaluated", advice)


def not_listed(resource: str) -> Finding:
    """A kind that decides about packets, too, and that nobody let us see."""
    advice = f"They may allow or deny what is computed here otherwise. Give the right to list {resource}."
    place = Place("CustomResourceDefinition", "", resource)
    return Finding(
        "not-listed", "warning", place, "", "objects of this kind may not be listed, so whether there are any is not known", advice
    )


def of_others(found: t.Iterable[Finding]) -> t.Iterator[Finding]:
    """Those about policies that are not evaluated."""
    return (one for one in found if one.id == _NOT_EVALUATED)


def namespace_missing(name: str, user: str) -> Finding:
    advice = f"Add the Namespace object: without its labels only {NAME_LABEL} can match."
    return Finding("namespace-missing", "warning", Place("Namespace", "", name), "", f"is not in the input, and {user} is in it", advice)


def has_secondary_networks(raw: Raw) -> bool:
    """Whether a pod is attached to more networks than the one that NetworkPolicies are about."""
    return bool(((raw.get("metadata") or {}).get("annotations") or {}).get(_SECONDARY))


def secondary_networks(place: Place) -> Finding:
    message = "has secondary networks, which NetworkPolicies say nothing about"
    return Finding("secondary-network", "info", place, f"metadata.annotations.{_SECONDARY}", message)


def of_policy(raw: Raw, policy: Policy) -> t.Iterator[Finding]:
    """What the words of one policy hide, whatever the world is."""
    spec = raw.get("spec") or {}
    yield from _ignored_rules(spec, policy)
    for direction, rule in _rules(policy):
        path = f"spec.{direction}[{rule.index}]"
        yield from _either_or_both(policy, direction, rule, path)
        for index, peer in enumerate(rule.peers):
            if peer.block and not all(part.exact for part in (peer.block.cidr, *peer.block.excepts)):
                field = f"{path}.{PEERS[direction]}[{index}].ipBlock"
                message = f"has bits behind the prefix ({peer.block.text}), which are ignored"
                yield Finding(
                    "host-bits", "warning", policy.place, field, message, "Write the first address of the range; newer servers warn."
                )
        for index, port in enumerate((spec[direction][rule.index] or {}).get("ports") or ()):
            if not any((port or {}).values()):
                message = "is all ports of TCP, and nothing of UDP and SCTP"
                yield Finding("empty-port", "warning", policy.place, f"{path}.ports[{index}]", message)


def _ignored_rules(spec: Raw, policy: Policy) -> t.Iterator[Finding]:
    for direction, kind in ((INGRESS, "Ingress"), (EGRESS, "Egress")):
        if policy.rules(direction) is None and spec.get(direction):
            message = f"has rules that are ignored, because policyTypes lacks {kind}"
            yield Finding("rules-ignored", "warning", policy.place, f"spec.{direction}", message, f"Add {kind} to policyTypes.")
    if policy.egress is None and spec.get("egress") == [] and not spec.get("policyTypes"):
        message = "is an empty list without policyTypes, which does not isolate egress"
        advice = "Add policyTypes: [Ingress, Egress] to deny it."
        yield Finding("egress-not-isolated", "warning", policy.place, "spec.egress", message, advice)


def _either_or_both(policy: Policy, direction: str, rule: Rule, path: str) -> t.Iterator[Finding]:
    """An item with a namespaceSelector beside one with a podSelector: one dash more or less makes the other meaning of it."""
    field = f"{path}.{PEERS[direction]}"
    for index, (one, other) in enumerate(zip(rule.peers, rule.peers[1:])):
        by_namespace, by_pod = (one, other) if one.namespaces and not one.pods else (other, one)
        if by_namespace.namespaces is None or by_namespace.pods or by_pod.pods is None or by_pod.namespaces:
            continue
        readings = (
            f"as written, two items: {_said(by_namespace, policy)}, and also {_said(by_pod, policy)}",
            f"as one item with both selectors: only {_said(Peer(by_pod.pods, by_namespace.namespaces), policy)}",
        )
        message = f"items {index} and {index + 1} are alternatives: either matches"
        advice = "If both should have to match, remove the second dash so that they are one item."
        yield Finding("or-versus-and", "warning", policy.place, field, message, advice, readings)


def _said(peer: Peer, policy: Policy) -> str:
    """A peer that is no ipBlock, in words."""
    pods = f"pods with {peer.pods}" if peer.pods and peer.pods.requirements else "all pods"
    if peer.namespaces is None:
        return f"{pods} in namespace {policy.namespace}"
    return f"{pods} in namespaces with {peer.namespaces}" if peer.namespaces.requirements else f"{pods} in all namespaces"


def _rules(policy: Policy) -> t.Iterator[t.Tuple[str, Rule]]:
    for direction in model.DIRECTIONS:
        for rule in policy.rules(direction) or ():
            yield direction, rule


# --- Against a world --------------------------------------------------------------------------------------------------


def of_world(world: World) -> t.Tuple[Finding, ...]:
    """What the policies mean among these pods, nodes and Services."""
    found = _Lints(world)
    return tuple(itertools.chain(found.enforcement(), itertools.chain.from_iterable(map(found.policy, world.policies)), found.dns()))


class _Lints:
    """Looks at each policy once, with the engine's own classes; pods on their node's network count as pods here."""

    def __init__(self, world: World) -> None:
        self._world = world
        counting, words = dataclasses.replace(world, profile=PROFILES["generic"]), Vocabulary.of(world.policies)
        self._classes = Classes(world.pods, lambda pod: pieces_of_pod(counting, words.pieces, pod), words)
        self._rules = Rules(world.policies, world.namespaces, self._classes)
        self._covered: t.Dict[addresses.Block, t.Tuple[bool, str]] = {}
        self._pods_at, self._services_at = _Held(world, "pod"), _Held(world, "service")
        self._hosts = bitsets.of([one for one, found in enumerate(self._classes.listed) if any(self._on_host(found.members))])

    def _on_host(self, members: t.Iterable[int]) -> t.Iterator[Pod]:
        return (self._world.pods[number] for number in members if self._world.pods[number].host_network)

    def _pods(self, bits: int) -> t.List[Pod]:
        """The pods of these classes."""
        return [self._world.pods[number] for one in bitsets.members(bits) for number in self._classes.listed[one].members]

    def enforcement(self) -> t.Iterator[Finding]:
        if self._world.policies and not self._world.profile.enforces:
            place = self._world.policies[0].place
            message = f"and all other policies have no effect: {self._world.profile.name} enforces none"
            yield Finding("not-enforced", "warning", place, "", message, "Install a CNI that enforces policies, for example Calico.")

    def policy(self, policy: Policy) -> t.Iterator[Finding]:
        subjects = self._rules.subjects(policy)
        if not subjects:
            yield self._selects_nothing(policy)
        if subjects & self._hosts:
            hosts = [pod.reference for pod in self._pods(subjects & self._hosts) if pod.host_network]
            message = f"selects {_some(hosts)} on the network of their node, where policies usually do nothing"
            yield Finding("host-network", "warning", policy.place, "spec.podSelector", message)
        for direction, rule in _rules(policy):
            path = f"spec.{direction}[{rule.index}]"
            for index, peer in enumerate(rule.peers):
                yield from self._peer(policy, peer, f"{path}.{PEERS[direction]}[{index}]")
            for index, port in enumerate(rule.ports):
                field = f"{path}.ports[{index}]"
                if port.is_range and self._world.profile.end_port:
                    yield Finding("end-port", "info", policy.place, f"{field}.endPort", self._world.profile.end_port)
                if port.name:
                    yield from self._named_port(policy, direction, rule, port, field)

    def _selects_nothing(self, policy: Policy) -> Finding:
        advice = "Compare podSelector with the labels of pods, which for a workload are those of its template."
        labels = self._world.workload_labels
        like = [name for name, own in labels.items() if name.startswith(f"{policy.namespace}/") and policy.selector.matches(own)]
        if like:
            advice = f"{like[0]} bears these labels itself, but not its pods: selectors see the template's labels."
        return Finding("selects-nothing", "warning", policy.place, "spec.podSelector", f"selects no pod ({policy.selector})", advice)

    def _peer(self, policy: Policy, peer: Peer, field: str) -> t.Iterator[Finding]:
        for selector in filter(None, (peer.pods, peer.namespaces)):
            if _contradicts_itself(selector):
                yield Finding("selector-contradiction", "warning", policy.place, field, f"can never match: {selector} contradicts itself")
                return
        if peer.block is not None:
            yield from self._block(policy, peer.block, f"{field}.ipBlock")
        elif not self._rules.peer(peer, policy.namespace):
            yield Finding("peer-selects-nothing", "info", policy.place, field, f"matches no pod of the input: {_said(peer, policy)}")

    def _block(self, policy: Policy, block: addresses.Block, field: str) -> t.Iterator[Finding]:
        if block not in self._covered:
            ranges = any(_reaches(block, place) for place in self._world.pod_ranges)
            self._covered[block] = ranges or bool(self._pods_at.first_in(block)), self._services_at.first_in(block)
        pods, service = self._covered[block]
        if pods:
            message = f"{block.text} covers addresses of pods, which then match without any selector"
            advice = "Blocks are meant for addresses outside (Cilium matches no pods by them): use selectors, and except the pods' range."
            yield Finding("ipblock-over-pods", "warning", policy.place, field, message, advice)
        elif service:
            message = f"{block.text} covers {service}, but policies act after that was translated to the address of a pod"
            advice = "Select the pods behind the Service, and their port."
            yield Finding("ipblock-of-service", "warning", policy.place, field, message, advice)

    def _named_port(self, policy: Policy, direction: str, rule: Rule, port: PortMatch, field: str) -> t.Iterator[Finding]:
        """The name has to be one of the destination's: of the selected pods for ingress, of the peers for egress."""
        if direction == EGRESS and rule.peers and all(peer.block for peer in rule.peers):
            message = f"the name {port} never matches addresses of an ipBlock"
            yield Finding("named-port-unmatched", "warning", policy.place, field, message, "Write the number.")
            return
        having = self._rules.subjects(policy) if direction == INGRESS else self._rules.peers(rule, policy.namespace) & self._classes.pods
        if having and not having & self._classes.with_port_name(port.name, port.protocol):
            whose = "the selected pods" if direction == INGRESS else "the peers"
            message = f"none of {whose} has a port {port}, so it never matches"
            yield Finding("named-port-unmatched", "warning", policy.place, field, message, _other_protocol(port, self._pods(having)))

    # --- DNS ---

    def dns(self) -> t.Iterator[Finding]:
        """Pods whose egress is isolated and who cannot ask for names; once for each set of policies that does it."""
        servers = self._dns_servers()
        for policies, pods in self._isolated_together().values():
            closed = [protocol for protocol in ("UDP", "TCP") if not any(_lets_ask(policies, server, protocol) for server in servers)]
            if closed:
                names = ", ".join(map(str, policies))
                ways = " and ".join(f"{protocol}/{_DNS_PORT}" for protocol in closed)
                message = f"{_some([pod.reference for pod in pods])} cannot resolve names: no egress to DNS by {ways} ({names})"
                severity = "warning" if any(policy.egress for policy in policies) else "info"
                advice = f"Allow egress to UDP and TCP {_DNS_PORT} of pods with k8s-app=kube-dns in namespace {_DNS_NAMESPACE}."
                yield Finding("dns-egress-missing", severity, policies[0].place, "spec.egress", message, advice)

    def _isolated_together(self) -> t.Dict[t.Tuple[int, ...], t.Tuple[t.Tuple[Policy, ...], t.List[Pod]]]:
        """Policies that together isolate the egress of pods, and these pods; not those that policies do not reach."""
        together: t.Dict[t.Tuple[int, ...], t.Tuple[t.Tuple[Policy, ...], t.List[Pod]]] = {}
        for one, found in enumerate(self._classes.listed):
            policies = self._rules.isolates(EGRESS, one)
            pods = [self._world.pods[number] for number in found.members if not self._world.pods[number].host_network] if policies else []
            if pods:
                together.setdefault(tuple(map(id, policies)), (policies, []))[1].extend(pods)
        return together

    def _dns_servers(self) -> t.Sequence[t.Tuple[Pod, model.Labels]]:
        """The pods that answer, with the labels of their namespace; where there are none, the one that there usually is."""
        labels = self._world.namespaces.get(_DNS_NAMESPACE, {NAME_LABEL: _DNS_NAMESPACE})
        here = self._pods(self._classes.in_namespace(_DNS_NAMESPACE))
        listed = [pod for pod in here if pod.labels.get("k8s-app") == _DNS_LABELS["k8s-app"]]
        return [(pod, labels) for pod in listed or [Pod(_DNS_NAMESPACE, "dns", labels=_DNS_LABELS)]]


class _Held:
    """Who has which address, in order: whether a range holds any is a matter of two look-ups."""

    def __init__(self, world: World, kind: str) -> None:
        self._owners = sorted((address, name) for address, (holder, name) in world.by_address.items() if holder == kind)
        self._addresses = [address for address, _ in self._owners]

    def first_in(self, block: addresses.Block) -> str:
        """One that has an address in ``block``; empty if there is none."""
        for first, last in block.spans():
            place = bisect.bisect_left(self._addresses, (block.cidr.family, first))
            if place < len(self._addresses) and self._addresses[place] <= (block.cidr.family, last):
                return self._owners[place][1]
        return ""


def _reaches(block: addresses.Block, place: addresses.Network) -> bool:
    return place.family == block.cidr.family and any(first <= place.last and place.first <= last for first, last in block.spans())


def _lets_ask(policies: t.Sequence[Policy], server: t.Tuple[Pod, model.Labels], protocol: str) -> bool:
    pod, labels = server
    number = pod.number_of(_DNS_NAMES[protocol], protocol) or _DNS_PORT

    def matches(rule: Rule, namespace: str) -> bool:
        peer = not rule.peers or any(_is_peer(one, pod, labels, namespace) for one in rule.peers)
        return peer and (not rule.ports or any(_is_port(one, pod, protocol, number) for one in rule.ports))

    return any(matches(rule, policy.namespace) for policy in policies for rule in policy.egress or ())


def _is_peer(peer: Peer, pod: Pod, labels: model.Labels, namespace: str) -> bool:
    if peer.block is not None:
        # A server whose address is not known gets the benefit of the doubt.
        return not pod.addresses or any(addresses.parse(text) in peer.block for text in pod.addresses)
    here = pod.namespace == namespace if peer.namespaces is None else peer.namespaces.matches(labels)
    return here and (peer.pods is None or peer.pods.matches(pod.labels))


def _is_port(match: PortMatch, pod: Pod, protocol: str, number: int) -> bool:
    if match.protocol != protocol:
        return False
    return pod.number_of(match.name, protocol) == number if match.name else match.first <= number <= match.last


def _contradicts_itself(selector: Selector) -> bool:
    """Whether no labels at all can fulfil it: per key, the values that are left and whether it may be absent."""
    for key in {requirement.key for requirement in selector.requirements}:
        own = [requirement for requirement in selector.requirements if requirement.key == key]
        present = any(requirement.operator in ("In", "Exists") for requirement in own)
        wanted = [set(requirement.values) for requirement in own if requirement.operator == "In"]
        refused = {value for requirement in own if requirement.operator == "NotIn" for value in requirement.values}
        if present and any(requirement.operator == "DoesNotExist" for requirement in own):
            return True
        if wanted and not set.intersection(*wanted) - refused:
            return True
    return False


def _other_protocol(port: PortMatch, pods: t.Sequence[Pod]) -> str:
    """The usual reason: the name is there, with another protocol."""
    others = sorted({one.protocol for pod in pods for one in pod.ports if one.name == port.name})
    return f"There is one of {', '.join(others)}: write its protocol." if others else "Compare it with the names of the containers' ports."


def _some(names: t.Sequence[str]) -> str:
    return f"{min(names)} and {len(names) - 1} more" if len(names) > 1 else names[0]
