# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest

testinfra_hosts = ["ansible://k8s_cluster"]


def test_devices_and_routes_are_gone(host: t.Any, links: dict[str, t.Any]) -> None:
    assert not {"flannel.1", "cni0"} & set(links)
    assert [route for route in json.loads(host.check_output("ip -j route show table all")) if route["dst"].startswith("10.250.")] == []


def test_rules_are_gone_from_both_iptables_backends(firewall: str) -> None:
    assert [line for line in firewall.splitlines() if "flannel" in line.lower()] == []


def test_native_table_is_gone(host: t.Any) -> None:
    assert "flannel" not in host.check_output("nft list tables")


@pytest.mark.parametrize(
    "path",
    ["/run/flannel", "/var/lib/cni/flannel", "/var/lib/cni/networks/cbr0", "/opt/cni/bin/flannel", "/etc/cni/net.d/90-flannel.conflist"],
)
def test_files_are_gone(host: t.Any, path: str) -> None:
    assert not host.file(path).exists


def test_the_leases_are_in_the_backup(host: t.Any) -> None:
    archives = host.check_output("find /var/backups/podnet.cni -name files.tar.gz").splitlines()
    members = "".join(host.check_output(f"tar --list --gzip --file {archive}") for archive in archives)
    assert "10.250." in members


def test_everything_else_is_still_there(host: t.Any, links: dict[str, t.Any]) -> None:
    assert {"podnet-keep", "vxlan.calico"} <= set(links)
    before = host.file("/run/podnet-nat-before").content_string.splitlines()
    after = host.check_output("iptables-legacy-save -t nat").splitlines()
    assert [line for line in before if "PODNET-KEEP" in line and line not in after] == []


def test_calico_was_not_touched(host: t.Any) -> None:
    assert sorted(host.file("/etc/cni/net.d").listdir()) == ["10-calico.conflist", "calico-kubeconfig"]
