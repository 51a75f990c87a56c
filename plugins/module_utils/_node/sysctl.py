# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes kernel settings by their sysctl names, in which dots and slashes are swapped against the path.

Adapter. Private: may change at any time.
"""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError

_SWAP = str.maketrans("./", "/.")


def write(settings: t.Mapping[str, str], root: str = "/proc/sys") -> None:
    """Sets each of them. A device that went in the meantime took its settings along, which is no error."""
    for name, value in settings.items():
        path = pathlib.Path(root) / name.translate(_SWAP)
        try:
            path.write_text(value, encoding="ascii")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise NodeError(f"the setting cannot be written: {error.strerror}", where=name, next_step="Run as root.") from error
