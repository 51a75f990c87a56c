# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the host serves to the nodes, on the lab's own bridge only: an upstream registry, a Harbor, and the manifests of the CNIs.

The Harbor is the tests' own, `tests.support.fake_harbor`: Harbor's API and refusals in front of a real docker-registry.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import ssl
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
    """Starts the registry that plays the upstream ones (kept between labs) and Harbor (empty in each lab)."""
    start_upstream(settings, docker_registry)
    start_harbor(settings, docker_registry)


def start_upstream(settings: Settings, docker_registry: Path) -> None:
    """Starts the registry that plays the upstream ones, after `stop_upstream` too."""
    address = f"{settings.gateway}:{UPSTREAM_PORT}"
    config, log = settings.state / "registry-upstream.yml", settings.state / "log" / "registry-upstream.log"
    config.write_text(_REGISTRY.format(folder=settings.cache / "registry", address=address))
    processes.start(f"{GROUP}/upstream", [str(docker_registry), "serve", str(config)], log)
    _wait_for(f"http://{address}/v2/", log)


def stop_upstream() -> None:
    """Ends the registry that plays the upstream ones: whatever is pulled from now on comes from somewhere else."""
    processes.stop(f"{GROUP}/upstream", gently=True)


def start_harbor(settings: Settings, docker_registry: Path) -> None:
    """Starts Harbor with a certificate and a password of its own, which are in the state folder `harbor_folder`."""
    folder, log = harbor_folder(settings), settings.state / "log" / "harbor.log"
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key, password = folder / "ca.crt", folder / "ca.key", folder / "admin-password"
    _make_certificate(settings.gateway, certificate, key)
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(16))
    arguments = {
        "--host": settings.gateway,
        "--port": HARBOR_PORT,
        "--storage": folder / "storage",
        "--admin-password-file": password,
        "--tls-cert": certificate,
        "--tls-key": key,
        "--registry-program": docker_registry,
    }
    argv = [sys.executable, "-m", "tests.support.fake_harbor", *(str(word) for pair in arguments.items() for word in pair)]
    processes.start(f"{GROUP}/harbor", argv, log, env={**os.environ, "PYTHONPATH": str(REPOSITORY)})
    _wait_for(f"https://{settings.gateway}:{HARBOR_PORT}/api/v2.0/ping", log, certificate)


def harbor_folder(settings: Settings) -> Path:
    """Where Harbor's certificate (ca.crt) and the password of its administrator (admin-password) are."""
    return settings.state / "harbor"


def _make_certificate(address: str, certificate: Path, key: Path) -> None:
    """A new certificate for the address, which is its own authority."""
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]
    names = ["-subj", "/CN=podnet-lab Harbor", "-addext", f"subjectAltName=IP:{address}"]
    processes.run(["openssl", "req", *kind, *names, "-keyout", str(key), "-out", str(certificate)])


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


def _wait_for(url: str, log: Path, authority: Path | None = None) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(url, authority):
        if time.monotonic() > deadline:
            raise LabError(f"{url} does not answer within {START_SECONDS:.0f} s; its log ends:\n{_tail(log)}")
        time.sleep(0.1)


def _answers(url: str, authority: Path | None) -> bool:
    context = ssl.create_default_context(cafile=str(authority) if authority else None)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=2) as response:
            return t.cast(int, response.status) == 200
    except (urllib.error.URLError, OSError):
        return False


def _tail(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else "(no log)"
