# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rewrites the images of manifests to their copies' names and leaves every other byte alone.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import finding, naming, places
from ansible_collections.podnet.cni.plugins.module_utils._images.finding import Findings, Image, LeftAlone, Registry, Where
from ansible_collections.podnet.cni.plugins.module_utils._images.lock import Lock
from ansible_collections.podnet.cni.plugins.module_utils._images.naming import Naming
from ansible_collections.podnet.cni.plugins.module_utils._images.places import Wanted
from ansible_collections.podnet.cni.plugins.module_utils._images.reference import Reference


@dataclasses.dataclass(frozen=True)
class Settings:
    """Where copies are, which digests they have (None pins none), and which places count.

    ``operator_host``: of whose images the copies serve a Tigera Installation that names no registry of its own.
    """

    naming: Naming
    lock: t.Optional[Lock] = None
    wanted: Wanted = dataclasses.field(default_factory=Wanted)
    operator_host: str = "quay.io"


@dataclasses.dataclass(frozen=True)
class Edit:
    """``text[start:end]``, in characters, becomes ``new``. ``line`` counts from 1."""

    start: int
    end: int
    old: str
    new: str
    line: int


@dataclasses.dataclass(frozen=True)
class Rewritten:
    """A text with its images replaced. ``targets`` has the copy's name for each of ``findings.images``, ``registries`` for each of its
    registries."""

    text: str
    edits: t.Tuple[Edit, ...]
    findings: Findings
    targets: t.Tuple[Reference, ...]
    registries: t.Tuple[str, ...]
    left_alone: t.Tuple[LeftAlone, ...]


def rewrite(text: str, settings: Settings, where: str = "") -> Rewritten:
    """The text with all images in known places replaced. Rewriting the result changes nothing.

    Raises BadInputError, with ``where``, document and line, for what is no YAML, for two images with one target, for a target that no
    image can have, and for an image that the lock does not have.
    """
    return rewrite_all({where: text}, settings)[where]


def rewrite_all(texts: t.Mapping[str, str], settings: Settings) -> t.Dict[str, Rewritten]:
    """`rewrite` for several texts by their names. Two images with one target are refused wherever they are."""
    claimed: t.Dict[str, _Claim] = {}
    return {name: _rewrite(text, settings, name, claimed) for name, text in texts.items()}


def wanted_of(rules: t.Iterable[t.Mapping[str, str]], also: t.Iterable[str]) -> Wanted:
    """`Wanted` of a module's options: rules with ``kind``, ``path`` and perhaps ``group``; names of `places.OPTIONAL`."""
    unknown = sorted(set(also) - set(places.OPTIONAL))
    if unknown:
        raise _errors.BadInputError(f"{', '.join(unknown)}: unknown", "also", f"Known: {', '.join(places.OPTIONAL)}.")
    return Wanted(tuple(map(_rule, rules)), frozenset(also))


def _rule(rule: t.Mapping[str, str]) -> places.Rule:
    if not {"kind", "path"} <= set(rule) <= {"kind", "path", "group"}:
        raise _errors.BadInputError(f"a rule has a kind, a path and perhaps a group, and not {', '.join(sorted(rule))}", "rules")
    return places.Rule(rule["kind"], places.parse_path(rule["path"], f"rules, {rule['kind']}"), rule.get("group") or "")


class _Claim(t.NamedTuple):
    """Who takes a target first."""

    source: Reference
    place: str


def _rewrite(text: str, settings: Settings, name: str, claimed: t.Dict[str, _Claim]) -> Rewritten:
    findings = finding.find(text, settings.wanted, name)
    targets = tuple(_target(image, settings, name, claimed) for image in findings.images)
    left = list(findings.left_alone)
    registries = tuple(_registry(registry, settings, left) for registry in findings.registries)
    edits = [
        _edit(text, image.start, image.end, str(target), image.places[0])
        for image, target in zip(findings.images, targets)
        if image.is_written and target != image.source
    ]
    edits += [
        _edit(text, registry.start, registry.end, f"{registry.before}{new}{registry.after}", registry.place)
        for registry, new in zip(findings.registries, registries)
        if new != registry.source
    ]
    # Aliases may have two Installations share a spec.
    edits = sorted({edit.start: edit for edit in edits}.values(), key=lambda edit: edit.start)
    return Rewritten(_splice(text, edits), tuple(edits), findings, targets, registries, tuple(left))


def _target(image: Image, settings: Settings, name: str, claimed: t.Dict[str, _Claim]) -> Reference:
    place = _place(name, image.places[0])
    target = naming.target(image.source, settings.naming, place)
    if target != image.source:
        _claim(target, image.source, place, claimed)
    return _pinned(image.source, target, settings.lock, place) if settings.lock else target


def _claim(target: Reference, source: Reference, place: str, claimed: t.Dict[str, _Claim]) -> None:
    """Refuses a second image for a name; a tag is one image, whatever digests stand behind it."""
    key = f"{target.name}:{target.tag}" if target.tag else str(target)
    first = claimed.setdefault(key, _Claim(source, place))
    if first.source is source:
        return
    is_same = first.source.name == source.name and (not first.source.digest or not source.digest or first.source.digest == source.digest)
    if not is_same:
        raise _errors.BadInputError(
            f"{source} and {first.source} ({first.place}) would both be {key}", place, "Set overrides that keep them apart."
        )


def _pinned(source: Reference, target: Reference, lock: Lock, place: str) -> Reference:
    """The target with the lock's digest. A digest that the manifest has is its author's decision, and stays."""
    if source.digest:
        return target
    entry = lock.of_source(str(source)) or lock.of_target(str(source))
    if entry is None:
        raise _errors.BadInputError(f"the lock file does not have {source}", place, "Mirror it first, which writes the lock file.")
    if entry.target != str(target):
        raise _errors.BadInputError(
            f"the copy of {source} is {entry.target} by the lock file, and {target} by registry, project and overrides",
            place,
            "Use the settings that the lock file was made with.",
        )
    return dataclasses.replace(target, digest=entry.digest)


def _registry(registry: Registry, settings: Settings, left: t.List[LeftAlone]) -> str:
    """What the Installation's registry becomes; the same where that cannot be told."""
    try:
        return naming.target_of_prefix(registry.source or settings.operator_host, settings.naming)
    except _errors.BadInputError as error:
        place = registry.place
        left.append(LeftAlone(registry.source, error.what, place.document, place.path, place.line))
        return registry.source


def _edit(text: str, start: int, end: int, new: str, place: Where) -> Edit:
    return Edit(start, end, text[start:end], new, place.line)


def _splice(text: str, edits: t.Sequence[Edit]) -> str:
    parts: t.List[str] = []
    done = 0
    for edit in edits:
        parts += [text[done : edit.start], edit.new]
        done = edit.end
    return "".join([*parts, text[done:]])


def _place(name: str, where: Where) -> str:
    return f"{name}{', ' if name else ''}document {where.document}, line {where.line}"
