# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names build results by what they are made of, so that only what changed is built again."""

from __future__ import annotations

import hashlib
import typing as t
from pathlib import Path

LENGTH = 16


def of(*parts: str | bytes | Path) -> str:
    """A short hash over texts, bytes, files and whole folders (names and contents, in order)."""
    digest = hashlib.sha256()
    for part in parts:
        for chunk in _chunks(part):
            digest.update(len(chunk).to_bytes(8, "big"))
            digest.update(chunk)
    return digest.hexdigest()[:LENGTH]


def _chunks(part: str | bytes | Path) -> t.Iterator[bytes]:
    if isinstance(part, bytes):
        yield part
    elif isinstance(part, str):
        yield part.encode()
    elif part.is_dir():
        for path in sorted(part.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(part)).encode()
                yield path.read_bytes()
    else:
        yield part.read_bytes()
