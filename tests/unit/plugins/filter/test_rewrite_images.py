# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.podnet.cni.plugins.filter.rewrite_images import rewrite_images

DIGEST = "sha256:" + "ab" * 32
LOCK = f"version: 1\nimages: [{{source: 'q.io/a:1', digest: '{DIGEST}', target: 'h.x/p/q.io/a:1'}}]\n"
TEXT = "kind: Pod\nspec: {containers: [{image: q.io/a:1}]} # c\n"
THING = "kind: Thing\nspec: {image: q.io/a:1}\n"


@pytest.mark.parametrize(
    ("text", "options", "target"),
    [
        (TEXT, {}, "h.x/p/q.io/a:1"),
        (TEXT, {"overrides": {"q.io": "q"}}, "h.x/q/a:1"),
        (TEXT, {"lock": LOCK}, f"h.x/p/q.io/a:1@{DIGEST}"),
        (THING, {}, "q.io/a:1"),
        (THING, {"rules": [{"kind": "Thing", "path": "spec.image"}]}, "h.x/p/q.io/a:1"),
        ("kind: ConfigMap\ndata: {x: 'q.io/a:1'}", {"also": ["config_maps"]}, "h.x/p/q.io/a:1"),
    ],
)
def test_texts(text: str, options: dict[str, t.Any], target: str) -> None:
    assert rewrite_images(text, "h.x", "p", **options) == text.replace("q.io/a:1", target)


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("\tx", {}, "document 1, line 1: this is no YAML"),
        (TEXT, {"also": ["x"]}, "x: unknown"),
        (TEXT, {"rules": [{"kind": "Thing"}]}, "a rule has a kind, a path"),
        (TEXT, {"lock": "x"}, "this is no lock file"),
        (TEXT, {"overrides": {"q": "x"}}, "is no host of a registry"),
    ],
)
def test_errors_are_those_of_a_filter(text: str, options: dict[str, t.Any], words: str) -> None:
    with pytest.raises(AnsibleFilterError, match=words):
        rewrite_images(text, "h.x", "p", **options)
