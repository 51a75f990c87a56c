# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real registries for tests: Debian's docker-registry on a loopback port, with htpasswd and TLS where wanted, and what it was asked.

``with DockerRegistry(tmp_path / "storage") as registry: registry.url``. The program comes by the lab's own way: from the cache, or
unpacked from Debian's package. Nothing is installed and no service is started on the machine.
"""

from __future__ import annotations

import collections
import contextlib
import ctypes
import ctypes.util
import dataclasses
import json
import os
import re
import secrets
import shutil
import socket
import string
import subprocess
import time
import typing as t
from pathlib import Path

from lab import debian
from lab import settings as lab_settings

_START_SECONDS = 20.0
_STOP_SECONDS = 10.0
#: The cheapest that bcrypt has: the registry computes it again for each request.
_BCRYPT = "$2b$04$"
_ACCESS = re.compile(r'"(?P<method>[A-Z]+) (?P<path>/v2/\S*) HTTP/[\d.]+" (?P<status>\d+)')


@dataclasses.dataclass(frozen=True)
class Certificate:
    """A server's certificate for 127.0.0.1 and localhost, which is its own authority, and its key."""

    path: Path
    key: Path


def make_certificate(folder: Path, name: str = "registry") -> Certificate:
    """A new certificate in ``folder``, good for two days."""
    made = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    folder.mkdir(parents=True, exist_ok=True)
    kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"]
    command = ["openssl", "req", *kind, *names, "-keyout", str(made.key), "-out", str(made.path)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return made


class Asked(t.NamedTuple):
    """One request of a registry's access log; the path without its query."""

    method: str
    path: str
    status: int
    query: str = ""


class DockerRegistry:
    """A running docker-registry; ``name`` is its host and port. ``users`` (name -> password) turns on htpasswd, ``certificate`` TLS.

    Files are kept below ``storage``, so another one on the same directory has what this one had. Configuration and log are beside it.
    With ``relative_urls`` it may stand behind any other name.
    """

    def __init__(
        self,
        storage: Path,
        *,
        users: t.Mapping[str, str] | None = None,
        certificate: Certificate | None = None,
        relative_urls: bool = False,
        program: Path | None = None,
    ) -> None:
        storage.mkdir(parents=True, exist_ok=True)
        self.storage = storage
        self.port = free_port()
        self.name = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.name}"
        self._log = self._beside("log")
        self._seen = 0
        configuration = self._beside("yml")
        configuration.write_text(json.dumps(self._configuration(users or {}, certificate, relative_urls)))  # JSON is YAML
        argv = [str(program or debian.docker_registry(lab_settings.from_environment())), "serve", str(configuration)]
        environment = {**os.environ, "OTEL_TRACES_EXPORTER": "none"}
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        try:
            self._await_listener()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the process, and waits until it is gone."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(_STOP_SECONDS)

    def processor_seconds(self) -> float:
        """What it has used of the processor so far."""
        fields = Path("/proc", str(self._process.pid), "stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    # --- What it was asked ---

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

    # --- What it has ---

    def digest(self, name: str) -> str:
        """What ``path:tag`` is there; empty if it is not."""
        path, _, tag = name.partition(":")
        link = self._repository(path) / "_manifests/tags" / tag / "current/link"
        return link.read_text() if link.exists() else ""

    def blobs(self) -> set[str]:
        """The digests of all that is stored whole, manifests too."""
        root = self.storage / "docker/registry/v2/blobs"
        return {f"{path.parts[-4]}:{path.parts[-2]}" for path in root.glob("*/*/*/data")}

    def blobs_of(self, path: str) -> set[str]:
        """The digests of what can be pulled from the repository, without manifests."""
        return {f"{link.parts[-3]}:{link.parts[-2]}" for link in self._repository(path).glob("_layers/*/*/link")}

    def wipe(self) -> None:
        """Forgets all images."""
        shutil.rmtree(self.storage)
        self.storage.mkdir()

    def _repository(self, path: str) -> Path:
        return self.storage / "docker/registry/v2/repositories" / path

    # --- Its start ---

    def _beside(self, kind: str) -> Path:
        return self.storage.with_name(f"{self.storage.name}.{kind}")

    def _configuration(self, users: t.Mapping[str, str], certificate: Certificate | None, relative_urls: bool) -> dict[str, t.Any]:
        web: dict[str, t.Any] = {"addr": self.name, "relativeurls": relative_urls, "secret": secrets.token_hex(16)}
        if certificate:
            web["tls"] = {"certificate": str(certificate.path), "key": str(certificate.key)}
        configuration = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": False}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            "http": web,
        }
        if users:
            path = self._beside("htpasswd")
            path.write_text("".join(f"{name}:{_bcrypt(password)}\n" for name, password in users.items()))
            configuration["auth"] = {"htpasswd": {"realm": "registry", "path": str(path)}}
        return configuration

    def _await_listener(self) -> None:
        """By a connection alone: a request would be one of those that it was asked."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)  # between two looks
        raise RuntimeError(f"docker-registry does not start at {self.url}; its log: {self._log.read_text(errors='replace')[-2000:]}")


def counts(asked: t.Iterable[Asked]) -> dict[str, int]:
    """Requests by method and kind of thing, as ``HEAD manifests``."""
    return dict(collections.Counter(f"{entry.method} {_kind(entry.path)}" for entry in asked))


def _kind(path: str) -> str:
    for kind in ("/manifests/", "/blobs/uploads/", "/blobs/", "/referrers/"):
        if kind in path:
            return kind.strip("/").replace("blobs/uploads", "uploads")
    return "ping"


def free_port() -> int:
    """A port of 127.0.0.1 that nothing listens on for now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _bcrypt(password: str) -> str:
    """The only form of htpasswd that the registry takes. The C library's, because Python has none of its own for long."""
    library = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
    library.crypt.restype = ctypes.c_char_p
    # The last letter of a salt stands for two bits only.
    salt = "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(21)) + "u"
    hashed: bytes = library.crypt(password.encode(), f"{_BCRYPT}{salt}".encode())
    if not hashed.startswith(_BCRYPT.encode()):
        raise RuntimeError("the C library knows no bcrypt")
    return hashed.decode()
