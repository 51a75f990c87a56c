# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hides what is secret in data that leaves the house: by the name of its key, and by its looks in any text.

It hides too much rather than too little. Structure and types stay, so that what is left can still be read as what it was.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import functools
import re
import typing as t

HIDDEN = "(hidden)"

#: Most texts of a snapshot are there a thousand times: names of fields, owners, chains.
_REMEMBERED = 1 << 15

_NAMES = (
    r"pass(?:word|wd|phrase)|secret|token|psk|pre-?shared-?key|private-?key|client-?key|key-?data|authority-?data|certificate-?data"
    r"|authorization|credentials?|api-?key|access-?key"
)
#: Names of keys, however words are joined in them.
_KEY = re.compile(_NAMES.replace("-?", "[-_.]?"), re.IGNORECASE)

#: The same as ``name: value`` or ``"name": "value"`` inside a text, also in one that was quoted again.
_PAIR = re.compile(
    rf"((?:{_NAMES.replace('-?', '[-_]?')})[\w-]*\\*[\"']?\s*[:=]\s*\\*[\"']?)(?!\(hidden\))([^\s\"'\\,;}}]+)", re.IGNORECASE
)

#: What shows by itself that it is a secret, with what stands in its place.
_LOOKS = (
    (re.compile(r"-----BEGIN [A-Z0-9 ]+-----.*?(?:-----END [A-Z0-9 ]+-----|$)", re.DOTALL), HIDDEN),
    # A JSON web token, as service accounts have it.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), HIDDEN),
    # An option of a command line. (A kubeadm token alone looks like the name of a host.)
    (re.compile(r"(?i)(--[\w-]*(?:token|password|secret)[\w-]*[ =])(?!\(hidden\))[^\s\"']+"), rf"\1{HIDDEN}"),
    (re.compile(r"(?i)\b(bearer|basic) [\w.~+/=-]{8,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(\w://)[^/\s:@]+:[^/\s@]+@"), rf"\1{HIDDEN}@"),
)


def clean(value: t.Any) -> t.Any:
    """The same data with every secret hidden."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, t.Mapping):
        return {key: _hide(item) if _names_a_secret(str(key)) else clean(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [clean(item) for item in value]
    return value


@functools.lru_cache(maxsize=_REMEMBERED)
def clean_text(text: str) -> str:
    """The same text with what looks like a secret hidden."""
    for pattern, instead in _LOOKS:
        text = pattern.sub(instead, text)
    return _PAIR.sub(rf"\1{HIDDEN}", text)


@functools.lru_cache(maxsize=_REMEMBERED)
def _names_a_secret(key: str) -> bool:
    return bool(_KEY.search(key))


def _hide(value: t.Any) -> t.Any:
    """Everything below a key that names a secret; numbers and words that are no words stay, as they tell nothing."""
    if isinstance(value, str):
        return HIDDEN if value else value
    if isinstance(value, t.Mapping):
        return {key: _hide(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hide(item) for item in value]
    return value
