# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may reach whom, and who must not, as people write it down; and whether policies make it so.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._netpol import matrix, ports
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import ALLOW, DENY, UNDEFINED

MET, MISSED = "met", "missed"
_ENDS = ("source", "destination", "port")
_REQUIRED = (*_ENDS, "verdict")
_FIELDS = ("name", *_REQUIRED)
_EXAMPLE = "Write {source: shop/client, destination: shop/web, port: TCP/80, verdict: allow}; source, destination and port may be lists."


@dataclasses.dataclass(frozen=True)
class Expectation:
    """``verdict``, allow or deny, is what has to be for a new connection. ``where``: the place it was written, for messages."""

    source: str
    destination: str
    port: str
    verdict: str
    name: str = ""
    where: str = ""

    def __str__(self) -> str:
        text = f"{self.source} {'may' if self.verdict == ALLOW else 'must not'} reach {self.destination} on {self.port}"
        return f"{self.name}: {text}" if self.name else text


@dataclasses.dataclass(frozen=True)
class Outcome:
    """An expectation, and what is."""

    expectation: Expectation
    explanation: matrix.Explanation

    @property
    def result(self) -> str:
        """``met``, ``missed``, or ``undefined`` where the API leaves it to the CNI, which is no fault of the policies."""
        if self.explanation.verdict == UNDEFINED:
            return UNDEFINED
        return MET if self.explanation.verdict == self.expectation.verdict else MISSED

    def __str__(self) -> str:
        return f"{self.expectation}: {self.result}"


def parse(entries: t.Any, where: t.Callable[[int], str]) -> t.Tuple[Expectation, ...]:
    """Reads what a file or an option holds: a list of entries, or an object whose ``expectations`` are that list.

    ``where`` tells the place of the entry of that number, from 0; of the whole for -1. An entry with lists is one expectation for each
    combination. Raises BadInputError for what could be misread.
    """
    if isinstance(entries, dict) and set(entries) == {"expectations"}:
        entries = entries["expectations"]
    if not isinstance(entries, (list, tuple)) or not entries:
        raise _errors.BadInputError("holds no list of expectations", where(-1), _EXAMPLE)
    return tuple(one for number, entry in enumerate(entries) for one in _entry(entry, where(number)))


def _entry(entry: t.Any, where: str) -> t.Iterator[Expectation]:
    if not isinstance(entry, dict):
        raise _errors.BadInputError(f"is a {type(entry).__name__}, not an expectation", where, _EXAMPLE)
    unknown = [str(name) for name in entry if name not in _FIELDS]
    if unknown:
        raise _errors.BadInputError(f"has the unknown field {unknown[0]}", where, f"Fields are {', '.join(_FIELDS)}.")
    missing = [name for name in _REQUIRED if entry.get(name) in (None, "", [])]
    if missing:
        raise _errors.BadInputError(f"lacks {missing[0]}", where, _EXAMPLE)
    if entry["verdict"] not in (ALLOW, DENY):
        raise _errors.BadInputError(f"has the verdict {entry['verdict']!r}", where, f"It is {ALLOW} or {DENY}.")
    for source, destination, port in itertools.product(*(_listed(entry[name], name, where) for name in _ENDS)):
        with _at(where):
            yield Expectation(source, destination, str(ports.parse(port)), entry["verdict"], str(entry.get("name") or ""), where)


def _listed(value: t.Any, name: str, where: str) -> t.List[str]:
    values = value if isinstance(value, (list, tuple)) else [value]
    if any(isinstance(one, bool) or not isinstance(one, (str, int)) for one in values):
        raise _errors.BadInputError(f"has {value!r} as {name}, which is no text and no list of such", where, _EXAMPLE)
    return [str(one) for one in values]


def check(found: matrix.Matrix, expected: t.Iterable[Expectation]) -> t.Tuple[Outcome, ...]:
    """What comes of each. Raises BadInputError for an end that is not in the input, which no verdict could be about."""
    return tuple(Outcome(one, explain(found, one.source, one.destination, one.port, one.where)) for one in expected)


def explain(found: matrix.Matrix, source: str, destination: str, port: str, where: str) -> matrix.Explanation:
    """The verdict with its reasons. Raises BadInputError that tells ``where`` that was asked, too."""
    with _at(where):
        return found.explain(source, destination, port)


@contextlib.contextmanager
def _at(where: str) -> t.Iterator[None]:
    """Errors in it name that place, too."""
    try:
        yield
    except _errors.BadInputError as error:
        raise _errors.BadInputError(error.what, ": ".join(filter(None, (where, error.where))), error.next_step) from error
