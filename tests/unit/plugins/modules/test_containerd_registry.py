# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import tomllib
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils._cni.snapshot import Runtime
from ansible_collections.podnet.cni.plugins.module_utils._errors import BadInputError, NodeError, PodnetError
from ansible_collections.podnet.cni.plugins.module_utils._node import collect, registry_hosts
from ansible_collections.podnet.cni.plugins.modules import containerd_registry

DEFAULTS = {name: option.get("default") for name, option in containerd_registry.SPEC.argument_spec.items()}
DIRECTORY = "/etc/containerd/certs.d"
THEIRS = 'server = "https://quay.io"\n'
CA = "-----BEGIN CERTIFICATE-----\nMII=\n-----END CERTIFICATE-----\n"


def settle(root: Path, check_mode: bool = False, **options: t.Any) -> dict[str, t.Any]:
    given = {**DEFAULTS, "registry": "harbor.example:8443", "project": "mirror", "config_path": DIRECTORY, **options}
    return containerd_registry.settle(given, check_mode, str(root))


def tree(root: Path) -> dict[str, str]:
    top = root / DIRECTORY[1:]
    return {str(path.relative_to(top)): path.read_text() for path in sorted(top.rglob("*")) if path.is_file()}


def put(root: Path, name: str, text: str) -> None:
    path = root / DIRECTORY[1:] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_the_registry_answers_for_its_sources(tmp_path: Path) -> None:
    options = {"sources": ["quay.io", "registry.local:5000"], "ca": CA, "username": "robot$pull", "password": "s3cret"}
    predicted = settle(tmp_path, check_mode=True, **options)
    assert tree(tmp_path) == {}
    result = settle(tmp_path, **options)
    assert result == predicted
    found = tree(tmp_path)
    assert list(found) == [
        "harbor.example_8443_/hosts.toml",
        "harbor.example_8443_/podnet-ca.crt",
        "quay.io/hosts.toml",
        "registry.local_5000_/hosts.toml",
    ]
    own, quay = (tomllib.loads(found[f"{name}/hosts.toml"]) for name in ("harbor.example_8443_", "quay.io"))
    authority = f"{DIRECTORY}/harbor.example_8443_/podnet-ca.crt"
    header = {"authorization": "Basic cm9ib3QkcHVsbDpzM2NyZXQ="}
    for read, server, more in (
        (own, "https://harbor.example:8443", {}),
        (quay, "https://harbor.example:8443/v2/mirror/quay.io", {"override_path": True}),
    ):
        settings = {"capabilities": ["pull", "resolve"], "ca": authority, "header": header, **more}
        # At the top for the server, which is asked last, and in a table, without which older versions of containerd read nothing.
        assert read == {"server": server, **settings, "host": {server: settings}}
    assert found["harbor.example_8443_/podnet-ca.crt"] == CA
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*") if path.is_file()} == {0o600}
    assert settle(tmp_path, **options)["changed"] is False
    shown = json.dumps(result)
    assert "s3cret" not in shown
    assert header["authorization"] not in shown


def test_upstream_as_a_fallback(tmp_path: Path) -> None:
    settle(tmp_path, sources=["docker.io"], keep_upstream=True, username="u", password="p")  # noqa: S106
    read = tomllib.loads(tree(tmp_path)["docker.io/hosts.toml"])
    assert read["server"] == "https://registry-1.docker.io"
    mirror = read["host"]["https://harbor.example:8443/v2/mirror/docker.io"]
    assert (mirror["override_path"], list(mirror["header"])) == (True, ["authorization"])


def test_what_is_not_wanted_any_more_goes(tmp_path: Path) -> None:
    settle(tmp_path, sources=["quay.io", "ghcr.io"], ca=CA)
    put(tmp_path, "example.org/hosts.toml", THEIRS)
    result = settle(tmp_path, sources=["quay.io"])
    assert sorted(result["files"]) == [
        f"{DIRECTORY}/ghcr.io/hosts.toml",
        f"{DIRECTORY}/harbor.example_8443_/hosts.toml",
        f"{DIRECTORY}/harbor.example_8443_/podnet-ca.crt",
        f"{DIRECTORY}/quay.io/hosts.toml",
    ]
    assert list(tree(tmp_path)) == ["example.org/hosts.toml", "harbor.example_8443_/hosts.toml", "quay.io/hosts.toml"]
    assert settle(tmp_path, state="absent")["changed"] is True
    assert list(tree(tmp_path)) == ["example.org/hosts.toml"]


def test_somebody_else_s_file_is_moved_aside_and_comes_back(tmp_path: Path) -> None:
    put(tmp_path, "quay.io/hosts.toml", THEIRS)
    with pytest.raises(BadInputError, match="stands where one of ours would be"):
        settle(tmp_path, sources=["quay.io"])
    assert tree(tmp_path) == {"quay.io/hosts.toml": THEIRS}
    assert settle(tmp_path, sources=["quay.io"], force=True)["changed"] is True
    assert tree(tmp_path)["quay.io/hosts.toml.before-podnet.cni"] == THEIRS
    assert settle(tmp_path, sources=["quay.io"])["changed"] is False
    put(tmp_path, "quay.io/hosts.toml", "somebody was here again")
    with pytest.raises(BadInputError, match="is taken by an earlier one"):
        settle(tmp_path, sources=["quay.io"], force=True)
    put(tmp_path, "quay.io/hosts.toml", "# Written by podnet.cni: long ago\n")
    settle(tmp_path, state="absent")
    assert tree(tmp_path) == {"quay.io/hosts.toml": THEIRS}
    assert settle(tmp_path, state="absent")["changed"] is False


def test_a_run_that_was_killed_is_gone_on_with(tmp_path: Path) -> None:
    """After the other's file was moved aside, and before ours was written."""
    put(tmp_path, "quay.io/hosts.toml.before-podnet.cni", THEIRS)
    settle(tmp_path, sources=["quay.io"])
    assert tree(tmp_path)["quay.io/hosts.toml.before-podnet.cni"] == THEIRS
    settle(tmp_path, state="absent")
    assert tree(tmp_path) == {"quay.io/hosts.toml": THEIRS}


@pytest.mark.parametrize(
    ("found", "kind", "message"),
    [
        (Runtime(problem="no socket"), NodeError, "the container runtime cannot be asked: no socket"),
        (Runtime("cri-o", "1.30"), NodeError, "the container runtime is cri-o"),
        (Runtime("containerd", "1.6"), NodeError, "containerd has no config_path"),
    ],
)
def test_where_there_is_nothing_to_write_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, found: Runtime, kind: type[PodnetError], message: str
) -> None:
    monkeypatch.setattr(collect, "runtime", lambda: found)
    with pytest.raises(kind, match=message):
        settle(tmp_path, config_path=None)


@pytest.mark.parametrize("told", ["/etc/certs", "/etc/certs:/etc/docker/certs.d"])
def test_the_directory_is_containerd_s_own(monkeypatch: pytest.MonkeyPatch, told: str) -> None:
    monkeypatch.setattr(collect, "runtime", lambda: Runtime("containerd", "1.7", registry_dir=told))
    assert registry_hosts.config_path() == "/etc/certs"


def test_sources_need_a_project(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="the project that has the copies is not named"):
        settle(tmp_path, sources=["quay.io"], project=None)
