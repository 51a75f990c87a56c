# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds frozen dataclasses back from the plain dictionaries that travel between modules.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors

#: (record type, field) -> the record type of that field, or of its items.
Nesting = t.Mapping[t.Tuple[type, str], type]

_Record = t.TypeVar("_Record")


def build(kind: t.Type[_Record], data: t.Mapping[str, t.Any], nesting: Nesting) -> _Record:
    """An instance of ``kind`` from ``data``; lists become tuples. A key that is no field raises TypeError."""
    return kind(**{name: _value(nesting.get((kind, name)), value, nesting) for name, value in data.items()})


def _value(kind: t.Optional[type], value: t.Any, nesting: Nesting) -> t.Any:
    if isinstance(value, (list, tuple)):
        return tuple(_value(kind, item, nesting) for item in value)
    if kind is not None and isinstance(value, t.Mapping):
        return build(kind, value, nesting)
    return value


@contextlib.contextmanager
def in_option(name: str, module: str) -> t.Iterator[None]:
    """Turns the failure of a `build` in it into an error that names the option and the module whose answer the option takes."""
    try:
        yield
    except (TypeError, AttributeError) as error:
        advice = f"Pass what podnet.cni.{module} of this version returns."
        raise _errors.BadInputError(f"does not hold a snapshot: {error}", f"option {name}", advice) from error


def plain(value: t.Any) -> t.Any:
    """The inverse of `build`: dictionaries for dataclasses, lists for tuples. Takes a fifth of the time of ``dataclasses.asdict``."""
    # Most values by far are these, and the other questions are slow.
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return {name: plain(item) for name, item in (value if isinstance(value, dict) else vars(value)).items()}
