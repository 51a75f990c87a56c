# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is measured on a cluster that has moved: the same command once more, and the workload's pods restarted in place."""

from __future__ import annotations

import re
import time
import typing as t
from pathlib import Path

from tests.bench.migration import modules, objects, strategies
from tests.bench.migration.cluster import Cluster
from tests.bench.migration.outcome import Sequel

_Object = t.Mapping[str, t.Any]


def measure(cluster: Cluster, scratch: Path) -> Sequel:
    began = time.time()
    strategies.run_playbook(scratch, {})
    seconds = time.time() - began
    return Sequel(round(seconds, 1), changes((scratch / "playbook.log").read_text()), tuple(_restart_in_place(cluster)))


def changes(said: str) -> int:
    """The changes in the recap of a playbook, of all hosts together."""
    return sum(int(number) for number in re.findall(r"\bchanged=(\d+)", said))


def _restart_in_place(cluster: Cluster) -> t.Iterator[float]:
    """How many seconds each pod was away."""
    for pod in cluster.objects(f"pods --namespace {objects.NAMESPACE}"):
        answer = modules.run(pod["spec"]["nodeName"], "pod_sandbox_restart", {"pods": [_named(pod)]})
        yield from (entry["seconds"] for entry in answer["pods"])


def _named(pod: _Object) -> modules.Answer:
    metadata = pod["metadata"]
    return {
        "namespace": metadata["namespace"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "addresses": [address["ip"] for address in pod["status"]["podIPs"]],
    }
