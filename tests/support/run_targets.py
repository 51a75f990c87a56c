# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs make targets one after the other and says which of how many, how long each took, and which failed.

python tests/support/run_targets.py lint test-fast ...
"""

from __future__ import annotations

import subprocess
import sys
import time


def main(targets: list[str]) -> int:
    started, failed = time.monotonic(), []
    for number, target in enumerate(targets, start=1):
        say(f"{number}/{len(targets)} make {target} ...", started)
        begun = time.monotonic()
        if subprocess.run(["make", "--no-print-directory", target], check=False).returncode:
            failed.append(target)
        say(
            f"{number}/{len(targets)} make {target}: {'FAILED' if target in failed else 'passed'} in {clock(time.monotonic() - begun)}",
            started,
        )
    say(f"{len(targets) - len(failed)} passed, {len(failed)} failed{': ' + ', '.join(failed) if failed else ''}", started)
    print(f"targets: {len(targets) - len(failed)} passed, {len(failed)} failed", flush=True)
    return 1 if failed else 0


def say(text: str, started: float) -> None:
    print(f"== [{clock(time.monotonic() - started)}] {text}", flush=True)


def clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
