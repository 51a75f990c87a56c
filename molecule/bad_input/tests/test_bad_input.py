# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What people get wrong: each time one clear message, a failed run, and a cluster that is as it was.

An unsupported architecture or runtime cannot be had from a lab of equal nodes: tests/unit/plugins/module_utils/_cni/preflight.
"""

from __future__ import annotations

import contextlib
import copy
import hashlib
import json
import os
import subprocess
import typing as t
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
INVENTORY = ROOT / os.environ.get("LAB_INVENTORY", "inventories/lab")
PLAYBOOK = "playbooks/migrate-to-calico.yml"
RUN_SECONDS = 240


def run(*arguments: str, inventory: Path = INVENTORY) -> subprocess.CompletedProcess[str]:
    """Runs the migration with these arguments, as a person would from the top of the checkout."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_FORCE_COLOR": "0"}
    argv = ["ansible-playbook", "--inventory", str(inventory), PLAYBOOK, *arguments]
    return subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=RUN_SECONDS, check=False)


def option(**values: t.Any) -> tuple[str, str]:
    return "--extra-vars", json.dumps(values)


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The run failed, said these words, and changed nothing."""
    said = " ".join((done.stdout + done.stderr).split())
    assert done.returncode != 0, said[-3000:]
    assert [word for word in words if word not in said] == [], said[-3000:]
    assert "changed=0" in said
    assert "changed=1" not in said
    assert "Traceback" not in said


@pytest.fixture(autouse=True)
def nothing_changes(core: t.Any, apps: t.Any) -> t.Iterator[None]:
    """Flannel's objects, the demo application and the pods of the whole cluster are the same before and after."""
    before = fingerprint(core, apps)
    yield
    assert fingerprint(core, apps) == before


def fingerprint(core: t.Any, apps: t.Any) -> dict[str, t.Any]:
    flannel = apps.read_namespaced_daemon_set("kube-flannel-ds", "kube-flannel")
    return {
        "daemonset": flannel.metadata.generation,
        "net-conf": core.read_namespaced_config_map("kube-flannel-cfg", "kube-flannel").data["net-conf.json"],
        "pods": sorted(pod.metadata.uid for pod in core.list_pod_for_all_namespaces().items),
        "namespaces": sorted(namespace.metadata.name for namespace in core.list_namespace().items),
        "annotations": {node.metadata.name: sorted(node.metadata.annotations) for node in core.list_node().items},
        "journal": [item.metadata.name for item in core.list_namespaced_config_map("kube-system").items if "podnet" in item.metadata.name],
    }


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"kubeconfig": "/nowhere/kubeconfig"}, ["/nowhere/kubeconfig", "inventory variable kubeconfig"]),
        ({"cni_migration_strategy": "sideways"}, ["sideways", "cutover"]),
        ({"calico_manifest": "/nowhere/calico.yml"}, ["/nowhere/calico.yml"]),
        ({"calico_manifest_checksum": f"sha256:{'0' * 64}"}, ["0" * 64, "calico.yml"]),
        ({"cni_migration_network": "10.96.0.0/16"}, ["pool-overlaps-services", "10.96.0.0/16"]),
        ({"cni_migration_network": "192.168.0.0/16"}, ["192.168.0.0/16"]),
        ({"cni_migration_network": "10.244.0.0/33"}, ["10.244.0.0/33"]),
    ],
    ids=[
        "no kubeconfig",
        "unknown strategy",
        "no manifest",
        "wrong checksum",
        "pool on Services",
        "pool outside the pod range",
        "not a range",
    ],
)
def test_wrong_option(options: dict[str, str], words: list[str]) -> None:
    refused(run(*option(**options)), *words)


def test_kubeconfig_of_another_server(tmp_path: Path) -> None:
    """Nothing listens on port 1 of the lab's own gateway."""
    text = Path(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig")).read_text()
    wrong = tmp_path / "kubeconfig"
    wrong.write_text(text.replace("172.30.0.11:6443", "172.30.0.1:1"))
    refused(run(*option(kubeconfig=str(wrong))), "172.30.0.1", "not reachable")


def test_manifest_that_is_not_yaml(tmp_path: Path) -> None:
    broken = tmp_path / "calico.yml"
    broken.write_text("kind: DaemonSet\n  metadata: {name: calico-node\n")
    checksum = hashlib.sha256(broken.read_bytes()).hexdigest()
    refused(run(*option(calico_manifest=str(broken), calico_manifest_checksum=f"sha256:{checksum}")), str(broken), "YAML", "line 2")


def test_unreachable_node(tmp_path: Path) -> None:
    """An address of the lab's own network that nobody has."""
    inventory = tmp_path / "inventory"
    (inventory / "group_vars").mkdir(parents=True)
    (inventory / "hosts.yml").write_text((INVENTORY / "hosts.yml").read_text().replace("172.30.0.13", "172.30.0.99"))
    (inventory / "group_vars/all.yml").write_text((INVENTORY / "group_vars/all.yml").read_text())
    done = run(inventory=inventory)
    assert done.returncode != 0
    assert "nodes-reachable" in done.stdout + done.stderr
    assert "changed=1" not in done.stdout


def test_pod_ranges_outside_flannels_network(core: t.Any) -> None:
    with net_conf(core, Network="10.250.0.0/16"):
        refused(run(), "podcidr-inside-network", "10.250.0.0/16")


@contextlib.contextmanager
def net_conf(core: t.Any, **changes: t.Any) -> t.Iterator[None]:
    """flannel's configuration with changes; flannel itself reads it only when it starts."""
    original = core.read_namespaced_config_map("kube-flannel-cfg", "kube-flannel").data["net-conf.json"]
    changed = json.dumps({**json.loads(original), **changes})
    core.patch_namespaced_config_map("kube-flannel-cfg", "kube-flannel", {"data": {"net-conf.json": changed}})
    try:
        yield
    finally:
        core.patch_namespaced_config_map("kube-flannel-cfg", "kube-flannel", {"data": {"net-conf.json": original}})


def test_two_flannel_daemonsets(apps: t.Any) -> None:
    with second_flannel(apps):
        refused(run(), "one-flannel", "kube-flannel-second")


@contextlib.contextmanager
def second_flannel(apps: t.Any) -> t.Iterator[None]:
    """A second DaemonSet of flannel's that fits no node."""
    original = apps.read_namespaced_daemon_set("kube-flannel-ds", "kube-flannel")
    second = copy.deepcopy(original)
    second.metadata = {"name": "kube-flannel-second"}
    second.status = None
    labels = {"app": "flannel-second"}
    second.spec.selector.match_labels = labels
    second.spec.template.metadata.labels = labels
    second.spec.template.spec.node_selector = {"podnet.test/nowhere": "true"}
    apps.create_namespaced_daemon_set("kube-flannel", second)
    try:
        yield
    finally:
        apps.delete_namespaced_daemon_set("kube-flannel-second", "kube-flannel")


def test_flannel_that_a_gitops_tool_would_bring_back(apps: t.Any) -> None:
    note = "argocd.argoproj.io/tracking-id"
    apps.patch_namespaced_daemon_set("kube-flannel-ds", "kube-flannel", {"metadata": {"annotations": {note: "flannel:apps/DaemonSet"}}})
    try:
        refused(run(), "not-managed-by-gitops", "Argo CD")
    finally:
        apps.patch_namespaced_daemon_set("kube-flannel-ds", "kube-flannel", {"metadata": {"annotations": {note: None}}})
