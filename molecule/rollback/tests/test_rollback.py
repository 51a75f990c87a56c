# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

testinfra_hosts = ["local://"]


def test_a_pod_that_nobody_would_replace_was_restarted_in_place_once(core: t.Any) -> None:
    (status,) = core.read_namespaced_pod("bare", "rollback").status.container_statuses
    assert (status.restart_count, status.ready) == (1, True)


def test_the_journal_says_how_it_ended(core: t.Any) -> None:
    journal = core.read_namespaced_config_map("podnet-cni-migration", "kube-system").data
    assert (journal["source"], journal["phase"], journal["outcome"]) == ("flannel", "done", "rolled-back")
