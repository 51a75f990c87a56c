# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import time
import typing as t
from urllib.parse import parse_qs, urlsplit

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._registry import auth
from ansible_collections.podnet.cni.plugins.module_utils._registry.auth import Challenge
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential

BEARER = 'Bearer realm="https://r/token",service="s",scope="repository:a:pull,push"'
SCOPES = auth.scopes(("a/b", "pull"))
HUNTER = Credential("ann", "hunter2")


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ('Basic realm="harbor"', [Challenge("basic", {"realm": "harbor"})]),
        (
            BEARER,
            [Challenge("bearer", {"realm": "https://r/token", "service": "s", "scope": "repository:a:pull,push"})],
        ),
        (f'Basic realm="x, y", {BEARER}', [Challenge("basic", {"realm": "x, y"}), auth.challenges(BEARER)[0]]),
        (f"Negotiate, {BEARER}", [Challenge("negotiate", {}), auth.challenges(BEARER)[0]]),
        ("bearer REALM=https://r/t , service = s", [Challenge("bearer", {"realm": "https://r/t", "service": "s"})]),
        (r'Basic realm="a \"b\""', [Challenge("basic", {"realm": 'a "b"'})]),
        (",,", []),
    ],
)
def test_challenges(header: str, found: list[Challenge]) -> None:
    assert list(auth.challenges(header)) == found


@pytest.mark.parametrize(
    ("answer", "life"),
    [
        ({"token": "x", "expires_in": 100}, 80),
        ({"access_token": "x", "expires_in": 10}, 8),
        ({"token": "x"}, 48),
        ({"token": "x", "expires_in": None}, 48),
    ],
)
def test_tokens_are_replaced_before_they_end(answer: dict[str, t.Any], life: float) -> None:
    assert auth.token(json.dumps(answer).encode(), 1000.0, "here") == auth.Token("x", 1000.0 + life)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"token": ""}', b'{"token": "secret", "expires_in": "long"}'])
def test_an_answer_without_a_token_is_not_told(body: bytes) -> None:
    with pytest.raises(_errors.RegistryError, match="holds no token") as failure:
        auth.token(body, 0.0, "here")
    assert "secret" not in str(failure.value)


class Service:
    """What a token service was asked; its tokens are numbered."""

    def __init__(self, status: int = 200, life: float = 60) -> None:
        self.asked: list[tuple[str, str, t.Mapping[str, str], bytes | None]] = []
        self._status, self._life = status, life

    def __call__(self, method: str, url: str, headers: t.Mapping[str, str], body: bytes | None) -> tuple[int, bytes]:
        self.asked.append((method, url, headers, body))
        return self._status, json.dumps({"token": f"t{len(self.asked)}", "expires_in": self._life}).encode()


def authority(service: Service, credential: Credential | None = HUNTER) -> auth.Authority:
    return auth.Authority("registry", lambda _path: credential, service, lambda url: url)


def test_nothing_is_said_before_it_is_asked() -> None:
    assert authority(Service()).header(SCOPES) is None


def test_a_token_is_asked_for_once_for_its_scopes() -> None:
    service = Service()
    ours = authority(service)
    assert ours.learn(BEARER, None, SCOPES)
    both = auth.scopes(("z", "pull,push"), ("a/b", "pull"))
    assert [ours.header(SCOPES), ours.header(SCOPES), ours.header(both), ours.header(SCOPES)] == [
        "Bearer t1",
        "Bearer t1",
        "Bearer t2",
        "Bearer t1",
    ]
    method, url, headers, _ = service.asked[1]
    assert (method, headers) == ("GET", {"Authorization": HUNTER.basic})
    assert parse_qs(urlsplit(url).query) == {"service": ["s"], "scope": ["repository:a/b:pull", "repository:z:pull,push"]}


def test_a_basic_challenge_after_a_token_means_a_new_token() -> None:
    ours = authority(Service())
    ours.learn(BEARER, None, SCOPES)
    first = ours.header(SCOPES)
    assert ours.learn('Basic realm="harbor"', first, SCOPES)
    assert ours.header(SCOPES) == "Bearer t2"
    assert ours.learn('Basic realm="harbor"', first, SCOPES), "another thread's request, still with the first"
    assert ours.header(SCOPES) == "Bearer t2"


def test_a_token_is_renewed_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = authority(Service(life=100))
    ours.learn(BEARER, None, SCOPES)
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    assert ours.header(SCOPES) == "Bearer t1"
    monkeypatch.setattr(time, "monotonic", lambda: now + 79)
    assert ours.header(SCOPES) == "Bearer t1"
    monkeypatch.setattr(time, "monotonic", lambda: now + 81)
    assert ours.header(SCOPES) == "Bearer t2"


def test_basic() -> None:
    ours = authority(Service())
    assert ours.learn('Basic realm="x"', None, SCOPES)
    assert ours.header(SCOPES) == HUNTER.basic
    assert not ours.learn('Basic realm="x"', HUNTER.basic, SCOPES), "that password is wrong"
    assert not authority(Service(), None).learn('Basic realm="x"', None, SCOPES), "there is none"


@pytest.mark.parametrize("header", ["", "Bearer", "Negotiate"])
def test_a_challenge_that_leads_nowhere(header: str) -> None:
    assert not authority(Service()).learn(header, None, SCOPES)


def test_an_identity_token_is_sent_in_the_body_alone() -> None:
    service = Service()
    ours = authority(service, Credential("", "", "the-refresh-token"))
    ours.learn(BEARER, None, SCOPES)
    assert ours.header(SCOPES) == "Bearer t1"
    method, url, headers, body = service.asked[0]
    assert (method, url) == ("POST", "https://r/token")
    assert "the-refresh-token" not in str(headers)
    assert parse_qs((body or b"").decode())["refresh_token"] == ["the-refresh-token"]


@pytest.mark.parametrize(("status", "told"), [(401, "does not accept the credentials of ann"), (403, "ann"), (404, "status 404")])
def test_a_service_that_refuses(status: int, told: str) -> None:
    ours = authority(Service(status))
    ours.learn(BEARER, None, SCOPES)
    with pytest.raises(_errors.RegistryError, match=told) as failure:
        ours.header(SCOPES)
    assert "hunter2" not in str(failure.value)


def test_secrets_are_in_no_representation() -> None:
    assert "hunter2" not in repr(HUNTER)
    assert "t0k3n" not in repr(auth.Token("t0k3n"))
