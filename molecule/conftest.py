# SPDX-FileCopyrightText: 2026 The podnet.cni authors
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the scenarios' tests share. They look with the kernel's and the API server's own words, not with the collection's modules."""

from __future__ import annotations

import json
import os
import typing as t

import pytest
from kubernetes import client, config

KUBECONFIG = "/var/lib/podnet-lab/kubeconfig"


@pytest.fixture(scope="session")
def core() -> client.CoreV1Api:
    """The API server, as the lab's administrator."""
    config.load_kube_config(os.environ.get("KUBECONFIG", KUBECONFIG))
    return client.CoreV1Api()


@pytest.fixture(scope="session")
def apps(core: client.CoreV1Api) -> client.AppsV1Api:
    return client.AppsV1Api(core.api_client)


@pytest.fixture(scope="session")
def custom(core: client.CoreV1Api) -> client.CustomObjectsApi:
    return client.CustomObjectsApi(core.api_client)


@pytest.fixture
def links(host: t.Any) -> dict[str, dict[str, t.Any]]:
    """This node's devices by name, as iproute2 tells them."""
    return {link["ifname"]: link for link in json.loads(host.check_output("ip -j -d link show"))}


@pytest.fixture
def firewall(host: t.Any) -> str:
    """All iptables rules of this node, of both backends."""
    return "".join(host.check_output(f"{tool}-save") for tool in ("iptables-legacy", "iptables-nft", "ip6tables-legacy", "ip6tables-nft"))
