# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finds the images of a YAML or JSON text: where each is written, and what looks like one but stands where none is known to be.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import documents, places, reference, spelling
from ansible_collections.podnet.cni.plugins.module_utils._images.documents import Alias, Collection, Document, Node, Scalar
from ansible_collections.podnet.cni.plugins.module_utils._images.places import Path, Place, Wanted
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference

#: What a place's ``via`` says beside the names in places.py.
ALIAS, IMPLIED, INSTALLATION = "alias", "implied", "installation"

UNKNOWN_PLACE = "no place where images are known to be"
TEMPLATE = "a template, which has to be rendered first"
NO_TEXT = "no text"
SPELLED = "it is folded or otherwise written so that it cannot be replaced"
NO_REGISTRY = "the operator takes its own registry, and there is no registry in spec"

#: An Installation that says so has the operator's own registry.
_USE_DEFAULT = "UseDefault"
_TEMPLATE = re.compile(r"\{\{|\$\{|\$\(")
#: A name that hardly anything but an image has: a host, and a tag or a digest.
_CERTAIN = re.compile(
    r"(?<![\w./@:-])(?:[\w-]+(?:\.[\w-]+)+(?::\d+)?|localhost(?::\d+)?|[\w-]+:\d+)/[a-z0-9._/-]+"
    r"(?:(?::[\w.-]+)?@[a-z0-9]+:[0-9a-f]{32,}|:[\w.-]+)(?![\w/:@])",
    re.ASCII,
)
#: Without a host: calico/node:v3.25.0, and any digest.
_LIKELY = re.compile(r"[a-z0-9._-]+(?:/[a-z0-9._-]+)+:v?\d+\.[\w.-]*|[a-z0-9._/:-]+@sha256:[0-9a-f]{64}", re.ASCII)
_NAMED_IMAGE = ("image", "images")
_FLAG = re.compile(r"--?[\w.-]*image=", re.ASCII | re.IGNORECASE)
_NULLS = ("~", "null", "Null", "NULL")
#: Texts in texts in texts: a manifest in a ConfigMap in a manifest.
_DEEPEST = 4


@dataclasses.dataclass(frozen=True)
class Where:
    """A place: the document's number and the line, both from 1, the path in it, and why it counts (``pod``, ``rule``, ``alias``, ...)."""

    document: int
    path: str
    line: int
    via: str


@dataclasses.dataclass(frozen=True)
class Image:
    """An image as it is written at ``text[start:end]``. One that is only implied is written nowhere: both are 0."""

    source: Reference
    start: int
    end: int
    places: t.Tuple[Where, ...]

    @property
    def is_written(self) -> bool:
        return self.end > self.start


@dataclasses.dataclass(frozen=True)
class Registry:
    """A Tigera Installation's registry, to which the operator puts paths. An empty ``source`` is the operator's own.

    Where there is none, ``before`` and ``after`` are what a new one needs around it.
    """

    source: str
    start: int
    end: int
    place: Where
    before: str = ""
    after: str = ""


@dataclasses.dataclass(frozen=True)
class LeftAlone:
    """What looks like an image, is none that can be replaced, and why."""

    value: str
    reason: str
    document: int
    path: str
    line: int


@dataclasses.dataclass(frozen=True)
class Findings:
    """In the order of the text."""

    images: t.Tuple[Image, ...] = ()
    registries: t.Tuple[Registry, ...] = ()
    left_alone: t.Tuple[LeftAlone, ...] = ()


def find(text: str, wanted: Wanted, where: str = "") -> Findings:
    """All images of the text. Raises BadInputError, with document and line, for what is no YAML."""
    return _find(text, wanted, where, 0)


def _find(text: str, wanted: Wanted, where: str, depth: int) -> Findings:
    images: t.List[Image] = []
    registries: t.List[Registry] = []
    left: t.List[LeftAlone] = []
    has_operator = places.OPERATOR_INIT in text
    # One document at a time: Python's garbage collector takes longer over many living nodes than their making does.
    for document in documents.compose(text, where):
        search = _Search(text, document, wanted, depth, has_operator).run()
        images += search.images()
        registries += search.registries
        left += sorted(search.left, key=lambda item: item.line)
    return Findings(tuple(images), tuple(registries), tuple(left))


class _Search:
    """The search of one document. Inside a text (``depth`` > 0) whatever looks like an image is one: the text was opted in."""

    def __init__(self, text: str, document: Document, wanted: Wanted, depth: int, has_operator: bool) -> None:
        self.text = text
        self.document = document
        self.wanted = wanted
        self.depth = depth
        self.has_operator = has_operator
        self.left: t.List[LeftAlone] = []
        self.registries: t.List[Registry] = []
        self._images: t.Dict[t.Tuple[int, int], t.Tuple[Reference, t.List[Where]]] = {}
        self._implied: t.List[Image] = []
        #: Nodes in places of images, scalars that are images, collections that have none.
        self._judged: t.Set[int] = set()
        self._whole: t.Dict[int, t.Tuple[int, int]] = {}
        self._closed: t.Set[int] = set()

    def run(self) -> _Search:
        for item in places.items(self.document.root):
            if item.has_no_images:
                self._closed.add(id(item.node))
                continue
            for place in places.images(item, self.wanted):
                self._image(place)
            if self.wanted.also:
                for place in places.texts(item, self.wanted):
                    self._text(place)
            self._operator(item)
        self._rest()
        return self

    def images(self) -> t.List[Image]:
        written = [Image(source, start, end, tuple(where)) for (start, end), (source, where) in self._images.items()]
        return sorted(written, key=lambda image: image.start) + self._implied

    # --- Known places ---

    def _image(self, place: Place) -> None:
        node = documents.target(place.node)
        if place.via == places.RULE and id(place.node) in self._judged:
            return
        self._judged.add(id(place.node))
        reason = _problem(self.text, node)
        if reason:
            self._leave(_shown(self.text, node), reason, place.path, place.node.line)
        elif isinstance(node, Scalar) and not _is_nothing(node):
            self._replaceable(node, place, 0, len(node.value))

    def _replaceable(self, scalar: Scalar, place: Place, first: int, last: int) -> None:
        """Notes the image that is this part of the value."""
        at = spelling.positions(self.text, scalar)
        name = scalar.value[first:last]
        if at is None:
            self._leave(name, SPELLED, place.path, place.node.line)
            return
        span = (at[first], at[last])
        self._note(span, _parsed(name), self._where(place.path, place.node.line, place.via))
        if last - first == len(scalar.value):
            self._whole[id(scalar)] = span

    def _note(self, span: t.Tuple[int, int], source: Reference, where: Where) -> None:
        self._images.setdefault(span, (source, []))[1].append(where)

    def _text(self, place: Place) -> None:
        """A text that may be an image, an option with one, or YAML or JSON with many."""
        node = documents.target(place.node)
        if id(place.node) in self._judged or not isinstance(node, Scalar) or not documents.is_string(node):
            return
        flag = _FLAG.match(node.value)
        first = flag.end() if flag else 0
        value = node.value[first:]
        if _looks_like_image(value, place.is_named_image or bool(flag)):
            self._judged.add(id(place.node))
            self._replaceable(node, place, first, len(node.value))
        elif self.depth < _DEEPEST and ("\n" in value or ": " in value or value[:1] in ("{", "[")):
            self._inner_text(node, place)

    def _inner_text(self, node: Scalar, place: Place) -> None:
        try:
            inner = _find(node.value, self.wanted, "", self.depth + 1)
        except _errors.BadInputError:
            # It is another language; what looks like an image in it is reported.
            return
        at = spelling.positions(self.text, node)
        if at is None:
            return
        self._judged.add(id(place.node))
        for image in inner.images:
            for where in image.places:
                span = (at[image.start], at[image.end]) if image.is_written else (0, 0)
                self._inner_image(span, image.source, self._inner_where(node, place, where.path, where.line, where.via))
        for left in inner.left_alone:
            where = self._inner_where(node, place, left.path, left.line)
            self.left.append(LeftAlone(left.value, left.reason, where.document, where.path, where.line))
        for registry in inner.registries:
            where = self._inner_where(node, place, registry.place.path, registry.place.line)
            self.left.append(LeftAlone(registry.source, "an Installation inside a text", where.document, where.path, where.line))

    def _inner_image(self, span: t.Tuple[int, int], source: Reference, where: Where) -> None:
        if span == (0, 0):
            self._implied.append(Image(source, 0, 0, (where,)))
        else:
            self._note(span, source, where)

    def _inner_where(self, node: Scalar, place: Place, path: str, line: int, via: str = "") -> Where:
        outer = node.line + (line if node.style in ("|", ">") else 0)
        why = via if via in (ALIAS, IMPLIED) else place.via
        return Where(self.document.number, f"{places.spell(place.path)}: {path}", outer, why)

    # --- Tigera's operator ---

    def _operator(self, item: places.Item) -> None:
        init = places.operator_init(item) if self.has_operator else None
        if init and reference.is_reference(init.image.value):
            own = reference.parse(init.image.value)
            if reference.is_reference(f"{own.name}:{init.version.value}"):
                where = self._where(init.path, init.version.line, IMPLIED)
                self._implied.append(Image(Reference(own.host, own.path, init.version.value), 0, 0, (where,)))
        found = places.installation(item)
        if found:
            self._installation(*found)

    def _installation(self, spec: Collection, path: Path) -> None:
        fields = dict(documents.entries(spec))
        if "registry" not in fields:
            self._new_registry(spec, path)
            return
        node = documents.target(fields["registry"])
        reason, at = self._registry_problem(node)
        if at is None or not isinstance(node, Scalar):
            self._leave(_shown(self.text, node), reason, (path, "registry"), node.line)
            return
        self._judged.add(id(fields["registry"]))
        source = "" if node.value == _USE_DEFAULT else node.value
        self.registries.append(Registry(source, at[0], at[-1], self._where((path, "registry"), node.line, INSTALLATION)))

    def _registry_problem(self, node: t.Union[Scalar, Collection]) -> t.Tuple[str, t.Optional[t.Sequence[int]]]:
        """Why the value cannot be replaced, or where its characters are."""
        if isinstance(node, Collection) or not node.value or not documents.is_string(node):
            return NO_TEXT, None
        return (TEMPLATE, None) if _TEMPLATE.search(node.value) else (SPELLED, spelling.positions(self.text, node))

    def _new_registry(self, spec: Collection, path: Path) -> None:
        if not spec.children or isinstance(spec.children[0], Alias):
            self._leave("", NO_REGISTRY, path, spec.line)
            return
        start, where = spec.children[0].start, self._where((path, "registry"), spec.children[0].line, INSTALLATION)
        if spec.is_flow:
            self.registries.append(Registry("", start, start, where, '"registry": "', '", '))
            return
        line_start = self.text.rfind("\n", 0, start) + 1
        newline = "\r\n" if self.text.endswith("\r\n", 0, line_start) else "\n"
        indentation = self.text[line_start:start]
        if indentation.strip(" "):
            # Such as "? key", where a key cannot go before.
            self._leave("", NO_REGISTRY, path, spec.line)
            return
        self.registries.append(Registry("", start, start, where, "registry: ", newline + indentation))

    # --- All other scalars ---

    def _rest(self) -> None:
        """Whatever looks like an image elsewhere. Each node is looked at once, however many aliases lead to it."""
        waiting: t.List[t.Tuple[Node, Path, bool]] = [(self.document.root, None, False)]
        while waiting:
            node, path, named = waiting.pop()
            if isinstance(node, Collection):
                if id(node) not in self._closed:
                    waiting += _worth_a_look(node, path, named, self._whole)
            elif id(node) not in self._judged:
                self._elsewhere(node, path, named)

    def _elsewhere(self, node: t.Union[Scalar, Alias], path: Path, named: bool) -> None:
        scalar = documents.target(node)
        if isinstance(scalar, Collection):
            return
        span = self._whole.get(id(scalar))
        if span is not None:
            # The text of an anchor that is an image elsewhere: it changes here as well.
            self._images[span][1].append(self._where(path, node.line, ALIAS))
        elif isinstance(node, Scalar) and self.depth:
            self._text_or_report(node, path, named)
        elif isinstance(node, Scalar):
            self._report(node, path, named)

    def _text_or_report(self, node: Scalar, path: Path, named: bool) -> None:
        before = len(self._images)
        self._text(Place(node, path, "text", named))
        if len(self._images) == before and id(node) not in self._judged:
            self._report(node, path, named)

    def _report(self, node: Scalar, path: Path, named: bool) -> None:
        value = node.value
        if named and _looks_like_image(value, named) and documents.is_string(node):
            self._leave(value, UNKNOWN_PLACE, path, node.line)
            return
        if _LIKELY.fullmatch(value) and reference.is_reference(value):
            self._leave(value, UNKNOWN_PLACE, path, node.line)
            return
        for name in dict.fromkeys(found.group() for found in _CERTAIN.finditer(value)):
            if reference.is_reference(name):
                offset = value.count("\n", 0, value.index(name)) + 1 if node.style in ("|", ">") else 0
                self._leave(name, UNKNOWN_PLACE, path, node.line + offset)

    # --- Words ---

    def _where(self, path: Path, line: int, via: str) -> Where:
        return Where(self.document.number, places.spell(path), line, via)

    def _leave(self, value: str, reason: str, path: Path, line: int) -> None:
        self.left.append(LeftAlone(value, reason, self.document.number, places.spell(path), line))


def _worth_a_look(collection: Collection, path: Path, named: bool, whole: t.Container[int]) -> t.Iterator[t.Tuple[Node, Path, bool]]:
    """The nodes below, and whether they are called an image. Most scalars by far are left out: only what is called an image can be one
    without a tag or a digest."""
    if not collection.is_mapping:
        for at, child in enumerate(collection.children):
            if named or not isinstance(child, Scalar) or ":" in child.value or id(child) in whole:
                yield child, (path, at), named
        return
    variable = ""
    for key, value in documents.pairs(collection):
        name = _name(key)
        if name == "name":
            variable = _name(value)
        # An environment variable such as {name: RELATED_IMAGE_X, value: ...}, or a key such as sidecarImage.
        is_image = places.is_variable_of_image(variable, _name(value)) if name == "value" else name.lower().endswith(_NAMED_IMAGE)
        if is_image or not isinstance(value, Scalar) or ":" in value.value or id(value) in whole:
            yield value, (path, name), is_image


def _name(key: Node) -> str:
    if isinstance(key, Alias):
        key = key.node
    return key.value if isinstance(key, Scalar) else "?"


def _looks_like_image(value: str, is_named_image: bool) -> bool:
    """What is called an image is one when it can be; anything else when hardly anything but an image has such a name."""
    if not reference.is_reference(value):
        return False
    return is_named_image or bool(_CERTAIN.fullmatch(value) or "@" in value)


def _problem(text: str, node: t.Union[Scalar, Collection]) -> str:
    """Why what stands in the place of an image cannot be replaced; empty when it can, or is nothing."""
    if _TEMPLATE.match(_shown(text, node)) or (isinstance(node, Scalar) and _TEMPLATE.search(node.value)):
        return TEMPLATE
    if isinstance(node, Collection):
        return NO_TEXT
    if _is_nothing(node):
        return ""
    if not documents.is_string(node):
        return NO_TEXT
    try:
        _parsed(node.value)
    except _errors.BadInputError as error:
        return error.what
    return ""


def _is_nothing(scalar: Scalar) -> bool:
    return not scalar.value or (scalar.value in _NULLS and not documents.is_string(scalar))


@functools.lru_cache(maxsize=256)
def _parsed(name: str) -> Reference:
    """The same few images stand in many places, and each is looked at more than once."""
    return reference.parse(name)


def _shown(text: str, node: t.Union[Scalar, Collection]) -> str:
    """The value, or the first line of a collection's text."""
    return node.value if isinstance(node, Scalar) else text[node.start :].partition("\n")[0].rstrip("\r")
