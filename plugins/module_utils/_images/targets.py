# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which image is copied to where: ``quay.io/calico/node:v3`` to ``REGISTRY/PROJECT/quay.io/calico/node:v3``. Pure: no I/O.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, reference
from ansible_collections.podnet.cni.plugins.module_utils._images.naming import Naming
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference

#: Before the digits of a digest, as the tag of an image that was asked for by digest alone. Harbor removes what has no tag, and a tag
#: ``sha256-...`` means the signatures of an image.
DIGEST_TAG = "digest-"

_KEYS = ("source", "target")


@dataclasses.dataclass(frozen=True)
class Copy:
    """An image and its place at the target, which in a registry has a tag and no digest."""

    source: Reference
    target: Reference


def plan(images: t.Iterable[t.Any], names: Naming) -> t.Tuple[Copy, ...]:
    """What to copy, in the order given, each once, however it was spelled.

    ``images`` are references, or dictionaries of ``source`` and perhaps ``target``; a target without a host is one in ``names``' registry.
    Raises BadInputError for what is no reference, for another registry as the target, and for two images with one target.
    """
    taken: t.Dict[Reference, Reference] = {}
    for entry in images:
        source, wish = read(entry)
        target = named(wish, names.registry, source) if wish else default(source, names)
        earlier = taken.setdefault(target, source)
        if earlier != source and not _same_image(earlier, source):
            raise _errors.BadInputError(
                f"{earlier} and {source} would both be {target}", "option images", "Give one of them another target, or name one digest."
            )
    return tuple(Copy(source, target) for target, source in taken.items())


def kept(images: t.Iterable[t.Any]) -> t.Tuple[Copy, ...]:
    """What to copy where names stay as they are, each once. Raises BadInputError for what is no reference, or names a target."""
    sources: t.Dict[Reference, None] = {}
    for entry in images:
        source, wish = read(entry)
        if wish:
            raise _errors.BadInputError(f"{source} has the target {wish}", "option images", "Name targets where the images are taken in.")
        sources[source] = None
    return tuple(Copy(source, source) for source in sources)


def read(entry: t.Any) -> t.Tuple[Reference, str]:
    """The source of an entry of the option ``images``, and the target that it names, empty if it names none. Raises BadInputError."""
    if isinstance(entry, str):
        return reference.parse(entry, "option images"), ""
    if not isinstance(entry, t.Mapping) or not entry.get("source") or set(entry) - set(_KEYS):
        raise _errors.BadInputError(
            f"{entry!r} is neither a reference nor a source with a target", "option images", "Write {source: ..., target: ...}."
        )
    return reference.parse(str(entry["source"]), "option images"), str(entry.get("target") or "")


def default(source: Reference, names: Naming) -> Reference:
    """The place of an image by the collection's naming scheme. What is in that project already stays where it is."""
    return dataclasses.replace(naming.target(source, names, "option images"), tag=_tag(source), digest="")


def named(wish: str, registry: str, source: Reference) -> Reference:
    """The place that the user names for it: ``project/name``, with or without the registry and a tag."""
    text = wish if wish.startswith(f"{registry}/") else f"{registry}/{wish}"
    target = _checked(text, source)
    if target.digest:
        raise _errors.BadInputError(f"the target {wish} has a digest", "option images", "Name a tag; the digest is that of the source.")
    has_tag = ":" in wish.rpartition("/")[2]
    return target if has_tag else Reference(target.host, target.path, _tag(source))


def _checked(text: str, source: Reference) -> Reference:
    try:
        return reference.parse(text)
    except _errors.BadInputError as error:
        raise _errors.BadInputError(f"{source} cannot be at its target: {error.what}", "option images", "Name another target.") from error


def _tag(source: Reference) -> str:
    return source.tag or DIGEST_TAG + source.digest.partition(":")[2][:64]


def _same_image(one: Reference, other: Reference) -> bool:
    """Whether both are the same bytes for sure. Of a name with tag and digest, the digest decides."""
    return bool(one.digest) and one.name == other.name and one.digest == other.digest
