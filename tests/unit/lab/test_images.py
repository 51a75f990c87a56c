# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import io
import re
import tarfile
from pathlib import Path

import pytest

from lab import images, programs, settings

MANIFESTS = settings.LAB / "manifests"


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    image = images.Image("registry.k8s.io/thing:1", (("/usr/bin/thing", "thing"),), (("/usr/bin/other", "thing"),), ("/status",))
    program = tmp_path / "thing"
    program.write_bytes(b"program")
    first, second = (images.layer_tar(image, [("/usr/bin/thing", program)]) for _ in range(2))
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as archive:
        assert {entry.name: (entry.mode, entry.linkname) for entry in archive} == {
            "status": (0o777, ""),
            "usr/bin/thing": (0o755, ""),
            "usr/bin/other": (0o777, "thing"),
        }


@pytest.mark.parametrize("image", images.IMAGES, ids=lambda image: image.reference)
def test_nothing_is_put_where_it_would_hide_the_base(image: images.Image) -> None:
    paths = [path for path, _source in (*image.files, *image.links)]
    assert [path for path in paths if image.base and path.startswith(("/bin/", "/sbin/", "/lib/"))] == []


def test_every_program_of_an_image_is_built() -> None:
    built = {program.name for program in programs.PROGRAMS}
    wanted = {source for image in images.IMAGES for _path, source in image.files if isinstance(source, str)}
    assert wanted <= built


def test_every_image_the_labs_manifests_name_is_made() -> None:
    named = {image for path in MANIFESTS.glob("*.yml") for image in re.findall(r"^ +image: (\S+)", path.read_text(), re.MULTILINE)}
    assert named <= {image.reference for image in images.IMAGES}
    assert len(named) == 5


def test_repository_and_tag_leave_the_registry_out() -> None:
    image = images.Image("registry.k8s.io/coredns/coredns:v1", ())
    assert (image.repository, image.tag) == ("coredns/coredns", "v1")
