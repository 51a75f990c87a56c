# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""OCI image layouts as stores of images: a directory, or a tar of one.

Blobs are named by their digest, so what an earlier run has written is found and not written again. Images are listed under their full
references. A blob is there under its name only when it is complete; a tar grows beside its place (``.NAME.half``) and takes it when
complete. Nothing is ever unpacked. Source: OCI image specification, image-layout.md. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import tarfile
import threading
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors, _files
from ansible_collections.podnet.cni.plugins.module_utils._images import content, reference
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference
from ansible_collections.podnet.cni.plugins.module_utils._registry.store import Found, Reader
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import CHUNK

_NAME = "org.opencontainers.image.ref.name"
#: What `ctr images import` names an image by.
_CONTAINERD_NAME = "io.containerd.image.name"
_MARK, _MARK_CONTENT = "oci-layout", b'{"imageLayoutVersion":"1.0.0"}'
_INDEX = "index.json"
_BLOCK = 512
_MODE = 0o644
_END = bytes(2 * _BLOCK)


class Files(t.Protocol):
    """Where the files of a layout are; paths as in the specification."""

    def size(self, path: str) -> t.Optional[int]:
        """Bytes of a file; None if it is not there."""

    def opened(self, path: str) -> t.ContextManager[Reader]:
        """A file that is there."""

    def write(self, path: str, size: int, reader: Reader) -> None:
        """Makes a file, whole or not at all."""

    def finish(self, index: t.Optional[bytes]) -> None:
        """Writes the index, if it is another than before, after all that it names."""


class Directory:
    """A layout in a directory, which is made when something is written."""

    def __init__(self, path: str) -> None:
        self._root = pathlib.Path(path)

    def size(self, path: str) -> t.Optional[int]:
        try:
            return (self._root / path).stat().st_size
        except FileNotFoundError:
            return None

    @contextlib.contextmanager
    def opened(self, path: str) -> t.Iterator[Reader]:
        with open(self._root / path, "rb") as stream:
            yield stream

    def write(self, path: str, size: int, reader: Reader) -> None:
        del size  # a file of a directory need not know it beforehand
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        # Another process may write the same blob, and both are right.
        half = target.with_name(f".{target.name}.{os.getpid()}{_files.HALF}")
        try:
            with open(half, "wb") as stream:
                _pour(reader, stream)
                stream.flush()
                os.fsync(stream.fileno())
            half.replace(target)
        finally:
            with contextlib.suppress(FileNotFoundError):
                half.unlink()

    def finish(self, index: t.Optional[bytes]) -> None:
        if index is not None:
            _files.replace(self._root / _MARK, _MARK_CONTENT, _MODE)
            _files.replace(self._root / _INDEX, index, _MODE)


class Tar:
    """A layout in a tar. What is written is appended, to a copy if the tar is there already."""

    def __init__(self, path: str) -> None:
        self._path = pathlib.Path(path)
        self._half = self._path.with_name(f".{self._path.name}{_files.HALF}")
        self._lock = threading.Lock()
        self._places: t.Dict[str, t.Tuple[int, int]] = {}
        self._end = 0
        self._descriptor = -1
        self._is_half = self._half.exists()
        if self._is_half or self._path.exists():
            self._open(self._half if self._is_half else self._path, os.O_RDWR if self._is_half else os.O_RDONLY)

    def close(self) -> None:
        """Lets go of the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _open(self, path: pathlib.Path, flags: int) -> None:
        self._descriptor = os.open(path, flags, _MODE)
        if path == self._half:
            try:
                # Held until it is closed, also when the process is killed.
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise _errors.RegistryError("another run writes it now", str(self._path), "Run again when that one is done.") from None
        self._places, self._end = _members(path, is_half=path == self._half)

    def size(self, path: str) -> t.Optional[int]:
        place = self._places.get(path)
        return place[1] if place else None

    @contextlib.contextmanager
    def opened(self, path: str) -> t.Iterator[Reader]:
        yield _Slice(self._descriptor, *self._places[path])

    def write(self, path: str, size: int, reader: Reader) -> None:
        # One after the other: a tar is one stream.
        with self._lock:
            if path in self._places and path != _INDEX:
                return
            self._begin()
            header = tarfile.TarInfo(path)
            header.size, header.mode = size, _MODE
            start = header.tobuf(tarfile.GNU_FORMAT)
            with os.fdopen(os.dup(self._descriptor), "r+b") as stream:
                # What follows is what a transfer that failed, or a killed run, has left.
                stream.truncate(self._end)
                stream.seek(self._end)
                stream.write(start)
                _pour(reader, stream)
                stream.write(bytes(-size % _BLOCK))
            self._places[path] = (self._end + len(start), size)
            self._end += len(start) + size + -size % _BLOCK

    def _begin(self) -> None:
        """Makes the half-written file, with what the tar has so far."""
        if self._is_half:
            return
        self._is_half = True
        self._half.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists():
            shutil.copyfile(self._path, self._half)
        self.close()
        self._open(self._half, os.O_RDWR | os.O_CREAT)

    def finish(self, index: t.Optional[bytes]) -> None:
        if index is None and not self._is_half:
            return
        if _MARK not in self._places:
            self.write(_MARK, len(_MARK_CONTENT), _Bytes(_MARK_CONTENT))
        if index is not None:
            # Of several files of one name the last one counts.
            self.write(_INDEX, len(index), _Bytes(index))
        os.truncate(self._descriptor, self._end)
        os.pwrite(self._descriptor, _END, self._end)
        os.fsync(self._descriptor)
        self._half.replace(self._path)
        self._is_half = False


def _members(path: pathlib.Path, is_half: bool) -> t.Tuple[t.Dict[str, t.Tuple[int, int]], int]:
    """Where each file's bytes are (offset, size), and where the last complete one ends."""
    places: t.Dict[str, t.Tuple[int, int]] = {}
    length, end = path.stat().st_size, 0
    try:
        with tarfile.open(path, "r:") as archive:
            for member in archive:
                after = member.offset_data + member.size + -member.size % _BLOCK
                if after > length:
                    break
                end = after
                if member.isreg():
                    # Not normalized: what is not named as in the specification is not used.
                    places[member.name[2:] if member.name.startswith("./") else member.name] = (member.offset_data, member.size)
    except tarfile.TarError as error:
        if not is_half:
            raise _errors.BadInputError(
                f"is no tar that is complete: {error}", str(path), "A compressed one has to be unpacked first."
            ) from error
    return places, end


def _pour(reader: Reader, stream: t.BinaryIO) -> None:
    while True:
        data = reader.read(CHUNK)
        if not data:
            return
        stream.write(data)


class _Bytes:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def read(self, amount: int) -> bytes:
        data, self._data = self._data[:amount], self._data[amount:]
        return data


class _Slice:
    """A part of a file; others may read other parts of it meanwhile."""

    def __init__(self, descriptor: int, offset: int, size: int) -> None:
        self._descriptor = descriptor
        self._offset = offset
        self._end = offset + size

    def read(self, amount: int) -> bytes:
        data = os.pread(self._descriptor, min(amount, self._end - self._offset), self._offset)
        self._offset += len(data)
        return data


class Layout:
    """The images of a layout; may be used by many threads."""

    def __init__(self, path: str, files: Files) -> None:
        self._where = path
        self._files = files
        self._lock = threading.Lock()
        with self._failures():
            self._entries = self._read_index()

    @property
    def names(self) -> t.Tuple[str, ...]:
        """What images are listed under."""
        return tuple(_name(entry) for entry in self._entries if _name(entry))

    def _read_index(self) -> t.List[t.Dict[str, t.Any]]:
        size = self._files.size(_INDEX)
        if size is None:
            return []
        with self._files.opened(_INDEX) as stream:
            body = stream.read(min(size, content.LARGEST_MANIFEST))
        try:
            return [dict(entry) for entry in json.loads(body)["manifests"] if entry["digest"]]
        except (ValueError, KeyError, TypeError) as error:
            raise _errors.BadInputError(f"its {_INDEX} is none of an OCI layout: {error!r}", self._where) from error

    def _entry(self, place: Reference) -> t.Optional[t.Dict[str, t.Any]]:
        """Other tools list images by a tag alone or by another spelling, so names are compared by what they mean."""
        for entry in self._entries:
            name = _name(entry)
            if name and reference.is_reference(name) and reference.parse(name) == place:
                return entry
        for entry in self._entries if place.digest else ():
            name = _name(entry)
            if entry["digest"] == place.digest and (not name or reference.parse(name).name == place.name):
                return entry
        return None

    # --- Reading ---

    def resolve(self, place: Reference) -> t.Optional[Found]:
        with self._failures(), self._lock:
            entry = self._entry(place)
            # A directory may have been copied without all of its files.
            if entry is None or self._files.size(_path(entry["digest"], self._where)) is None:
                return None
            return Found(entry["digest"], str(entry.get("mediaType", "")))

    def manifest(self, place: Reference, digest: str) -> Manifest:
        with self.opened(place, Descriptor(digest, 0)) as stream:
            body = stream.read(content.LARGEST_MANIFEST)
        return content.parse(content.verified(body, digest, self._where), "", digest, self._where)

    @contextlib.contextmanager
    def opened(self, place: Reference, blob: Descriptor) -> t.Iterator[Reader]:
        path = _path(blob.digest, self._where)
        if self._files.size(path) is None:
            raise _errors.RegistryError(f"{blob.digest} of {place.name} is not in it", self._where, "Export that image again.")
        with self._files.opened(path) as stream:
            yield stream

    def referrers(self, place: Reference, digest: str) -> t.Tuple[Descriptor, ...]:
        found = []
        for entry in list(self._entries):
            if not _name(entry) and self._files.size(_path(entry["digest"], self._where)) is not None:
                manifest = self.manifest(place, entry["digest"])
                if manifest.subject == digest:
                    found.append(Descriptor(manifest.digest, len(manifest.body), manifest.media_type))
        return tuple(found)

    # --- Writing ---

    def has_blob(self, place: Reference, digest: str) -> bool:
        del place
        return self._files.size(_path(digest, self._where)) is not None

    def mount(self, place: Reference, digest: str, donor: Reference) -> bool:
        del donor  # all images have their blobs in one place
        return self.has_blob(place, digest)

    def begin(self, place: Reference, blob: Descriptor, is_missing: bool) -> t.Optional[str]:
        return None if not is_missing and self.has_blob(place, blob.digest) else _path(blob.digest, self._where)

    def upload(self, place: Reference, blob: Descriptor, where: str, reader: Reader) -> None:
        del place
        with self._failures():
            self._files.write(where, blob.size, reader)

    def put_manifest(self, place: Reference, manifest: Manifest, is_child: bool) -> None:
        if not self.has_blob(place, manifest.digest):
            with self._failures():
                self._files.write(_path(manifest.digest, self._where), len(manifest.body), _Bytes(manifest.body))
        if is_child:
            return
        entry: t.Dict[str, t.Any] = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.body)}
        if place.tag or place.digest:
            entry["annotations"] = {_NAME: str(place), _CONTAINERD_NAME: str(place)}
        with self._lock:
            before = self._entry(place) if place.tag or place.digest else None
            self._entries = [*(other for other in self._entries if other is not before and other != entry), entry]

    def finish(self) -> None:
        """Makes complete what was written. Until then nobody sees it."""
        # In one order, whichever image arrived first.
        entries = sorted(self._entries, key=lambda entry: (_name(entry), entry["digest"]))
        data = {"schemaVersion": 2, "mediaType": content.OCI_INDEX, "manifests": entries}
        with self._failures():
            is_new = any(entry not in self._read_index() for entry in entries)
            self._files.finish(json.dumps(data, indent=2).encode() + b"\n" if is_new else None)

    @contextlib.contextmanager
    def _failures(self) -> t.Iterator[None]:
        try:
            yield
        except OSError as error:
            raise _errors.RegistryError(f"it cannot be read or written: {error.strerror or error}", self._where) from error


@contextlib.contextmanager
def opened(path: str) -> t.Iterator[Layout]:
    """The layout at a path: a tar if its name ends so, or if it is a file; else a directory. Both may be yet to come.

    Raises BadInputError, RegistryError.
    """
    if not path.endswith(".tar") and not os.path.isfile(path):
        yield Layout(path, Directory(path))
        return
    try:
        tar = Tar(path)
    except OSError as error:
        raise _errors.BadInputError(f"cannot be read: {error.strerror or error}", path) from error
    try:
        yield Layout(path, tar)
    finally:
        tar.close()


def _name(entry: t.Mapping[str, t.Any]) -> str:
    return str((entry.get("annotations") or {}).get(_NAME, ""))


def _path(digest: str, where: str) -> str:
    """Where a blob is. Raises RegistryError for a digest that would be another path."""
    content.hasher(digest, where)
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"
