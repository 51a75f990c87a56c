# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What NetworkPolicies allow, computed: `load` objects, ask the `World` for a `Matrix`, a `Difference` or `Finding` records.

Pure: no I/O, no clock, no Ansible; objects are the API's own dictionaries. Private: may change at any time.
"""

from __future__ import annotations

from ansible_collections.podnet.cni.plugins.module_utils._netpol.difference import Change, Difference
from ansible_collections.podnet.cni.plugins.module_utils._netpol.matrix import Explanation, Group, Matrix, Reason
from ansible_collections.podnet.cni.plugins.module_utils._netpol.model import ALLOW, DENY, UNDEFINED, Finding, Place
from ansible_collections.podnet.cni.plugins.module_utils._netpol.profiles import PROFILES, Profile
from ansible_collections.podnet.cni.plugins.module_utils._netpol.world import Document, InvalidPolicyError, World, load

__all__ = [
    "ALLOW",
    "DENY",
    "PROFILES",
    "UNDEFINED",
    "Change",
    "Difference",
    "Document",
    "Explanation",
    "Finding",
    "Group",
    "InvalidPolicyError",
    "Matrix",
    "Place",
    "Profile",
    "Reason",
    "World",
    "load",
]
