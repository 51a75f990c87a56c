# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A Harbor for tests and the lab: Harbor's API, tokens and refusals in front of a real docker-registry, which has the contents.

In a test: ``with FakeHarbor(tmp_path) as harbor: harbor.url``. As a program, until it is told to end::

    python -m tests.support.fake_harbor --port 8443 --storage DIR --admin-password-file FILE [--tls-cert FILE --tls-key FILE]

State is in memory: a new one on the same storage has no projects. It is no Harbor to keep anything in.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import dataclasses
import hashlib
import http.client
import json
import re
import secrets
import shutil
import signal
import socket
import ssl
import sys
import threading
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.support import harbor_api
from tests.support.docker_registry import Certificate, DockerRegistry
from tests.support.harbor_state import NOBODY, Artifact, Principal, Project, Refusal, State

ADMIN_PASSWORD = "Harbor12345"  # noqa: S105 - of a registry on loopback that lives as long as a test
_TOKEN_LIFE = 1800.0
_API = "/api/v2.0"
_SERVICE = "harbor-registry"
_BASIC = 'Basic realm="harbor"'
_REGISTRY_PATH = re.compile(r"/v2/(?P<name>.+)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>.*)")
_INDEX = "application/vnd.oci.image.index.v1+json"
_ACTIONS = {"GET": "pull", "HEAD": "pull", "DELETE": "delete"}
_LARGEST_MANIFEST = 4 * 1024 * 1024
_PIECE = 256 * 1024
#: Of a body that nobody wants, so much is read before the connection is closed; a client would else see a broken pipe, and no answer.
_DRAINED = 64 * 1024 * 1024
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "host", "authorization", "cookie", "expect"}


@dataclasses.dataclass
class Fault:
    """An answer in the place of the true one, ``times`` times, for requests whose method and path (a regular expression) fit."""

    status: int
    path: str
    method: str
    times: int
    headers: t.Mapping[str, str]


class FakeHarbor:
    """A running Harbor. What it knows is in ``state``, and may be changed at any time; ``log`` has method and path
    of each request.

    ``body_limit`` is that of an ingress in front (413); digests in ``in_collection`` are being garbage collected (404).
    """

    def __init__(
        self,
        storage: Path,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        admin_password: str = ADMIN_PASSWORD,
        robot_prefix: str = "robot$",
        token_life: float = _TOKEN_LIFE,
        certificate: Certificate | None = None,
        registry_program: Path | None = None,
    ) -> None:
        self._beginning = (admin_password, robot_prefix, token_life)
        self.state = State(*self._beginning)
        self.log: list[tuple[str, str]] = []
        self.body_limit: int | None = None
        self.in_collection: set[str] = set()
        self.certificate = certificate
        self._faults: list[Fault] = []
        self.backend = DockerRegistry(storage / "registry", relative_urls=True, program=registry_program)
        try:
            self._http = _Server((host, port), type("Handler", (_Handler,), {"harbor": self}))
        except BaseException:
            self.backend.close()
            raise
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.path, certificate.key)
            # The handshake is the handler's thread's: one slow client must not stop the others.
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True, do_handshake_on_connect=False)
        self.host = f"{host}:{self._http.server_port}"
        self.scheme = "https" if certificate else "http"
        self.url = f"{self.scheme}://{self.host}"
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self) -> t.Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self.backend.close()

    # --- For tests ---

    def fail(self, status: int, path: str = "", *, method: str = "", times: int = 1, headers: t.Mapping[str, str] | None = None) -> None:
        """Has the next requests that fit fail with this status (429, 502, ...)."""
        self._faults.append(Fault(status, path, method, times, headers or {}))

    def forget(self) -> None:
        """Makes it a Harbor that nobody has used, but for the contents of its registry, which nothing names any more."""
        self.state = State(*self._beginning)
        self.body_limit = None
        for kept in (self.log, self._faults, self.in_collection):
            kept.clear()

    def writes(self) -> list[tuple[str, str]]:
        """What was asked for that could have changed something."""
        return [(method, path) for method, path in self.log if method not in ("GET", "HEAD")]

    # --- For the handler ---

    def check_faults(self, method: str, path: str) -> Fault | None:
        with self.state.lock:
            for fault in self._faults:
                if fault.times > 0 and fault.method in ("", method) and re.search(fault.path, path):
                    fault.times -= 1
                    return fault
        return None

    def delete_manifest(self, repository: str, digest: str) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.backend.port, timeout=30)
        connection.request("DELETE", f"/v2/{repository}/manifests/{digest}")
        connection.getresponse().read()
        connection.close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request: t.Any, client_address: t.Any) -> None:
        """A client that goes away in the middle, or trusts no certificate, is nothing to report."""
        error = sys.exc_info()[1]
        if not isinstance(error, (ConnectionError, TimeoutError, ssl.SSLError)):
            super().handle_error(request, client_address)


class _Body:
    """The body of a request, read piece by piece whichever way it comes."""

    def __init__(self, stream: t.BinaryIO, headers: t.Mapping[str, str]) -> None:
        self._stream = stream
        self.chunked = "chunked" in headers.get("Transfer-Encoding", "").lower()
        self.length = int(headers.get("Content-Length") or 0)
        self._left = self.length
        self._ended = not self.chunked and not self.length

    @property
    def ended(self) -> bool:
        return self._ended

    def pieces(self) -> t.Iterator[bytes]:
        while not self._ended:
            piece = self._next_chunk() if self.chunked else self._stream.read(min(self._left, _PIECE))
            self._left -= len(piece)
            self._ended = not piece or (not self.chunked and not self._left)
            if piece:
                yield piece
        if self._left and not self.chunked:
            raise ConnectionError("the client ended in the middle of a body")

    def all(self, limit: int) -> bytes:
        """Raises Refusal for what is larger than ``limit``."""
        read = bytearray()
        for piece in self.pieces():
            read += piece
            if len(read) > limit:
                raise Refusal(413, "REQUEST_ENTITY_TOO_LARGE", f"the body is larger than {limit} bytes")
        return bytes(read)

    def drain(self) -> bool:
        """Reads what nobody wants; whether that was all."""
        read = 0
        for piece in self.pieces():
            read += len(piece)
            if read > _DRAINED:
                return False
        return True

    def _next_chunk(self) -> bytes:
        size = int(self._stream.readline().split(b";")[0] or b"0", 16)
        piece = self._stream.read(size)
        while self._stream.readline().strip():
            pass  # trailers, which nobody sends
        return piece


class _Handler(BaseHTTPRequestHandler):
    harbor: FakeHarbor
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 120
    _backend: http.client.HTTPConnection | None = None
    body: _Body

    def log_message(self, *_words: object) -> None:
        """Whoever wants to know reads ``harbor.log``."""

    def setup(self) -> None:
        if isinstance(self.request, ssl.SSLSocket):
            self.request.settimeout(self.timeout)
            self.request.do_handshake()
        super().setup()

    def finish(self) -> None:
        super().finish()
        if self._backend:
            self._backend.close()

    def _serve(self) -> None:
        self.body = _Body(t.cast("t.BinaryIO", self.rfile), t.cast("t.Mapping[str, str]", self.headers))
        self.harbor.log.append((self.command, self.path))
        try:
            self._answer()
        except Refusal as refusal:
            challenge = {} if refusal.challenge is None else {"Www-Authenticate": refusal.challenge}
            self._send(refusal.status, refusal.body, challenge)
        if not self.body.ended and not self.body.drain():
            self.close_connection = True

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def _answer(self) -> None:
        fault = self.harbor.check_faults(self.command, self.path)
        if fault:
            self._send(fault.status, {"errors": [{"code": _code(fault.status), "message": "as the test wants it"}]}, fault.headers)
            return
        if self.harbor.body_limit is not None and self.body.length > self.harbor.body_limit:
            self._send_bytes(413, b"<html><h1>413 Request Entity Too Large</h1></html>", {"Content-Type": "text/html"})
            return
        self._check_session()
        path = urlsplit(self.path).path
        if path.startswith(f"{_API}/"):
            self._api(path[len(_API) :])
        elif path == "/service/token":
            self._token()
        elif path.startswith("/v2/"):
            _Registry(self).answer(path)
        else:
            raise Refusal(404, "NOT_FOUND", "page not found")

    def _check_session(self) -> None:
        """A request with the session's cookie is a browser's, which has to show that it read a page of Harbor's."""
        if "sid=" in self.headers.get("Cookie", "") and self.command not in ("GET", "HEAD") and "X-Harbor-CSRF-Token" not in self.headers:
            raise Refusal(403, "FORBIDDEN", "CSRF token not found in request")

    # --- API and tokens ---

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.path).query))

    def who(self) -> Principal:
        """Who asks; nobody also where password or token are wrong."""
        kind, _, credential = self.headers.get("Authorization", "").partition(" ")
        if kind.lower() == "bearer":
            return self.harbor.state.by_token(credential)
        if kind.lower() != "basic":
            return NOBODY
        try:
            name, _, password = base64.b64decode(credential, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return NOBODY
        return self.harbor.state.by_password(name, password)

    def _api(self, path: str) -> None:
        body = self.body.all(_LARGEST_MANIFEST)
        try:
            data = json.loads(body) if body else {}
        except ValueError:
            raise Refusal(400, "BAD_REQUEST", 'parsing body from "" failed') from None
        by_name = self.headers.get("X-Is-Resource-Name", "").lower() == "true"
        request = harbor_api.Request(self.command, unquote(path), self.query, data, self.who(), self.harbor.delete_manifest, by_name)
        reply = harbor_api.answer(self.harbor.state, request)
        cookie = {"Set-Cookie": f"sid={secrets.token_hex(8)}; Path=/; HttpOnly"}
        self._send(reply.status, reply.body, {**cookie, **reply.headers})

    def _token(self) -> None:
        if self.command != "GET":
            # containerd tries OAuth first, and takes this for "ask with GET".
            raise Refusal(405, "METHOD_NOT_ALLOWED", "tokens are given to GET only")
        scopes = [word for name, value in parse_qsl(urlsplit(self.path).query) if name == "scope" for word in value.split()]
        who = self.who()
        if who == NOBODY and not scopes:
            raise Refusal(401, "UNAUTHORIZED", "authentication required")
        with self.harbor.state.lock:
            self._send(200, self.harbor.state.issue_token(who, scopes), {"Set-Cookie": f"sid={secrets.token_hex(8)}; Path=/; HttpOnly"})

    # --- Answers ---

    def _send(self, status: int, body: t.Any = None, headers: t.Mapping[str, str] | None = None) -> None:
        data = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self._send_bytes(status, data, {"Content-Type": "application/json", **(headers or {})})

    send_json = _send

    def _send_bytes(self, status: int, data: bytes, headers: t.Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        if not self.body.ended:
            self.close_connection = True
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    send_bytes = _send_bytes

    # --- The registry behind ---

    def ask_backend(
        self, method: str, path: str, body: bytes | _Body = b"", headers: t.Mapping[str, str] | None = None
    ) -> http.client.HTTPResponse:
        if self._backend is None:
            self._backend = http.client.HTTPConnection("127.0.0.1", self.harbor.backend.port, timeout=self.timeout)
            self._backend.connect()
            self._backend.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = {name: value for name, value in (headers or {}).items() if name.lower() not in _HOP_BY_HOP}
        if isinstance(body, bytes):
            self._backend.request(method, path, body or None, {**sent, "Content-Length": str(len(body))})
        else:
            self._backend.request(method, path, body.pieces() if not body.ended else None, sent, encode_chunked=body.chunked)
        return self._backend.getresponse()

    def pass_on(self, response: http.client.HTTPResponse) -> None:
        """Gives the client the backend's answer as it comes."""
        self._begin(response)
        if self.command != "HEAD":
            shutil.copyfileobj(response, self.wfile, _PIECE)
        response.read()

    def pass_on_after(self, response: http.client.HTTPResponse, note: t.Callable[[], None]) -> None:
        """The same with something to do before the client may know of it."""
        data = response.read()
        note()
        self._begin(response)
        self.wfile.write(data)

    def _begin(self, response: http.client.HTTPResponse) -> None:
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in (*_HOP_BY_HOP, "date", "server"):
                self.send_header(name, value)
        if response.getheader("Content-Length") is None:
            self.send_header("Content-Length", "0")
        self.end_headers()


class _Registry:
    """One request below /v2/."""

    def __init__(self, handler: _Handler) -> None:
        self.handler = handler
        self.harbor = handler.harbor
        self.state = handler.harbor.state
        self.method = handler.command
        self.who = handler.who()

    def answer(self, path: str) -> None:
        if path == "/v2/":
            self._login()
            return
        found = _REGISTRY_PATH.fullmatch(path)
        if not found:
            raise Refusal(404, "NOT_FOUND", f"path {path} was not found")
        self.name, kind, rest = found["name"], found["kind"], found["rest"]
        if "/" not in self.name:
            raise Refusal(400, "BAD_REQUEST", f"invalid repository name: {self.name}")
        self.path = self.name.partition("/")[2]
        action = _ACTIONS.get(self.method, "push")
        with self.state.lock:
            self.project = self._allowed(self.name, action)
            if action != "pull":
                self.state.check_push(self.project, 0)
        {"manifests": self._manifest, "blobs": self._blob, "tags": self._tags, "referrers": self._referrers}[kind](rest)

    # --- Who may ---

    def _login(self) -> None:
        if self.who == NOBODY:
            raise Refusal(401, "UNAUTHORIZED", "unauthorized", self._challenge(""))
        self.handler.send_json(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})

    def _allowed(self, repository: str, action: str) -> Project:
        """The repository's project, where the action is allowed."""
        name = repository.partition("/")[0]
        anonymous = "Authorization" not in self.handler.headers
        scope = f"repository:{repository}:{'pull' if action == 'pull' else f'pull,{action}'}"
        if anonymous and self.method == "HEAD":
            raise Refusal(401, "UNAUTHORIZED", "authorize header needed to send HEAD to repository", self._challenge(scope))
        project = self.state.projects.get(name)
        if project is None:
            raise Refusal(401, "UNAUTHORIZED", f"project {name} not found", "")
        # Stricter than Harbor, which spares a GET in a public project the token.
        if anonymous or not self.state.may(self.who, action, project, repository):
            raise Refusal(401, "UNAUTHORIZED", f"unauthorized to access repository: {repository}, action: {action}", self._challenge(scope))
        return project

    def _challenge(self, scope: str) -> str:
        """Any Authorization, an expired token too, turns it into one for a password."""
        if "Authorization" in self.handler.headers:
            return _BASIC
        realm = f"{self.harbor.scheme}://{self.handler.headers.get('Host', self.harbor.host)}/service/token"
        return f'Bearer realm="{realm}",service="{_SERVICE}"' + (f',scope="{scope}"' if scope else "")

    # --- Blobs ---

    def _blob(self, rest: str) -> None:
        handler = self.handler
        if self.method in ("GET", "HEAD"):
            if rest in self.harbor.in_collection:
                raise Refusal(404, "NOT_FOUND", f"blob {rest} not found")
            handler.pass_on(handler.ask_backend(self.method, handler.path, headers=dict(handler.headers)))
            return
        query = handler.query
        with self.state.lock:
            self.state.check_push(self.project, handler.body.length, query.get("digest", ""))
            if "from" in query:
                self._allowed(query["from"], "pull")
        response = handler.ask_backend(self.method, handler.path, handler.body, dict(handler.headers))
        digest = query.get("digest") or query.get("mount")
        committed = digest if response.status == 201 else None
        handler.pass_on_after(response, lambda: self._count(committed, handler.body.length))

    def _count(self, digest: str | None, size: int) -> None:
        """Counts a blob that is in the project now; one that was mounted or came in pieces is asked for its size."""
        if digest is None:
            return
        if not size:
            response = self.handler.ask_backend("HEAD", f"/v2/{self.name}/blobs/{digest}")
            size = int(response.getheader("Content-Length") or 0)
            response.read()
        with self.state.lock:
            self.project.blobs[digest] = size
        self.harbor.in_collection.discard(digest)

    # --- Manifests, whose tags are Harbor's own and unknown to the registry behind ---

    def _manifest(self, reference: str) -> None:
        if self.method == "PUT":
            self._put_manifest(reference)
        elif self.method == "DELETE":
            self._delete_manifest(reference)
        else:
            artifact = self._known(reference)
            if self.method == "GET":
                artifact.pulled = self.state.now()
            path = f"/v2/{self.name}/manifests/{artifact.digest}"
            self.handler.pass_on(self.handler.ask_backend(self.method, path, headers=dict(self.handler.headers)))

    def _known(self, reference: str) -> Artifact:
        with self.state.lock:
            artifacts = self.project.repositories.get(self.path, {})
            artifact = artifacts.get(reference) or self.state.tagged(self.project, self.path, reference)
        if artifact is None:
            raise Refusal(404, "NOT_FOUND", f"artifact {self.name}:{reference} not found")
        return artifact

    def _put_manifest(self, reference: str) -> None:
        handler = self.handler
        tag = "" if ":" in reference else reference
        with self.state.lock:
            if tag:
                self.state.check_tag(self.project, self.path, tag)
        data = handler.body.all(_LARGEST_MANIFEST)
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}" if tag else reference
        with self.state.lock:
            self.state.check_push(self.project, len(data), digest)
        response = handler.ask_backend("PUT", f"/v2/{self.name}/manifests/{digest}", data, dict(handler.headers))
        if response.status == 201:
            with self.state.lock:
                made = _artifact_of(data, digest, handler.headers.get("Content-Type", ""), self.state)
                self.project.blobs[digest] = len(data)
                self.state.add_artifact(self.project, self.path, made, tag)
        handler.pass_on(response)

    def _delete_manifest(self, reference: str) -> None:
        if ":" not in reference:
            raise Refusal(405, "UNSUPPORTED", "the reference must be a digest: a tag cannot be deleted here")
        with self.state.lock:
            digest = self._known(reference).digest
            gone = self.state.delete_artifact(self.project, self.path, digest)
        for each in gone:
            self.harbor.delete_manifest(self.name, each)
        self.handler.send_json(202)

    def _tags(self, _rest: str) -> None:
        with self.state.lock:
            artifacts = self.project.repositories.get(self.path)
            if artifacts is None:
                raise Refusal(404, "NOT_FOUND", f"repository {self.name} not found")
            tags = sorted(tag for artifact in artifacts.values() for tag in artifact.tags)
        self.handler.send_json(200, {"name": self.name, "tags": tags})

    def _referrers(self, digest: str) -> None:
        with self.state.lock:
            artifacts = self.project.repositories.get(self.path, {}).values()
            found = [
                {
                    "mediaType": item.media_type,
                    "digest": item.digest,
                    "size": self.project.blobs[item.digest],
                    "artifactType": item.artifact_type,
                }
                for item in artifacts
                if item.subject == digest
            ]
        self.handler.send_json(200, {"schemaVersion": 2, "mediaType": _INDEX, "manifests": found}, {"Content-Type": _INDEX})


def _artifact_of(data: bytes, digest: str, content_type: str, state: State) -> Artifact:
    document = json.loads(data)
    parts = [document["config"], *document["layers"]] if "config" in document else []
    return Artifact(
        id=state.next_id(),
        digest=digest,
        media_type=document.get("mediaType") or content_type,
        size=len(data) + sum(part.get("size", 0) for part in parts),
        pushed=state.now(),
        children=[(child["digest"], child.get("platform", {})) for child in document.get("manifests", [])],
        subject=document.get("subject", {}).get("digest", ""),
        artifact_type=document.get("artifactType") or document.get("config", {}).get("mediaType", ""),
    )


def _code(status: int) -> str:
    return {429: "TOO_MANY_REQUEST", 401: "UNAUTHORIZED", 403: "DENIED", 404: "NOT_FOUND"}.get(status, "UNKNOWN")


def main(arguments: t.Sequence[str] | None = None) -> None:
    """The program."""
    parser = argparse.ArgumentParser(description="A Harbor for tests, in front of docker-registry")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--storage", type=Path, required=True, help="directory for the images")
    parser.add_argument("--admin-password-file", type=Path, required=True, help="file whose first line is the password of admin")
    parser.add_argument("--tls-cert", type=Path)
    parser.add_argument("--tls-key", type=Path)
    parser.add_argument("--token-life", type=float, default=_TOKEN_LIFE, help="seconds")
    parser.add_argument("--registry-program", type=Path, help="docker-registry; the lab's if none is named")
    options = parser.parse_args(arguments)
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key go together")
    end = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: end.set())
    harbor = FakeHarbor(
        options.storage,
        host=options.host,
        port=options.port,
        admin_password=options.admin_password_file.read_text().splitlines()[0],
        token_life=options.token_life,
        certificate=Certificate(options.tls_cert, options.tls_key) if options.tls_cert else None,
        registry_program=options.registry_program,
    )
    with harbor:
        print(f"fake Harbor at {harbor.url}", flush=True)
        end.wait()


if __name__ == "__main__":
    main()
