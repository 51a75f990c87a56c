# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images made of chance, the same from the same seed: layers that are no archives, since nobody unpacks them, with true manifests."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import random
import typing as t
import urllib.error
import urllib.request

from ansible_collections.podnet.cni.plugins.module_utils._images.content import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
_GZIP = b"\x1f\x8b\x08"
PLATFORMS = ("linux/amd64", "linux/arm64")

Json = dict[str, t.Any]


def digest(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


@dataclasses.dataclass
class Image:
    """Everything of one image: blobs by digest, manifests by digest with their type, children first; the last is the image."""

    blobs: dict[str, bytes] = dataclasses.field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = dataclasses.field(default_factory=dict)

    @property
    def digest(self) -> str:
        return list(self.manifests)[-1]

    def blob(self, data: bytes, media_type: str, algorithm: str = "sha256", **more: t.Any) -> Json:
        """Adds a blob; returns its descriptor."""
        self.blobs[digest(data, algorithm)] = data
        return {"mediaType": media_type, "digest": digest(data, algorithm), "size": len(data), **more}

    def manifest(self, content: Json, media_type: str, **more: t.Any) -> Json:
        """Adds a manifest; returns its descriptor."""
        # Spaces as no program would set them, to see that they stay.
        body = json.dumps({"schemaVersion": 2, "mediaType": media_type, **content}, indent=3).encode()
        self.manifests[digest(body)] = (media_type, body)
        return {"mediaType": media_type, "digest": digest(body), "size": len(body), **more}


def noise(seed: str, size: int) -> bytes:
    """Bytes that do not compress, with the first ones of gzip: skopeo compresses what does not look compressed."""
    return _GZIP + random.Random(seed).randbytes(size - len(_GZIP))  # noqa: S311  # the same each time


def single(image: Image, seed: str, layers: t.Sequence[bytes], platform: str = PLATFORMS[0], media_type: str = OCI_MANIFEST) -> Json:
    """Adds the image of one platform; returns its descriptor with the platform."""
    system, architecture, *variant = platform.split("/")
    said = {"os": system, "architecture": architecture, **({"variant": variant[0]} if variant else {})}
    config = json.dumps({**said, "seed": seed, "rootfs": {"type": "layers", "diff_ids": [digest(layer) for layer in layers]}})
    config_type, layer_type = (DOCKER_CONFIG, DOCKER_LAYER) if media_type == DOCKER_MANIFEST else (OCI_CONFIG, OCI_LAYER)
    content = {
        "config": image.blob(config.encode(), config_type),
        "layers": [image.blob(layer, layer_type) for layer in layers],
    }
    return image.manifest(content, media_type, platform=said)


def multi(seed: str, layers: t.Sequence[bytes], platforms: t.Sequence[str] = PLATFORMS, is_docker: bool = False) -> Image:
    """An image of several platforms, each with these layers and one of its own."""
    image = Image()
    kind = DOCKER_MANIFEST if is_docker else OCI_MANIFEST
    children = [single(image, f"{seed}{name}", [*layers, noise(f"{seed}{name}", 2000)], name, kind) for name in platforms]
    image.manifest({"manifests": children}, DOCKER_LIST if is_docker else OCI_INDEX)
    return image


def small_set(count: int, size: int = 4000) -> dict[str, Image]:
    """So many images of two platforms with four layers each, two of which all of them share; by path and tag."""
    shared = [noise(f"shared{number}", size) for number in range(2)]
    return {f"small/app{number}:v1": multi(f"app{number}", [*shared, noise(f"own{number}", size)]) for number in range(count)}


def large_set(count: int, layer: int, layers: int = 4) -> dict[str, Image]:
    """So many images of one platform with so many layers of this size, none of them shared."""
    images = {}
    for number in range(count):
        image = Image()
        single(image, f"large{number}", [noise(f"large{number}-{position}", layer) for position in range(layers)])
        images[f"large/app{number}:v1"] = image
    return images


def push(registry: str, name: str, image: Image) -> str:
    """Puts an image into a registry that speaks plain HTTP, by our own few requests; returns its digest."""
    path, _, tag = name.partition(":")
    base = f"http://{registry}/v2/{path}"
    for key, data in image.blobs.items():
        if _request("HEAD", f"{base}/blobs/{key}")[0] == 200:
            continue
        _, headers = _request("POST", f"{base}/blobs/uploads/", b"")
        where = headers["Location"]
        status, _ = _request("PUT", f"{where}{'&' if '?' in where else '?'}digest={key}", data)
        assert status == 201, (name, key, status)
    for number, (key, (media_type, body)) in enumerate(image.manifests.items(), start=1):
        wanted = tag if number == len(image.manifests) and tag else key
        status, _ = _request("PUT", f"{base}/manifests/{wanted}", body, media_type)
        assert status == 201, (name, key, status)
    return image.digest if image.manifests else ""


def _request(method: str, url: str, body: bytes | None = None, media_type: str = "application/octet-stream") -> tuple[int, t.Any]:
    request = urllib.request.Request(url, data=body, method=method, headers={"Content-Type": media_type})  # noqa: S310  # http
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.headers
    except urllib.error.HTTPError as error:
        return error.code, error.headers
