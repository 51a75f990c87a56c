# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Destination ports, as people write them and as the rules cut the space of them.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import model

if t.TYPE_CHECKING:
    from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import World

_EXAMPLE = "Write it as TCP/80, UDP/53, SCTP/7777, TCP/http, or ICMP."


@dataclasses.dataclass(frozen=True)
class Port:
    """A destination port. ``number`` is 0 for a protocol without ports, and for a port that is known by its ``name``."""

    protocol: str
    number: int = 0
    name: str = ""

    @property
    def judged(self) -> bool:
        """Whether NetworkPolicy says anything about the protocol."""
        return self.protocol in model.PROTOCOLS

    def fixed(self) -> Port:
        """Itself, if its number is known; a table cannot be made of a name that each pod may give to another number."""
        if self.judged and not self.number:
            raise _errors.BadInputError(f"port {self} has no number", "ports", _EXAMPLE)
        return self

    def __str__(self) -> str:
        return f"{self.protocol}/{self.name or self.number}" if self.judged else self.protocol


def parse(text: t.Union[str, Port]) -> Port:
    """Reads ``TCP/80``, ``TCP/http``, ``80`` (TCP), or the name of a protocol that has no ports."""
    if isinstance(text, Port):
        return text
    left, slash, right = text.partition("/")
    protocol, port = (left.upper(), right) if slash else ("TCP", left)
    if not slash and left.isalpha() and left.upper() not in model.PROTOCOLS:
        return Port(left.upper())
    if protocol not in model.PROTOCOLS or not port:
        raise _errors.BadInputError(f"{text!r} is no port", "ports", _EXAMPLE)
    if not port.isdecimal():
        return Port(protocol, name=port)
    if not 1 <= int(port) <= model.LAST_PORT:
        raise _errors.BadInputError(f"{text!r} is no port: numbers go from 1 to {model.LAST_PORT}", "ports", _EXAMPLE)
    return Port(protocol, int(port))


def distinct(worlds: t.Iterable[World]) -> t.Tuple[Port, ...]:
    """The lowest port of each range that no rule of ``worlds`` cuts."""
    begins: t.Dict[str, t.Set[int]] = {protocol: {1} for protocol in model.PROTOCOLS}
    for world in worlds:
        names = set()
        for match in matches(world.policies):
            if match.name:
                names.add((match.name, match.protocol))
            else:
                begins[match.protocol] |= {match.first, match.last + 1}
        named = (port for pod in world.pods for port in pod.ports if (port.name, port.protocol) in names)
        for port in named:
            begins[port.protocol] |= {port.number, port.number + 1}
    return tuple(Port(protocol, number) for protocol in model.PROTOCOLS for number in sorted(begins[protocol]) if number <= model.LAST_PORT)


def matches(policies: t.Iterable[model.Policy]) -> t.Iterator[model.PortMatch]:
    """All items of ``ports`` in the rules that isolate."""
    for policy in policies:
        for rule in (*(policy.ingress or ()), *(policy.egress or ())):
            yield from rule.ports
