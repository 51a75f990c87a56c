# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sets of small numbers as one integer each: bit i stands for i. And, or and not run at the speed of memory.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import itertools
import typing as t

_DIGITS = bytes.maketrans(b"01", b"\x00\x01")


def of(numbers: t.Iterable[int]) -> int:
    """The set of ``numbers``, built in one piece: adding bit by bit would copy the integer each time."""
    listed = numbers if isinstance(numbers, list) else list(numbers)
    if not listed:
        return 0
    lowest = min(listed) & ~7
    held = bytearray((max(listed) - lowest >> 3) + 1)
    for number in listed:
        held[number - lowest >> 3] |= 1 << (number & 7)
    return int.from_bytes(held, "little") << lowest


def members(bits: int) -> t.List[int]:
    """The numbers in ``bits``, ascending. Its time is that of the span from the lowest to the highest."""
    if not bits:
        return []
    lowest = (bits & -bits).bit_length() - 1
    flags = format(bits >> lowest, "b")[::-1].encode("ascii").translate(_DIGITS)
    return list(itertools.compress(range(lowest, lowest + len(flags)), flags))


def size(bits: int) -> int:
    """How many numbers are in ``bits``."""
    return bin(bits).count("1")


def lowest(count: int) -> int:
    """The set of 0 to ``count`` - 1."""
    return (1 << count) - 1


def has(bits: int, number: int) -> bool:
    """Whether ``number`` is in ``bits``."""
    return bool(bits >> number & 1)


class Weights:
    """Sums a weight over the members of a set, by the binary digits of all weights: a few counts instead of a walk."""

    def __init__(self, weights: t.Sequence[int]) -> None:
        digits = max(weights, default=0).bit_length()
        self._planes = [of([number for number, weight in enumerate(weights) if weight >> digit & 1]) for digit in range(digits)]

    def of(self, bits: int) -> int:
        """The weights of all members of ``bits`` together."""
        return sum(size(bits & plane) << digit for digit, plane in enumerate(self._planes))
