# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long the decisions about a cluster of 1,000 nodes and 50,000 pods take, and how much memory. Each in a process of its own."""

from __future__ import annotations

import json
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

import measure  # noqa: E402  # the path comes first
import synthetic_cluster as synthetic  # noqa: E402  # the path comes first

from ansible_collections.podnet.cni.plugins.module_utils._cni import adoption, batches  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._cni.preflight import questions, situation  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._cni.rollout import fit, model, planning  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification import probing, proof, scene  # noqa: E402  # the same
from ansible_collections.podnet.cni.plugins.module_utils._cni.verification.standing import standing_checks  # noqa: E402  # the same

NODES, PODS_EACH = 1000, 50
#: The goal, for each decision.
SECONDS, BYTES = 10.0, 2**30

#: Makes what is needed, then returns what decides, which is what is measured.
_Decision = t.Callable[[int, int], t.Callable[[], object]]


def preflight(nodes: int, pods: int) -> t.Callable[[], object]:
    seen, snapshots = synthetic.seen(nodes, pods), synthetic.snapshots(nodes, nodes - 1)
    wanted = situation.Wanted(strategy="side_by_side", hosts=tuple(snapshots))
    return lambda: questions.examine(seen, snapshots, wanted, situation.Journal())


def adopt(nodes: int, pods: int) -> t.Callable[[], object]:
    seen, snapshots = synthetic.seen(nodes, pods), synthetic.snapshots(nodes, nodes - 1)
    return lambda: adoption.plan(seen, snapshots, adoption.Wish(synthetic.NETWORK))


def stage(nodes: int, pods: int) -> t.Callable[[], object]:
    seen = synthetic.seen(nodes, pods)
    return lambda: batches.plan(seen.nodes, "", "20%")


def move(nodes: int, pods: int) -> t.Callable[[], object]:
    whole = synthetic.rollout_scene(synthetic.seen(nodes, pods))
    return lambda: planning.plan(whole, fit.Fit.of(fit.CALICO, None, whole.nodes), model.Policy())


def verify(nodes: int, pods: int) -> t.Callable[[], object]:
    """Every node asks every other, so this grows with their square: a million answers."""
    seen, snapshots, place = synthetic.seen(nodes, pods), synthetic.snapshots(nodes, nodes - 1), synthetic.verification_scene(nodes)
    mixed = scene.CNIS["mixed"]
    answers = synthetic.readings(probing.plan(place, mixed))
    policy = synthetic.policy(place)
    return lambda: (standing_checks(seen, snapshots, mixed), proof.canary_checks(place, seen, mixed, answers, policy))


DECISIONS: dict[str, _Decision] = {"preflight": preflight, "adopt": adopt, "stage": stage, "move": move, "verify": verify}
_NAMES = {
    "preflight": "preflight's questions",
    "adopt": "blocks beside flannel",
    "stage": "batches of nodes",
    "move": "ways and order of pods",
    "verify": "verdict on the evidence",
}


def decide(name: str, nodes: int, pods: int) -> dict[str, float]:
    """Makes one decision, and says what it took."""
    begun = time.perf_counter()
    decision = DECISIONS[name](nodes, pods)
    made = time.perf_counter()
    decision()
    return {"making": made - begun, "deciding": time.perf_counter() - made}


def main() -> None:
    """Prints a line for each decision."""
    print(f"\nA cluster of {NODES:,} nodes and {NODES * PODS_EACH:,} pods that exists only as snapshots (goal: {SECONDS:.0f} s and 1 GiB)")
    for name in DECISIONS:
        run = measure.run_process([sys.executable, __file__, name, str(NODES), str(PODS_EACH)])
        seconds = json.loads(run.output)["deciding"]
        verdict = "met" if seconds < SECONDS and run.peak_bytes < BYTES else "MISSED"
        print(f"  {_NAMES[name]:<27} {seconds:8.2f} s {run.peak_bytes / 2**20:8.0f} MiB, snapshots included   goal {verdict}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        print(json.dumps(decide(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
    else:
        main()
