# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who to be at a registry: what the options say, else the files that docker, podman and skopeo log in with, and their helpers.

Sources: containers-auth.json(5); Docker's credential helpers protocol. Private: may change at any time.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import os
import re
import subprocess
import threading
import typing as t

from ansible_collections.podnet.cni.plugins.module_utils import _errors
from ansible_collections.podnet.cni.plugins.module_utils._images import reference

#: What docker calls Docker Hub in its file.
_HUB_KEYS = ("docker.io", "index.docker.io/v1", "index.docker.io", "registry-1.docker.io")
#: What a helper gives as the user when the secret is a token to get tokens with.
_TOKEN_USER = "<token>"  # noqa: S105  # a user name
_HELPER_SECONDS = 30
_HELPER_NAME = re.compile(r"[\w.-]+")


@dataclasses.dataclass(frozen=True)
class Credential:
    """A user with a password, or a token to get others with (``identity_token``)."""

    username: str = ""
    password: str = dataclasses.field(default="", repr=False)
    identity_token: str = dataclasses.field(default="", repr=False)

    @property
    def basic(self) -> str:
        """The value of an Authorization header."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


class Keyring:
    """The credentials of a call: those given for a host, then those of files, the first file that knows the place wins."""

    def __init__(self, given: t.Optional[t.Mapping[str, Credential]] = None, files: t.Optional[t.Sequence[str]] = None) -> None:
        self._given = dict(given or {})
        self._files = [_read(path, True) for path in files] if files is not None else [_read(path, False) for path in usual_files()]
        self._asked: t.Dict[t.Tuple[str, str], t.Optional[Credential]] = {}
        self._lock = threading.Lock()

    def find(self, host: str, path: str) -> t.Optional[Credential]:
        """The credential for ``host/path``, the longest prefix first; None for nobody. Raises BadInputError, RegistryError."""
        if host in self._given:
            return self._given[host]
        keys = _keys(host, path)
        for content in self._files:
            for key in keys:
                found = self._from(content, key)
                if found is not None:
                    return found
        return None

    def _from(self, content: t.Mapping[str, t.Any], key: str) -> t.Optional[Credential]:
        helper = content["helpers"].get(key)
        if helper:
            return self._helped(helper, content["original"].get(key, key))
        entry = content["auths"].get(key)
        if entry is None:
            return None
        return _credential(entry, key) or self._helped(content["store"], content["original"].get(key, key))

    def _helped(self, helper: str, server: str) -> t.Optional[Credential]:
        if not helper:
            return None
        with self._lock:
            if (helper, server) not in self._asked:
                self._asked[helper, server] = _ask(helper, server)
            return self._asked[helper, server]


def usual_files() -> t.List[str]:
    """The files that podman, skopeo and docker look into, in their order; those that are there."""
    environment = os.environ
    candidates = [
        environment.get("REGISTRY_AUTH_FILE", ""),
        os.path.join(environment["XDG_RUNTIME_DIR"], "containers/auth.json") if environment.get("XDG_RUNTIME_DIR") else "",
        os.path.expanduser("~/.config/containers/auth.json"),
        os.path.join(environment.get("DOCKER_CONFIG") or os.path.expanduser("~/.docker"), "config.json"),
    ]
    return [path for path in candidates if path and os.path.isfile(path)]


def _keys(host: str, path: str) -> t.List[str]:
    """What the credential of an image may be filed under, the longest first."""
    parts = path.split("/")
    prefixes = ["/".join([host, *parts[:count]]) for count in range(len(parts), -1, -1)]
    return prefixes + [key for key in _HUB_KEYS if host == reference.DOCKER_HUB and key not in prefixes]


def _read(path: str, is_named: bool) -> t.Mapping[str, t.Any]:
    where = f"authentication file {path}"
    advice = "Name a file that `podman login` or `docker login` has written."
    try:
        with open(os.path.expanduser(path), encoding="utf-8") as stream:
            data = json.load(stream)
    except (OSError, ValueError) as error:
        if not is_named and isinstance(error, PermissionError):
            return _content({})
        # The text of a JSON error holds nothing of the file.
        raise _errors.BadInputError(f"cannot be read: {error}", where, advice) from error
    if not isinstance(data, dict):
        raise _errors.BadInputError("is no JSON object", where, advice)
    return _content(data)


def _content(data: t.Mapping[str, t.Any]) -> t.Dict[str, t.Any]:
    auths, helpers = data.get("auths") or {}, data.get("credHelpers") or {}
    return {
        "auths": {_plain(key): value for key, value in auths.items()},
        "helpers": {_plain(key): str(value) for key, value in helpers.items()},
        "store": str(data.get("credsStore") or ""),
        # A helper wants the server as it was written, docker's own name for Docker Hub above all.
        "original": {_plain(key): key for key in (*auths, *helpers)},
    }


def _plain(key: str) -> str:
    """docker writes URLs."""
    return key.partition("://")[2].rstrip("/") if "://" in key else key.rstrip("/")


def _credential(entry: t.Any, key: str) -> t.Optional[Credential]:
    """What an entry of the file says; None if it says nothing, as where a helper keeps it."""
    if not isinstance(entry, t.Mapping):
        return None
    if entry.get("identitytoken"):
        return Credential(identity_token=str(entry["identitytoken"]))
    if entry.get("username") and entry.get("password"):
        return Credential(str(entry["username"]), str(entry["password"]))
    if not entry.get("auth"):
        return None
    try:
        user, colon, password = base64.b64decode(str(entry["auth"]), validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        colon = ""
    if not colon:
        raise _errors.BadInputError(f"the entry of {key} is no user and password in base64", "authentication file", "Log in there anew.")
    return Credential(user, password.rstrip("\0"))


def _ask(helper: str, server: str) -> t.Optional[Credential]:
    """What the program docker-credential-HELPER knows; None if it does not know the server."""
    where = f"credential helper docker-credential-{helper}"
    if not _HELPER_NAME.fullmatch(helper):
        raise _errors.BadInputError(f"{helper!r} is no name of a credential helper", "authentication file")
    try:
        done = subprocess.run(
            [f"docker-credential-{helper}", "get"], input=server, capture_output=True, text=True, timeout=_HELPER_SECONDS, check=False
        )
        if done.returncode:
            return None
        answer = json.loads(done.stdout)
        user, secret = str(answer["Username"]), str(answer["Secret"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        # What it printed may be the secret.
        raise _errors.RegistryError(f"it does not answer for {server}: {type(error).__name__}", where, "Try it by hand.") from None
    except subprocess.TimeoutExpired:
        raise _errors.RegistryError(f"it does not answer for {server} within {_HELPER_SECONDS} s", where, "Try it by hand.") from None
    return Credential(identity_token=secret) if user == _TOKEN_USER else Credential(user, secret)
