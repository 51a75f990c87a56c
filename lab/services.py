# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host serves to the nodes, on the lab's own bridge only: two image registries and the manifests of flannel and Calico."""

from __future__ import annotations

import hashlib
import sys
import time
import typing as t
import urllib.error
import urllib.request
from pathlib import Path

from lab import processes
from lab.settings import LAB, REPOSITORY, LabError, Settings

GROUP = "services"
UPSTREAM_PORT = 5000
HARBOR_PORT = 5001
MANIFESTS_PORT = 8080
INVENTORY_VARIABLES = REPOSITORY / "inventories/lab/group_vars/all.yml"
START_SECONDS = 20.0

_REGISTRY = """\
version: 0.1
log: {{level: warn}}
storage:
  filesystem: {{rootdirectory: {folder}}}
  delete: {{enabled: true}}
http: {{addr: "{address}"}}
"""


def start(settings: Settings, docker_registry: Path) -> None:
    """Starts the registry that plays the upstream ones (kept between labs) and the one behind Harbor (empty in each lab)."""
    start_upstream(settings, docker_registry)
    _start_registry(settings, docker_registry, "harbor", settings.state / "harbor", HARBOR_PORT)


def start_upstream(settings: Settings, docker_registry: Path) -> None:
    """Starts the registry that plays the upstream ones, after `stop_upstream` too."""
    _start_registry(settings, docker_registry, "upstream", settings.cache / "registry", UPSTREAM_PORT)


def stop_upstream() -> None:
    """Ends the registry that plays the upstream ones: whatever is pulled from now on comes from somewhere else."""
    processes.stop(f"{GROUP}/upstream", gently=True)


def start_manifests(settings: Settings, calico_crds: Path) -> None:
    """Serves the lab's flannel.yml and calico.yml over HTTP; Calico's resource definitions come out of its Go module."""
    folder = settings.state / "manifests"
    folder.mkdir(parents=True, exist_ok=True)
    definitions = processes.run([str(calico_crds)])
    for name, before in (("flannel.yml", ""), ("calico.yml", definitions)):
        _publish(folder / name, before + (LAB / "manifests" / name).read_text())
    argv = [sys.executable, "-m", "http.server", "--bind", settings.gateway, "--directory", str(folder), str(MANIFESTS_PORT)]
    processes.start(f"{GROUP}/manifests", argv, settings.state / "log" / "manifests.log")
    _wait_for(f"http://{settings.gateway}:{MANIFESTS_PORT}/flannel.yml", settings.state / "log" / "manifests.log")


def _publish(path: Path, text: str) -> None:
    """Writes a manifest, provided that the inventory's checksum is the true one: else every playbook would stop at it."""
    checksum = "sha256:" + hashlib.sha256(text.encode()).hexdigest()
    if checksum not in INVENTORY_VARIABLES.read_text():
        raise LabError(
            f"{path.name} has {checksum}: put that into {INVENTORY_VARIABLES.relative_to(REPOSITORY)} after reading what changed."
        )
    path.write_text(text)


def upstream(settings: Settings) -> str:
    """host:port of the registry that plays the upstream ones."""
    return f"{settings.gateway}:{UPSTREAM_PORT}"


def stop() -> None:
    """Ends registries and web server."""
    processes.stop(GROUP, gently=True)


def _start_registry(settings: Settings, program: Path, name: str, storage: Path, port: int) -> None:
    address = f"{settings.gateway}:{port}"
    config, log = settings.state / f"registry-{name}.yml", settings.state / "log" / f"registry-{name}.log"
    config.write_text(_REGISTRY.format(folder=storage, address=address))
    processes.start(f"{GROUP}/{name}", [str(program), "serve", str(config)], log)
    _wait_for(f"http://{address}/v2/", log)


def _wait_for(url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url):
        if time.monotonic() > deadline:
            raise LabError(f"{url} does not answer within {START_SECONDS:.0f} s; its log ends:\n{_tail(log)}")
        time.sleep(0.1)


def _answers(url: str) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=2) as response:
            return t.cast(int, response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "(no log)"
