# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.probes import BROKEN, REACHED, REFUSED, SILENT, UNREAD
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import proof
from tests.support.verification_cases import CALICO, CLUSTER, SCENE, policy


@pytest.mark.parametrize(
    ("words", "result", "seen"),
    [
        ((REACHED, SILENT, REACHED), "passed", "reached before, timeout while denied, reached after"),
        ((SILENT, SILENT, REACHED), "failed", "before the policy the sentinel did not answer"),
        ((REACHED, REFUSED, REACHED), "failed", "refused and not dropped"),
        ((REACHED, REACHED, REACHED), "failed", "did not make these time out"),
        ((REACHED, BROKEN, REACHED), "failed", "did not make these time out"),
        ((REACHED, UNREAD, REACHED), "failed", "did not make these time out"),
        ((REACHED, SILENT, SILENT), "failed", "after the policy was removed the sentinel did not answer"),
    ],
)
def test_policy(words: tuple[str, str, str], result: str, seen: str) -> None:
    checks = proof.canary_checks(SCENE, CLUSTER, CALICO, (), policy(SCENE, *words))
    (check,) = [check for check in checks if check.id == "policy-enforced"]
    assert check.result == result
    assert seen in check.seen
