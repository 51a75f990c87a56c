# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that node modules share. Their argument specs are in module_utils/_node/options.py; change both together."""

from __future__ import annotations


class ModuleDocFragment:
    """``podnet.cni.node_directories`` is where a node keeps CNI configurations, ``podnet.cni.node_directories.backup`` where copies go."""

    DOCUMENTATION = r"""
options:
  conf_dir:
    description:
      - The directory of CNI configurations.
      - By default what the container runtime uses, and V(/etc/cni/net.d) if it does not tell.
    type: path
"""

    BACKUP = r"""
options:
  backup_dir:
    description:
      - Where backups go, each into a subdirectory named after its content.
      - Must be outside O(conf_dir). Readable by root only, as kubeconfigs hold tokens.
    type: path
    default: /var/backups/podnet.cni
"""
