# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Everything that differs on a node from what its CNI has to have there.

Pure: no I/O. Private: may change at any time.
"""

from __future__ import annotations

import typing as t

from ansible_collections.podnet.cni.plugins.module_utils._cni import snapshot
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import difference, flannel_difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.difference import Difference
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.expectation import Expectation
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends.mesh import FlannelExpectation


def compare(expected: Expectation, seen: snapshot.NodeSnapshot) -> t.Tuple[Difference, ...]:
    """All of it, what carries the rest first."""
    if isinstance(expected, FlannelExpectation):
        return (
            *flannel_difference.announced(expected, seen),
            *difference.common(expected, seen),
            *flannel_difference.pods(expected, seen),
        )
    return tuple(difference.common(expected, seen))
