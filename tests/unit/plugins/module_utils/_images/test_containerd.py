# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What containerd reads about registries. How it is written to a node: tests/unit/plugins/modules/test_containerd_registry.py."""

from __future__ import annotations

import tomllib
import typing as t

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import containerd, naming, reference
from ansible_collections.podnet.cni.plugins.module_utils._images.containerd import Wish

PLAIN = naming.make("harbor.local", "mirror")
MIRROR = "https://harbor.local/v2/mirror/quay.io"
OWN = {"capabilities": ["pull", "resolve"]}
SETTINGS = {**OWN, "override_path": True}
HEADER = {"header": {"authorization": "Basic dTpw"}}


@pytest.mark.parametrize(("host", "directory"), [("quay.io", "quay.io"), ("registry.example:5000", "registry.example_5000_")])
def test_directories(host: str, directory: str) -> None:
    assert containerd.directory(host) == directory


def server_and_table(url: str, settings: dict[str, t.Any]) -> dict[str, t.Any]:
    """At the top for the server, which is asked last, and in a table, without which older versions of containerd take no file."""
    return {"server": url, **settings, "host": {url: settings}}


@pytest.mark.parametrize(
    ("host", "more", "authority", "expected"),
    [
        ("quay.io", {}, "", server_and_table(MIRROR, SETTINGS)),
        ("quay.io", {}, '/etc/x "y".pem', server_and_table(MIRROR, {**SETTINGS, "ca": '/etc/x "y".pem'})),
        ("quay.io", {"scheme": "http"}, "", server_and_table(MIRROR.replace("https", "http"), SETTINGS)),
        ("r.x:5000", {}, "", server_and_table("https://harbor.local/v2/mirror/r.x_5000", SETTINGS)),
        ("quay.io", {"username": "u", "password": "p"}, "", server_and_table(MIRROR, {**SETTINGS, **HEADER})),
        ("harbor.local", {}, "/ca", server_and_table("https://harbor.local", {**OWN, "ca": "/ca"})),
        ("harbor.local", {"keep_upstream": True}, "", server_and_table("https://harbor.local", OWN)),
        ("quay.io", {"keep_upstream": True}, "", {"server": "https://quay.io", "host": {MIRROR: SETTINGS}}),
        (
            "docker.io",
            {"keep_upstream": True, "username": "u", "password": "p"},
            "",
            {"server": "https://registry-1.docker.io", "host": {"https://harbor.local/v2/mirror/docker.io": {**SETTINGS, **HEADER}}},
        ),
    ],
)
def test_hosts_toml(host: str, more: dict[str, t.Any], authority: str, expected: dict[str, t.Any]) -> None:
    assert tomllib.loads(containerd.hosts_toml(host, Wish(PLAIN, **more), authority)) == expected


def test_the_mirror_is_the_place_that_rewriting_names() -> None:
    named = naming.make("harbor.local", "mirror", {"quay.io": "q"})
    place = containerd.mirror_url("quay.io", Wish(named)).replace("https://harbor.local/v2/", "harbor.local/")
    assert f"{place}/calico/node:v3" == str(naming.target(reference.parse("quay.io/calico/node:v3"), named))


def test_one_host_cannot_have_two_places() -> None:
    with pytest.raises(_errors.BadInputError, match="several places"):
        containerd.mirror_url("quay.io", Wish(naming.make("h.x", "p", {"quay.io/calico": "c", "quay.io/calico/node": "n"})))
