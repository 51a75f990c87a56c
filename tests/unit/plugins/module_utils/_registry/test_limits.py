# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Gate, Patience, retry_after

NOW = 1_790_000_000.0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30),
        (" 1.5 ", 1.5),
        ("0", 0),
        (str(int(NOW) + 20), 20),
        (str(int(NOW) - 20), 0),
        ("Mon, 21 Sep 2026 14:14:00 GMT", 1_790_000_040 - NOW),
        ("Mon, 21 Sep 2020 14:14:00 GMT", 0),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("1e5", None),
        ("", None),
        (None, None),
    ],
)
def test_every_form_of_retry_after(text: str | None, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


def test_pauses_grow_to_a_limit_and_are_never_none() -> None:
    patience = Patience(first=1.0, longest=5.0)
    for attempt, most in ((1, 1.0), (2, 2.0), (3, 4.0), (4, 5.0), (50, 5.0)):
        assert most / 2 <= patience.pause(attempt) <= most
    assert patience.pause(1, 7.0) == 7.0
    assert patience.pause(1, 3600.0) == patience.longest_asked


def test_a_gate_narrows_once_for_what_was_refused_together() -> None:
    gate = Gate(8)
    sent = time.monotonic()
    for _ in range(8):
        gate.too_much(sent, 0)
    assert gate.cap == 4
    gate.too_much(time.monotonic(), 0)
    assert gate.cap == 2
    for _ in range(5):
        gate.too_much(time.monotonic(), 0)
    assert gate.cap == 1


def test_a_gate_widens_slowly() -> None:
    gate = Gate(4)
    gate.too_much(time.monotonic(), 0)
    caps = []
    for _ in range(20):
        gate.went_well()
        caps.append(gate.cap)
    assert caps[:4] == [2, 2, 2, 3]
    assert caps[-1] == 4


def test_a_gate_lets_no_more_in_than_it_may() -> None:
    gate = Gate(2)
    inside, most = [0], [0]
    lock, all_done = threading.Lock(), threading.Barrier(7)

    def enter() -> None:
        with gate.slot(), gate.slot():
            with lock:
                inside[0] += 1
                most[0] = max(most[0], inside[0])
            time.sleep(0.01)  # inside
            with lock:
                inside[0] -= 1
        all_done.wait(10)

    for _ in range(6):
        threading.Thread(target=enter, daemon=True).start()
    all_done.wait(10)
    assert most[0] == 2


def test_a_gate_waits_as_long_as_it_was_asked_to() -> None:
    gate = Gate(2)
    gate.too_much(time.monotonic(), 0.05)
    begun = time.monotonic()
    gate.await_turn()
    assert time.monotonic() - begun >= 0.04
