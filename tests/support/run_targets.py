# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs make targets one after the other and says which of how many, how long each took, and at the end why one failed.

python tests/support/run_targets.py lint test-fast ...
"""

from __future__ import annotations

import sys
import time

from causes import cause, told


def main(targets: list[str]) -> int:
    started = time.monotonic()
    causes: dict[str, list[str]] = {}
    for number, target in enumerate(targets, start=1):
        say(f"{number}/{len(targets)} make {target} ...", started)
        begun = time.monotonic()
        passed, lines = told(["make", "--no-print-directory", target])
        if not passed:
            causes[target] = cause(lines)
        say(f"{number}/{len(targets)} make {target}: {'passed' if passed else 'FAILED'} in {clock(time.monotonic() - begun)}", started)
    for target, why in causes.items():
        say(f"why {target} failed", started)
        print(*why, sep="\n")
    print(f"targets: {len(targets) - len(causes)} passed, {len(causes)} failed{': ' if causes else ''}{', '.join(causes)}", flush=True)
    return 1 if causes else 0


def say(text: str, started: float) -> None:
    print(f"== [{clock(time.monotonic() - started)}] {text}", flush=True)


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
