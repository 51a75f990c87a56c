# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
import os
import typing as t
from pathlib import Path

import pytest

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._registry import credentials
from ansible_collections.podnet.cni.plugins.module_utils._registry.credentials import Credential, Keyring

HELPER = """#!/bin/sh
read -r server
echo "$server" >> {log}
case $server in
  https://index.docker.io/v1/) echo '{{"Username": "hub", "Secret": "s1"}}' ;;
  helped.example) echo '{{"Username": "<token>", "Secret": "s2"}}' ;;
  broken.example) echo 'the-secret is no JSON' ;;
  *) echo "credentials not found" ; exit 1 ;;
esac
"""


def basic(user: str, *secret: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{''.join(secret) or 'p'}".encode()).decode()}


def keyring(folder: Path, *contents: t.Any) -> Keyring:
    files = []
    for number, content in enumerate(contents):
        files.append(str(folder / f"{number}.json"))
        Path(files[-1]).write_text(content if isinstance(content, str) else json.dumps(content))
    return Keyring({}, files)


@pytest.fixture(name="helper_log")
def _helper_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    program = tmp_path / "bin" / "docker-credential-test"
    program.parent.mkdir()
    program.write_text(HELPER.format(log=tmp_path / "log"))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    return tmp_path / "log"


@pytest.mark.parametrize(
    ("host", "path", "user"),
    [
        ("r.example", "x/y", "registry"),
        ("r.example", "team/app", "team"),
        ("r.example", "team/app/deep", "app"),
        ("r.example", "teams/app/deep", "registry"),
        ("other.example", "x", None),
        ("r.example:5000", "x", "port"),
        ("docker.io", "library/busybox", "hub"),
        ("url.example", "x", "url"),
    ],
)
def test_the_longest_prefix_wins(tmp_path: Path, host: str, path: str, user: str | None) -> None:
    auths = {
        "r.example": basic("registry"),
        "r.example/team": basic("team"),
        "r.example/team/app/deep": basic("app"),
        "r.example:5000": basic("port"),
        "https://index.docker.io/v1/": basic("hub"),
        "https://url.example": {"username": "url", "password": "p"},
    }
    found = keyring(tmp_path, {"auths": auths}).find(host, path)
    assert (found.username if found else None) == user


def test_what_is_given_counts_more_than_files_and_the_first_file_more_than_the_next(tmp_path: Path) -> None:
    files = [{"auths": {"a": basic("first")}}, {"auths": {"a": basic("second"), "b": basic("second")}}]
    ring = keyring(tmp_path, *files)
    assert [ring.find(host, "x") for host in "ab"] == [Credential("first", "p"), Credential("second", "p")]
    assert Keyring({"a": Credential("given", "p")}, [str(tmp_path / "0.json")]).find("a", "x") == Credential("given", "p")


def test_a_password_may_hold_a_colon_and_an_identity_token_wins(tmp_path: Path) -> None:
    auths = {"a": basic("u", "p:q"), "b": {**basic("u"), "identitytoken": "id"}, "c": {}}
    ring = keyring(tmp_path, {"auths": auths})
    assert [ring.find(host, "x") for host in "abc"] == [Credential("u", "p:q"), Credential("", "", "id"), None]


def test_helpers_are_asked_once_by_the_name_that_is_written(tmp_path: Path, helper_log: Path) -> None:
    config = {
        "auths": {"https://index.docker.io/v1/": {}, "unknown.example": {}},
        "credsStore": "test",
        "credHelpers": {"helped.example": "test"},
    }
    ring = keyring(tmp_path, config)
    for _ in range(2):
        assert ring.find("docker.io", "library/busybox") == Credential("hub", "s1")
        assert ring.find("helped.example", "x") == Credential("", "", "s2")
        assert ring.find("unknown.example", "x") is None
    assert helper_log.read_text().split() == ["https://index.docker.io/v1/", "helped.example", "unknown.example"]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"credHelpers": {"broken.example": "test"}}, "does not answer for broken.example"),
        ({"credHelpers": {"broken.example": "nobody-has-it"}}, "does not answer for broken.example"),
        ({"credHelpers": {"broken.example": "../sh"}}, "no name of a credential helper"),
        ({"auths": {"broken.example": {"auth": "the-secret"}}}, "no user and password in base64"),
        ("{", "cannot be read"),
        ("[]", "no JSON object"),
    ],
)
@pytest.mark.usefixtures("helper_log")
def test_what_is_broken_is_told_without_the_secret(tmp_path: Path, config: t.Any, told: str) -> None:
    with pytest.raises(_errors.PodnetError, match=told) as failure:
        keyring(tmp_path, config).find("broken.example", "x")
    assert "the-secret" not in str(failure.value)


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(_errors.BadInputError, match="cannot be read"):
        Keyring({}, [str(tmp_path / "absent.json")])


def test_the_usual_files_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ["explicit.json", "run/containers/auth.json", ".config/containers/auth.json", "docker/config.json"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("{}")
    for variable, value in {"REGISTRY_AUTH_FILE": names[0], "XDG_RUNTIME_DIR": "run", "HOME": ".", "DOCKER_CONFIG": "docker"}.items():
        monkeypatch.setenv(variable, str(tmp_path / value))
    assert credentials.usual_files() == [str(tmp_path / name) for name in names]
    (tmp_path / names[1]).unlink()
    assert str(tmp_path / names[1]) not in credentials.usual_files()
