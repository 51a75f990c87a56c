# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _moments

NOON = 1795521600.25


def test_texts() -> None:
    assert _moments.text(NOON) == "2026-11-24T12:00:00Z"
    assert _moments.fine_text(NOON) == "2026-11-24T12:00:00.250000Z"
    assert (_moments.day(NOON), _moments.clock(NOON)) == ("2026-11-24", "12:00:00")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-24T12:00:00Z", 1795521600.0),
        ("2026-11-24T12:00:00.250000Z", NOON),
        ("2026-02-30T12:00:00Z", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_parsing(text: str, moment: float | None) -> None:
    assert _moments.parse(text) == moment


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "0.2 s"), (9.94, "9.9 s"), (41.4, "41 s"), (119, "119 s"), (125, "2 min 5 s"), (7199.4, "119 min 59 s"), (7500, "2 h 5 min")],
)
def test_lengths(seconds: float, text: str) -> None:
    assert _moments.length(seconds) == text
