# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the long tests need to do harm to a migration at a chosen step, and to see afterwards that nothing of the user's was lost."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

from kubernetes import client, config

from tests.support.lab_commands import ROOT, changes, environment, leftovers_of_flannel, migrate, on_nodes, run

STEP_SECONDS = 400
END_SECONDS = 600
SETTINGS = "cd /proc/sys/net/ipv4 && grep . ip_forward conf/all/* conf/default/* conf/eth0/*"
KUBECONFIG = "/var/lib/podnet-lab/kubeconfig"

#: What only the API server writes, or a restart.
_WRITTEN_BY_OTHERS = (
    "deployment.kubernetes.io/revision",
    "deprecated.daemonset.template.generation",
    "kubectl.kubernetes.io/restartedAt",
)
#: Its plugin's, on a pod that it has given an address.
_WRITTEN_BY_CALICO = "cni.projectcalico.org/"


@dataclasses.dataclass(frozen=True)
class World:
    """What belongs to the users, and the kernel's settings on the nodes."""

    objects: dict[str, t.Any]
    settings: set[str]


class JournaledRun:
    """A change in the background, with its journal in a file of its ``folder`` that tells which step it is at."""

    def __init__(self, folder: Path, command: t.Callable[[Path], list[str]]) -> None:
        """``command`` is made for that file."""
        self._journal = folder / "journal.jsonl"
        self._journal.unlink(missing_ok=True)
        self._log = folder / "run.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command(self._journal), cwd=ROOT, env=environment(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )

    @property
    def said(self) -> str:
        return self._log.read_text(errors="replace")

    def wait_for(self, step: str) -> None:
        """Returns when the journal says that the step begins."""
        end = time.monotonic() + STEP_SECONDS
        while step not in self._steps():
            assert self._process.poll() is None, f"it ended before step {step}:\n{self.said[-4000:]}"
            assert time.monotonic() < end, f"no step {step} within {STEP_SECONDS} s:\n{self.said[-4000:]}"
            time.sleep(0.05)  # between two looks

    def kill(self) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        assert self._process.wait(timeout=30) == -signal.SIGKILL, f"it ended before it could be killed:\n{self.said[-2000:]}"

    def end(self) -> int:
        """Waits for its end; returns its exit code."""
        return self._process.wait(timeout=END_SECONDS)

    def _steps(self) -> set[str]:
        lines = self._journal.read_text().splitlines() if self._journal.exists() else []
        return {json.loads(line).get("step", "") for line in lines if line.endswith("}")}


class Migration(JournaledRun):
    """A migration in the background."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        super().__init__(folder, lambda journal: migrate("-e", f"cni_migration_journal_file={journal}", *arguments))


def kill_at(step: str, after: float, folder: Path, *arguments: str) -> None:
    """Starts a migration and kills it, some seconds after its journal says that this step begins."""
    migration = Migration(folder, *arguments)
    migration.wait_for(step)
    time.sleep(after)  # into the middle of what was announced: a moment, not a condition that could be polled
    migration.kill()


def refused(*arguments: str) -> str:
    """Runs a migration that has to stop by itself; returns what it said."""
    done = subprocess.run(
        migrate(*arguments), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=END_SECONDS, check=False
    )
    assert done.returncode not in (0, None), f"it did not stop:\n{done.stdout[-4000:]}"
    assert "Traceback" not in done.stdout + done.stderr, done.stdout[-4000:]
    return plain(done.stdout + done.stderr)


def plain(said: str) -> str:
    """The words of a playbook's output in one line, however Ansible wrapped and escaped them."""
    return " ".join(said.replace("''", "'").replace('\\"', '"').replace("\\n", " ").split())


def api() -> client.ApiClient:
    config.load_kube_config(os.environ.get("KUBECONFIG", KUBECONFIG))
    return client.ApiClient()


def look() -> World:
    return World(_objects(api()), on_nodes(SETTINGS))


def assert_moved(before: World) -> None:
    """One more run has nothing to do, flannel and the window have left no trace, and the users' objects are as they were."""
    assert changes(run(migrate())) == {0}
    assert leftovers_of_flannel() == []
    assert traces_of_the_window() == []
    assert lost(before) == {}
    assert on_nodes(SETTINGS) == before.settings


def lost(before: World) -> dict[str, t.Any]:
    """What the users declared and is not the same any more, as it is now."""
    now = _objects(api())
    return {name: now.get(name) for name, declared in before.objects.items() if now.get(name) != declared}


def traces_of_the_window() -> list[str]:
    """What only a migration under way has: labels, the lock, the probe's namespace, a cordon, files on the nodes."""
    core = client.CoreV1Api(api())
    nodes = core.list_node().items
    labels = [f"{node.metadata.name}: {label}" for node in nodes for label in node.metadata.labels if label.startswith("podnet.io/")]
    cordoned = [f"{node.metadata.name} is cordoned" for node in nodes if node.spec.unschedulable]
    ours = core.list_namespace(label_selector="app.kubernetes.io/managed-by=podnet.cni").items
    files = on_nodes("find /var/lib/podnet.cni /etc/sysctl.d/99-zz-podnet-cni.conf -type f", may_fail=True)
    return [*labels, *cordoned, *(space.metadata.name for space in ours), *locks(), *(name for name in files if name.startswith("/"))]


def locks() -> list[str]:
    """The locks that runs hold, or left behind."""
    leases = client.CoordinationV1Api(api()).list_namespaced_lease("kube-system").items
    return [lease.metadata.name for lease in leases if lease.metadata.name.startswith("podnet")]


def agents(nodes: bool = False) -> set[str]:
    """The nodes on which calico-node runs; with ``nodes``, those that have the label for it."""
    core = client.CoreV1Api(api())
    if nodes:
        return {node.metadata.name for node in core.list_node(label_selector="podnet.io/calico").items}
    return {pod.spec.node_name for pod in core.list_namespaced_pod("kube-system", label_selector="k8s-app=calico-node").items}


def journal() -> dict[str, str]:
    """What the cluster's journal says; nothing when there is none."""
    with contextlib.suppress(client.ApiException):
        return dict(client.CoreV1Api(api()).read_namespaced_config_map("podnet-cni-migration", "kube-system").data)
    return {}


def _objects(connection: client.ApiClient) -> dict[str, t.Any]:
    """Everything the users declared, without what a restart may write, by kind, namespace and name; what the CNIs have is not theirs."""
    apps, core = client.AppsV1Api(connection), client.CoreV1Api(connection)
    policy, batch = client.PolicyV1Api(connection), client.BatchV1Api(connection)
    lists = {
        "Deployment": apps.list_deployment_for_all_namespaces,
        "StatefulSet": apps.list_stateful_set_for_all_namespaces,
        "DaemonSet": apps.list_daemon_set_for_all_namespaces,
        "Service": core.list_service_for_all_namespaces,
        "ConfigMap": core.list_config_map_for_all_namespaces,
        "PersistentVolumeClaim": core.list_persistent_volume_claim_for_all_namespaces,
        "PersistentVolume": core.list_persistent_volume,
        "PodDisruptionBudget": policy.list_pod_disruption_budget_for_all_namespaces,
        "Job": batch.list_job_for_all_namespaces,
    }
    found = {kind: connection.sanitize_for_serialization(ask().items) for kind, ask in lists.items()}
    bare = [pod for pod in core.list_pod_for_all_namespaces().items if not pod.metadata.owner_references]
    found["Pod"] = connection.sanitize_for_serialization(bare)
    return {
        f"{kind} {item['metadata'].get('namespace', '')}/{item['metadata']['name']}": _declared(item)
        for kind, items in found.items()
        for item in items
        if item["metadata"].get("namespace") != "kube-flannel" and not item["metadata"]["name"].startswith(("podnet-", "calico-"))
    }


def _declared(item: dict[str, t.Any]) -> dict[str, t.Any]:
    kept = {key: _quiet(value) for key, value in item.items() if key not in ("metadata", "status")}
    return {"uid": item["metadata"]["uid"], **_quiet({"metadata": _names(item["metadata"])}), **kept}


def _names(metadata: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: metadata.get(key) or {} for key in ("labels", "annotations")}


def _is_anothers(key: str) -> bool:
    return key in (*_WRITTEN_BY_OTHERS, "creationTimestamp") or key.startswith(_WRITTEN_BY_CALICO)


def _quiet(value: t.Any) -> t.Any:
    """The value without the annotations that others write; an empty mapping of annotations is none."""
    if isinstance(value, list):
        return [_quiet(item) for item in value]
    if not isinstance(value, dict):
        return value
    cleaned = {key: _quiet(item) for key, item in value.items() if not _is_anothers(key)}
    return {key: item for key, item in cleaned.items() if not (key == "annotations" and not item)}
