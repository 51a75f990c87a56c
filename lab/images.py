# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the lab's container images without a container engine and puts them into a registry.

An image is the shared base layer, or none, plus one layer with the program. The same inputs give the same bytes.
"""

from __future__ import annotations

import dataclasses
import gzip
import hashlib
import http.client
import io
import json
import os
import tarfile
import typing as t
from pathlib import Path

from lab import fingerprints, progress
from lab.settings import (
    AGNHOST_VERSION,
    CALICO_VERSION,
    COREDNS_VERSION,
    ETCD_VERSION,
    FLANNEL_CNI_PLUGIN_VERSION,
    FLANNEL_VERSION,
    KUBERNETES_VERSION,
    LAB,
    PAUSE_VERSION,
    LabError,
    Settings,
)

_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_CONFIG = "application/vnd.oci.image.config.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REQUEST_SECONDS = 300


@dataclasses.dataclass(frozen=True)
class Image:
    """One image. ``files`` maps a path inside it to a program's name or a file; ``links`` maps a path to what it points to.

    The base is usr-merged: nothing may be put into /bin or /sbin, or the layer would hide the whole folder.
    """

    reference: str
    files: tuple[tuple[str, str | Path], ...]
    links: tuple[tuple[str, str], ...] = ()
    folders: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    user: str = ""
    base: bool = True

    @property
    def repository(self) -> str:
        """The path without the registry's host, which is what the nodes' mirror configuration asks for."""
        return self.reference.partition("/")[2].rpartition(":")[0]

    @property
    def tag(self) -> str:
        return self.reference.rpartition(":")[2]


_COMPONENTS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy")


def _component(name: str) -> Image:
    # All four hold the same layer, so a node fetches it once.
    links = tuple((f"/usr/local/bin/{component}", "kube") for component in _COMPONENTS)
    return Image(
        f"registry.k8s.io/{name}:{KUBERNETES_VERSION}", (("/usr/local/bin/kube", "kube"),), links, entrypoint=(f"/usr/local/bin/{name}",)
    )


IMAGES = (
    *(_component(name) for name in _COMPONENTS),
    Image(f"registry.k8s.io/pause:{PAUSE_VERSION}", (("/pause", "pause"),), entrypoint=("/pause",), base=False),
    Image(f"registry.k8s.io/etcd:{ETCD_VERSION}-0", (("/usr/local/bin/etcd", "etcd"),), entrypoint=("etcd",), base=False),
    Image(f"registry.k8s.io/coredns/coredns:{COREDNS_VERSION}", (("/coredns", "coredns"),), entrypoint=("/coredns",), base=False),
    Image(
        f"registry.k8s.io/e2e-test-images/agnhost:{AGNHOST_VERSION}",
        (("/agnhost", "agnhost"),),
        entrypoint=("/agnhost",),
        command=("pause",),
    ),
    Image(f"ghcr.io/flannel-io/flannel:{FLANNEL_VERSION}", (("/opt/bin/flanneld", "flanneld"),), entrypoint=("/opt/bin/flanneld",)),
    Image(f"ghcr.io/flannel-io/flannel-cni-plugin:{FLANNEL_CNI_PLUGIN_VERSION}", (("/flannel", "flannel-cni"),)),
    Image(
        f"quay.io/calico/node:{CALICO_VERSION}",
        (("/usr/local/bin/calico-node", "calico-node"), ("/usr/sbin/start_runit", LAB / "images" / "calico-node")),
        (("/usr/bin/calico-node", "/usr/local/bin/calico-node"),),
        command=("/usr/sbin/start_runit",),
    ),
    Image(
        f"quay.io/calico/cni:{CALICO_VERSION}",
        (("/opt/cni/bin/calico", "calico-cni"), ("/opt/cni/bin/install", "calico-cni-install")),
        (("/opt/cni/bin/calico-ipam", "calico"),),
    ),
    Image(
        f"quay.io/calico/kube-controllers:{CALICO_VERSION}",
        (("/usr/bin/kube-controllers", "calico-kube-controllers"), ("/usr/bin/check-status", "calico-check-status")),
        folders=("/status", "/profiles"),
        entrypoint=("/usr/bin/kube-controllers",),
        user="999",
    ),
    # Calico's own way from flannel, for `make bench`: the same program in another role, which runs kubectl.
    Image(
        f"quay.io/calico/flannel-migration-controller:{CALICO_VERSION}",
        (
            ("/usr/bin/kube-controllers", "calico-kube-controllers"),
            ("/usr/bin/check-status", "calico-check-status"),
            ("/usr/bin/kube", "kube"),
        ),
        (("/usr/bin/kubectl", "kube"),),
        folders=("/status", "/profiles"),
        entrypoint=("/usr/bin/kube-controllers",),
    ),
    Image("docker.io/ikubernetes/myapp:v1", (("/usr/bin/myapp", "myapp"),), entrypoint=("/usr/bin/myapp",)),
)


@dataclasses.dataclass(frozen=True)
class Blob:
    """A piece of an image: its file, its digest, its size in bytes and, for a layer, the digest of its uncompressed tar."""

    path: Path
    digest: str
    size: int
    diff_id: str = ""


def push_all(settings: Settings, registry: str, programs: t.Mapping[str, Path], base: Path) -> None:
    """Makes what is not made yet and uploads what the registry lacks; an image that is there under its digest costs one request."""
    with progress.step(f"{len(IMAGES)} images into the registry {registry}"):
        base_layer = _layer_of_base(settings, base)
        for image in IMAGES:
            _push(settings, registry, image, programs, base_layer)


def _push(settings: Settings, registry: str, image: Image, programs: t.Mapping[str, Path], base_layer: Blob) -> None:
    layers = ((base_layer,) if image.base else ()) + (_layer_of_files(settings, image, programs),)
    config = json.dumps(_config(image, layers), sort_keys=True).encode()
    manifest = json.dumps(_manifest(config, layers), sort_keys=True).encode()
    connection = http.client.HTTPConnection(registry, timeout=_REQUEST_SECONDS)
    try:
        if _remote_digest(connection, image) == _digest(manifest):
            return
        for layer in layers:
            _upload(connection, image, layer.digest, layer.path.read_bytes())
        _upload(connection, image, _digest(config), config)
        _put(connection, f"/v2/{image.repository}/manifests/{image.tag}", manifest, MANIFEST)
    except OSError as error:
        raise LabError(f"registry {registry} does not take {image.reference}: {error}") from error
    finally:
        connection.close()


def _layer_of_base(settings: Settings, base: Path) -> Blob:
    return _layer(settings, fingerprints.of("base", base.name), base.read_bytes)


def _layer_of_files(settings: Settings, image: Image, programs: t.Mapping[str, Path]) -> Blob:
    sources = [(path, _source(source, programs)) for path, source in image.files]
    inputs = fingerprints.of(
        repr(image.links), repr(image.folders), *(part for path, source in sources for part in (path, _identity(source)))
    )
    return _layer(settings, inputs, lambda: layer_tar(image, sources))


def _source(source: str | Path, programs: t.Mapping[str, Path]) -> Path:
    return source if isinstance(source, Path) else programs[source]


def _identity(source: Path) -> str | Path:
    """A built program's name is made of its inputs, which saves reading it; other files are read."""
    return source if source.is_relative_to(LAB) else source.name


def layer_tar(image: Image, sources: t.Sequence[tuple[str, Path]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for folder in image.folders:
            archive.addfile(_entry(folder, tarfile.DIRTYPE, 0o777))
        for path, source in sources:
            entry = _entry(path, tarfile.REGTYPE, 0o755)
            entry.size = source.stat().st_size
            with source.open("rb") as content:
                archive.addfile(entry, content)
        for path, destination in image.links:
            entry = _entry(path, tarfile.SYMTYPE, 0o777)
            entry.linkname = destination
            archive.addfile(entry)
    return buffer.getvalue()


def _entry(path: str, kind: bytes, mode: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path.lstrip("/"))
    entry.type = kind
    entry.mode = mode
    return entry


def _layer(settings: Settings, inputs: str, content: t.Callable[[], bytes]) -> Blob:
    folder = settings.cache / "layers"
    record, packed = folder / f"{inputs}.json", folder / f"{inputs}.tar.gz"
    if record.exists():
        return Blob(packed, **json.loads(record.read_text()))
    folder.mkdir(parents=True, exist_ok=True)
    raw = content()
    data = gzip.compress(raw, compresslevel=1, mtime=0)
    facts: dict[str, t.Any] = {"digest": _digest(data), "size": len(data), "diff_id": _digest(raw)}
    _replace(packed, data)
    _replace(record, json.dumps(facts).encode())  # written last: it vouches for the other
    return Blob(packed, **facts)


def _replace(path: Path, data: bytes) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.replace(path)


def _config(image: Image, layers: t.Sequence[Blob]) -> dict[str, t.Any]:
    settings: dict[str, t.Any] = {"Env": [_PATH]}
    if image.entrypoint:
        settings["Entrypoint"] = list(image.entrypoint)
    if image.command:
        settings["Cmd"] = list(image.command)
    if image.user:
        settings["User"] = image.user
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": settings,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        "history": [],
    }


def _manifest(config: bytes, layers: t.Sequence[Blob]) -> dict[str, t.Any]:
    return {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": _CONFIG, "digest": _digest(config), "size": len(config)},
        "layers": [{"mediaType": _LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
    }


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _remote_digest(connection: http.client.HTTPConnection, image: Image) -> str:
    connection.request("HEAD", f"/v2/{image.repository}/manifests/{image.tag}", headers={"Accept": MANIFEST})
    response = connection.getresponse()
    response.read()
    return response.headers.get("Docker-Content-Digest", "") if response.status == 200 else ""


def _upload(connection: http.client.HTTPConnection, image: Image, digest: str, data: bytes) -> None:
    connection.request("HEAD", f"/v2/{image.repository}/blobs/{digest}")
    response = connection.getresponse()
    response.read()
    if response.status == 200:
        return
    connection.request("POST", f"/v2/{image.repository}/blobs/uploads/", headers={"Content-Length": "0"})
    response = connection.getresponse()
    response.read()
    location = response.headers.get("Location", "")
    separator = "&" if "?" in location else "?"
    _put(connection, f"{location}{separator}digest={digest}", data, "application/octet-stream")


def _put(connection: http.client.HTTPConnection, url: str, data: bytes, media_type: str) -> None:
    connection.request("PUT", url, body=data, headers={"Content-Type": media_type})
    response = connection.getresponse()
    answer = response.read()
    if response.status != 201:
        raise LabError(f"the registry answered {response.status} to PUT {url}: {answer.decode(errors='replace')[:300]}")
