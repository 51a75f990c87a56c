# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Debian's skopeo, with which our results and times are compared. ``python tests/support/skopeo.py`` installs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

#: It reads no policy of this machine, and asks registries without TLS.
_COPY = ("--insecure-policy", "copy", "--all", "--src-tls-verify=false", "--dest-tls-verify=false", "--quiet")
# Not --scoped: the host of a registry on 127.0.0.1 has a port, which no path may have.
_SYNC = ("--insecure-policy", "sync", "--all", "--src-tls-verify=false", "--dest-tls-verify=false")


def program() -> str:
    """Where it is; empty if it is not."""
    return shutil.which("skopeo") or ""


def copy_argv(source: str, target: str) -> list[str]:
    """Copies an image, named by its transport, with all its platforms."""
    return [program(), *_COPY, source, target]


def sync_argv(listing: str, target: str) -> list[str]:
    """Copies all images that a YAML file lists to below a path of a registry, by the last part of their names."""
    return [program(), *_SYNC, "--src", "yaml", "--dest", "docker", listing, target]


def copy(source: str, target: str) -> None:
    """Copies an image; a failure raises."""
    done = subprocess.run(copy_argv(source, target), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def listing(registry: str, names: t.Iterable[str]) -> str:
    """What `sync` is to copy, from ``path:tag`` each."""
    lines = [f"{registry}:", "  tls-verify: false", "  images:"]
    for name in names:
        path, _, tag = name.partition(":")
        lines += [f"    {path}:", f"      - {tag}"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Installs it from Debian's packages, if it is not there."""
    if program():
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for argv in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "--no-install-recommends", "skopeo"]):
        subprocess.run(argv, env=environment, timeout=600, check=True)


if __name__ == "__main__":
    main()
