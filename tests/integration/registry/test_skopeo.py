# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Another program's word: skopeo copies the same set to the same digests, reads our layouts, and we read its."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.modules import image_archive
from tests.support import images, skopeo
from tests.support.calls import call_of

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene

pytestmark = pytest.mark.skipif(not skopeo.program(), reason="skopeo is not installed (python tests/support/skopeo.py installs it)")


def archived(scene: Scene, **more: t.Any) -> dict[str, t.Any]:
    hosts = [{"host": host, "plain_http": True} for host in (scene.upstream.name, scene.harbor.name)]
    return image_archive.act(call_of(image_archive.SPEC, {"hosts": hosts, **more}))


def test_the_whole_set_has_the_same_digests(scene: Scene) -> None:
    made = {
        **images.small_set(4),
        "docker:v1": images.multi("docker", [images.noise("docker", 500)], is_docker=True),
        **images.large_set(1, 100_000),
    }
    scene.publish(made)
    assert scene.mirror(*made).errors == ""
    for name in made:
        skopeo.copy(f"docker://{scene.source(name)}", f"docker://{scene.harbor.name}/{scene.work}/by-skopeo/{name}")
    ours = {name: scene.arrived(name) for name in made}
    theirs = {name: scene.harbor.digest(f"{scene.work}/by-skopeo/{name}") for name in made}
    assert ours == theirs == {name: image.digest for name, image in made.items()}


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_skopeo_reads_our_layouts(scene: Scene, tmp_path: Path, transport: str) -> None:
    made = images.small_set(2)
    scene.publish(made)
    path = tmp_path / ("images.tar" if transport == "oci-archive" else "images")
    archived(scene, path=str(path), state="exported", images=[scene.source(name) for name in made])
    for name, image in made.items():
        skopeo.copy(f"{transport}:{path}:{scene.source(name)}", f"docker://{scene.harbor.name}/{scene.work}/by-skopeo/{name}")
        assert scene.harbor.digest(f"{scene.work}/by-skopeo/{name}") == image.digest


@pytest.mark.parametrize("transport", ["oci", "oci-archive"])
def test_we_read_skopeo_s_layouts(scene: Scene, tmp_path: Path, transport: str) -> None:
    image = images.multi(scene.work, [images.noise(scene.work, 500)])
    scene.publish({"app:v1": image})
    path = tmp_path / ("images.tar" if transport == "oci-archive" else "images")
    skopeo.copy(f"docker://{scene.source('app:v1')}", f"{transport}:{path}:{scene.source('app:v1')}")
    destination = {"registry": scene.harbor.name, "project": scene.work}
    archived(scene, path=str(path), state="imported", **destination)
    assert scene.arrived("app:v1") == image.digest

    tagged = tmp_path / "tagged"
    skopeo.copy(f"docker://{scene.source('app:v1')}", f"oci:{tagged}:v1")
    archived(scene, path=str(tagged), state="imported", images=[{"source": "v1", "target": f"{scene.work}/mine:v1"}], **destination)
    assert scene.harbor.digest(f"{scene.work}/mine:v1") == image.digest
