# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which NetworkPolicies of a set have to be created, updated and deleted, and in which order nobody is cut off on the way.

A set is all policies with its label. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import lints, model, ordering, reading, validation
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import Finding, Place, Raw
from ansible_collections.podnet.cni.plugins.module_utils._netpol.ordering import Cut, Key
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import Document, InvalidPolicyError, World, flat, load

__all__ = ["CREATE", "DELETE", "KIND", "MANAGER", "SET_LABEL", "UPDATE", "Cut", "Document", "Key", "Plan", "Step", "Wish"]
__all__ += ["check_name", "manifest", "normalised", "plan", "readable", "set_of", "sort"]

CREATE, UPDATE, DELETE = "create", "update", "delete"
KIND = "NetworkPolicy"
#: Whose fields are what is applied, for the API server.
MANAGER = "podnet.cni"
#: The label of the policies of a set; its value is the set's name.
SET_LABEL = "podnet.io/policy-set"
_MANAGED_BY = "app.kubernetes.io/managed-by"
_MOST_OF_A_NAME = 63


@dataclasses.dataclass(frozen=True)
class Step:
    """One change. ``before``: the object as the server has it, None to create it. ``wanted``: what is applied, None to delete it."""

    before: t.Optional[Raw]
    wanted: t.Optional[Raw]

    @property
    def action(self) -> str:
        if self.before is None:
            return CREATE
        return DELETE if self.wanted is None else UPDATE

    @property
    def key(self) -> Key:
        meta = reading.metadata(self.wanted or self.before or {})
        return meta.get("namespace", ""), meta.get("name", "")

    @property
    def after(self) -> t.Optional[Raw]:
        """The object as it will be, with the labels and annotations that others gave it."""
        if self.wanted is None or self.before is None:
            return self.wanted
        meta = {**reading.metadata(self.before), **{field: _joint(self.before, self.wanted, field) for field in _MAPS}}
        return {**self.wanted, "metadata": {name: value for name, value in meta.items() if value != {}}}

    def __str__(self) -> str:
        return f"{self.action} {KIND} {'/'.join(self.key)}"


@dataclasses.dataclass(frozen=True)
class Wish:
    """What is asked for. ``documents``: the set's policies, each in a namespace; none to remove all of it."""

    name: str
    documents: t.Tuple[Document, ...] = ()
    prune: bool = True
    cni: str = "generic"


@dataclasses.dataclass(frozen=True)
class Plan:
    """``steps`` in order. ``briefly_cut`` is None where the set is too large to look at each moment on the way."""

    steps: t.Tuple[Step, ...]
    before: World
    after: World
    findings: t.Tuple[Finding, ...]
    briefly_cut: t.Optional[t.Tuple[Cut, ...]]


def check_name(name: str) -> None:
    """Raises BadInputError for a set's name that cannot be a label's value and part of an object's name."""
    if len(name) > _MOST_OF_A_NAME or not validation.is_dns_name(name):
        advice = f"Use at most {_MOST_OF_A_NAME} of a-z, 0-9, - and ., with a letter or digit at both ends."
        raise _errors.BadInputError(f"{name!r} cannot be the name of a set", "option name", advice)


def sort(documents: t.Iterable[t.Union[Raw, Document, None]], namespace: str) -> t.Tuple[t.Tuple[Document, ...], t.Tuple[str, ...]]:
    """The NetworkPolicies among the documents, each in its namespace or else ``namespace``, and the names of all that is something else.

    Raises InvalidPolicyError for what the API server refuses, which are also fields that it does not know: server-side apply takes none.
    """
    policies: t.List[Document] = []
    ignored: t.List[str] = []
    for raw, document in flat(documents):
        if raw.get("kind") == KIND and not reading.is_foreign(raw):
            policies.append(dataclasses.replace(document, object=_in_namespace(raw, namespace)))
        else:
            ignored.append(_name_of(raw, document))
    # Alone first: nothing has to be known of a cluster to say so.
    unknown = [finding for finding in load(policies, namespace).read if finding.id == "unknown-field"]
    if unknown:
        raise InvalidPolicyError([dataclasses.replace(one, severity="error", advice=_UNKNOWN) for one in unknown])
    return tuple(policies), tuple(ignored)


_UNKNOWN = "Server-side apply refuses the object: check spelling and indentation."


def _in_namespace(raw: Raw, namespace: str) -> Raw:
    meta = raw.get("metadata") or {}
    if not isinstance(meta, dict):
        # Refused with the rest of it.
        return raw
    return {**raw, "metadata": {**meta, "namespace": meta.get("namespace") or namespace}}


def _name_of(raw: Raw, document: Document) -> str:
    meta = reading.metadata(raw)
    place = Place(
        str(raw.get("kind") or "something without a kind"),
        str(meta.get("namespace") or ""),
        str(meta.get("name") or "without a name"),
        document.file,
        document.number,
        document.line,
    )
    return str(place)


# --- What differs ---


def plan(objects: t.Sequence[Raw], wish: Wish) -> Plan:
    """What has to be done in the cluster that ``objects`` describe. Raises BadInputError for what cannot be applied there."""
    _check_namespaces(objects, wish.documents)
    kept, findings = readable(objects)
    live = {_key(raw): raw for raw in objects if _is_policy(raw)}
    steps = _steps(live, wish)
    gone = {step.key for step in steps} | {_key(document.object) for document in wish.documents}
    rest = [raw for raw in kept if not _is_policy(raw) or _key(raw) not in gone]
    before, after = load(kept, cni=wish.cni), load([*rest, *wish.documents], cni=wish.cni)
    ways = ordering.order(before, after, [step.key for step in steps])
    wanted = {_key(document.object) for document in wish.documents}
    others = tuple(lints.of_others(after.read))
    told = [one for one in after.findings() if one.place.kind != KIND or (one.place.namespace, one.place.name) in wanted]
    told = [*others, *(one for one in told if one not in others)]
    return Plan(tuple(steps[number] for number in ways.numbers), before, after, (*findings, *told), _named_cuts(ways, steps))


def _named_cuts(ways: ordering.Order, steps: t.Sequence[Step]) -> t.Optional[t.Tuple[Cut, ...]]:
    if ways.cuts is None:
        return None
    return tuple(dataclasses.replace(cut, after=str(steps[cut.number])) for cut in ways.cuts)


def _is_policy(raw: Raw) -> bool:
    return raw.get("kind") == KIND and not reading.is_foreign(raw)


def _key(raw: Raw) -> Key:
    meta = reading.metadata(raw)
    return meta.get("namespace", ""), meta.get("name", "")


def _place(document: Document) -> Place:
    return Place(KIND, *_key(document.object), document.file, document.number, document.line)


def _check_namespaces(objects: t.Iterable[Raw], documents: t.Sequence[Document]) -> None:
    known = {_key(raw)[1] for raw in objects if raw.get("kind") == "Namespace"}
    lost = [_place(document) for document in documents if _key(document.object)[0] not in known]
    if lost:
        names = ", ".join(dict.fromkeys(place.namespace for place in lost))
        others = f" (and {len(lost) - 1} more policies)" if len(lost) > 1 else ""
        several = f"namespaces {names}" if "," in names else f"namespace {names}"
        raise _errors.BadInputError(f"the cluster has no {several}{others}", str(lost[0]), "Create it first, or correct the name.")


def readable(objects: t.Iterable[Raw]) -> t.Tuple[t.List[Raw], t.List[Finding]]:
    """A cluster's objects without policies that today's API server would refuse, and a finding about each of those.

    An older release has taken them, and what they do is not known.
    """
    kept: t.List[Raw] = []
    findings: t.List[Finding] = []
    for raw in objects:
        faults = validation.examine(raw, Place(KIND, *_key(raw))) if _is_policy(raw) else ()
        refused = next((fault for fault in faults if fault.severity == "error"), None)
        if refused is None:
            kept.append(raw)
        else:
            advice = "It is in the cluster, and left out of all that is computed here. Correct it."
            findings.append(dataclasses.replace(refused, id="not-computed", severity="warning", advice=advice))
    return kept, findings


def _steps(live: t.Mapping[Key, Raw], wish: Wish) -> t.List[Step]:
    steps = []
    for document in wish.documents:
        before = live.get(_key(document.object))
        _check_set(before, wish.name, document)
        wanted = manifest(document.object, wish.name, before)
        if before is None or _differs(before, wanted):
            steps.append(Step(before, wanted))
    kept = {_key(document.object) for document in wish.documents}
    if wish.prune:
        steps += [Step(raw, None) for key, raw in sorted(live.items()) if key not in kept and set_of(raw) == wish.name]
    return steps


def set_of(raw: Raw) -> str:
    """The set of a policy; empty for one of none."""
    return str((reading.metadata(raw).get("labels") or {}).get(SET_LABEL) or "")


def _check_set(live: t.Optional[Raw], name: str, document: Document) -> None:
    other = set_of(live) if live is not None else ""
    if other not in ("", name):
        advice = f"Remove it from that set first, or take its label {SET_LABEL} away."
        raise _errors.BadInputError(f"it is in the cluster as one of the set {other}, not {name}", str(_place(document)), advice)


def manifest(raw: Raw, name: str, live: t.Optional[Raw] = None) -> Raw:
    """What is applied for a policy of the set ``name``: its identity, labels, annotations, and the whole spec, every field of it.

    A field that is left out would keep whatever somebody else, or an earlier default, has put there.
    """
    meta = reading.metadata(raw)
    labels = dict(meta.get("labels") or {})
    others = (reading.metadata(live or {}).get("labels") or {}).get(_MANAGED_BY)
    if _MANAGED_BY not in labels and others in (None, MANAGER):
        labels[_MANAGED_BY] = MANAGER
    labels[SET_LABEL] = name
    annotations = {"annotations": dict(meta["annotations"])} if meta.get("annotations") else {}
    place, own = _key(raw)
    return {
        "apiVersion": validation.API_VERSION,
        "kind": KIND,
        "metadata": {"namespace": place, "name": own, "labels": labels, **annotations},
        "spec": {"ingress": [], "egress": [], **normalised(raw.get("spec") or {})},
    }


_MAPS = ("labels", "annotations")


def _differs(live: Raw, wanted: Raw) -> bool:
    if normalised(live.get("spec") or {}) != normalised(wanted["spec"]):
        return True
    return any(_joint(live, wanted, field) != (reading.metadata(live).get(field) or {}) for field in _MAPS)


def _joint(live: Raw, wanted: Raw, field: str) -> t.Dict[str, str]:
    """Labels or annotations as they will be: the wanted ones, and those of others; what was ours and is not wanted any more goes."""
    there = reading.metadata(live).get(field) or {}
    new = reading.metadata(wanted).get(field) or {}
    ours = _owned(live, field)
    return {**{key: value for key, value in there.items() if key in new or key not in ours}, **new}


def _owned(live: Raw, field: str) -> t.Set[str]:
    """The labels or annotations that were applied by `MANAGER` and that nobody else has."""
    owners: t.Dict[bool, t.Set[str]] = {True: set(), False: set()}
    for entry in reading.metadata(live).get("managedFields") or ():
        ours = (entry.get("manager"), entry.get("operation")) == (MANAGER, "Apply")
        fields = ((entry.get("fieldsV1") or {}).get("f:metadata") or {}).get(f"f:{field}") or {}
        owners[ours] |= {key[2:] for key in fields if key.startswith("f:")}
    return owners[True] - owners[False]


# --- Defaults ---


def normalised(spec: Raw) -> t.Dict[str, t.Any]:
    """The spec as the API server keeps it: defaults written down, fields without content left out."""
    found: t.Dict[str, t.Any] = {"podSelector": _selector(spec.get("podSelector") or {})}
    for direction, peers in ((model.INGRESS, "from"), (model.EGRESS, "to")):
        rules = [_rule(rule or {}, peers) for rule in spec.get(direction) or ()]
        if rules:
            found[direction] = rules
    # The server looks at the number of rules; `egress: []` does not isolate.
    found["policyTypes"] = list(spec.get("policyTypes") or ()) or ["Ingress", *(["Egress"] if "egress" in found else [])]
    return found


def _rule(rule: Raw, peers: str) -> t.Dict[str, t.Any]:
    listed = {
        peers: [_peer(peer or {}) for peer in rule.get(peers) or ()],
        "ports": [_port(port or {}) for port in rule.get("ports") or ()],
    }
    return {name: items for name, items in listed.items() if items}


def _peer(peer: Raw) -> t.Dict[str, t.Any]:
    # A selector without content selects everything; one that is not there does not select.
    found: t.Dict[str, t.Any] = {name: _selector(peer[name]) for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None}
    block = peer.get("ipBlock")
    if block is not None:
        found["ipBlock"] = {"cidr": block.get("cidr") or "", **({"except": list(block["except"])} if block.get("except") else {})}
    return found


def _port(port: Raw) -> t.Dict[str, t.Any]:
    given = {name: port[name] for name in ("port", "endPort") if port.get(name) is not None}
    return {"protocol": port.get("protocol") or "TCP", **given}


def _selector(selector: Raw) -> t.Dict[str, t.Any]:
    found: t.Dict[str, t.Any] = {}
    if selector.get("matchLabels"):
        found["matchLabels"] = dict(selector["matchLabels"])
    if selector.get("matchExpressions"):
        found["matchExpressions"] = [_requirement(one or {}) for one in selector["matchExpressions"]]
    return found


def _requirement(one: Raw) -> t.Dict[str, t.Any]:
    values = {"values": list(one["values"])} if one.get("values") else {}
    return {"key": one.get("key") or "", "operator": one.get("operator") or "", **values}
