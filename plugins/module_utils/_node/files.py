# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A node's files: the CNI configuration directory, deletions, and backups.

Adapter. Private: may change at any time.

Runtimes watch the configuration directory: a file renamed into it, or the directory made anew, can leave containerd without a
CNI until it is restarted. So files are written in place there, and the directory itself is never removed. Kubeconfigs hold
tokens, so backups are readable by root only.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import os
import pathlib
import re
import shutil
import tarfile
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _files
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError
from ansible_collections.podnet.cni.plugins.module_utils._node import commands

ARCHIVE = "files.tar.gz"

#: Directories that CNIs and the system share: a bug or an odd snapshot must never delete one of them.
SHARED = frozenset(
    {
        "/",
        "/etc",
        "/etc/cni",
        "/etc/cni/net.d",
        "/opt",
        "/opt/cni",
        "/opt/cni/bin",
        "/run",
        "/usr",
        "/usr/lib/cni",
        "/usr/libexec/cni",
        "/var",
        "/var/lib",
        "/var/lib/cni",
        "/var/lib/cni/cache",
        "/var/lib/cni/cache/results",
        "/var/lib/cni/networks",
        "/var/lib/cni/results",
        "/var/lib/kubelet",
        "/var/log",
        "/var/run",
    }
)


def read_directory(directory: str) -> t.Dict[str, bytes]:
    """The content of every file in ``directory`` by path, in lexical order; empty when there is no such directory."""
    root = pathlib.Path(directory)
    try:
        paths = sorted(path for path in root.iterdir() if path.is_file()) if root.is_dir() else []
        return {str(path): path.read_bytes() for path in paths}
    except OSError as error:
        raise NodeError(f"the directory cannot be read: {error.strerror}", where=str(error.filename or directory)) from error


def demand_apart(backup_dir: str, conf_dir: str) -> None:
    """A backup inside the configuration directory, be it by way of a link, could be loaded as a configuration."""
    for name, path in (("backup_dir", backup_dir), ("conf_dir", conf_dir)):
        if not os.path.isabs(path):
            raise BadInputError("must be an absolute path", where=f"{name} {path}")
    backup, directory = os.path.realpath(backup_dir), os.path.realpath(conf_dir)
    if f"{backup}/".startswith(f"{directory}/"):
        raise BadInputError(
            f"the backup must be outside {conf_dir}", where=f"backup_dir {backup_dir}", next_step="Choose another directory."
        )


def write_in_place(path: str, content: bytes) -> None:
    """Makes ``content`` that of ``path`` by writing into that very file, readable by root only when it is new."""
    try:
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            _flush(stream)
    except OSError as error:
        raise NodeError(f"the file cannot be written: {error.strerror}", where=path) from error


def replace(path: str, content: bytes) -> None:
    """Makes ``content`` that of ``path`` in one step: where it cannot be written, the old one stays. Not for what a runtime watches."""
    try:
        _files.replace(pathlib.Path(path), content, 0o600)
    except OSError as error:
        raise NodeError(f"the file cannot be written: {error.strerror}", where=path) from error


def create(path: str, content: bytes) -> bool:
    """Makes a new file, which appears with all its content; one that is there by now is left as it is, and the answer is False."""
    staging = f"{path}.incomplete"
    write_in_place(staging, content)
    try:
        os.link(staging, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise NodeError(f"the file cannot be written: {error.strerror}", where=path) from error
    finally:
        os.unlink(staging)
    return True


def delete(path: str, keep: t.AbstractSet[str] = SHARED) -> None:
    """Deletes a file, a link (not what it points to) or a directory with all that is in it; an absent path is fine."""
    if os.path.normpath(path) in keep or not os.path.isabs(path):
        raise NodeError("a shared directory must not be deleted; this is a bug", where=path)
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            _unmount_below(path)
            shutil.rmtree(path)
        elif os.path.lexists(path):
            os.unlink(path)
    except OSError as error:
        raise NodeError(f"cannot be deleted: {error.strerror}", where=str(error.filename or path)) from error


def _unmount_below(directory: str) -> None:
    """Calico mounts a cgroup tree below its run directory: its files are the kernel's and must not be walked into."""
    prefix = os.path.realpath(directory) + "/"
    points = [point for point in mount_points(os.fsdecode(pathlib.Path("/proc/self/mounts").read_bytes())) if point.startswith(prefix)]
    # Later mounts may lie on earlier ones.
    for point in reversed(points):
        problem = commands.run(("umount", point)).problem
        if problem:
            raise NodeError(f"cannot be unmounted: {problem}", where=point)


def mount_points(mounts: str) -> t.List[str]:
    """The directories in the text of ``/proc/mounts``, in the order they were mounted; blanks in a name stand there as octal numbers."""
    return [re.sub(r"\\([0-7]{3})", lambda code: chr(int(code.group(1), 8)), line.split(" ")[1]) for line in mounts.splitlines()]


def store_backup(backup_dir: str, label: str, copies: t.Mapping[str, bytes], paths: t.Sequence[str] = ()) -> str:
    """Keeps ``copies`` as files and ``paths`` as a tar archive in ``BACKUP_DIR/LABEL-HASH``, and returns that directory.

    The name depends on the content only, so the same backup is kept once. The directory appears under its name when it is complete.
    """
    staging = os.path.join(backup_dir, f".{label}.incomplete")
    try:
        os.makedirs(backup_dir, mode=0o700, exist_ok=True)
        _clear(staging)
        os.mkdir(staging, 0o700)
        for name, content in copies.items():
            _write_private(os.path.join(staging, name), content)
        if paths:
            _archive(os.path.join(staging, ARCHIVE), paths)
        final = os.path.join(backup_dir, f"{label}-{_digest(staging)[:12]}")
        if os.path.isdir(final):
            _clear(staging)
        else:
            os.rename(staging, final)
    except OSError as error:
        # What there is of it would keep a full disk full.
        with contextlib.suppress(OSError):
            _clear(staging)
        raise NodeError(
            f"the backup cannot be written: {error.strerror}",
            where=str(error.filename or backup_dir),
            next_step="Nothing was removed. Make room or choose another backup_dir.",
        ) from error
    return final


def _clear(directory: str) -> None:
    if os.path.isdir(directory):
        shutil.rmtree(directory)


def _write_private(path: str, content: bytes) -> None:
    with _open_private(path) as stream:
        stream.write(content)
        _flush(stream)


def _archive(archive: str, paths: t.Sequence[str]) -> None:
    # No time and no name in the gzip header: the same files make the same bytes. Level 1, as CNI binaries are large.
    with _open_private(archive) as raw:
        packed = gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=1, mtime=0)
        with packed, tarfile.open(fileobj=packed, mode="w") as tar:
            for path in paths:
                _add(tar, path)
        _flush(raw)


def _open_private(path: str) -> t.BinaryIO:
    """A new file for root only; one that is there already, or a link, is an error."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _flush(stream: t.BinaryIO) -> None:
    """Down to the disk: what is deleted next must not outlast its backup when the power fails."""
    stream.flush()
    os.fsync(stream.fileno())


def _add(tar: tarfile.TarFile, path: str) -> None:
    """Adds ``path`` and what is below it, but not what is mounted there, nor sockets (tarfile leaves those out itself)."""
    if not os.path.lexists(path):
        return
    tar.add(path, recursive=False)
    if os.path.isdir(path) and not os.path.islink(path):
        for name in sorted(os.listdir(path)):
            child = os.path.join(path, name)
            if not os.path.ismount(child):
                _add(tar, child)


def _digest(directory: str) -> str:
    digest = hashlib.sha256()
    for path in sorted(pathlib.Path(directory).iterdir()):
        digest.update(path.name.encode("utf-8") + b"\0")
        with path.open("rb") as stream:
            for block in iter(lambda: stream.read(1 << 20), b""):
                digest.update(block)
    return digest.hexdigest()
