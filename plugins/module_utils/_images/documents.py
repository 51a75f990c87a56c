# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""YAML and JSON text as trees that know where in the text each scalar stands.

Made of the parser's events, not of its nodes: an alias stays one, with its line, and however deep a text is nested, nothing recurses.
Positions and lengths are in characters. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import re
import traceback
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

try:
    import yaml
except ImportError:
    YAML_IMPORT_ERROR: t.Optional[str] = traceback.format_exc()
else:
    YAML_IMPORT_ERROR = None

BYTE_ORDER_MARK = "\ufeff"
_STRING = "tag:yaml.org,2002:str"
_MERGE = "<<"
#: The types beside text that JSON has as well.
_PLAIN_TYPES = ("null", "bool", "int", "float")
_INDEX = re.compile(r"\[(\d+)\]")
_JSON_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[\]{}]|[^\s",:\[\]{}]+', re.DOTALL)


class Scalar:
    """One value: the text that it means, and from where to where it is written, with its anchor and tag.

    ``style`` is empty for a plain one, else ``'``, ``"``, ``|`` or ``>``. ``line`` counts from 1.
    """

    __slots__ = ("end", "line", "start", "style", "tag", "value")

    # Made by the hundred thousand, and names of arguments take time.
    def __init__(self, value: str, start: int, end: int, line: int, style: str, tag: t.Optional[str] = None) -> None:  # noqa: PLR0917
        self.value = value
        self.start = start
        self.end = end
        self.line = line
        self.style = style
        self.tag = tag


class Collection:
    """A mapping, whose children are key, value, key, value, or a sequence. ``is_flow``: it is written with brackets."""

    __slots__ = ("children", "is_flow", "is_mapping", "line", "start")

    def __init__(self, is_mapping: bool, start: int, line: int, is_flow: bool) -> None:
        self.is_mapping = is_mapping
        self.start = start
        self.line = line
        self.is_flow = is_flow
        self.children: t.List[Node] = []


class Alias:
    """``*name``: stands for the node of that anchor."""

    __slots__ = ("line", "node")

    def __init__(self, node: t.Union[Scalar, Collection], line: int) -> None:
        self.node = node
        self.line = line


Node = t.Union[Scalar, Collection, Alias]


@dataclasses.dataclass(frozen=True)
class Document:
    """``number`` counts from 1, empty documents included."""

    number: int
    root: Node


def loader() -> t.Any:
    """PyYAML's fastest parser; the one in pure Python where it was built without libyaml."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def compose(text: str, where: str = "") -> t.Iterator[Document]:
    """The documents of the text, one after the other.

    Raises BadInputError, with the document and the line, for what is no YAML, or has a key twice in one mapping.
    """
    start = int(text.startswith(BYTE_ORDER_MARK))
    body = text[1:] if start else text
    if body.lstrip()[:1] in ("{", "[") and _is_json(body):
        return _compose_json(body, start, where)
    return _compose_yaml(body, start, where)


def load(text: str, where: str = "") -> t.Any:
    """The data of a text that is one document; None for any other number. Raises BadInputError as `compose` does."""
    if len(list(compose(text, where))) != 1:
        return None
    body = text[1:] if text.startswith(BYTE_ORDER_MARK) else text
    try:
        return json.loads(body) if _is_json(body) else yaml.load(body, Loader=loader())  # noqa: S506  # it is the safe one
    except (yaml.YAMLError, ValueError) as error:
        # Such as a date that there is not.
        raise _errors.BadInputError(f"a value in it cannot be read: {error}", where) from error


def target(node: Node) -> t.Union[Scalar, Collection]:
    """The node itself, or what the alias stands for."""
    return node.node if isinstance(node, Alias) else node


def pairs(mapping: Collection) -> t.Iterator[t.Tuple[Node, Node]]:
    """Keys and values as they are written."""
    children = iter(mapping.children)
    return zip(children, children)


def entries(mapping: Collection) -> t.Iterable[t.Tuple[str, Node]]:
    """Keys and values with those of merge keys (``<<``), which never take the place of the mapping's own."""
    own: t.List[t.Tuple[str, Node]] = []
    merged: t.List[Node] = []
    children = iter(mapping.children)
    for key, value in zip(children, children):
        name = key.node if isinstance(key, Alias) else key
        if isinstance(name, Collection):
            continue
        if name.value == _MERGE and not name.style:
            merged.append(value)
        else:
            own.append((name.value, value))
    return _with_merged(own, merged) if merged else own


def data(root: Node) -> t.Any:
    """What the node means, as the API server's JSON would have it: a date is text. An anchor and its aliases are one object."""
    found: t.List[t.Any] = [None]
    made: t.Dict[int, t.Any] = {}
    waiting: t.List[t.Tuple[Node, t.Any, t.Any]] = [(root, found, 0)]
    while waiting:
        written, holder, key = waiting.pop()
        node = target(written)
        if isinstance(node, Scalar):
            holder[key] = _value(node)
            continue
        if id(node) not in made:
            made[id(node)] = holder[key] = {} if node.is_mapping else [None] * len(node.children)
            children = entries(node) if node.is_mapping else enumerate(node.children)
            # Dictionaries keep the order in which keys come, so these get their places before they are filled.
            for name, child in list(children):
                made[id(node)][name] = None
                waiting.append((child, made[id(node)], name))
        holder[key] = made[id(node)]
    return found[0]


def line_of(root: Node, path: str) -> int:
    """The line of the field (``spec.ingress[0].ports``), or of as much of its path as there is. A name in the path may have dots."""
    line, node, left = target(root).line, target(root), path
    while left and isinstance(node, Collection):
        step = _child(node, left)
        if step is None:
            break
        line, node, left = step
    return line


def _child(node: Collection, path: str) -> t.Optional[t.Tuple[int, t.Union[Scalar, Collection], str]]:
    """The line of the first step of the path, what is there, and the rest of the path."""
    index = _INDEX.match(path)
    if not node.is_mapping:
        if index is None or int(index.group(1)) >= len(node.children):
            return None
        child = node.children[int(index.group(1))]
        return child.line, target(child), path[index.end() :].lstrip(".")
    fitting = [(key, child) for key, child in pairs(node) if _begins(path, key)]
    if not fitting:
        return None
    key, child = max(fitting, key=lambda pair: len(t.cast(Scalar, target(pair[0])).value))
    return key.line, target(child), path[len(t.cast(Scalar, target(key)).value) :].lstrip(".")


def _begins(path: str, key: Node) -> bool:
    name = target(key)
    return isinstance(name, Scalar) and path.startswith(name.value) and path[len(name.value) :][:1] in ("", ".", "[")


def _value(scalar: Scalar) -> t.Any:
    tag = scalar.tag
    if not tag:
        tag = _STRING if scalar.style else _resolver().resolve(yaml.ScalarNode, scalar.value, (True, False))
    construct = _constructors().get(tag)
    try:
        return construct(yaml.ScalarNode(tag, scalar.value)) if construct else scalar.value
    except (ValueError, KeyError):
        # Such as a number without digits, or a truth value that is none.
        return scalar.value


def is_string(scalar: Scalar) -> bool:
    """Whether it means text, and not a number, a truth value, a date or nothing."""
    if scalar.tag or scalar.style:
        return scalar.tag in (None, "!", _STRING)
    return bool(_resolver().resolve(yaml.ScalarNode, scalar.value, (True, False)) == _STRING)


def _with_merged(own: t.List[t.Tuple[str, Node]], merged: t.List[Node]) -> t.Iterator[t.Tuple[str, Node]]:
    known = {name for name, _ in own}
    yield from own
    seen: t.Set[int] = set()
    waiting = [target(node) for node in reversed(merged)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Scalar) or id(node) in seen:
            continue
        seen.add(id(node))
        if not node.is_mapping:
            waiting += [target(child) for child in reversed(node.children)]
            continue
        for key, value in pairs(node):
            name = target(key)
            if isinstance(name, Collection):
                continue
            if name.value == _MERGE and not name.style:
                waiting.append(target(value))
            elif name.value not in known:
                known.add(name.value)
                yield name.value, value


_RESOLVER: t.List[t.Any] = []


def _resolver() -> t.Any:
    if not _RESOLVER:
        _RESOLVER.append(yaml.resolver.Resolver())
    return _RESOLVER[0]


@functools.lru_cache(maxsize=None)
def _constructors() -> t.Mapping[str, t.Callable[[t.Any], t.Any]]:
    """By tag, what makes a value of a scalar of such a type."""
    constructor = yaml.constructor.SafeConstructor()
    return {f"tag:yaml.org,2002:{name}": getattr(constructor, f"construct_yaml_{name}") for name in _PLAIN_TYPES}


# --- YAML ---


def _compose_yaml(text: str, offset: int, where: str) -> t.Iterator[Document]:
    number = 0
    try:
        parser = loader()(text)
        while True:
            event = parser.get_event()
            if event is None:
                break
            if isinstance(event, yaml.DocumentStartEvent):
                number += 1
                yield Document(number, _root(parser.get_event, offset, _place(where, number)))
    except yaml.MarkedYAMLError as error:
        raise _problem(error, where, number) from error
    except yaml.reader.ReaderError as error:
        line = _line_of_unprintable(text)
        raise _errors.BadInputError(f"this is no text: {error.reason}", f"{where}{', ' if where else ''}line {line}") from error
    except UnicodeEncodeError as error:
        raise _errors.BadInputError(f"this is no text: {error.reason}", where) from error


def _root(next_event: t.Callable[[], t.Any], offset: int, where: str) -> Node:
    """One document, up to its end."""
    # This loop takes each event of a text that may have hundreds of thousands, so it is flat and looks names up once.
    scalar_event, alias_event, mapping_event = yaml.ScalarEvent, yaml.AliasEvent, yaml.MappingStartEvent
    starts, ends = (mapping_event, yaml.SequenceStartEvent), (yaml.MappingEndEvent, yaml.SequenceEndEvent)
    anchors: t.Dict[str, t.Union[Scalar, Collection]] = {}
    top = Collection(is_mapping=False, start=0, line=0, is_flow=False)
    stack = [top]
    while True:
        event = next_event()
        kind = type(event)
        if kind is scalar_event:
            mark = event.start_mark
            scalar = Scalar(event.value, mark.index + offset, event.end_mark.index + offset, mark.line + 1, _STYLES[event.style], event.tag)
            if event.anchor:
                anchors[event.anchor] = scalar
            stack[-1].children.append(scalar)
        elif kind in starts:
            mark = event.start_mark
            collection = Collection(kind is mapping_event, mark.index + offset, mark.line + 1, bool(event.flow_style))
            if event.anchor:
                anchors[event.anchor] = collection
            stack[-1].children.append(collection)
            stack.append(collection)
        elif kind in ends:
            _refuse_duplicates(stack.pop(), where)
        elif kind is alias_event:
            stack[-1].children.append(_alias(event, anchors, where))
        else:
            break
    return top.children[0]


_STYLES = {None: "", "": "", "'": "'", '"': '"', "|": "|", ">": ">"}


def _alias(event: t.Any, anchors: t.Mapping[str, t.Union[Scalar, Collection]], where: str) -> Alias:
    line = event.start_mark.line + 1
    if event.anchor not in anchors:
        raise _errors.BadInputError(f"there is no anchor for the alias *{event.anchor}", f"{where}line {line}")
    return Alias(anchors[event.anchor], line)


def _refuse_duplicates(collection: Collection, where: str) -> None:
    if not collection.is_mapping:
        return
    # Nearly all keys are scalars, and differ.
    keys = collection.children[::2]
    if len({key.value if isinstance(key, Scalar) else _identity(key) for key in keys}) == len(keys):
        return
    seen: t.Set[t.Union[str, int]] = set()
    for key in keys:
        name = _identity(key)
        if name in seen:
            advice = "Remove the one that is not meant."
            raise _errors.BadInputError(f"the key {name!r} is there twice in one mapping", f"{where}line {key.line}", advice)
        seen.add(name)


def _identity(key: Node) -> t.Union[str, int]:
    """What tells one key from another: its text; a collection is never another's equal."""
    node = target(key)
    return node.value if isinstance(node, Scalar) else id(key)


def _problem(error: t.Any, where: str, number: int) -> _errors.BadInputError:
    mark = error.problem_mark or error.context_mark
    advice = "Correct it; a template has to be rendered first."
    place = _place(where, max(number, 1)) + (f"line {mark.line + 1}" if mark else "")
    words = ", ".join(part for part in (error.context, error.problem) if part)
    return _errors.BadInputError(f"this is no YAML: {words}", place, advice)


def _place(where: str, number: int) -> str:
    """How a message begins that goes on with the line."""
    return f"{where}{', ' if where else ''}document {number}, "


def _line_of_unprintable(text: str) -> int:
    found = yaml.reader.Reader.NON_PRINTABLE.search(text)
    return text.count("\n", 0, found.start() if found else 0) + 1


# --- JSON: YAML's parsers refuse some of it, such as tabs and pairs of surrogates ---


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _compose_json(text: str, offset: int, where: str) -> t.Iterator[Document]:
    """The one document of a text that is known to be JSON."""
    top = Collection(is_mapping=False, start=0, line=0, is_flow=True)
    stack = [top]
    line, counted = 1, 0
    for token in _JSON_TOKEN.finditer(text):
        line += text.count("\n", counted, token.start())
        counted = token.start()
        word, start = token.group(), token.start() + offset
        if word in "{[":
            collection = Collection(word == "{", start, line, is_flow=True)
            stack[-1].children.append(collection)
            stack.append(collection)
        elif word in "}]":
            _refuse_duplicates(stack.pop(), _place(where, 1))
        elif word[0] == '"':
            # Most have no escapes, and json takes its time.
            value = json.loads(word, strict=False) if "\\" in word else word[1:-1]
            stack[-1].children.append(Scalar(value, start, start + len(word), line, '"'))
        else:
            stack[-1].children.append(Scalar(word, start, start + len(word), line, ""))
    yield Document(1, top.children[0])
