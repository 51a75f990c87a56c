# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""References to images: ``quay.io/calico/node:v3.31.0``, ``busybox@sha256:...``.

Source: distribution/reference, and Docker's rules for names without a host. Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import re
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

DOCKER_HUB = "docker.io"
#: Other names of Docker Hub that people write.
_DOCKER_HUB_NAMES = ("docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com")
LATEST = "latest"
#: Letters that path may have, the host not counted.
LONGEST_PATH = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"[a-z0-9]+(?:[+._-][a-z0-9]+)*:[0-9a-zA-Z=_-]{32,}")
_LABEL = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_HOST = re.compile(rf"(?:{_LABEL}(?:\.{_LABEL})*|\[[0-9a-fA-F:]+\])(?::[0-9]{{1,5}})?")
#: Of the algorithms with known lengths, the length of their hexadecimal digits.
_HEX = {"sha256": 64, "sha512": 128}
_BARE_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclasses.dataclass(frozen=True)
class Reference:
    """An image by its full name. ``host`` may have a port; ``tag`` and ``digest`` are empty where the text has none.

    Of both, the digest decides which image it is. ``path`` is all between host and tag: ``library/busybox``.
    """

    host: str
    path: str
    tag: str = ""
    digest: str = ""

    @property
    def name(self) -> str:
        """Host and path."""
        return f"{self.host}/{self.path}"

    @property
    def wanted(self) -> str:
        """What a registry is asked for: the digest, or the tag, or ``latest``."""
        return self.digest or self.tag or LATEST

    def __str__(self) -> str:
        return self.name + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")


def parse(text: str, where: str = "") -> Reference:
    """The image that the text means. A name without a host is Docker Hub's, one without tag and digest has the tag ``latest``.

    Raises BadInputError for what is no reference: ``Busybox``, ``docker://x``, ``x:``, ``x@sha256:1``.
    """
    name, _, digest = text.partition("@")
    parts = _split(name)
    problem = _form(text, *parts)
    if problem:
        raise _errors.BadInputError(f"{text!r} is no reference to an image: {problem}", where)
    host, path, tag = parts
    return Reference(host, path, tag if tag or digest else LATEST, digest)


def is_reference(text: str) -> bool:
    """Whether `parse` takes the text."""
    return not _form(text, *_split(text.partition("@")[0]))


def _split(name: str) -> t.Tuple[str, str, str]:
    """Host, path and tag of what is before ``@``."""
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and (any(mark in first for mark in ".:") or first == "localhost" or first != first.lower())
    host, path = (first, rest) if has_host else (DOCKER_HUB, name)
    path, _, tag = path.partition(":")
    if host.lower() in _DOCKER_HUB_NAMES:
        host = DOCKER_HUB
        path = path if "/" in path else f"library/{path}"
    # A host that only its upper case makes one would be none without it.
    return host.lower() if any(mark in host for mark in ".:") or host.lower() == "localhost" else host, path, tag


def _form(text: str, host: str, path: str, tag: str) -> str:
    """What is wrong with the text of these parts; empty if it is a reference."""
    if "://" in text:
        return "write it without a scheme such as docker:// or https://"
    name, at, digest = text.partition("@")
    if at and not _is_digest(digest):
        return f"{digest!r} is no digest"
    if _BARE_DIGEST.fullmatch(name):
        return "64 hexadecimal digits are an image's ID"
    return _name_form(name, host, path, tag) if name else "it has no name"


def _name_form(name: str, host: str, path: str, tag: str) -> str:
    """What is wrong with host, path and tag."""
    if not _HOST.fullmatch(host):
        return f"{host!r} is no host"
    if not _PATH.fullmatch(path):
        return f"{path!r} is no path of a repository, which has lower-case letters, digits and single separators"
    if len(path) > LONGEST_PATH:
        return f"its path has {len(path)} letters, and {LONGEST_PATH} may be"
    has_tag = ":" in name.rpartition("/")[2]
    return f"{tag!r} is no tag" if has_tag and not _TAG.fullmatch(tag) else ""


def _is_digest(text: str) -> bool:
    algorithm, _, value = text.partition(":")
    if not _DIGEST.fullmatch(text):
        return False
    return algorithm not in _HEX or bool(re.fullmatch(rf"[0-9a-f]{{{_HEX[algorithm]}}}", value))
