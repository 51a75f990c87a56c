# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module between stores in memory and real files; tests/integration/registry has real registries too."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import lock
from ansible_collections.podnet.cni.plugins.module_utils._registry import options
from ansible_collections.podnet.cni.plugins.modules import image_archive
from tests.support import images
from tests.support.calls import call_of
from tests.support.memory_store import Memory

NAME, PLACE = "r.x/a:v1", "h.x/p/r.x/a"
by_form = pytest.mark.parametrize("form", ["layout", "layout.tar"])


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """All registries in one, with one image."""
    store = Memory()
    store.add(NAME, images.multi("a", [b"layer"]))
    monkeypatch.setattr(options, "registries", lambda _params: store)
    return store


def run(path: Path, state: str, *names: t.Any, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    given = {"path": str(path), "state": state, "images": list(names), **more}
    destination = {"registry": "h.x", "project": "p"} if state == "imported" else {}
    return image_archive.act(call_of(image_archive.SPEC, {**given, **destination}, check_mode))


@by_form
def test_there_and_back(store: Memory, tmp_path: Path, form: str) -> None:
    exported = run(tmp_path / form, "exported", NAME)
    assert (exported["changed"], exported["lock"][0]["target"]) == (True, NAME)
    assert not run(tmp_path / form, "exported", NAME)["changed"]
    assert run(tmp_path / form, "imported")["summary"].startswith("1 copied")
    assert store.tags[PLACE, "v1"] == store.tags["r.x/a", "v1"]
    assert not run(tmp_path / form, "imported", NAME)["changed"]


def test_an_import_writes_the_lock_file(store: Memory, tmp_path: Path) -> None:
    """It is the one that image_mirror would write: rewriting and nodes go on from it where no upstream can be reached."""
    run(tmp_path / "layout", "exported", NAME)
    path = tmp_path / "images.lock.yml"
    more = {"lock_file": str(path), "overrides": {"r.x": "mine"}}
    assert run(tmp_path / "layout", "imported", check_mode=True, **more)["changed"] is True
    assert not path.exists()
    assert run(tmp_path / "layout", "imported", **more)["changed"] is True
    assert lock.parse(path.read_text()).entries == (lock.Entry(NAME, store.tags["r.x/a", "v1"], "h.x/mine/a:v1"),)
    assert run(tmp_path / "layout", "imported", **more)["changed"] is False


@by_form
@pytest.mark.usefixtures("store")
def test_check_mode_writes_no_file(tmp_path: Path, form: str) -> None:
    assert run(tmp_path / form, "exported", NAME, check_mode=True)["changed"]
    assert list(tmp_path.iterdir()) == []


@by_form
@pytest.mark.usefixtures("store")
def test_an_image_that_is_not_in_the_layout(tmp_path: Path, form: str) -> None:
    run(tmp_path / form, "exported", NAME)
    with pytest.raises(_errors.FoundFailingError, match=r"r\.x/b:v1: there is no such image"):
        run(tmp_path / form, "imported", "r.x/b:v1")


@pytest.mark.usefixtures("store")
def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(_errors.PodnetError, match="cannot be"):
        run(tmp_path / "file" / "layout", "exported", NAME)
