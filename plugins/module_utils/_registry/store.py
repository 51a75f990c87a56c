# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What images can be read from and written to: registries (`remote`) and OCI layouts (`layout`).

A ``place`` is a Reference; of it a store takes the name, and the tag or digest where an image as a whole is meant. All of it may be
called by many threads, and raises PodnetError. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference


@dataclasses.dataclass(frozen=True)
class Found:
    """What a tag or digest stands for."""

    digest: str
    media_type: str = ""


class Reader(t.Protocol):
    """Bytes, in steps."""

    def read(self, amount: int) -> bytes: ...


class Source(t.Protocol):
    """Images to read."""

    def resolve(self, place: Reference) -> t.Optional[Found]:
        """What the reference means now; None if there is no such image."""

    def manifest(self, place: Reference, digest: str) -> Manifest:
        """The manifest of that digest, its bytes verified."""

    def opened(self, place: Reference, blob: Descriptor) -> t.ContextManager[Reader]:
        """The bytes of a blob, not verified."""

    def referrers(self, place: Reference, digest: str) -> t.Tuple[Descriptor, ...]:
        """The manifests that are about that one: signatures, inventories."""


class Target(Source, t.Protocol):
    """Images to read and write."""

    def has_blob(self, place: Reference, digest: str) -> bool:
        """Whether the place's repository has the blob."""

    def mount(self, place: Reference, digest: str, donor: Reference) -> bool:
        """Whether the repository has the blob now, taken from the donor's."""

    def begin(self, place: Reference, blob: Descriptor, is_missing: bool) -> t.Optional[str]:
        """Where `upload` is to send the blob; None if the repository has it, which need not be asked if it is known to miss it."""

    def upload(self, place: Reference, blob: Descriptor, where: str, reader: Reader) -> None:
        """Makes a blob of what the reader gives. Raises TransientError if it is to be begun again with a new reader."""

    def put_manifest(self, place: Reference, manifest: Manifest, is_child: bool) -> None:
        """Writes a manifest under the place's tag, or by its digest where the place has no tag or it is a child of an index."""
