# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests to one registry: with who one is, as many at a time as it bears, and again when that may help.

Private: may change at any time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import threading
import time
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import content, reference
from ansible_collections.podnet.cni.plugins.module_utils._registry import auth, limits
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Keyring
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import LIBRARY_ERRORS, Response, TransientError, Wire, failed

_HUB = "registry-1.docker.io"
#: Too much or too slow for now. What a registry cannot do it says with 501.
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_OVERLOAD = {429, 503}
#: Bytes of an answer that is not a blob.
_LARGEST_ANSWER = content.LARGEST_MANIFEST
_SHOWN = 300


@dataclasses.dataclass(frozen=True)
class Answer:
    """A registry's answer, read to its end."""

    status: int
    headers: t.Mapping[str, str]
    body: bytes
    #: Where it came from, without a query.
    url: str


class AnswerError(_errors.RegistryError):
    """The registry refused, with this HTTP status and these codes of its own."""

    def __init__(self, what: str, where: str, next_step: str, status: int, codes: t.FrozenSet[str]) -> None:
        super().__init__(what, where, next_step)
        self.status = status
        self.codes = codes


#: What a status means at a registry, and what to do. The registry's own words come first.
_MEANINGS: t.Mapping[int, t.Tuple[str, str]] = {
    400: ("the registry does not take it", "Check the path: Harbor wants a project and a name below it."),
    401: (
        "it wants credentials that it did not get, or the project is not there",
        "Check user name and password, and that the project exists.",
    ),
    403: (
        "that is not allowed",
        "Check the user's rights, the quota, and whether the registry is read-only or a proxy cache.",
    ),
    404: ("it is not there", "Check the reference."),
    405: ("the registry cannot do that", ""),
    412: ("the tag is immutable and has another digest", "Choose another tag, or change the project's rule of immutable tags."),
    413: ("it is too large for the registry", "Raise the limit for bodies of the proxy in front of it."),
}


def called(name: str) -> str:
    """The host that answers for a registry."""
    return _HUB if name == reference.DOCKER_HUB else name


class Host:
    """One registry; may be used by many threads."""

    def __init__(self, name: str, wire: Wire, keyring: Keyring, workers: int, patience: limits.Patience) -> None:
        self.name = name
        self._wire = wire
        self._patience = patience
        self._origin = wire.origin(called(name))
        self.gate = limits.Gate(workers)
        # Whoever stands for a registry does not get what is for that one.
        asked = wire.settings(called(name)).endpoint or name
        self.authority = auth.Authority(asked, lambda path: keyring.find(asked, path), self._ask_service, self._beside)
        self._has_answered = False
        self._is_down = False
        self._is_met = False
        self._meeting = threading.Lock()

    def url(self, path: str) -> str:
        """The URL of ``/v2/...``."""
        return f"{self._origin}/v2/{path}"

    def _beside(self, location: str) -> str:
        return self._wire.beside(self._origin, location)

    def beside(self, answer: Answer) -> str:
        """Where the Location of an answer leads. Raises RegistryError if there is none."""
        location = answer.headers.get("Location")
        if not location:
            raise _errors.RegistryError("it does not say where to upload", self.name)
        return self._wire.beside(answer.url, location)

    # --- Requests ---

    def ask(
        self,
        method: str,
        url: str,
        wanted: auth.Scopes,
        headers: t.Optional[t.Mapping[str, str]] = None,
        *,
        body: t.Optional[bytes] = None,
        ok: t.Collection[int] = (200,),
    ) -> Answer:
        """The answer to a request that can be sent again. Raises AnswerError for a status not in ``ok``, RegistryError."""
        with self.gate.slot():
            return self._patiently(lambda: self._read(self._authorized(method, url, wanted, headers or {}, body), url, ok))

    def send_once(self, url: str, wanted: auth.Scopes, headers: t.Mapping[str, str], body: t.Any, *, ok: t.Collection[int]) -> Answer:
        """The answer to a PUT whose body is read while it is sent. Raises TransientError where it is to be sent anew as a whole."""
        with self.gate.slot():
            self.gate.await_turn()
            return self._once(lambda: self._read(self._authorized("PUT", url, wanted, headers, body), url, ok))

    @contextlib.contextmanager
    def opened(self, url: str, wanted: auth.Scopes, anonymous: bool = False) -> t.Iterator[Response]:
        """The answer with status 200 to a GET, its body still to be read."""
        with self.gate.slot():
            response = self._patiently(lambda: self._checked(self._authorized("GET", url, None if anonymous else wanted, {}, None), url))
            try:
                yield response
            finally:
                # One that was read to its end has given back its connection already; the others' connections are of no use any more.
                response.close()

    def _authorized(self, method: str, url: str, wanted: t.Optional[auth.Scopes], headers: t.Mapping[str, str], body: t.Any) -> Response:
        """The answer to a request with the Authorization that the registry wants; a body that is read on the way is sent but once."""
        if wanted is None:
            return self._sent(method, url, headers, body)
        if not self._is_met:
            # One goes alone and learns what the registry wants of those who ask, or each of the first would be refused once.
            with self._meeting:
                if not self._is_met:
                    response = self._introduced(method, url, wanted, headers, body)
                    self._is_met = True
                    return response
        return self._introduced(method, url, wanted, headers, body)

    def _introduced(self, method: str, url: str, wanted: auth.Scopes, headers: t.Mapping[str, str], body: t.Any) -> Response:
        sent = self.authority.header(wanted)
        response = self._sent(method, url, _with(headers, sent), body)
        if response.status != 401 or not self.authority.learn(response.headers.get("WWW-Authenticate", ""), sent, wanted):
            return response
        _let_go(response)
        if body is not None and not isinstance(body, bytes):
            raise TransientError("the registry's token ended", self.name)
        return self._sent(method, url, _with(headers, self.authority.header(wanted)), body)

    def _sent(self, method: str, url: str, headers: t.Mapping[str, str], body: t.Any) -> Response:
        if method in ("GET", "HEAD"):
            return self._wire.follow(method, url, headers)
        return self._wire.send(method, url, headers, body)

    def _ask_service(self, method: str, url: str, headers: t.Mapping[str, str], body: t.Optional[bytes]) -> t.Tuple[int, bytes]:
        def once() -> Answer:
            return self._read(self._wire.send(method, url, headers, body), url, range(200, 500))

        answer = self._patiently(once)
        return answer.status, answer.body

    # --- Answers ---

    def _read(self, response: Response, url: str, ok: t.Collection[int]) -> Answer:
        try:
            body = response.read(_LARGEST_ANSWER + 1)
            # All there is of nearly all answers; only now does the connection know that it is free.
            rest = response.read(1) if len(body) <= _LARGEST_ANSWER else b"more"
        except LIBRARY_ERRORS as error:
            response.close()
            raise failed(error, self.name) from error
        if rest:
            response.close()
            raise _errors.RegistryError(f"an answer has more than {_LARGEST_ANSWER} bytes", self.name)
        response.release_conn()
        answer = Answer(response.status, response.headers, body, url)
        self._judge(answer, ok)
        return answer

    def _checked(self, response: Response, url: str) -> Response:
        if response.status != 200:
            self._read(response, url, (200,))
        return response

    def _judge(self, answer: Answer, ok: t.Collection[int]) -> None:
        """Raises TransientError or AnswerError for a status that is not among these."""
        if answer.status in _TRANSIENT:
            error = TransientError(_said(answer) or f"it answered with HTTP status {answer.status}", self.name, "Try again later.")
            error.asked = limits.retry_after(answer.headers.get("Retry-After"), time.time())
            error.is_overload = answer.status in _OVERLOAD
            raise error
        if answer.status not in ok:
            raise self._refusal(answer)

    def _refusal(self, answer: Answer) -> AnswerError:
        meaning, advice = _MEANINGS.get(answer.status, (f"it answered with HTTP status {answer.status}", ""))
        said = _said(answer)
        what = f"{meaning} (HTTP status {answer.status}{': ' + said if said else ''})"
        return AnswerError(what, self.name, advice, answer.status, frozenset(code for code, _ in _problems(answer.body)))

    # --- Again ---

    def _patiently(self, once: t.Callable[[], t.Any]) -> t.Any:
        attempt = 1
        while True:
            self.gate.await_turn()
            try:
                return self._once(once)
            except TransientError as error:
                if self.gives_up(error, attempt):
                    raise
                time.sleep(self._patience.pause(attempt, error.asked))
            attempt += 1

    def gives_up(self, error: TransientError, attempt: int) -> bool:
        """Whether after so many attempts there are to be no more. A host that never answered is asked once by all who come later."""
        if attempt >= self._patience.attempts or (error.is_down and self._is_down and not self._has_answered):
            self._is_down = error.is_down
            return True
        return False

    def _once(self, once: t.Callable[[], t.Any]) -> t.Any:
        sent = time.monotonic()
        try:
            result = once()
        except TransientError as error:
            if error.is_overload:
                self.gate.too_much(sent, self._patience.pause(1, error.asked))
            raise
        except AnswerError:
            self._has_answered = True
            raise
        self._has_answered = True
        self.gate.went_well()
        return result


def _with(headers: t.Mapping[str, str], authorization: t.Optional[str]) -> t.Mapping[str, str]:
    return {**headers, "Authorization": authorization} if authorization else headers


def _let_go(response: Response) -> None:
    response.drain_conn()
    response.release_conn()


def _problems(body: bytes) -> t.List[t.Tuple[str, str]]:
    """Code and message of each error in a registry's answer."""
    try:
        errors = json.loads(body)["errors"]
        return [(str(entry.get("code", "")), str(entry.get("message", ""))) for entry in errors]
    except (ValueError, KeyError, TypeError, AttributeError):
        return []


def _said(answer: Answer) -> str:
    """What the registry says about an error, in one line."""
    told = "; ".join(f"{code} {message}".strip() for code, message in _problems(answer.body))
    return " ".join(told.split())[:_SHOWN]
