# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes files on the control machine so that a reader sees the old one or the new one, never a part.

Private: may change at any time.
"""

from __future__ import annotations

import os
import tempfile
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

#: The folder beside them for files that newer ones have taken the place of.
_EARLIER = "earlier"


def differing(directory: str, contents: t.Mapping[str, str]) -> t.Tuple[str, ...]:
    """The names of those files in the directory that are absent or hold something else."""
    return tuple(name for name, text in contents.items() if _read(os.path.join(directory, name)) != text.encode())


def write(directory: str, contents: t.Mapping[str, str]) -> None:
    """Writes each file in the place of an earlier one. The directory is made."""
    try:
        os.makedirs(directory, exist_ok=True)
        for name, text in contents.items():
            _replace(directory, name, text.encode())
    except OSError as error:
        raise _errors.BadInputError(f"it cannot be written: {error.strerror}", directory, "Make room or name another directory.") from error


def set_aside(directory: str, names: t.Sequence[str]) -> None:
    """Moves these files, where they are there, into a folder that is named by the newest one's time."""
    try:
        paths = [path for path in (os.path.join(directory, name) for name in names) if os.path.exists(path)]
        if not paths:
            return
        newest = max(os.stat(path).st_mtime for path in paths)
        folder = os.path.join(directory, _EARLIER, time.strftime("%Y-%m-%dT%H-%M-%SZ", time.gmtime(newest)))
        os.makedirs(folder, exist_ok=True)
        for path in paths:
            os.replace(path, os.path.join(folder, os.path.basename(path)))
    except OSError as error:
        raise _errors.BadInputError(f"it cannot be set aside: {error.strerror}", directory, "Name another directory.") from error


def _read(path: str) -> t.Optional[bytes]:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _errors.BadInputError(f"it cannot be read: {error.strerror}", path, "Name another directory, or move it away.") from error


def _replace(directory: str, name: str, data: bytes) -> None:
    descriptor, path = tempfile.mkstemp(prefix=f".{name}.", dir=directory)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            # mkstemp lets nobody else read it; a report is to be shown around.
            os.fchmod(file.fileno(), 0o644)
        os.replace(path, os.path.join(directory, name))
    except OSError:
        os.unlink(path)
        raise
