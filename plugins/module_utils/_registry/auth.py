# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to answer when a registry asks who one is: Basic, or a Bearer token from the service that it names.

Sources: RFC 9110 section 11, distribution's token specification (token.md, oauth.md). Private: may change at any time.
"""

from __future__ import annotations

import dataclasses
import json
import re
import threading
import time
import typing as t
import urllib.parse

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential

#: Seconds that a token lives if its service does not say.
_USUAL_LIFE = 60.0
#: Of its life, the part after which a token is replaced.
_RENEWAL = 0.8
_CLIENT = "podnet.cni"

_PARAMETER = r'[\w!#$%&*+.^`|~-]+\s*=\s*(?:"(?:[^"\\]|\\.)*"|[^\s,"]+)'
_CHALLENGE = re.compile(rf"\s*,?\s*(?P<scheme>[A-Za-z][\w-]*)(?:\s+(?P<rest>{_PARAMETER}(?:\s*,\s*{_PARAMETER})*))?(?=\s*(?:,|$))")
_NAME_AND_VALUE = re.compile(r'([\w!#$%&*+.^`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')

#: ``repository:PATH:pull,push``, sorted.
Scopes = t.Tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Challenge:
    """One way to say who one is; ``scheme`` and the parameters' names are lower case."""

    scheme: str
    parameters: t.Mapping[str, str]


def challenges(header: str) -> t.Tuple[Challenge, ...]:
    """All that a WWW-Authenticate header offers; what cannot be read is left out."""
    found = []
    for match in _CHALLENGE.finditer(header):
        parameters = {name.lower(): quoted.replace('\\"', '"') or plain for name, quoted, plain in _pairs(match.group("rest") or "")}
        found.append(Challenge(match.group("scheme").lower(), parameters))
    return tuple(found)


def _pairs(text: str) -> t.List[t.Tuple[str, str, str]]:
    return _NAME_AND_VALUE.findall(text)


def scopes(*wanted: t.Tuple[str, str]) -> Scopes:
    """The scopes for some of (path, actions)."""
    return tuple(sorted(f"repository:{path}:{actions}" for path, actions in wanted))


@dataclasses.dataclass(frozen=True)
class Token:
    """A Bearer token, and the moment of `time.monotonic` from which on another is to be had."""

    text: str = dataclasses.field(repr=False)
    until: float = 0.0


def token(body: bytes, asked: float, where: str) -> Token:
    """The token in a service's answer to what was asked at that moment. Raises RegistryError without what the service said."""
    try:
        data = json.loads(body)
        text = data.get("token") or data["access_token"]
        life = float(data.get("expires_in") or _USUAL_LIFE)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _errors.RegistryError("the token service's answer holds no token", where) from None
    return Token(str(text), asked + _RENEWAL * life)


#: Sends a request of (method, URL, headers, body), with patience, and returns status and body.
Send = t.Callable[[str, str, t.Mapping[str, str], t.Optional[bytes]], t.Tuple[int, bytes]]


class Authority:
    """What one registry was found to want, and the tokens for it; may be used by many threads."""

    def __init__(self, host: str, find: t.Callable[[str], t.Optional[Credential]], send: Send, beside: t.Callable[[str], str]) -> None:
        """``find`` gives the credential for a path, ``beside`` the URL that one in the registry's answer means."""
        self._host = host
        self._find = find
        self._send = send
        self._beside = beside
        self._service: t.Optional[t.Tuple[str, str]] = None
        self._wants_basic = False
        self._tokens: t.Dict[Scopes, Token] = {}
        self._locks: t.Dict[Scopes, threading.Lock] = {}
        self._lock = threading.Lock()

    def header(self, wanted: Scopes) -> t.Optional[str]:
        """The Authorization to send, None before the registry said what it wants. May ask for a token."""
        if self._service:
            return f"Bearer {self._token(wanted).text}"
        credential = self._find(_path(wanted)) if self._wants_basic else None
        return credential.basic if credential else None

    def learn(self, header: str, sent: t.Optional[str], wanted: Scopes) -> bool:
        """Takes in why a request with the Authorization ``sent`` was answered by 401; returns whether it is worth sending again."""
        offered = {challenge.scheme: challenge for challenge in challenges(header)}
        bearer = offered.get("bearer")
        if bearer and bearer.parameters.get("realm"):
            self._service = (self._beside(bearer.parameters["realm"]), bearer.parameters.get("service", ""))
            self._forget(sent, wanted)
            return True
        if self._service and "basic" in offered:
            # Harbor answers so to a token that is too old.
            self._forget(sent, wanted)
            return True
        if "basic" in offered and not sent and self._find(_path(wanted)):
            self._wants_basic = True
            return True
        return False

    def _forget(self, sent: t.Optional[str], wanted: Scopes) -> None:
        with self._lock:
            known = self._tokens.get(wanted)
            # Another thread may have a new one already.
            if known and sent == f"Bearer {known.text}":
                del self._tokens[wanted]

    def _token(self, wanted: Scopes) -> Token:
        with self._lock:
            lock = self._locks.setdefault(wanted, threading.Lock())
        with lock:
            known = self._tokens.get(wanted)
            if known is None or time.monotonic() >= known.until:
                known = self._tokens[wanted] = self._fetched(wanted)
            return known

    def _fetched(self, wanted: Scopes) -> Token:
        realm, service = self._service or ("", "")
        credential = self._find(_path(wanted))
        asked = time.monotonic()
        where = f"token service of {self._host}"
        if credential and credential.identity_token:
            form = {"grant_type": "refresh_token", "service": service, "scope": " ".join(wanted), "client_id": _CLIENT}
            body = urllib.parse.urlencode({**form, "refresh_token": credential.identity_token}).encode()
            status, answer = self._send("POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, body)
        else:
            query = urllib.parse.urlencode([*([("service", service)] if service else []), *(("scope", scope) for scope in wanted)])
            headers = {"Authorization": credential.basic} if credential else {}
            status, answer = self._send("GET", f"{realm}{'&' if '?' in realm else '?'}{query}", headers, None)
        if status in (401, 403):
            raise _errors.RegistryError(_refused(credential), where, "Check user name and password.")
        if status != 200:
            raise _errors.RegistryError(f"it answered with HTTP status {status}", where)
        return token(answer, asked, where)


def _refused(credential: t.Optional[Credential]) -> str:
    if credential is None:
        return "it gives nothing to who has no credentials"
    return f"it does not accept the credentials of {credential.username or 'the identity token'}"


def _path(wanted: Scopes) -> str:
    """The repository that a request is about; for one about two, the one that is written to."""
    writing = [scope for scope in wanted if scope.endswith("push")] or list(wanted)
    return writing[0].split(":")[1] if writing else ""
