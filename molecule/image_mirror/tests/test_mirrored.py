# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies have the digests of their sources, manifests name them by these, and every node has them."""

from __future__ import annotations

import os
import re
import typing as t
import urllib.request
from pathlib import Path

import pytest
import yaml

from lab import services, settings

testinfra_hosts = ["ansible://k8s_cluster"]
HARBOR = "172.30.0.1:5001"
DIRECTORY = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "images"


@pytest.fixture(scope="module")
def locked() -> list[dict[str, str]]:
    return t.cast("list[dict[str, str]]", yaml.safe_load((DIRECTORY / "images.lock.yml").read_text())["images"])


def digest_upstream(source: str) -> str:
    """As the registry that plays the upstream ones tells."""
    path, _, tag = source.partition("/")[2].rpartition(":")
    url = f"http://{services.upstream(settings.from_environment())}/v2/{path}/manifests/{tag}"
    request = urllib.request.Request(url, method="HEAD", headers={"Accept": "application/vnd.oci.image.manifest.v1+json"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=5) as answer:
        return str(answer.headers["Docker-Content-Digest"])


def test_every_copy_is_its_source(locked: list[dict[str, str]]) -> None:
    assert len(locked) == 7
    assert {entry["digest"] for entry in locked if entry["digest"] != digest_upstream(entry["source"])} == set()
    assert {entry["target"] for entry in locked if entry["target"] != f"{HARBOR}/mirror/{entry['source']}"} == set()


def test_the_manifest_names_copies_by_digest(locked: list[dict[str, str]]) -> None:
    text = (DIRECTORY / "manifests" / "calico.yml").read_text()
    named = re.findall(r"^ *(?:- )?image: *(\S+)$", text, re.MULTILINE)
    assert len(named) >= 4
    assert set(named) <= {f"{entry['target']}@{entry['digest']}" for entry in locked}


def test_every_node_has_the_copies(host: t.Any, locked: list[dict[str, str]]) -> None:
    there = host.check_output("ctr --namespace k8s.io images list --quiet").split()
    wanted = {f"{entry['target'].rpartition(':')[0]}@{entry['digest']}" for entry in locked}
    assert wanted <= set(there)


def test_nodes_ask_harbor_for_upstream_s_images(host: t.Any) -> None:
    for name in ("quay.io", "registry.k8s.io", "docker.io"):
        text = host.file(f"/etc/containerd/certs.d/{name}/hosts.toml").content_string
        assert f'server = "https://{HARBOR}/v2/mirror/{name}"' in text
    assert host.file("/etc/containerd/certs.d/quay.io/hosts.toml").mode == 0o600
