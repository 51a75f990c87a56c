# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A world of namespaces, pods, Services, nodes and policies: read from the API's dictionaries, or from files that hold such.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import gc
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import (
    addresses,
    difference,
    lints,
    matrix,
    model,
    ports,
    profiles,
    reading,
    validation,
)
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import Finding, Place, Raw

_CLUSTER_WIDE = ("Namespace", "Node", *reading.TIERS, *reading.FOREIGN_CLUSTER_WIDE)
_ENDPOINTS = ("EndpointSlice", "Endpoints")


@dataclasses.dataclass(frozen=True)
class Document:
    """An object and where it was written: the file, the document in it (from 1), the line on which that begins (0: not known).

    ``object`` is whatever the document holds; only None, an empty document, and objects of the API are taken.
    """

    object: t.Any
    file: str = ""
    number: int = 0
    line: int = 0


class InvalidPolicyError(_errors.BadInputError):
    """Objects that the API server would refuse; ``findings`` has one entry for each fault."""

    def __init__(self, findings: t.Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        others = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        first = findings[0]
        super().__init__(f"{first.field} {first.message}{others}".strip(), str(first.place), first.advice)


def load(
    objects: t.Iterable[t.Union[Raw, Document, None]],
    namespace: str = "default",
    cni: str = "generic",
    pod_cidrs: t.Sequence[str] = (),
) -> World:
    """The world that ``objects`` describe.

    Takes Namespace, Pod, workloads with a template, Service, EndpointSlice, Endpoints, Node, NetworkPolicy, and lists of them; other kinds
    are passed over. ``namespace``: where objects without one are applied. ``cni``: a name of `profiles.PROFILES`. ``pod_cidrs``: the
    ranges from which pods get addresses; without them the nodes' own. Raises InvalidPolicyError for what the API server refuses.
    """
    profile = profiles.profile(cni)
    reader = _Reader(namespace)
    with _uncollected():
        for raw, document in flat(objects):
            reader.read(raw, document)
    refused = [finding for finding in reader.findings if finding.severity == "error"]
    if refused:
        raise InvalidPolicyError(refused)
    return reader.world(profile, tuple(map(_pod_cidr, pod_cidrs)))


@contextlib.contextmanager
def _uncollected() -> t.Iterator[None]:
    """Nothing that is read is garbage, and Python would look through all of it again and again: most of the time for a large cluster."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _where(document: Document) -> str:
    return f"{document.file}, document {document.number}" if document.file else "objects"


def _pod_cidr(text: str) -> addresses.Network:
    try:
        return addresses.network(text)
    except ValueError as error:
        raise _errors.BadInputError(f"{text!r} is no address range: {error}", "option pod_cidrs", "Write it as 10.244.0.0/16.") from error


def flat(objects: t.Iterable[t.Union[Raw, Document, None]]) -> t.Iterator[t.Tuple[Raw, Document]]:
    """Each object by itself, with the document it is from. Items of a list of one kind need not repeat it.

    Raises BadInputError for what is no object.
    """
    for item in objects:
        document = item if isinstance(item, Document) else Document(item)
        raw = document.object
        if raw is None:
            # What YAML makes of an empty document.
            continue
        _check_object(raw, document)
        kind = str(raw.get("kind") or "")
        if not kind.endswith("List") or "items" not in raw:
            yield raw, document
            continue
        common = {} if kind == "List" else {"apiVersion": raw.get("apiVersion"), "kind": kind[: -len("List")]}
        if not isinstance(raw["items"] or [], list):
            raise _errors.BadInputError("has items that are no list", _where(document), f"A {kind} is a list of objects.")
        for entry in raw["items"] or ():
            _check_object(entry, document)
            yield ({**common, **entry} if common else entry), document


def _check_object(raw: t.Any, document: Document) -> None:
    if not isinstance(raw, dict):
        advice = "Each document holds one object, or a list of such."
        raise _errors.BadInputError(f"is a {type(raw).__name__}, not an object of the API", _where(document), advice)


class _Reader:
    """Sorts objects by kind, and keeps what is to be said about them."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._namespaces: t.Dict[str, t.Dict[str, str]] = {}
        self._pods: t.List[model.Pod] = []
        self._templates: t.List[model.Pod] = []
        self._workload_labels: t.Dict[str, model.Labels] = {}
        self._services: t.Dict[str, model.Service] = {}
        self._backends: t.Dict[str, t.Tuple[str, ...]] = {}
        self._nodes: t.Dict[str, model.Node] = {}
        self._policies: t.List[model.Policy] = []
        self._tiers: t.List[model.Tier] = []
        self._seen: t.Dict[t.Tuple[str, str, str], Document] = {}
        self.findings: t.List[Finding] = []

    def read(self, raw: Raw, document: Document) -> None:
        kind = str(raw.get("kind") or "")
        read = self._readers.get(kind)
        foreign = reading.is_foreign(raw)
        if read is None and not foreign:
            return
        meta = reading.metadata(raw)
        # As text, whatever they are: what is not a string is refused below, and has to be told by its name.
        namespace = "" if kind in _CLUSTER_WIDE else str(meta.get("namespace") or self._namespace)
        name = str(meta.get("name") or "")
        faults = validation.examine_metadata(raw, _place(kind, namespace, name, document))
        if faults:
            self.findings += faults
        elif foreign:
            self.findings.append(lints.not_evaluated(_place(kind, namespace, name, document)))
        elif not self._twice(kind, namespace, name, document) and read is not None:
            # Only policies are examined field by field; of the rest a few fields are read, and what is malformed says so here.
            try:
                read(self, raw, namespace, name, document)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                self.findings.append(_unreadable(_place(kind, namespace, name, document), error))

    def _twice(self, kind: str, namespace: str, name: str, document: Document) -> bool:
        """Whether an object of this name was read before; which of the two counts would be a guess."""
        key = kind, namespace, name
        if key not in self._seen:
            self._seen[key] = document
            return False
        first = _place(kind, namespace, name, self._seen[key])
        where = f" at {first}" if first.file else ""
        place = _place(kind, namespace, name, document)
        self.findings.append(Finding("twice", "error", place, "metadata.name", f"was read before{where}", "Keep one of the two."))
        return True

    def _namespace_object(self, raw: Raw, _: str, name: str, __: Document) -> None:
        self._namespaces[name] = reading.labels_of_namespace(raw)

    def _pod(self, raw: Raw, namespace: str, name: str, document: Document) -> None:
        self._pods.append(reading.pod(raw, namespace))
        if lints.has_secondary_networks(raw):
            self.findings.append(lints.secondary_networks(_place("Pod", namespace, name, document)))

    def _workload(self, raw: Raw, namespace: str, _: str, __: Document) -> None:
        template = reading.workload(raw, namespace)
        self._templates.append(template)
        self._workload_labels[template.reference] = reading.metadata(raw).get("labels") or {}

    def _service(self, raw: Raw, namespace: str, _: str, __: Document) -> None:
        service = reading.service(raw, namespace)
        self._services[service.reference] = service

    def _endpoints(self, raw: Raw, namespace: str, _: str, __: Document) -> None:
        service, listed = reading.backends(raw, namespace)
        self._backends[service] = tuple(dict.fromkeys((*self._backends.get(service, ()), *listed)))

    def _node(self, raw: Raw, _: str, name: str, __: Document) -> None:
        self._nodes[name] = reading.node(raw)

    def _policy(self, raw: Raw, namespace: str, name: str, document: Document) -> None:
        place = _place("NetworkPolicy", namespace, name, document)
        findings = validation.examine(raw, place)
        self.findings += findings
        if not any(finding.severity == "error" for finding in findings):
            policy = reading.policy(raw, place)
            self._policies.append(policy)
            self.findings += lints.of_policy(raw, policy)

    def _tier(self, raw: Raw, namespace: str, name: str, document: Document) -> None:
        place = _place(raw["kind"], namespace, name, document)
        self._tiers.append(reading.tier(raw, place))
        self.findings.append(lints.not_evaluated(place))

    _readers: t.ClassVar[t.Mapping[str, t.Callable[[_Reader, Raw, str, str, Document], None]]] = {
        "Namespace": _namespace_object,
        "Pod": _pod,
        **dict.fromkeys(reading.TEMPLATES, _workload),
        "Service": _service,
        **dict.fromkeys(_ENDPOINTS, _endpoints),
        "Node": _node,
        "NetworkPolicy": _policy,
        **dict.fromkeys(reading.TIERS, _tier),
    }

    def world(self, profile: profiles.Profile, pod_ranges: t.Tuple[addresses.Network, ...]) -> World:
        services = {name: self._with_backends(service) for name, service in self._services.items()}
        own = tuple(addresses.network(text) for node in self._nodes.values() for text in node.pod_cidrs)
        pods, members, ended = _representatives(self._pods, self._templates)
        missing: t.Dict[str, str] = {}
        users: t.Tuple[t.Union[model.Pod, model.Policy], ...] = (*pods, *self._policies)
        for user in users:
            if user.namespace not in self._namespaces:
                missing.setdefault(user.namespace, str(user))
        self.findings += [lints.namespace_missing(name, user) for name, user in missing.items()]
        namespaces = {**self._namespaces, **{name: {model.NAME_LABEL: name} for name in missing}}
        return World(
            namespaces=namespaces,
            pods=pods,
            members=members,
            ended=ended,
            services=services,
            nodes=self._nodes,
            policies=tuple(self._policies),
            tiers=tuple(self._tiers),
            profile=profile,
            pod_ranges=pod_ranges or own,
            workload_labels=self._workload_labels,
            read=tuple(self.findings),
        )

    def _with_backends(self, service: model.Service) -> model.Service:
        return dataclasses.replace(service, backends=self._backends.get(service.reference, ()))


def _place(kind: str, namespace: str, name: str, document: Document) -> Place:
    return Place(kind, namespace, name, document.file, document.number, document.line)


def _unreadable(place: Place, error: Exception) -> Finding:
    text = f"lacks {error}" if isinstance(error, KeyError) else f"cannot be read: {error}"
    return Finding("invalid", "error", place, "", text, "The API server refuses this object.")


def _representatives(
    pods: t.Sequence[model.Pod], templates: t.Sequence[model.Pod]
) -> t.Tuple[t.Tuple[model.Pod, ...], t.Dict[str, t.Tuple[int, ...]], t.FrozenSet[str]]:
    """The pods to look at, which of them each reference names, and the references of pods that have ended.

    A workload stands for itself unless its pods are there, or it belongs to another workload.
    """
    by_reference = {template.reference: template for template in templates}
    living = [pod for pod in pods if not pod.ended]
    held: t.Dict[str, t.List[int]] = {}
    for number, pod in enumerate(living):
        held[pod.reference] = [number]
        for owner in _owners(pod, by_reference) if pod.owner else ():
            held.setdefault(owner, []).append(number)
    kept = [one for one in templates if one.reference not in held and one.owner not in by_reference]
    for number, template in enumerate(kept, start=len(living)):
        held[template.reference] = [number]
    members = {reference: tuple(numbers) for reference, numbers in held.items()}
    return (*living, *kept), members, frozenset(pod.reference for pod in pods if pod.ended)


def _owners(pod: model.Pod, templates: t.Mapping[str, model.Pod]) -> t.Iterator[str]:
    """The workloads to which a pod belongs, the nearest first."""
    owner = pod.owner
    while owner:
        yield owner
        if owner not in templates and "pod-template-hash" in pod.labels:
            # ReplicaSets were not read: a Deployment names them after itself and this label.
            ending = f"-{pod.labels['pod-template-hash']}"
            deployment = owner.replace("/ReplicaSet/", "/Deployment/", 1)
            if deployment.endswith(ending) and deployment[: -len(ending)] in templates:
                yield deployment[: -len(ending)]
        owner = templates[owner].owner if owner in templates else ""


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class World:
    """What `load` read.

    ``namespaces``: name -> labels. ``pods``: the living pods, then one representative of each workload without any. ``members``: what a
    reference (``ns/pod``, ``ns/Kind/name``) names, as places in ``pods``. ``read``: what reading found; `findings` has all.
    """

    namespaces: t.Mapping[str, model.Labels]
    pods: t.Tuple[model.Pod, ...]
    members: t.Mapping[str, t.Tuple[int, ...]]
    ended: t.FrozenSet[str]
    services: t.Mapping[str, model.Service]
    nodes: t.Mapping[str, model.Node]
    policies: t.Tuple[model.Policy, ...]
    tiers: t.Tuple[model.Tier, ...]
    profile: profiles.Profile
    pod_ranges: t.Tuple[addresses.Network, ...]
    workload_labels: t.Mapping[str, model.Labels]
    read: t.Tuple[Finding, ...]

    def matrix(self, ports: t.Optional[t.Iterable[str]] = None) -> matrix.Matrix:
        """Who may reach whom on ``ports`` (``TCP/80``); without them, on one port of each range that the rules tell apart."""
        return matrix.Matrix(self, self.distinct_ports() if ports is None else tuple(map(_port, ports)))

    def distinct_ports(self) -> t.Tuple[ports.Port, ...]:
        """One port, the lowest, of each range that all rules of the world treat alike; TCP, then UDP, then SCTP."""
        return ports.distinct([self])

    def diff(self, other: World, ports: t.Optional[t.Iterable[str]] = None) -> difference.Difference:
        """Which pairs of classes open or close when this world becomes ``other``."""
        return difference.between(self, other, None if ports is None else tuple(map(_port, ports)))

    def findings(self) -> t.Tuple[Finding, ...]:
        """What is worth knowing about the input: fields that are dropped, and the traps that policies are known for."""
        return (*self.read, *lints.of_world(self))

    @functools.cached_property
    def by_address(self) -> t.Mapping[addresses.Address, t.Tuple[str, str]]:
        """Address -> (what has it: ``pod``, ``node``, ``service`` or ``outside`` of a Service; its reference or name)."""
        return dict(_owners_of_addresses(self))


def _port(text: str) -> ports.Port:
    return ports.parse(text).fixed()


def _owners_of_addresses(world: World) -> t.Iterator[t.Tuple[addresses.Address, t.Tuple[str, str]]]:
    """Later ones win: a pod on its node's network does not own the node's address."""
    for text, owner in _owners_of_texts(world):
        address = addresses.find(text)
        if address is not None:
            yield address, owner


def _owners_of_texts(world: World) -> t.Iterator[t.Tuple[str, t.Tuple[str, str]]]:
    for service in world.services.values():
        yield from ((text, ("service", service.reference)) for text in service.cluster_ips)
        yield from ((text, ("outside", service.reference)) for text in service.outside)
    # Nodes themselves need not have been read.
    hosts = {text: pod.node for pod in world.pods for text in pod.host_addresses}
    yield from ((text, ("node", node)) for text, node in hosts.items())
    for pod in world.pods:
        yield from ((text, ("node", pod.node) if pod.host_network else ("pod", pod.reference)) for text in pod.addresses)
    for known in world.nodes.values():
        yield from ((text, ("node", known.name)) for text in known.addresses)
