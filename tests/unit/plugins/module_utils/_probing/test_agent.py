# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands for pods, and what their lines mean, also where a stream broke off. `test_programs` runs the programs."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.podnet.cni.plugins.module_utils._probing import agent
from ansible_collections.podnet.cni.plugins.module_utils._probing.agent import ANSWERED, REFUSED, SILENT, UNREAD, WRONG, Reading

MISSING = Reading((UNREAD,), 0, "the pod did not report it")
GOOD = "podnet 0 answered 3 \npodnet 1 silent,silent 1000 connected, and nothing was said\n"
FIRST, SECOND = Reading((ANSWERED,), 3), Reading((SILENT, SILENT), 1000, "connected, and nothing was said")


def test_the_command_of_a_listener() -> None:
    expected = ["bash", "-c", agent.LISTEN, "listen", "60", "80", "443", "sctp-81"]
    assert agent.listener([443, 80, 80], [81], 60) == expected


def test_the_command_of_an_attempt_is_short_and_names_all_targets() -> None:
    targets = [("TCP", 80, "10.0.0.1", "podnet-probe-0"), ("UDP", 53, "fd00::1", "")]
    assert agent.command(targets) == [
        "bash",
        "-c",
        f'eval "${agent.VARIABLE}"',
        "connect",
        "TCP/80/10.0.0.1/podnet-probe-0",
        "UDP/53/fd00::1/-",
    ]


@pytest.mark.parametrize("word", ["PATIENCE", "STAGGER", "TRIES", "MARK"])
def test_every_place_of_the_program_is_filled_in(word: str) -> None:
    assert word not in agent.CONNECT


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (GOOD, (FIRST, SECOND)),
        ("".join(reversed(GOOD.splitlines(keepends=True))), (FIRST, SECOND)),
        ("", (MISSING, MISSING)),
        ("podnet 0 answered 3 \npodnet 1 silent,si", (FIRST, MISSING)),
        ("podnet 0 answered 3 \npodnet 1 silent,silent 10", (FIRST, MISSING)),
        ("podnet 0 answered 3 \npod", (FIRST, MISSING)),
        ("podnet 0 answered 3", (MISSING, MISSING)),
        ("bash: warning: setlocale\n\npodnet is fine\npodnet x answered 3 \n" + GOOD, (FIRST, SECOND)),
        ("podnet 0 answered x \npodnet \N{SUPERSCRIPT TWO} answered 3 \n" + GOOD.split("\n")[1], (MISSING, SECOND)),
        (GOOD + "podnet 7 answered 3 \n", (FIRST, SECOND)),
        (GOOD.replace("\n", "\r\n"), (FIRST, SECOND)),
        # What a stranger says is no line of its own.
        (
            "podnet 0 wrong 3 a\N{LINE SEPARATOR}podnet 1 answered 1 \n",
            (Reading((WRONG,), 3, "a\N{LINE SEPARATOR}podnet 1 answered 1"), MISSING),
        ),
    ],
)
def test_what_the_lines_mean(output: str, expected: tuple[Reading, ...]) -> None:
    assert agent.readings(output, 2) == expected


def test_what_is_missing_has_the_reason() -> None:
    assert agent.readings(GOOD, 3, "the pod is gone") == (FIRST, SECOND, Reading((UNREAD,), 0, "the pod is gone"))


@settings(deadline=None)
@given(st.text(), st.integers(0, 5))
def test_whatever_comes_there_is_a_reading_for_each(output: str, count: int) -> None:
    assert len(agent.readings(output, count)) == count


@settings(deadline=None)
@given(st.integers(0, len(GOOD)))
def test_wherever_the_stream_breaks_nothing_is_made_up(length: int) -> None:
    first, second = agent.readings(GOOD[:length], 2)
    assert first in (FIRST, MISSING)
    assert second == MISSING or (second.words, second.milliseconds) == (SECOND.words, SECOND.milliseconds)


@pytest.mark.parametrize(
    ("words", "word"),
    [
        ((ANSWERED,), ANSWERED),
        (("dropped", ANSWERED), ANSWERED),
        ((REFUSED, ANSWERED), ANSWERED),
        ((ANSWERED, "dropped"), ANSWERED),
        ((SILENT, WRONG), WRONG),
        ((agent.MUTE, SILENT), agent.MUTE),
        ((REFUSED, agent.MUTE), agent.MUTE),
        ((agent.MUTE, ANSWERED), ANSWERED),
        ((UNREAD,), UNREAD),
        ((UNREAD, "dropped"), UNREAD),
        ((SILENT, SILENT), SILENT),
        ((REFUSED, SILENT), REFUSED),
        ((SILENT, REFUSED), REFUSED),
        ((agent.ONCE, SILENT, SILENT), SILENT),
        ((SILENT, agent.ONCE, SILENT), SILENT),
        ((ANSWERED, "dropped", ANSWERED), ANSWERED),
    ],
)
def test_the_word_that_counts(words: tuple[str, ...], word: str) -> None:
    assert Reading(words).word == word
