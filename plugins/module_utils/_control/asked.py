# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What modules about network policies are asked: expectations of an option or a file, and errors that tell the lines of manifests.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._control import sources
from ansible_collections.podnet.cni.plugins.module_utils._control.objects import Manifests
from ansible_collections.podnet.cni.plugins.module_utils._images import documents
from ansible_collections.podnet.cni.plugins.module_utils._netpol import Finding, InvalidPolicyError, expectations
from ansible_collections.podnet.cni.plugins.module_utils._report import policies

#: The option, and the field of a file that is an object.
_EXPECTATIONS = "expectations"


@contextlib.contextmanager
def located(manifests: Manifests) -> t.Iterator[None]:
    """An error tells the line of each field that is refused, and the result has all of them."""
    try:
        yield
    except InvalidPolicyError as error:
        found = sorted(map(manifests.located, error.findings), key=_position)
        refused = InvalidPolicyError(found)
        refused.result = {"findings": list(map(policies.finding, found))}
        raise refused from error


def _position(one: Finding) -> t.Tuple[str, int, int]:
    return one.place.file, one.place.document, one.place.line


def expected(given: t.Any) -> t.Tuple[expectations.Expectation, ...]:
    """What the option ``expectations`` holds: nothing, a list, or the path or URL of a file. Raises BadInputError with file and line."""
    if given is None:
        return ()
    if not isinstance(given, str):
        return expectations.parse(given, lambda number: f"expectations[{number}]" if number >= 0 else _EXPECTATIONS)
    label = sources.without_user(given) if sources.is_url(given) else given
    written = list(documents.compose(sources.decode(sources.read(given), label), label))
    if len(written) != 1:
        raise _errors.BadInputError(f"holds {len(written)} documents", label, "A file of expectations is one.")
    root, data = written[0].root, documents.data(written[0].root)
    path = _EXPECTATIONS if isinstance(data, dict) else ""
    return expectations.parse(
        data, lambda number: f"{label}, line {documents.line_of(root, f'{path}[{number}]')}" if number >= 0 else label
    )


def fault(one: expectations.Outcome) -> str:
    """An expectation that is missed, in words."""
    where = f"{one.expectation.where}: " if one.expectation.where else ""
    reasons = "; ".join(reason.text for reason in one.explanation.reasons)
    return f"{where}{one.expectation}, but the verdict is {one.explanation.verdict}{reasons and f' ({reasons})'}"
