# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies images from one store to another, all of a call together, so that nothing is read or written twice.

1. Tags are resolved on both sides at once; equal digests end the matter.
2. Of the others the manifests are read by digest, and by them all blobs known, over all images.
3. Each blob has one repository that gets it first: the first of the call that wants it, so that a run after a killed one looks in the
   same place. If there are images that are complete already, they are looked into for blobs that are missing: they may be donors.
4. Each missing blob is read once and sent once, the other repositories mount it. An image whose blobs are there gets its manifests:
   children, then the index under its tag, then a look whether the tag is what was meant.

All decisions are made in one thread (`workers`). Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import functools
import threading
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference
from ansible_collections.podnet.cni.plugins.module_utils._images.targets import Copy
from ansible_collections.podnet.cni.plugins.module_utils._registry import transfer
from ansible_collections.podnet.cni.plugins.module_utils._registry.host import AnswerError
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.store import Found, Source, Target
from ansible_collections.podnet.cni.plugins.module_utils._registry.workers import Workers

COPIED, UNCHANGED, FAILED, WOULD_COPY = "copied", "unchanged", "failed", "would copy"
#: What to do with layers that their maker wants to be fetched from him.
FOREIGN = ("refuse", "copy", "leave")
#: Of cosign, after the digest of an image: its signatures, attestations, inventories.
_SIGNATURE_TAGS = (".sig", ".att", ".sbom")
_BLOB_UNKNOWN = {"MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN"}
#: Of one image; an index within an index within an index has no other end.
_MOST_MANIFESTS = 500
#: Ranks of work: what finishes an image comes before what begins another.
_DELIVER, _MOUNT, _SEND = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Wishes:
    """What is copied beside the images, and what of them."""

    platforms: t.Tuple[str, ...] = ()
    referrers: bool = False
    signatures: bool = False
    foreign_layers: str = FOREIGN[0]


@dataclasses.dataclass(frozen=True)
class Manner:
    """How to go about it."""

    wishes: Wishes = dataclasses.field(default_factory=Wishes)
    workers: int = 8
    patience: Patience = dataclasses.field(default_factory=Patience)
    #: Whether only to say what would be copied.
    check_mode: bool = False


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one image. Bytes are those of its blobs, each counted where it was needed first."""

    source: str
    target: str
    action: str
    #: What the source's reference means, and what is at the target; they differ where platforms were chosen.
    source_digest: str = ""
    digest: str = ""
    #: What the target had under the tag before.
    digest_before: str = ""
    bytes_copied: int = 0
    bytes_mounted: int = 0
    bytes_skipped: int = 0
    #: Signatures and the like that came along, or would.
    companions: t.Tuple[str, ...] = ()
    error: str = ""


@dataclasses.dataclass
class Progress:
    """How far a run is; images include signatures and the like."""

    images: int = 0
    images_done: int = 0
    bytes_sent: int = 0
    bytes_to_send: int = 0


def run(
    copies: t.Sequence[Copy],
    source: Source,
    target: Target,
    manner: Manner,
    tell: t.Callable[[Progress], None] = lambda _progress: None,
) -> t.Tuple[Outcome, ...]:
    """What became of each image, in their order. No failure is raised: each stands at its image, and hides none of the others'.

    ``tell`` is called often, in this thread.
    """
    return _Run(source, target, manner, tell).run(copies)


class _Image:
    """One image on its way."""

    def __init__(self, copy: Copy, parent: t.Optional[_Image] = None) -> None:
        self.copy = copy
        self.parent = parent
        self.source: t.Optional[Found] = None
        self.target: t.Optional[Found] = None
        self.root: t.Optional[Manifest] = None
        self.action = ""
        self.error = ""
        self.companions: t.List[str] = []
        self.missing: t.Set[str] = set()
        self.manifests: t.Dict[str, Manifest] = {}
        self.blobs: t.Dict[str, Descriptor] = {}
        self.waiting: t.Set[str] = set()
        self.moved: t.Counter[str] = collections.Counter()
        self.was_sent_again = False
        self.is_settled = False

    @property
    def place(self) -> Reference:
        return self.copy.target

    @property
    def repository(self) -> str:
        return self.copy.target.name

    @property
    def digest(self) -> str:
        """What the target is to have."""
        return self.root.digest if self.root else self.source.digest if self.source else ""

    def outcome(self) -> Outcome:
        return Outcome(
            source=str(self.copy.source),
            target=str(self.place),
            action=FAILED if self.error else self.action,
            source_digest=self.source.digest if self.source else "",
            digest=self.digest,
            digest_before=self.target.digest if self.target else "",
            bytes_copied=self.moved["copied"],
            bytes_mounted=self.moved["mounted"],
            bytes_skipped=self.moved["skipped"],
            companions=tuple(self.companions),
            error=self.error,
        )


class _Blob:
    """A blob that some images want, in the repositories in which it is wanted."""

    def __init__(self, descriptor: Descriptor) -> None:
        self.descriptor = descriptor
        #: Repository -> the images that want it there, in the order of the call.
        self.wanted: t.Dict[str, t.List[_Image]] = {}
        #: Repositories that have it.
        self.there: t.Dict[str, Reference] = {}
        #: The repository that was found not to have it.
        self.looked_into = ""
        self.is_under_way = False


class _Run:
    def __init__(self, source: Source, target: Target, manner: Manner, tell: t.Callable[[Progress], None]) -> None:
        self._source = source
        self._target = target
        self._wishes = manner.wishes
        self._patience = manner.patience
        self._check_mode = manner.check_mode
        self._progress = Progress()
        self._count_lock = threading.Lock()
        self._workers = Workers(manner.workers, lambda: tell(self._progress))
        self._images: t.List[_Image] = []
        self._manifests: t.Dict[str, Manifest] = {}
        self._readers: t.Dict[str, t.List[_Image]] = {}
        self._blobs: t.Dict[str, _Blob] = {}

    def run(self, copies: t.Sequence[Copy]) -> t.Tuple[Outcome, ...]:
        own = [self._take(copy) for copy in copies]
        try:
            self._workers.settle()
            if not self._check_mode:
                self._read_manifests()
                self._look_for_blobs()
                self._send()
        finally:
            self._workers.close()
        for image in self._images:
            self._settle_with_parent(image)
        return tuple(image.outcome() for image in own)

    # --- 1. What is to be copied ---

    def _take(self, copy: Copy, parent: t.Optional[_Image] = None) -> _Image:
        """Has both sides asked about an image. What its digest names need not be asked of the source."""
        image = _Image(copy, parent)
        self._images.append(image)
        self._progress.images += 1
        if self._wishes.platforms and copy.source.digest and parent is None:
            self._fail(image, _errors.BadInputError("it is named by its digest, which choosing platforms would change", str(copy.source)))
            return image
        sides = {"source", "target"}

        def know(side: str, found: t.Optional[Found]) -> None:
            setattr(image, side, found)
            sides.discard(side)
            if not sides and not image.error:
                self._compare(image)

        fail = functools.partial(self._fail, image)
        self._workers.submit(lambda: self._target.resolve(image.place), functools.partial(know, "target"), fail)
        if copy.source.digest and not self._check_mode:
            know("source", Found(copy.source.digest))
        else:
            self._workers.submit(lambda: self._source.resolve(copy.source), functools.partial(know, "source"), fail)
        return image

    def _compare(self, image: _Image) -> None:
        if image.source is None:
            if image.parent is not None:
                # Most images have no signature.
                self._images.remove(image)
                self._progress.images -= 1
                return
            self._fail(image, _errors.RegistryError("there is no such image", str(image.copy.source), "Check its name and its tag."))
            return
        try:
            content.refuse_schema_1(image.source.media_type, str(image.copy.source))
        except _errors.RegistryError as error:
            self._fail(image, error)
            return
        if self._wishes.platforms and image.parent is None:
            digest = image.source.digest
            self._workers.submit(
                lambda: content.select(self._source.manifest(image.copy.source, digest), self._wishes.platforms, str(image.copy.source)),
                functools.partial(self._choose, image),
                functools.partial(self._fail, image),
            )
        else:
            self._decide(image)

    def _choose(self, image: _Image, root: Manifest) -> None:
        image.root = root
        self._decide(image)

    def _decide(self, image: _Image) -> None:
        is_there = image.target is not None and image.target.digest == image.digest
        image.action = UNCHANGED if is_there else WOULD_COPY if self._check_mode else COPIED
        if image.action != COPIED:
            self._settled(image)
        if image.parent is not None:
            return
        if self._wishes.signatures:
            for suffix in _SIGNATURE_TAGS:
                tag = image.digest.replace(":", "-", 1) + suffix
                self._take(Copy(_tagged(image.copy.source, tag), _tagged(image.place, tag)), image)
        if self._wishes.referrers:
            self._compare_referrers(image)

    def _compare_referrers(self, image: _Image) -> None:
        """A referrer is only there if the target lists it: one that was written before a kill may be missing in a list under a tag."""
        digest = image.digest

        def lacking() -> t.List[Descriptor]:
            listed = self._source.referrers(image.copy.source, digest)
            there = {found.digest for found in self._target.referrers(image.place, digest)} if listed else set()
            return [referrer for referrer in listed if referrer.digest not in there]

        def take(referrers: t.Sequence[Descriptor]) -> None:
            for referrer in referrers:
                source, target = _by_digest(image.copy.source, referrer.digest), _by_digest(image.place, "")
                companion = _Image(Copy(source, target), image)
                companion.source = Found(referrer.digest)
                companion.action = WOULD_COPY if self._check_mode else COPIED
                self._images.append(companion)
                self._progress.images += 1

        self._workers.submit(lacking, take, functools.partial(self._fail, image))

    # --- 2. Manifests ---

    def _changed(self) -> t.List[_Image]:
        return [image for image in self._images if image.action == COPIED and not image.error]

    def _read_manifests(self) -> None:
        for image in self._changed():
            if image.root:
                self._have(image, image.root)
            else:
                self._need(image, image.digest)
        self._workers.settle()

    def _need(self, image: _Image, digest: str) -> None:
        """Has the manifest read, once for all images that have it."""
        if digest in image.manifests or digest in image.missing:
            return
        image.missing.add(digest)
        if digest in self._manifests:
            self._have(image, self._manifests[digest])
        elif digest in self._readers:
            self._readers[digest].append(image)
        else:
            self._readers[digest] = [image]
            self._read(digest)

    def _read(self, digest: str) -> None:
        image = self._readers[digest][0]

        def done(manifest: Manifest) -> None:
            self._manifests[digest] = manifest
            for reader in self._readers.pop(digest):
                self._have(reader, manifest)

        def failed(error: _errors.PodnetError) -> None:
            self._fail(image, _moved(error, image))
            # Another image's source may have it.
            self._readers[digest].remove(image)
            if self._readers[digest]:
                self._read(digest)
            else:
                del self._readers[digest]

        self._workers.submit(lambda: self._source.manifest(image.copy.source, digest), done, failed)

    def _have(self, image: _Image, manifest: Manifest) -> None:
        image.missing.discard(manifest.digest)
        image.manifests[manifest.digest] = manifest
        if len(image.manifests) > _MOST_MANIFESTS:
            self._fail(image, _errors.RegistryError(f"it has more than {_MOST_MANIFESTS} manifests", str(image.copy.source)))
            return
        foreign = [blob.digest for blob in manifest.blobs if blob.is_foreign]
        if foreign and self._wishes.foreign_layers == "refuse":
            advice = "Say with foreign_layers whether to copy them, as their licence may forbid, or to leave them where they are."
            self._fail(image, _errors.BadInputError(f"it has {len(foreign)} layers of another's site", str(image.copy.source), advice))
            return
        for blob in manifest.blobs:
            if not blob.is_foreign or self._wishes.foreign_layers == "copy":
                image.blobs[blob.digest] = blob
        if not image.root and manifest.digest == image.digest:
            image.root = manifest
        for child in manifest.children:
            self._need(image, child.digest)

    # --- 3. Blobs ---

    def _look_for_blobs(self) -> None:
        for image in self._changed():
            for digest, descriptor in image.blobs.items():
                self._want(image, digest, descriptor)
        # Without an image that is complete there is no donor to find, and each transfer looks for itself.
        complete = [image for image in self._images if image.action == UNCHANGED and image.target and not image.error]
        for blob in self._blobs.values() if complete else ():
            self._look(blob, next(iter(blob.wanted.values())))
        self._workers.settle()
        if any(not blob.there for blob in self._blobs.values()):
            for image in complete:
                self._survey(image, image.digest)
            self._workers.settle()
        self._progress.bytes_to_send = sum(blob.descriptor.size for blob in self._blobs.values() if not blob.there)

    def _want(self, image: _Image, digest: str, descriptor: Descriptor) -> None:
        blob = self._blobs.setdefault(digest, _Blob(descriptor))
        blob.wanted.setdefault(image.repository, []).append(image)
        image.waiting.add(digest)

    def _look(self, blob: _Blob, images: t.Sequence[_Image]) -> None:
        place = images[0].place

        def done(is_there: bool) -> None:
            if is_there:
                blob.there[place.name] = place
            else:
                blob.looked_into = place.name

        def failed(error: _errors.PodnetError) -> None:
            for image in images:
                self._fail(image, error)

        self._workers.submit(lambda: self._target.has_blob(place, blob.descriptor.digest), done, failed)

    def _survey(self, image: _Image, digest: str) -> None:
        """Finds blobs of a complete image, which can be mounted, by its manifests at the target, which is the user's own."""

        def done(manifest: Manifest) -> None:
            for found in manifest.blobs:
                if found.digest in self._blobs:
                    self._blobs[found.digest].there.setdefault(image.repository, image.place)
            for child in manifest.children:
                self._survey(image, child.digest)

        # Without this donor a blob is copied: slower, not wrong.
        self._workers.submit(lambda: self._target.manifest(image.place, digest), done, lambda _error: None)

    # --- 4. Sending ---

    def _send(self) -> None:
        for image in self._changed():
            if not image.waiting:
                self._deliver(image)
        for blob in self._blobs.values():
            self._advance(blob)
        self._workers.settle()

    def _advance(self, blob: _Blob) -> None:
        """Does what can be done for a blob: the first repository gets it from the source, the others from there."""
        for repository, images in list(blob.wanted.items()):
            blob.wanted[repository] = alive = [image for image in images if not image.error]
            if not alive:
                del blob.wanted[repository]
            elif repository in blob.there:
                self._arrived(blob, repository, "skipped")
            elif blob.there:
                del blob.wanted[repository]
                self._move(blob, alive, next(iter(blob.there.values())))
            elif not blob.is_under_way:
                del blob.wanted[repository]
                blob.is_under_way = True
                self._move(blob, alive, None)

    def _move(self, blob: _Blob, images: t.List[_Image], donor: t.Optional[Reference]) -> None:
        """Mounts a blob, or sends it where there is no donor or the registry does not mount."""
        image, descriptor = images[0], blob.descriptor

        def work() -> str:
            if donor and self._target.mount(image.place, descriptor.digest, donor):
                return "mounted"
            way = transfer.Way(self._source, image.copy.source, self._target, image.place)
            is_missing = image.repository == blob.looked_into and not image.was_sent_again
            return "copied" if transfer.copy(way, descriptor, is_missing, self._patience, self._count) else "skipped"

        def done(how: str) -> None:
            blob.there[image.repository] = image.place
            blob.is_under_way = False
            if how == "skipped":
                self._progress.bytes_to_send -= descriptor.size
            blob.wanted[image.repository] = images + blob.wanted.get(image.repository, [])
            self._arrived(blob, image.repository, how)
            self._advance(blob)

        def failed(error: _errors.PodnetError) -> None:
            blob.is_under_way = False
            if len(images) > 1:
                # The next one's source may be another.
                blob.wanted[image.repository] = images[1:]
            self._fail(image, error)
            self._advance(blob)

        self._workers.submit(work, done, failed, _MOUNT if donor else _SEND)

    def _arrived(self, blob: _Blob, repository: str, how: str) -> None:
        for image in blob.wanted.pop(repository):
            image.moved[how] += blob.descriptor.size
            how = "skipped"
            image.waiting.discard(blob.descriptor.digest)
            if not image.waiting and not image.error:
                self._deliver(image)

    def _count(self, amount: int) -> None:
        with self._count_lock:
            self._progress.bytes_sent += amount

    # --- 5. Manifests, tag last ---

    def _deliver(self, image: _Image) -> None:
        root = image.root
        if root is None:
            return
        ordered = _children_first(root, image.manifests)

        def work() -> None:
            for manifest in ordered[:-1]:
                self._target.put_manifest(image.place, manifest, is_child=True)
            self._target.put_manifest(image.place, root, is_child=False)
            there = self._target.resolve(image.place if image.place.tag else _by_digest(image.place, root.digest))
            if there is None or there.digest != root.digest:
                now = there.digest if there else "nothing"
                raise _errors.RegistryError(
                    f"what was written as {root.digest} is {now}", str(image.place), "See whether somebody else writes this tag."
                )

        def done(_nothing: None) -> None:
            self._settled(image)

        def failed(error: _errors.PodnetError) -> None:
            if isinstance(error, AnswerError) and error.codes & _BLOB_UNKNOWN and not image.was_sent_again:
                self._send_again(image)
            else:
                self._fail(image, error)

        self._workers.submit(work, done, failed, _DELIVER)

    def _send_again(self, image: _Image) -> None:
        """The registry lacks blobs that it said to have, as Harbor does while it collects garbage: all of the image is sent anew."""
        image.was_sent_again = True
        for digest, descriptor in image.blobs.items():
            self._want(image, digest, descriptor)
            self._blobs[digest].there.pop(image.repository, None)
        for digest in image.blobs:
            self._advance(self._blobs[digest])

    # --- What failed ---

    def _fail(self, image: _Image, error: _errors.PodnetError) -> None:
        if not image.error:
            image.error = _named(error, image)
            self._settled(image)

    def _settled(self, image: _Image) -> None:
        self._progress.images_done += not image.is_settled
        image.is_settled = True

    def _settle_with_parent(self, image: _Image) -> None:
        """What was to come along is part of its image: the image has failed if it has."""
        if image.parent is None:
            return
        parent = image.parent
        if image.error:
            parent.error = parent.error or image.error
        elif image.action != UNCHANGED:
            parent.companions.append(str(image.place if image.place.tag else _by_digest(image.place, image.digest)))
            parent.action = image.action if parent.action == UNCHANGED else parent.action
            parent.moved.update(image.moved)  # a Counter adds


def _children_first(root: Manifest, manifests: t.Mapping[str, Manifest]) -> t.List[Manifest]:
    ordered: t.Dict[str, Manifest] = {}

    def visit(manifest: Manifest) -> None:
        for child in manifest.children:
            if child.digest not in ordered:
                visit(manifests[child.digest])
        ordered[manifest.digest] = manifest

    visit(root)
    return list(ordered.values())


def _tagged(place: Reference, tag: str) -> Reference:
    return Reference(place.host, place.path, tag)


def _by_digest(place: Reference, digest: str) -> Reference:
    return Reference(place.host, place.path, "", digest)


def _moved(error: _errors.PodnetError, image: _Image) -> _errors.PodnetError:
    """A manifest that was there a moment ago and is no more."""
    if isinstance(error, AnswerError) and error.status == 404 and image.copy.source.tag and not image.copy.source.digest:
        return _errors.RegistryError(f"its manifest {image.digest} is gone: the tag was moved meanwhile", error.where, "Run again.")
    return error


def _named(error: _errors.PodnetError, image: _Image) -> str:
    """The error, which must name the image."""
    text = str(error)
    return text if str(image.copy.source) in text else f"{image.copy.source}: {text}"
