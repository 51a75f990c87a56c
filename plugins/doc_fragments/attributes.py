# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every module says about check mode, diff mode and idempotence.

A module that uses the fragment sets ``support`` of the three attributes in its own ``attributes:`` block.
"""

from __future__ import annotations


class ModuleDocFragment:
    """The attributes' descriptions; a module's own documentation adds to what extent it has them."""

    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: Can run in check mode and return what would change, without changing anything.
  diff_mode:
    description: Returns details of what changed, or in check mode would change, when in diff mode.
  idempotent:
    description: Changes nothing when run again in the same circumstances.
"""
