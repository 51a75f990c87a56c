# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Images to OCI layouts and back: digests stay, nothing is fetched twice, and what is half-written is never taken for whole."""

from __future__ import annotations

import fcntl
import json
import tarfile
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _entry, _errors
from ansible_collections.podnet.cni.plugins.modules import image_archive
from tests.support import fault_proxy, images
from tests.support.calls import call_of
from tests.support.docker_registry import counts
from tests.support.fault_proxy import Fault, Request, on

if t.TYPE_CHECKING:
    from tests.integration.registry.conftest import Scene

FORMS = ["layout", "layout.tar"]
by_form = pytest.mark.parametrize("form", FORMS)


def run(scene: Scene, path: Path, state: str, sources: t.Sequence[t.Any] = (), plain: t.Sequence[str] = (), **more: t.Any) -> _entry.Result:
    names = [scene.upstream.name, scene.harbor.name, *plain]
    options: dict[str, t.Any] = {"path": str(path), "state": state, "images": list(sources), "auth_file": None, **more}
    options["hosts"] = [{"host": name, "plain_http": True} for name in names]
    check_mode = options.pop("check_mode", False)
    if state == "imported":
        options |= {"registry": scene.harbor.name, "project": scene.work}
    return image_archive.act(call_of(image_archive.SPEC, options, check_mode))


def published(scene: Scene, count: int = 3) -> dict[str, images.Image]:
    made = images.small_set(count)
    scene.publish(made)
    return made


def actions(result: _entry.Result) -> list[str]:
    return [image["action"] for image in result["images"]]


@by_form
def test_there_and_back(scene: Scene, tmp_path: Path, form: str) -> None:
    made = published(scene)
    path = tmp_path / "new" / form
    sources = [scene.source(name) for name in made]
    assert actions(run(scene, path, "exported", sources, check_mode=True)) == ["would copy"] * 3
    assert not path.exists()
    assert actions(run(scene, path, "exported", sources)) == ["copied"] * 3
    before = path.read_bytes() if path.is_file() else (path / "index.json").read_bytes()
    assert actions(run(scene, path, "exported", sources)) == ["unchanged"] * 3
    assert (path.read_bytes() if path.is_file() else (path / "index.json").read_bytes()) == before

    imported = run(scene, path, "imported")
    assert actions(imported) == ["copied"] * 3
    assert imported["lock"][0]["source"] == sources[0]
    assert [scene.arrived(name) for name in made] == [image.digest for image in made.values()]
    again = run(scene, path, "imported")
    assert (again["changed"], actions(again)) == (False, ["unchanged"] * 3)


@by_form
def test_more_images_later(scene: Scene, tmp_path: Path, form: str) -> None:
    made = published(scene)
    sources = [scene.source(name) for name in made]
    run(scene, tmp_path / form, "exported", sources[:1])
    scene.upstream.asked()
    result = run(scene, tmp_path / form, "exported", sources)
    assert actions(result) == ["unchanged", "copied", "copied"]
    shared = list(next(iter(made.values())).blobs)[1:3]
    read = {entry.path.rpartition("/")[2] for entry in scene.upstream.asked() if entry.method == "GET" and "/blobs/" in entry.path}
    assert read
    assert not read & set(shared), "what the layout has is not read again"
    assert len(run(scene, tmp_path / form, "imported")["lock"]) == 3


@by_form
def test_a_tag_that_moved_is_replaced(scene: Scene, tmp_path: Path, form: str) -> None:
    scene.publish({"app:v1": images.multi("one" + scene.work, [b"layer"])})
    run(scene, tmp_path / form, "exported", [scene.source("app:v1")])
    moved = images.multi("two" + scene.work, [b"layer"])
    scene.publish({"app:v1": moved})
    assert actions(run(scene, tmp_path / form, "exported", [scene.source("app:v1")])) == ["copied"]
    run(scene, tmp_path / form, "imported")
    assert scene.arrived("app:v1") == moved.digest


@by_form
def test_one_failure_hides_no_other(scene: Scene, tmp_path: Path, form: str) -> None:
    made = published(scene, 2)
    fits = on("GET", "/app0/blobs/")
    with fault_proxy.before(scene.upstream.name, lambda request: Fault(mangle=True) if fits(request) else None) as proxy:
        sources = [scene.source(name, proxy.name) for name in made]
        with pytest.raises(_errors.FoundFailingError, match="1 of 2 images failed") as failure:
            run(scene, tmp_path / form, "exported", sources, [proxy.name])
    assert actions(dict(failure.value.result)) == ["failed", "copied"]
    assert [image["source"] for image in run(scene, tmp_path / form, "imported")["images"]] == sources[1:]


def test_a_tar_that_was_cut_is_finished(scene: Scene, tmp_path: Path) -> None:
    made = published(scene)
    sources = [scene.source(name) for name in made]
    whole, cut = tmp_path / "whole.tar", tmp_path / "cut.tar"
    run(scene, whole, "exported", sources)
    # What a run that is killed leaves: a part, ending in the middle of a blob.
    data = whole.read_bytes()
    (tmp_path / ".cut.tar.half").write_bytes(data[: len(data) * 2 // 3])
    scene.upstream.asked()
    run(scene, cut, "exported", sources)
    read = counts(scene.upstream.asked())["GET blobs"]
    assert 0 < read < len({key for image in made.values() for key in image.blobs})
    run(scene, cut, "imported")
    assert [scene.arrived(name) for name in made] == [image.digest for image in made.values()]
    assert not (tmp_path / ".cut.tar.half").exists()
    with tarfile.open(cut) as archive:
        names = archive.getnames()
    assert len(names) == len(set(names))


@by_form
def test_named_by_digest(scene: Scene, tmp_path: Path, form: str) -> None:
    image = images.multi(scene.work, [b"layer"])
    scene.publish({"app:v1": image})
    run(scene, tmp_path / form, "exported", [scene.source(f"app@{image.digest}")])
    assert actions(run(scene, tmp_path / form, "exported", [scene.source(f"app@{image.digest}")])) == ["unchanged"]
    (imported,) = run(scene, tmp_path / form, "imported")["images"]
    assert imported["digest"] == image.digest
    assert scene.arrived(f"app:digest-{image.digest.partition(':')[2]}") == image.digest


@by_form
def test_a_damaged_layout_is_found_out(scene: Scene, tmp_path: Path, form: str) -> None:
    layer = b"layer in which one byte changes"
    scene.publish({"app:v1": images.multi(scene.work, [layer])})
    path = tmp_path / form
    run(scene, path, "exported", [scene.source("app:v1")])
    damaged = path if path.is_file() else next(file for file in path.rglob("*") if file.is_file() and file.read_bytes() == layer)
    damaged.write_bytes(damaged.read_bytes().replace(layer, layer.upper()))
    with pytest.raises(_errors.FoundFailingError, match="has the digest"):
        run(scene, path, "imported")
    assert scene.arrived("app:v1") == ""


@pytest.mark.parametrize(
    ("index", "told"),
    [
        pytest.param("[]", "none of an OCI layout", id="another shape"),
        pytest.param("{", "none of an OCI layout", id="no JSON"),
        pytest.param(json.dumps({"manifests": [{"digest": "sha256:../../x"}]}), "no images", id="a path as digest"),
    ],
)
def test_a_directory_that_is_no_layout(scene: Scene, tmp_path: Path, index: str, told: str) -> None:
    (tmp_path / "index.json").write_text(index)
    if told == "no images":
        assert run(scene, tmp_path, "imported")["summary"] == told
        return
    with pytest.raises(_errors.BadInputError, match=told):
        run(scene, tmp_path, "imported")


def test_a_name_that_would_be_another_path(scene: Scene, tmp_path: Path) -> None:
    entry = {"digest": "sha256:../../../x", "annotations": {"org.opencontainers.image.ref.name": "quay.io/x/y:v1"}}
    (tmp_path / "index.json").write_text(json.dumps({"manifests": [entry]}))
    with pytest.raises(_errors.FoundFailingError, match="is no digest"):
        run(scene, tmp_path, "imported")


@pytest.mark.parametrize("content", [b"no tar", b"\x1f\x8b compressed", b""])
def test_a_file_that_is_no_tar(scene: Scene, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(_errors.BadInputError, match="is no tar"):
        run(scene, tmp_path / "x.tar", "imported")


def test_two_exports_to_one_tar(scene: Scene, tmp_path: Path) -> None:
    published(scene, 1)
    half = tmp_path / ".x.tar.half"
    with half.open("wb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(_errors.RegistryError, match="another run writes it now"):
            run(scene, tmp_path / "x.tar", "exported", [scene.source("small/app0:v1")])
    assert actions(run(scene, tmp_path / "x.tar", "exported", [scene.source("small/app0:v1")])) == ["copied"]


def test_nothing_to_import(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(_errors.BadInputError, match="Export the images first"):
        run(scene, tmp_path / "absent.tar", "imported")


def test_an_export_names_no_target(scene: Scene, tmp_path: Path) -> None:
    with pytest.raises(_errors.BadInputError, match="has the target"):
        run(scene, tmp_path / "x", "exported", [{"source": "quay.io/x/y:v1", "target": "z"}])


def test_referrers_travel_too(scene: Scene, tmp_path: Path) -> None:
    image, note = images.multi(scene.work, [b"layer"]), images.Image()
    subject = {"mediaType": images.OCI_INDEX, "digest": image.digest, "size": 1}
    note.manifest({"config": note.blob(b"{}", "application/vnd.oci.empty.v1+json"), "layers": [], "subject": subject}, images.OCI_MANIFEST)
    listing = json.dumps({"schemaVersion": 2, "manifests": [{"mediaType": images.OCI_MANIFEST, "digest": note.digest, "size": 9}]}).encode()
    scene.publish({"app:v1": image, "app": note})

    def decide(request: Request) -> Fault | None:
        return Fault(200, {"Content-Type": images.OCI_INDEX}, listing) if "/referrers/" in request.path else None

    with fault_proxy.before(scene.upstream.name, decide) as proxy:
        source = scene.source("app:v1", proxy.name)
        exported = run(scene, tmp_path / "x", "exported", [source], [proxy.name], referrers=True)
        assert len(exported["images"][0]["companions"]) == 1
        assert actions(run(scene, tmp_path / "x", "exported", [source], [proxy.name], referrers=True)) == ["unchanged"]
    imported = run(scene, tmp_path / "x", "imported", referrers=True)
    assert len(imported["images"][0]["companions"]) == 1
    assert note.digest in scene.harbor.blobs()
    assert actions(run(scene, tmp_path / "x", "imported", referrers=True)) == ["unchanged"]
