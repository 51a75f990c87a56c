# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mirror run that is killed at a random point, and what the run after it sends again.

As a program (``python tests/support/killed.py SOURCE_REGISTRY TARGET_REGISTRY PROJECT IMAGE...``) it is the run to be killed.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

from ansible_collections.podnet.cni.plugins.module_utils._images import naming, targets  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._registry import mirror, remote  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Keyring  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._registry.limits import Patience  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import HostSettings  # noqa: E402  # the path comes first

if t.TYPE_CHECKING:
    from tests.support.docker_registry import DockerRegistry


def copy(source: str, target: str, project: str, images: t.Sequence[str], workers: int = 8) -> tuple[mirror.Outcome, ...]:
    """Mirrors images of one registry to another, both without TLS."""
    settings = [HostSettings(name, plain_http=True) for name in (source, target)]
    registries = remote.Registries(settings, Keyring({}, []), workers=workers, timeout=30, patience=Patience())
    copies = targets.plan([f"{source}/{name}" for name in images], naming.make(target, project))
    return mirror.run(copies, registries, registries, mirror.Manner(workers=workers))


def argv(source: str, target: str, project: str, images: t.Iterable[str]) -> list[str]:
    """The same as a program."""
    return [sys.executable, str(Path(__file__)), source, target, project, *images]


class Killed(t.NamedTuple):
    """What came of one try."""

    seconds: float
    #: Blobs that were whole in the target when the run was killed.
    committed: int
    #: Of those, what the second run sent again; there must be none.
    sent_again: set[str]
    #: Images that are not there after the second run.
    missing: list[str]


def killed(
    upstream: DockerRegistry, harbor: DockerRegistry, project: str, images: t.Mapping[str, t.Any], *, most: float, dice: random.Random
) -> Killed:
    """Kills a run after up to ``most`` seconds of its work, and lets a second one finish it."""
    harbor.asked()
    process = subprocess.Popen(argv(upstream.name, harbor.name, project, images), stdout=subprocess.DEVNULL)
    _await_first_request(harbor, process)
    seconds = dice.uniform(0, most)
    time.sleep(seconds)  # the point is that it is a random one
    process.kill()
    process.wait(10)
    first = _committed(harbor)
    outcomes = copy(upstream.name, harbor.name, project, list(images))
    again = _committed(harbor)
    missing = [outcome.error for outcome in outcomes if outcome.error]
    place = f"{project}/{upstream.name.replace(':', '_')}"
    missing += [name for name, image in images.items() if harbor.digest(f"{place}/{name}") != image.digest]
    return Killed(seconds, len(first), first & again, missing)


def _committed(harbor: DockerRegistry) -> set[str]:
    """The blobs whose upload the registry has completed since this was asked last."""
    uploads = [entry for entry in harbor.asked() if entry.method == "PUT" and "/uploads/" in entry.path and entry.status == 201]
    return {
        word.partition("=")[2].replace("%3A", ":") for entry in uploads for word in entry.query.split("&") if word.startswith("digest=")
    }


def _await_first_request(harbor: DockerRegistry, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 20
    while not harbor.has_been_asked() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)  # between two looks


def main(arguments: list[str]) -> int:
    """The run to be killed, or measured; prints its peak of memory in bytes, and what failed."""
    source, target, project, *images = arguments
    errors = [outcome.error for outcome in copy(source, target, project, images) if outcome.error]
    # Of this program alone: what wait4 tells is never less than what its parent had.
    peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM:"))
    print(int(peak.split()[1]) * 1024)
    for error in errors:
        print(error, file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
