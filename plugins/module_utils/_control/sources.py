# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Manifests that a user names: files and folders of the control machine, and URLs.

Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import http.client
import os
import pathlib
import typing as t
import urllib.parse

from ansible.module_utils.urls import ConnectionError as UrlConnectionError
from ansible.module_utils.urls import open_url

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._cni import manifests

_TIMEOUT = 30
_MANIFESTS = (".yaml", ".yml", ".json")


@dataclasses.dataclass(frozen=True)
class Manifest:
    """A text, what messages call it, its path in a directory, and its file if it is one."""

    label: str
    text: str
    relative: str
    path: str = ""


def read_all(named: t.Sequence[str], checksums: t.Mapping[str, t.Any], option: str = "sources") -> t.List[Manifest]:
    """The manifests of files, directories and URLs, each once. ``checksums`` are by source; ``option`` is whose value ``named`` is.

    Raises BadInputError for what cannot be read, has another checksum, or is nothing at all.
    """
    unknown = sorted(set(checksums) - set(named))
    if unknown:
        raise _errors.BadInputError(f"{unknown[0]} is none of the sources", "checksums", "Write it as it is in sources.")
    found = [manifest for source in named for manifest in _manifests(source, str(checksums.get(source, "")))]
    if not found:
        raise _errors.BadInputError("there is no source", option, "Name files, directories or URLs.")
    # A file that is named twice, or is in a directory that is named as well, is one.
    return list({item.label: item for item in reversed(found)}.values())[::-1]


def _manifests(source: str, checksum: str) -> t.Iterator[Manifest]:
    path = os.path.expanduser(source)
    if is_url(source):
        # What is no URL at all is refused when it is read.
        text = _text(source, checksum)
        label = without_user(source)
        yield Manifest(label, text, os.path.basename(label.partition("?")[0]) or "index.yaml")
    elif os.path.isdir(path):
        for file in manifests_below(path):
            yield Manifest(file, _text(file, ""), os.path.relpath(file, path), file)
    else:
        yield Manifest(path, _text(path, checksum), os.path.basename(path), path)


def _text(source: str, checksum: str) -> str:
    content = read(source)
    manifests.verify_checksum(content, checksum, source)
    return decode(content, source)


def is_url(source: str) -> bool:
    """Whether it is one of http or https, and no path."""
    return source.lower().startswith(("http://", "https://"))


def read(source: str) -> bytes:
    """A manifest's bytes from a URL or a path. Raises BadInputError."""
    return _fetch(source) if is_url(source) else _read_path(source)


def decode(content: bytes, source: str) -> str:
    """The content as text, byte order mark and line ends as they are. Raises BadInputError for what is no UTF-8."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _errors.BadInputError(f"this is no text: {error.reason} at byte {error.start}, in line {line}", source) from error


def passwords_in(source: str) -> t.Set[str]:
    """The password of a URL like https://user:password@host/, which no message may repeat."""
    try:
        password = urllib.parse.urlsplit(source).password
    except ValueError:
        # Not a URL at all; reading it says so.
        return set()
    return {password, urllib.parse.unquote(password)} if password else set()


def without_user(url: str) -> str:
    """The URL as it may be shown: without user and password."""
    parts = urllib.parse.urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def manifests_below(directory: str) -> t.List[str]:
    """The YAML and JSON files of the directory and all below it, sorted. Raises BadInputError if there are none, or it cannot be read."""
    found: t.List[str] = []
    for folder, folders, names in os.walk(directory, onerror=_unreadable):
        folders.sort()
        found += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith(_MANIFESTS)]
    if not found:
        raise _errors.BadInputError(f"there is no manifest in it ({', '.join(_MANIFESTS)})", directory, "Name another directory.")
    return found


def _unreadable(error: OSError) -> t.NoReturn:
    raise _errors.BadInputError(f"it cannot be read: {error.strerror}", str(error.filename)) from error


def _fetch(url: str) -> bytes:
    try:
        with open_url(url, timeout=_TIMEOUT) as answer:
            content: bytes = answer.read()
            return content
    # Every error of urllib is an OSError; http.client's and Ansible's own connection error are not.
    except (OSError, http.client.HTTPException, UrlConnectionError, ValueError) as error:
        raise _errors.BadInputError(
            f"the manifest cannot be fetched: {error}", url, "Check the URL, or download it and name the file."
        ) from error


def _read_path(path: str) -> bytes:
    try:
        return pathlib.Path(path).expanduser().read_bytes()
    except OSError as error:
        raise _errors.BadInputError(
            f"the manifest cannot be read: {error.strerror}", path, "Name a file on the control machine, or a URL."
        ) from error
