# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a world of NetworkPolicies is made of, as typed records.

Source: the documentation of the API networking.k8s.io/v1 and the concept page "Network Policies".
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.addresses import Block

#: An object as the API server's JSON holds it.
Raw = t.Mapping[str, t.Any]
Labels = t.Mapping[str, str]

ALLOW, DENY, UNDEFINED = "allow", "deny", "undefined"
INGRESS, EGRESS = "ingress", "egress"
DIRECTIONS = (INGRESS, EGRESS)
PROTOCOLS = ("TCP", "UDP", "SCTP")
LAST_PORT = 65535

#: The label that the API server gives every Namespace, with its name.
NAME_LABEL = "kubernetes.io/metadata.name"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where something was read: the object, and the document of a file if it came from one. Numbers count from 1; 0 is not known."""

    kind: str
    namespace: str
    name: str
    file: str = ""
    document: int = 0
    line: int = 0

    def __str__(self) -> str:
        line = f" (line {self.line})" if self.line else ""
        document = f"document {self.document}{line}" if self.document else ""
        thing = f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"
        return ", ".join(part for part in (self.file, document, thing) if part)


@dataclasses.dataclass(frozen=True)
class Requirement:
    """One condition on labels; ``operator`` is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: t.Tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        """NotIn and DoesNotExist hold when the key is absent."""
        present = self.key in labels
        if self.operator == "In":
            return present and labels[self.key] in self.values
        if self.operator == "NotIn":
            return not present or labels[self.key] not in self.values
        return present is (self.operator == "Exists")

    def __str__(self) -> str:
        if self.operator == "In" and len(self.values) == 1:
            return f"{self.key}={self.values[0]}"
        if self.values:
            return f"{self.key} {self.operator} ({', '.join(self.values)})"
        return self.key if self.operator == "Exists" else f"!{self.key}"


@dataclasses.dataclass(frozen=True)
class Selector:
    """A label selector: all requirements hold. Without any it matches everything. Sorted, so equal selectors are equal."""

    requirements: t.Tuple[Requirement, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return all(requirement.matches(labels) for requirement in self.requirements)

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements)) or "everything"


@dataclasses.dataclass(frozen=True)
class Peer:
    """One item of ``from`` or ``to``: ``block``, or ``pods`` and ``namespaces``, both of which must match; None is a field left out."""

    pods: t.Optional[Selector] = None
    namespaces: t.Optional[Selector] = None
    block: t.Optional[Block] = None


@dataclasses.dataclass(frozen=True)
class PortMatch:
    """One item of ``ports``: a name, or the numbers from ``first`` to ``last``. All numbers, unless the item says."""

    protocol: str
    first: int = 1
    last: int = LAST_PORT
    name: str = ""

    @property
    def is_range(self) -> bool:
        """Whether it has an endPort that makes a difference."""
        return self.last > self.first and (self.first, self.last) != (1, LAST_PORT)

    def __str__(self) -> str:
        if self.name:
            return f"{self.protocol}/{self.name}"
        if (self.first, self.last) == (1, LAST_PORT):
            return f"{self.protocol}/*"
        return f"{self.protocol}/{self.first}" + (f"-{self.last}" if self.last != self.first else "")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A rule: any of ``peers`` on any of ``ports``; an empty tuple stands for all there are. ``index`` is its place in the list."""

    index: int
    peers: t.Tuple[Peer, ...] = ()
    ports: t.Tuple[PortMatch, ...] = ()


@dataclasses.dataclass(frozen=True)
class Policy:
    """A NetworkPolicy. ``ingress`` and ``egress`` are None where it does not isolate in that direction, whatever rules were written."""

    namespace: str
    name: str
    selector: Selector
    ingress: t.Optional[t.Tuple[Rule, ...]]
    egress: t.Optional[t.Tuple[Rule, ...]]
    place: Place

    def rules(self, direction: str) -> t.Optional[t.Tuple[Rule, ...]]:
        """The rules of a direction; None where it does not isolate."""
        return self.ingress if direction == INGRESS else self.egress

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclasses.dataclass(frozen=True)
class NamedPort:
    """A port of a container that has a name."""

    name: str
    protocol: str
    number: int


@dataclasses.dataclass(frozen=True)
class Pod:
    """A pod, or the one that a workload's template describes (``kind`` is the workload's then, and no address is known).

    ``host_addresses``: those of the node it is on. ``owner``: the reference (``ns/Kind/name``) of what made it. ``ended``: it is
    Succeeded or Failed. ``terminating``: it was deleted, and is still there.
    """

    namespace: str
    name: str
    kind: str = "Pod"
    labels: Labels = dataclasses.field(default_factory=dict)
    ports: t.Tuple[NamedPort, ...] = ()
    addresses: t.Tuple[str, ...] = ()
    node: str = ""
    host_addresses: t.Tuple[str, ...] = ()
    host_network: bool = False
    owner: str = ""
    ended: bool = False
    terminating: bool = False

    @property
    def reference(self) -> str:
        """How verdicts name it: ``ns/pod``, or ``ns/Kind/name`` of a workload."""
        return f"{self.namespace}/{self.name}" if self.kind == "Pod" else f"{self.namespace}/{self.kind}/{self.name}"

    def __str__(self) -> str:
        return self.reference

    @property
    def is_template(self) -> bool:
        return self.kind != "Pod"

    def number_of(self, name: str, protocol: str) -> int:
        """The number behind a port's name; 0 where the pod has no such port."""
        return next((port.number for port in self.ports if (port.name, port.protocol) == (name, protocol)), 0)


@dataclasses.dataclass(frozen=True)
class ServicePort:
    """A port of a Service. ``target``: the number or the name of the pods' port; ``node_port`` 0 is none."""

    protocol: str
    number: int
    target: t.Union[int, str]
    node_port: int = 0


@dataclasses.dataclass(frozen=True)
class Service:
    """A Service. ``selector`` None: its endpoints are written by somebody else, ``backends`` has their addresses.

    ``outside``: addresses by which it is reached from outside the cluster.
    """

    namespace: str
    name: str
    type: str
    selector: t.Optional[Selector]
    ports: t.Tuple[ServicePort, ...] = ()
    cluster_ips: t.Tuple[str, ...] = ()
    outside: t.Tuple[str, ...] = ()
    keeps_client: bool = False
    backends: t.Tuple[str, ...] = ()

    @property
    def reference(self) -> str:
        return f"{self.namespace}/Service/{self.name}"

    @property
    def headless(self) -> bool:
        return not self.cluster_ips


@dataclasses.dataclass(frozen=True)
class Node:
    """A Node: its addresses, and the ranges from which its pods get theirs."""

    name: str
    addresses: t.Tuple[str, ...] = ()
    pod_cidrs: t.Tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Tier:
    """Whom a policy of another tier (ClusterNetworkPolicy and its forerunners) may decide for. Its rules are not evaluated."""

    name: str
    baseline: bool
    namespaces: Selector
    pods: Selector
    directions: t.Tuple[str, ...]
    place: Place


@dataclasses.dataclass(frozen=True)
class Finding:
    """Something about the input. ``id`` is stable; ``severity`` is error (the API server refuses it), warning or info.

    ``field`` is the path inside the object. ``readings``: how the same could be read, for what is easily misread.
    """

    id: str
    severity: str
    place: Place
    field: str
    message: str
    advice: str = ""
    readings: t.Tuple[str, ...] = ()

    def __str__(self) -> str:
        field = f": {self.field}" if self.field else ""
        readings = "".join(f" Reading {number}: {reading}." for number, reading in enumerate(self.readings, start=1))
        return f"{self.place}{field}: {self.message}.{readings}" + (f" {self.advice}" if self.advice else "")
