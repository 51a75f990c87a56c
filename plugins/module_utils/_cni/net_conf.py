# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""flannel's net-conf.json: read as flanneld reads it, and edited so that every byte but the backend's stays.

Source: flannel's ``pkg/subnet/config.go``. Names of keys do not depend on their case there, and of a key that is there twice the last
one counts. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import network

#: What flanneld takes where no backend is named. Its documentation says vxlan.
DEFAULT_BACKEND = "udp"

_BACKEND = "backend"
_SPACE = re.compile(r"[ \t\r\n]*")
_INDENT = re.compile(r"\n([ \t]+)\S")
_DECODER = json.JSONDecoder()

#: Switches and their values where they are absent.
_SWITCHES = {"enableipv4": True, "enableipv6": False, "enablenftables": False}


@dataclasses.dataclass(frozen=True)
class NetConf:
    """What net-conf.json says. ``backend`` is its Type, ``options`` are the backend's other keys as they are written."""

    network: str = ""
    ipv6_network: str = ""
    ipv4: bool = True
    ipv6: bool = False
    nftables: bool = False
    backend: str = DEFAULT_BACKEND
    options: t.Mapping[str, t.Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class _Member:
    """One key of the outermost object with its value, and where that stands in the text."""

    key: str
    value: t.Any
    start: int
    end: int


def parse(text: str, where: str) -> NetConf:
    """What the text says. Raises BadInputError that names line and column, or the key that flanneld could not use."""
    members = {member.key.lower(): member for member in _members(text, where)}
    values = {key: member.value for key, member in members.items()}
    switches = {key: _switch(values.get(key, default), key, where) for key, default in _SWITCHES.items()}
    kind, options = _backend(values.get(_BACKEND), where)
    read = NetConf(
        network=_range(values.get("network"), 4, f"{where}, Network") if switches["enableipv4"] else "",
        ipv6_network=_range(values.get("ipv6network"), 6, f"{where}, IPv6Network") if switches["enableipv6"] else "",
        ipv4=switches["enableipv4"],
        ipv6=switches["enableipv6"],
        nftables=switches["enablenftables"],
        backend=kind,
        options=options,
    )
    if not (read.ipv4 or read.ipv6):
        raise _errors.BadInputError("EnableIPv4 and EnableIPv6 are both off, so flannel would carry nothing", where)
    return read


def with_backend(text: str, backend: t.Mapping[str, t.Any], where: str) -> str:
    """The text with another backend, in place of the one that counts or behind the last key. All else stays byte for byte."""
    members = _members(text, where)
    indent = _indent(text)
    value = json.dumps(backend, indent=indent or None)
    if indent:
        value = value.replace("\n", f"\n{indent}")
    present = [member for member in members if member.key.lower() == _BACKEND]
    if present:
        return text[: present[-1].start] + value + text[present[-1].end :]
    end = members[-1].end if members else text.index("{") + 1
    comma = "," if members else ""
    gap = f"\n{indent}" if indent else " " if members else ""
    return f'{text[:end]}{comma}{gap}"Backend": {value}{text[end:]}'


def _members(text: str, where: str) -> t.List[_Member]:
    """The keys of the outermost object in their order."""
    try:
        document = json.loads(text)
    except ValueError as error:
        raise _errors.BadInputError(_problem(text, error), where, "Correct net-conf.json. Nothing was changed.") from error
    if not isinstance(document, dict):
        raise _errors.BadInputError(f"it is a JSON {type(document).__name__} and no object", where, "Correct it. Nothing was changed.")
    members: t.List[_Member] = []
    # It is valid from here on, so whatever stands between two values is one of the marks that belong there.
    place = _after(text, text.index("{") + 1)
    while text[place] != "}":
        key, place = _DECODER.raw_decode(text, place)
        start = _after(text, text.index(":", place) + 1)
        value, end = _DECODER.raw_decode(text, start)
        members.append(_Member(key, value, start, end))
        place = _after(text, end)
        if text[place] == ",":
            place = _after(text, place + 1)
    return members


def _after(text: str, place: int) -> int:
    """The place behind the white space that is there."""
    found = _SPACE.match(text, place)
    return found.end() if found else place


def _problem(text: str, error: ValueError) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return f"it is no JSON: {error}"
    line = text.splitlines()[error.lineno - 1 : error.lineno] or [""]
    return f"it is no JSON: {error.msg} in line {error.lineno}, column {error.colno}: {line[0].strip()!r}"


def _indent(text: str) -> str:
    found = _INDENT.search(text)
    return found.group(1) if found else ""


def _switch(value: t.Any, key: str, where: str) -> bool:
    if not isinstance(value, bool):
        raise _errors.BadInputError(f"{key} is {value!r}, and flanneld wants true or false", where)
    return value


def _range(value: t.Any, version: int, where: str) -> str:
    found = network.parse_cidr(value if isinstance(value, str) else "", where)
    if found.version != version:
        raise _errors.BadInputError(f"{value} is no range of IPv{version}", where)
    return str(found)


def _backend(value: t.Any, where: str) -> t.Tuple[str, t.Dict[str, t.Any]]:
    if value is None:
        return DEFAULT_BACKEND, {}
    if not isinstance(value, dict):
        raise _errors.BadInputError(f"Backend is a JSON {type(value).__name__} and no object", where)
    options = dict(value)
    kinds = [options.pop(key) for key in value if key.lower() == "type"]
    kind = kinds[-1] if kinds else ""
    if not isinstance(kind, str):
        raise _errors.BadInputError(f"Backend.Type is {kind!r} and no text", where)
    # An object without a Type is not the same as no object: flanneld looks for a backend of that name and does not start.
    if not kind:
        raise _errors.BadInputError("Backend has no Type, and flanneld would not start", where, "Name one, such as vxlan.")
    return kind, options
