# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import yaml

from lab import cluster, services, settings


def test_the_committed_inventory_is_the_default_labs() -> None:
    committed = settings.REPOSITORY / "inventories/lab/hosts.yml"
    assert committed.read_text() == cluster.inventory(settings.plan_nodes(3, 0))


def test_inventory_has_kubesprays_groups_and_only_addresses() -> None:
    inventory = yaml.safe_load(cluster.inventory(settings.plan_nodes(4, 1)))["k8s_cluster"]["children"]
    assert inventory["kube_control_plane"]["hosts"] == {"n1": {"ansible_host": "172.30.0.11"}}
    assert list(inventory["kube_node"]["hosts"]) == ["n2", "n3", "n4"]
    assert inventory["kube_node"]["hosts"]["n4"] == {"ansible_host": "172.30.1.14"}


def test_a_lab_of_one_node_has_no_worker() -> None:
    inventory = yaml.safe_load(cluster.inventory(settings.plan_nodes(1, 0)))
    assert not inventory["k8s_cluster"]["children"]["kube_node"]["hosts"]


def test_variables_point_to_where_the_lab_keeps_things() -> None:
    made = settings.from_environment({})
    variables = yaml.safe_load(services.INVENTORY_VARIABLES.read_text())
    assert variables["kubeconfig"] == str(made.kubeconfig)
    assert variables["ansible_ssh_private_key_file"] == str(made.ssh_key)
    assert str(made.known_hosts) in variables["ansible_ssh_common_args"]
    assert variables["calico_manifest"] == f"http://{made.gateway}:{services.MANIFESTS_PORT}/calico.yml"
