# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Measures image_mirror against Debian's skopeo on the same sets, taking turns: ``make bench-images``, about ten minutes.

Each contender is a process of its own, from its start to its end. Only what was measured beside each other is compared, since the
machine's speed drifts.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "collections"), str(ROOT)]

import measure  # noqa: E402  # the path comes first

from tests.support import docker_registry, images, killed, skopeo  # noqa: E402  # the path comes first
from tests.support.docker_registry import DockerRegistry  # noqa: E402  # the path comes first

RUNS = 5
SMALL, FAR = 60, 24
#: Images, bytes of a layer; each has four layers.
LARGE = (4, 24 * 1024**2)
LARGER = (2, 4 * 24 * 1024**2)
#: Milliseconds of the round trip to the source and to the target.
FAR_SOURCE, FAR_TARGET = 40, 10
KILLS, KILLED_IMAGES = 50, 6
MEBIBYTE = 1024**2

Set = t.Mapping[str, images.Image]


class Run(t.NamedTuple):
    """One run; on a busy machine the processor's seconds, the registries' among them, say more than the clock's."""

    seconds: float
    processor: float
    peak_bytes: int


Runs = t.Sequence[Run]


@dataclasses.dataclass(frozen=True)
class Ends:
    """Both registries, and the names by which they are asked: their own, or those of relays before them."""

    upstream: DockerRegistry
    harbor: DockerRegistry
    source: str
    target: str
    folder: Path

    def ours(self, made: Set) -> Run:
        return self._run(killed.argv(self.source, self.target, "mirror", made))

    def in_worker(self, made: Set) -> Run:
        """As the module does it in Ansible's worker: a fork that has imported everything already."""
        begun, before = time.monotonic(), self._processor_seconds()
        child = os.fork()
        if not child:
            failed = [outcome for outcome in killed.copy(self.source, self.target, "mirror", list(made)) if outcome.error]
            os._exit(len(failed) > 0)
        _, status = os.waitpid(child, 0)
        assert status == 0
        return Run(time.monotonic() - begun, self._processor_seconds() - before, 0)

    def sync(self, made: Set) -> Run:
        listing = self.folder / "sync.yml"
        listing.write_text(skopeo.listing(self.source, made))
        # It tells each repository on its standard error.
        quietly = ["sh", "-c", 'exec "$@" 2>"$0"', str(self.folder / "log")]
        return self._run([*quietly, *skopeo.sync_argv(str(listing), f"{self.target}/skopeo")])

    def copies(self, made: Set) -> Run:
        """Four processes at a time."""
        lines = [shlex.join(skopeo.copy_argv(f"docker://{self.source}/{name}", f"docker://{self.target}/copies/{name}")) for name in made]
        (self.folder / "copies").write_text("\n".join(lines) + "\n")
        return self._run(["sh", "-c", f"xargs -P 4 -I COMMAND sh -c COMMAND < {shlex.quote(str(self.folder / 'copies'))}"])

    def _run(self, argv: t.Sequence[str]) -> Run:
        before = self._processor_seconds()
        run = measure.run_process(argv)
        # skopeo prints nothing or something else.
        words = run.output.split()
        return Run(run.seconds, self._processor_seconds() - before, int(words[0]) if len(words) == 1 and words[0].isdigit() else 0)

    def _processor_seconds(self) -> float:
        """Of both registries, and of all processes that have ended."""
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        return used.ru_utime + used.ru_stime + self.upstream.processor_seconds() + self.harbor.processor_seconds()


def main() -> int:
    if not skopeo.program():
        print("images: skopeo is not installed (python tests/support/skopeo.py installs it)")
        return 1
    print(f"\nImages: image_mirror with 8 workers against skopeo, medians of {RUNS} turns, seconds; ratio, and the goal for it")
    # As in any installation, Python keeps what it has compiled.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # noqa: S108  # what is measured is not the disk
    with tempfile.TemporaryDirectory(dir=memory) as name, _registries(Path(name)) as ends:
        small(ends)
        large(ends)
        far(ends)
        kills(ends)
    print(f"  load of the machine {os.getloadavg()[1]:.1f} with {os.cpu_count()} processors")
    return 0


def small(ends: Ends) -> None:
    """Many small images: the first run, and one that finds nothing to do."""
    made = _published(ends, images.small_set(SMALL))
    first: dict[str, list[Run]] = {"sync": [], "copies": [], "ours": []}
    again: dict[str, list[Run]] = {"sync": [], "ours": [], "process": []}
    for _ in range(RUNS):
        ends.harbor.wipe()
        first["sync"].append(ends.sync(made))
        again["sync"].append(ends.sync(made))
        first["copies"].append(ends.copies(made))
        _forget_requests(ends)
        first["ours"].append(ends.ours(made))
        sent = _requests(ends)
        again["ours"].append(ends.in_worker(made))
        nothing = _requests(ends)
        again["process"].append(ends.ours(made))
    better = min(first["sync"], first["copies"], key=lambda runs: statistics.median(run.seconds for run in runs))
    _ratio(f"{SMALL} small images, first run", better, first["ours"], 0.55)
    _nothing_to_do(f"{SMALL} small images, nothing to do", again, 0.15)
    _fact("  requests then", _told(nothing), nothing == ({"HEAD manifests": SMALL}, {"HEAD manifests": SMALL}))
    unique = len({key for image in made.values() for key in image.blobs})
    told = f"{sent[0]['GET blobs']} read, {sent[1]['PUT uploads']} sent of {unique}"
    _fact("  blobs in the first run", told, sent[0]["GET blobs"] == sent[1]["PUT uploads"] == unique)


def large(ends: Ends) -> None:
    """Few large images, and how much memory their size costs."""
    made = _published(ends, images.large_set(*LARGE))
    sync: list[Run] = []
    ours: list[Run] = []
    peaks, larger_peaks = [], []
    for _ in range(RUNS):
        ends.harbor.wipe()
        sync.append(ends.sync(made))
        ends.harbor.wipe()
        run = ends.ours(made)
        ours.append(run)
        peaks.append(run.peak_bytes)
    _ratio(f"{LARGE[0]} images of 4 x {LARGE[1] // MEBIBYTE} MiB, first run", sync, ours, 0.95)
    peak = max(peaks) / MEBIBYTE
    _fact("  peak memory", f"{peak:.0f} MiB, goal 80", peak <= 80)
    larger = _published(ends, {name.replace("large", "larger"): image for name, image in images.large_set(*LARGER).items()})
    for _ in range(3):
        ends.harbor.wipe()
        larger_peaks.append(ends.ours(larger).peak_bytes)
    more = max(larger_peaks) / MEBIBYTE - peak
    _fact("  more with layers 4 x as large", f"{more:+.0f} MiB, goal under 10", more < 10)


def far(ends: Ends) -> None:
    """The small images from afar."""
    made = _published(ends, {name.replace("small", "far"): image for name, image in images.small_set(FAR).items()})
    with _relay(ends.upstream, FAR_SOURCE) as source, _relay(ends.harbor, FAR_TARGET) as target:
        there = dataclasses.replace(ends, source=source, target=target)
        first: dict[str, list[Run]] = {"sync": [], "ours": []}
        again: dict[str, list[Run]] = {"sync": [], "ours": [], "process": []}
        for _ in range(RUNS):
            ends.harbor.wipe()
            first["sync"].append(there.sync(made))
            again["sync"].append(there.sync(made))
            first["ours"].append(there.ours(made))
            again["ours"].append(there.in_worker(made))
            again["process"].append(there.ours(made))
    where = f"{FAR} small images over {FAR_SOURCE}/{FAR_TARGET} ms"
    _ratio(f"{where}, first run", first["sync"], first["ours"], 0.12)
    _nothing_to_do(f"{where}, nothing to do", again, 0.03)


def kills(ends: Ends) -> None:
    """Runs that are killed at a random point, each with a second one."""
    made = _published(ends, {name.replace("small", "killed"): image for name, image in images.small_set(KILLED_IMAGES).items()})
    dice = random.Random(6)  # noqa: S311  # the same points each time
    sent_again, missing, amid = 0, 0, 0
    for _ in range(KILLS):
        ends.harbor.wipe()
        result = killed.killed(ends.upstream, ends.harbor, "mirror", made, most=0.5, dice=dice)
        sent_again += len(result.sent_again)
        missing += len(result.missing)
        amid += result.committed > 0
    told = f"{sent_again} blobs sent again, {missing} images missing after {KILLS} kills, {amid} of them amid the transfers"
    _fact("killed and run again", told, sent_again == missing == 0)


# --- What it takes ---


@contextlib.contextmanager
def _registries(folder: Path) -> t.Iterator[Ends]:
    os.environ["PYTHONPYCACHEPREFIX"] = str(folder / "compiled")
    with DockerRegistry(folder / "upstream") as upstream, DockerRegistry(folder / "harbor") as harbor:
        yield Ends(upstream, harbor, upstream.name, harbor.name, folder)


@contextlib.contextmanager
def _relay(registry: DockerRegistry, milliseconds: int) -> t.Iterator[str]:
    argv = [sys.executable, str(Path(__file__).with_name("relay.py")), str(registry.port), str(milliseconds)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def _published(ends: Ends, made: Set) -> Set:
    for name, image in made.items():
        images.push(ends.upstream.name, name, image)
    return made


def _forget_requests(ends: Ends) -> None:
    ends.upstream.asked()
    ends.harbor.asked()


def _requests(ends: Ends) -> tuple[dict[str, int], dict[str, int]]:
    return docker_registry.counts(ends.upstream.asked()), docker_registry.counts(ends.harbor.asked())


def _told(requests: tuple[dict[str, int], dict[str, int]]) -> str:
    return "; ".join(
        f"{name}: {', '.join(f'{count} {kind}' for kind, count in counts.items())}"
        for name, counts in zip(("source", "target"), requests, strict=True)
    )


def _nothing_to_do(title: str, runs: t.Mapping[str, Runs], goal: float) -> None:
    """skopeo's time has the start of its process in it; of a Python process that is half of all."""
    _ratio(title, runs["sync"], runs["ours"], goal)
    own = statistics.median(run.seconds for run in runs["process"])
    print(f"    in Ansible's worker, that is; as a process of its own {own:.2f}", flush=True)


def _ratio(title: str, theirs: Runs, ours: Runs, goal: float) -> None:
    seconds = [statistics.median(run.seconds for run in runs) for runs in (theirs, ours)]
    processor = [statistics.median(run.processor for run in runs) for runs in (theirs, ours)]
    ratio = seconds[1] / seconds[0]
    words = (
        f"skopeo {seconds[0]:6.2f}  ours {seconds[1]:6.2f}  ratio {ratio:.3f}, goal {goal} (processor {processor[1] / processor[0]:.3f})"
    )
    _fact(title, words, ratio <= goal)


def _fact(title: str, words: str, is_met: bool) -> None:
    print(f"  {title:<55} {words}: {'met' if is_met else 'MISSED'}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
