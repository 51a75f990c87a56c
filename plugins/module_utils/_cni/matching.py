# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether a packet is what a rule of a packet filter asks for, as far as both are known.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import ipaddress
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Condition

#: What is known of something that rules look at: one word or several that are all true, or nothing.
Fact = t.Union[str, t.Tuple[str, ...], None]


class Facts(t.Protocol):
    """All that is known of a packet, by the key of a `Condition`."""

    def get(self, key: str) -> Fact: ...


def applies(conditions: t.Iterable[Condition], facts: Facts) -> t.Optional[bool]:
    """Whether all conditions hold; nothing when that cannot be told."""
    sure: t.Optional[bool] = True
    for condition in conditions:
        answer = holds(condition, facts)
        if answer is False:
            return False
        sure = None if answer is None else sure
    return sure


def holds(condition: Condition, facts: Facts) -> t.Optional[bool]:
    """Whether one condition holds; nothing when that cannot be told."""
    known = facts.get(condition.key)
    if known is None or not condition.values:
        return None
    words = (known,) if isinstance(known, str) else known
    answers = [_same(word, value) for word in words for value in condition.values]
    if True in answers:
        return not condition.negated
    return None if None in answers else condition.negated


def _same(known: str, value: str) -> t.Optional[bool]:
    """Whether a fact is the value of a rule: an address in a range of addresses, a port in a range of ports, an equal word."""
    if value.startswith("@") or value == "?":
        return None
    if "/" in value:
        return _masked(known, value)
    first, dash, last = value.partition("-")
    if dash and known.isdigit() and first.isdigit() and last.isdigit():
        return int(first) <= int(known) <= int(last)
    if value.endswith("+"):
        return known.startswith(value[:-1])
    if value.endswith("*"):
        return known.startswith(value[:-1])
    return known == value


def _masked(known: str, value: str) -> t.Optional[bool]:
    """Of ``10.0.0.0/8`` and of ``0x4000/0x4000``, the two things with a slash."""
    try:
        return ipaddress.ip_address(known) in ipaddress.ip_network(value, strict=False)
    except ValueError:
        mark, _, mask = value.partition("/")
        try:
            return (int(known, 0) & int(mask, 0)) == (int(mark, 0) & int(mask, 0))
        except ValueError:
            return None
