# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Real registries for tests: Debian's docker-registry on a loopback port, with htpasswd and TLS where wanted.

``with DockerRegistry(tmp_path / "storage") as registry: registry.url``. Nothing is installed and no service is started on the machine.
"""

from __future__ import annotations

import ctypes
import ctypes.util
import dataclasses
import http.client
import json
import secrets
import socket
import ssl
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


class DockerRegistry:
    """A running docker-registry. ``users`` (name -> password) turns on htpasswd, ``certificate`` TLS.

    Files are kept below ``storage``, so another one on the same directory has what this one had. Configuration and log are beside it.
    """

    def __init__(
        self,
        storage: Path,
        *,
        users: t.Mapping[str, str] | None = None,
        certificate: Certificate | None = None,
        program: Path | None = None,
        port: int = 0,
    ) -> None:
        storage.mkdir(parents=True, exist_ok=True)
        self.storage = storage
        self.certificate = certificate
        self.port = port or _free_port()
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"{'https' if certificate else 'http'}://{self.host}"
        self.log = storage.with_name(f"{storage.name}.log")
        configuration = storage.with_name(f"{storage.name}.yml")
        configuration.write_text(json.dumps(self._configuration(users or {})))  # JSON is YAML
        with self.log.open("wb") as log:
            argv = [str(program or debian.docker_registry(lab_settings.from_environment())), "serve", str(configuration)]
            self._process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            self._wait()
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

    def _configuration(self, users: t.Mapping[str, str]) -> dict[str, t.Any]:
        web: dict[str, t.Any] = {"addr": self.host, "relativeurls": True, "secret": secrets.token_hex(16)}
        if self.certificate:
            web["tls"] = {"certificate": str(self.certificate.path), "key": str(self.certificate.key)}
        configuration = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.storage)}, "delete": {"enabled": True}},
            "http": web,
        }
        if users:
            path = self.storage.with_name(f"{self.storage.name}.htpasswd")
            path.write_text("".join(f"{name}:{_bcrypt(password)}\n" for name, password in users.items()))
            configuration["auth"] = {"htpasswd": {"realm": "registry", "path": str(path)}}
        return configuration

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"docker-registry does not answer at {self.url}; its log: {self.log.read_text()[-2000:]}")
            time.sleep(0.02)

    def _answers(self) -> bool:
        connection = self._connection()
        try:
            connection.request("GET", "/v2/")
            return connection.getresponse().status in (200, 401)
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPConnection:
        if self.certificate:
            context = ssl.create_default_context(cafile=str(self.certificate.path))
            return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=2, context=context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)


def _free_port() -> int:
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
