# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pods that no policy can tell apart are one class.

A policy sees a pod's namespace, the labels that some selector mentions, the ports whose names some rule mentions, and in which piece its
address lies of those into which all ipBlocks cut the addresses (`addresses.Pieces`). A pod with two addresses is in two classes if they
differ. What is no pod (nodes, the world outside) is one class for each piece. Bit i of every bitset stands for class i.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, bitsets
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import Labels, NamedPort, Pod, Policy, Requirement, Selector

#: A label as classes see it: its value, or None where no selector mentions that value.
_Seen = t.Tuple[str, t.Optional[str]]


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """All that the policies speak of; what they do not mention makes no difference."""

    values: t.Dict[str, t.Set[str]]
    port_names: t.Set[t.Tuple[str, str]]
    pieces: addresses.Pieces

    @classmethod
    def of(cls, policies: t.Sequence[Policy], others: t.Iterable[Selector] = ()) -> Vocabulary:
        """``others``: selectors of pods that are asked for beside those of the policies."""
        values: t.Dict[str, t.Set[str]] = collections.defaultdict(set)
        rules = [rule for policy in policies for rule in (*(policy.ingress or ()), *(policy.egress or ()))]
        peers = dict.fromkeys(peer for rule in rules for peer in rule.peers)
        selectors = [*(policy.selector for policy in policies), *(peer.pods for peer in peers if peer.pods), *others]
        for selector in dict.fromkeys(selectors):
            for requirement in selector.requirements:
                values[requirement.key].update(requirement.values)
        names = {(port.name, port.protocol) for rule in rules for port in rule.ports if port.name}
        return cls(values, names, addresses.Pieces(peer.block for peer in peers if peer.block))

    def labels(self, labels: Labels) -> t.FrozenSet[_Seen]:
        """What the selectors can see of ``labels``."""
        values = self.values
        return frozenset([(key, value if value in values[key] else None) for key, value in labels.items() if key in values])

    def ports(self, ports: t.Tuple[NamedPort, ...]) -> t.FrozenSet[NamedPort]:
        """What the rules can see of a pod's ports."""
        return frozenset([port for port in ports if (port.name, port.protocol) in self.port_names])


#: The pieces of the vocabulary in which the addresses of a pod lie; none for a pod that is no pod to policies.
_PiecesOf = t.Callable[[Pod], t.Iterable[int]]


@dataclasses.dataclass(frozen=True)
class Class:
    """Pods (by their place in the world's list) that are one to all policies. Without a namespace: what is no pod."""

    namespace: str
    labels: t.FrozenSet[_Seen]
    ports: t.FrozenSet[NamedPort]
    piece: int
    members: t.Tuple[int, ...] = ()


class Classes:
    """The classes of a world; those of a namespace follow one another, and those that are no pods come last."""

    def __init__(self, pods: t.Sequence[Pod], pieces_of: _PiecesOf, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        grouped: t.Dict[str, t.List[int]] = collections.defaultdict(list)
        for number, pod in enumerate(pods):
            grouped[pod.namespace].append(number)
        self.listed: t.List[Class] = []
        self._of_pod: t.Dict[t.Tuple[int, int], int] = {}
        self._spans: t.Dict[str, int] = {}
        for namespace, numbers in grouped.items():
            begin = len(self.listed)
            self._add(namespace, [(number, pods[number]) for number in numbers], pieces_of)
            self._spans[namespace] = bitsets.lowest(len(self.listed) - begin) << begin
        self.pods = bitsets.lowest(len(self.listed))
        self._outside = len(self.listed)
        nothing: t.FrozenSet[t.Any] = frozenset()
        self.listed += [Class("", nothing, nothing, piece) for piece in range(vocabulary.pieces.count)]
        self.everything = bitsets.lowest(len(self.listed))
        self._index = _Index([one.labels for one in self.listed[: self._outside]])
        self._by_piece = _grouped(one.piece for one in self.listed)
        self._by_port = _grouped_many([one.ports for one in self.listed])

    def _add(self, namespace: str, pods: t.Sequence[t.Tuple[int, Pod]], pieces_of: _PiecesOf) -> None:
        """Sorts the pods of one namespace into classes."""
        see_labels, see_ports = self.vocabulary.labels, self.vocabulary.ports
        members: t.Dict[t.Tuple[t.FrozenSet[_Seen], t.FrozenSet[NamedPort], int], t.List[int]] = {}
        for number, pod in pods:
            labels, ports = see_labels(pod.labels), see_ports(pod.ports)
            for piece in pieces_of(pod):
                members.setdefault((labels, ports, piece), []).append(number)
        for (labels, ports, piece), numbers in members.items():
            for number in numbers:
                self._of_pod[number, piece] = len(self.listed)
            self.listed.append(Class(namespace, labels, ports, piece, tuple(numbers)))

    def __len__(self) -> int:
        return len(self.listed)

    def of_pod(self, number: int, piece: int) -> int:
        """The class of a pod as the owner of an address in ``piece``."""
        return self._of_pod[number, piece]

    def counterparts(self, number: t.Optional[int], piece: int) -> t.Sequence[int]:
        """The class of a pod with an address in ``piece``; where it has none there any more, all classes it is in. None: no such pod."""
        if number is None:
            return ()
        found = self._of_pod.get((number, piece))
        return self._classes_of.get(number, ()) if found is None else (found,)

    @functools.cached_property
    def _classes_of(self) -> t.Mapping[int, t.List[int]]:
        found: t.Dict[int, t.List[int]] = {}
        for (number, _), one in self._of_pod.items():
            found.setdefault(number, []).append(one)
        return found

    def outside(self, piece: int) -> int:
        """The class of addresses in ``piece`` that are no pod's."""
        return self._outside + piece

    def in_namespace(self, namespace: str) -> int:
        return self._spans.get(namespace, 0)

    def selected(self, selector: Selector) -> int:
        """The classes of pods that ``selector`` selects, in all namespaces."""
        return self._index.selected(selector, self.pods)

    def in_block(self, block: addresses.Block) -> int:
        """The classes with an address in ``block``, pods or not."""
        return bitsets.of([one for piece in self.vocabulary.pieces.of_block(block) for one in self._by_piece.get(piece, ())])

    def with_port_name(self, name: str, protocol: str) -> int:
        """The classes of pods that have a port of this name, whatever its number."""
        having = [ones for port, ones in self._by_port.items() if (port.name, port.protocol) == (name, protocol)]
        return bitsets.of([one for ones in having for one in ones])

    def with_port(self, port: NamedPort) -> int:
        """The classes of pods that have this very port."""
        return bitsets.of(self._by_port.get(port, ()))


class NamespaceIndex:
    """Which classes are in the namespaces that a selector selects."""

    def __init__(self, namespaces: t.Mapping[str, Labels], classes: Classes) -> None:
        self._names = list(namespaces)
        self._classes = classes
        self._index = _Index([labels.items() for labels in namespaces.values()])

    def selected(self, selector: Selector) -> int:
        found = 0
        for number in bitsets.members(self._index.selected(selector, bitsets.lowest(len(self._names)))):
            found |= self._classes.in_namespace(self._names[number])
        return found


class _Index:
    """Which of many sets of labels fulfil a selector. Bitsets are made when first asked for, as most labels never are."""

    def __init__(self, sets: t.Sequence[t.Iterable[_Seen]]) -> None:
        self._values: t.Dict[_Seen, t.List[int]] = {}
        self._keys: t.Dict[str, t.List[int]] = {}
        for number, labels in enumerate(sets):
            for label in labels:
                self._values.setdefault(label, []).append(number)
                self._keys.setdefault(label[0], []).append(number)
        self._made: t.Dict[Requirement, int] = {}

    def selected(self, selector: Selector, everything: int) -> int:
        found = everything
        for requirement in selector.requirements:
            bits = self._made.get(requirement)
            if bits is None:
                bits = self._made[requirement] = self._fulfilling(requirement, everything)
            found &= bits
        return found

    def _fulfilling(self, requirement: Requirement, everything: int) -> int:
        if requirement.operator in ("Exists", "DoesNotExist"):
            found = bitsets.of(self._keys.get(requirement.key, ()))
        else:
            found = bitsets.of([one for value in requirement.values for one in self._values.get((requirement.key, value), ())])
        return found if requirement.operator in ("In", "Exists") else everything ^ found


def _grouped(keys: t.Iterable[t.Hashable]) -> t.Dict[t.Any, t.List[int]]:
    groups: t.Dict[t.Any, t.List[int]] = {}
    for number, key in enumerate(keys):
        groups.setdefault(key, []).append(number)
    return groups


def _grouped_many(keys: t.Iterable[t.Iterable[t.Hashable]]) -> t.Dict[t.Any, t.List[int]]:
    groups: t.Dict[t.Any, t.List[int]] = {}
    for number, several in enumerate(keys):
        for key in several:
            groups.setdefault(key, []).append(number)
    return groups
