# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes from a cluster's JSON to the verdicts on all pairs of pods, and how that grows; and whether a naive evaluator agrees.

Each size in a process of its own, and in seconds of its processor, since what else the machine does is not ours. Of the naive evaluator a
few pairs are measured and the rest reckoned.
"""

from __future__ import annotations

import concurrent.futures
import json
import random
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

import measure  # noqa: E402  # the path comes first
import synthetic_policies as synthetic  # noqa: E402  # the path comes first

from ansible_collections.podnet.cni.plugins.module_utils._netpol import load  # noqa: E402  # the path comes first
from tests.support import random_netpol  # noqa: E402  # the path comes first
from tests.support.naive_netpol import Naive  # noqa: E402  # the path comes first

PORTS = ("TCP/8080", "TCP/9090", "UDP/53")
BYTES = 10**9


class Size(t.NamedTuple):
    """A cluster, and the seconds it may take: from the objects to the tables, or with the reading of JSON."""

    pods: int
    alike: bool
    seconds: float
    with_reading: bool = False


SIZES = (
    Size(1_000, True, 0.05),
    Size(10_000, True, 0.5),
    Size(100_000, True, 10.0, with_reading=True),
    Size(1_000, False, 0.2),
    Size(10_000, False, 2.0),
)

#: Verdicts that are compared, in worlds of so many questions each.
QUESTIONS, EACH = 1_000_000, 500


def make(path: str, pods: str, alike: str) -> None:
    """Writes a cluster; in a process of its own, because a process begins with its parent's peak of memory."""
    Path(path).write_text(json.dumps(synthetic.cluster(int(pods), alike == str(True))))


def run(path: str) -> dict[str, float]:
    """Reads the cluster in ``path`` and computes everything; what each step took."""
    begun = time.process_time()
    objects = json.loads(Path(path).read_bytes())
    read = time.process_time()
    world = load([objects])
    loaded = time.process_time()
    matrix = world.matrix(PORTS)
    done = time.process_time()
    allowed = sum(matrix.allowed_pairs(port) for port in PORTS)
    steps = {"read": read - begun, "load": loaded - read, "matrix": done - loaded}
    return {**steps, "classes": len(matrix.classes), "policies": len(world.policies), "allowed": allowed, "naive": _naive(objects)}


def _naive(objects: dict[str, t.Any], pairs: int = 20) -> float:
    """Seconds that the naive evaluator takes for one pair and port."""
    naive = Naive(objects["items"])
    names = list(naive.pods)
    begun = time.process_time()
    for number in range(pairs):
        naive.verdict(names[number], names[-number - 1], "TCP", 8080)
    return (time.process_time() - begun) / pairs


def main() -> None:
    print(f"\nVerdicts on all pairs of pods for {len(PORTS)} ports, on one processor")
    heads = ("pods", "policies", "classes", "read JSON", "load", "tables", "in all", "memory", "allowed", "pair by pair")
    print("  " + "".join(f"{head:>13}" for head in heads))
    with tempfile.TemporaryDirectory(prefix="podnet-bench-") as scratch:
        seconds = {(size.pods, size.alike): _measure(size, Path(scratch) / "cluster.json") for size in SIZES}
    for (pods, alike), took in seconds.items():
        more = seconds.get((pods * 10, alike))
        if more is not None:
            kind = "replicas" if alike else "no two alike"
            print(f"  growth from {pods:,} to {pods * 10:,} pods ({kind}): {more / took:.1f} times the time for 100 times the pairs")
    agreement(QUESTIONS)


def _measure(size: Size, path: Path) -> float:
    """Prints a line, and returns the seconds from the objects to the tables."""
    measure.run_process([sys.executable, __file__, "make", str(path), str(size.pods), str(size.alike)])
    process = measure.run_process([sys.executable, __file__, "run", str(path)])
    took = json.loads(process.output)
    seconds = took["load"] + took["matrix"] + (took["read"] if size.with_reading else 0)
    met = seconds < size.seconds and process.peak_bytes < BYTES
    naive = took["naive"] * size.pods**2 * len(PORTS)
    columns = [f"{size.pods:,}", f"{took['policies']:,}", f"{took['classes']:,}"]
    columns += [f"{took[step]:.3f} s" for step in ("read", "load", "matrix")]
    columns += [f"{seconds:.3f} s", f"{process.peak_bytes / 1e6:.0f} MB", f"{took['allowed']:,}", f"{naive / 3600:,.1f} h"]
    kind = "replicas" if size.alike else "no two alike"
    goal = f"{kind}; goal {size.seconds} s{' with reading' if size.with_reading else ''} {'met' if met else 'MISSED'}"
    print("  " + "".join(f"{column:>13}" for column in columns) + f"  {goal}", flush=True)
    return float(took["load"] + took["matrix"])


def agreement(questions: int) -> None:
    """Compares random verdicts with those of the naive evaluator, on all processors."""
    begun = time.monotonic()
    worlds = questions // EACH
    with concurrent.futures.ProcessPoolExecutor() as pool:
        differing = [text for found in pool.map(differences, range(worlds), chunksize=20) for text in found]
    verdict = "no difference" if not differing else f"{len(differing)} DIFFER, as {differing[0]}"
    seconds = time.monotonic() - begun
    print(f"  {worlds * EACH:,} verdicts in {worlds:,} random worlds, held against the naive evaluator: {verdict} ({seconds:.0f} s)")


def differences(seed: int, each: int = EACH) -> list[str]:
    """The questions in the world of ``seed`` on which engine and naive evaluator differ."""
    made = random_netpol.World(random.Random(seed))  # noqa: S311  # chance, not a secret
    naive = Naive(made.objects, random_netpol.POD_CIDRS)
    matrix = load(made.objects, pod_cidrs=random_netpol.POD_CIDRS).matrix(["TCP/80", "UDP/53"])
    found = []
    for source, destination, protocol, number in made.questions(each):
        port = f"{protocol}/{number}" if number else protocol
        ours, theirs = matrix.verdict(source, destination, port), naive.verdict(source, destination, protocol, number)
        if ours != theirs:
            found.append(f"world {seed}, {source} to {destination} on {port}: {ours}, naive {theirs}")
    return found


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["make", path, pods, alike]:
            make(path, pods, alike)
        case ["run", path]:
            print(json.dumps(run(path)))
        case _:
            main()
