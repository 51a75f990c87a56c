# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects of the API from manifests, and the line on which each of their fields is written.

Private: may change at any time.
"""

from __future__ import annotations

import collections
import dataclasses
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._control import sources
from ansible_collections.podnet.cni.plugins.module_utils._images import documents
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Document, Finding, Place


class Manifests:
    """What the manifests hold. ``documents`` are in the order of the texts, empty ones included."""

    def __init__(self, read: t.Sequence[sources.Manifest]) -> None:
        self._texts = {item.label: item.text for item in read}
        self._listed: t.Dict[t.Tuple[str, int], t.Dict[str, t.List[documents.Node]]] = {}
        self._roots: t.Dict[t.Tuple[str, int], documents.Node] = {}
        self.documents = [document for item in read for document in self._read(item.label, item.text)]

    def _read(self, label: str, text: str) -> t.Iterator[Document]:
        known = _json(text)
        if known is not None:
            # Of a cluster's JSON, which is large, lines are counted only where something is to be said about it.
            yield Document(known, label, 1, 1)
            return
        for document in documents.compose(text, label):
            self._roots[label, document.number] = document.root
            yield Document(documents.data(document.root), label, document.number, documents.target(document.root).line)

    def located(self, finding: Finding) -> Finding:
        """The finding with the line of its field instead of its document's, or with as near a line as there is."""
        place = finding.place
        if not place.file:
            return finding
        if "\n" not in self._texts[place.file].strip():
            return dataclasses.replace(finding, place=dataclasses.replace(place, line=1))
        line = documents.line_of(self._home(place), finding.field)
        return dataclasses.replace(finding, place=dataclasses.replace(place, line=line))

    def _home(self, place: Place) -> documents.Node:
        """The object itself, where the document is a list of objects."""
        root = self._root(place.file, place.document)
        key = place.file, place.document
        if key not in self._listed:
            self._listed[key] = collections.defaultdict(list)
            for item in _items(root):
                self._listed[key][_text(item, "metadata", "name")].append(item)
        return next((item for item in self._listed[key].get(place.name, ()) if _is(item, place)), root)

    def _root(self, label: str, number: int) -> documents.Node:
        if (label, number) not in self._roots:
            for document in documents.compose(self._texts[label], label):
                self._roots[label, document.number] = document.root
        return self._roots[label, number]


def _items(root: documents.Node) -> t.Sequence[documents.Node]:
    """The objects of a list; none, if it is an object itself."""
    node = _field(root, "items")
    return node.children if isinstance(node, documents.Collection) and not node.is_mapping else ()


def _is(item: documents.Node, place: Place) -> bool:
    """Whether an object of that name is the one. Items of a list of one kind need not have it, nor a namespace."""
    return _text(item, "kind") in ("", place.kind) and _text(item, "metadata", "namespace") in ("", place.namespace)


def _text(node: documents.Node, *path: str) -> str:
    found: t.Optional[documents.Node] = node
    for name in path:
        found = _field(found, name) if found is not None else None
    return found.value if isinstance(found, documents.Scalar) else ""


def _field(node: documents.Node, name: str) -> t.Union[documents.Scalar, documents.Collection, None]:
    return next((documents.target(value) for key, value in _entries(node) if key == name), None)


def _entries(node: documents.Node) -> t.Iterable[t.Tuple[str, documents.Node]]:
    found = documents.target(node)
    return documents.entries(found) if isinstance(found, documents.Collection) and found.is_mapping else ()


def _json(text: str) -> t.Any:
    """The data of a text that is JSON and has no key twice in an object; None for any other, of which the reader of YAML tells more."""
    if text.lstrip()[:1] not in ("{", "["):
        return None
    try:
        return json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        return None


def _unique(pairs: t.Sequence[t.Tuple[str, t.Any]]) -> t.Dict[str, t.Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found
