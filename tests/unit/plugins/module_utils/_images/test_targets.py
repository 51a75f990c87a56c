# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import naming, targets

REGISTRY = "harbor.example:8443"
DIGEST = "sha256:" + "a" * 64


def planned(*images: t.Any) -> list[str]:
    return [str(copy.target) for copy in targets.plan(images, naming.make(REGISTRY, "proj"))]


@pytest.mark.parametrize(
    ("image", "target"),
    [
        ("quay.io/calico/node:v3", "proj/quay.io/calico/node:v3"),
        ("busybox", "proj/docker.io/library/busybox:latest"),
        ("registry:5000/x", "proj/registry_5000/x:latest"),
        (f"quay.io/x/y:v1@{DIGEST}", "proj/quay.io/x/y:v1"),
        (f"quay.io/x/y@{DIGEST}", "proj/quay.io/x/y:digest-" + "a" * 64),
        (f"{REGISTRY}/proj/quay.io/x/y:v1", "proj/quay.io/x/y:v1"),
        (f"{REGISTRY}/project2/x:v1", f"proj/{REGISTRY.replace(':', '_')}/project2/x:v1"),
        ({"source": "quay.io/x/y:v1", "target": "other/z"}, "other/z:v1"),
        ({"source": "quay.io/x/y:v1", "target": f"{REGISTRY}/other/z:v2"}, "other/z:v2"),
        ({"source": "quay.io/x/y:v1"}, "proj/quay.io/x/y:v1"),
    ],
)
def test_where_an_image_goes(image: t.Any, target: str) -> None:
    assert planned(image) == [f"{REGISTRY}/{target}"]


def test_two_spellings_of_one_image_are_one_copy() -> None:
    assert len(planned("busybox", "docker.io/library/busybox:latest", "index.docker.io/busybox")) == 1


def test_a_tag_beside_the_same_digest_is_one_copy() -> None:
    assert len(planned(f"quay.io/x/y:v1@{DIGEST}", f"quay.io/x/y:v1@{DIGEST}")) == 1


@pytest.mark.parametrize(
    ("images", "told"),
    [
        ([{"source": "quay.io/a:v1", "target": "p/x:v1"}, {"source": "quay.io/b:v1", "target": "p/x:v1"}], "would both be"),
        (["quay.io/a:v1", f"quay.io/a:v1@{DIGEST}"], "would both be"),
        (["Busybox"], "no reference"),
        ([{"source": ""}], "neither a reference nor"),
        ([{"source": "x", "colour": "red"}], "neither a reference nor"),
        ([7], "neither a reference nor"),
        ([{"source": "quay.io/a:v1", "target": f"p/x@{DIGEST}"}], "has a digest"),
        ([{"source": "quay.io/a:v1", "target": "P/X"}], "cannot be at its target"),
        (["quay.io/" + "a" * 250 + ":v1"], "cannot be named"),
        (["[::1]:5000/a:v1"], "cannot be named"),
    ],
)
def test_what_cannot_be_copied_is_refused(images: list[t.Any], told: str) -> None:
    with pytest.raises(_errors.BadInputError, match=told):
        planned(*images)


@pytest.mark.parametrize("registry", ["harbor", "https://harbor.example", "harbor.example/proj"])
def test_a_registry_is_a_host(registry: str) -> None:
    with pytest.raises(_errors.BadInputError):
        targets.plan(["busybox"], naming.make(registry, "proj"))


def test_a_registry_named_localhost_or_with_a_port_will_do() -> None:
    assert str(targets.plan(["busybox"], naming.make("localhost", "p"))[0].target) == "localhost/p/docker.io/library/busybox:latest"


def test_names_are_kept_for_a_layout() -> None:
    copies = targets.kept(["busybox", "docker.io/busybox", f"quay.io/x@{DIGEST}"])
    assert [str(copy.target) for copy in copies] == ["docker.io/library/busybox:latest", f"quay.io/x@{DIGEST}"]
    with pytest.raises(_errors.BadInputError, match="has the target"):
        targets.kept([{"source": "busybox", "target": "p/x"}])
