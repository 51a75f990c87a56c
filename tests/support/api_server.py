# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A real API server with its etcd on 127.0.0.1, from the programs that the lab has built; no node, no controller, no lab."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import ssl
import subprocess
import time
import typing as t
import urllib.request
from pathlib import Path

from lab import settings

_TOKEN = "admin-of-a-test"  # noqa: S105  # of a server on the loopback device that lives for a test
_START, _STOP = 60, 20


def programs() -> tuple[Path, Path] | None:
    """etcd and Kubernetes' program of all components; None where the lab has not been built."""
    found = [sorted((settings.from_environment(os.environ).cache / "bin").glob(f"{name}-*")) for name in ("etcd", "kube")]
    return (found[0][-1], found[1][-1]) if all(found) else None


@contextlib.contextmanager
def running(folder: Path, etcd: Path, kube: Path) -> t.Iterator[dict[str, t.Any]]:
    """The options of a module by which it is reached, from when it is ready until the end of the block. All it writes is in ``folder``."""
    client, peer, port = _free_ports(3)
    (folder / "kube-apiserver").symlink_to(kube)
    (folder / "tokens").write_text(f"{_TOKEN},admin,admin,system:masters\n")
    key = folder / "accounts.key"
    subprocess.run(["openssl", "genrsa", "-out", str(key), "2048"], check=True, capture_output=True, timeout=_START)
    store = [
        str(etcd),
        f"--data-dir={folder / 'etcd'}",
        f"--listen-client-urls=http://127.0.0.1:{client}",
        f"--advertise-client-urls=http://127.0.0.1:{client}",
        f"--listen-peer-urls=http://127.0.0.1:{peer}",
        "--unsafe-no-fsync",
    ]
    server = [
        str(folder / "kube-apiserver"),
        f"--etcd-servers=http://127.0.0.1:{client}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={folder / 'certificates'}",
        "--service-account-issuer=https://localhost",
        f"--service-account-key-file={key}",
        f"--service-account-signing-key-file={key}",
        f"--token-auth-file={folder / 'tokens'}",
        "--authorization-mode=RBAC",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--disable-admission-plugins=ServiceAccount",
    ]
    with _process(store, folder / "etcd.log"), _process(server, folder / "server.log") as process:
        _await_ready(port, process, folder / "server.log")
        yield {"host": f"https://127.0.0.1:{port}", "api_key": _TOKEN, "validate_certs": False}


@contextlib.contextmanager
def _process(command: list[str], log: Path) -> t.Iterator[subprocess.Popen[bytes]]:
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(_STOP)
            except subprocess.TimeoutExpired:
                process.kill()


def _free_ports(number: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(number)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def _await_ready(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """Until it has made its own namespaces, which it does last."""
    deadline = time.monotonic() + _START
    while process.poll() is None and time.monotonic() < deadline:
        if "kube-system" in _namespaces(port):
            return
        time.sleep(0.2)  # between two looks
    raise AssertionError(f"the API server does not get ready:\n{log.read_text()[-2000:]}")


def _namespaces(port: int) -> list[str]:
    """None, as long as it does not answer."""
    request = urllib.request.Request(f"https://127.0.0.1:{port}/api/v1/namespaces", headers={"Authorization": f"Bearer {_TOKEN}"})
    context = ssl._create_unverified_context()  # noqa: S323, SLF001  # its certificate is one that it made for itself
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as answer:  # noqa: S310  # https, see above
            return [item["metadata"]["name"] for item in json.load(answer)["items"]]
    except (OSError, KeyError, ValueError):
        return []
