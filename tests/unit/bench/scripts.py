# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The bench's scripts import their neighbours by bare names, as scripts do; tests import them the same way."""

from __future__ import annotations

import importlib
import sys
import types
from pathlib import Path
from unittest import mock

BENCH = Path(__file__).parents[2] / "bench"


def load(name: str) -> types.ModuleType:
    with mock.patch.object(sys, "path", [str(BENCH), *sys.path]):
        return importlib.import_module(name)
