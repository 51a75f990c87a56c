# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a manifest refers to. Its bytes are never written anew, since its digest is theirs; only `select` makes a new index.

Sources: OCI image specification (manifest.md, image-index.md), Docker's image manifest version 2, schema 2. Pure: no I/O.
Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
#: What a registry is asked for. Without the indexes in it a registry answers with the image of one platform.
ACCEPTED = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)
#: Bytes of a manifest at most: what Docker Hub and docker-registry take.
LARGEST_MANIFEST = 4 * 1024 * 1024

#: Schema 1 has no digests of what was uploaded: any change of registry changes the image.
_SCHEMA_1 = re.compile(r"application/vnd\.docker\.distribution\.manifest\.v1\+(json|prettyjws)")
#: Marks a build's attestation in an index, and names the image that it is about.
_ABOUT = "vnd.docker.reference.digest"
_DIGEST = re.compile(r"(?P<algorithm>sha256|sha384|sha512):[0-9a-f]+")


@dataclasses.dataclass(frozen=True)
class Descriptor:
    """A reference by digest to bytes of a known ``size``; ``platform`` as in ``linux/arm/v7``, empty where none is said."""

    digest: str
    size: int
    media_type: str = ""
    platform: str = ""
    #: Where else the bytes are to be had, if the registry must not have them.
    urls: t.Tuple[str, ...] = ()
    #: Of an attestation, the digest of the image it is about.
    about: str = ""

    @property
    def is_foreign(self) -> bool:
        """Whether its licence wants it to be fetched from its maker, as layers of Windows."""
        return bool(self.urls) and ("foreign" in self.media_type or "nondistributable" in self.media_type)


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A manifest's own bytes, and what has to be in a registry before it: the manifests and blobs it refers to, each once."""

    digest: str
    media_type: str
    body: bytes
    children: t.Tuple[Descriptor, ...] = ()
    blobs: t.Tuple[Descriptor, ...] = ()
    #: Whether it is the images of several platforms, or of other kinds.
    is_index: bool = False
    #: Of a signature or the like, the digest of the image it is about.
    subject: str = ""
    #: What kind of thing it is, if it is no image.
    artifact_type: str = ""


def digest_of(body: bytes, like: str = "sha256:") -> str:
    """The digest of the bytes, by the algorithm of the digest ``like``."""
    algorithm = like.partition(":")[0]
    return f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}"


def hasher(digest: str, where: str) -> t.Any:
    """What computes a digest like this one, of hashlib. Raises RegistryError for an algorithm that images do not use."""
    found = _DIGEST.fullmatch(digest)
    if not found:
        raise _errors.RegistryError(f"{digest!r} is no digest of a known algorithm", where)
    return hashlib.new(found.group("algorithm"))


def verified(body: bytes, digest: str, where: str) -> bytes:
    """The bytes, if their digest is this one. Raises RegistryError."""
    algorithm = hasher(digest, where)
    algorithm.update(body)
    seen = f"{digest.partition(':')[0]}:{algorithm.hexdigest()}"
    if seen != digest:
        raise _errors.RegistryError(
            f"what came as {digest} has the digest {seen}", where, "Do not use it, and ask who runs that registry, or a proxy before it."
        )
    return body


def parse(body: bytes, media_type: str, digest: str, where: str) -> Manifest:
    """What the manifest refers to. ``media_type`` is what the registry said; the manifest's own word counts more.

    Raises RegistryError for what is no manifest, and for schema 1.
    """
    data = _loaded(body, where)
    refuse_schema_1(str(data.get("mediaType") or media_type) if data.get("schemaVersion") != 1 else "schema 1", where)
    try:
        children = [_descriptor(entry) for entry in data.get("manifests") or ()]
        blobs = [_descriptor(entry) for entry in (*_config(data), *(data.get("layers") or ()), *(data.get("blobs") or ()))]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _errors.RegistryError(f"the manifest {digest} has a reference that is none: {error!r}", where) from error
    subject = data.get("subject") or {}
    return Manifest(
        digest=digest,
        # Only OCI's own kinds may leave out what they are.
        media_type=str(data.get("mediaType") or media_type or (OCI_INDEX if "manifests" in data else OCI_MANIFEST)),
        body=body,
        children=_once(children),
        blobs=_once(blobs),
        is_index="manifests" in data,
        subject=str(subject.get("digest", "")),
        artifact_type=str(data.get("artifactType") or (data.get("config") or {}).get("mediaType") or ""),
    )


def refuse_schema_1(media_type: str, where: str) -> None:
    """Raises RegistryError for a manifest of Docker's old kind."""
    if media_type == "schema 1" or _SCHEMA_1.match(media_type):
        raise _errors.RegistryError(
            "it is an image of Docker's old manifest schema 1, which cannot be copied with its digest", where, "Have it built anew."
        )


def _loaded(body: bytes, where: str) -> t.Dict[str, t.Any]:
    try:
        data = json.loads(body)
    except ValueError as error:
        raise _errors.RegistryError(f"a manifest is no JSON: {error}", where) from error
    if not isinstance(data, dict):
        raise _errors.RegistryError("a manifest is no JSON object", where)
    return data


def _config(data: t.Mapping[str, t.Any]) -> t.Tuple[t.Any, ...]:
    return (data["config"],) if data.get("config") else ()


def _descriptor(entry: t.Mapping[str, t.Any]) -> Descriptor:
    size = int(entry["size"])
    if size < 0:
        raise ValueError(f"size {size}")
    annotations = entry.get("annotations") or {}
    return Descriptor(
        digest=str(entry["digest"]),
        size=size,
        media_type=str(entry.get("mediaType", "")),
        platform=_platform(entry.get("platform") or {}),
        urls=tuple(map(str, entry.get("urls") or ())),
        about=str(annotations.get(_ABOUT, "")),
    )


def _platform(platform: t.Mapping[str, t.Any]) -> str:
    return "/".join(str(platform[name]) for name in ("os", "architecture", "variant") if platform.get(name))


def _once(descriptors: t.Iterable[Descriptor]) -> t.Tuple[Descriptor, ...]:
    """The same layer may be several times in an image."""
    return tuple({descriptor.digest: descriptor for descriptor in descriptors}.values())


def index_of(descriptors: t.Sequence[t.Mapping[str, t.Any]]) -> Manifest:
    """An index of these descriptors, as a registry without the API for referrers keeps under a tag."""
    data = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(descriptors)}
    body = json.dumps(data, separators=(",", ":")).encode()
    return parse(body, OCI_INDEX, digest_of(body), "index")


def index_with(index: Manifest, manifest: Manifest) -> Manifest:
    """The index with one manifest more."""
    return index_of([*_loaded(index.body, index.digest)["manifests"], described(manifest)])


def described(manifest: Manifest) -> t.Dict[str, t.Any]:
    """A manifest's descriptor, as it stands in a list of referrers."""
    told = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": len(manifest.body)}
    return {**told, "artifactType": manifest.artifact_type} if manifest.subject and manifest.artifact_type else told


# --- Only some platforms ---


def select(index: Manifest, platforms: t.Sequence[str], where: str) -> Manifest:
    """An index with the images of these platforms only, and their attestations: other bytes, so another digest.

    ``linux/arm64`` also means its variants. A manifest that is no index stays as it is. Raises BadInputError if one has no image.
    """
    if not index.is_index:
        return index
    chosen = {child.digest for child in index.children if any(_fits(child.platform, wish) for wish in platforms)}
    lacking = [wish for wish in platforms if not any(_fits(child.platform, wish) for child in index.children)]
    if lacking:
        there = ", ".join(sorted({child.platform for child in index.children if child.platform and not child.about}))
        raise _errors.BadInputError(f"it has no image for {', '.join(lacking)}", where, f"It has {there or 'no platforms'}.")
    chosen |= {child.digest for child in index.children if child.about in chosen}
    if len(chosen) == len(index.children):
        return index
    data = _loaded(index.body, where)
    data["manifests"] = [entry for entry in data["manifests"] if entry["digest"] in chosen]
    body = json.dumps(data, separators=(",", ":")).encode()
    return parse(body, index.media_type, digest_of(body, index.digest), where)


def _fits(platform: str, wish: str) -> bool:
    return platform == wish or platform.startswith(f"{wish}/")
