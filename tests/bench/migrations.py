# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures the ways from flannel to Calico against each other, each from a fresh lab with the same workload: ``make bench-migrations``.

A run of all takes about half an hour, so what was measured is kept in build/bench/migrations.json, and one can be measured anew alone.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from lab.settings import LabError, from_environment  # noqa: E402  # the path comes first
from tests.bench.migration import cluster, effort, leftovers, objects, outcome, probe, sequel, strategies  # noqa: E402  # the path comes first

RESULTS = ROOT / "build" / "bench" / "migrations.json"
#: Seconds of the undisturbed cluster that are measured before and after.
BEFORE, AFTER = 5.0, 5.0

_Results = dict[str, dict[str, t.Any]]


def main(arguments: t.Sequence[str] = ()) -> int:
    options = _options(arguments)
    if os.geteuid() != 0:
        print("\nmigrations: skipped, the lab needs root")
        return 0
    for name in () if options.report else options.strategy:
        _keep(measure(name, options.workload))
    report()
    return 0


def _options(arguments: t.Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="migrations", description=__doc__)
    parser.add_argument("strategy", nargs="*", default=list(strategies.STRATEGIES), help="which to measure; all by default")
    parser.add_argument("--workload", choices=objects.WORKLOADS, default="W1")
    parser.add_argument("--report", action="store_true", help="measure nothing, print what is known")
    return parser.parse_args(arguments)


def measure(name: str, workload: str) -> outcome.Outcome:
    """One strategy on a fresh lab."""
    cluster.reset()
    settings = from_environment()
    lab = cluster.Cluster(settings)
    lab.kubectl("apply -f -", stdin=objects.workload(workload))
    lab.kubectl(f"--namespace {objects.NAMESPACE} rollout status deployment/{objects.SERVICE} --timeout=120s")
    probe.start(settings.kubeconfig)
    lab.wait_until_settled(objects.ADDRESS)
    time.sleep(BEFORE)  # what is measured is time itself
    run = strategies.STRATEGIES[name](lab, _scratch(name, workload))
    time.sleep(AFTER)  # the same
    seen = probe.read(settings.kubeconfig, run.began, run.ended + AFTER, run.steps)
    _record(name, workload, run, seen)
    left = leftovers.left(lab.on_nodes(leftovers.COMMAND), lab.objects("nodes"), lab.objects("namespaces"))
    return outcome.Outcome(
        name,
        workload,
        round(run.changed_until - run.changed_from, 1),
        round(run.ended - run.began, 1),
        outcome.clients(seen, outcome.HOST_CLIENT),
        outcome.clients(seen, outcome.POD_CLIENT),
        outcome.mesh(seen),
        tuple(left),
        (*run.notes, f"load of the machine {os.getloadavg()[1]:.1f} with {os.cpu_count()} processors"),
        _after(name, workload, lab),
    )


def _after(name: str, workload: str, lab: cluster.Cluster) -> outcome.Sequel | None:
    """Only side by side has one: the same would be seen after the others."""
    if name != "side_by_side":
        return None
    scratch = _scratch("again", workload)
    found = sequel.measure(lab, scratch)
    _keep_effort(f"again {workload}", {"seconds": found.seconds, **effort.of(scratch)})
    return found


def report() -> None:
    """Everything that is known, by workload."""
    results = _read()
    for workload in objects.WORKLOADS:
        outcomes = [outcome.Outcome.from_plain(plain) for key, plain in results["outcomes"].items() if key.endswith(f" {workload}")]
        outcomes.sort(key=lambda item: list(strategies.STRATEGIES).index(item.strategy))
        if outcomes:
            print(f"\nFrom flannel to Calico, workload {workload}: the change is from the first thing changed to the last")
            print("\n".join(outcome.table(outcomes)))
            _print_details(outcomes)
    for name, counts in results["effort"].items():
        print(f"\nWhat a run does ({name}): {effort.line(counts)}")


def _print_details(outcomes: t.Sequence[outcome.Outcome]) -> None:
    for item in outcomes:
        for note in item.notes:
            print(f"  {item.strategy}: {note}")
        if item.left:
            print(f"  {item.strategy} left behind: {', '.join(item.left)}")


def _scratch(name: str, workload: str) -> Path:
    return RESULTS.parent / f"{name}-{workload}".rstrip("-")


def _record(name: str, workload: str, run: strategies.Run, seen: t.Mapping[str, t.Any]) -> None:
    """Keeps what the numbers are made of beside them, and what a run of a playbook did."""
    scratch = _scratch(name, workload)
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / "seen.json").write_text(json.dumps(seen, indent=1))
    (scratch / "steps.json").write_text(json.dumps(run.steps, indent=1))
    for step in run.steps:
        print(f"  {name}: {(step['finished'] or step['started']) - step['started']:6.1f} s {step['name']}")
    if (scratch / "tasks.jsonl").exists():
        _keep_effort(f"{name} {workload}", {"seconds": round(run.ended - run.began, 1), **effort.of(scratch)})


def _keep(item: outcome.Outcome) -> None:
    results = _read()
    results["outcomes"][f"{item.strategy} {item.workload}"] = item.plain()
    _write(results)


def _keep_effort(name: str, counts: dict[str, t.Any]) -> None:
    results = _read()
    results["effort"][name] = counts
    _write(results)


def _read() -> _Results:
    known: _Results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return {"outcomes": known.get("outcomes", {}), "effort": known.get("effort", {})}


def _write(results: _Results) -> None:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except LabError as error:
        sys.exit(f"migrations: {error}")
