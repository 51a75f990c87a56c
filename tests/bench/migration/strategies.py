# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The ways from flannel to Calico. Each begins on a fresh lab with the workload in it, and tells when it began and ended to change things.

``manual`` and ``controller`` are the baselines, done as their authors describe them; the others are this collection's.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import time
import typing as t
from pathlib import Path

from lab.settings import REPOSITORY, LabError
from tests.bench.migration import objects
from tests.bench.migration.cluster import Cluster, poll

#: The controller is given so long; where it needs more, that is its result.
CONTROLLER_SECONDS = 300.0
PLAYBOOK_SECONDS = 600.0
CALLBACKS = Path(__file__).with_name("callbacks")
#: Where Python finds what counts requests.
SITE = Path(__file__).with_name("site")
#: The journal's step that only looks at what the others made.
_VERIFY = "verify"

Step = dict[str, t.Any]


@dataclasses.dataclass(frozen=True)
class Run:
    """One strategy's run, in seconds since 1970. ``began`` and ``ended`` are the whole command's, the others the change's alone."""

    began: float
    changed_from: float
    changed_until: float
    ended: float
    steps: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def manual(cluster: Cluster, _scratch: Path) -> Run:
    """Flannel away, Calico there, kubelets restarted, every pod deleted."""
    clock = _Clock()
    clock.step("delete flannel")
    cluster.kubectl("delete --wait -f -", stdin=_manifest(cluster, "flannel.yml"))
    cluster.on_nodes("rm -f /etc/cni/net.d/10-flannel.conflist")
    clock.step("apply Calico")
    cluster.kubectl("apply --server-side --force-conflicts -f -", stdin=objects.calico(_manifest(cluster, "calico.yml")))
    clock.step("restart kubelets")
    cluster.on_nodes("systemctl restart kubelet")
    cluster.kubectl("--namespace kube-system rollout status daemonset/calico-node --timeout=300s")
    clock.step("delete all pods")
    names = [pod["metadata"] for pod in cluster.objects("pods --all-namespaces") if not pod["spec"].get("hostNetwork")]
    for namespace in sorted({name["namespace"] for name in names}):
        of_it = " ".join(name["name"] for name in names if name["namespace"] == namespace)
        cluster.kubectl(f"--namespace {namespace} delete pod --wait=false {of_it}")
    cluster.wait_until_settled(objects.ADDRESS)
    return clock.run()


def controller(cluster: Cluster, scratch: Path) -> Run:
    """Calico's flannel-migration controller, from its Job's creation on; what comes before, its documentation has done in advance."""
    prepared = time.time()
    selector = {objects.MIGRATION_LABEL: "calico"}
    cluster.kubectl("apply --server-side --force-conflicts -f -", stdin=objects.calico(_manifest(cluster, "calico.yml"), selector))
    cluster.kubectl("--namespace kube-system rollout status deployment/calico-kube-controllers --timeout=120s")
    clock = _Clock()
    clock.step("run the Job")
    cluster.kubectl("apply -f -", stdin=objects.migration_job())
    outcome = _wait_for_job(cluster, scratch)
    if outcome == "Complete":
        clock.step("wait for pods")
        cluster.kubectl("--namespace kube-system rollout status daemonset/calico-node --timeout=120s")
        cluster.wait_until_settled(objects.ADDRESS)
    run = clock.run()
    preparation = f"Job {outcome}; {run.began - prepared:.0f} s for applying Calico before it are not counted"
    return dataclasses.replace(run, notes=(preparation,))


def side_by_side(cluster: Cluster, scratch: Path) -> Run:
    return playbook(cluster, scratch, {"cni_migration_strategy": "side_by_side"})


def cutover(cluster: Cluster, scratch: Path) -> Run:
    return playbook(cluster, scratch, {"cni_migration_strategy": "cutover"})


STRATEGIES: dict[str, t.Callable[[Cluster, Path], Run]] = {
    "manual": manual,
    "controller": controller,
    "side_by_side": side_by_side,
    "cutover": cutover,
}


def playbook(cluster: Cluster, scratch: Path, settings: t.Mapping[str, t.Any]) -> Run:
    """playbooks/migrate-to-calico.yml; the bench has its own probe. Tasks and API requests are counted into files of ``scratch``."""
    began = time.time()
    run_playbook(scratch, settings)
    ended = time.time()
    steps = _journal_steps(cluster)
    from_, until = changing(steps)
    told = any(step["name"] == _VERIFY for step in steps)
    return Run(began, from_, until, ended, steps, () if told else ("its journal has no step for the verification, which is in the change",))


def run_playbook(scratch: Path, settings: t.Mapping[str, t.Any]) -> None:
    """Runs it to a good end."""
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "requests.txt").unlink(missing_ok=True)  # it is appended to
    own = {
        "cni_migration_probe": False,
        "cni_migration_report_dir": "",
        "cni_migration_journal_file": str(scratch / "journal.jsonl"),
        **settings,
    }
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), "--inventory", "inventories/lab", "playbooks/migrate-to-calico.yml", "--extra-vars", json.dumps(own)]
    environment = {
        **os.environ,
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_CALLBACK_PLUGINS": str(CALLBACKS),
        "ANSIBLE_CALLBACKS_ENABLED": "count_tasks",
        "PYTHONPATH": str(SITE),
        "PODNET_BENCH_TASKS": str(scratch / "tasks.jsonl"),
        "PODNET_BENCH_REQUESTS": str(scratch / "requests.txt"),
    }
    with (scratch / "playbook.log").open("w") as log:
        done = subprocess.run(words, cwd=REPOSITORY, env=environment, stdout=log, stderr=log, timeout=PLAYBOOK_SECONDS, check=False)
    if done.returncode:
        raise LabError(f"the playbook failed:\n{(scratch / 'playbook.log').read_text()[-3000:]}")


def changing(steps: t.Sequence[Step]) -> tuple[float, float]:
    """From when until when something was changed: from the journal's first step to the end of the last that is not the verification."""
    working = [step for step in steps if step["name"] != _VERIFY]
    return min(step["started"] for step in working), max(step["finished"] or step["started"] for step in working)


class _Clock:
    """Notes what is done from when until when."""

    def __init__(self) -> None:
        self._begun: list[tuple[str, float]] = []

    def step(self, name: str) -> None:
        self._begun.append((name, time.time()))

    def run(self) -> Run:
        """The run that ends now."""
        ended = time.time()
        ends = [*(begun for _, begun in self._begun[1:]), ended]
        steps = [{"name": name, "started": begun, "finished": end} for (name, begun), end in zip(self._begun, ends, strict=True)]
        return Run(self._begun[0][1], self._begun[0][1], ended, ended, tuple(steps))


def _manifest(cluster: Cluster, name: str) -> str:
    return (cluster.settings.state / "manifests" / name).read_text()


def _journal_steps(cluster: Cluster) -> tuple[Step, ...]:
    answer = json.loads(cluster.kubectl("--namespace kube-system get configmap podnet-cni-migration -o json"))
    return tuple(json.loads(answer["data"]["steps"]))


def _wait_for_job(cluster: Cluster, scratch: Path) -> str:
    """How the Job ended; "not done after ..." where it did not in the time it has. What its pods say is kept, as they are evicted."""
    scratch.mkdir(parents=True, exist_ok=True)
    ending: list[str] = []

    def ended() -> bool:
        _keep_logs(cluster, scratch)
        conditions = cluster.kubectl("--namespace kube-system get job flannel-migration -o 'jsonpath={.status.conditions[*].type}'").split()
        ending[:] = [word for word in conditions if word in ("Complete", "Failed")]
        return ending != []

    try:
        poll("the Job is done", ended, CONTROLLER_SECONDS, interval=1)
    except LabError:
        return f"not done after {CONTROLLER_SECONDS:.0f} s"
    return ending[0]


def _keep_logs(cluster: Cluster, scratch: Path) -> None:
    for name in cluster.kubectl("--namespace kube-system get pods -l k8s-app=flannel-migration-controller -o name").split():
        # The controller evicts itself now and then: the log of a pod that is gone is gone too, and no reason to lose the measurement.
        said = cluster.kubectl(f"--namespace kube-system logs {name} || true")
        if said:
            (scratch / f"{name.partition('/')[2]}.log").write_text(said)
