# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role calls its switch in the journal is what the preflight of a migration knows it by."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import situation

ROOT = Path(__file__).parents[2]


def test_one_name() -> None:
    variables = yaml.safe_load((ROOT / "roles" / "flannel" / "vars" / "main.yml").read_text())
    assert variables["_flannel_strategy"] == situation.SWITCH
