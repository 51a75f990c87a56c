# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""How long it takes to rewrite the images of many manifests, with libyaml and without."""

from __future__ import annotations

import os
import sys
import typing as t
from pathlib import Path
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))

import measure  # noqa: E402  # the path comes first
import yaml  # noqa: E402  # the path comes first

from ansible_collections.podnet.cni.plugins.module_utils._images import documents, naming, rewriting  # noqa: E402  # the path comes first

RUNS = 5
OBJECTS, CONTAINERS = 800, 10
#: Seconds, with libyaml.
GOAL = 0.6

_OBJECT = """\
# Application {number}
apiVersion: apps/v1
kind: Deployment
metadata: {{name: app-{number}, labels: {{app: app-{number}}}}}
spec:
  template:
    spec:
      containers:
"""
_CONTAINER = """\
      - name: container-{place}
        image: quay.io/team-{place}/service-{number}:v1.{place}.0
        env:
        - {{name: LEVEL, value: "info"}}
        ports: [{{containerPort: 9}}]
"""


def manifest() -> str:
    """8,000 different images in 1.36 MiB."""
    return "---\n".join(
        _OBJECT.format(number=number) + "".join(_CONTAINER.format(place=place, number=number) for place in range(CONTAINERS))
        for number in range(OBJECTS)
    )


def main() -> None:
    text, how = manifest(), rewriting.Settings(naming.make("harbor.example", "mirror"))
    found = rewriting.rewrite(text, how)
    again = rewriting.rewrite(found.text, how)
    print(f"\n{len(found.edits):,} images in {len(text.encode()) / 2**20:.2f} MiB rewritten, seconds ({RUNS} runs)")
    fast = seconds(text, how, documents.loader())
    print(f"  {documents.loader().__name__:<35} {fast}")
    if documents.loader() is not yaml.SafeLoader:
        print(f"  SafeLoader, without libyaml         {seconds(text, how, yaml.SafeLoader)}")
    verdict = "met" if fast.median <= GOAL and not again.edits else "missed"
    print(f"goal {verdict}: at most {GOAL} s with libyaml, and a second run changes nothing ({len(again.edits)} changes)")
    # On a busy machine the times tell more of the others than of us.
    print(f"load of the machine: {os.getloadavg()[0]:.1f}, processors: {os.cpu_count()}")


def seconds(text: str, how: rewriting.Settings, loader: t.Any) -> measure.Spread:
    with mock.patch.object(documents, "loader", return_value=loader):
        return measure.seconds_of(lambda: rewriting.rewrite(text, how), RUNS)


if __name__ == "__main__":
    main()
