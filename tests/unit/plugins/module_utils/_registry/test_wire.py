# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import errno
import socket
import ssl
import typing as t
from pathlib import Path

import pytest
from urllib3 import exceptions

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._registry import wire
from ansible_collections.podnet.cni.plugins.module_utils._registry.wire import HostSettings, Wire

#: Errors only show it.
POOL: t.Any = None
BASE = "https://harbor.x:8443/v2/p/blobs/uploads/"


def ours(*settings: HostSettings) -> Wire:
    return Wire(settings, 2, 1.0)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/v2/p/blobs/uploads/1?state=x", "https://harbor.x:8443/v2/p/blobs/uploads/1?state=x"),
        ("1?state=x", "https://harbor.x:8443/v2/p/blobs/uploads/1?state=x"),
        ("https://harbor.x:8443/1", "https://harbor.x:8443/1"),
        ("https://storage.y/1?sig=x", "https://storage.y/1?sig=x"),
        ("http://harbor.x/1?state=x", "https://harbor.x:8443/1?state=x"),
        ("http://harbor.x:8443/1", "https://harbor.x:8443/1"),
        ("//storage.y/1", "https://storage.y/1"),
        ("http://plain.z:5000/1", "http://plain.z:5000/1"),
    ],
)
def test_where_a_location_leads(location: str, leads_to: str) -> None:
    assert ours(HostSettings("plain.z:5000", plain_http=True)).beside(BASE, location) == leads_to


@pytest.mark.parametrize(
    ("location", "told"), [("http://storage.y/1?sig=secret", "is without TLS"), ("ftp://x/1?sig=secret", "no web address")]
)
def test_where_a_location_may_not_lead(location: str, told: str) -> None:
    with pytest.raises(_errors.RegistryError, match=told) as failure:
        ours().beside(BASE, location)
    assert "secret" not in str(failure.value)


def test_a_url_is_shown_without_what_may_be_secret() -> None:
    assert wire.shown("https://user:secret@x:1/path?sig=secret#secret") == "https://x:1/path"


def test_hosts_speak_tls_unless_it_is_said() -> None:
    settings = HostSettings("plain.z:5000", plain_http=True)
    assert [ours(settings).origin(host) for host in ("plain.z:5000", "plain.z")] == ["http://plain.z:5000", "https://plain.z"]


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_ca_file_that_cannot_be_used(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(_errors.BadInputError, match=r"CA file of x: .* cannot be used"):
        ours(HostSettings("x", ca_file=str(file))).send("GET", "https://x/", {})


def unconnected(cause: OSError) -> Exception:
    error = exceptions.NewConnectionError(POOL, "")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "told", "transient"),
    [
        (exceptions.ProtocolError("x", ConnectionResetError()), "the connection broke", True),
        (exceptions.IncompleteRead(1, 2), "ended too early", True),
        (exceptions.ReadTimeoutError(POOL, "", ""), "no answer in time", True),
        (TimeoutError(), "no answer in time", True),
        (unconnected(OSError(errno.ECONNREFUSED, "")), "nothing listens there", True),
        (unconnected(socket.gaierror(socket.EAI_NONAME, "")), "no host of that name", False),
        (unconnected(socket.gaierror(socket.EAI_AGAIN, "")), "the connection broke", True),
        (exceptions.SSLError(ssl.SSLCertVerificationError(1, "x")), "its certificate is not accepted", False),
        (exceptions.SSLError(ssl.SSLEOFError(8, "x")), "the connection broke", True),
    ],
)
def test_failures_in_words(monkeypatch: pytest.MonkeyPatch, error: Exception, told: str, transient: bool) -> None:
    class Broken:
        def urlopen(self, *_arguments: object, **_options: object) -> None:
            raise error

    monkeypatch.setattr(Wire, "_made", lambda *_arguments: Broken())
    with pytest.raises(_errors.RegistryError, match=told) as failure:
        ours().send("GET", "https://x/", {})
    assert isinstance(failure.value, wire.TransientError) == transient


@pytest.mark.parametrize(
    ("environment", "proxy"),
    [
        ({}, None),
        ({"https_proxy": "http://proxy:3128"}, "http://proxy:3128"),
        ({"https_proxy": "http://proxy:3128", "no_proxy": "harbor.x"}, None),
        ({"http_proxy": "http://proxy:3128"}, None),
    ],
)
def test_a_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], proxy: str | None) -> None:
    for name in ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    manager = ours()._made("https", "harbor.x")  # noqa: SLF001  # what is made of the environment
    assert (manager.proxy.url if manager.proxy else None) == proxy
