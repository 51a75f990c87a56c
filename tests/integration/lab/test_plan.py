# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A run that is bound to a plan: refused by another cluster, begun by the plan's, and gone on with after it was killed."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from kubernetes import client, config

from ansible_collections.podnet.cni.plugins.module_utils._kube.waiting import Deadline
from tests.support.lab_commands import ROOT, changes, kill_when, lab, migrate, run

pytestmark = pytest.mark.long

IMAGE = "registry.k8s.io/e2e-test-images/agnhost:2.53"


def test_a_run_is_bound_to_its_plan(tmp_path: Path) -> None:
    run(lab("reset"))
    config.load_kube_config(os.environ.get("KUBECONFIG", "/var/lib/podnet-lab/kubeconfig"))
    core = client.CoreV1Api()
    run(migrate("--check", "-e", f"cni_migration_plan_dir={tmp_path}"))
    assert "- DaemonSet kube-flannel/kube-flannel-ds" in (tmp_path / "plan.md").read_text()
    bound = migrate("-e", f"cni_migration_plan={tmp_path / 'plan.json'}")

    reschedule(core)
    container = client.V1Container(name="late", image=IMAGE, args=["pause"])
    late = client.V1Pod(metadata=client.V1ObjectMeta(name="late"), spec=client.V1PodSpec(containers=[container], node_name="n2"))
    core.create_namespaced_pod("default", late)
    said = refused(bound)
    assert "- workloads: Pod default/late was not in the plan" in said
    assert {0} == changes(said), "a run that is refused changes nothing"
    assert journal(core) == {}
    core.delete_namespaced_pod("late", "default", grace_period_seconds=0)

    kill_when(bound, "Move the pods by their owners' rollouts")
    run(bound)
    assert journal(core)["plan"] == json.loads((tmp_path / "plan.json").read_text())["hash"]
    assert journal(core)["phase"] == "done"


def reschedule(core: client.CoreV1Api) -> None:
    """Other pods of the same workloads are no other cluster."""
    before = [pod.metadata for pod in core.list_namespaced_pod("default").items]
    for gone in before:
        core.delete_namespaced_pod(gone.name, "default")
    old = {gone.uid for gone in before}
    uids = Deadline(120).poll(lambda: ready(core, "default"), lambda seen: len(seen) == len(old) and not seen & old)
    assert (len(uids), uids & old) == (len(old), set())


def ready(core: client.CoreV1Api, namespace: str) -> set[str]:
    pods = core.list_namespaced_pod(namespace).items
    return {pod.metadata.uid for pod in pods if any(item.type == "Ready" and item.status == "True" for item in pod.status.conditions or ())}


def refused(argv: list[str]) -> str:
    """What a run said that has to fail."""
    environment = {**os.environ, "ANSIBLE_NOCOLOR": "1"}
    done = subprocess.run(argv, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode != 0
    return done.stdout


def journal(core: client.CoreV1Api) -> dict[str, str]:
    found = core.list_namespaced_config_map("kube-system", field_selector="metadata.name=podnet-cni-migration").items
    return dict(found[0].data or {}) if found else {}
