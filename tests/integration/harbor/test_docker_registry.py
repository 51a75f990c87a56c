# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""The starter of real registries keeps what it promises."""

from __future__ import annotations

import subprocess
from pathlib import Path

import urllib3

from tests.support.docker_registry import DockerRegistry, make_certificate


def test_a_plain_one_answers_and_is_gone_afterwards(tmp_path: Path) -> None:
    with DockerRegistry(tmp_path / "storage") as registry:
        assert urllib3.request("GET", f"{registry.url}/v2/", retries=False).status == 200
        number = registry._process.pid  # noqa: SLF001
    assert subprocess.run(["ps", "-p", str(number)], capture_output=True, check=False).returncode == 1


def test_htpasswd_and_tls(tmp_path: Path) -> None:
    certificate = make_certificate(tmp_path)
    with DockerRegistry(tmp_path / "storage", users={"someone": "a-password"}, certificate=certificate) as registry:
        client = urllib3.PoolManager(ca_certs=str(certificate.path))
        assert client.request("GET", f"{registry.url}/v2/").status == 401
        headers = urllib3.make_headers(basic_auth="someone:a-password")
        assert client.request("GET", f"{registry.url}/v2/", headers=headers).status == 200
