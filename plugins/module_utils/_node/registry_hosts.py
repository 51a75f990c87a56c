# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads and writes the files below containerd's ``config_path``.

Adapter. Private: may change at any time.
"""

from __future__ import annotations

import os
import pathlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _files
from ansible_collections.podnet.cni.plugins.module_utils._errors import NodeError
from ansible_collections.podnet.cni.plugins.module_utils._images import containerd
from ansible_collections.podnet.cni.plugins.module_utils._node import collect

#: They may have a secret in them.
_MODE = 0o600


def config_path() -> str:
    """The directory that this node's containerd reads."""
    found = collect.runtime()
    if found.problem:
        raise NodeError(f"the container runtime cannot be asked: {found.problem}", "this node", "Check that it runs, or name config_path.")
    if found.name != "containerd":
        raise NodeError(f"the container runtime is {found.name}, which has no hosts.toml", "this node", "Rewrite manifests instead.")
    if not found.registry_dir:
        raise NodeError(
            "containerd has no config_path, so it reads no hosts.toml",
            "containerd's config.toml",
            "Set config_path of the CRI plugin's registry to /etc/containerd/certs.d and restart containerd, or name config_path.",
        )
    # It may be several, as in PATH, of which the first that knows a host wins.
    return found.registry_dir.partition(":")[0]


def read(directory: str, root: str = "/") -> t.Dict[str, str]:
    """The files below the directory that tell of registries, ours and others', by path."""
    top = _at(root, directory)
    names = (containerd.HOSTS, containerd.AUTHORITY, containerd.HOSTS + containerd.ASIDE)
    try:
        paths = sorted(path for name in names for path in top.glob(f"*/{name}"))
        return {_from(root, path): path.read_text(encoding="utf-8", errors="surrogateescape") for path in paths}
    except OSError as error:
        raise NodeError(f"the directory cannot be read: {error.strerror}", str(error.filename or directory)) from error


def apply(changes: t.Iterable[containerd.Change], root: str = "/") -> None:
    """Writes, removes and moves. Each file changes in one step, and a run that was killed is gone on with."""
    for change in changes:
        _apply(change, root)


def _apply(change: containerd.Change, root: str) -> None:
    try:
        _change(_at(root, change.path), change, root)
    except OSError as error:
        raise NodeError(f"cannot be changed: {error.strerror}", change.path, "Run this again: it goes on from here.") from error


def _change(path: pathlib.Path, change: containerd.Change, root: str) -> None:
    if change.moved_to:
        os.replace(path, _at(root, change.moved_to))
    if change.restored_from:
        os.replace(_at(root, change.restored_from), path)
    elif change.after is None:
        path.unlink()
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        _files.replace(path, change.after.encode("utf-8", "surrogateescape"), _MODE)


def _at(root: str, path: str) -> pathlib.Path:
    return pathlib.Path(root.rstrip("/") + path)


def _from(root: str, path: pathlib.Path) -> str:
    return "/" + str(path.relative_to(root))
