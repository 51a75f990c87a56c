# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock file: which image was meant by each reference, and where its copy is.

It ties the steps together: mirroring writes it, rewriting pins digests by it without asking a registry, an archive is checked by it.
Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import documents, reference

VERSION = 1
_FIELDS = ("source", "digest", "target")
_ADVICE = "Let podnet.cni.image_mirror write it anew."


@dataclasses.dataclass(frozen=True)
class Entry:
    """``source`` and ``target`` are full references; ``digest`` is what the source's tag meant, ``sha256:...``."""

    source: str
    digest: str
    target: str


@dataclasses.dataclass(frozen=True)
class Lock:
    """Entries sorted by source, no source and no target twice. Made by `make` or `parse`."""

    entries: t.Tuple[Entry, ...] = ()

    def of_source(self, source: str) -> t.Optional[Entry]:
        """The entry of the full reference."""
        return self._by_source.get(source)

    def of_target(self, target: str) -> t.Optional[Entry]:
        """The entry whose copy that is."""
        return self._by_target.get(target)

    @functools.cached_property
    def _by_source(self) -> t.Dict[str, Entry]:
        return {entry.source: entry for entry in self.entries}

    @functools.cached_property
    def _by_target(self) -> t.Dict[str, Entry]:
        return {entry.target: entry for entry in self.entries}


def make(entries: t.Iterable[Entry], where: str = "") -> Lock:
    """The lock of these entries, in full spelling. An entry that is there twice counts once.

    Raises BadInputError for one with a bad reference or digest, and for two that contradict each other.
    """
    checked = sorted({_checked(entry, where) for entry in entries}, key=lambda entry: entry.source)
    for field in ("source", "target"):
        seen: t.Dict[str, Entry] = {}
        for entry in checked:
            other = seen.setdefault(getattr(entry, field), entry)
            if other is not entry:
                raise _errors.BadInputError(f"two entries have the {field} {getattr(entry, field)}: {other}, {entry}", where, _ADVICE)
    return Lock(tuple(checked))


def parse(text: str, where: str = "") -> Lock:
    """The lock of a file's text, YAML or JSON. Raises BadInputError for what is no such file, or one of another version."""
    data = documents.load(text, where)
    if not isinstance(data, dict) or "version" not in data:
        raise _errors.BadInputError("this is no lock file: it has no version", where, _ADVICE)
    if data["version"] != VERSION:
        raise _errors.BadInputError(f"the lock file has the version {data['version']!r}, and {VERSION} is known", where, _ADVICE)
    images = data.get("images")
    if not isinstance(images, list) or set(data) != {"version", "images"}:
        raise _errors.BadInputError("a lock file has version and images, a list, and nothing else", where, _ADVICE)
    return make((_entry(item, f"{where}{', ' if where else ''}image {number}") for number, item in enumerate(images, 1)), where)


def dump(lock: Lock, as_json: bool = False) -> str:
    """The file's text: the same for the same entries, a line for each value, so that a diff of two shows what moved."""
    images = [dataclasses.asdict(entry) for entry in lock.entries]
    if as_json:
        return json.dumps({"version": VERSION, "images": images}, indent=2) + "\n"
    items = [f"  - source: {item['source']}\n    digest: {item['digest']}\n    target: {item['target']}\n" for item in images]
    return f"---\nversion: {VERSION}\nimages:{'' if items else ' []'}\n" + "".join(items)


def _entry(item: t.Any, where: str) -> Entry:
    if not isinstance(item, dict) or set(item) != set(_FIELDS) or not all(isinstance(value, str) for value in item.values()):
        raise _errors.BadInputError(f"an image has {', '.join(_FIELDS)}, each a text", where, _ADVICE)
    return Entry(**item)


def _checked(entry: Entry, where: str) -> Entry:
    source, target = reference.parse(entry.source, where), reference.parse(entry.target, where)
    if not reference.is_reference(f"x.example/x@{entry.digest}"):
        raise _errors.BadInputError(f"{entry.digest!r} is no digest (of {entry.source})", where, _ADVICE)
    if source.digest not in ("", entry.digest):
        raise _errors.BadInputError(f"{entry.source} names another digest than {entry.digest}", where, _ADVICE)
    return Entry(str(source), entry.digest, str(target))
