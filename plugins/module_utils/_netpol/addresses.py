# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses as numbers, ranges of them, and the pieces into which all blocks together cut the two address spaces.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import bisect
import dataclasses
import ipaddress
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._netpol import bitsets

#: (family, value): 4 or 6, and the address as a number.
Address = t.Tuple[int, int]
#: First and last address of a range.
Span = t.Tuple[int, int]

FAMILIES = (4, 6)
_LENGTH = {4: 32, 6: 128}
_LEADING_ZERO = re.compile(r"(^|\.)0\d")


def parse(text: str) -> Address:
    """The address that ``text`` writes; ValueError for anything that Kubernetes refuses in a new field (leading zeros, IPv4 in IPv6)."""
    address = ipaddress.ip_address(text)
    if isinstance(address, ipaddress.IPv6Address):
        _refuse_mapped(address)
        # A zone has no meaning outside its node.
        if "%" in text:
            raise ValueError(f"{text!r} has a zone")
    return address.version, int(address)


def find(text: str) -> t.Optional[Address]:
    """The same; None for what is no address."""
    try:
        return parse(text)
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Whether ``text`` is an address rather than a name."""
    return find(text) is not None


@dataclasses.dataclass(frozen=True)
class Network:
    """A CIDR: ``first`` and ``last`` as numbers. ``exact`` is False where bits behind the prefix were set, which are ignored."""

    family: int
    first: int
    last: int
    exact: bool = True

    def __contains__(self, address: Address) -> bool:
        return address[0] == self.family and self.first <= address[1] <= self.last

    def overlaps(self, other: Network) -> bool:
        return self.family == other.family and self.first <= other.last and other.first <= self.last

    def within(self, other: Network) -> bool:
        """Whether it is a part of ``other``, and not all of it."""
        inside = self.family == other.family and other.first <= self.first and self.last <= other.last
        return inside and (self.first, self.last) != (other.first, other.last)


def network(text: str) -> Network:
    """Reads a CIDR; ValueError, with the reason, for what is none."""
    address, slash, length = text.partition("/")
    if not slash:
        raise ValueError("has no prefix length, as in 10.0.0.0/8")
    if _LEADING_ZERO.search(address):
        raise ValueError("has leading zeros, which some read as octal")
    if not length.isdecimal() or not length.isascii() or (len(length) > 1 and length.startswith("0")):
        raise ValueError("has no number after the slash")
    parsed = ipaddress.ip_interface(text).network
    if isinstance(parsed.network_address, ipaddress.IPv6Address):
        _refuse_mapped(ipaddress.IPv6Address(address))
    first = int(parsed.network_address)
    return Network(parsed.version, first, int(parsed.broadcast_address), exact=int(ipaddress.ip_address(address)) == first)


def whole(family: int) -> Network:
    """All addresses of a family."""
    return Network(family, 0, 2 ** _LENGTH[family] - 1)


@dataclasses.dataclass(frozen=True)
class Block:
    """An ipBlock: ``cidr`` without ``excepts``. ``text`` is the cidr as it was written."""

    cidr: Network
    excepts: t.Tuple[Network, ...] = ()
    text: str = dataclasses.field(default="", compare=False)

    def __str__(self) -> str:
        return self.text + (" with exceptions" if self.excepts else "")

    def __contains__(self, address: Address) -> bool:
        return address in self.cidr and not any(address in hole for hole in self.excepts)

    def spans(self) -> t.List[Span]:
        """What is left of the cidr, in ascending ranges."""
        left, begin = [], self.cidr.first
        holes = (hole for hole in self.excepts if hole.overlaps(self.cidr))
        for hole in sorted(holes, key=lambda network: network.first):
            if begin < hole.first:
                left.append((begin, hole.first - 1))
            begin = max(begin, hole.last + 1)
        return [*left, (begin, self.cidr.last)] if begin <= self.cidr.last else left


class Pieces:
    """Addresses that the same blocks contain are one piece, whatever their value.

    Pieces are numbered from 0; piece 0 is in no block. Sweeps over the borders once, so it takes blocks x borders / 64 steps at most.
    """

    NONE = 0

    def __init__(self, blocks: t.Iterable[Block]) -> None:
        self._blocks = {block: number for number, block in enumerate(dict.fromkeys(blocks))}
        numbers: t.Dict[int, int] = {0: self.NONE}
        self._borders: t.Dict[int, t.List[int]] = {}
        self._after: t.Dict[int, t.List[int]] = {}
        for family in FAMILIES:
            self._borders[family], self._after[family] = self._sweep(family, numbers)
        self.count = len(numbers)
        self._of_block: t.List[t.List[int]] = [[] for _ in self._blocks]
        for containing, piece in numbers.items():
            for number in bitsets.members(containing):
                self._of_block[number].append(piece)
        self._containing = {piece: containing for containing, piece in numbers.items()}

    def _sweep(self, family: int, numbers: t.Dict[int, int]) -> t.Tuple[t.List[int], t.List[int]]:
        """Borders in ascending order, and the piece that begins at each."""
        changes: t.Dict[int, int] = {0: 0}
        for block, number in self._blocks.items():
            for first, last in block.spans() if block.cidr.family == family else ():
                changes[first] = changes.get(first, 0) ^ 1 << number
                changes[last + 1] = changes.get(last + 1, 0) ^ 1 << number
        borders, after, containing = sorted(changes), [], 0
        for border in borders:
            containing ^= changes[border]
            after.append(numbers.setdefault(containing, len(numbers)))
        return borders, after

    def of(self, address: Address) -> int:
        """The piece in which ``address`` lies."""
        family, value = address
        return self._after[family][bisect.bisect_right(self._borders[family], value) - 1]

    def of_text(self, text: str) -> int:
        """The same for an address as the API writes it. Most are IPv4, which is read here in a tenth of the time."""
        if self.count == 1:
            return self.NONE
        if ":" in text:
            return self.of(parse(text))
        a, b, c, d = text.split(".")
        return self.of((4, int(a) << 24 | int(b) << 16 | int(c) << 8 | int(d)))

    def within(self, place: Network) -> t.Tuple[int, ...]:
        """The pieces of which ``place`` has a part, each once."""
        borders, after = self._borders[place.family], self._after[place.family]
        begin, end = bisect.bisect_right(borders, place.first) - 1, bisect.bisect_right(borders, place.last)
        return tuple(dict.fromkeys(after[begin:end]))

    def describe(self, piece: int) -> str:
        """The blocks that contain ``piece``, in words."""
        blocks = list(self._blocks)
        numbers = bitsets.members(self._containing[piece])
        return f"in {', '.join(str(blocks[number]) for number in numbers)}" if numbers else "in no block"

    def of_block(self, block: Block) -> t.List[int]:
        """The pieces that ``block`` is made of."""
        return self._of_block[self._blocks[block]]


def _refuse_mapped(address: ipaddress.IPv6Address) -> None:
    if address.ipv4_mapped is not None:
        raise ValueError("is an IPv4 address inside an IPv6 one")
