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
    created = molecule("create", "default", started) and molecule("verify", "default", started)
    failed = [] if created else ["default (create)"]
    if created:
        failed = run_in_order(scenarios, started)
    if not molecule("destroy", "default", started):
        failed.append("default (destroy)")
    count = len(scenarios) + 1
    say(f"scenarios: {count - len(failed)} passed, {len(failed)} failed {', '.join(failed)}", started)
    return 1 if failed else 0


def forget(scenarios: list[str]) -> None:
    """Molecule notes what is created and prepared, for all checkouts together: after a killed run it would skip what it has to do."""
    for scenario in scenarios:
        subprocess.run(["molecule", "reset", "--scenario-name", scenario], check=True, capture_output=True)


def run_in_order(scenarios: list[str], started: float) -> list[str]:
    """Stops at the first failure: a later scenario stands on what an earlier one left."""
    for scenario in scenarios:
        if not molecule("test", scenario, started):
            return [scenario]
    return []


def molecule(action: str, scenario: str, started: float) -> bool:
    say(f"molecule {action} {scenario} ...", started)
    begun = time.monotonic()
    passed = subprocess.run(["molecule", action, "--scenario-name", scenario], check=False).returncode == 0
    say(f"molecule {action} {scenario}: {'passed' if passed else 'FAILED'} in {clock(time.monotonic() - begun)}", started)
    return passed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
