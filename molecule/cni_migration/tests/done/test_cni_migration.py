# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import typing as t

import pytest
from kubernetes.client.exceptions import ApiException

from tests.support import mesh

testinfra_hosts = ["ansible://k8s_cluster"]
FLANNEL = "flannel.alpha.coreos.com/"


def test_flannels_devices_are_gone(links: dict[str, t.Any]) -> None:
    assert [name for name in links if name.startswith("flannel") or name == "cni0"] == []


def test_flannels_rules_are_gone_from_both_iptables_backends(firewall: str) -> None:
    assert [line for line in firewall.splitlines() if "flannel" in line.lower()] == []


def test_no_route_leads_to_flannels_devices(host: t.Any) -> None:
    routes = json.loads(host.check_output("ip -j route show table all"))
    assert [route for route in routes if route.get("dev", "").startswith(("flannel", "cni0"))] == []


@pytest.mark.parametrize("path", ["/run/flannel", "/opt/cni/bin/flannel", "/var/lib/cni/flannel", "/var/lib/cni/networks/cbr0"])
def test_flannels_files_are_gone(host: t.Any, path: str) -> None:
    assert not host.file(path).exists


def test_the_conflist_is_calicos_alone(host: t.Any) -> None:
    assert sorted(host.file("/etc/cni/net.d").listdir()) == ["10-calico.conflist", "calico-kubeconfig"]


def test_plugins_that_calico_shares_are_still_there(host: t.Any) -> None:
    assert {"calico", "calico-ipam", "portmap", "loopback"} <= set(host.file("/opt/cni/bin").listdir())


def test_what_was_removed_is_kept_in_a_backup_for_root_alone(host: t.Any) -> None:
    backup = host.file("/var/backups/podnet.cni")
    assert backup.mode == 0o700
    single = host.check_output("find /var/backups/podnet.cni -name 10-flannel.conflist").split()
    archives = host.check_output("find /var/backups/podnet.cni -name files.tar.gz").split()
    packed = [name for archive in archives for name in host.check_output("tar --list --file %s", archive).splitlines()]
    assert any(name.endswith("/10-flannel.conflist") for name in single + packed)


def test_flannel_is_gone_from_the_api_server(core: t.Any) -> None:
    with pytest.raises(ApiException, match="Not Found"):
        core.read_namespace("kube-flannel")
    names = {name for node in core.list_node().items for name in node.metadata.annotations}
    assert [name for name in sorted(names) if name.startswith((FLANNEL, "podnet.io/network-drift"))] == []


def test_the_journal_is_closed_and_holds_flannels_objects(core: t.Any) -> None:
    journal = core.read_namespaced_config_map("podnet-cni-migration", "kube-system").data
    assert journal["phase"] == "done"
    assert "kube-flannel-ds" in journal["objects"]


def test_the_verification_left_nothing(core: t.Any) -> None:
    assert "podnet-verification" not in {namespace.metadata.name for namespace in core.list_namespace().items}


def test_the_demo_application_survived(core: t.Any, host: t.Any) -> None:
    address = core.read_namespaced_service("myapp", "default").spec.cluster_ip
    assert "Hello MyApp" in host.check_output(f"curl --silent --fail --max-time 5 http://{address}/")


def test_the_settings_of_the_mixed_phase_are_put_back(host: t.Any) -> None:
    assert not host.file("/etc/sysctl.d/99-zz-podnet-cni.conf").exists
    assert not host.file("/var/lib/podnet.cni/coexistence.json").exists


def test_the_limits_of_calicos_address_management_are_lifted(custom: t.Any) -> None:
    config = custom.get_cluster_custom_object("crd.projectcalico.org", "v1", "ipamconfigs", "default")["spec"]
    assert (config["autoAllocateBlocks"], config["strictAffinity"], config.get("maxBlocksPerHost", 0)) == (True, False, 0)
    assert custom.list_cluster_custom_object("crd.projectcalico.org", "v1", "ipreservations")["items"] == []


def test_calico_runs_where_no_label_asks_for_it(core: t.Any, apps: t.Any) -> None:
    selector = apps.read_namespaced_daemon_set("calico-node", "kube-system").spec.template.spec.node_selector
    assert selector == {"kubernetes.io/os": "linux"}
    assert core.list_node(label_selector="podnet.io/calico").items == []


def test_every_pair_of_moved_pods_talks_with_its_own_addresses(core: t.Any) -> None:
    assert [str(answer) for answer in mesh.ask_all(core) if not (answer.reached and answer.kept)] == []
