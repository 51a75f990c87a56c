# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Registries as stores of images, by the OCI distribution specification.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import threading
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference
from ansible_collections.podnet.cni.plugins.module_utils._registry import auth, limits
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Keyring
from ansible_collections.podnet.cni.plugins.module_utils._registry.host import Answer, AnswerError, Host, called
from ansible_collections.podnet.cni.plugins.module_utils._registry.store import Found, Reader
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import HostSettings, Wire

_ACCEPT = {"Accept": ", ".join(content.ACCEPTED)}
_PULL, _PUSH = "pull", "pull,push"
_GONE = 404
_MOUNTED, _BEGUN = 201, 202
#: What a registry that cannot or will not mount answers.
_NOT_MOUNTED = (_BEGUN, 400, 401, 403, 404, 405)
_DIGEST = re.compile(r"sha(256|384|512):[0-9a-f]{64,}")


class Registries:
    """All registries of a call, each with its connections, its tokens and its limit."""

    def __init__(
        self, settings: t.Iterable[HostSettings], keyring: Keyring, *, workers: int, timeout: float, patience: limits.Patience
    ) -> None:
        self._wire = Wire((dataclasses.replace(entry, host=called(entry.host)) for entry in settings), workers, timeout)
        self._make = lambda name: Host(name, self._wire, keyring, workers, patience)
        self._hosts: t.Dict[str, Host] = {}
        #: Registries that were seen to mount.
        self._mounting: t.Set[str] = set()
        self._lock = threading.Lock()

    def host(self, name: str) -> Host:
        """The registry of that name."""
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = self._make(name)
            return self._hosts[name]

    # --- Reading ---

    def resolve(self, place: Reference) -> t.Optional[Found]:
        """By HEAD, which Docker Hub does not count; by GET where the registry leaves out the digest."""
        host, url, wanted = self._manifest(place, place.wanted)
        try:
            answer = host.ask("HEAD", url, wanted, _ACCEPT, ok=(200, _GONE))
        except AnswerError:
            # Such an answer has no body, and its words are what helps.
            answer = host.ask("GET", url, wanted, _ACCEPT, ok=(200, _GONE))
        if answer.status == _GONE:
            return None
        digest = answer.headers.get("Docker-Content-Digest", "")
        if not _DIGEST.fullmatch(digest):
            answer = answer if answer.body else host.ask("GET", url, wanted, _ACCEPT)
            digest = content.digest_of(answer.body, place.digest or "sha256:")
        if place.digest and digest != place.digest:
            raise _errors.RegistryError(f"asked for {place.digest} it answers with {digest}", place.name, "Ask who runs that registry.")
        return Found(digest, _media_type(answer))

    def manifest(self, place: Reference, digest: str) -> Manifest:
        host, url, wanted = self._manifest(place, digest)
        answer = host.ask("GET", url, wanted, _ACCEPT)
        return content.parse(content.verified(answer.body, digest, place.name), _media_type(answer), digest, place.name)

    @contextlib.contextmanager
    def opened(self, place: Reference, blob: Descriptor) -> t.Iterator[Reader]:
        host = self.host(place.host)
        try:
            with host.opened(host.url(f"{place.path}/blobs/{blob.digest}"), auth.scopes((place.path, _PULL))) as response:
                yield response
        except AnswerError as error:
            if error.status != _GONE or not blob.urls:
                raise
        else:
            return
        # Whoever names a URL in a manifest must not get credentials by it.
        with self.host(urllib.parse.urlsplit(blob.urls[0]).netloc).opened(blob.urls[0], (), anonymous=True) as response:
            yield response

    def referrers(self, place: Reference, digest: str) -> t.Tuple[Descriptor, ...]:
        return self._referrers(place, digest).children

    def _referrers(self, place: Reference, digest: str) -> Manifest:
        host, wanted = self.host(place.host), auth.scopes((place.path, _PULL))
        answer = host.ask("GET", host.url(f"{place.path}/referrers/{digest}"), wanted, {"Accept": content.OCI_INDEX}, ok=(200, _GONE))
        if answer.status == _GONE:
            _, url, _ = self._manifest(place, _fallback(digest))
            answer = host.ask("GET", url, wanted, _ACCEPT, ok=(200, _GONE))
        if answer.status == _GONE:
            return content.index_of(())
        return content.parse(answer.body, content.OCI_INDEX, content.digest_of(answer.body), place.name)

    # --- Writing ---

    def has_blob(self, place: Reference, digest: str) -> bool:
        host = self.host(place.host)
        answer = host.ask("HEAD", host.url(f"{place.path}/blobs/{digest}"), auth.scopes((place.path, _PUSH)), ok=(200, _GONE))
        return answer.status != _GONE

    def mount(self, place: Reference, digest: str, donor: Reference) -> bool:
        answer = self._ask_to_mount(place, digest, donor)
        if answer.status == _BEGUN:
            self._give_up(place, answer)
        return answer.status == _MOUNTED

    def begin(self, place: Reference, blob: Descriptor, is_missing: bool) -> t.Optional[str]:
        """A repository that is asked to mount a blob from itself does it if it has it, and else begins an upload: one request for two."""
        host = self.host(place.host)
        if not is_missing:
            answer = self._ask_to_mount(place, blob.digest, place)
            if answer.status == _MOUNTED:
                return None
            # What never mounts begins an upload of what is there too.
            if (answer.status != _BEGUN or place.host not in self._mounting) and self.has_blob(place, blob.digest):
                self._give_up(place, answer)
                return None
            if answer.status == _BEGUN:
                return host.beside(answer)
        return host.beside(host.ask("POST", host.url(f"{place.path}/blobs/uploads/"), auth.scopes((place.path, _PUSH)), ok=(_BEGUN,)))

    def _ask_to_mount(self, place: Reference, digest: str, donor: Reference) -> Answer:
        host = self.host(place.host)
        query = urllib.parse.urlencode({"mount": digest, "from": donor.path})
        both = [(place.path, _PUSH), *([(donor.path, _PULL)] if donor.path != place.path else [])]
        answer = host.ask("POST", host.url(f"{place.path}/blobs/uploads/?{query}"), auth.scopes(*both), ok=(_MOUNTED, *_NOT_MOUNTED))
        if answer.status == _MOUNTED:
            self._mounting.add(place.host)
        return answer

    def _give_up(self, place: Reference, begun: Answer) -> None:
        """Ends an upload that was begun and is not wanted."""
        if begun.status == _BEGUN:
            host = self.host(place.host)
            host.ask("DELETE", host.beside(begun), auth.scopes((place.path, _PUSH)), ok=range(200, 500))

    def upload(self, place: Reference, blob: Descriptor, where: str, reader: Reader) -> None:
        host, wanted = self.host(place.host), auth.scopes((place.path, _PUSH))
        url = f"{where}{'&' if '?' in where else '?'}{urllib.parse.urlencode({'digest': blob.digest})}"
        headers = {"Content-Type": "application/octet-stream", "Content-Length": str(blob.size)}
        # 409: somebody else has made the same blob meanwhile.
        answer = host.send_once(url, wanted, headers, reader, ok=(201, 204, 409))
        if answer.status == 409 and not self.has_blob(place, blob.digest):
            raise _errors.RegistryError(f"the upload of {blob.digest} meets another", place.name, "Run again.")

    def put_manifest(self, place: Reference, manifest: Manifest, is_child: bool) -> None:
        host, url, _ = self._manifest(place, manifest.digest if is_child or not place.tag else place.tag)
        wanted = auth.scopes((place.path, _PUSH))
        answer = host.ask("PUT", url, wanted, {"Content-Type": manifest.media_type}, body=manifest.body, ok=(200, 201))
        said = answer.headers.get("Docker-Content-Digest", manifest.digest)
        if said != manifest.digest and said.startswith(manifest.digest.partition(":")[0]):
            raise _errors.RegistryError(f"it keeps {manifest.digest} as {said}", place.name, "Ask who runs that registry.")
        if manifest.subject and "OCI-Subject" not in answer.headers:
            self._list_referrer(place, manifest)

    def _list_referrer(self, place: Reference, manifest: Manifest) -> None:
        """Adds to the list that a registry without the API for referrers has under a tag."""
        listed = self._referrers(place, manifest.subject)
        if manifest.digest in {child.digest for child in listed.children}:
            return
        index = content.index_with(listed, manifest)
        self.put_manifest(Reference(place.host, place.path, _fallback(manifest.subject)), index, is_child=False)

    def _manifest(self, place: Reference, wanted: str) -> t.Tuple[Host, str, auth.Scopes]:
        host = self.host(place.host)
        return host, host.url(f"{place.path}/manifests/{wanted}"), auth.scopes((place.path, _PULL))


def _media_type(answer: Answer) -> str:
    return answer.headers.get("Content-Type", "").partition(";")[0].strip()


def _fallback(digest: str) -> str:
    """The tag under which a registry without the API has the list of an image's referrers."""
    return digest.replace(":", "-", 1)
