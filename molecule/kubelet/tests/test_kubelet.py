# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://k8s_cluster"]
MARK = "/run/podnet-kubelet-before"


def main_pid(host: t.Any) -> str:
    return t.cast(str, host.check_output("systemctl show --property MainPID --value kubelet"))


def test_kubelet_runs(host: t.Any) -> None:
    assert host.service("kubelet").is_running


def test_restart_always_gave_a_new_process(host: t.Any) -> None:
    """prepare.yml noted the process before it asked for a restart."""
    assert host.file(MARK).content_string.strip() not in ("", "0", main_pid(host))


def test_idempotent_runs_since_then_left_it_alone(host: t.Any) -> None:
    assert host.file(f"{MARK}.restarted").content_string.strip() == main_pid(host)


def test_node_is_ready(host: t.Any, core: t.Any) -> None:
    node = core.read_node(host.check_output("hostname"))
    assert [c.status for c in node.status.conditions if c.type == "Ready"] == ["True"]
