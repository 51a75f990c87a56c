# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images between two real registries: what is read, what is written, and that the digests are the same."""

from __future__ import annotations

import collections
import json
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._images.content import DOCKER_LIST, OCI_INDEX, OCI_MANIFEST
from tests.support import fault_proxy, images
from tests.support.docker_registry import counts
from tests.support.images import Image

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene


def test_a_set_arrives_with_its_digests(scene: Scene) -> None:
    made = images.small_set(10)
    scene.publish(made)
    done = scene.mirror(*made)

    assert done.actions == ["copied"] * 10
    assert [outcome.digest for outcome in done.outcomes] == [image.digest for image in made.values()]
    for name, image in made.items():
        assert scene.arrived(name) == image.digest
        assert set(image.manifests) | set(image.blobs) <= scene.harbor.blobs()

    unique = {key: data for image in made.values() for key, data in image.blobs.items()}
    read = collections.Counter(
        entry.path.rpartition("/")[2] for entry in scene.upstream.asked() if (entry.method, "/blobs/" in entry.path) == ("GET", True)
    )
    assert read == dict.fromkeys(unique, 1), "each blob is read once"
    written = scene.harbor.asked()
    assert sum(entry.method == "PUT" and "/uploads/" in entry.path for entry in written) == len(unique), "and sent once"
    assert sum(outcome.bytes_copied for outcome in done.outcomes) == sum(map(len, unique.values()))
    assert sum(outcome.bytes_mounted for outcome in done.outcomes) == 9 * 2 * 4000

    again = scene.mirror(*made)
    assert again.actions == ["unchanged"] * 10
    assert counts(scene.upstream.asked()) == counts(scene.harbor.asked()) == {"HEAD manifests": 10}


def test_the_tag_comes_last(scene: Scene) -> None:
    image = images.multi(scene.work, [b"layer"])
    scene.publish({"app:v1": image})
    scene.mirror("app:v1")
    written = [entry.path.rpartition("/")[2] for entry in scene.harbor.asked() if entry.method == "PUT"]
    assert written[-3:] == [*list(image.manifests)[:2], "v1"]


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_moved_tag_is_copied_anew(scene: Scene, check_mode: bool) -> None:
    first = images.multi("one" + scene.work, [b"layer"])
    scene.publish({"app:v1": first})
    source = scene.source("app:v1")
    scene.run([source])
    second = images.multi("two" + scene.work, [b"layer"])
    scene.publish({"app:v1": second})
    scene.harbor.asked()
    (outcome,) = scene.run([source], check_mode=check_mode).outcomes
    assert (outcome.digest_before, outcome.digest) == (first.digest, second.digest)
    assert outcome.action == ("would copy" if check_mode else "copied")
    assert scene.arrived("app:v1") == (first if check_mode else second).digest
    if check_mode:
        assert {entry.method for entry in scene.harbor.asked()} == {"HEAD"}


def odd_images() -> dict[str, Image]:
    docker = images.multi("docker", [b"docker layer"], is_docker=True)
    nested = Image()
    inner = nested.manifest({"manifests": [images.single(nested, "inner", [b"inner layer"])]}, OCI_INDEX)
    nested.manifest({"manifests": [inner, images.single(nested, "outer", [b"outer layer"])], "annotations": {"a": "b"}}, OCI_INDEX)
    unknown = Image()
    config = unknown.blob(b"{}", "application/vnd.example.config+json")
    layers = [unknown.blob(b"zstd", "application/vnd.oci.image.layer.v1.tar+zstd"), unknown.blob(b"x", "application/vnd.example.thing")]
    unknown.manifest({"config": config, "layers": layers, "artifactType": "application/vnd.example"}, OCI_MANIFEST)
    empty = Image()
    images.single(empty, "empty", [b""])
    twice = Image()
    images.single(twice, "twice", [b"the same", b"between", b"the same"])
    attested = images.multi("attested", [b"attested layer"])
    children = json.loads(attested.manifests[attested.digest][1])["manifests"]
    about = children[0]["digest"]
    attested.manifests.popitem()
    note = images.single(attested, "attestation", [b"in-toto"], "unknown/unknown")
    note["annotations"] = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}
    attested.manifest({"manifests": [*children, note]}, OCI_INDEX)
    return {
        "docker:v1": docker,
        "nested:v1": nested,
        "unknown-types:v1": unknown,
        "empty-layer:v1": empty,
        "same-layer-twice:v1": twice,
        "attested:v1": attested,
    }


@pytest.mark.parametrize("name", list(odd_images()))
def test_odd_images_keep_their_digest(scene: Scene, name: str) -> None:
    image = odd_images()[name]
    scene.publish({name: image})
    done = scene.mirror(name)
    assert done.errors == ""
    assert scene.arrived(name) == image.digest
    assert scene.mirror(name).actions == ["unchanged"]


@pytest.mark.parametrize("tag", ["", ":v1"])
def test_a_digest_decides(scene: Scene, tag: str) -> None:
    pinned = images.multi(scene.work, [b"layer"])
    scene.publish({"app:v1": pinned})
    scene.publish({"app:v1": images.multi("moved" + scene.work, [b"layer"])})
    source = f"{scene.upstream.name}/{scene.work}/app{tag}@{pinned.digest}"
    (outcome,) = scene.run([source]).outcomes
    assert outcome.digest == pinned.digest
    expected = tag or ":digest-" + pinned.digest.partition(":")[2]
    assert outcome.target.endswith(f"/app{expected}")
    assert scene.arrived(f"app{expected}") == pinned.digest


def test_one_failure_hides_no_other(scene: Scene) -> None:
    scene.publish({"app:v1": images.multi(scene.work, [b"layer"])})
    good, absent = f"{scene.upstream.name}/{scene.work}/app:v1", f"{scene.upstream.name}/{scene.work}/absent:v1"
    nowhere = "127.0.0.1:1/x/y:v1"
    done = scene.run([absent, good, nowhere])
    assert done.actions == ["failed", "copied", "failed"]
    assert done.outcomes[0].error == f"{absent}: there is no such image. Check its name and its tag."
    assert nowhere in done.outcomes[2].error
    assert "nothing listens there" in done.outcomes[2].error


def test_platforms_make_a_new_index(scene: Scene) -> None:
    image = odd_images()["attested:v1"]
    scene.publish({"app:v1": image})
    source = scene.source("app:v1")
    wishes = {"platforms": ("linux/amd64",)}
    (outcome,) = scene.run([source], wishes=wishes).outcomes
    assert outcome.action == "copied"
    assert outcome.source_digest == image.digest != outcome.digest == scene.arrived("app:v1")
    whole = json.loads(image.manifests[image.digest][1])["manifests"]
    arm = whole[1]["digest"]
    assert arm not in {entry.path.rpartition("/")[2] for entry in scene.harbor.asked() if entry.method == "PUT"}
    assert scene.run([source], wishes=wishes).actions == ["unchanged"]

    pinned = scene.run([f"{source}@{image.digest}"], scene.harbor.name, f"{scene.work}/pinned", wishes=wishes)
    assert "named by its digest" in pinned.errors
    lacking = scene.run([source], wishes={"platforms": ("linux/riscv64",)})
    assert "no image for linux/riscv64" in lacking.errors
    assert "linux/amd64, linux/arm64" in lacking.errors


def test_foreign_layers(scene: Scene) -> None:
    image = Image()
    config = image.blob(b"{}", images.OCI_CONFIG)
    foreign = image.blob(b"windows", "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=["http://127.0.0.1:1/layer"])
    image.manifest({"config": config, "layers": [foreign]}, OCI_MANIFEST)
    scene.publish({"win:v1": image})
    source = f"{scene.upstream.name}/{scene.work}/win:v1"
    assert "layers of another's site" in scene.run([source]).errors
    # docker-registry takes OCI manifests with URLs; what it has the blob for is copied from there.
    copied = scene.run([source], wishes={"foreign_layers": "copy"})
    assert (copied.actions, copied.outcomes[0].bytes_copied) == (["copied"], len(b"windows") + len(b"{}"))


def test_signatures_and_referrers_come_along(scene: Scene) -> None:
    image = images.multi(scene.work, [b"layer"])
    signature, signature_tag = Image(), image.digest.replace(":", "-") + ".sig"
    images.single(signature, "signature", [b"signed"])
    inventory = Image()
    subject = {"mediaType": OCI_INDEX, "digest": image.digest, "size": len(image.manifests[image.digest][1])}
    config = inventory.blob(b"{}", "application/vnd.oci.empty.v1+json")
    layers = [inventory.blob(b"bill of materials", "application/spdx+json")]
    inventory.manifest({"config": config, "layers": layers, "subject": subject, "artifactType": "application/spdx+json"}, OCI_MANIFEST)
    fallback = Image()
    fallback.manifest({"manifests": [{"mediaType": OCI_MANIFEST, "digest": inventory.digest, "size": 1}]}, OCI_INDEX)
    list_tag = image.digest.replace(":", "-")
    scene.publish({"app:v1": image, f"app:{signature_tag}": signature, "app": inventory, f"app:{list_tag}": fallback})
    source = scene.source("app:v1")

    assert scene.run([source]).outcomes[0].companions == ()
    wishes = {"signatures": True, "referrers": True}
    foretold = scene.run([source], wishes=wishes, check_mode=True)
    (outcome,) = scene.run([source], wishes=wishes).outcomes
    assert outcome.action == "copied"
    assert outcome.companions == foretold.outcomes[0].companions
    assert len(outcome.companions) == 2
    assert scene.arrived(f"app:{signature_tag}") == signature.digest
    assert scene.arrived(f"app:{list_tag}"), "the list of an old registry"
    assert inventory.digest in scene.harbor.blobs()
    assert scene.run([source], wishes=wishes).actions == ["unchanged"]


def test_blobs_of_complete_images_are_mounted(scene: Scene) -> None:
    made = images.small_set(3)
    scene.publish(made)
    scene.mirror(*list(made)[:2])
    outcomes = scene.mirror(*made).outcomes
    assert [outcome.action for outcome in outcomes] == ["unchanged", "unchanged", "copied"]
    assert outcomes[2].bytes_mounted == 2 * 4000


def test_what_is_in_the_project_already_stays_where_it_is(scene: Scene) -> None:
    image = images.multi(scene.work, [b"layer"])
    images.push(scene.harbor.name, f"{scene.work}/app:v1", image)
    (outcome,) = scene.run([f"{scene.harbor.name}/{scene.work}/app:v1"]).outcomes
    assert (outcome.action, outcome.target) == ("unchanged", f"{scene.harbor.name}/{scene.work}/app:v1")


def test_within_one_registry_with_one_worker(scene: Scene) -> None:
    image = images.multi(scene.work, [b"layer" * 100_000])
    images.push(scene.harbor.name, f"{scene.work}/from/app:v1", image)
    done = scene.run([{"source": f"{scene.harbor.name}/{scene.work}/from/app:v1", "target": f"{scene.work}/to/app:v2"}], workers=1)
    assert done.errors == ""
    assert scene.harbor.digest(f"{scene.work}/to/app:v2") == image.digest


def test_connections_are_used_again(scene: Scene) -> None:
    made = images.small_set(6)
    scene.publish(made)
    with fault_proxy.before(scene.upstream.name) as source, fault_proxy.before(scene.harbor.name) as target:
        done = scene.run([scene.source(name, source.name) for name in made], registry=target.name, workers=3)
        assert done.errors == ""
        assert len(source.log) > 40
        assert source.connections <= 3
        assert target.connections <= 3


def test_media_type_of_a_docker_index_stays(scene: Scene) -> None:
    image = images.multi(scene.work, [b"layer"], is_docker=True)
    scene.publish({"app:v1": image})
    assert image.manifests[image.digest][0] == DOCKER_LIST
    scene.mirror("app:v1")
    assert scene.arrived("app:v1") == image.digest
