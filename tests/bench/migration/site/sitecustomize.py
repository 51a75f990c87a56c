# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Python imports this at its start where PYTHONPATH leads here. Notes each request to the API server that a module of a playbook makes."""

from __future__ import annotations

import os
import sys
import typing as t

_METHODS = (b"GET ", b"PUT ", b"POST ", b"PATCH ", b"DELETE ")
_PATH = os.environ.get("PODNET_BENCH_REQUESTS", "")


def _note(event: str, arguments: tuple[t.Any, ...]) -> None:
    # A request that becomes a stream (exec) does not go through http.client; it is known by who connects.
    if event == "http.client.send" and isinstance(arguments[1], bytes) and arguments[1].startswith(_METHODS):
        _write(arguments[1].split(b" HTTP/", 1)[0].decode())
    elif event == "socket.connect" and sys._getframe(1).f_globals.get("__name__", "").startswith("websocket"):  # noqa: SLF001  # no other way
        _write("STREAM")


def _write(line: str) -> None:
    with open(_PATH, "a") as file:  # noqa: PTH123  # pathlib would be imported into every Python of the run
        file.write(line + "\n")


if _PATH:
    sys.addaudithook(_note)
