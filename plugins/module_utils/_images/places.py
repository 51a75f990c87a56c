# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where Kubernetes objects have images: by kind and path, never by the name of a key alone.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import documents
from ansible_collections.podnet.cni.plugins.module_utils._images.documents import Collection, Node, Scalar

#: A path that is shared with those that go on from it: (the way to the parent, key or position); None is the document itself.
Path = t.Optional[t.Tuple[t.Any, t.Union[str, int]]]

#: Each item of a list, and each key of a mapping, in a pattern.
EACH = "[]"
ANY = "*"

_TEMPLATED = ("Deployment", "DaemonSet", "StatefulSet", "ReplicaSet", "ReplicationController", "Job")
#: The way to the pod's spec, by kind.
_POD_SPECS: t.Mapping[str, t.Tuple[str, ...]] = {
    "Pod": ("spec",),
    "PodTemplate": ("template", "spec"),
    "CronJob": ("spec", "jobTemplate", "spec", "template", "spec"),
    **dict.fromkeys(_TEMPLATED, ("spec", "template", "spec")),
}
#: Other groups have kinds of these names, with another shape.
_POD_GROUPS = ("", "apps", "batch", "extensions")
_CONTAINERS = ("containers", "initContainers", "ephemeralContainers")
_IMAGE_VOLUMES = ("volumes", EACH, "image", "reference")

#: What a place's ``via`` says of those that the user added.
RULE = "rule"

#: They describe images in their schemas, and have none.
_NEVER = "CustomResourceDefinition"
_LIST = "List"

_OPERATOR_GROUP = "operator.tigera.io"
#: The operator runs one more image, its own of this version.
OPERATOR_INIT = "TIGERA_OPERATOR_INIT_IMAGE_VERSION"

#: Places that are rewritten only on request -> what they are.
OPTIONAL = {
    "env": "values of containers' environment variables",
    "args": "containers' commands and arguments",
    "config_maps": "texts of ConfigMaps",
    "secrets": "stringData of Secrets",
    "annotations": "annotations of objects and of their pods",
}

_SIMPLE = re.compile(r"[^.\[\]\"]+")
_STEP = re.compile(r"""\[\]|\["([^"]+)"\]|(?:^|(?<=.)\.)([^.\[\]"]+)""")


@dataclasses.dataclass(frozen=True)
class Rule:
    """A place of images in other objects. An empty ``group`` is any; ``path`` as `parse_path` takes it."""

    kind: str
    path: t.Tuple[str, ...]
    group: str = ""


@dataclasses.dataclass(frozen=True)
class Wanted:
    """Places beyond Kubernetes' own: rules, and names of `OPTIONAL`."""

    rules: t.Tuple[Rule, ...] = ()
    also: t.FrozenSet[str] = frozenset()


class Item(t.NamedTuple):
    """One object, lists taken apart."""

    kind: str
    group: str
    node: Collection
    path: Path

    @property
    def has_no_images(self) -> bool:
        return self.kind == _NEVER


class Place(t.NamedTuple):
    """A node that is an image (or, from `texts`, may have some in it). ``via`` says why: ``pod``, ``rule`` or a name of `OPTIONAL`.

    ``is_named_image``: the variable or option is called an image, so a short name such as ``busybox:1.36`` is one as well.
    """

    node: Node
    path: Path
    via: str
    is_named_image: bool = False


class OperatorInit(t.NamedTuple):
    """The operator's own image, and the variable with the version of the other one."""

    image: Scalar
    version: Scalar
    path: Path


def parse_path(text: str, where: str = "") -> t.Tuple[str, ...]:
    """The steps of ``spec.parts[].image``, ``spec.*.image`` or ``metadata.annotations["example.com/image"]``."""
    steps: t.List[str] = []
    end = 0
    for found in _STEP.finditer(text):
        if found.start() != end:
            break
        end = found.end()
        steps.append(found.group(1) or found.group(2) or EACH)
    if not text or end != len(text):
        advice = 'Write it like spec.parts[].image or metadata.annotations["example.com/image"].'
        raise _errors.BadInputError(f"{text!r} is no path to an image", where, advice)
    return tuple(steps)


def spell(path: Path) -> str:
    """The path as `parse_path` takes it, with positions from 0."""
    steps: t.List[str] = []
    while path is not None:
        path, step = path
        if isinstance(step, int):
            steps.append(f"[{step}]")
        else:
            steps.append(f".{step}" if step.isalnum() or _SIMPLE.fullmatch(step) else f'["{step}"]')
    return "".join(reversed(steps)).lstrip(".")


def items(root: Node) -> t.Iterator[Item]:
    """The document's objects. Those of a typed list (PodList) may lack their kind, as the API leaves it out."""
    waiting: t.List[t.Tuple[Node, Path, str, str]] = [(root, None, "", "")]
    seen: t.Set[int] = set()
    while waiting:
        node, path, kind, group = waiting.pop()
        mapping = documents.target(node)
        if isinstance(mapping, Scalar) or not mapping.is_mapping or id(mapping) in seen:
            continue
        seen.add(id(mapping))
        fields = dict(documents.entries(mapping))
        kind, group = _text(fields.get("kind")) or kind, _group(fields.get("apiVersion"), group)
        inner = documents.target(fields["items"]) if kind.endswith(_LIST) and "items" in fields else None
        if isinstance(inner, Collection) and not inner.is_mapping:
            beneath = kind[: -len(_LIST)]
            waiting += [(child, ((path, "items"), at), beneath, group) for at, child in reversed(list(enumerate(inner.children)))]
        else:
            yield Item(kind, group, mapping, path)


def images(item: Item, wanted: Wanted) -> t.Iterator[Place]:
    """The object's places of images: those of Kubernetes, then those of the rules."""
    for spec, path in _pod_specs(item):
        for name in _CONTAINERS:
            for node, at in follow(spec, (name, EACH, "image"), path):
                yield Place(node, at, "pod")
        for node, at in follow(spec, _IMAGE_VOLUMES, path):
            yield Place(node, at, "pod")
    for rule in wanted.rules:
        if rule.kind == item.kind and rule.group in ("", item.group):
            for node, at in follow(item.node, rule.path, item.path):
                yield Place(node, at, RULE)


def texts(item: Item, wanted: Wanted) -> t.Iterator[Place]:
    """The object's texts that may have images in them, of the kinds that are wanted."""
    containers = list(_containers(item)) if wanted.also & {"env", "args"} else []
    if "env" in wanted.also:
        yield from _variables(containers)
    if "args" in wanted.also:
        yield from _arguments(containers)
    if "config_maps" in wanted.also and item.kind == "ConfigMap":
        yield from _values(item, "data", "config_maps")
    if "secrets" in wanted.also and item.kind == "Secret":
        yield from _values(item, "stringData", "secrets")
    if "annotations" in wanted.also:
        template = _POD_SPECS.get(item.kind, ("spec",))[:-1]
        # Of a CronJob the pods' metadata are beside their spec; of a Pod they are the object's own.
        for way in dict.fromkeys([("metadata",), (*template, "metadata")]):
            for node, at in follow(item.node, (*way, "annotations", ANY), item.path):
                yield Place(node, at, "annotations")


def operator_init(item: Item) -> t.Optional[OperatorInit]:
    """Of the Tigera operator's Deployment, what names the image that it runs beside its own."""
    for container, path in _containers(item):
        fields = dict(documents.entries(container))
        image = documents.target(fields["image"]) if "image" in fields else None
        if not isinstance(image, Scalar):
            continue
        for node, at in follow(container, ("env", EACH), path):
            variable = documents.target(node)
            parts = dict(documents.entries(variable)) if isinstance(variable, Collection) and variable.is_mapping else {}
            value = documents.target(parts["value"]) if _text(parts.get("name")) == OPERATOR_INIT and "value" in parts else None
            if isinstance(value, Scalar):
                return OperatorInit(image, value, (at, "value"))
    return None


def installation(item: Item) -> t.Optional[t.Tuple[Collection, Path]]:
    """The spec of a Tigera Installation, whose operator makes all names of images of it."""
    if item.kind != "Installation" or item.group != _OPERATOR_GROUP:
        return None
    for node, path in follow(item.node, ("spec",), item.path):
        spec = documents.target(node)
        if isinstance(spec, Collection) and spec.is_mapping:
            return spec, path
    return None


def is_variable_of_image(name: str, value: str) -> bool:
    """Whether the environment variable is called an image and holds more than a word, as ``debug`` or ``v1`` would be."""
    return (name.lower().endswith("image") or name.startswith("RELATED_IMAGE_")) and any(mark in value for mark in "/:")


def follow(node: Node, pattern: t.Sequence[str], path: Path = None) -> t.Iterator[t.Tuple[Node, Path]]:
    """The nodes that the pattern leads to, with their paths."""
    waiting: t.List[t.Tuple[Node, Path, int]] = [(node, path, 0)]
    length = len(pattern)
    while waiting:
        here, at, depth = waiting.pop()
        if depth == length:
            yield here, at
            continue
        collection = documents.target(here)
        if isinstance(collection, Collection):
            below = [(child, (at, step), depth + 1) for step, child in _step(collection, pattern[depth])]
            waiting += reversed(below)


def _step(collection: Collection, step: str) -> t.Iterator[t.Tuple[t.Union[str, int], Node]]:
    if not collection.is_mapping:
        return iter(enumerate(collection.children) if step == EACH else ())
    return ((key, child) for key, child in documents.entries(collection) if step in (key, ANY))


def _pod_specs(item: Item) -> t.Iterator[t.Tuple[Node, Path]]:
    if item.kind in _POD_SPECS and item.group in _POD_GROUPS:
        yield from follow(item.node, _POD_SPECS[item.kind], item.path)


def _containers(item: Item) -> t.Iterator[t.Tuple[Collection, Path]]:
    for spec, path in _pod_specs(item):
        for name in _CONTAINERS:
            for node, at in follow(spec, (name, EACH), path):
                container = documents.target(node)
                if isinstance(container, Collection) and container.is_mapping:
                    yield container, at


def _variables(containers: t.Iterable[t.Tuple[Collection, Path]]) -> t.Iterator[Place]:
    for container, path in containers:
        for node, at in follow(container, ("env", EACH), path):
            variable = documents.target(node)
            fields = dict(documents.entries(variable)) if isinstance(variable, Collection) and variable.is_mapping else {}
            if "value" in fields:
                yield Place(fields["value"], (at, "value"), "env", is_variable_of_image(_text(fields.get("name")), _text(fields["value"])))


def _arguments(containers: t.Iterable[t.Tuple[Collection, Path]]) -> t.Iterator[Place]:
    for container, path in containers:
        for name in ("command", "args"):
            before = ""
            for node, at in follow(container, (name, EACH), path):
                yield Place(node, at, "args", before.startswith("-") and before.endswith("image"))
                before = _text(node)


def _values(item: Item, field: str, via: str) -> t.Iterator[Place]:
    for node, at in follow(item.node, (field, ANY), item.path):
        yield Place(node, at, via, at is not None and str(at[1]).lower().endswith("image"))


def _text(node: t.Optional[Node]) -> str:
    scalar = documents.target(node) if node is not None else None
    return scalar.value if isinstance(scalar, Scalar) else ""


def _group(version: t.Optional[Node], inherited: str) -> str:
    """The API group of ``apps/v1``; the core group has none."""
    return inherited if version is None else _text(version).rpartition("/")[0]
