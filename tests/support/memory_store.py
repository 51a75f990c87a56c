# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A store of images in memory, which tells what it was asked and can be harmed."""

from __future__ import annotations

import contextlib
import io
import threading
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._images import content
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference
from ansible_collections.podnet.cni.plugins.module_utils._registry.store import Found, Reader
from tests.support.images import Image

Store = dict[tuple[str, str], t.Any]


class Memory:
    """Repositories by name. ``log`` holds what was asked; ``harm`` may raise."""

    def __init__(self) -> None:
        self.manifests: Store = {}
        self.blobs: Store = {}
        self.tags: dict[tuple[str, str], str] = {}
        self.log: list[tuple[str, str, str]] = []
        self.harm: t.Callable[[str, str, str], None] = lambda _verb, _name, _what: None
        self._lock = threading.Lock()

    def add(self, text: str, image: Image) -> str:
        name, _, tag = text.partition(":")
        for digest, data in image.blobs.items():
            self.blobs[name, digest] = data
        for digest, manifest in image.manifests.items():
            self.manifests[name, digest] = manifest
        self.tags[name, tag] = image.digest
        return text

    def _note(self, verb: str, place: Reference, what: str) -> None:
        with self._lock:
            self.log.append((verb, place.name, what))
        self.harm(verb, place.name, what)

    def asked(self, verb: str) -> list[tuple[str, str]]:
        return [(name, what) for said, name, what in self.log if said == verb]

    def resolve(self, place: Reference) -> Found | None:
        self._note("resolve", place, place.wanted)
        digest = place.digest or self.tags.get((place.name, place.wanted), "")
        found = self.manifests.get((place.name, digest))
        return Found(digest, found[0]) if found else None

    def manifest(self, place: Reference, digest: str) -> Manifest:
        self._note("manifest", place, digest)
        media_type, body = self.manifests[place.name, digest]
        return content.parse(content.verified(body, digest, place.name), media_type, digest, place.name)

    @contextlib.contextmanager
    def opened(self, place: Reference, blob: Descriptor) -> t.Iterator[Reader]:
        self._note("read", place, blob.digest)
        yield io.BytesIO(self.blobs[place.name, blob.digest])

    def referrers(self, place: Reference, digest: str) -> tuple[Descriptor, ...]:
        self._note("referrers", place, digest)
        return ()

    def has_blob(self, place: Reference, digest: str) -> bool:
        self._note("has", place, digest)
        return (place.name, digest) in self.blobs

    def mount(self, place: Reference, digest: str, donor: Reference) -> bool:
        self._note("mount", place, digest)
        self.blobs[place.name, digest] = self.blobs[donor.name, digest]
        return True

    def begin(self, place: Reference, blob: Descriptor, is_missing: bool) -> str | None:
        self._note("begin", place, blob.digest)
        return None if not is_missing and (place.name, blob.digest) in self.blobs else ""

    def upload(self, place: Reference, blob: Descriptor, where: str, reader: Reader) -> None:
        assert where == ""
        self._note("upload", place, blob.digest)
        data = b"".join(iter(lambda: reader.read(1000), b""))
        self.blobs[place.name, blob.digest] = data

    def put_manifest(self, place: Reference, manifest: Manifest, is_child: bool) -> None:
        self._note("put", place, manifest.digest if is_child else place.tag)
        for below in (*manifest.blobs, *manifest.children):
            assert (place.name, below.digest) in (self.blobs if below in manifest.blobs else self.manifests), "children come first"
        self.manifests[place.name, manifest.digest] = (manifest.media_type, manifest.body)
        if place.tag and not is_child:
            self.tags[place.name, place.tag] = manifest.digest
