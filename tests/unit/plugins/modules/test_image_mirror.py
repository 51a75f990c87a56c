# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module between stores in memory; tests/integration/registry has real registries and real plays."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import lock
from ansible_collections.podnet.cni.plugins.module_utils._registry import options
from ansible_collections.podnet.cni.plugins.modules import image_mirror
from tests.support import images
from tests.support.calls import call_of
from tests.support.memory_store import Memory

NAME, PLACE = "r.x/a:v1", "h.x/p/r.x/a"


@pytest.fixture(name="store")
def _store(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """All registries in one, with one image."""
    store = Memory()
    store.add(NAME, images.multi("a", [b"layer"]))
    monkeypatch.setattr(options, "registries", lambda _params: store)
    return store


def run(*names: t.Any, check_mode: bool = False, **more: t.Any) -> dict[str, t.Any]:
    given = {"images": list(names), "registry": "h.x", "project": "p", **more}
    return image_mirror.act(call_of(image_mirror.SPEC, given, check_mode))


def test_an_image_is_copied_once(store: Memory) -> None:
    digest = store.tags["r.x/a", "v1"]
    first, again = run(NAME), run(NAME)
    assert (first["changed"], again["changed"]) == (True, False)
    assert store.tags[PLACE, "v1"] == digest
    assert first["lock"] == again["lock"] == [{"source": NAME, "digest": digest, "target": f"{PLACE}:v1"}]
    assert first["diff"] == {"before": "", "after": f"{PLACE}:v1 {digest}\n"}
    assert again["diff"] == {"before": "", "after": ""}


def test_check_mode_foretells_it(store: Memory) -> None:
    foretold = run(NAME, check_mode=True)
    assert (foretold["changed"], foretold["summary"]) == (True, "1 would copy")
    assert (PLACE, "v1") not in store.tags
    assert foretold["diff"] == run(NAME)["diff"]


def test_a_lock_file(store: Memory, tmp_path: Path) -> None:
    path = tmp_path / "images" / "lock.yml"
    assert run(NAME, lock_file=str(path), check_mode=True)["changed"] is True
    assert not path.exists()
    assert run(NAME, lock_file=str(path))["changed"] is True
    written = lock.parse(path.read_text())
    assert written.entries == (lock.Entry(NAME, store.tags["r.x/a", "v1"], f"{PLACE}:v1"),)
    assert run(NAME, lock_file=str(path))["changed"] is False
    path.write_text("old")
    assert run(NAME, lock_file=str(path), check_mode=True)["changed"] is True, "the copy is there, and the file is another"
    with pytest.raises(_errors.FoundFailingError):
        run(NAME, "r.x/absent:v1", lock_file=str(path))
    assert path.read_text() == "old"


@pytest.mark.usefixtures("store")
def test_a_lock_file_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(_errors.BadInputError, match=r"lock_file .*cannot be written"):
        run(NAME, lock_file=str(tmp_path / "file" / "lock.yml"))


def test_other_places_for_some_copies(store: Memory) -> None:
    assert run(NAME, overrides={"r.x": "mine"})["lock"][0]["target"] == "h.x/mine/a:v1"
    assert ("h.x/mine/a", "v1") in store.tags


@pytest.mark.usefixtures("store")
def test_what_failed_is_told_beside_what_did_not() -> None:
    with pytest.raises(_errors.FoundFailingError, match=r"1 of 2 images failed\. r\.x/absent:v1: there is no such image") as failure:
        run(NAME, "r.x/absent:v1")
    assert [image["action"] for image in failure.value.result["images"]] == ["copied", "failed"]


def test_nothing_is_asked_for_what_cannot_be_meant(store: Memory) -> None:
    with pytest.raises(_errors.BadInputError, match="would both be"):
        run({"source": NAME, "target": "p/x:v1"}, {"source": "r.x/b:v1", "target": "p/x:v1"})
    assert store.log == []
