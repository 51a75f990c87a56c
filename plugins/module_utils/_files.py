# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes a file in one step: whoever reads it sees the old content or the new one, also when the power fails or the disk is full.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import os
import pathlib

#: What the name of a half-written file ends with; nobody reads files of that name as configuration.
HALF = ".half"


def replace(path: pathlib.Path, content: bytes, mode: int) -> None:
    """Makes ``content`` that of ``path``, with its directory where there is none. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}{HALF}")
    try:
        _write(half, content, mode)
        half.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            half.unlink()
        raise


def _write(path: pathlib.Path, content: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as stream:
        # The mode of open() is cut by the umask, and does not change a file that an earlier run left.
        os.fchmod(stream.fileno(), mode)
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
