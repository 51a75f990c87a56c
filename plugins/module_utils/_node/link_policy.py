# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes and removes the files by which managers of network devices leave those of a CNI alone, and makes them read these.

Adapter. Private: may change at any time.
"""

from __future__ import annotations

import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _files
from ansible_collections.podnet.cni.plugins.module_utils._cni import link_policy
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import commands, parse

_MODE = 0o644

#: Stands while managers may not have read the files as they are now.
_MARK = "/run/podnet.cni/link-policy.unread"


def running() -> t.Tuple[str, ...]:
    """The managers that run on this node."""
    output = commands.run(("systemctl", "show", "--property=Id,ActiveState", *link_policy.MANAGERS))
    if output.problem:
        raise NodeError(
            f"which services manage network devices is not known, systemctl says: {output.problem}",
            "systemctl",
            "Nothing was changed. Run this as root on a node with systemd.",
        )
    return tuple(name for name in parse.active_units(output.text) if name in link_policy.MANAGERS)


def present(root: str = "/") -> t.Dict[str, str]:
    """What lies at the places of our files, by path. A file there that is not ours is an error."""
    found: t.Dict[str, str] = {}
    for ours in link_policy.OURS:
        content = _read(root, ours.path)
        if content is not None and not link_policy.written_by_us(content):
            raise BadInputError(
                "this file is not from podnet.cni and stands where one of ours would be", ours.path, "Nothing was changed. Move it away."
            )
        if content is not None:
            found[ours.path] = content
    return found


def unread(root: str = "/") -> bool:
    """Whether a run was killed after it wrote files and before all managers had read them."""
    return _at(root, _MARK).exists()


def apply(changes: t.Iterable[link_policy.Change], managers: t.Collection[str], root: str = "/") -> None:
    """Writes and removes, then makes every manager that runs read its files anew.

    A mark stands from before the first write until after the last reading. It is gone after a reboot, when all is read anyway.
    """
    _replace(root, _MARK, "")
    for change in changes:
        if change.after is None:
            _remove(root, change.file.path)
        else:
            _replace(root, change.file.path, change.after)
    for ours in link_policy.OURS:
        if ours.manager in managers:
            _reload(ours)
    _remove(root, _MARK)


def _reload(ours: link_policy.PolicyFile) -> None:
    problem = commands.run(ours.reload).problem
    if problem:
        raise NodeError(
            f"the files are in place, but `{' '.join(ours.reload)}` failed: {problem}",
            ours.path,
            "Make that command work and run this again: it goes on from here.",
        )


def _replace(root: str, path: str, content: str) -> None:
    try:
        _files.replace(_at(root, path), content.encode(), _MODE)
    except OSError as error:
        raise NodeError(f"cannot be written: {error.strerror}", path) from error


def _remove(root: str, path: str) -> None:
    try:
        _at(root, path).unlink()
    except FileNotFoundError:
        return
    except OSError as error:
        raise NodeError(f"cannot be removed: {error.strerror}", path) from error


def _read(root: str, path: str) -> t.Optional[str]:
    try:
        return _at(root, path).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NodeError(f"cannot be read: {error.strerror}", path) from error


def _at(root: str, path: str) -> pathlib.Path:
    return pathlib.Path(root.rstrip("/") + path)
