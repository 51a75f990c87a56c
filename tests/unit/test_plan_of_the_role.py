# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of a migration and the role that makes it speak of the same steps and the same settings."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster
from ansible_collections.podnet.cni.plugins.module_utils._cni.migration_plan import build, model

ROLE = Path(__file__).parents[2] / "roles" / "cni_migration"
STEP = re.compile(r"__cni_migration_step: ([a-z-]+)$", re.MULTILINE)
# Before the journal is there, nothing can be noted in it.
UNNOTED = {"begin-journal"}
FLANNEL = cluster.Flannel(cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel"))


def noted(strategy: str) -> set[str]:
    """The steps that the role notes in the journal; those of batches are made of their names."""
    files = [ROLE / "tasks" / "strategy" / f"{strategy}.yml", *(ROLE / "tasks" / strategy).glob("*.yml")]
    return {name for path in files for name in STEP.findall(path.read_text())}


@pytest.mark.parametrize("strategy", model.STRATEGIES)
def test_every_step_has_the_name_that_the_journal_gives_it(strategy: str) -> None:
    facts = model.Facts(cluster.ClusterSnapshot(flannel=(FLANNEL,)), "flannel", "10.244.0.0/16", strategy)
    planned = {step.name for step in build.build(facts).steps} - UNNOTED
    assert planned == noted(strategy)


def test_the_role_tells_the_plan_every_setting_it_understands() -> None:
    told: dict[str, t.Any] = yaml.safe_load((ROLE / "vars" / "main.yml").read_text())["__cni_migration_plan_settings"]
    source = Path(build.__file__).read_text()
    understood = set(re.findall(r'(?:setting|_number)\((?:facts, )?"([a-z_]+)"', source)) | {"pause_after", "pause_before", "traffic_gates"}
    assert len(understood) > 7
    assert understood - set(told) == set()
