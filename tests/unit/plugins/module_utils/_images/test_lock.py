# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import itertools

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import lock
from ansible_collections.podnet.cni.plugins.module_utils._images.lock import Entry

A, B = "sha256:" + "aa" * 32, "sha256:" + "bb" * 32
ONE = Entry("quay.io/calico/node:v3", A, "h.x/p/quay.io/calico/node:v3")
TWO = Entry("docker.io/library/busybox:latest", B, "h.x/p/docker.io/library/busybox:latest")
THREE = Entry(f"quay.io/a/b@{B}", B, f"h.x/p/quay.io/a/b@{B}")

TEXT = f"""\
---
version: 1
images:
  - source: docker.io/library/busybox:latest
    digest: {B}
    target: h.x/p/docker.io/library/busybox:latest
  - source: quay.io/calico/node:v3
    digest: {A}
    target: h.x/p/quay.io/calico/node:v3
"""


@pytest.mark.parametrize("order", list(itertools.permutations([ONE, TWO])))
def test_the_text_does_not_depend_on_the_order(order: tuple[Entry, ...]) -> None:
    assert lock.dump(lock.make(order)) == TEXT


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("entries", [(), (ONE,), (ONE, TWO, THREE, ONE)], ids=["none", "one", "three"])
def test_there_and_back(entries: tuple[Entry, ...], as_json: bool) -> None:
    made = lock.make(entries)
    text = lock.dump(made, as_json)
    assert lock.parse(text) == made
    assert lock.dump(lock.parse(text), as_json) == text


def test_entries_are_found_by_full_names() -> None:
    made = lock.make([Entry("busybox", B, TWO.target), ONE])
    assert made.of_source("docker.io/library/busybox:latest") == TWO
    assert made.of_target(ONE.target) == ONE
    assert made.of_source("busybox") is None
    assert made.of_target("busybox") is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "it has no version"),
        ("[]", "it has no version"),
        ("images: []", "it has no version"),
        ("version: 1\n---\nversion: 1\n", "it has no version"),
        ("version: 2\nimages: []", "has the version 2, and 1 is known"),
        ("version: '1'\nimages: []", "has the version '1'"),
        ("version: 1", "has version and images"),
        ("version: 1\nimages: {}", "has version and images"),
        ("version: 1\nimages: []\nmore: 1", "nothing else"),
        ("version: 1\nversion: 1\nimages: []", "'version' is there twice"),
        ("version: 1\nimages: [x]", "images.lock, image 1: an image has source, digest, target"),
        (f"version: 1\nimages: [{{source: x, digest: '{A}'}}]", "an image has source, digest, target"),
        ("version: 1\nimages: [{source: x, digest: 1, target: y}]", "each a text"),
        (f"version: 1\nimages: [{{source: X, digest: '{A}', target: y}}]", "'X' is no reference"),
        ("version: 1\nimages: [{source: x, digest: 'sha256:1', target: y}]", "'sha256:1' is no digest"),
        (f"version: 1\nimages: [{{source: 'x@{A}', digest: '{B}', target: y}}]", "names another digest"),
        ("\tx", "this is no YAML"),
        ("version: 2001-99-99", "a value in it cannot be read"),
        ('{\n\t"version": 1,\n\t"images": 5}', "has version and images"),
    ],
)
def test_a_bad_file(text: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError) as caught:
        lock.parse(text, "images.lock")
    assert words in str(caught.value)
    assert str(caught.value).startswith("images.lock")


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (Entry(ONE.source, B, "h.x/p/z:1"), f"two entries have the source {ONE.source}"),
        (Entry("z:1", B, ONE.target), f"two entries have the target {ONE.target}"),
    ],
)
def test_two_that_contradict_each_other(other: Entry, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words):
        lock.make([ONE, other])
