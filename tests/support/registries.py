# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's docker-registry on 127.0.0.1, as often as a test wants one, and what a registry was asked, from its own log.

The program comes by the lab's own way: from the cache, or unpacked from Debian's package.
"""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import time
import typing as t
from pathlib import Path

from lab import debian, settings

START_SECONDS = 15
_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/v2/\S*) HTTP/[\d.]+" (?P<status>\d+)')


class Asked(t.NamedTuple):
    """One request of the registry's access log; the path without its query."""

    method: str
    path: str
    status: int
    query: str = ""


class Registry:
    """One docker-registry; ``name`` is its host and port."""

    def __init__(self, folder: Path, config: dict[str, t.Any] | None = None, port: int | None = None) -> None:
        self.folder = folder
        self.storage = folder / "storage"
        self.port = port or free_port()
        self.name = f"127.0.0.1:{self.port}"
        self._config = config or {}
        self._log = folder / "log"
        self._process: subprocess.Popen[bytes] | None = None
        self._seen = 0

    def start(self) -> Registry:
        self.storage.mkdir(parents=True, exist_ok=True)
        http = {"addr": self.name, **self._config.get("http", {})}
        others = {key: value for key, value in self._config.items() if key != "http"}
        storage = {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}}
        config = {"version": 0.1, "log": {"accesslog": {"disabled": False}, "level": "error"}, "storage": storage, "http": http, **others}
        # JSON is YAML.
        (self.folder / "config.yml").write_text(json.dumps(config))
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(program()), "serve", str(self.folder / "config.yml")],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            )
        _await_listener(self.port, self._process, self._log)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def wipe(self) -> None:
        """Forgets all images."""
        shutil.rmtree(self.storage)
        self.storage.mkdir()

    def processor_seconds(self) -> float:
        """What it has used of the processor so far."""
        assert self._process
        fields = Path("/proc", str(self._process.pid), "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def asked(self) -> list[Asked]:
        """What was asked since the last call of this."""
        lines = self._log.read_text(errors="replace").splitlines()
        fresh, self._seen = lines[self._seen :], len(lines)
        found = []
        for line in fresh:
            match = _ACCESS.search(line)
            if match:
                path, _, query = match.group("path").partition("?")
                found.append(Asked(match.group("method"), path, int(match.group("status")), query))
        return found

    def has_been_asked(self) -> bool:
        """Whether there is something new for `asked`."""
        return len(self._log.read_text(errors="replace").splitlines()) > self._seen

    def digest(self, name: str) -> str:
        """What ``path:tag`` is there; empty if it is not."""
        path, _, tag = name.partition(":")
        links = self.storage / "docker/registry/v2/repositories" / path / "_manifests/tags" / tag / "current/link"
        return links.read_text() if links.exists() else ""

    def blobs(self) -> set[str]:
        """The digests of all that is stored whole, manifests too."""
        root = self.storage / "docker/registry/v2/blobs"
        return {f"{path.parts[-4]}:{path.parts[-2]}" for path in root.glob("*/*/*/data")}


@contextlib.contextmanager
def running(folder: Path, config: dict[str, t.Any] | None = None) -> t.Iterator[Registry]:
    """A registry for as long as the block lasts."""
    registry = Registry(folder, config).start()
    try:
        yield registry
    finally:
        registry.stop()


def program() -> Path:
    """The docker-registry program."""
    return debian.docker_registry(settings.from_environment())


def counts(asked: t.Iterable[Asked]) -> dict[str, int]:
    """Requests by method and kind of thing, as ``HEAD manifests``."""
    return dict(collections.Counter(f"{entry.method} {_kind(entry.path)}" for entry in asked))


def _kind(path: str) -> str:
    for kind in ("/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/"):
        if kind in path:
            return kind.strip("/").replace("blobs/uploads", "uploads")
    return "ping"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_listener(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.02)  # between two looks
    raise AssertionError(f"docker-registry does not start: {log.read_text(errors='replace')[-500:]}")
