# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The collection's own probe."""

from __future__ import annotations

import typing as t
from pathlib import Path

from tests.bench.migration import modules, objects


def start(kubeconfig: Path) -> None:
    """Measures from now on, what a client of the workload's Service sees among the rest."""
    service = {"name": objects.SERVICE, "namespace": objects.NAMESPACE}
    modules.run("localhost", "connectivity_probe", {"kubeconfig": str(kubeconfig), "service": service})


def read(kubeconfig: Path, since: float, until: float, steps: t.Sequence[modules.Answer]) -> modules.Answer:
    """What was seen in between."""
    options = {"kubeconfig": str(kubeconfig), "since": since, "until": until, "steps": list(steps)}
    return modules.run("localhost", "connectivity_probe_info", options)
