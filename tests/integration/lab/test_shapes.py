# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters of another shape: one node alone, and nodes behind a router."""

from __future__ import annotations

import pytest

from tests.support.lab_commands import changes, lab, migrate, run

pytestmark = pytest.mark.long
INVENTORY = "build/inventory"


@pytest.mark.parametrize(("nodes", "far", "pairs"), [(1, 0, 0), (4, 2, 12)])
def test_migration(nodes: int, far: int, pairs: int) -> None:
    shape = {"LAB_NODES": str(nodes), "LAB_FAR_NODES": str(far)}
    run(lab("reset"), **shape)
    said = run(migrate(inventory=INVENTORY))
    assert "0 failed" in said
    assert f"{pairs} of {pairs} ways" in said if pairs else "pod-to-pod" in said
    assert changes(run(migrate(inventory=INVENTORY))) == {0}
