# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content
from ansible_collections.podnet.cni.plugins.module_utils._images.content import Descriptor, Manifest

SHA = "sha256:" + "a" * 64


def parsed(data: t.Any, media_type: str = content.OCI_MANIFEST) -> Manifest:
    body = data if isinstance(data, bytes) else json.dumps(data).encode()
    return content.parse(body, media_type, content.digest_of(body), "here")


def entry(letter: str, **more: t.Any) -> dict[str, t.Any]:
    return {"mediaType": "x", "digest": "sha256:" + letter * 64, "size": 3, **more}


def platform(letter: str, system: str, architecture: str, variant: str = "") -> dict[str, t.Any]:
    return entry(letter, platform={"os": system, "architecture": architecture, **({"variant": variant} if variant else {})})


def test_an_image_refers_to_its_configuration_and_layers_each_once() -> None:
    manifest = parsed({"schemaVersion": 2, "config": entry("c"), "layers": [entry("1"), entry("2"), entry("1")]})
    assert [blob.digest[7] for blob in manifest.blobs] == ["c", "1", "2"]
    assert manifest.children == ()
    assert not manifest.is_index


def test_an_index_refers_to_manifests() -> None:
    manifest = parsed({"schemaVersion": 2, "manifests": [platform("a", "linux", "arm", "v7"), entry("b")]})
    assert [child.platform for child in manifest.children] == ["linux/arm/v7", ""]
    assert manifest.is_index
    assert manifest.media_type == content.OCI_MANIFEST, "what the registry said, for want of the index's own word"


def test_its_own_word_counts_more_than_the_registry_s() -> None:
    assert parsed({"mediaType": content.OCI_INDEX, "manifests": []}, "text/plain").media_type == content.OCI_INDEX
    assert parsed({"manifests": []}, "").media_type == content.OCI_INDEX
    assert parsed({"layers": []}, "").media_type == content.OCI_MANIFEST


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"no JSON", "is no JSON"),
        (b"[]", "no JSON object"),
        ({"layers": [{}]}, "a reference that is none"),
        ({"layers": ["x"]}, "a reference that is none"),
        ({"layers": [{"digest": SHA, "size": -1}]}, "a reference that is none"),
        ({"layers": [{"digest": SHA, "size": "many"}]}, "a reference that is none"),
        ({"schemaVersion": 1, "fsLayers": []}, "schema 1"),
        ({"mediaType": "application/vnd.docker.distribution.manifest.v1+json"}, "schema 1"),
    ],
)
def test_what_is_no_manifest_is_refused(data: t.Any, told: str) -> None:
    with pytest.raises(_errors.RegistryError, match=told):
        parsed(data)


def test_bytes_are_held_against_their_digest() -> None:
    for algorithm in ("sha256", "sha512"):
        digest = content.digest_of(b"bytes", f"{algorithm}:")
        assert content.verified(b"bytes", digest, "here") == b"bytes"
        with pytest.raises(_errors.RegistryError, match=f"what came as {digest} has the digest {algorithm}:"):
            content.verified(b"other", digest, "here")


@pytest.mark.parametrize("digest", ["md5:" + "a" * 32, "sha256:../x", "sha256", ""])
def test_other_digests_are_refused(digest: str) -> None:
    with pytest.raises(_errors.RegistryError, match="is no digest"):
        content.hasher(digest, "here")


@pytest.mark.parametrize(
    ("media_type", "urls", "foreign"),
    [
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", ("https://x",), True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", ("https://x",), True),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", (), False),
        ("application/vnd.oci.image.layer.v1.tar", ("https://x",), False),
    ],
)
def test_foreign_layers(media_type: str, urls: tuple[str, ...], foreign: bool) -> None:
    assert Descriptor(SHA, 1, media_type, urls=urls).is_foreign == foreign


INDEX = {
    "schemaVersion": 2,
    "mediaType": content.OCI_INDEX,
    "manifests": [
        platform("a", "linux", "amd64"),
        platform("b", "linux", "arm", "v6"),
        platform("c", "linux", "arm", "v7"),
        platform("d", "linux", "arm64", "v8"),
        {**platform("e", "unknown", "unknown"), "annotations": {"vnd.docker.reference.digest": "sha256:" + "a" * 64}},
    ],
    "annotations": {"kept": "yes"},
}


@pytest.mark.parametrize(
    ("platforms", "kept"),
    [
        (["linux/amd64"], "ae"),
        (["linux/arm/v7"], "c"),
        (["linux/arm"], "bc"),
        (["linux/arm64"], "d"),
        (["linux/arm64", "linux/amd64"], "ade"),
    ],
)
def test_platforms_are_chosen_with_their_attestations(platforms: list[str], kept: str) -> None:
    index = parsed(INDEX)
    chosen = content.select(index, platforms, "here")
    assert "".join(child.digest[7] for child in chosen.children) == kept
    assert chosen.digest == content.digest_of(chosen.body) != index.digest
    assert json.loads(chosen.body)["annotations"] == {"kept": "yes"}


def test_all_platforms_chosen_leave_the_index_as_it_is() -> None:
    index = parsed(INDEX)
    assert content.select(index, ["linux/amd64", "linux/arm", "linux/arm64"], "here") is index


def test_an_image_of_one_platform_stays_as_it_is() -> None:
    single = parsed({"layers": []})
    assert content.select(single, ["linux/amd64"], "here") is single


def test_a_platform_that_is_not_there_is_told() -> None:
    with pytest.raises(_errors.BadInputError, match=r"no image for linux/s390x.*It has linux/amd64, linux/arm/v6"):
        content.select(parsed(INDEX), ["linux/amd64", "linux/s390x"], "here")


def test_a_list_of_referrers_grows() -> None:
    signature = parsed({"layers": [], "subject": {"digest": SHA}, "artifactType": "application/x"})
    index = content.index_with(content.index_of(()), signature)
    assert [child.digest for child in index.children] == [signature.digest]
    assert json.loads(index.body)["manifests"][0]["artifactType"] == "application/x"
