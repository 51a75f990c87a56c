# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of manifests, and the line of each of their fields."""

from __future__ import annotations

import json

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._control.objects import Manifests
from ansible_collections.podnet.cni.plugins.module_utils._control.sources import Manifest
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Finding, Place

LIST = """\
kind: List
items:
  - kind: NetworkPolicy
    metadata: {name: a, namespace: x}
    spec: {podSelector: {}}
  - kind: Pod
    metadata: {name: b, namespace: x}
  - kind: NetworkPolicy
    metadata:
      namespace: x
      name: b
    spec:
      ingress:
        - port: []
"""


def read(*texts: str) -> Manifests:
    return Manifests([Manifest(f"{number}.yaml", text, f"{number}.yaml") for number, text in enumerate(texts, start=1)])


def line(manifests: Manifests, place: Place, field: str) -> int:
    return manifests.located(Finding("any", "warning", place, field, "is so")).place.line


def test_documents_know_where_they_are() -> None:
    found = read("kind: A\n---\n---\n# c\nkind: B\n", '{"kind": "C"}', "").documents
    assert [(one.object, one.file, one.number, one.line) for one in found] == [
        ({"kind": "A"}, "1.yaml", 1, 1),
        (None, "1.yaml", 2, 3),
        ({"kind": "B"}, "1.yaml", 3, 5),
        ({"kind": "C"}, "2.yaml", 1, 1),
    ]


def test_a_field_s_line() -> None:
    manifests = read("kind: A\n---\nkind: NetworkPolicy\nmetadata: {name: a}\nspec:\n  ingress:\n    - port: []\n")
    place = Place("NetworkPolicy", "default", "a", "1.yaml", 2, 3)
    assert line(manifests, place, "spec.ingress[0].port") == 7
    assert line(manifests, place, "spec.egress") == 5
    assert line(manifests, Place("NetworkPolicy", "default", "a"), "spec") == 0


@pytest.mark.parametrize("text", [LIST, LIST.replace("    metadata: {name: a, namespace: x}\n", "    metadata: {name: a}\n")])
def test_a_field_s_line_in_a_list(text: str) -> None:
    manifests = read(text)
    assert line(manifests, Place("NetworkPolicy", "x", "a", "1.yaml", 1), "spec.podSelector") == 5
    assert line(manifests, Place("NetworkPolicy", "x", "b", "1.yaml", 1), "spec.ingress[0].port") == 14
    assert line(manifests, Place("NetworkPolicy", "x", "b", "1.yaml", 1), "") == 8


def test_a_field_s_line_in_json() -> None:
    text = json.dumps({"kind": "PodList", "items": [{"metadata": {"name": "a", "namespace": "x"}, "spec": {"nodeName": "n"}}]}, indent=1)
    assert line(read(text), Place("Pod", "x", "a", "1.yaml", 1), "spec.nodeName") == text[: text.index("nodeName")].count("\n") + 1


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(_errors.BadInputError, match=r"^1\.yaml, document 1, line 2: the key 'kind' is there twice"):
        read('{"kind": "A",\n"kind": "B"}')
