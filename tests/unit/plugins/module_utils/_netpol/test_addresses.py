# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Addresses, and the pieces into which blocks cut them."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._netpol import addresses, bitsets


def _block(cidr: str, *holes: str) -> addresses.Block:
    return addresses.Block(addresses.network(cidr), tuple(map(addresses.network, holes)), cidr)


@pytest.mark.parametrize("text", ["", "10.0.0", "010.0.0.1", "::ffff:10.0.0.1", "fe80::1%eth0", "web"])
def test_no_address(text: str) -> None:
    assert not addresses.is_address(text)


@pytest.mark.parametrize(
    ("holes", "spans"),
    [
        ([], [(0, 15)]),
        (["0.0.0.0/29"], [(8, 15)]),
        (["0.0.0.8/29"], [(0, 7)]),
        (["0.0.0.4/30", "0.0.0.5/32"], [(0, 3), (8, 15)]),
        (["0.0.0.5/32", "0.0.0.4/30"], [(0, 3), (8, 15)]),
        (["0.0.0.0/29", "0.0.0.8/29"], []),
    ],
)
def test_what_is_left_of_a_block(holes: list[str], spans: list[tuple[int, int]]) -> None:
    assert _block("0.0.0.0/28", *holes).spans() == spans


_networks = st.builds(
    lambda value, length: str(ipaddress.ip_network((value, length), strict=False)), st.integers(0, 255), st.integers(24, 32)
)
_blocks = st.lists(st.builds(lambda cidr, holes: _block(cidr, *holes), _networks, st.lists(_networks, max_size=3)), max_size=6)


@given(_blocks)
def test_addresses_of_one_piece_are_in_the_same_blocks(blocks: list[addresses.Block]) -> None:
    pieces = addresses.Pieces(blocks)
    within: dict[int, set[tuple[bool, ...]]] = {}
    for value in range(257):
        contained = tuple((4, value) in block for block in blocks)
        piece = pieces.of((4, value))
        assert pieces.of_text(str(ipaddress.IPv4Address(value))) == piece
        assert [piece in pieces.of_block(block) for block in blocks] == list(contained)
        within.setdefault(piece, set()).add(contained)
    assert all(len(contents) == 1 for contents in within.values())
    assert set(within) == set(pieces.within(addresses.Network(4, 0, 256)))
    assert pieces.of((6, 7)) == pieces.NONE


def test_words_for_a_piece() -> None:
    pieces = addresses.Pieces([_block("10.0.0.0/8", "10.1.0.0/16"), _block("10.2.0.0/16")])
    assert [pieces.describe(pieces.of(addresses.parse(text))) for text in ("10.2.0.1", "10.0.0.1", "10.1.0.1")] == [
        "in 10.0.0.0/8 with exceptions, 10.2.0.0/16",
        "in 10.0.0.0/8 with exceptions",
        "in no block",
    ]


@given(st.sets(st.integers(0, 300)), st.lists(st.integers(0, 40), min_size=301, max_size=301))
def test_bitsets(numbers: set[int], weights: list[int]) -> None:
    bits = bitsets.of(numbers)
    assert bits == sum(1 << number for number in numbers)
    assert bitsets.members(bits) == sorted(numbers)
    assert bitsets.size(bits) == len(numbers)
    assert [bitsets.has(bits, number) for number in range(301)] == [number in numbers for number in range(301)]
    assert bitsets.Weights(weights).of(bits) == sum(weights[number] for number in numbers)
