# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""One blob from one store to another: streamed in one request, hashed on the way, never whole in memory.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.store import Reader, Source, Target
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import LIBRARY_ERRORS, TransientError, failed

#: Is told how many bytes went by; fewer than none when they are to come again.
Count = t.Callable[[int], None]


class VerifiedReader:
    """A blob's bytes, of which the last are only given away once all have the digest: what is wrong is never complete anywhere."""

    def __init__(self, reader: Reader, blob: Descriptor, where: str, count: Count) -> None:
        self._reader = reader
        self._blob = blob
        self._where = where
        self._count = count
        self._hasher = content.hasher(blob.digest, where)
        self.read_bytes = 0

    def read(self, amount: int = -1) -> bytes:
        """The next bytes, none at the end. Raises RegistryError for others than the digest says, TransientError if they end early."""
        left = self._blob.size - self.read_bytes
        if not left:
            return b""
        try:
            data = self._reader.read(min(amount, left) if amount >= 0 else left)
        except LIBRARY_ERRORS as error:
            raise failed(error, self._where) from error
        if not data:
            raise TransientError(f"{self._blob.digest} ended after {self.read_bytes} of {self._blob.size} bytes", self._where)
        self._hasher.update(data)
        self.read_bytes += len(data)
        if self.read_bytes == self._blob.size:
            self.verify()
        self._count(len(data))
        return data

    def verify(self) -> None:
        """Raises RegistryError unless what was read has the digest."""
        algorithm, _, wanted = self._blob.digest.partition(":")
        if self._hasher.hexdigest() != wanted:
            raise _errors.RegistryError(
                f"what came as {self._blob.digest} has the digest {algorithm}:{self._hasher.hexdigest()}",
                self._where,
                "Do not use it, and ask who runs that registry, or a proxy before it.",
            )


@dataclasses.dataclass(frozen=True)
class Way:
    """From which repository of which store to which one."""

    source: Source
    origin: Reference
    target: Target
    place: Reference


def copy(way: Way, blob: Descriptor, is_missing: bool, patience: Patience, count: Count) -> bool:
    """Reads a blob and writes it; returns whether it had to. A transfer that is cut begins anew, unless the blob has arrived all the same.

    ``is_missing`` says that the place is known not to have it.
    """
    attempt = 1
    while True:
        where = way.target.begin(way.place, blob, is_missing and attempt == 1)
        broken = _attempt(way, blob, where, count) if where is not None else None
        if broken is None:
            return where is not None
        if attempt == patience.attempts:
            raise broken
        time.sleep(patience.pause(attempt, broken.asked))
        attempt += 1


def _attempt(way: Way, blob: Descriptor, where: str, count: Count) -> t.Optional[TransientError]:
    """What cut the transfer; None if it was completed."""
    read = 0

    def counted(amount: int) -> None:
        nonlocal read
        read += amount
        count(amount)

    try:
        with way.source.opened(way.origin, blob) as stream:
            reader = VerifiedReader(stream, blob, way.origin.name, counted)
            if not blob.size:
                reader.verify()
            way.target.upload(way.place, blob, where, reader)
    except TransientError as error:
        count(-read)
        return error
    except _errors.PodnetError:
        count(-read)
        raise
    return None
