# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the API server refuses in a NetworkPolicy, and fields that it drops without a word.

First the structure (types, names of fields), then what the values mean. Source: the API's documentation and its published behaviour.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, model
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import Finding, Place, Raw

API_VERSION = "networking.k8s.io/v1"
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")
POLICY_TYPES = ("Ingress", "Egress")

_NAME_PART = r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
_LABEL_VALUE = re.compile(rf"(?:{_NAME_PART})?")
_LABEL_NAME = re.compile(_NAME_PART)
_DNS_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DNS_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*")
_PORT_NAME = re.compile(r"(?=.*[a-z])(?!.*--)[a-z0-9](?:[a-z0-9-]{0,13}[a-z0-9])?")

#: Types of the API: the fields of each, and the type of each field. ``[X]`` is a list of X.
_TYPES: t.Mapping[str, t.Mapping[str, str]] = {
    "policy": {"apiVersion": "string", "kind": "string", "metadata": "metadata", "spec": "spec", "status": "anything"},
    "spec": {"podSelector": "selector", "policyTypes": "[string]", "ingress": "[ingress rule]", "egress": "[egress rule]"},
    "ingress rule": {"from": "[peer]", "ports": "[port]"},
    "egress rule": {"to": "[peer]", "ports": "[port]"},
    "peer": {"podSelector": "selector", "namespaceSelector": "selector", "ipBlock": "block"},
    "block": {"cidr": "string", "except": "[string]"},
    "port": {"protocol": "string", "port": "integer or string", "endPort": "integer"},
    "selector": {"matchLabels": "map of strings", "matchExpressions": "[requirement]"},
    "requirement": {"key": "string", "operator": "string", "values": "[string]"},
}
_SCALARS: t.Mapping[str, t.Tuple[type, ...]] = {"string": (str,), "integer": (int,), "integer or string": (int, str)}

#: (field, message) of something wrong.
_Fault = t.Tuple[str, str]


def examine(policy: Raw, place: Place) -> t.List[Finding]:
    """What is wrong with a NetworkPolicy: severity error where the API server refuses it, warning where it drops a field."""
    structure = list(_structure("policy", policy, ""))
    refused = [_refused(place, field, message) for field, message, unknown in structure if not unknown]
    dropped = [_dropped(place, field, message) for field, message, unknown in structure if unknown]
    if refused:
        return refused + dropped
    return [_refused(place, field, message) for field, message in _meaning(policy, place)] + dropped


def examine_metadata(raw: Raw, place: Place) -> t.List[Finding]:
    """What the API server cannot take for metadata, of an object of any kind."""
    return [_refused(place, field, message) for field, message, _ in _metadata(raw.get("metadata"), "metadata")]


def _refused(place: Place, field: str, message: str) -> Finding:
    return Finding("invalid", "error", place, field, message, "The API server refuses this object.")


def _dropped(place: Place, field: str, message: str) -> Finding:
    """A field that is known elsewhere was probably indented wrongly, so both readings are shown."""
    advice = "The API server drops it (kubectl apply refuses the file unless --validate=false): check spelling and indentation."
    name = field.rpartition(".")[2]
    homes = " or ".join(f"of {kind}" for kind, fields in _TYPES.items() if name in fields)
    readings = ("as the server reads it, without the field", f"as a field {homes}, where it belongs") if homes else ()
    return Finding("unknown-field", "warning", place, field, message, advice, readings)


# --- Structure --------------------------------------------------------------------------------------------------------


def _structure(kind: str, value: t.Any, path: str) -> t.Iterator[t.Tuple[str, str, bool]]:
    """(field, message, whether it is only an unknown field) of what does not have the shape of ``kind``."""
    # A field that is null counts as left out.
    if value is None or kind == "anything":
        return
    if kind == "metadata":
        yield from _metadata(value, path)
    elif kind.startswith("["):
        yield from _list(kind[1:-1], value, path)
    elif kind == "map of strings":
        yield from _map(value, path)
    elif kind in _SCALARS:
        if not isinstance(value, _SCALARS[kind]) or isinstance(value, bool):
            yield path, f"is {_shown(value)}, not {'an' if kind[0] in 'aeiou' else 'a'} {kind}", False
    elif not isinstance(value, dict):
        yield path, f"is {_shown(value)}, not an object", False
    else:
        yield from _object(kind, value, path)


#: What is read of metadata. The rest of it is the server's own.
_METADATA: t.Mapping[str, str] = {
    "name": "string",
    "namespace": "string",
    "labels": "map of strings",
    "annotations": "map of strings",
}


def _metadata(value: t.Any, path: str) -> t.Iterator[t.Tuple[str, str, bool]]:
    if value is None:
        return
    if not isinstance(value, dict):
        yield path, f"is {_shown(value)}, not an object", False
        return
    for name, kind in _METADATA.items():
        yield from _structure(kind, value.get(name), f"{path}.{name}")


def _list(kind: str, value: t.Any, path: str) -> t.Iterator[t.Tuple[str, str, bool]]:
    if not isinstance(value, (list, tuple)):
        yield path, f"is {_shown(value)}, not a list", False
        return
    for index, item in enumerate(value):
        if item is None and kind in _SCALARS:
            yield f"{path}[{index}]", f"is null, not a {kind}", False
        yield from _structure(kind, item, f"{path}[{index}]")


def _map(value: t.Any, path: str) -> t.Iterator[t.Tuple[str, str, bool]]:
    if not isinstance(value, dict):
        yield path, f"is {_shown(value)}, not a map of strings", False
        return
    for key, item in value.items():
        if not isinstance(key, str) or not isinstance(item, str):
            yield f"{path}.{key}", f"is {_shown(item)}, not a string; put it in quotes", False


def _object(kind: str, value: t.Mapping[str, t.Any], path: str) -> t.Iterator[t.Tuple[str, str, bool]]:
    fields = _TYPES[kind]
    for name, item in value.items():
        place = f"{path}.{name}" if path else str(name)
        if name in fields:
            yield from _structure(fields[name], item, place)
        else:
            yield place, f"is no field of this type, which has {', '.join(fields)}", True


def _shown(value: t.Any) -> str:
    kinds = {dict: "an object", list: "a list", bool: "true or false", type(None): "null"}
    return kinds.get(type(value)) or repr(value)


# --- Meaning ----------------------------------------------------------------------------------------------------------


def _meaning(policy: Raw, place: Place) -> t.Iterator[_Fault]:
    yield from _identity(policy, place)
    spec = policy.get("spec") or {}
    yield from _selector(spec.get("podSelector"), "spec.podSelector")
    types = spec.get("policyTypes") or ()
    if len(types) > len(POLICY_TYPES):
        yield "spec.policyTypes", "has more than two items"
    for index, name in enumerate(types):
        if name not in POLICY_TYPES:
            yield f"spec.policyTypes[{index}]", f"is {name!r}, not Ingress or Egress"
    for direction, peers in ((model.INGRESS, "from"), (model.EGRESS, "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate((rule or {}).get("ports") or ()):
                yield from _port(port or {}, f"{path}.ports[{number}]")
            for number, peer in enumerate((rule or {}).get(peers) or ()):
                yield from _peer(peer or {}, f"{path}.{peers}[{number}]")


def _identity(policy: Raw, place: Place) -> t.Iterator[_Fault]:
    if policy.get("apiVersion") != API_VERSION:
        yield "apiVersion", f"is {policy.get('apiVersion')!r}; a NetworkPolicy of Kubernetes is of {API_VERSION}"
    if not is_dns_name(place.name):
        yield "metadata.name", f"is {place.name!r}, not a name of lower-case letters, digits, - and ."
    if not _DNS_LABEL.fullmatch(place.namespace):
        yield "metadata.namespace", f"is {place.namespace!r}, not the name of a namespace"
    meta = policy.get("metadata") or {}
    for key, value in (meta.get("labels") or {}).items():
        yield from _label(key, value, f"metadata.labels.{key}")
    for key in meta.get("annotations") or {}:
        if not is_label_key(key.lower()):
            yield f"metadata.annotations.{key}", f"has the key {key!r}, which is no key of an annotation"


def is_dns_name(text: str) -> bool:
    """Whether most objects may have this name."""
    return len(text) <= 253 and bool(_DNS_NAME.fullmatch(text))


def _selector(selector: t.Optional[Raw], path: str) -> t.Iterator[_Fault]:
    for key, value in ((selector or {}).get("matchLabels") or {}).items():
        yield from _label(key, value, f"{path}.matchLabels.{key}")
    for index, requirement in enumerate((selector or {}).get("matchExpressions") or ()):
        yield from _requirement(requirement or {}, f"{path}.matchExpressions[{index}]")


def _requirement(requirement: Raw, path: str) -> t.Iterator[_Fault]:
    operator, values = requirement.get("operator"), requirement.get("values") or ()
    yield from _label(requirement.get("key") or "", "", f"{path}.key")
    if operator not in OPERATORS:
        yield f"{path}.operator", f"is {operator!r}, not one of {', '.join(OPERATORS)}"
    elif operator in ("In", "NotIn") and not values:
        yield f"{path}.values", f"is empty, which {operator} does not allow"
    elif operator in ("Exists", "DoesNotExist") and values:
        yield f"{path}.values", f"has values, which {operator} does not allow"
    for index, value in enumerate(values):
        if not is_label_value(value):
            yield f"{path}.values[{index}]", f"is {value!r}, which is no value of a label"


def _label(key: t.Any, value: t.Any, path: str) -> t.Iterator[_Fault]:
    if not isinstance(key, str) or not is_label_key(key):
        yield path, f"has the key {key!r}, which is no key of a label"
    if not isinstance(value, str) or not is_label_value(value):
        yield path, f"has the value {value!r}, which is no value of a label"


def is_label_key(text: str) -> bool:
    """Whether a label may have this key: a name of at most 63 characters, behind a DNS name and a slash if there is one."""
    prefix, slash, name = text.rpartition("/")
    return bool(_LABEL_NAME.fullmatch(name)) and (is_dns_name(prefix) if slash else True)


def is_label_value(text: str) -> bool:
    """Whether a label may have this value: empty, or a name of at most 63 characters."""
    return bool(_LABEL_VALUE.fullmatch(text))


def _port(port: Raw, path: str) -> t.Iterator[_Fault]:
    protocol, number, end = port.get("protocol"), port.get("port"), port.get("endPort")
    if protocol is not None and protocol not in model.PROTOCOLS:
        yield f"{path}.protocol", f"is {protocol!r}, not one of {', '.join(model.PROTOCOLS)}"
    if isinstance(number, int) and not 1 <= number <= model.LAST_PORT:
        yield f"{path}.port", f"is {number}, not a number from 1 to {model.LAST_PORT}"
    if isinstance(number, str) and not _PORT_NAME.fullmatch(number):
        quoted = "; a number has no quotes" if number.isdecimal() else ""
        yield f"{path}.port", f"is {number!r}, not a port's name: at most 15 of a-z, 0-9 and -, one of them a letter{quoted}"
    if end is not None:
        yield from _end_port(number, end, f"{path}.endPort")


def _end_port(number: t.Any, end: int, path: str) -> t.Iterator[_Fault]:
    if number is None:
        yield path, "is set without port"
    elif isinstance(number, str):
        yield path, f"is set beside the port's name {number!r}; a range begins with a number"
    elif not number <= end <= model.LAST_PORT:
        yield path, f"is {end}, not a number from port ({number}) to {model.LAST_PORT}"


def _peer(peer: Raw, path: str) -> t.Iterator[_Fault]:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    block = peer.get("ipBlock")
    if block is None and not selectors:
        yield path, "names no peer: it has neither podSelector, namespaceSelector nor ipBlock"
    for name in selectors:
        yield from _selector(peer[name], f"{path}.{name}")
    if block is not None and selectors:
        yield path, f"has ipBlock and {' and '.join(selectors)} in one item; make them two items"
    if block is not None:
        yield from _block(block, f"{path}.ipBlock")


def _block(block: Raw, path: str) -> t.Iterator[_Fault]:
    cidr, fault = _network(block.get("cidr") or "", f"{path}.cidr")
    if fault:
        yield fault
    for index, text in enumerate(block.get("except") or ()):
        place = f"{path}.except[{index}]"
        hole, fault = _network(text, place)
        if fault:
            yield fault
        elif cidr and hole and not hole.within(cidr):
            yield place, f"is {text}, which is not a smaller part of the cidr {block['cidr']}"


def _network(text: str, path: str) -> t.Tuple[t.Optional[addresses.Network], t.Optional[_Fault]]:
    try:
        return addresses.network(text), None
    except ValueError as error:
        return None, (path, f"is {text!r}, not an address range: it {_reason(error)}")


def _reason(error: ValueError) -> str:
    """Our own errors are half a sentence; those of ipaddress are whole ones, for people who know it."""
    text = str(error)
    return text if text.startswith(("has ", "is ")) else "cannot be read as address/length"
