# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._harbor.client import Client


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://harbor.local", "harbor.local"), ("http://127.0.0.1:80/", "127.0.0.1:80"), ("https://[::1]:8443", "[::1]:8443")],
)
def test_addresses(url: str, host: str) -> None:
    assert Client(url).host == host


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "no address of a Harbor"),
        ("harbor.local", "no address of a Harbor"),
        ("ftp://harbor.local", "no address of a Harbor"),
        ("https://", "no address of a Harbor"),
        ("https://harbor.local:port", "no address of a Harbor"),
        ("https://[::1", "no address of a Harbor"),
        ("https://harbor.local/api/v2.0", "goes on after the host"),
        ("https://harbor.local?x=y", "goes on after the host"),
        ("https://admin:the-secret@harbor.local", "has a user in it"),
    ],
)
def test_what_is_no_address(url: str, words: str) -> None:
    with pytest.raises(_errors.BadInputError, match=words) as caught:
        Client(url)
    assert "the-secret" not in str(caught.value)


def test_a_file_of_certificates_that_is_not_there() -> None:
    with pytest.raises(_errors.BadInputError, match="there is no such file"):
        Client("https://harbor.local", ca_path="/nowhere/ca.crt")
