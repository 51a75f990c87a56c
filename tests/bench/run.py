# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures and prints: ``make bench``. As another user than root it measures less.

First what cni_info costs a node; the large node and the small one take turns, so that what else the machine does meets both alike. Then
what a task of the control machine costs, what the decisions about a large cluster cost, what the images of many manifests cost, and how the
verdicts of network policies grow with a cluster. Last, on fresh labs, the ways from flannel to Calico against each other.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

import control_task  # noqa: E402  # the path comes first
import drift  # noqa: E402  # the path comes first
import manifest_images  # noqa: E402  # the path comes first
import measure  # noqa: E402  # the path comes first
import migrations  # noqa: E402  # the path comes first
import namespace  # noqa: E402  # the path comes first
import netpol  # noqa: E402  # the path comes first
import payload  # noqa: E402  # the path comes first
import scale  # noqa: E402  # the path comes first
import synthetic  # noqa: E402  # the path comes first

from ansible_collections.podnet.cni.plugins.module_utils._cni import cleanup, ownership  # noqa: E402  # the path comes first

RUNS = 9
PEERS = (10, 1000)
ROUTES, RULES = 1000, 2000

#: Seconds for the whole of cni_info on the large node.
GOAL = 0.5

#: Runs on the node; prints how many seconds one look at it takes, without starting Python.
COLLECT = """
import sys, time
sys.path.insert(0, sys.argv[1])
from ansible_collections.podnet.cni.plugins.module_utils._node import collect
start = time.monotonic()
collect.collect()
print(time.monotonic() - start)
"""

_Words = tuple[str, ...]


def main() -> None:
    pure_steps()
    cni_info()
    control_task.main()
    scale.main()
    netpol.main()
    drift.main()
    manifest_images.main()
    migrations.main()


def cni_info() -> None:
    """The module on a node that is a network namespace."""
    reason = obstacle()
    if reason:
        print(f"\ncni_info: skipped, {reason}")
        return
    with contextlib.ExitStack() as stack:
        nodes = {peers: stack.enter_context(namespace.node(peers)) for peers in PEERS}
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="podnet-bench-")))
        measured = modules(nodes, scratch)
    report(measured)


def obstacle() -> str:
    """Why there can be no node here."""
    if os.geteuid() != 0:
        return "only root can make network namespaces"
    absent = [tool for tool in ("ip", "bridge") if not shutil.which(tool)]
    return f"not installed: {', '.join(absent)}" if absent else ""


def pure_steps() -> None:
    """Decisions alone: no process is started, nothing is read."""
    bare = synthetic.node(ROUTES, RULES)
    owned = ownership.attribute(bare)
    removals = len(cleanup.plan(owned, "flannel").removals)
    print(f"A snapshot of {ROUTES:,} routes and {RULES:,} iptables rules, seconds (least / median / most of {RUNS} runs)")
    print(f"  ownership.attribute                 {measure.seconds_of(lambda: ownership.attribute(bare), RUNS)}")
    print(f"  cleanup.plan, {removals:>5,} removals        {measure.seconds_of(lambda: cleanup.plan(owned, 'flannel'), RUNS)}")


@dataclasses.dataclass
class Measured:
    """What the runs took, by the node's number of peers; ``floor`` is Ansible's ping, a module that does nothing."""

    collect: dict[int, list[float]]
    whole: dict[int, list[measure.ProcessRun]]
    floor: list[float]
    module_bytes: int


def modules(nodes: t.Mapping[int, _Words], scratch: Path) -> Measured:
    """cni_info as Ansible runs it, on each node in turn."""
    cni_info, ping = payload.make("podnet.cni.cni_info", scratch), payload.make("ansible.builtin.ping", scratch)
    measured = Measured({peers: [] for peers in nodes}, {peers: [] for peers in nodes}, [], cni_info.stat().st_size)
    for _ in range(RUNS):
        measured.floor.append(measure.run_process([sys.executable, ping]).seconds)
        for peers, enter in nodes.items():
            code = [*enter, sys.executable, "-c", COLLECT, str(ROOT / "collections")]
            measured.collect[peers].append(float(measure.run_process(code).output))
            measured.whole[peers].append(measure.run_process([*enter, sys.executable, cni_info]))
    return measured


def report(measured: Measured) -> None:
    print(f"\ncni_info on a flannel node, by its number of peers; a peer is a route, a neighbour and a forwarding entry ({RUNS} runs)")
    row("", *(f"{peers:,} peers" for peers in PEERS), "ratio")
    compare("collect, seconds", [measure.Spread.of(measured.collect[peers]) for peers in PEERS])
    whole = [measure.Spread.of([run.seconds for run in measured.whole[peers]]) for peers in PEERS]
    compare("whole module, seconds", whole)
    row("  of it Ansible (its ping)", str(measure.Spread.of(measured.floor)))
    row("peak memory, MB", *(f"{max(run.peak_bytes for run in measured.whole[peers]) / 1e6:.1f}" for peers in PEERS))
    row("JSON, bytes", *(f"{len(json_of(measured.whole[peers][-1])):,}" for peers in PEERS))
    row("module as sent, bytes", f"{measured.module_bytes:,}")
    verdict = "met" if whole[-1].median < GOAL else "missed"
    print(f"goal {verdict}: cni_info in less than {GOAL} s with {PEERS[-1]:,} routes; it took {whole[-1].median:.3f} s (median)")
    # On a busy machine the times tell more of the others than of us.
    print(f"load of the machine: {os.getloadavg()[0]:.1f}, processors: {os.cpu_count()}")


def compare(name: str, spreads: t.Sequence[measure.Spread]) -> None:
    row(name, *map(str, spreads), f"{spreads[-1].median / spreads[0].median:.2f}")


def row(name: str, *columns: str) -> None:
    print(f"  {name:<29}" + "".join(f"{column:>25}" for column in columns))


def json_of(run: measure.ProcessRun) -> bytes:
    """What the module printed, if that is the answer of a module that succeeded."""
    answer = json.loads(run.output)
    if answer.get("failed") or "snapshot" not in answer:
        raise RuntimeError(f"cni_info failed: {answer}")
    return run.output


if __name__ == "__main__":
    main()
