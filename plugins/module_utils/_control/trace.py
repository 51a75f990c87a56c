# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The journal's file on the control machine: a line for each entry, on the disk before anything else happens.

Private: may change at any time.
"""

from __future__ import annotations

import os

from ansible_collections.podnet.cni.plugins.module_utils import _errors


def append(path: str, line: str) -> None:
    """Adds the line, which ends with a newline. Only the owner can read the file."""
    full = os.path.abspath(os.path.expanduser(path))
    try:
        _make_directory(os.path.dirname(full))
        _append(full, line.encode())
    except OSError as error:
        raise _errors.BadInputError(
            f"the journal's file cannot be written: {error.strerror}", path, "Nothing was changed. Make room or name another file."
        ) from error


def _append(path: str, data: bytes) -> None:
    is_new = not os.path.exists(path)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(descriptor, 0o600)
        # One write, so lines of two writers never mix, and one that was cut short does not spoil the next.
        os.write(descriptor, (b"" if _ends_well(descriptor) else b"\n") + data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    if is_new:
        _sync_directory(os.path.dirname(path))


def _ends_well(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    return size == 0 or os.pread(descriptor, 1, size - 1) == b"\n"


def _make_directory(path: str) -> None:
    if not os.path.isdir(path):
        os.makedirs(path, 0o700, exist_ok=True)
        _sync_directory(os.path.dirname(path))


def _sync_directory(path: str) -> None:
    """A new name is in its directory for good only when the directory is on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
