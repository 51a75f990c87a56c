# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._node import commands
from ansible_collections.podnet.cni.plugins.module_utils._node.commands import Output


def python(code: str) -> tuple[str, ...]:
    return (sys.executable, "-c", code)


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("print('hello')", Output("hello\n")),
        ("import sys; print('half'); print('broken', file=sys.stderr); sys.exit(2)", Output("half\n", "broken")),
        ("import sys; sys.exit(3)", Output("", "exit status 3")),
        ("import sys; print('a warning', file=sys.stderr); print('fine')", Output("fine\n")),
        ("import sys; sys.stdout.buffer.write(b'\\xff')", Output("\ufffd")),
        ("import os; print(os.environ['LC_ALL'])", Output("C\n")),
        ("import sys; print(repr(sys.stdin.read()))", Output("''\n")),
    ],
)
def test_run(code: str, expected: Output) -> None:
    assert commands.run(python(code)) == expected


def test_a_tool_that_is_absent() -> None:
    assert commands.run(("podnet-no-such-tool",)) == Output(problem="not found")


def test_a_tool_that_hangs() -> None:
    assert commands.run(python("import time; time.sleep(60)"), timeout=0.2) == Output(problem="no answer within 0.2 s")


def test_a_tool_that_cannot_be_started(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    tool.write_bytes(b"\x00\x01")
    tool.chmod(0o755)
    assert commands.run((str(tool),)) == Output(problem="Exec format error")


def test_run_all_at_the_same_time() -> None:
    start = time.monotonic()
    outputs = commands.run_all({number: python(f"import time; time.sleep(0.5); print({number})") for number in map(str, range(6))})
    assert {key: output.text.strip() for key, output in outputs.items()} == {key: key for key in map(str, range(6))}
    assert time.monotonic() - start < 2.5


def test_run_all_of_nothing() -> None:
    assert commands.run_all({}) == {}


def test_tools_are_found_without_a_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert commands.find("sh").endswith("/sh")
    assert commands.find("podnet-no-such-tool") == ""


@pytest.mark.parametrize("inherited", ["", ":/opt/x", "/opt/x::", None])
def test_the_current_directory_is_never_searched(monkeypatch: pytest.MonkeyPatch, inherited: str | None) -> None:
    if inherited is None:
        monkeypatch.delenv("PATH")
    else:
        monkeypatch.setenv("PATH", inherited)
    assert "" not in commands.search_path().split(os.pathsep)
    assert commands.search_path().endswith(":/usr/bin:/bin")
