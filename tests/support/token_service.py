# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token service with short-lived Bearer tokens, and what asks for them before a registry: the `decide` of a FaultProxy.

As Harbor does, it answers a token that is too old with a Basic challenge, and a request without one with a Bearer challenge.
"""

from __future__ import annotations

import base64
import json
import secrets
import threading
import time
from urllib.parse import parse_qs

from tests.support.fault_proxy import Fault, Request

USER, PASSWORD = "robot$proj+mirror", "Correct-horse1"
REALM_PATH = "/service/token"


class TokenService:
    """Tokens that live so many seconds; ``issued`` holds the scopes of each, in order."""

    def __init__(self, life: float, says: float | None = None, is_anonymous: bool = False) -> None:
        """``says`` is the life that it claims, if another."""
        self._life = life
        self._says = life if says is None else says
        self._is_anonymous = is_anonymous
        self._tokens: dict[str, tuple[float, frozenset[str]]] = {}
        self._lock = threading.Lock()
        self.issued: list[list[str]] = []
        self.basic_challenges = 0
        #: Where the service is, as seen from outside; what is before the registry if empty.
        self.realm = ""

    def __call__(self, request: Request) -> Fault | None:
        if request.path == REALM_PATH:
            return self._issue(request)
        authorization = request.headers.get("authorization", "")
        with self._lock:
            until, scopes = self._tokens.get(authorization.removeprefix("Bearer "), (0.0, frozenset()))
        if time.monotonic() < until and scopes >= _wanted(request):
            return None
        if authorization:
            self.basic_challenges += 1
            return _unauthorized('Basic realm="harbor"')
        realm = self.realm or f"http://{request.headers['host']}{REALM_PATH}"
        return _unauthorized(f'Bearer realm="{realm}",service="harbor-registry",scope="repository:x:pull"')

    def _issue(self, request: Request) -> Fault:
        expected = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        given = request.headers.get("authorization")
        if given != expected and not (given is None and self._is_anonymous):
            return _unauthorized('Basic realm="harbor"')
        asked = parse_qs(request.query)
        assert asked["service"] == ["harbor-registry"]
        scopes = asked.get("scope", [])
        token = secrets.token_hex(16)
        with self._lock:
            self._tokens[token] = (time.monotonic() + self._life, frozenset(right for scope in scopes for right in _rights(scope)))
            self.issued.append(scopes)
        answer = {"token": token, "expires_in": self._says, "issued_at": "2026-01-01T00:00:00Z"}
        return Fault(200, {"Content-Type": "application/json"}, json.dumps(answer).encode())


def _rights(scope: str) -> list[str]:
    kind, path, actions = scope.rsplit(":", 2)
    return [f"{kind}:{path}:{action}" for action in actions.split(",")]


def _wanted(request: Request) -> set[str]:
    path = request.path.removeprefix("/v2/")
    for mark in ("/manifests/", "/blobs/", "/referrers/"):
        if mark in path:
            repository = path.partition(mark)[0]
            wanted = {f"repository:{repository}:{'pull' if request.method in ('GET', 'HEAD') else 'push'}"}
            donors = parse_qs(request.query).get("from", [])
            return wanted | {f"repository:{donor}:pull" for donor in donors}
    return set()


def _unauthorized(challenge: str) -> Fault:
    body = json.dumps({"errors": [{"code": "UNAUTHORIZED", "message": "unauthorized"}]}).encode()
    return Fault(401, {"WWW-Authenticate": challenge, "Content-Type": "application/json"}, body)
