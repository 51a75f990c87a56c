# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's one exception tree.

Library code raises; only what calls a module's work turns an error into a failed task.
Private: may change at any time.
"""

from __future__ import annotations

import typing as t


class PodnetError(Exception):
    """A failure a person can act on: what was found, where, and what to do next."""

    #: What the module returns beside the message.
    result: t.Mapping[str, t.Any] = {}

    def __init__(self, what: str, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        end = "" if self.what.endswith(".") else "."
        advice = f" {self.next_step}" if self.next_step else ""
        return f"{place}{self.what}{end}{advice}"


class BadInputError(PodnetError):
    """An option, file or manifest cannot be used as it is."""


class UnmeasurableError(BadInputError):
    """There is nothing that could be measured, or too much; what is asked for would be right elsewhere."""


class NodeError(PodnetError):
    """A node's kernel, files or runtime could not be read or changed."""


class ClusterError(PodnetError):
    """The API server refused, did not answer, or never reached the expected state."""


class UnavailableError(ClusterError):
    """The API server does not answer, or not now: whoever waits for something asks again."""


class HarborError(PodnetError):
    """Harbor refused, did not answer, or is not in the state that was asked for."""


class RegistryError(PodnetError):
    """A registry of images refused, did not answer, or holds something else than it says."""


class StillAliveError(PodnetError):
    """Something would be removed although the CNI it belongs to still runs."""


class FoundFailingError(PodnetError):
    """The module did its work, and what it found or could not finish is a failure: the message as it is, and the result."""

    def __init__(self, message: str, result: t.Mapping[str, t.Any]) -> None:
        super().__init__(message)
        self.result = result

    def __str__(self) -> str:
        return self.what
