# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies in terms of classes: whom each isolates, whom each rule lets through, and the table of all classes for one port.

A table is made without asking any pair. Destinations with the same rule share its set of sources, so it is turned around rule by rule:
sources that are in the same sets of peers get the same destinations. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import bitsets
from ansible_collections.podnet.cni.plugins.module_utils._netpol.classes import Classes, NamespaceIndex
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import (
    DIRECTIONS,
    EGRESS,
    INGRESS,
    Labels,
    NamedPort,
    Peer,
    Policy,
    PortMatch,
    Rule,
    Selector,
)
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ports import Port

#: What decides a source's row: the policies that isolate its egress (None: it is no pod), and the sets of peers of ingress rules it is in.
_Kind = t.Tuple[t.Optional[t.Tuple[int, ...]], t.Tuple[int, ...]]


@dataclasses.dataclass(frozen=True)
class Compiled:
    """One rule: ``peers`` is the number of its set of peers (`Rules.sets`)."""

    rule: Rule
    peers: int


@dataclasses.dataclass(frozen=True)
class Isolation:
    """What one policy does in one direction: the classes it isolates, and its rules."""

    policy: Policy
    subjects: int
    rules: t.Tuple[Compiled, ...]


@dataclasses.dataclass(frozen=True)
class Passing:
    """Why one side of a connection lets it pass or not: the policies that isolate the subject, and the rules of theirs that match."""

    isolating: t.Tuple[Policy, ...]
    allowing: t.Tuple[t.Tuple[Policy, Rule], ...]

    @property
    def allowed(self) -> bool:
        return not self.isolating or bool(self.allowing)


class Rules:
    """All policies of a world, compiled for its classes."""

    def __init__(self, policies: t.Iterable[Policy], namespaces: t.Mapping[str, Labels], classes: Classes) -> None:
        self.classes = classes
        self.sets: t.List[int] = []
        self._numbers: t.Dict[int, int] = {}
        self._index = NamespaceIndex(namespaces, classes)
        self._memory: t.Dict[t.Any, int] = {}
        self._isolations: t.Dict[str, t.List[Isolation]] = {direction: [] for direction in DIRECTIONS}
        for policy in policies:
            subjects = self.subjects(policy)
            for direction in DIRECTIONS:
                rules = policy.rules(direction)
                if rules is not None:
                    compiled = tuple(Compiled(rule, self._number(self.peers(rule, policy.namespace))) for rule in rules)
                    self._isolations[direction].append(Isolation(policy, subjects, compiled))
        #: For each direction and class, the numbers of the policies that isolate it.
        self._isolating = {direction: self._per_class(self._isolations[direction]) for direction in DIRECTIONS}
        self._named: t.Dict[t.Tuple[PortMatch, Port], int] = {}
        self._known_kinds: t.Optional[t.Tuple[t.List[_Kind], t.List[int]]] = None

    # --- Selectors and blocks ---

    def subjects(self, policy: Policy) -> int:
        """The classes that ``policy`` selects."""
        return self.classes.in_namespace(policy.namespace) & self._pods(policy.selector)

    def selected(self, namespaces: Selector, pods: Selector) -> int:
        """The classes of pods that ``pods`` selects, in the namespaces that ``namespaces`` selects."""
        return self.peer(Peer(pods, namespaces), "")

    def peers(self, rule: Rule, namespace: str) -> int:
        """The classes that any peer of ``rule`` matches; all, where it names none."""
        return _union((self.peer(peer, namespace) for peer in rule.peers), 0) if rule.peers else self.classes.everything

    def peer(self, peer: Peer, namespace: str) -> int:
        """The classes that ``peer`` matches in a policy of ``namespace``."""
        if peer.block is not None:
            block = peer.block
            return self._remember(block, lambda: self.classes.in_block(block))
        pods = self._pods(peer.pods) if peer.pods else self.classes.pods
        if peer.namespaces is None:
            return pods & self.classes.in_namespace(namespace)
        selector = peer.namespaces
        return pods & self._remember(("namespaces", selector), lambda: self._index.selected(selector))

    def _pods(self, selector: Selector) -> int:
        return self._remember(selector, lambda: self.classes.selected(selector))

    def _remember(self, key: t.Hashable, make: t.Callable[[], int]) -> int:
        found = self._memory.get(key)
        if found is None:
            found = self._memory[key] = make()
        return found

    def _number(self, bits: int) -> int:
        """Equal sets have one number."""
        number = self._numbers.setdefault(bits, len(self.sets))
        if number == len(self.sets):
            self.sets.append(bits)
        return number

    def _per_class(self, isolations: t.Sequence[Isolation]) -> t.List[t.Tuple[int, ...]]:
        found: t.List[t.List[int]] = [[] for _ in range(len(self.classes))]
        for number, isolation in enumerate(isolations):
            for one in bitsets.members(isolation.subjects):
                found[one].append(number)
        return [tuple(numbers) for numbers in found]

    # --- Ports ---

    def _destinations(self, rule: Rule, port: Port) -> t.Optional[int]:
        """The classes that ``rule`` lets be reached on ``port``, as far as its ports go: None is all."""
        if not rule.ports:
            return None
        found = 0
        for match in rule.ports:
            if match.protocol != port.protocol:
                continue
            if not match.name:
                if match.first <= port.number <= match.last:
                    return None
                continue
            found |= self._having(match, port)
        return found

    def _having(self, match: PortMatch, port: Port) -> int:
        """The classes on which the name of ``match`` is the number of ``port``."""
        if (match, port) not in self._named:
            self._named[match, port] = self.classes.with_port(NamedPort(match.name, port.protocol, port.number))
        return self._named[match, port]

    # --- One pair ---

    def passing(self, direction: str, subject: int, peer: int, port: Port) -> Passing:
        """What the policies of class ``subject`` say of a connection with class ``peer``; the port is always the destination's."""
        destination = subject if direction == INGRESS else peer
        isolations = [self._isolations[direction][number] for number in self._isolating[direction][subject]]
        allowing = []
        for isolation in isolations:
            for compiled in isolation.rules:
                scope = self._destinations(compiled.rule, port)
                if bitsets.has(self.sets[compiled.peers], peer) and (scope is None or bitsets.has(scope, destination)):
                    allowing.append((isolation.policy, compiled.rule))
        return Passing(tuple(one.policy for one in isolations), tuple(allowing))

    def isolates(self, direction: str, subject: int) -> t.Tuple[Policy, ...]:
        """The policies that isolate class ``subject`` in ``direction``."""
        return tuple(self._isolations[direction][number].policy for number in self._isolating[direction][subject])

    # --- All pairs ---

    def table(self, port: Port) -> t.List[int]:
        """For each class as the source, the classes that it may reach on ``port``. Rows that are equal are one object.

        What is no pod reaches pods only: what the world outside does among itself is no question of policies.
        """
        kinds, of_class = self._kinds()
        leaving = {key: self._leaving(key, port) for key in {pair[0] for pair in kinds if pair[0] is not None}}
        allowed = self._allowed_sources(port)
        free = self.classes.everything ^ self._isolated(INGRESS)
        entering = {key: _union((allowed.get(number, 0) for number in key), free) for key in {pair[1] for pair in kinds}}
        same: t.Dict[int, int] = {}
        rows = []
        for egress, ingress in kinds:
            row = entering[ingress] & (self.classes.pods if egress is None else leaving[egress])
            rows.append(same.setdefault(row, row))
        return [rows[kind] for kind in of_class]

    def _kinds(self) -> t.Tuple[t.List[_Kind], t.List[int]]:
        """Sources with the same row on every port, and the kind of each class."""
        if self._known_kinds is None:
            sources = self._sets_of_sources()
            egress = self._isolating[EGRESS]
            numbers: t.Dict[_Kind, int] = {}
            of_class = []
            for one, entering in enumerate(sources):
                leaving = egress[one] if bitsets.has(self.classes.pods, one) else None
                of_class.append(numbers.setdefault((leaving, entering), len(numbers)))
            self._known_kinds = list(numbers), of_class
        return self._known_kinds

    def _sets_of_sources(self) -> t.List[t.Tuple[int, ...]]:
        """For each class, the sets of peers of ingress rules in which it is."""
        found: t.List[t.List[int]] = [[] for _ in range(len(self.classes))]
        for number in {rule.peers for isolation in self._isolations[INGRESS] for rule in isolation.rules}:
            for one in bitsets.members(self.sets[number]):
                found[one].append(number)
        return [tuple(numbers) for numbers in found]

    def _leaving(self, isolating: t.Tuple[int, ...], port: Port) -> int:
        """The classes to which these policies of egress together let pass."""
        if not isolating:
            return self.classes.everything
        found = 0
        for number in isolating:
            for compiled in self._isolations[EGRESS][number].rules:
                scope = self._destinations(compiled.rule, port)
                found |= self.sets[compiled.peers] if scope is None else self.sets[compiled.peers] & scope
        return found

    def _allowed_sources(self, port: Port) -> t.Dict[int, int]:
        """Set of peers -> the classes that let it in."""
        found: t.Dict[int, int] = {}
        for isolation in self._isolations[INGRESS]:
            for compiled in isolation.rules:
                scope = self._destinations(compiled.rule, port)
                subjects = isolation.subjects if scope is None else isolation.subjects & scope
                found[compiled.peers] = found.get(compiled.peers, 0) | subjects
        return found

    def _isolated(self, direction: str) -> int:
        return _union((isolation.subjects for isolation in self._isolations[direction]), 0)


def _union(sets: t.Iterable[int], bits: int) -> int:
    for one in sets:
        bits |= one
    return bits
