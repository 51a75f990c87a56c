# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Beside the tests of scenario calico, which run here too: what only a cluster that never had another CNI can show."""

from __future__ import annotations

import typing as t

testinfra_hosts = ["ansible://k8s_cluster"]


def test_no_other_cni_was_ever_here(host: t.Any) -> None:
    assert not host.file("/run/flannel").exists
    assert sorted(host.file("/etc/cni/net.d").listdir()) == ["10-calico.conflist", "calico-kubeconfig"]


def test_dns_pods_run(core: t.Any) -> None:
    pods = core.list_namespaced_pod("kube-system", label_selector="k8s-app=kube-dns").items
    assert [pod.status.phase for pod in pods] == ["Running", "Running"]
