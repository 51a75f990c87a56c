# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs molecule scenarios on one fresh lab: scenario "default" makes it and ends it, whatever happened between.

python tests/support/run_scenarios.py flannel demo_app ...
"""

from __future__ import annotations

import subprocess
import sys
import time

from run_targets import clock, say


def main(scenarios: list[str]) -> int:
    started = time.monotonic()
    forget(["default", *scenarios])
    steps = [("create", "default"), ("verify", "default"), *(("test", scenario) for scenario in scenarios)]
    passed, failed = run_in_order(steps, started)
    (passed if molecule("destroy", "default", started) else failed).append("destroy default")
    left = len(steps) + 1 - len(passed) - len(failed)
    say(f"molecule: {len(passed)} passed, {len(failed)} failed, {left} not run{': ' if failed else ''}{', '.join(failed)}", started)
    return 1 if failed else 0


def forget(scenarios: list[str]) -> None:
    """Molecule notes what is created and prepared, for all checkouts together: after a killed run it would skip what it has to do."""
    for scenario in scenarios:
        subprocess.run(["molecule", "reset", "--scenario-name", scenario], check=True, capture_output=True)


def run_in_order(steps: list[tuple[str, str]], started: float) -> tuple[list[str], list[str]]:
    """Those that passed, and the first that failed, which ends it: a later scenario stands on what an earlier one left."""
    passed: list[str] = []
    for action, scenario in steps:
        if not molecule(action, scenario, started):
            return passed, [f"{action} {scenario}"]
        passed.append(f"{action} {scenario}")
    return passed, []


def molecule(action: str, scenario: str, started: float) -> bool:
    say(f"molecule {action} {scenario} ...", started)
    begun = time.monotonic()
    passed = subprocess.run(["molecule", action, "--scenario-name", scenario], check=False).returncode == 0
    say(f"molecule {action} {scenario}: {'passed' if passed else 'FAILED'} in {clock(time.monotonic() - begun)}", started)
    return passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
