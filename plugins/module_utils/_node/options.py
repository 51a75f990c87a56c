# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Argument specs of options that node modules share. doc_fragments/node_directories.py documents them; change both together.

Private: may change at any time.
"""

from __future__ import annotations

import typing as t

CONF_DIR: t.Mapping[str, t.Any] = {"conf_dir": {"type": "path"}}
BACKUP_DIR: t.Mapping[str, t.Any] = {"backup_dir": {"type": "path", "default": "/var/backups/podnet.cni"}}
