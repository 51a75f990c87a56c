# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The order of a copy and what becomes of failures, between stores in memory; tests/integration/registry has real registries."""

from __future__ import annotations

import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content, naming, targets
from ansible_collections.podnet.cni.plugins.module_utils._images.content import OCI_INDEX
from ansible_collections.podnet.cni.plugins.module_utils._registry import mirror
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import TransientError
from tests.support import images
from tests.support.images import Image
from tests.support.memory_store import Memory


def run(source: Memory, target: Memory, *names: str, **more: t.Any) -> tuple[mirror.Outcome, ...]:
    patience = Patience(attempts=3, first=0.001)
    return mirror.run(targets.plan(names, naming.make("h.x", "p")), source, target, mirror.Manner(patience=patience, workers=4, **more))


def multi(seed: str) -> Image:
    return images.multi(seed, [images.noise("shared", 5000)])


def fail_at(verb: str, name: str, times: int = 99, error: type[_errors.RegistryError] = _errors.RegistryError) -> t.Any:
    left = [times]

    def harm(said: str, where: str, _what: str) -> None:
        if said == verb and where == name and left[0]:
            left[0] -= 1
            raise error("it is broken", where)

    return harm


def test_another_image_s_source_has_the_blob_that_the_first_one_s_lacks() -> None:
    source, target = Memory(), Memory()
    names = [source.add(f"r.x/{name}:v1", multi(name)) for name in ("a", "b", "c")]
    source.harm = fail_at("read", "r.x/a")
    outcomes = run(source, target, *names)
    assert [outcome.action for outcome in outcomes] == ["failed", "copied", "copied"]
    shared = content.digest_of(images.noise("shared", 5000))
    assert len([what for _, what in target.asked("upload") if what == shared]) == 1


def test_another_image_s_source_has_the_manifest_that_the_first_one_s_lacks() -> None:
    source, target, same = Memory(), Memory(), multi("same")
    names = [source.add(f"r.x/{name}:v1", same) for name in ("a", "b")]
    source.harm = fail_at("manifest", "r.x/a")
    assert [outcome.action for outcome in run(source, target, *names)] == ["failed", "copied"]


def test_the_same_image_under_two_names_is_read_once() -> None:
    source, target, same = Memory(), Memory(), multi("same")
    outcomes = run(source, target, *[source.add(f"r.x/{name}:v1", same) for name in ("a", "b")])
    assert [outcome.action for outcome in outcomes] == ["copied", "copied"]
    for verb in ("manifest", "read"):
        asked = [what for _, what in source.asked(verb)]
        assert len(asked) == len(set(asked))


def test_a_transfer_that_breaks_begins_anew_unless_it_arrived() -> None:
    source, target = Memory(), Memory()
    name = source.add("r.x/a:v1", multi("a"))
    target.harm = fail_at("upload", "h.x/p/r.x/a", 2, TransientError)
    assert run(source, target, name)[0].action == "copied"
    target.harm = fail_at("upload", "h.x/p/r.x/b", 99, TransientError)
    (outcome,) = run(source, target, source.add("r.x/b:v1", multi("b")))
    assert (outcome.action, outcome.error) == ("failed", "r.x/b:v1: h.x/p/r.x/b: it is broken.")
    assert ("h.x/p/r.x/b", "v1") not in target.asked("put")


@pytest.mark.parametrize("verb", ["begin", "mount", "put", "resolve"])
def test_a_target_that_fails_for_one_fails_that_one(verb: str) -> None:
    source, target = Memory(), Memory()
    names = [source.add(f"r.x/{name}:v1", multi(name)) for name in ("a", "b", "c")]
    target.harm = fail_at(verb, "h.x/p/r.x/b")
    expected = ["copied", "failed", "copied"]
    # Nobody looks for a blob in the second repository: it is to be mounted from the first.
    assert [outcome.action for outcome in run(source, target, *names)] == expected


def test_deep_indexes_and_sha512() -> None:
    source, target, image = Memory(), Memory(), Image()
    below = images.single(image, "deep", [b"layer"])
    config = image.blob(b"{}", "application/json", "sha512")
    below = image.manifest({"config": config, "layers": [], "manifests": [below]}, OCI_INDEX)
    for _ in range(20):
        below = image.manifest({"manifests": [below]}, OCI_INDEX)
    (outcome,) = run(source, target, source.add("r.x/a:v1", image))
    assert outcome.error == ""
    assert target.tags["h.x/p/r.x/a", "v1"] == image.digest
    assert config["digest"] in {digest for _, digest in target.blobs}


def test_an_index_without_end_is_refused() -> None:
    source, target, image = Memory(), Memory(), Image()
    below = images.single(image, "deep", [b"layer"])
    for number in range(600):
        below = image.manifest({"manifests": [below], "annotations": {"n": str(number)}}, OCI_INDEX)
    (outcome,) = run(source, target, source.add("r.x/a:v1", image))
    assert "more than 500 manifests" in outcome.error
    assert target.asked("put") == []


def test_check_mode_asks_both_sides_and_no_more() -> None:
    source, target = Memory(), Memory()
    names = [source.add("r.x/a:v1", multi("a"))]
    names.append("r.x/a@" + source.tags["r.x/a", "v1"])
    outcomes = run(source, target, *names, check_mode=True)
    assert [outcome.action for outcome in outcomes] == ["would copy", "would copy"]
    assert {verb for verb, _, _ in source.log + target.log} == {"resolve"}
    assert len(source.log) == 2


def test_progress_ends_complete() -> None:
    source, target = Memory(), Memory()
    names = [source.add(f"r.x/{name}:v1", multi(name)) for name in "abc"]
    target.harm = fail_at("put", "h.x/p/r.x/b")
    seen: list[tuple[int, int]] = []
    copies = targets.plan([*names, "r.x/absent:v1"], naming.make("h.x", "p"))
    manner = mirror.Manner(mirror.Wishes(signatures=True), 2)
    last: list[mirror.Progress] = []

    def tell(progress: mirror.Progress) -> None:
        seen.append((progress.images_done, progress.bytes_sent))
        last[:] = [progress]

    mirror.run(copies, source, target, manner, tell)
    assert seen == sorted(seen)
    assert (last[0].images_done, last[0].images) == (4, 4)
    assert last[0].bytes_sent == last[0].bytes_to_send > 0
