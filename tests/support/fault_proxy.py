# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stands before a registry on 127.0.0.1 and does it harm: `FaultProxy.decide` says of each request what goes wrong with it.

Cut connections, slowness, 429 and 5xx, wrong lengths, changed bytes, redirects. Also what belongs before a registry: TLS, tokens.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import ssl
import threading
import time
import typing as t
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_STEP = 64 * 1024
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}


class Request(t.NamedTuple):
    """What is asked; header names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]


@dataclasses.dataclass(frozen=True)
class Fault:
    """What happens to a request. With a ``status`` the registry behind never hears of it."""

    status: int = 0
    headers: t.Mapping[str, str] = dataclasses.field(default_factory=dict)
    body: bytes = b""
    #: Seconds before anything is answered.
    delay: float = 0.0
    #: The connection ends after so many bytes of the answer's body, or of the request's.
    cut_answer: int | None = None
    cut_request: int | None = None
    #: What the Content-Length of the answer is wrong by.
    longer: int = 0
    #: Whether the answer's first byte is another.
    mangle: bool = False
    #: Headers that the answer loses, in lower case.
    without: frozenset[str] = frozenset()
    #: Headers that the answer has in place of its own.
    instead: t.Mapping[str, str] = dataclasses.field(default_factory=dict)


Decide = t.Callable[[Request], "Fault | None"]


class FaultProxy:
    """``name`` is its host and port; ``log`` holds all that it was asked."""

    def __init__(self, upstream: str, decide: Decide = lambda _request: None, tls: ssl.SSLContext | None = None) -> None:
        self.upstream = upstream
        self.decide = decide
        self.log: list[Request] = []
        #: What becomes of the registry's own Locations.
        self.rewrite_location: t.Callable[[str], str] = lambda location: location
        self.connections = 0
        #: The most requests that were under way at once.
        self.most = 0
        self.inside = 0
        self._lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._http.daemon_threads = True
        if tls:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._http.server_port}"

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def asked(self, method: str, part: str) -> int:
        """How often a path with this part was asked for."""
        return sum(1 for request in self.log if request.method == method and part in request.path)

    @contextlib.contextmanager
    def counted(self, request: Request) -> t.Iterator[None]:
        with self._lock:
            self.log.append(request)
            self.inside += 1
            self.most = max(self.most, self.inside)
        try:
            yield
        finally:
            with self._lock:
                self.inside -= 1


@contextlib.contextmanager
def before(upstream: str, decide: Decide = lambda _request: None, tls: ssl.SSLContext | None = None) -> t.Iterator[FaultProxy]:
    """A proxy for as long as the block lasts."""
    proxy = FaultProxy(upstream, decide, tls)
    try:
        yield proxy
    finally:
        proxy.close()


class Times:
    """Lets a fault happen to the first so many requests that fit, and to no other."""

    def __init__(self, count: int, fault: Fault, fits: t.Callable[[Request], bool]) -> None:
        self.left = count
        self._fault = fault
        self._fits = fits
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> Fault | None:
        with self._lock:
            if not self.left or not self._fits(request):
                return None
            self.left -= 1
            return self._fault


def on(method: str, part: str) -> t.Callable[[Request], bool]:
    """Fits requests of a method with this in the path."""
    return lambda request: request.method == method and part in request.path


class _CutError(Exception):
    pass


class _Handler(BaseHTTPRequestHandler):
    proxy: t.ClassVar[FaultProxy]
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def setup(self) -> None:
        super().setup()
        self.proxy.connections += 1

    def handle_any(self) -> None:
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, {name.lower(): value for name, value in self.headers.items()})
        with self.proxy.counted(request):
            fault = self.proxy.decide(request) or Fault()
            time.sleep(fault.delay)
            try:
                self._answer_ourselves(fault) if fault.status else self._pass_on(fault)
            except (_CutError, ConnectionError):
                self.close_connection = True

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any  # noqa: N815  # the names are those of the base class

    def log_message(self, *_arguments: t.Any) -> None:
        pass

    def _answer_ourselves(self, fault: Fault) -> None:
        # An answer while the body is still on its way; a little of it is read, as servers do.
        left = int(self.headers.get("Content-Length") or 0)
        while left > 0:
            step = self.rfile.read(min(_STEP, left))
            if not step:
                raise _CutError
            left -= len(step)
        self._head(fault.status, {"Content-Length": str(len(fault.body)), **fault.headers})
        if self.command != "HEAD":
            self.wfile.write(fault.body)

    def _pass_on(self, fault: Fault) -> None:
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP_BY_HOP}
            body = self._body(fault) if "content-length" in {name.lower() for name in headers} else None
            upstream.request(self.command, self.path, body=body, headers=headers)
            answer = upstream.getresponse()
            self._give_back(answer, fault)
        finally:
            upstream.close()

    def _body(self, fault: Fault) -> t.Iterator[bytes]:
        left, read = int(self.headers["Content-Length"]), 0
        while left > 0:
            step = self.rfile.read(min(_STEP, left))
            read += len(step)
            left -= len(step)
            if not step or (fault.cut_request is not None and read >= fault.cut_request):
                raise _CutError
            yield step

    def _give_back(self, answer: http.client.HTTPResponse, fault: Fault) -> None:
        drop = _HOP_BY_HOP | fault.without | {name.lower() for name in fault.instead}
        headers = {name: value for name, value in answer.getheaders() if name.lower() not in drop}
        headers |= dict(fault.instead)
        if "Location" in headers:
            headers["Location"] = self.proxy.rewrite_location(headers["Location"])
        if fault.longer:
            headers["Content-Length"] = str(int(headers["Content-Length"]) + fault.longer)
        self._head(answer.status, headers)
        given = 0
        while step := answer.read(_STEP):
            if fault.mangle and not given:
                step = bytes([step[0] ^ 1]) + step[1:]
            if fault.cut_answer is not None and given + len(step) > fault.cut_answer:
                self.wfile.write(step[: fault.cut_answer - given])
                raise _CutError
            self.wfile.write(step)
            given += len(step)
        if fault.longer:
            raise _CutError

    def _head(self, status: int, headers: t.Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
