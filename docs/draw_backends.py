# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the pages about flannel's backends that the lab's kernel does not have, from the fixtures of the tests.

``python docs/draw_backends.py DIRECTORY``; the pictures in docs/guides/images are taken of these pages with a browser.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "collections")]

from ansible_collections.podnet.cni.plugins.module_utils._cni import cluster  # noqa: E402  # the path comes first
from ansible_collections.podnet.cni.plugins.module_utils._cni.inspection import inspect  # noqa: E402  # the same
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths import account  # noqa: E402  # the same
from ansible_collections.podnet.cni.plugins.module_utils._cni.paths.world import World  # noqa: E402  # the same
from ansible_collections.podnet.cni.plugins.module_utils._report import network  # noqa: E402  # the same
from tests.support import path_cases  # noqa: E402  # the same

BACKENDS = {"wireguard": {"Type": "wireguard"}, "ipip": {"Type": "ipip"}}
FLOW = {"source": "pod/default/a", "target": "pod/default/b:80"}


def main(directory: Path) -> None:
    """One page for each backend."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, backend in BACKENDS.items():
        world = _world(backend)
        accounts = account.accounts(world, path_cases.SERVICES, [FLOW])
        page = network.render(inspect.inspect(world, accounts, []), world, {})
        (directory / f"network-{name}.html").write_text(page)


def _world(backend: dict[str, str]) -> World:
    """The tests' cluster with that backend, and a flannel that says so."""
    made = path_cases.flannel(backend)
    net_conf = json.dumps({"Network": "10.244.0.0/16", "Backend": backend})
    daemonset = cluster.ObjectRef("apps/v1", "DaemonSet", "kube-flannel-ds", "kube-flannel")
    flannel = cluster.Flannel(daemonset, backend=backend["Type"], net_conf=net_conf)
    return World(dataclasses.replace(made.cluster, flannel=(flannel,)), {name: host.seen for name, host in made.hosts.items()})


if __name__ == "__main__":
    main(Path(sys.argv[1]))
