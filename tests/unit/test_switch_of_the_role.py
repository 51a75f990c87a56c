# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What YAML has to write once more of a switch of flannel's backend is what the code says."""

from __future__ import annotations

from pathlib import Path

import yaml

from ansible_collections.podnet.cni.plugins.module_utils._cni import objects
from ansible_collections.podnet.cni.plugins.module_utils._cni.backends import table
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import situation

ROOT = Path(__file__).parents[2]


def test_the_journal_s_name_of_it() -> None:
    variables = yaml.safe_load((ROOT / "roles" / "flannel" / "vars" / "main.yml").read_text())
    assert variables["_flannel_strategy"] == situation.SWITCH


def test_the_backends_to_choose_from() -> None:
    specs = yaml.safe_load((ROOT / "roles" / "flannel" / "meta" / "argument_specs.yml").read_text())
    assert specs["argument_specs"]["switch"]["options"]["flannel_backend_type"]["choices"] == ["", *table.BACKENDS]


def test_the_annotation_that_goes_with_flannel() -> None:
    template = (ROOT / "roles" / "network_inspection" / "templates" / "drift_notes.yml.j2").read_text()
    assert f"    {objects.DRIFT_NOTE}: " in template
