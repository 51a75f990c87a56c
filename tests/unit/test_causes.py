# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import sys

import pytest

from tests.support.causes import MOST_LINES, cause, told

A_TASK = """\
  \x1b[2m│\x1b[0m TASK [Ask]
  │ fatal: [n1]: FAILED! =>
  │     msg: no answer
  │
  │ TASK [Take it back]
  │ changed: [n1]
"""


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        pytest.param(A_TASK, ["TASK [Ask]", "fatal: [n1]: FAILED! =>", "    msg: no answer"], id="a task, in molecule's frame and colours"),
        pytest.param("x\nE   assert 1 == 2\nFAILED tests/a.py::b\nmore", ["E   assert 1 == 2", "FAILED tests/a.py::b"], id="a test"),
        pytest.param(
            "CRITICAL Idempotence test failed because of the following tasks:\n*  => n1 : Write\nINFO  on",
            ["CRITICAL Idempotence test failed because of the following tasks:", "*  => n1 : Write"],
            id="a second run that changes",
        ),
        pytest.param(
            "FAILED - RETRYING: [n1]: Wait\nmake: *** no rule\n\n",
            ["FAILED - RETRYING: [n1]: Wait", "make: *** no rule"],
            id="else the end",
        ),
    ],
)
def test_a_cause_is_found_in_much_output(printed: str, expected: list[str]) -> None:
    assert cause(["before"] * 2 * MOST_LINES * (expected[-1] != "make: *** no rule") + printed.split("\n")) == expected


def test_a_command_is_heard_while_it_prints(capfd: pytest.CaptureFixture[str]) -> None:
    assert told([sys.executable, "-c", "print('a'); print('b'); raise SystemExit(3)"]) == (False, ["a", "b"])
    assert capfd.readouterr().out == "a\nb\n"
