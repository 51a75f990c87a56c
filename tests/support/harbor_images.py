# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pushes small images into a Harbor, or whatever speaks the registry API, by Basic authentication."""

from __future__ import annotations

import hashlib
import json
import typing as t

import urllib3

from tests.support.fake_harbor import ADMIN_PASSWORD

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


def digest_of(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class Pusher:
    """A registry as one user sees it. ``ask`` is any request; the other functions assert that it went well."""

    def __init__(self, url: str, user: str = "admin", password: str = ADMIN_PASSWORD, ca: str | None = None) -> None:
        self.url = url
        self.headers = dict(urllib3.make_headers(basic_auth=f"{user}:{password}")) if user else {}
        self._pool = urllib3.PoolManager(ca_certs=ca, retries=False, timeout=30)

    def ask(self, method: str, path: str, body: t.Any = None, **headers: str) -> urllib3.BaseHTTPResponse:
        sent = {"Accept": f"{MANIFEST}, {INDEX}", **self.headers, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._pool.request(method, path if "://" in path else f"{self.url}{path}", body=body, headers=sent)

    def blob(self, repository: str, data: bytes) -> str:
        digest = digest_of(data)
        started = self.ask("POST", f"/v2/{repository}/blobs/uploads/")
        assert started.status == 202, started.data
        place = started.headers["Location"]
        done = self.ask("PUT", f"{place}{'&' if '?' in place else '?'}digest={digest}", data, Content_Type="application/octet-stream")
        assert done.status == 201, done.data
        return digest

    def manifest(self, repository: str, data: bytes, reference: str = "", kind: str = MANIFEST) -> urllib3.BaseHTTPResponse:
        return self.ask("PUT", f"/v2/{repository}/manifests/{reference or digest_of(data)}", data, Content_Type=kind)

    def image(self, repository: str, tag: str = "", content: str = "", subject: str = "") -> str:
        """An image with one layer of that content; its digest. Without a tag it is pushed by digest."""
        data = self.make_image(repository, content or f"{repository}:{tag}", subject)
        answer = self.manifest(repository, data, tag)
        assert answer.status == 201, answer.data
        return digest_of(data)

    def make_image(self, repository: str, content: str, subject: str = "") -> bytes:
        """Pushes the blobs of an image, and returns the manifest that is left to push."""
        config, layer = json.dumps({"architecture": "amd64", "os": "linux", "made for": content}).encode(), content.encode()
        parts = [
            {"mediaType": kind, "digest": self.blob(repository, data), "size": len(data)}
            for kind, data in ((_CONFIG, config), (_LAYER, layer))
        ]
        document: dict[str, t.Any] = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
        if subject:
            document["subject"] = {"mediaType": MANIFEST, "digest": subject, "size": 1}
        return json.dumps(document).encode()

    def index(self, repository: str, tag: str, *contents: str) -> tuple[str, list[str]]:
        """An index of an image for each content; its digest and theirs."""
        children = [self.image(repository, content=content) for content in contents]
        listed = [
            {"mediaType": MANIFEST, "digest": child, "size": 1, "platform": {"os": "linux", "architecture": f"a{number}"}}
            for number, child in enumerate(children)
        ]
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}).encode()
        answer = self.manifest(repository, data, tag, INDEX)
        assert answer.status == 201, answer.data
        return digest_of(data), children
